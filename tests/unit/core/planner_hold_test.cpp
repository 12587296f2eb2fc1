// What is due waits for a free slot of its executor, each schedule as long as it may.
#include "daemon/core/planner.h"
#include "planner_actions.h"
#include "store/memory_store.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

#include <map>
#include <string>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;

const Instant kDue = at("2026-03-01T00:00:20Z");

// The only slot is taken, and a schedule that may wait for ten seconds is due.
struct Held {
  Held() { simulation.add("FREQ=DAILY", kDue, "UTC"); }
  store::ScheduleId add_hasty(std::int64_t project = 1) {
    return simulation.add("FREQ=DAILY", kDue, "UTC", [project](store::Schedule& schedule) {
      schedule.project_id = project;
      schedule.catchup = store::CatchupPolicy::none;
      schedule.catchup_grace = 1s;
    });
  }
  void load() {
    for (const auto& load : all_of<core::LoadDue>(planner.step(kNow)))
      planner.complete(core::Loaded{store.load_due(load.after, load.before, load.limit)}, kNow);
    planner.complete(core::Claimed{{{claimed_run(1)}, {}}}, kNow);
    REQUIRE(all_of<core::Deliver>(planner.step(kNow)).size() == 1);
  }

  store::MemoryStore store;
  Simulation simulation{store, kNow, {}};
  rrule::ZoneDatabase zones;
  core::Planner planner{{.executors = {{"default", 1}}}, zones, kNow};
};

}  // namespace

TEST_CASE("what may wait for half a second is not missed behind what may wait for ten") {
  Held here;
  const auto hasty = here.add_hasty();
  here.load();
  CHECK(all_of<core::Settle>(here.planner.step(kDue)).empty());
  CHECK(here.planner.next_wake(kDue) == kDue + 500ms);
  const auto settles = all_of<core::Settle>(here.planner.step(kDue + 500ms));
  REQUIRE(settles.size() == 1);
  REQUIRE(settles[0].batch.size() == 1);
  CHECK(settles[0].batch[0].schedule_id == hasty);
  REQUIRE(settles[0].batch[0].runs.size() == 1);
  CHECK(settles[0].batch[0].runs[0].status == store::RunStatus::pending);
  CHECK(settles[0].batch[0].gaps.empty());
}

TEST_CASE("what has waited as long as it may is written down, however many projects wait") {
  Held here;
  for (std::int64_t project = 2; project < 10; ++project) (void)here.add_hasty(project);
  here.load();
  CHECK(all_of<core::Settle>(here.planner.step(kDue)).empty());
  const auto settles = all_of<core::Settle>(here.planner.step(kDue + 500ms));
  REQUIRE(settles.size() == 1);
  CHECK(settles[0].batch.size() == 8);
  for (const auto& settlement : settles[0].batch) CHECK(settlement.gaps.empty());
}

TEST_CASE("what waits for a slot was told as what the store has not kept up with") {
  Held here;
  (void)here.add_hasty();
  here.load();
  const std::map<std::string, bool> full{{"default", true}};
  CHECK(here.planner.full_executors() == full);
  CHECK(all_of<core::Settle>(here.planner.step(kDue)).empty());
  CHECK(here.planner.load().held == 2);
  CHECK(here.planner.load().ready == 0);
  CHECK(all_of<core::Settle>(here.planner.step(kDue + 500ms)).size() == 1);
  CHECK(here.planner.load().held > 0);
  CHECK(here.planner.load().ready == 0);
  // The store does not answer, and the other one has waited as long as it may.
  CHECK(all_of<core::Settle>(here.planner.step(kDue + 10s)).empty());
  CHECK(here.planner.load().held == 0);
  CHECK(here.planner.load().ready > 0);
}

TEST_CASE("a slot that is kept for what the store was asked for is not taken") {
  Held here;
  (void)here.simulation.add("FREQ=DAILY", kDue, "UTC");
  for (const auto& load : all_of<core::LoadDue>(here.planner.step(kNow)))
    here.planner.complete(core::Loaded{here.store.load_due(load.after, load.before, load.limit)},
                          kNow);
  here.planner.complete(core::Claimed{}, kNow);
  const auto settles = all_of<core::Settle>(here.planner.step(kDue));
  REQUIRE(settles.size() == 1);
  CHECK(settles[0].batch.size() == 1);
  CHECK(here.planner.load().ready == 1);
  CHECK(here.planner.load().held == 0);
  const std::map<std::string, bool> free{{"default", false}};
  CHECK(here.planner.full_executors() == free);
}

}  // namespace rruled::test
