#include "daemon/io/calendar_change.h"

#include "daemon/core/excluded_days.h"
#include "daemon/core/flow_change.h"
#include "daemon/io/calendar_finder.h"

#include <map>
#include <utility>

namespace rruled::io {

store::Page<store::Schedule> schedules_of_calendar(store::Directory& directory,
                                                   const store::CalendarName& name,
                                                   std::size_t limit) {
  store::ScheduleFilter filter{.project_id = name.project_id};
  filter.calendar = name.name;
  return directory.schedules(filter, {limit, 0});
}

std::optional<MoveRefusal> move_schedules(const ScheduleMove& move,
                                          const store::Calendar& after,
                                          store::Timestamp now,
                                          store::ChangeSet& changes) {
  auto days = core::ExcludedDays::compile(after.days, move.zones);
  if (!days) return MoveRefusal{days.error(), days.error().detail};
  const auto [schedules, count] =
      schedules_of_calendar(move.directory, {after.project_id, after.name}, move.schedules_max);
  if (count > schedules.size())
    return MoveRefusal{std::nullopt,
                       std::to_string(count) + " schedules name this calendar, and at most " +
                           std::to_string(move.schedules_max) +
                           " can be moved at once; nothing was written: make another calendar with"
                           " these days, and give it to them."};
  const auto new_days = [days = std::move(*days)](std::int64_t, const std::string&) {
    return days;
  };
  const auto fires = [&](store::FlowId id) {
    const auto flow = move.store.flow(id);
    return flow && core::can_fire(flow->status, flow->trigger_type);
  };
  std::map<store::ScheduleId, const store::Schedule*> before;
  for (const auto& each : schedules) before.emplace(each.id, &each);
  for (auto& change : core::calendar_changes(schedules, calendar_finder(move.directory, move.zones),
                                             new_days, fires, move.zones, now)) {
    const auto* row = before.at(change.schedule.id);
    core::put(changes, std::move(change), row);
  }
  return std::nullopt;
}

}  // namespace rruled::io
