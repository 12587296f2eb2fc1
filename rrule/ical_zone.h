#pragma once

#include "rrule/ical_value.h"
#include "rrule/time_zone.h"

namespace rruled::rrule::ical {

// A VTIMEZONE (RFC 5545 3.6.5) that holds from `from` on: a rule for each yearly change that goes
// on to 2200, the dates themselves for all others. No names (TZNAME): TimeZone keeps none.
[[nodiscard]] ComponentPtr vtimezone(const TimeZone& zone, sys_seconds from);

}  // namespace rruled::rrule::ical
