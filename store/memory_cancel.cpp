#include "store/memory_store.h"
#include "store/run_desk.h"

namespace rruled::store {

CancelResult MemoryStore::cancel_run(RunId id, const std::string& reason, Timestamp now) {
  const auto found = runs_.find(id);
  if (found == runs_.end()) return CancelResult::missing;
  RunRow& row = found->second;
  const RunStatus status = row.run.status;
  if (is_final(status)) return CancelResult::ended;
  if (status != RunStatus::waiting && !is_claimable(status)) {
    const auto job = jobs_.find(id);
    if (job != jobs_.end() && job->second.state != JobState::ended) return CancelResult::under_way;
    return ask_to_cancel(id, reason, now) ? CancelResult::asked : CancelResult::under_way;
  }
  change(row, [&](Run& run) {
    run.status = RunStatus::cancelled;
    run.reason = reason;
    run.available_at.reset();
    run.finished_at = now;
  });
  // The daemon claims what was released once it sees that runs were added.
  if (holds_slot(status) && release_after(row, now)) runs_revision_ = ++revision_;
  return CancelResult::cancelled;
}

bool MemoryStore::ask_to_cancel(RunId id, const std::string& reason, Timestamp now) {
  const auto found = runs_.find(id);
  if (found == runs_.end()) return false;
  RunRow& row = found->second;
  const bool tracked = is_tracked(row.run);
  if (!tracked && row.run.status != RunStatus::dispatching) return false;
  change(row, [&](Run& run) {
    if (run.cancel_reason.empty()) run.cancel_reason = reason;
    if (tracked) run.available_at = now;
  });
  row.cancel_revision = ++revision_;
  return true;
}

}  // namespace rruled::store
