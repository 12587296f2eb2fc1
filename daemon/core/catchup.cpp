#include "daemon/core/catchup.h"

#include <algorithm>
#include <utility>

namespace rruled::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// How far back an older occurrence may still be run: at least one interval, so that the last run of
// a yearly rule is not lost to a window of a day.
milliseconds window_of(const store::Schedule& schedule,
                       const Timetable& timetable,
                       Instant newest) {
  milliseconds interval{0};
  if (const auto following = timetable.next(newest)) {
    interval = following->scheduled_for - newest;
  } else if (const auto before = timetable.previous(newest)) {
    interval = newest - before->scheduled_for;
  }
  return std::max(schedule.catchup_window, interval);
}

// The older occurrences to run, oldest first, at most `room`: all at or after `first`.
std::vector<Slot> made_up(const store::Schedule& schedule,
                          const Timetable& timetable,
                          Instant first,
                          Slot newest,
                          std::size_t room,
                          Timestamp now) {
  if (schedule.catchup == store::CatchupPolicy::none) return {};
  if (schedule.catchup == store::CatchupPolicy::last) room = std::min<std::size_t>(room, 1);
  const Timestamp oldest_allowed = now - window_of(schedule, timetable, newest.scheduled_for);
  std::vector<Slot> slots;
  std::optional<Slot> slot = newest;
  while (slot && slots.size() < room && slot->scheduled_for >= first &&
         slot->due_at >= oldest_allowed) {
    slots.push_back(*slot);
    slot = timetable.previous(slot->scheduled_for);
  }
  std::ranges::reverse(slots);
  return slots;
}

}  // namespace

DuePlan plan_due(const store::Schedule& schedule, const Timetable& timetable, Timestamp now) {
  DuePlan plan;
  plan.settled_to = schedule.settled_to;
  const Instant before_due = *schedule.next_run_at - seconds(1);
  const Instant after = std::max(schedule.settled_to.value_or(before_due), before_due);
  const auto first = timetable.next(after);
  if (!first || first->due_at > now) {
    plan.next = first;
    return plan;
  }

  const auto older = timetable.latest_due(after, now - schedule.catchup_grace - milliseconds(1));
  std::vector<Slot> late;
  auto slot = older ? timetable.next(older->scheduled_for) : first;
  while (slot && slot->due_at <= now && late.size() < kRunsMax) {
    late.push_back(*slot);
    slot = timetable.next(slot->scheduled_for);
  }
  plan.next = slot;

  if (older) {
    const std::size_t room = kCatchupMax - std::min(kCatchupMax, late.size());
    const auto old = made_up(schedule, timetable, first->scheduled_for, *older, room, now);
    for (const Slot& each : old) plan.runs.push_back({each, !plan.runs.empty()});
    const auto last_missed = old.empty() ? older : timetable.previous(old.front().scheduled_for);
    if (last_missed && last_missed->scheduled_for >= first->scheduled_for)
      plan.gap = store::Gap{schedule.id, store::GapReason::missed, first->scheduled_for,
                            last_missed->scheduled_for,
                            timetable.count(first->scheduled_for, last_missed->scheduled_for)};
    plan.settled_to = older->scheduled_for;
  }
  for (const Slot& each : late) plan.runs.push_back({each, false});
  if (!late.empty()) plan.settled_to = late.back().scheduled_for;
  return plan;
}

}  // namespace rruled::core
