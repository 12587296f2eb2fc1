#include "daemon/core/refresh.h"

#include "daemon/core/flow_change.h"
#include "daemon/core/lifecycle.h"

#include <algorithm>
#include <utility>

namespace rruled::core {
namespace {

std::optional<Slot> first_unsettled(const store::Schedule& row,
                                    const Timetable& timetable,
                                    bool& exhausted) {
  const Instant before_next = *row.next_run_at - std::chrono::seconds(1);
  return timetable.next(settled_by_wall(row, timetable).value_or(before_next), &exhausted);
}

}  // namespace

std::optional<Refreshed> refreshed(const store::Schedule& row,
                                   bool flow_fires,
                                   const rrule::ZoneDatabase& zones,
                                   const CalendarFinder& calendars,
                                   Timestamp now) {
  const bool broken = row.status == store::ScheduleStatus::error;
  if (!broken && !row.next_run_at) return std::nullopt;
  const auto timetable = Timetable::compile(row, zones, calendars);
  if (!timetable) return std::nullopt;  // the planner quarantines it when it is due
  if (broken) {
    Change change = resumed(row, *timetable, flow_fires, now);
    if (change.schedule.status == store::ScheduleStatus::error) return std::nullopt;
    return Refreshed{{std::move(change.schedule), stamp_of(row)},
                     change.gap,
                     change.excluded,
                     Refreshed::Kind::revived,
                     std::nullopt};
  }
  bool exhausted = false;
  const auto slot = first_unsettled(row, *timetable, exhausted);
  if (exhausted) return std::nullopt;  // so does this
  if (slot && slot->scheduled_for == *row.next_run_at) return std::nullopt;
  store::Schedule moved = row;
  moved.status = slot ? store::ScheduleStatus::active : store::ScheduleStatus::completed;
  moved.next_run_at = slot ? std::optional(slot->scheduled_for) : std::nullopt;
  moved.next_due_at = slot ? std::optional(slot->due_at) : std::nullopt;
  return Refreshed{{std::move(moved), stamp_of(row)},
                   std::nullopt,
                   std::nullopt,
                   Refreshed::Kind::moved,
                   row.next_run_at};
}

}  // namespace rruled::core
