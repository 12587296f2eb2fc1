#include "rrule/recurrence.h"
#include "rrule/zone_database.h"

#include <iostream>

using namespace date::literals;

int main() {
  const rruled::rrule::ZoneDatabase zones;
  const auto zone = zones.find("Europe/Prague").value();
  const auto start = date::sys_days{2026_y / 1 / 1} + std::chrono::hours{8};
  const auto rule = "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1";
  const auto last_weekday = rruled::rrule::Recurrence::compile(rule, start, zone, {}).value();
  for (auto next = last_weekday.next(start); next; next = last_weekday.next(next->instant)) {
    if (next->instant >= date::sys_days{2026_y / 4 / 1}) break;
    std::cout << date::format("%F %T", next->local) << '\n';
  }
}
