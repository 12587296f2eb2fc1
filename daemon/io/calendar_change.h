#pragma once

#include "daemon/core/json_text.h"
#include "rrule/zone_database.h"
#include "store/directory.h"
#include "store/store.h"

#include <cstddef>
#include <optional>
#include <string>

// What a change of a calendar's days does to the schedules that name it: the same for the API and
// the command line.
namespace rruled::io {

// Schedules that one calendar moves in one transaction.
inline constexpr std::size_t kMovedSchedulesMax = 100'000;

// The first `limit` schedules that name it, and how many there are.
[[nodiscard]] store::Page<store::Schedule> schedules_of_calendar(store::Directory& directory,
                                                                 const store::CalendarName& name,
                                                                 std::size_t limit);

struct ScheduleMove {
  store::Store& store;
  store::Directory& directory;
  const rrule::ZoneDatabase& zones;
  std::size_t schedules_max = kMovedSchedulesMax;
};
struct MoveRefusal {
  std::optional<core::FieldError> days;  // cannot be read; absent: too many schedules
  std::string text;
};
// Adds the schedules that name the calendar to `changes`, on their way by its new days: all of
// them, or nothing and why.
[[nodiscard]] std::optional<MoveRefusal> move_schedules(const ScheduleMove& move,
                                                        const store::Calendar& after,
                                                        store::Timestamp now,
                                                        store::ChangeSet& changes);

}  // namespace rruled::io
