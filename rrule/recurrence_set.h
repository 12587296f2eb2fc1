// What a schedule's `rrule` text says: rules and dates to include, rules and dates to leave out
// (RFC 5545 3.8.5; EXRULE from RFC 2445 A.). A plain value; needs a start and a zone to have
// occurrences (recurrence.h).
#pragma once

#include "rrule/rule.h"

#include <compare>
#include <string>
#include <variant>
#include <vector>

namespace rruled::rrule {

// A wall-clock time in a zone named in the text by TZID. Converted when the recurrence is compiled.
struct ZonedTime {
  std::string zone;
  local_seconds local;
  friend auto operator<=>(const ZonedTime&, const ZonedTime&) = default;
};

// One value of RDATE or EXDATE.
//   day      RDATE: that day at the start's time of day. EXDATE: every occurrence of that local day
//   local    wall-clock time in the schedule's zone
//   instant  written with Z
//   zoned    wall-clock time in another zone
using DateValue = std::variant<date::local_days, local_seconds, sys_seconds, ZonedTime>;

struct RecurrenceSet {
  std::vector<Rule> rules;
  std::vector<Rule> exclude_rules;
  std::vector<DateValue> dates;
  std::vector<DateValue> exclude_dates;
  friend bool operator==(const RecurrenceSet&, const RecurrenceSet&) = default;
};

// Canonical text: one rule alone is printed bare, anything else as content lines joined by "\n",
// in the order RRULE, RDATE, EXRULE, EXDATE. parse_recurrence(to_string(s)) == s for a parsed s.
[[nodiscard]] std::string to_string(const RecurrenceSet& set);

}  // namespace rruled::rrule
