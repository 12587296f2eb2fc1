#pragma once

#include "daemon/core/timetable.h"
#include "store/store.h"

#include <optional>
#include <string>
#include <vector>

// Stored rows looked at again, when the daemon starts and when it reads the time zones anew
// (semantics.md, 2.9 and 3): next_run_at may no longer be what the rule says, and a row that could
// not be used may be usable now.
namespace rruled::core {

struct Refreshed {
  store::SchedulePut put;  // with the stamp of the row as read
  std::optional<store::Gap> gap;
  std::optional<store::Gap> excluded;  // that its calendar left out
  enum class Kind { moved, revived } kind = Kind::moved;
  std::optional<Instant> from;  // next_run_at before
};

// What must be written of `row`, if anything. `flow_fires`: can_fire() of its flow.
//
// An active row goes on with its first unsettled occurrence by the zones' present rules, but not
// with a wall time that already ran, unless both readings of a fold are wanted (settled_by_wall in
// lifecycle.h). A row in error that can be used now becomes
// active, with a gap for the time between. Others stay as they are.
[[nodiscard]] std::optional<Refreshed> refreshed(const store::Schedule& row,
                                                 bool flow_fires,
                                                 const rrule::ZoneDatabase& zones,
                                                 const CalendarFinder& calendars,
                                                 Timestamp now);

}  // namespace rruled::core
