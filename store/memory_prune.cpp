#include "store/memory_store.h"

#include <algorithm>
#include <ranges>
#include <unordered_set>

namespace rruled::store {

// For its schedule's sake: a deleted one keeps nothing.
bool MemoryStore::is_kept(std::optional<ScheduleId> id, Timestamp end, Timestamp now) const {
  if (!id) return false;
  const auto it = schedules_.find(*id);
  if (it == schedules_.end()) return false;
  return end >= now - it->second.catchup_window - it->second.retry.max_age;
}

Pruned MemoryStore::prune(const PruneRequest& request, Timestamp now) {
  Pruned pruned;
  if (request.limit == 0) return pruned;
  prune_runs(request, now, pruned);
  prune_gaps(request, now, pruned);
  prune_logs(request, pruned);
  prune_audit(request, now, pruned);
  return pruned;
}

bool MemoryStore::is_counted(const Run& run) const {
  return run.parent_id && is_open_job(RunId{run.parent_id->value});
}

bool MemoryStore::is_open_job(RunId id) const {
  const auto job = jobs_.find(id);
  return job != jobs_.end() && job->second.state != JobState::ended;
}

void MemoryStore::prune_runs(const PruneRequest& request, Timestamp now, Pruned& pruned) {
  std::unordered_set<RunId> gone;
  for (const auto& [finished_at, id] : ended_) {
    if (finished_at >= request.runs_before) break;
    const Run& run = runs_.at(id).run;
    if (is_kept(run.schedule_id, finished_at, now) || is_counted(run) || is_open_job(run.id))
      continue;
    if (gone.size() == request.limit) {
      pruned.more = true;
      break;
    }
    gone.insert(id);
  }
  for (const auto id : gone) {
    const auto it = runs_.find(id);
    const auto& run = it->second.run;
    unindex(run);
    if (const auto occurrence = occurrence_of(run)) occurrences_.erase(*occurrence);
    runs_.erase(it);
  }
  if (!gone.empty())
    std::erase_if(logs_,
                  [&](const auto& line) { return line.run_id && gone.contains(*line.run_id); });
  pruned.runs = gone.size();
}

void MemoryStore::prune_gaps(const PruneRequest& request, Timestamp now, Pruned& pruned) {
  std::set<std::tuple<Instant, ScheduleId, Instant>> oldest;
  for (const auto& [id, rows] : gaps_)
    for (const auto& [from, row] : rows)
      if (row.gap.to < request.runs_before && !is_kept(id, row.gap.to, now))
        oldest.emplace(row.gap.to, id, from);
  for (const auto& [to, id, from] : oldest) {
    if (pruned.gaps == request.limit) {
      pruned.more = true;
      break;
    }
    gaps_[id].erase(from);
    ++pruned.gaps;
  }
}

void MemoryStore::prune_logs(const PruneRequest& request, Pruned& pruned) {
  std::vector<std::pair<Timestamp, std::size_t>> oldest;
  for (std::size_t n = 0; n < logs_.size(); ++n)
    if (logs_[n].timestamp < request.logs_before) oldest.emplace_back(logs_[n].timestamp, n);
  std::sort(oldest.begin(), oldest.end());
  if (oldest.size() > request.limit) {
    oldest.resize(request.limit);
    pruned.more = true;
  }
  std::unordered_set<std::size_t> gone;
  for (const auto& [timestamp, n] : oldest) gone.insert(n);
  std::size_t n = 0;
  std::erase_if(logs_, [&](const auto&) { return gone.contains(n++); });
  pruned.logs = gone.size();
}

void MemoryStore::prune_audit(const PruneRequest& request, Timestamp now, Pruned& pruned) {
  std::size_t looked_at = 0;
  pruned.audit = std::erase_if(audit_, [&](const auto& entry) {
    if (entry.at > now || looked_at == request.limit) return false;
    ++looked_at;
    return entry.at < request.audit_before;
  });
  pruned.more = pruned.more || pruned.audit == request.limit;
}

}  // namespace rruled::store
