// The nights on which others lose runs, or run twice, through the whole engine: what is fired is
// what the preview says, and what a person would expect.
#include "daemon/core/flow_change.h"
#include "daemon/core/preview.h"
#include "store/memory_store.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;

struct Night {
  const char* rrule;
  const char* starts_at;
  const char* timezone;
  const char* from;  // exclusive
  const char* to;    // inclusive
  std::vector<const char*> fired;
};

std::vector<Instant> instants_at(const std::vector<const char*>& texts) {
  std::vector<Instant> all;
  for (const char* text : texts) all.push_back(at(text));
  return all;
}

std::vector<Instant> previewed(Simulation& simulation, store::ScheduleId id, const Night& night) {
  const auto timetable =
      core::Timetable::compile(*simulation.store().schedule(id), simulation.zones()).value();
  const auto list =
      core::preview(timetable, {.after = at(night.from), .until = at(night.to), .count = 1'000});
  std::vector<Instant> all;
  for (const auto& each : list.items) all.push_back(each.occurrence.instant);
  return all;
}

const Night kNights[] = {
    // Hourly over New York's fold: no silent hour.
    {"FREQ=HOURLY",
     "2026-10-01T00:00:00Z",
     "America/New_York",
     "2026-11-01T03:30:00Z",
     "2026-11-01T08:00:00Z",
     {"2026-11-01T04:00:00Z", "2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z",
      "2026-11-01T07:00:00Z", "2026-11-01T08:00:00Z"}},
    // Quarter-hourly: none of 75 silent minutes.
    {"FREQ=MINUTELY;INTERVAL=15",
     "2026-10-01T00:00:00Z",
     "America/New_York",
     "2026-11-01T05:30:00Z",
     "2026-11-01T07:00:00Z",
     {"2026-11-01T05:45:00Z", "2026-11-01T06:00:00Z", "2026-11-01T06:15:00Z",
      "2026-11-01T06:30:00Z", "2026-11-01T06:45:00Z", "2026-11-01T07:00:00Z"}},
    // Lord Howe's half-hour fold.
    {"FREQ=MINUTELY;INTERVAL=15",
     "2026-04-01T00:00:00Z",
     "Australia/Lord_Howe",
     "2026-04-04T14:30:00Z",
     "2026-04-04T15:30:00Z",
     {"2026-04-04T14:45:00Z", "2026-04-04T15:00:00Z", "2026-04-04T15:15:00Z",
      "2026-04-04T15:30:00Z"}},
    // A daily time in the gap: once, read with the offset before it.
    {"FREQ=DAILY",
     "2026-03-01T07:30:00Z",
     "America/New_York",
     "2026-03-07T00:00:00Z",
     "2026-03-10T00:00:00Z",
     {"2026-03-07T07:30:00Z", "2026-03-08T07:30:00Z", "2026-03-09T06:30:00Z"}},
    // Hourly over the gap: nothing twice, and the preview says the same.
    {"FREQ=HOURLY",
     "2026-03-01T00:00:00Z",
     "America/New_York",
     "2026-03-08T06:30:00Z",
     "2026-03-08T10:00:00Z",
     {"2026-03-08T07:00:00Z", "2026-03-08T08:00:00Z", "2026-03-08T09:00:00Z",
      "2026-03-08T10:00:00Z"}},
    // UNTIL with Z is an instant: the run of 3 January is one.
    {"FREQ=DAILY;UNTIL=20260102T233000Z",
     "2025-12-31T23:30:00Z",
     "Europe/Prague",
     "2025-12-31T00:00:00Z",
     "2026-01-06T00:00:00Z",
     {"2025-12-31T23:30:00Z", "2026-01-01T23:30:00Z", "2026-01-02T23:30:00Z"}},
    // Old starts: the same as if they were new.
    {"FREQ=MINUTELY",
     "2023-01-01T00:00:00Z",
     "Europe/Prague",
     "2026-09-10T12:00:00Z",
     "2026-09-10T12:02:00Z",
     {"2026-09-10T12:01:00Z", "2026-09-10T12:02:00Z"}},
    {"FREQ=SECONDLY;INTERVAL=30",
     "2025-09-10T00:00:00Z",
     "Europe/Prague",
     "2026-09-10T12:00:00Z",
     "2026-09-10T12:01:00Z",
     {"2026-09-10T12:00:30Z", "2026-09-10T12:01:00Z"}},
    // Dublin, whose winter time is the exception: a daily time in the fold once, hourly always.
    {"FREQ=DAILY",
     "2026-10-01T00:30:00Z",
     "Europe/Dublin",
     "2026-10-24T00:00:00Z",
     "2026-10-26T12:00:00Z",
     {"2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
    {"FREQ=HOURLY",
     "2026-10-01T00:00:00Z",
     "Europe/Dublin",
     "2026-10-24T23:30:00Z",
     "2026-10-25T02:00:00Z",
     {"2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"}},
    // Casablanca goes back when Ramadan begins.
    {"FREQ=DAILY",
     "2024-03-01T01:30:00Z",
     "Africa/Casablanca",
     "2024-03-09T00:00:00Z",
     "2024-03-12T00:00:00Z",
     {"2024-03-09T01:30:00Z", "2024-03-10T01:30:00Z", "2024-03-11T02:30:00Z"}},
    {"FREQ=HOURLY",
     "2024-03-01T00:00:00Z",
     "Africa/Casablanca",
     "2024-03-10T00:30:00Z",
     "2024-03-10T04:00:00Z",
     {"2024-03-10T01:00:00Z", "2024-03-10T02:00:00Z", "2024-03-10T03:00:00Z",
      "2024-03-10T04:00:00Z"}},
    // Apia had no 30 December 2011: a day's gap, read with the offset before it.
    {"FREQ=DAILY",
     "2011-12-20T19:00:00Z",
     "Pacific/Apia",
     "2011-12-28T00:00:00Z",
     "2012-01-01T00:00:00Z",
     {"2011-12-28T19:00:00Z", "2011-12-29T19:00:00Z", "2011-12-30T19:00:00Z",
      "2011-12-31T19:00:00Z"}},
};

}  // namespace

TEST_CASE("on the nights when clocks change, what is fired is previewed and nothing is lost") {
  const auto index = GENERATE(range(std::size_t{0}, std::size(kNights)));
  const Night& night = kNights[index];
  CAPTURE(night.rrule, night.timezone, night.from);
  store::MemoryStore store;
  Simulation simulation(store, at(night.from), {});
  const auto id = simulation.add(night.rrule, at(night.starts_at), night.timezone);
  CHECK(previewed(simulation, id, night) == instants_at(night.fired));
  simulation.run_until(at(night.to));
  CHECK(account_of(store, id).runs == instants_at(night.fired));
  CHECK(account_of(store, id).in_gaps == 0);
  CHECK(simulation.sent().size() == night.fired.size());
}

TEST_CASE("an edit in the second reading of a wall time does not fire what ran in the first") {
  store::MemoryStore store;
  Simulation simulation(store, at("2026-10-31T12:00:00Z"), {});
  const auto id = simulation.add("FREQ=DAILY", at("2026-10-01T05:45:00Z"), "America/New_York");
  simulation.run_until(at("2026-11-01T06:30:00Z"));  // 01:30 for the second time
  REQUIRE(account_of(store, id).runs == instants_at({"2026-11-01T05:45:00Z"}));
  const auto before = *store.schedule(id);
  auto after = before;
  after.rrule = "FREQ=DAILY;INTERVAL=1";
  const auto timetable = core::Timetable::compile(after, simulation.zones()).value();
  store::ChangeSet changes;
  core::put(changes, core::edited(before, &timetable, after, timetable, true, simulation.now()),
            &before);
  REQUIRE_FALSE(store.write(changes, simulation.now()));
  CHECK(store.schedule(id)->next_run_at == at("2026-11-02T06:45:00Z"));
  simulation.run_until(at("2026-11-02T12:00:00Z"));
  CHECK(account_of(store, id).runs ==
        instants_at({"2026-11-01T05:45:00Z", "2026-11-02T06:45:00Z"}));
}

}  // namespace rruled::test
