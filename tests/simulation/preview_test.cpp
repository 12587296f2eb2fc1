#include "daemon/core/timetable.h"
#include "store/memory_store.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

#include <set>

namespace rruled::test {
namespace {

struct Case {
  const char* rrule;
  const char* starts_at;
  const char* timezone;
};

}  // namespace

TEST_CASE("preview lists exactly what a simulated run of the same schedule fires", "[sweep]") {
  const auto [rrule, starts_at, timezone] = GENERATE(
      Case{"FREQ=DAILY", "2025-03-08T07:30:00Z", "America/New_York"},
      Case{"FREQ=HOURLY", "2025-03-09T05:00:00Z", "America/New_York"},
      Case{"FREQ=MINUTELY;INTERVAL=15", "2025-11-02T04:00:00Z", "America/New_York"},
      Case{"FREQ=MINUTELY;INTERVAL=15", "2025-04-05T12:00:00Z", "Australia/Lord_Howe"},
      Case{"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2020-01-01T17:00:00Z",
           "Europe/Dublin"},
      Case{"FREQ=DAILY;COUNT=40", "2025-03-01T01:30:00Z", "Africa/Casablanca"},
      Case{"FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20251231T235959Z", "2019-01-01T00:30:00Z",
           "Europe/Prague"},
      Case{"RRULE:FREQ=DAILY;BYHOUR=2;BYMINUTE=30\nEXDATE:20250310T023000\nRDATE:20250311T120000",
           "2025-03-01T00:00:00Z", "America/New_York"});
  CAPTURE(rrule, starts_at, timezone);
  const Instant from = at("2025-03-01T00:00:00Z");
  const Instant to = at("2025-12-31T00:00:00Z");
  store::MemoryStore store;
  Simulation simulation(store, from, {});
  const auto id = simulation.add(rrule, at(starts_at), timezone);
  const auto timetable = core::Timetable::compile(*store.schedule(id), simulation.zones());
  REQUIRE(timetable.has_value());
  std::vector<Instant> previewed;
  for (const auto& each : timetable->recurrence().between(from + std::chrono::seconds(1),
                                                          to + std::chrono::seconds(1), 100'000))
    previewed.push_back(each.instant);
  REQUIRE(previewed.size() > 5);

  simulation.run_until(to);
  CHECK(account_of(store, id).runs == previewed);
  CHECK(simulation.sent().size() == previewed.size());
}

}  // namespace rruled::test
