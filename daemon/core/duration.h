#pragma once

#include "rrule/result.h"

#include <chrono>
#include <string>
#include <string_view>

namespace rruled::core {

// Lengths of time as people write them. Pure, thread-safe.
//
// Two forms, both exact and never negative, at most 64 bytes, up to 2^63 - 1 ms:
//   units     "90s", "5m", "24h", "1d", "500ms", "1h30m": d, h, m, s, ms, each at most once, in
//   this order ISO 8601  "PT90S", "P1D", "PT1H30M", "P2W", "PT0.5S": seconds may have up to three
//   decimals
// A day is 24 h, a week 7 days. Years and months have no one length and are refused, as is a number
// without a unit. Units are lower case, ISO 8601 upper case.
// Errors: empty, too_long, syntax, unsupported (years, months), bad_value (does not fit). `offset`
// is where the part that is wrong begins.
[[nodiscard]] rrule::Result<std::chrono::milliseconds> parse_duration(std::string_view text);

// The canonical text: one number with the largest of the units d, h, m, s, ms that divides it, so
// "1d", "90s", "90m"; "0s" for none. parse_duration() reads it back to the same. A negative one,
// which only a difference of times can be, prints as "-90s" and is not read back.
[[nodiscard]] std::string duration_text(std::chrono::milliseconds duration);

}  // namespace rruled::core
