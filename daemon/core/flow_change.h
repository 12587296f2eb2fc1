#pragma once

#include "daemon/core/lifecycle.h"
#include "store/store.h"

#include <functional>
#include <vector>

// What a write by a person carries along. Pure.
namespace rruled::core {

// What the writer read before it decided.
[[nodiscard]] store::ScheduleStamp stamp_of(const store::Schedule& schedule);

// Adds a changed row to `changes`, with its gap; `before`: the row as read, null for a new one.
void put(store::ChangeSet& changes, Change change, const store::Schedule* before);

// `after` takes the place of `before`: rows of the flow's schedules that begin or cease to fire by
// it. A schedule that cannot be used is quarantined. `project_paused`: the flow's project is.
[[nodiscard]] std::vector<Change> flow_changes(const store::Flow& before,
                                               const store::Flow& after,
                                               const std::vector<store::Schedule>& schedules,
                                               const rrule::ZoneDatabase& zones,
                                               const CalendarFinder& calendars,
                                               Timestamp now,
                                               bool project_paused);

// The days of a calendar change: rows of the schedules that name it, which `before` and `after`
// find, in their order. Each of them is there, changed or not: by their new versions the daemons
// learn of the days. `fires`: whether the flow of a schedule can fire; asked of few.
[[nodiscard]] std::vector<Change> calendar_changes(const std::vector<store::Schedule>& schedules,
                                                   const CalendarFinder& before,
                                                   const CalendarFinder& after,
                                                   const std::function<bool(store::FlowId)>& fires,
                                                   const rrule::ZoneDatabase& zones,
                                                   Timestamp now);

}  // namespace rruled::core
