#include "daemon/core/catchup.h"
#include "daemon/core/lifecycle.h"
#include "daemon/core/planner.h"
#include "daemon/core/run_identity.h"

#include <algorithm>
#include <utility>

// Schedules in the wheel: arming them, settling what is due, taking in what the store made of it.
namespace rruled::core {
namespace {

constexpr std::size_t kSettleMin = 100;  // schedules
// Of a batch, those whose runs are only written down, as no slot is free for them: meanwhile what
// is due to another executor waits.
constexpr std::size_t kUnsentMax = 100;

// What is settled may be sent for so long, however old it is.
constexpr std::chrono::milliseconds kTimeToSend{60'000};

using Kind = store::SettleResult::Kind;

std::size_t unsent_in(const Settle& settle) {
  const auto is_unsent = [](const store::Settlement& each) {
    return !each.runs.empty() && each.runs.front().status == store::RunStatus::pending;
  };
  return static_cast<std::size_t>(std::ranges::count_if(settle.batch, is_unsent));
}

// What must outlive the batch to take in its results: everything but the runs.
store::Settlement without_runs(store::Settlement& full) {
  auto runs = std::exchange(full.runs, {});
  store::Settlement kept = full;
  full.runs = std::move(runs);
  return kept;
}

}  // namespace

void Planner::arm(store::DueSchedule row) {
  const store::ScheduleId id = row.schedule.id;
  const auto found = entries_.find(id);
  if (found != entries_.end() && found->second.settling) {
    // What the store did to the settlement comes first; only a person's later write matters then.
    if (row.schedule.version > found->second.row.schedule.version)
      found->second.edited = std::make_unique<store::DueSchedule>(std::move(row));
    return;
  }
  // Read before what is known already was written.
  if (found != entries_.end() && row.schedule.version < found->second.row.schedule.version) return;
  if (!is_awaited(row)) {
    forget(id);
    return;
  }
  Entry& entry = found != entries_.end() ? found->second : entries_[id];
  if (entry.row.schedule.version != row.schedule.version) entry.timetable.reset();
  if (row.calendar_days) {
    entry.days = days_of(*row.calendar_days);
    row.calendar_days.reset();
  }
  entry.row = std::move(row);
  arm_timer(entry);
}

void Planner::arm_timer(Entry& entry) {
  const store::Schedule& schedule = entry.row.schedule;
  if (!wheel_.rearm(entry.timer, *schedule.next_due_at))
    entry.timer = wheel_.arm(schedule.id, *schedule.next_due_at);
}

// Found again although it was loaded before. Whatever is known of it, a settlement compares it with
// the store's.
void Planner::arm_overdue(store::DueSchedule row) {
  const auto known = entries_.find(row.schedule.id);
  if (known != entries_.end()) {
    const auto& due = known->second.row.schedule.next_due_at;
    if (known->second.settling || due == row.schedule.next_due_at) return;
    forget(row.schedule.id);
  }
  arm(std::move(row));
}

// After its row has changed in place, by a settlement.
void Planner::arm_again(Entry& entry) {
  const store::Schedule& schedule = entry.row.schedule;
  if (is_awaited(entry.row)) {
    arm_timer(entry);
  } else {
    forget(schedule.id);
  }
}

bool Planner::is_awaited(const store::DueSchedule& row) const {
  const auto& due = row.schedule.next_due_at;
  const bool paused = row.project && row.project->paused();
  return row.schedule.status == store::ScheduleStatus::active && due && !paused &&
         in_horizon({*due, row.schedule.id});
}

std::shared_ptr<const ExcludedDays> Planner::days_of(const std::string& text) {
  auto& known = calendars_[text];
  if (!known.expired()) return known.lock();
  auto compiled = ExcludedDays::compile(text, zones_);
  // Null where it cannot be used, but shared: it is not tried again for each schedule.
  auto days = compiled ? std::move(*compiled)
                       : std::shared_ptr<const ExcludedDays>(std::make_shared<bool>(), nullptr);
  known = days;
  std::erase_if(calendars_, [](const auto& each) { return each.second.expired(); });
  return days;
}

void Planner::forget(store::ScheduleId id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  wheel_.cancel(found->second.timer);
  entries_.erase(found);
}

void Planner::make_ready(store::ScheduleId id, bool first) {
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return;
  const store::Schedule& schedule = entry->second.row.schedule;
  auto& [queue, held] = ready_[schedule.executor];
  first ? queue.push_front(schedule.project_id, id) : queue.push_back(schedule.project_id, id);
  held.emplace_hint(held.end(), held_until(schedule), id);
}

std::size_t Planner::ready_count() const {
  std::size_t count = 0;
  for (const auto& [executor, ready] : ready_) count += ready.queue.size();
  return count;
}

Timestamp Planner::held_until(const store::Schedule& schedule) const {
  return *schedule.next_due_at + std::min(options_.settle_hold, schedule.catchup_grace / 2);
}

void Planner::settle_due(Timestamp now, Actions& actions) {
  if (!settling_.empty() || failures_.rests(StoreFailed::What::settle, now)) return;
  settle_at_.reset();
  Settle settle;
  settle.planned_at = now;
  // A first batch that is small is sent while the store works at the next one.
  const std::size_t limit = std::min(settle_limit_, std::max(kSettleMin, ready_count() / 8));
  // An even share for each executor before one has more: what is due to one that is dead is much,
  // and must not stand before what is due to the others.
  settle_upto(limit, std::max<std::size_t>(1, limit / std::max<std::size_t>(1, ready_.size())), now,
              settle);
  settle_upto(limit, limit, now, settle);
  for (auto& [executor, ready] : ready_) settle_held(ready, limit, now, settle);
  std::erase_if(ready_, [](const auto& each) { return each.second.queue.empty(); });
  if (!settle.batch.empty()) actions.emplace_back(std::move(settle));
}

void Planner::settle_upto(std::size_t limit, std::size_t share, Timestamp now, Settle& settle) {
  for (auto& [executor, ready] : ready_)
    settle_due_of(ready.queue, std::min(limit, settle.batch.size() + share), now, settle);
}

void Planner::settle_due_of(FairQueue<store::ScheduleId>& queue,
                            std::size_t limit,
                            Timestamp now,
                            Settle& settle) {
  std::size_t unsent = unsent_in(settle);
  while (settle.batch.size() < limit) {
    const auto next = queue.pop();
    if (!next) return;
    const auto found = entries_.find(*next);
    if (found == entries_.end() || found->second.settling) continue;
    Entry& entry = found->second;
    const store::Schedule& schedule = entry.row.schedule;
    const auto& due = schedule.next_due_at;
    if (!due) continue;
    if (*due > now) {  // moved, or the clock stepped back, since it became ready
      arm_timer(entry);
      continue;
    }
    const auto lane = lanes_.find(schedule.executor);
    // While its breaker is open no slot will become free.
    const bool may_wait =
        lane != lanes_.end() && lane->second.breaker.state() == Breaker::State::closed;
    const bool no_slot = lane != lanes_.end() && free_slots(lane->second) == 0;
    const bool waits = may_wait && no_slot && now < held_until(schedule);
    if (waits || (no_slot && unsent++ >= kUnsentMax)) {
      queue.push_front(schedule.project_id, *next);
      return;
    }
    settle_one(entry, now, settle);
  }
}

// Those that have waited for a slot as long as they may, whatever stands before them in the queue;
// and when the next one will have.
void Planner::settle_held(Ready& ready, std::size_t limit, Timestamp now, Settle& settle) {
  std::size_t unsent = unsent_in(settle);
  while (!ready.held.empty() && settle.batch.size() < limit && unsent < kUnsentMax) {
    const auto [until, id] = *ready.held.begin();
    const auto found = entries_.find(id);
    const bool waits = found != entries_.end() && !found->second.settling &&
                       found->second.row.schedule.next_due_at.value_or(Instant::max()) <= now &&
                       held_until(found->second.row.schedule) == until;
    if (waits && until > now) {
      settle_at_ = std::min(until, settle_at_.value_or(until));
      return;
    }
    ready.held.erase(ready.held.begin());
    if (!waits) continue;
    settle_one(found->second, now, settle);
    ++unsent;
  }
}

void Planner::settle_one(Entry& entry, Timestamp now, Settle& settle) {
  entry.settling = true;
  settle.batch.push_back(settlement_of(entry, now));
  settling_.push_back(without_runs(settle.batch.back()));
}

store::Settlement Planner::settlement_of(Entry& entry, Timestamp now) {
  const store::Schedule& schedule = entry.row.schedule;
  store::Settlement out;
  out.schedule_id = schedule.id;
  out.version = schedule.version;
  out.next_run_at = *schedule.next_run_at;
  out.next_due_at = *schedule.next_due_at;
  out.overlap = schedule.overlap;
  out.max_running = schedule.max_running;
  if (!entry.refusal.empty()) {
    out.then_status = store::ScheduleStatus::error;
    out.then_reason = std::exchange(entry.refusal, {});
    return out;
  }
  if (!can_fire(entry.row.flow_status, entry.row.trigger_type)) return out;  // waits for its flow
  if (!entry.timetable) {
    auto compiled = Timetable::compile(
        schedule, zones_, [&](std::int64_t, const std::string&) { return entry.days; });
    if (!compiled) {
      out.then_status = store::ScheduleStatus::error;
      out.then_reason = compiled.error().text();
      return out;
    }
    entry.timetable = std::move(*compiled);
  }
  plan_runs(entry, now, out);
  return out;
}

void Planner::plan_runs(Entry& entry, Timestamp now, store::Settlement& out) {
  DuePlan plan = plan_due(entry.row.schedule, *entry.timetable, now, entry.row.project);
  const auto lane = lanes_.find(entry.row.schedule.executor);
  for (const DuePlan::Item& item : plan.runs) {
    store::Run run = scheduled_run(entry.row, item.slot.scheduled_for, item.slot.due_at, now,
                                   entry.timetable->wall(item.slot.scheduled_for));
    run.start_before = std::max(item.slot.due_at + plan.window,
                                now + std::max(entry.row.schedule.catchup_grace, kTimeToSend));
    if (item.in_turn) {
      run.status = store::RunStatus::waiting;
      // The settlement lets the oldest of them go when none runs.
      if (lane != lanes_.end()) lane->second.claim_at = now;
    } else if (lane != lanes_.end() && free_slots(lane->second) > 0) {
      run.status = store::RunStatus::dispatching;
      ++lane->second.reserved_to_settle;
    } else if (lane != lanes_.end()) {
      lane->second.claim_at = now;  // left pending: claimed when there is room
    }
    out.runs.push_back(std::move(run));
  }
  for (const Instant excluded : plan.excluded) {
    store::Run run =
        scheduled_run(entry.row, excluded, excluded, now, entry.timetable->wall(excluded));
    run.status = store::RunStatus::skipped;
    run.reason = store::word(store::RunReason::calendar);
    run.available_at.reset();
    run.finished_at = now;
    out.runs.push_back(std::move(run));
  }
  out.gaps = std::move(plan.gaps);
  out.settled_to = plan.settled_to;
  if (plan.settled_to) out.settled_wall = entry.timetable->wall(*plan.settled_to);
  if (plan.exhausted) {
    out.then_status = store::ScheduleStatus::error;
    out.then_reason = kExhaustedReason;
  } else if (plan.next) {
    out.then_run_at = plan.next->scheduled_for;
    out.then_due_at = plan.next->due_at;
  } else {
    out.then_status = store::ScheduleStatus::completed;
  }
  if (lane == lanes_.end() && !plan.runs.empty())
    notify({.kind = Notice::Kind::run_unserved, .run = out.runs.at(plan.runs.size() - 1)});
}

void Planner::take(Settled settled, Timestamp now) {
  const auto asked = std::exchange(settling_, {});
  settle_limit_ = std::min(options_.settle_batch, settle_limit_ * 2);
  for (auto& [name, lane] : lanes_) lane.reserved_to_settle = 0;
  for (std::size_t i = 0; i < asked.size(); ++i)
    take_one(asked[i], std::move(settled.results.at(i)), now);
}

void Planner::take_one(const store::Settlement& asked, store::SettleResult result, Timestamp now) {
  for (store::Run& run : result.claimed) enqueue(std::move(run));
  for (store::Run& run : result.skipped)
    notify({.kind = Notice::Kind::run_skipped, .run = std::move(run)});
  to_cancel_.insert(to_cancel_.end(), result.cancel.begin(), result.cancel.end());
  if (result.released) claim_by(now);  // it may have another executor

  const auto found = entries_.find(asked.schedule_id);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  entry.settling = false;
  if (entry.deleted || result.kind == Kind::gone) {
    forget(asked.schedule_id);
    return;
  }
  const auto edited = std::exchange(entry.edited, nullptr);
  switch (result.kind) {
    case Kind::settled: {
      for (const store::Gap& gap : asked.gaps)
        notify({.kind = Notice::Kind::gap,
                .gap = gap,
                .schedule_id = asked.schedule_id,
                .text = entry.row.flow_name.value_or("")});
      if (asked.then_status == store::ScheduleStatus::error)
        notify({.kind = Notice::Kind::quarantined,
                .schedule_id = asked.schedule_id,
                .text = entry.row.flow_name.value_or("") + ": " + asked.then_reason});
      if (edited) {
        arm(std::move(*edited));
        return;
      }
      store::Schedule& schedule = entry.row.schedule;
      schedule.next_run_at = asked.then_run_at;
      schedule.next_due_at = asked.then_due_at;
      schedule.status = asked.then_status;
      if (asked.settled_to) {
        schedule.settled_to = asked.settled_to;
        schedule.settled_wall = asked.settled_wall;
      }
      arm_again(entry);
      return;
    }
    case Kind::moved:
      if (edited) {
        arm(std::move(*edited));
      } else if (result.current) {
        // Written before what is known: that is lost with the server that had it.
        if (result.current->schedule.version < entry.row.schedule.version)
          forget(asked.schedule_id);
        arm(std::move(*result.current));
      } else {
        forget(asked.schedule_id);
      }
      return;
    case Kind::not_yet:
      if (edited) {
        arm(std::move(*edited));
      } else {
        entry.timer = wheel_.arm(asked.schedule_id, now + result.remaining);
      }
      return;
    case Kind::gone:
      return;
  }
}

}  // namespace rruled::core
