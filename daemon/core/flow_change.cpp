#include "daemon/core/flow_change.h"

#include <utility>

namespace rruled::core {

store::ScheduleStamp stamp_of(const store::Schedule& schedule) {
  return {schedule.version, schedule.next_run_at, schedule.status};
}

void put(store::ChangeSet& changes, Change change, const store::Schedule* before) {
  if (change.gap) changes.gaps.push_back(std::move(*change.gap));
  if (change.excluded) changes.gaps.push_back(std::move(*change.excluded));
  changes.schedules.push_back(
      {std::move(change.schedule),
       before ? std::optional<store::ScheduleStamp>(stamp_of(*before)) : std::nullopt});
}

std::vector<Change> flow_changes(const store::Flow& before,
                                 const store::Flow& after,
                                 const std::vector<store::Schedule>& schedules,
                                 const rrule::ZoneDatabase& zones,
                                 const CalendarFinder& calendars,
                                 Timestamp now,
                                 bool project_paused) {
  std::vector<Change> changes;
  const bool fires = can_fire(after.status, after.trigger_type);
  if (fires == can_fire(before.status, before.trigger_type)) return changes;
  for (const auto& row : schedules) {
    if (row.status != store::ScheduleStatus::active) continue;
    const auto timetable = Timetable::compile(row, zones, calendars);
    if (timetable)
      changes.push_back(flow_changed(row, *timetable, fires, now, project_paused));
    else
      changes.push_back({quarantined(row, timetable.error().text()), std::nullopt});
  }
  return changes;
}

std::vector<Change> calendar_changes(const std::vector<store::Schedule>& schedules,
                                     const CalendarFinder& before,
                                     const CalendarFinder& after,
                                     const std::function<bool(store::FlowId)>& fires,
                                     const rrule::ZoneDatabase& zones,
                                     Timestamp now) {
  std::vector<Change> changes;
  for (const auto& row : schedules) {
    const auto old = Timetable::compile(row, zones, before);
    const auto now_valid = Timetable::compile(row, zones, after);
    if (!now_valid) continue;  // it is in error, or will be when it is due
    // What is settled between the reading of the rows and the writing is a conflict: the flow is
    // asked for only where next_run_at, or the pause, does not tell.
    const bool flow_fires =
        row.next_run_at || (row.status != store::ScheduleStatus::paused && fires(row.flow_id));
    if (row.status == store::ScheduleStatus::error) {
      changes.push_back(resumed(row, *now_valid, flow_fires, now));
    } else {
      changes.push_back(edited(row, old ? &*old : nullptr, row, *now_valid, flow_fires, now));
    }
  }
  return changes;
}

}  // namespace rruled::core
