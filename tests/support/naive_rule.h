// An oracle for the recurrence engine: walks day by day, hour by hour, second by second, and asks
// the table of RFC 5545 3.3.10 about each. Shares no arithmetic with the engine; slow on purpose.
#pragma once

#include "rrule/recurrence.h"

#include <cstddef>
#include <vector>

namespace rruled::rrule {

struct NaiveAnswer {
  std::vector<sys_seconds> instants;  // strictly increasing
  sys_seconds known_until;            // every occurrence before this is listed
};

// Occurrences from `starts_at` on, until `until` or until about `ticks_max` wall-clock times were
// looked at.
NaiveAnswer naive_occurrences(const Rule& rule,
                              sys_seconds starts_at,
                              const TimeZone& zone,
                              DstPolicy policy,
                              sys_seconds until,
                              std::size_t ticks_max);

}  // namespace rruled::rrule
