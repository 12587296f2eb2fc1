#include "store/memory_store.h"

namespace rruled::store {

CancelResult MemoryStore::cancel_run(RunId id, const std::string& reason, Timestamp now) {
  const auto found = runs_.find(id);
  if (found == runs_.end()) return CancelResult::missing;
  RunRow& row = found->second;
  const RunStatus status = row.run.status;
  if (is_final(status)) return CancelResult::ended;
  if (status != RunStatus::waiting && !is_claimable(status)) return CancelResult::under_way;
  change(row, [&](Run& run) {
    run.status = RunStatus::cancelled;
    run.reason = reason;
    run.available_at.reset();
    run.finished_at = now;
  });
  if (row.run.schedule_id && holds_slot(status)) {
    const auto schedule = schedules_.find(*row.run.schedule_id);
    const int max_running = schedule == schedules_.end() ? 1 : schedule->second.max_running;
    // The daemon claims what was released once it sees that runs were added.
    if (release_one(*row.run.schedule_id, static_cast<std::size_t>(max_running), now))
      runs_revision_ = ++revision_;
  }
  return CancelResult::cancelled;
}

}  // namespace rruled::store
