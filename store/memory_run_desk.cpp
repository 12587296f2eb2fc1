#include "store/memory_run_desk.h"

#include "store/validate.h"

namespace rruled::store {

std::unique_ptr<RunDesk> MemoryStore::run_desk() { return std::make_unique<MemoryRunDesk>(*this); }

std::vector<TrackedRun> MemoryRunDesk::take_tracked(const TakeTracked& request, Timestamp now) {
  std::vector<RunId> due;
  for (const auto& [available_at, id] : store_.tracked_[request.executor]) {
    if (available_at > now || due.size() == request.limit) break;
    due.push_back(id);
  }
  std::vector<TrackedRun> taken;
  for (const auto id : due) {
    auto& row = store_.runs_.at(id);
    store_.change(
        row, [&](Run& run) { run.available_at = next_question(request, row.claimed_at, now); });
    taken.push_back({row.run, row.claimed_at});
  }
  return taken;
}

EndedTracked MemoryRunDesk::end_tracked(const EndTracked& end, Timestamp now) {
  validate(end);
  const auto found = store_.runs_.find(end.run_id);
  if (found == store_.runs_.end()) return {};
  auto& row = found->second;
  if (row.run.fence != end.fence || row.run.remote_id.empty()) return {};
  if (row.run.status == end.status) return {true, row.released, row.run};
  if (!is_tracked(row.run)) return {};
  store_.change(row, [&](Run& run) {
    run.status = end.status;
    run.reason = end.reason;
    run.error = end.error;
    run.available_at.reset();
    run.finished_at = now;
  });
  store_.logs_.insert(store_.logs_.end(), end.logs.begin(), end.logs.end());
  store_.saw(now);
  // The daemon claims what was released once it sees that runs were added.
  if (store_.release_after(row, now)) store_.runs_revision_ = ++store_.revision_;
  return {true, row.released, row.run};
}

bool MemoryRunDesk::ask_to_cancel(RunId id, const std::string& reason, Timestamp now) {
  return store_.ask_to_cancel(id, reason, now);
}

std::vector<Run> MemoryRunDesk::expire_runs(const ExpireRuns& request, Timestamp now) {
  std::vector<RunId> old;
  const auto look_at = [&](const auto& runs) {
    for (const auto& [available_at, id] : runs) {
      Run run = store_.runs_.at(id).run;
      if (old.size() < request.limit && expire(run, request, now)) old.push_back(id);
    }
  };
  for (const auto& [executor, projects] : store_.claimable_)
    for (const auto& [project, runs] : projects) look_at(runs);
  for (const auto& [executor, runs] : store_.tracked_) look_at(runs);
  std::vector<Run> ended;
  for (const auto id : old) {
    auto& row = store_.runs_.at(id);
    store_.change(row, [&](Run& run) { (void)expire(run, request, now); });
    store_.logs_.push_back(expired_line(row.run, now));
    if (store_.release_after(row, now)) store_.runs_revision_ = ++store_.revision_;
    ended.push_back(row.run);
  }
  if (!ended.empty()) store_.saw(now);
  return ended;
}

bool MemoryRunDesk::correct_waits(const std::vector<std::string>& executors, Timestamp now) {
  std::vector<std::pair<RunId, Timestamp>> ahead;
  const auto look_at = [&](const auto& runs) {
    for (const auto& [available_at, id] : runs) {
      const auto latest = latest_wait(store_.runs_.at(id).run, now);
      if (available_at > latest) ahead.emplace_back(id, latest);
    }
  };
  for (const auto& executor : executors) {
    if (const auto claimable = store_.claimable_.find(executor);
        claimable != store_.claimable_.end())
      for (const auto& [project, runs] : claimable->second) look_at(runs);
    if (const auto tracked = store_.tracked_.find(executor); tracked != store_.tracked_.end())
      look_at(tracked->second);
  }
  for (const auto& [id, latest] : ahead)
    store_.change(store_.runs_.at(id), [&](Run& run) { run.available_at = latest; });
  if (const auto ttl = store_.claim_ttl_; ttl && !executors.empty())
    for (const auto id : store_.dispatching_) {
      auto& until = store_.runs_.at(id).claimed_until;
      if (until > now + std::max(kClaimAheadMax, *ttl)) until = now + *ttl;
    }
  return !ahead.empty();
}

std::size_t MemoryRunDesk::purge_dead(const std::vector<RunId>& ids,
                                      const PurgeLine& line,
                                      Timestamp) {
  std::set<RunId> gone;
  for (const auto id : ids) {
    const auto found = store_.runs_.find(id);
    if (found == store_.runs_.end() || found->second.run.status != RunStatus::dead) continue;
    if (!store_.is_counted(found->second.run) && !store_.is_open_job(id)) gone.insert(id);
  }
  remove(gone);
  std::erase_if(store_.logs_,
                [&](const LogEntry& each) { return each.run_id && gone.contains(*each.run_id); });
  if (!gone.empty()) store_.add_audit(line({gone.begin(), gone.end()}));
  return gone.size();
}

}  // namespace rruled::store
