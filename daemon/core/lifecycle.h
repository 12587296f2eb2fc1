#pragma once

#include "daemon/core/catchup.h"
#include "daemon/core/timetable.h"
#include "store/types.h"

#include <optional>
#include <string>
#include <vector>

// How a schedule's row changes when a person, or its flow, changes it (semantics.md, 3). Pure: each
// takes the row as read and gives the row to write; the writer's compare-and-swap does the rest.
namespace rruled::core {

// A flow that is active and whose trigger type schedules can fire: "batch" or "schedule".
[[nodiscard]] bool can_fire(store::FlowStatus status, std::string_view trigger_type);
// What keeps a schedule of this flow from firing, and the command that changes it, as a part of a
// sentence: "its flow is draft (rruled flow update ID --status active)". Empty: can_fire(). Absent:
// it is deleted.
[[nodiscard]] std::string why_it_cannot_fire(const std::optional<store::Flow>& flow);

struct Change {
  store::Schedule schedule;
  std::optional<store::Gap> gap;         // occurrences that passed unfired and never will be
  std::optional<store::Gap> excluded{};  // that the calendar left out meanwhile
};

// What of `row` is settled: up to settled_to, or, where the rules of its zone have changed since,
// up to the last occurrence after it whose wall time had been settled before (semantics.md, 2.9).
// While they have not, a wall time that comes again is the fold's second reading, and an
// occurrence or none by dst_fold.
//
// A zone that moved back shows settled wall times again, as a fold does, and dst_fold says what
// they are:
//   first, second   none: the wall time has run, at its only reading by the rules of then
//   both            occurrences, from settled_to on, each with an outcome of its own: a rule of an
//                   hour or less (auto) is not silent for as long as the zone moved
// A date that is an instant did not move with the zone: whatever dst_fold says, it has not run.
// In a set, the first one that is wanted all the same ends what is passed over; what comes after it
// runs, though a rule of days may have run at that wall time before.
// Of a zone that moved forward nothing after settled_to is settled. What the new rules name at or
// before it never was an occurrence: it has no outcome.
[[nodiscard]] std::optional<Instant> settled_by_wall(const store::Schedule& row,
                                                     const Timetable& timetable);

// A new row, or one whose rrule, starts_at, timezone, DST or jitter setting was edited: goes on
// with the first occurrence after settled_to whose due time is ahead. completed becomes active,
// paused stays.
[[nodiscard]] Change rescheduled(store::Schedule row,
                                 const Timetable& timetable,
                                 bool flow_fires,
                                 Timestamp now);

// The edit of a stored row. What the old timing (absent: it cannot be used, and the new one has to
// tell what passed while nothing fired) had due and unsettled becomes a gap row, so that no
// occurrence is unaccounted for: missed, or what the schedule was until now (paused, in error, with
// its flow inactive). The new timing begins now, but for an occurrence that had come and was not
// due yet, for its jitter: where the new timing has it too, as its latest, it goes on with that
// one, due now at the earliest; where not, it is in the gap (skipped_by_operator, if there is no
// other).
[[nodiscard]] Change edited(const store::Schedule& before,
                            const Timetable* timetable_before,
                            store::Schedule after,
                            const Timetable& timetable,
                            bool flow_fires,
                            Timestamp now);

// `until`: a daemon resumes it by itself then; what is due at that time runs. What was due before
// is missed, not paused; null: no timing could be had to say so.
[[nodiscard]] Change paused(store::Schedule row,
                            const Timetable* timetable,
                            std::string note,
                            Timestamp now,
                            std::optional<Timestamp> until = std::nullopt);

// An active schedule with pause_after_failures, whose runs that ended last, `latest` (latest due
// first), all failed or are dead: paused, with a note that says so. Runs due before it was last
// edited or resumed do not count. nullopt: it goes on.
[[nodiscard]] std::optional<store::Schedule> paused_by_failures(
    const store::Schedule& row, const std::vector<store::Run>& latest, Timestamp now);

// From paused or error to active. What was due by `now`, inclusive, becomes one gap row, unless
// `catch_up` leaves it to the daemon.
[[nodiscard]] Change resumed(store::Schedule row,
                             const Timetable& timetable,
                             bool flow_fires,
                             Timestamp now,
                             CatchUp catch_up = CatchUp::none);

// By a person: what is not settled yet before `until` (exclusive, ahead of `now` or not) will not
// run and becomes one gap row; the first after it comes next. A paused one stays paused, and no
// resume catches up or counts what was skipped. One that is completed or in error stays as it is.
[[nodiscard]] Change skipped(
    store::Schedule row, const Timetable& timetable, Instant until, bool flow_fires, Timestamp now);

// A settled_to more than a day ahead of `now` is taken back to `now`: a clock was wrong. What the
// ledger has already stays as it is, and is not run again; but of `gaps`, the schedule's, the one
// that reaches past `now` ends there. A calendar's, or one wholly ahead, stays; explain() reads
// none of it. nullopt: it is not so far ahead.
[[nodiscard]] std::optional<Change> recomputed(store::Schedule row,
                                               const std::vector<store::Gap>& gaps,
                                               const Timetable& timetable,
                                               bool flow_fires,
                                               Timestamp now);

// The flow began (`flow_fires`) or ceased to be able to fire; `row` as it was before. What is due
// when it ceases was missed, unless its project is paused.
[[nodiscard]] Change flow_changed(store::Schedule row,
                                  const Timetable& timetable,
                                  bool flow_fires,
                                  Timestamp now,
                                  bool project_paused);

// How late an active schedule is beyond its late_after: its next occurrence is due since then, and
// nobody has settled it. nullopt: it is not.
[[nodiscard]] std::optional<store::milliseconds> overdue_by(const store::Schedule& row,
                                                            Timestamp now);

// Cannot be used: kept, shown, retried on change and on reload.
[[nodiscard]] store::Schedule quarantined(store::Schedule row, std::string reason);

}  // namespace rruled::core
