#include "store/memory_store.h"

#include "store/run_desk.h"
#include "store/validate.h"

#include <boost/container_hash/hash.hpp>

#include <algorithm>
#include <tuple>

namespace rruled::store {

std::size_t MemoryStore::OccurrenceHash::operator()(const Occurrence& occurrence) const noexcept {
  auto seed = std::hash<ScheduleId>()(occurrence.first);
  boost::hash_combine(seed, occurrence.second.time_since_epoch().count());
  return seed;
}

// ---- Indexes ------------------------------------------------------------------------------------

void MemoryStore::index(const Run& run) {
  if (is_claimable(run.status))
    claimable_[run.executor][run.project_id].emplace(*run.available_at, run.id);
  if (is_final(run.status)) ended_.emplace(*run.finished_at, run.id);
  if (run.status == RunStatus::dispatching) dispatching_.insert(run.id);
  if (is_tracked(run)) tracked_[run.executor].emplace(*run.available_at, run.id);
  if (run.parent_id) ++children_[*run.parent_id][run.status];
  if (!run.schedule_id || is_final(run.status)) return;
  auto& slots = slots_[*run.schedule_id];
  if (holds_slot(run.status))
    slots.holding.emplace(run.id, run.due_at);
  else
    slots.waiting.emplace(run.due_at, run.id);
}

void MemoryStore::unindex(const Run& run) {
  if (is_claimable(run.status))
    claimable_[run.executor][run.project_id].erase({*run.available_at, run.id});
  if (is_final(run.status)) ended_.erase({*run.finished_at, run.id});
  if (run.status == RunStatus::dispatching) dispatching_.erase(run.id);
  if (is_tracked(run)) tracked_[run.executor].erase({*run.available_at, run.id});
  if (run.parent_id) --children_[*run.parent_id][run.status];
  if (!run.schedule_id || is_final(run.status)) return;
  auto& slots = slots_[*run.schedule_id];
  slots.holding.erase(run.id);
  slots.waiting.erase({run.due_at, run.id});
}

void MemoryStore::index(const Schedule& schedule) {
  if (schedule.status == ScheduleStatus::active && schedule.next_due_at)
    due_.insert({*schedule.next_due_at, schedule.id});
}

void MemoryStore::unindex(const Schedule& schedule) {
  if (schedule.next_due_at) due_.erase({*schedule.next_due_at, schedule.id});
}

std::optional<MemoryStore::Occurrence> MemoryStore::occurrence_of(const Run& run) {
  if (run.origin != RunOrigin::schedule || !run.schedule_id || !run.scheduled_for)
    return std::nullopt;
  return Occurrence{*run.schedule_id, *run.scheduled_for};
}

const Run* MemoryStore::stored_run(const Run& run) const {
  if (const auto it = runs_.find(run.id); it != runs_.end()) return &it->second.run;
  const auto occurrence = occurrence_of(run);
  if (!occurrence) return nullptr;
  const auto it = occurrences_.find(*occurrence);
  return it == occurrences_.end() ? nullptr : &runs_.at(it->second).run;
}

void MemoryStore::add_run(Run run, Timestamp now) {
  if (is_claimable(run.status) && !run.available_at) run.available_at = run.due_at;
  index(run);
  if (const auto occurrence = occurrence_of(run)) occurrences_.emplace(*occurrence, run.id);
  const auto id = run.id;
  runs_.emplace(id, RunRow{.run = std::move(run),
                           .claimed_at = now,
                           .claimed_until = lapse_of_claim(now),
                           .attempts = {}});
}

void MemoryStore::add_gap(const Gap& gap) {
  gaps_[gap.schedule_id].insert_or_assign(gap.from,
                                          KeptGap{gap, schedules_.at(gap.schedule_id).flow_id});
}

// ---- Sessions -----------------------------------------------------------------------------------

Session MemoryStore::begin_session(OwnerId owner, Timestamp now) {
  Session session;
  session.high_water = high_water_;
  claimant_ = {owner, claimant_.epoch + 1};
  saw(now);
  const auto left = lapsed(now);
  for (const auto id : left) interrupt(id, now);
  session.recovered = left.size();
  session.claimant = claimant_;
  session.revision = revision_;
  session.claim_ttl = claim_ttl_;
  return session;
}

DueSchedule MemoryStore::due_schedule(const Schedule& schedule) const {
  const auto& flow = flows_.at(schedule.flow_id);
  const auto days = calendars_.find({schedule.project_id, schedule.calendar});
  return {.schedule = schedule,
          .flow_name = flow.name,
          .flow_status = flow.status,
          .flow_version = flow.version,
          .trigger_type = flow.trigger_type,
          .flow_variables = flow.variables,
          .calendar_days = days == calendars_.end()
                               ? nullptr
                               : std::make_shared<const std::string>(days->second.days),
          .project = project(schedule.project_id)};
}

std::vector<DueSchedule> MemoryStore::load_due(std::optional<DueCursor> after,
                                               Timestamp before,
                                               std::size_t limit) {
  std::vector<DueSchedule> found;
  for (auto it = after ? due_.upper_bound(*after) : due_.begin(); it != due_.end(); ++it) {
    if (it->due >= before || found.size() == limit) break;
    found.push_back(due_schedule(schedules_.at(it->id)));
  }
  return found;
}

// ---- Settling -----------------------------------------------------------------------------------

void MemoryStore::check_flows(const std::vector<Settlement>& batch) const {
  for (const auto& settlement : batch)
    if (const auto it = schedules_.find(settlement.schedule_id); it != schedules_.end())
      validate_flow(settlement, it->second.flow_id);
}

std::vector<SettleResult> MemoryStore::settle(std::vector<Settlement> batch,
                                              const Claimant& claimant,
                                              Timestamp now) {
  validate(batch);
  check_epoch(claimant);
  check_flows(batch);
  std::vector<SettleResult> results;
  results.reserve(batch.size());
  for (auto& settlement : batch) results.push_back(settle_one(settlement, claimant, now));
  return results;
}

SettleResult MemoryStore::settle_one(Settlement& settlement,
                                     const Claimant& claimant,
                                     Timestamp now) {
  SettleResult result;
  const auto it = schedules_.find(settlement.schedule_id);
  if (it == schedules_.end()) {
    result.kind = SettleResult::Kind::gone;
    return result;
  }
  auto& schedule = it->second;
  if (schedule.status != ScheduleStatus::active || schedule.version != settlement.version ||
      schedule.next_run_at != settlement.next_run_at) {
    result.kind = SettleResult::Kind::moved;
    result.current = due_schedule(schedule);
    return result;
  }
  if (settlement.next_due_at > now) {
    result.kind = SettleResult::Kind::not_yet;
    result.remaining = settlement.next_due_at - now;
    return result;
  }
  for (auto& run : settlement.runs) {
    if (stored_run(run) != nullptr)
      ++result.duplicates;
    else
      place(settlement, run, claimant, now, result);
  }
  // A run that waits for nobody would wait for ever.
  if (slots_[schedule.id].holding.empty()) result.released = release_one(schedule.id, 1, now);
  for (const auto& gap : settlement.gaps) add_gap(gap);
  logs_.insert(logs_.end(), settlement.logs.begin(), settlement.logs.end());
  move_on(schedule, settlement);
  saw(now);
  return result;
}

void MemoryStore::place(const Settlement& settlement,
                        Run& run,
                        const Claimant& claimant,
                        Timestamp now,
                        SettleResult& result) {
  if (run.status != RunStatus::waiting && run.status != RunStatus::skipped) {
    const auto& slots = slots_[settlement.schedule_id];
    const auto decision = decide_overlap(
        settlement.overlap, {slots.holding.size(), slots.waiting.size()}, settlement.max_running);
    if (decision == OverlapDecision::cancel) {
      result.cancel = cancel_unsent(settlement.schedule_id, RunReason::overlap, now);
      for (const auto id : result.cancel) wish_replaced(id);
      result.tell_claimed();
      if (!result.cancel.empty()) run.status = RunStatus::waiting;
    } else {
      apply(decision, run, now);
    }
  }
  if (run.status == RunStatus::skipped) result.skipped.push_back(run);
  if (run.status == RunStatus::dispatching) {
    run.attempts = 1;
    run.owner = claimant.owner;
    run.fence = 1;
    result.claimed.push_back(run);
  }
  add_run(std::move(run), now);
}

std::vector<RunId> MemoryStore::cancel_unsent(ScheduleId id, RunReason reason, Timestamp now) {
  const Slots live = slots_[id];
  std::vector<RunId> unsent;
  std::vector<RunId> sent;
  for (const auto& [due, run_id] : live.waiting) unsent.push_back(run_id);
  for (const auto& [run_id, due] : live.holding)
    (is_claimable(runs_.at(run_id).run.status) ? unsent : sent).push_back(run_id);
  for (const auto run_id : unsent)
    change(runs_.at(run_id), [&](Run& run) {
      run.status = RunStatus::cancelled;
      run.reason = word(reason);
      run.available_at.reset();
      run.finished_at = now;
    });
  return sent;
}

void MemoryStore::wish_replaced(RunId id) {
  const auto job = jobs_.find(id);
  if (job != jobs_.end() && job->second.state != JobState::ended) {
    job->second.ending = RunStatus::cancelled;
    job->second.reason = word(RunReason::overlap);
    return;
  }
  change(runs_.at(id), [](Run& run) {
    if (run.cancel_reason.empty()) run.cancel_reason = word(RunReason::overlap);
  });
}

void MemoryStore::move_on(Schedule& schedule, const Settlement& settlement) {
  unindex(schedule);
  if (settlement.settled_to &&
      (!schedule.settled_to || *settlement.settled_to > *schedule.settled_to)) {
    schedule.settled_to = settlement.settled_to;
    schedule.settled_wall = settlement.settled_wall;
  }
  schedule.next_run_at = settlement.then_run_at;
  schedule.next_due_at = settlement.then_due_at;
  schedule.status = settlement.then_status;
  schedule.status_reason = settlement.then_reason;
  index(schedule);
}

bool MemoryStore::release_after(RunRow& row, Timestamp now) {
  if (!row.run.schedule_id) return false;
  const auto schedule = schedules_.find(*row.run.schedule_id);
  if (schedule == schedules_.end()) return false;
  row.released =
      release_one(schedule->first, static_cast<std::size_t>(schedule->second.max_running), now);
  return row.released;
}

bool MemoryStore::release_one(ScheduleId id, std::size_t max_running, Timestamp now) {
  auto& slots = slots_[id];
  if (slots.waiting.empty()) return false;
  // Where runs overlap, one in turn waits for those before it alone: there may always be others.
  const auto schedule = schedules_.find(id);
  const bool overlaps =
      schedule != schedules_.end() && schedule->second.overlap == OverlapPolicy::allow;
  const auto counts = [&, due = slots.waiting.begin()->first](const auto& each) {
    return !overlaps || each.second < due;
  };
  const auto holding = std::ranges::count_if(slots.holding, counts);
  if (static_cast<std::size_t>(holding) >= max_running) return false;
  change(runs_.at(slots.waiting.begin()->second), [&](Run& run) {
    run.status = RunStatus::pending;
    run.available_at = now;
    run.start_before.reset();
  });
  return true;
}

}  // namespace rruled::store
