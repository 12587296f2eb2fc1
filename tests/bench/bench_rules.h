// The rules that the benchmarks of the recurrence engine and of its peers share.
#pragma once

#include "rrule/time_zone.h"

#include <array>
#include <sstream>
#include <stdexcept>
#include <string>

namespace rruled::bench {

inline const std::array<std::string, 13> kRules{
    "FREQ=DAILY",
    "FREQ=WEEKLY;BYDAY=MO,WE,FR",
    "FREQ=MONTHLY;BYDAY=1MO",
    "FREQ=MONTHLY;BYMONTHDAY=-1",
    "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
    "FREQ=HOURLY;INTERVAL=6",
    "FREQ=MINUTELY;INTERVAL=5",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
    "FREQ=SECONDLY;INTERVAL=30",
    "FREQ=DAILY;COUNT=100000",
    "FREQ=WEEKLY;BYDAY=TU,TH;UNTIL=20351231T235959Z",
    "FREQ=DAILY;BYHOUR=9,12,17;BYMINUTE=0,30",
};

// 2026-01-31T09:00:00Z
inline std::chrono::sys_seconds at(const std::string& text) {
  std::istringstream in(text);
  std::chrono::sys_seconds instant;
  in >> date::parse("%FT%TZ", instant);
  if (!in) throw std::runtime_error("not a time: " + text);
  return instant;
}

}  // namespace rruled::bench
