// A ledger that is pruned while it is written: what has gone does not come back.
#include "daemon/core/lifecycle.h"
#include "store/memory_store.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

#include <map>
#include <set>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
constexpr auto kDay = std::chrono::hours(24);

// Writes the schedule as the command line does when its rule is given again.
void edit(Simulation& world, store::ScheduleId id, const std::string& rrule) {
  const auto before = *world.store().schedule(id);
  auto after = before;
  after.rrule = rrule;
  const auto old_timetable = core::Timetable::compile(before, world.zones()).value();
  const auto timetable = core::Timetable::compile(after, world.zones()).value();
  auto change = core::edited(before, &old_timetable, after, timetable, true, world.now());
  const store::ScheduleStamp stamp{before.version, before.next_run_at, before.status};
  store::ChangeSet changes;
  changes.schedules = {{change.schedule, stamp}};
  if (change.gap) changes.gaps = {*change.gap};
  REQUIRE_FALSE(world.store().write(changes, world.now()));
}

std::size_t prune(Simulation& world) {
  std::size_t gone = 0;
  store::Pruned pruned;
  do {
    pruned = world.store().prune(
        {.runs_before = world.now() - 10 * kDay, .logs_before = world.now() - 5 * kDay, .limit = 3},
        world.now());
    gone += pruned.runs;
  } while (pruned.more);
  return gone;
}

}  // namespace

TEST_CASE("what was pruned does not fire again, whatever happens to its schedule") {
  store::MemoryStore store;
  Simulation::Options options;
  options.crash_every = GENERATE(0, 7);
  Simulation world(store, at("2026-01-01T00:00:00Z"), options);
  const auto id = world.add("FREQ=HOURLY", at("2026-01-01T00:00:00Z"), "UTC", [](auto& row) {
    row.catchup_window = 3 * kDay;
    row.catchup = store::CatchupPolicy::all;
  });
  std::size_t gone = 0;
  for (int day = 1; day <= 40; ++day) {
    world.run_until(at("2026-01-01T00:00:00Z") + day * kDay);
    gone += prune(world);
    if (day == 20) edit(world, id, "FREQ=HOURLY;INTERVAL=2");
    if (day == 25) {
      world.step_clock(-15 * kDay);  // the days come again
      edit(world, id, "FREQ=HOURLY");
    }
    if (day == 30) world.down_until(world.now() + kDay);
  }
  std::set<Instant> fired;
  for (const auto& sent : world.sent())
    if (!fired.insert(sent.scheduled_for).second) CHECK(options.crash_every > 0);
  std::map<std::string, std::set<Instant>> by_key;
  for (const auto& sent : world.sent()) by_key[sent.key].insert(sent.scheduled_for);
  CHECK(by_key.size() == fired.size());
  // Hourly for twenty days, then every second hour for five, and hourly again.
  CHECK(fired.size() > 33 * 24 + 5 * 12);
  CHECK(gone + store.runs({.limit = 10'000}).size() == fired.size());
  CHECK(gone > 20 * 24);
}

}  // namespace rruled::test
