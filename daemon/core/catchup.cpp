#include "daemon/core/catchup.h"

#include "daemon/core/lifecycle.h"

#include <algorithm>
#include <utility>

namespace rruled::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The timetable, with a memory of searches that gave up.
class Search {
 public:
  explicit Search(const Timetable& timetable) : timetable_(timetable) {}

  [[nodiscard]] std::optional<Slot> next(Instant after) {
    return timetable_.next(after, &lost_ahead_);
  }
  // None before `first`.
  [[nodiscard]] std::optional<Slot> previous(Instant before, Instant first) {
    if (before <= first) return std::nullopt;
    return timetable_.previous(before, &lost_behind_);
  }
  // `first`: the first after `after`.
  [[nodiscard]] std::optional<Slot> latest_due(const Slot& first, Instant after, Timestamp now) {
    if (first.due_at > now) return std::nullopt;
    return timetable_.latest_due(after, now, &lost_behind_);
  }
  [[nodiscard]] std::uint64_t count(const Slot& from, const Slot& to) const {
    return timetable_.count(from.scheduled_for, to.scheduled_for);
  }
  [[nodiscard]] const Timetable& timetable() const { return timetable_; }
  [[nodiscard]] bool lost_ahead() const { return lost_ahead_; }
  [[nodiscard]] bool lost_behind() const { return lost_behind_; }

 private:
  const Timetable& timetable_;
  bool lost_ahead_ = false;
  bool lost_behind_ = false;
};

// How far back an older occurrence may still be run: at least one interval, so that the last run of
// a yearly rule is not lost to a window of a day. `following`: the one after `newest`.
milliseconds window_of(const store::Schedule& schedule,
                       const Timetable& timetable,
                       Instant newest,
                       const std::optional<Slot>& following) {
  milliseconds interval{0};
  if (following) {
    interval = following->scheduled_for - newest;
  } else if (const auto before = timetable.previous(newest)) {
    interval = newest - before->scheduled_for;
  }
  return std::max(schedule.catchup_window, interval);
}

// What was due by `until` is made up for by `policy`.
struct MakeUp {
  store::CatchupPolicy policy;
  Timestamp until = Timestamp::max();
};

// Whoever resumed it last, or its project, may have said by which policy.
MakeUp make_up_from(const store::Schedule& schedule,
                    const std::optional<store::Project>& project,
                    Slot first,
                    Timestamp now) {
  const auto was_resumed = [&](const std::optional<Timestamp>& at) {
    return first.due_at <= at && *at <= now + kClockAheadMax;
  };
  const bool own = was_resumed(schedule.resumed_at);
  const bool whole = project && project->catch_up && was_resumed(project->resumed_at);
  const bool own_is_later = own && (!whole || *schedule.resumed_at >= *project->resumed_at);
  MakeUp result{schedule.catchup};
  if (own_is_later && schedule.resume_catchup)
    result = {*schedule.resume_catchup, *schedule.resumed_at};
  else if (!own_is_later && whole && project->resume_catchup)
    result = {*project->resume_catchup, *project->resumed_at};
  // The same policy needs no second plan for what came later.
  return result.policy == schedule.catchup ? MakeUp{schedule.catchup} : result;
}

// The plan before this one made up for what was due when it was resumed: `all` goes on after that.
bool follows_a_resume(const store::Schedule& schedule,
                      const std::optional<store::Project>& project) {
  const auto by = [&](const std::optional<store::CatchupPolicy>& policy,
                      const std::optional<Timestamp>& at) {
    return policy && *policy != schedule.catchup && at && schedule.settled_to &&
           *schedule.settled_to <= *at;
  };
  return by(schedule.resume_catchup, schedule.resumed_at) ||
         (project && by(project->resume_catchup, project->resumed_at));
}

// The older occurrences to run, oldest first, at most `room`: all at or after `first`.
std::vector<Slot> made_up(const store::Schedule& schedule,
                          Search& search,
                          store::CatchupPolicy policy,
                          Instant first,
                          Slot newest,
                          std::size_t room,
                          Timestamp now) {
  if (policy == store::CatchupPolicy::none) return {};
  if (policy == store::CatchupPolicy::last) room = std::min<std::size_t>(room, 1);
  const Timestamp oldest_allowed =
      now - window_of(schedule, search.timetable(), newest.scheduled_for,
                      search.timetable().next(newest.scheduled_for));
  std::vector<Slot> slots;
  std::optional<Slot> slot = newest;
  while (slot && slots.size() < room && slot->scheduled_for >= first &&
         slot->due_at >= oldest_allowed) {
    slots.push_back(*slot);
    slot = search.previous(slot->scheduled_for, first);
  }
  std::ranges::reverse(slots);
  return slots;
}

// Settles what came due while the project was paused, and what an outage had left before that;
// gives where the plan goes on from. A later resume of the schedule, with catch-up, has it instead.
Instant settle_pause(const store::Project& project,
                     const store::Schedule& schedule,
                     Search& search,
                     Timestamp now,
                     Instant after,
                     DuePlan& plan) {
  if (!project.resumed_at || project.catch_up || schedule.resumed_at >= project.resumed_at)
    return after;
  const auto first = search.next(after);
  if (!first) return after;
  const auto last = search.latest_due(*first, after, std::min(now, *project.resumed_at));
  if (!last || last->due_at < *project.paused_at) return after;
  const auto add = [&](store::GapReason reason, const Slot& from, const Slot& to) {
    plan.gaps.push_back(
        {schedule.id, reason, from.scheduled_for, to.scheduled_for, search.count(from, to)});
  };
  // A schedule that was resumed meanwhile, with catch-up, was paused itself before.
  const bool own_pause = schedule.resumed_at >= project.paused_at;
  const auto missed = own_pause
                          ? std::nullopt
                          : search.latest_due(*first, after, *project.paused_at - milliseconds(1));
  const auto from = missed ? search.next(missed->scheduled_for) : first;
  if (!from) return after;
  if (missed) add(store::GapReason::missed, *first, *missed);
  add(store::GapReason::paused, *from, *last);
  plan.settled_to = last->scheduled_for;
  return last->scheduled_for;
}

void settle_excluded(const store::Schedule& schedule,
                     const Timetable& timetable,
                     Instant after,
                     DuePlan& plan) {
  if (!plan.settled_to || !timetable.open_days().leaves_out()) return;
  const auto excluded = timetable.open_days().excluded(after, *plan.settled_to, kExcludedMax);
  for (const auto& each : excluded.newest) plan.excluded.push_back(each.instant);
  if (auto gap = excluded_gap(schedule.id, timetable.open_days(), after, excluded))
    plan.gaps.push_back(*gap);
}

// Settles what is due after `after`: `first`, and what follows it.
void settle_due(const store::Schedule& schedule,
                const std::optional<store::Project>& project,
                Search& search,
                Timestamp now,
                Instant after,
                std::optional<Slot> first,
                DuePlan& plan) {
  // One that an edit kept though its new due time had passed: it is late from the edit on.
  const bool kept = first && first->scheduled_for == schedule.next_run_at && schedule.next_due_at &&
                    first->due_at < *schedule.next_due_at;
  if (kept) first->due_at = *schedule.next_due_at;
  if (!first || first->due_at > now) {
    plan.next = first;
    return;
  }

  // The outage after a resume goes by the schedule's own policy: the next plan has it.
  const auto make_up = make_up_from(schedule, project, *first, now);
  const Timestamp too_late = now - schedule.catchup_grace - milliseconds(1);
  auto older = search.latest_due(*first, after, std::min(too_late, make_up.until));
  if (kept && first->due_at > too_late) older.reset();
  std::vector<Slot> late;
  auto slot = older ? search.next(older->scheduled_for) : first;
  while (slot && slot->due_at > too_late && slot->due_at <= now && late.size() < kRunsMax) {
    late.push_back(*slot);
    slot = search.next(slot->scheduled_for);
  }
  plan.next = slot;

  if (older) {
    const std::size_t room = kCatchupMax - std::min(kCatchupMax, late.size());
    const auto old =
        made_up(schedule, search, make_up.policy, first->scheduled_for, *older, room, now);
    const bool goes_on = make_up.policy == store::CatchupPolicy::all &&
                         make_up.until == Timestamp::max() && follows_a_resume(schedule, project);
    for (const Slot& each : old) plan.runs.push_back({each, goes_on || !plan.runs.empty()});
    const auto last_missed =
        old.empty() ? older : search.previous(old.front().scheduled_for, first->scheduled_for);
    if (last_missed && last_missed->scheduled_for >= first->scheduled_for)
      plan.gaps.push_back({schedule.id, store::GapReason::missed, first->scheduled_for,
                           last_missed->scheduled_for, search.count(*first, *last_missed)});
    plan.settled_to = older->scheduled_for;
  }
  for (const Slot& each : late) plan.runs.push_back({each, false});
  if (!late.empty()) plan.settled_to = late.back().scheduled_for;
  if (plan.runs.empty() && plan.gaps.empty()) return;
  const Timetable& timetable = search.timetable();
  plan.window = window_of(schedule, timetable, *plan.settled_to, plan.next);
  if (older)
    plan.window = std::max(plan.window, window_of(schedule, timetable, older->scheduled_for,
                                                  timetable.next(older->scheduled_for)));
}

// Such a plan would be settled again at once, for ever.
bool makes_no_progress(const store::Schedule& schedule, const DuePlan& plan, Timestamp now) {
  return plan.runs.empty() && plan.gaps.empty() && plan.next && plan.next->due_at <= now &&
         plan.next->scheduled_for == *schedule.next_run_at;
}

}  // namespace

std::optional<store::CatchupPolicy> other_policy(CatchUp catch_up) {
  if (catch_up == CatchUp::last) return store::CatchupPolicy::last;
  if (catch_up == CatchUp::all) return store::CatchupPolicy::all;
  return std::nullopt;
}

std::optional<store::Gap> excluded_gap(store::ScheduleId id,
                                       const OpenDays& open_days,
                                       Instant after,
                                       const OpenDays::Excluded& excluded) {
  const std::uint64_t count = excluded.count - excluded.newest.size();
  if (count == 0) return std::nullopt;
  // All of them are before the ones that have a row.
  const Instant end =
      excluded.newest.empty() ? excluded.last : excluded.newest.front().instant - seconds(1);
  const auto rest = open_days.excluded(after, end, 1);
  // Empty: the search for it gave up.
  const Instant last = rest.newest.empty() ? end : rest.newest.front().instant;
  return store::Gap{id, store::GapReason::calendar, excluded.first, last, count};
}

DuePlan plan_due(const store::Schedule& schedule,
                 const Timetable& timetable,
                 Timestamp now,
                 const std::optional<store::Project>& project) {
  DuePlan plan;
  plan.settled_to = schedule.settled_to;
  const Instant before_due = *schedule.next_run_at - seconds(1);
  Instant after = std::max(schedule.settled_to.value_or(before_due), before_due);
  // The calendar may have left out some before next_run_at.
  const Instant excluded_after = schedule.settled_to.value_or(before_due);
  Search search(timetable);
  auto first = search.next(after);
  const auto go_on_after = [&](Instant other) {
    if (other != std::exchange(after, other)) first = search.next(after);
  };
  // Where the row was written by a daemon with other rules of its zone, and by ours nothing is at
  // next_run_at, what comes after the settled ones may have been before it.
  const bool named = first && first->scheduled_for == *schedule.next_run_at;
  if (!named && after == before_due && !search.lost_ahead())
    go_on_after(std::min(after, settled_by_wall(schedule, timetable).value_or(after)));
  if (project) go_on_after(settle_pause(*project, schedule, search, now, after, plan));
  bool given_up = search.lost_ahead() || search.lost_behind();
  if (!given_up) settle_due(schedule, project, search, now, after, first, plan);
  given_up = given_up || search.lost_behind();
  if (given_up || makes_no_progress(schedule, plan, now)) {
    DuePlan nothing;
    nothing.settled_to = schedule.settled_to;
    nothing.exhausted = true;
    return nothing;
  }
  plan.exhausted = search.lost_ahead();
  settle_excluded(schedule, timetable, excluded_after, plan);
  return plan;
}

}  // namespace rruled::core
