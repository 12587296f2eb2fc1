#pragma once

#include "rrule/recurrence_set.h"

#include <string>
#include <string_view>

namespace rruled::rrule {

// One English sentence, without capital and full stop, for a person to check a schedule by. Pure.
//
//   describe(parse_recurrence("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO").value(), start, "Europe/Prague")
//       -> "every 2nd week on Monday at 09:00 Europe/Prague"
//
// `dtstart` is the wall-clock start: what a rule leaves open (weekday, day, month, time of day)
// comes from it, as in RFC 5545 3.3.10. `zone` is printed as given. Every part of every rule is
// mentioned unless it changes nothing (WKST where no week is counted); of long lists of dates the
// first ones, and how many more there are.
[[nodiscard]] std::string describe(const RecurrenceSet& set,
                                   local_seconds dtstart,
                                   std::string_view zone);

}  // namespace rruled::rrule
