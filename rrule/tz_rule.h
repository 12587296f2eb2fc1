#pragma once

#include "rrule/result.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace rruled::rrule {

// The rule for times after the last stored transition of a TZif file: a POSIX TZ string with the
// extensions of RFC 8536 3.3.1 (times of day from -167 to 167 h). Value type; pure.
//
//   const auto rule = parse_tz_rule("IST-1GMT0,M10.5.0,M3.5.0/1");   // Dublin's "DST" is winter
//   rule->daylight->starts.in(2030);
struct TzRule {
  using seconds = std::chrono::seconds;

  // A day of any year and a wall-clock time on it.
  struct Date {
    enum class Form : std::uint8_t {
      day_of_365,     // Jn: 1 to 365, February 29 is never counted
      day_from_zero,  // n: 0 to 365, February 29 is counted
      weekday,        // Mm.w.d: week 1 to 5 (5 is the last), day 0 (Sunday) to 6
    };
    Form form = Form::weekday;
    int month = 1;
    int week = 1;
    int day = 0;
    seconds time{};

    // Seconds from the epoch of this wall-clock time in `year`, as if it were UTC.
    [[nodiscard]] seconds in(int year) const;
  };

  struct Daylight {
    seconds offset;
    Date starts;  // wall clock of standard time
    Date ends;    // wall clock of daylight time
  };

  seconds standard{};  // east of Greenwich is positive, as everywhere here but in the text
  std::optional<Daylight> daylight;
};

// Error offsets count from the start of `text`. A daylight name without a rule ("EST5EDT") is
// refused: what it means is up to each system.
[[nodiscard]] Result<TzRule> parse_tz_rule(std::string_view text);

}  // namespace rruled::rrule
