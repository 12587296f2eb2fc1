#pragma once

#include "rrule/ical.h"
#include "rrule/parse.h"
#include "rrule/recurrence.h"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

// What the tests of reading and of writing calendars share.
namespace rruled::rrule::test {

[[nodiscard]] inline const ZoneDatabase& zones() {
  static const ZoneDatabase database;
  return database;
}

// Must be readable.
[[nodiscard]] inline Calendar read(const std::string& text, std::string_view default_zone = "") {
  auto result = read_calendar(text, zones(), default_zone);
  REQUIRE(result.has_value());
  return *std::move(result);
}

// The first `n` instants.
[[nodiscard]] inline std::vector<sys_seconds> first_times(const CalendarEntry& one, std::size_t n) {
  const auto zone = zones().find(one.zone).value();
  const auto compiled =
      Recurrence::compile(one.recurrence, start_instant(one.starts_at_local, *zone), zone, {},
                          [](const auto& name) { return zones().find(name); });
  REQUIRE(compiled.has_value());
  std::vector<sys_seconds> result;
  for (const auto& o : compiled->between(date::sys_days{date::year{1970} / 1 / 1},
                                         date::sys_days{date::year{2100} / 1 / 1}, n)) {
    result.push_back(o.instant);
  }
  return result;
}

}  // namespace rruled::rrule::test
