#include "daemon/core/flow_change.h"

#include <utility>

namespace rruled::core {

store::ScheduleStamp stamp_of(const store::Schedule& schedule) {
  return {schedule.version, schedule.next_run_at, schedule.status};
}

void put(store::ChangeSet& changes, Change change, const store::Schedule* before) {
  if (change.gap) changes.gaps.push_back(std::move(*change.gap));
  changes.schedules.push_back(
      {std::move(change.schedule),
       before ? std::optional<store::ScheduleStamp>(stamp_of(*before)) : std::nullopt});
}

std::vector<Change> flow_changes(const store::Flow& before,
                                 const store::Flow& after,
                                 const std::vector<store::Schedule>& schedules,
                                 const rrule::ZoneDatabase& zones,
                                 Timestamp now) {
  std::vector<Change> changes;
  const bool fires = can_fire(after.status, after.trigger_type);
  if (fires == can_fire(before.status, before.trigger_type)) return changes;
  for (const auto& row : schedules) {
    if (row.status != store::ScheduleStatus::active) continue;
    const auto timetable = Timetable::compile(row, zones);
    if (timetable)
      changes.push_back(flow_changed(row, *timetable, fires, now));
    else
      changes.push_back({quarantined(row, std::string(timetable.error().field) + ": " +
                                              timetable.error().error.detail),
                         std::nullopt});
  }
  return changes;
}

}  // namespace rruled::core
