#pragma once

#include "daemon/core/timetable.h"
#include "tests/support/simulation.h"

namespace rruled::test {

// At 9:00 UTC, active, settled to June 1st of 2026.
inline store::Schedule daily() {
  store::Schedule row;
  row.rrule = "FREQ=DAILY";
  row.starts_at = at("2026-01-01T09:00:00Z");
  row.created_at = at("2026-01-01T00:00:00Z");
  row.settled_to = at("2026-06-01T09:00:00Z");
  row.next_run_at = at("2026-06-02T09:00:00Z");
  row.next_due_at = *row.next_run_at;
  return row;
}

inline core::Timetable timetable_of(const store::Schedule& row) {
  const rrule::ZoneDatabase zones;
  return core::Timetable::compile(row, zones).value();
}

}  // namespace rruled::test
