#include "store/memory_store.h"
#include "store/run_rules.h"
#include "store/validate.h"

#include <algorithm>

namespace rruled::store {

void MemoryStore::check_epoch(const Claimant& claimant) const {
  if (claim_ttl_) return;
  if (claimant.epoch != claimant_.epoch || claimant.owner != claimant_.owner)
    throw StoreError(StoreError::Kind::fenced,
                     "another daemon took this store over: this one must stop");
}

// ---- Claims that lapse --------------------------------------------------------------------------

Timestamp MemoryStore::lapse_of_claim(Timestamp now) const {
  return claim_ttl_ ? now + *claim_ttl_ : Timestamp::max();
}

// First those that lapsed first. With one daemon at a time: all that are claimed.
std::vector<RunId> MemoryStore::lapsed(Timestamp now) const {
  std::set<Available> found;
  for (const auto id : dispatching_)
    if (const auto until = runs_.at(id).claimed_until; !claim_ttl_ || until <= now)
      found.emplace(until, id);
  std::vector<RunId> ids;
  for (const auto& [until, id] : found) ids.push_back(id);
  return ids;
}

void MemoryStore::interrupt(RunId id, Timestamp now) {
  auto& row = runs_.at(id);
  row.attempts.push_back({.run_id = id,
                          .number = row.run.attempts,
                          .started_at = row.claimed_at,
                          .finished_at = now,
                          .outcome = "interrupted",
                          .status_code = {},
                          .error = {}});
  change(row, [&](Run& run) {
    run.status = RunStatus::retrying;
    run.reason.clear();
    run.available_at = now;
    if (!run.started_at) run.started_at = row.claimed_at;
  });
}

std::vector<HeldClaim> MemoryStore::extend(const Claimant& claimant, Timestamp now) {
  check_epoch(claimant);
  std::vector<HeldClaim> claims;
  for (const auto id : dispatching_) {
    auto& row = runs_.at(id);
    if (row.run.owner != claimant.owner) continue;
    row.claimed_until = lapse_of_claim(now);
    claims.push_back({id, row.run.fence});
  }
  return claims;
}

std::size_t MemoryStore::recover(std::size_t limit, Timestamp now) {
  if (!claim_ttl_) return 0;
  auto left = lapsed(now);
  if (left.size() > limit) left.resize(limit);
  for (const auto id : left) interrupt(id, now);
  if (!left.empty()) saw(now);
  return left.size();
}

std::optional<Timestamp> MemoryStore::clock() { return std::nullopt; }

std::string MemoryStore::zones_version() { return zones_version_; }

void MemoryStore::set_zones_version(const std::string& version) { zones_version_ = version; }

// ---- Claiming -----------------------------------------------------------------------------------

// The first run of each project, then the second of each, .., until the limit is reached.
std::set<MemoryStore::Available> MemoryStore::fair_share(const ClaimRequest& request,
                                                         Timestamp now) const {
  std::set<std::pair<std::size_t, Available>> by_turn;
  if (const auto it = claimable_.find(request.executor); it != claimable_.end())
    for (const auto& [project, runs] : it->second) {
      std::size_t turn = 0;  // of a project, more than the limit never matter
      for (auto run = runs.begin(); run != runs.end() && run->first <= now; ++run) {
        by_turn.emplace(turn, *run);
        if (++turn == request.limit) break;
      }
    }
  std::set<Available> share;
  for (const auto& [turn, run] : by_turn) {
    if (share.size() == request.limit) break;
    share.insert(run);
  }
  return share;
}

ClaimResult MemoryStore::claim(const ClaimRequest& request, Timestamp now) {
  check_epoch(request.claimant);
  ClaimResult result;
  for (const auto& [available_at, id] : fair_share(request, now)) {
    auto& row = runs_.at(id);
    change(row, [&](Run& run) {
      run.status = RunStatus::dispatching;
      run.attempts += 1;
      run.owner = request.claimant.owner;
      run.fence += 1;
    });
    row.claimed_at = now;
    row.claimed_until = lapse_of_claim(now);
    saw(now);
    result.runs.push_back(row.run);
  }
  for (const auto& [project, runs] : claimable_[request.executor])
    if (!runs.empty())
      result.next_available =
          std::min(result.next_available.value_or(Timestamp::max()), runs.begin()->first);
  return result;
}

// ---- Ends ---------------------------------------------------------------------------------------

void MemoryStore::check_flows(const std::vector<Finish>& batch) const {
  for (const auto& finish : batch)
    if (const auto it = runs_.find(finish.run_id); it != runs_.end())
      validate_flow(finish, it->second.run.flow_id);
}

std::vector<FinishResult> MemoryStore::finish(const std::vector<Finish>& batch,
                                              const Claimant& claimant,
                                              Timestamp now) {
  validate(batch);
  check_epoch(claimant);
  check_flows(batch);
  std::vector<FinishResult> results;
  results.reserve(batch.size());
  for (const auto& finish : batch) results.push_back(finish_one(finish, claimant, now));
  return results;
}

FinishResult MemoryStore::finish_one(const Finish& finish,
                                     const Claimant& claimant,
                                     Timestamp now) {
  const auto it = runs_.find(finish.run_id);
  if (it == runs_.end()) return {.written = false};
  auto& row = it->second;
  const HeldRun held{row.run.status, row.run.owner, row.run.fence, row.released,
                     row.run.cancel_reason};
  auto judged = judge_end(held, finish, claimant, now);
  if (!judged.write) return judged.result;
  const RunEnd& end = *judged.write;
  change(row, [&](Run& run) {
    run.status = end.status;
    run.reason = end.reason;
    run.error = finish.attempt.error;
    run.available_at = end.available_at;
    run.finished_at = end.finished_at;
    if (!finish.sent) run.attempts -= 1;
    if (!run.started_at && finish.sent) run.started_at = finish.attempt.started_at;
    if (!finish.remote_id.empty()) run.remote_id = finish.remote_id;
  });
  std::erase_if(row.attempts, [&](const auto& a) { return a.number == finish.attempt.number; });
  if (finish.sent) row.attempts.push_back(finish.attempt);
  logs_.insert(logs_.end(), finish.logs.begin(), finish.logs.end());
  saw(now);
  if (is_final(end.status)) judged.result.released = release_after(row, now);
  return judged.result;
}

void MemoryStore::hand_back(const std::vector<HandBack>& batch, const Claimant& claimant) {
  check_epoch(claimant);
  for (const auto& each : batch) {
    const auto it = runs_.find(each.run_id);
    if (it == runs_.end()) continue;
    const auto& held = it->second.run;
    if (held.status != RunStatus::dispatching || held.owner != claimant.owner ||
        held.fence != each.fence)
      continue;
    change(it->second, [](Run& run) {
      run.attempts -= 1;
      run.status = run.attempts == 0 ? RunStatus::pending : RunStatus::retrying;
      if (!run.available_at) run.available_at = run.due_at;
    });
  }
}

}  // namespace rruled::store
