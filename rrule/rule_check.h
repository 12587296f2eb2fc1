// What RFC 5545 3.3.10 asks of the parts of a rule, apart from its text. Internal to rrule.
#pragma once

#include "rrule/result.h"
#include "rrule/rule.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace rruled::rrule::detail {

enum class Part : std::uint8_t {
  freq,
  until,
  count,
  interval,
  by_second,
  by_minute,
  by_hour,
  by_day,
  by_monthday,
  by_yearday,
  by_weekno,
  by_month,
  by_setpos,
  wkst,
  rscale,
  skip
};
inline constexpr std::size_t kParts = 16;
inline constexpr std::array<const char*, kParts> kPartNames{
    "FREQ",       "UNTIL",     "COUNT",    "INTERVAL", "BYSECOND", "BYMINUTE", "BYHOUR", "BYDAY",
    "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH",  "BYSETPOS", "WKST",     "RSCALE", "SKIP"};

// Numbers that a list part may hold; `sign` when negative ones count from the end (then 0 is out).
struct Range {
  int low;
  int high;
  bool sign;
  [[nodiscard]] bool holds(int value) const {
    return value >= (sign ? -high : low) && value <= high && (!sign || value != 0);
  }
};
[[nodiscard]] Range range_of(Part part);

struct Violation {
  ErrorCode code;
  Part part;
  std::string detail;
};

// The first requirement that `parts` break, or nullopt.
[[nodiscard]] std::optional<Violation> check(const RuleParts& parts);

// "BYHOUR takes 0 to 23".
[[nodiscard]] std::string describe_range(Part part);

}  // namespace rruled::rrule::detail
