#include "daemon/core/lifecycle.h"

#include <algorithm>
#include <utility>

namespace rruled::core {
namespace {

using store::GapReason;
using store::Schedule;
using store::ScheduleStatus;

bool fires_schedules(std::string_view trigger_type) {
  return trigger_type == "batch" || trigger_type == "schedule";
}

void stop_firing(Schedule& row) {
  row.next_run_at.reset();
  row.next_due_at.reset();
}

// `exhausted`: the search for `slot` gave up.
void go_on_at(Schedule& row, const std::optional<Slot>& slot, bool exhausted) {
  if (!slot && exhausted) {
    row = quarantined(std::move(row), std::string(kExhaustedReason));
    return;
  }
  if (!slot) {
    stop_firing(row);
    row.status = ScheduleStatus::completed;
    return;
  }
  row.status = ScheduleStatus::active;
  row.next_run_at = slot->scheduled_for;
  row.next_due_at = slot->due_at;
}

// What came due after settled_to while the schedule could not fire; settled with it.
std::optional<store::Gap> close_gap(Schedule& row,
                                    const Timetable& timetable,
                                    GapReason reason,
                                    Timestamp now) {
  // What came due before the row existed was never promised.
  const Instant created = std::chrono::floor<std::chrono::seconds>(row.created_at);
  const Instant after = std::max(row.settled_to.value_or(created), created);
  const auto first = timetable.next(after);
  const auto last = timetable.latest_due(after, now);
  if (!first || !last || first->scheduled_for > last->scheduled_for) return std::nullopt;
  row.settled_to = last->scheduled_for;
  row.settled_wall = timetable.wall(last->scheduled_for);
  return store::Gap{row.id, reason, first->scheduled_for, last->scheduled_for,
                    timetable.count(first->scheduled_for, last->scheduled_for)};
}

// What passed before the first look at a schedule counts as settled. The wall time is read again
// each time: the zone itself may have been edited.
void mark_settled(Schedule& row, const Timetable& timetable, Timestamp now) {
  if (!row.settled_to) {
    row.settled_to = std::chrono::floor<std::chrono::seconds>(now);
    if (const auto ahead = timetable.first_ahead(std::nullopt, now))
      row.settled_to = std::min(*row.settled_to, ahead->scheduled_for - std::chrono::seconds(1));
  }
  row.settled_wall = timetable.wall(*row.settled_to);
}

// What the calendar left out since the row was last settled, up to `end`. Its own gap: a pause did
// not cause it.
std::optional<store::Gap> close_excluded(const Schedule& row,
                                         const Timetable& timetable,
                                         Timestamp end) {
  const OpenDays& open_days = timetable.open_days();
  const Instant created = std::chrono::floor<std::chrono::seconds>(row.created_at);
  const Instant after = std::max(row.settled_to.value_or(created), created);
  return excluded_gap(row.id, open_days, after,
                      open_days.excluded(after, std::chrono::floor<std::chrono::seconds>(end), 0));
}

// Up to what is still ahead.
void settle_past(Schedule& row, const Timetable& timetable, Timestamp now) {
  Instant to = std::chrono::floor<std::chrono::seconds>(now);
  if (const auto ahead = timetable.first_ahead(row.settled_to, now))
    to = std::min(to, ahead->scheduled_for - std::chrono::seconds(1));
  row.settled_to = std::max(row.settled_to.value_or(to), to);
  row.settled_wall = timetable.wall(*row.settled_to);
}

// What the calendar left out by now is written down by whoever changes the row: what the next plan
// finds left out was left out after this.
void settle_up_to_now(Schedule& row, const Timetable& timetable, Timestamp now) {
  if (!timetable.open_days().leaves_out()) return;
  settle_past(row, timetable, now);
}

// Why what came due by now and is not settled will not run.
GapReason reason_unsettled(const Schedule& row) {
  if (row.status == ScheduleStatus::paused) return GapReason::paused;
  if (row.status == ScheduleStatus::error) return GapReason::error;
  return row.next_due_at ? GapReason::missed : GapReason::flow_inactive;
}

// Why what the old timing had by now will not run: what was not due yet is the person's doing.
GapReason reason_edited(const Schedule& before, Timestamp now) {
  return before.next_due_at && *before.next_due_at > now ? GapReason::skipped_by_operator
                                                         : reason_unsettled(before);
}

// The occurrence whose time has come and whose jitter has not passed: there is one at most.
std::optional<Slot> begun_at(std::optional<Instant> settled_to,
                             const Timetable& timetable,
                             Timestamp now) {
  const auto ahead = timetable.first_ahead(settled_to, now);
  return ahead && ahead->scheduled_for <= now ? ahead : std::nullopt;
}

// The occurrence at `instant` by another timing, if it is the latest by now; due now or later.
std::optional<Slot> still_named(const Timetable& timetable, Instant instant, Timestamp now) {
  const auto last =
      timetable.previous(std::chrono::floor<std::chrono::seconds>(now) + std::chrono::seconds(1));
  if (!last || last->scheduled_for != instant) return std::nullopt;
  return Slot{instant, std::max(last->due_at, now)};
}

void go_on_with(Schedule& row, const Timetable& timetable, const Slot& slot, bool flow_fires) {
  row.settled_to = slot.scheduled_for - std::chrono::seconds(1);
  row.settled_wall = timetable.wall(*row.settled_to);
  if (!flow_fires || row.status == ScheduleStatus::paused) return;
  row.status_reason.clear();
  go_on_at(row, slot, false);
}

// What was due and not settled when it stops to fire was missed: what stops it came later.
Change missed_by(Schedule row, const Timetable& timetable, Timestamp now) {
  Change change{std::move(row), std::nullopt};
  if (!change.schedule.next_due_at || *change.schedule.next_due_at > now) return change;
  change.schedule.settled_to = settled_by_wall(change.schedule, timetable);
  change.excluded = close_excluded(change.schedule, timetable, now);
  change.gap = close_gap(change.schedule, timetable, GapReason::missed, now);
  settle_up_to_now(change.schedule, timetable, now);
  return change;
}

Change go_on(Schedule row, const Timetable& timetable, bool flow_fires, Timestamp now) {
  Change change{std::move(row), std::nullopt};
  mark_settled(change.schedule, timetable, now);
  settle_up_to_now(change.schedule, timetable, now);
  if (flow_fires) {
    bool exhausted = false;
    const auto slot = timetable.first_ahead(change.schedule.settled_to, now, &exhausted);
    go_on_at(change.schedule, slot, exhausted);
  } else {
    stop_firing(change.schedule);
    change.schedule.status = ScheduleStatus::active;
  }
  return change;
}

// The gap of a clock that was ahead, as far as it has passed at `end`, inclusive. Of a calendar's
// the timetable does not count the occurrences: explain() reads it up to settled_to.
std::optional<store::Gap> passed_part(const std::vector<store::Gap>& gaps,
                                      const Timetable& timetable,
                                      Instant end) {
  for (store::Gap gap : gaps) {
    if (gap.from > end || gap.to <= end || gap.reason == GapReason::calendar) continue;
    const auto last = timetable.previous(end + std::chrono::seconds(1));
    if (!last || last->scheduled_for < gap.from) continue;
    gap.to = last->scheduled_for;
    gap.count = timetable.count(gap.from, gap.to);
    return gap;
  }
  return std::nullopt;
}

}  // namespace

bool can_fire(store::FlowStatus status, std::string_view trigger_type) {
  return status == store::FlowStatus::active && fires_schedules(trigger_type);
}

std::string why_it_cannot_fire(const std::optional<store::Flow>& flow) {
  if (!flow) return "its flow is deleted";
  std::string why;
  std::string options;
  if (flow->status != store::FlowStatus::active) {
    why = "is " + std::string(store::word(flow->status));
    options = " --status active";
  }
  if (!fires_schedules(flow->trigger_type)) {
    why += std::string(why.empty() ? "" : " and ") + "has " +
           (flow->trigger_type.empty() ? "no trigger" : "a trigger of type " + flow->trigger_type);
    options += " --trigger schedule";
  }
  if (why.empty()) return {};
  return "its flow " + why + " (rruled flow update " + to_string(flow->id) + options + ")";
}

std::optional<Instant> settled_by_wall(const Schedule& row, const Timetable& timetable) {
  auto settled = row.settled_to;
  if (!settled || !row.settled_wall || timetable.wall(*settled) == *row.settled_wall)
    return settled;
  const auto has_run = [&](Instant instant) {
    return timetable.wall(instant) <= *row.settled_wall &&
           !timetable.recurrence().repeats_wall(instant);
  };
  for (auto slot = timetable.next(settled); slot && has_run(slot->scheduled_for);
       slot = timetable.next(settled))
    settled = slot->scheduled_for;
  return settled;
}

Change rescheduled(Schedule row, const Timetable& timetable, bool flow_fires, Timestamp now) {
  row.status_reason.clear();
  if (row.status == ScheduleStatus::paused) {
    mark_settled(row, timetable, now);
    stop_firing(row);
    return {std::move(row), std::nullopt};
  }
  return go_on(std::move(row), timetable, flow_fires, now);
}

Change edited(const Schedule& before,
              const Timetable* timetable_before,
              Schedule after,
              const Timetable& timetable,
              bool flow_fires,
              Timestamp now) {
  std::optional<store::Gap> gap;
  std::optional<store::Gap> excluded;
  std::optional<Slot> kept;
  // Where the old timing cannot be used, what the new one has in that time is all that is known.
  const Timetable* past = timetable_before;
  if (!past && !before.next_due_at) past = &timetable;
  const bool same_zone = before.timezone == after.timezone;
  const bool same_rule = before.rrule == after.rrule && before.starts_at == after.starts_at;
  if (same_zone && past) after.settled_to = settled_by_wall(after, *past);
  // What has run by the new settings; of another rule nothing has. The old ones had some of it.
  const auto passed = same_zone && same_rule ? settled_by_wall(after, timetable) : after.settled_to;
  if (past && before.status != ScheduleStatus::completed) {
    const auto begun = begun_at(after.settled_to, *past, now);
    if (begun && begun->scheduled_for > passed)
      kept = still_named(timetable, begun->scheduled_for, now);
    const bool dropped = begun && !kept;
    // What comes after the kept one is settled with it.
    excluded = close_excluded(after, *past, kept ? Timestamp(kept->scheduled_for) : now);
    if (!before.next_due_at || *before.next_due_at <= now || dropped)
      gap = close_gap(after, *past, reason_edited(before, now), dropped ? begun->due_at : now);
  }
  after.settled_to = std::max(after.settled_to, passed);
  // What the new one has before now was never an occurrence: no resume may count or catch it up.
  settle_past(after, timetable, now);
  Change change = rescheduled(std::move(after), timetable, flow_fires, now);
  if (kept) go_on_with(change.schedule, timetable, *kept, flow_fires);
  change.gap = std::move(gap);
  change.excluded = std::move(excluded);
  return change;
}

Change paused(Schedule row,
              const Timetable* timetable,
              std::string note,
              Timestamp now,
              std::optional<Timestamp> until) {
  Change change{std::move(row), std::nullopt};
  Schedule& after = change.schedule;
  if (timetable && after.status == ScheduleStatus::active)
    change = missed_by(std::move(after), *timetable, now);
  after.status = ScheduleStatus::paused;
  after.paused_until = until;
  after.note = std::move(note);
  after.updated_at = now;
  stop_firing(after);
  return change;
}

std::optional<Schedule> paused_by_failures(const Schedule& row,
                                           const std::vector<store::Run>& latest,
                                           Timestamp now) {
  if (row.status != ScheduleStatus::active || row.pause_after_failures == 0) return std::nullopt;
  int failures = 0;
  for (const store::Run& run : latest) {
    if (failures == row.pause_after_failures || run.due_at <= row.updated_at) break;
    if (run.status != store::RunStatus::failed && run.status != store::RunStatus::dead)
      return std::nullopt;
    ++failures;
  }
  if (failures < row.pause_after_failures) return std::nullopt;
  const std::string note =
      failures == 1 ? "paused after a failed run"
                    : "paused after " + std::to_string(failures) + " failed runs in a row";
  return paused(row, nullptr, note, now).schedule;
}

Change resumed(
    Schedule row, const Timetable& timetable, bool flow_fires, Timestamp now, CatchUp catch_up) {
  const GapReason reason =
      row.status == ScheduleStatus::error ? GapReason::error : GapReason::paused;
  row.status_reason.clear();
  row.paused_until.reset();
  row.updated_at = now;
  row.resumed_at = catch_up == CatchUp::none ? std::nullopt : std::optional(now);
  row.resume_catchup = other_policy(catch_up);
  row.settled_to = settled_by_wall(row, timetable);
  if (catch_up != CatchUp::none && flow_fires) {
    const Instant created = std::chrono::floor<std::chrono::seconds>(row.created_at);
    bool exhausted = false;
    const auto next =
        timetable.next(std::max(row.settled_to.value_or(created), created), &exhausted);
    Change change{std::move(row), std::nullopt};
    go_on_at(change.schedule, next, exhausted);
    return change;
  }
  auto excluded = close_excluded(row, timetable, now);
  auto gap = close_gap(row, timetable, reason, now);
  Change change = go_on(std::move(row), timetable, flow_fires, now);
  change.gap = std::move(gap);
  change.excluded = std::move(excluded);
  return change;
}

Change skipped(
    Schedule row, const Timetable& timetable, Instant until, bool flow_fires, Timestamp now) {
  Change change{std::move(row), std::nullopt};
  Schedule& after = change.schedule;
  const bool active = after.status == ScheduleStatus::active;
  if (!active && after.status != ScheduleStatus::paused) return change;
  const Instant created = std::chrono::floor<std::chrono::seconds>(after.created_at);
  after.settled_to = settled_by_wall(after, timetable);
  const Instant settled = std::max(after.settled_to.value_or(created), created);
  const auto first = timetable.next(settled);
  const auto last = timetable.previous(until);
  if (!first || !last || first->scheduled_for > last->scheduled_for) return change;
  const OpenDays& open_days = timetable.open_days();
  change.excluded = excluded_gap(after.id, open_days, settled,
                                 open_days.excluded(settled, last->scheduled_for, 0));
  change.gap =
      store::Gap{after.id, GapReason::skipped_by_operator, first->scheduled_for,
                 last->scheduled_for, timetable.count(first->scheduled_for, last->scheduled_for)};
  after.settled_to = last->scheduled_for;
  after.settled_wall = timetable.wall(last->scheduled_for);
  after.updated_at = now;
  if (active && flow_fires) {
    bool exhausted = false;
    const auto slot = timetable.next(last->scheduled_for, &exhausted);
    go_on_at(after, slot, exhausted);
  }
  return change;
}

std::optional<Change> recomputed(Schedule row,
                                 const std::vector<store::Gap>& gaps,
                                 const Timetable& timetable,
                                 bool flow_fires,
                                 Timestamp now) {
  const Instant second = std::chrono::floor<std::chrono::seconds>(now);
  if (!row.settled_to || *row.settled_to <= second + kClockAheadMax) return std::nullopt;
  row.settled_to = second;
  row.settled_wall = timetable.wall(second);
  row.resumed_at.reset();
  row.resume_catchup.reset();
  row.updated_at = now;
  auto gap = passed_part(gaps, timetable, second);
  const bool rests = row.status == ScheduleStatus::paused || row.status == ScheduleStatus::error;
  Change change = rests ? Change{std::move(row), std::nullopt}
                        : go_on(std::move(row), timetable, flow_fires, now);
  change.gap = std::move(gap);
  return change;
}

Change flow_changed(
    Schedule row, const Timetable& timetable, bool flow_fires, Timestamp now, bool project_paused) {
  if (row.status != ScheduleStatus::active) return {std::move(row), std::nullopt};
  if (!flow_fires) {
    Change change{std::move(row), std::nullopt};
    if (!project_paused) change = missed_by(std::move(change.schedule), timetable, now);
    stop_firing(change.schedule);
    return change;
  }
  if (row.next_run_at) return {std::move(row), std::nullopt};  // it could fire before, too
  row.settled_to = settled_by_wall(row, timetable);
  auto excluded = close_excluded(row, timetable, now);
  auto gap = close_gap(row, timetable, GapReason::flow_inactive, now);
  Change change = go_on(std::move(row), timetable, flow_fires, now);
  change.gap = std::move(gap);
  change.excluded = std::move(excluded);
  return change;
}

std::optional<store::milliseconds> overdue_by(const Schedule& row, Timestamp now) {
  if (row.status != ScheduleStatus::active || !row.next_due_at) return std::nullopt;
  const store::milliseconds late = now - *row.next_due_at;
  return late > row.late_after ? std::optional(late) : std::nullopt;
}

Schedule quarantined(Schedule row, std::string reason) {
  row.status = ScheduleStatus::error;
  row.status_reason = std::move(reason);
  stop_firing(row);
  return row;
}

}  // namespace rruled::core
