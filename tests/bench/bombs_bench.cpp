// Rules made to hang a scheduler: how long each takes to be answered or refused, parsed, compiled
// and asked for its next occurrence; the median of 21. The aim is 1 ms.
#include "rrule/parse.h"
#include "rrule/recurrence.h"
#include "rrule/zone_database.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace rruled::rrule;
using Steady = std::chrono::steady_clock;

std::string many_dates(std::size_t count) {
  std::string text = "RRULE:FREQ=HOURLY\nEXDATE:20250106T000000";
  auto at = date::local_seconds(date::local_days{date::year{2025} / 1 / 6});
  for (std::size_t i = 1; i < count; ++i)
    text += date::format(",%Y%m%dT%H%M%S", at += std::chrono::hours{1});
  return text;
}

std::vector<std::pair<std::string, std::string>> bombs() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const char* rule :
       {"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYSETPOS=2",
        "FREQ=SECONDLY;BYYEARDAY=366;BYMONTH=1",
        "FREQ=SECONDLY;COUNT=2000000000",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=MONTHLY;INTERVAL=12;BYMONTH=3",
        "FREQ=SECONDLY;INTERVAL=60;BYSECOND=1",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=9223372036854775808",
        "FREQ=DAILY;UNTIL=19700101T000000Z",
        "FREQ=DAILY;UNTIL=99991231T000000Z",
        "FREQ=MONTHLY;BYDAY=+53MO",
        "RRULE:FREQ=SECONDLY\nEXRULE:FREQ=SECONDLY",
        "RRULE:FREQ=SECONDLY\nEXRULE:FREQ=SECONDLY;INTERVAL=2\nEXRULE:FREQ=SECONDLY;INTERVAL=2;"
        "BYSECOND=1",
        "FREQ=SECONDLY;INTERVAL=7;BYHOUR=9,10;COUNT=100000000",
        "FREQ=MINUTELY;INTERVAL=7;BYDAY=1MO;BYMONTHDAY=1,2,3;COUNT=1000000"})
    all.emplace_back(rule, rule);
  all.emplace_back("10,000 EXDATEs, over the limit of 64 KiB", many_dates(10'000));
  all.emplace_back("4,000 EXDATEs, 63 KiB", many_dates(4'000));
  all.emplace_back("1 MB of digits", "FREQ=DAILY;BYMONTHDAY=" + std::string(1U << 20U, '1'));
  all.emplace_back("a NUL inside", std::string("FREQ=DAILY\0;COUNT=1", 19));
  return all;
}

}  // namespace

int main() {
  const ZoneDatabase zones;
  double worst = 0;
  for (const char* name : {"UTC", "America/New_York", "Australia/Lord_Howe"}) {
    const auto zone = zones.find(name).value();
    for (const auto& [title, text] : bombs()) {
      std::vector<double> times;
      bool answered = false;
      for (int i = 0; i < 21; ++i) {
        const auto start = Steady::now();
        const auto set = Recurrence::compile(
            text, date::sys_days{date::year{1971} / 1 / 1} + std::chrono::hours{12}, zone, {});
        answered = set && set->next(date::sys_days{date::year{2026} / 1 / 1});
        times.push_back(std::chrono::duration<double, std::micro>(Steady::now() - start).count());
      }
      std::nth_element(times.begin(), times.begin() + 10, times.end());
      worst = std::max(worst, times[10]);
      std::string line = title.substr(0, 70);
      std::replace(line.begin(), line.end(), '\n', ' ');
      std::printf("%9.1f us  %-20s %-9s %s\n", times[10], name, answered ? "occurs" : "none",
                  line.c_str());
    }
  }
  std::printf("the slowest: %.0f us\n", worst);
}
