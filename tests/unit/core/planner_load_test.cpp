// What the planner has of the store's schedules: those that are due soon.
#include "daemon/core/planner.h"
#include "planner_actions.h"
#include "store/memory_store.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;

// Three schedules, due at the 20th second of each minute.
struct Loading {
  Loading() {
    for (int i = 0; i < 3; ++i) simulation.add("FREQ=MINUTELY", at("2026-03-01T00:00:20Z"), "UTC");
  }
  // The load that is asked for, if one is.
  std::optional<core::LoadDue> asked(store::Timestamp now) {
    const auto loads = all_of<core::LoadDue>(planner.step(now));
    return loads.empty() ? std::nullopt : std::optional(loads.at(0));
  }
  void answer(const core::LoadDue& load, store::Timestamp now) {
    planner.complete(core::Loaded{store.load_due(load.after, load.before, load.limit)}, now);
  }
  void change_many(store::Timestamp now) {
    store::Changes changes;
    changes.many = true;
    planner.complete(core::Changed{changes}, now);
  }

  store::MemoryStore store;
  Simulation simulation{store, kNow, {}};
  rrule::ZoneDatabase zones;
  core::Planner planner{{.executors = {{"default", 8}}}, zones, kNow};
};

}  // namespace

TEST_CASE("after more changes than can be told, the horizon is read from its beginning") {
  Loading here;
  here.answer(here.asked(kNow).value(), kNow);
  REQUIRE(here.planner.load().armed == 3);
  here.change_many(kNow);
  CHECK(here.planner.load().armed == 0);
  const auto again = here.asked(kNow);
  REQUIRE(again);
  CHECK_FALSE(again->after);
  here.answer(*again, kNow);
  CHECK(here.planner.load().armed == 3);
}

TEST_CASE("a load that was asked for before many changes does not count") {
  Loading here;
  const auto old = here.asked(kNow).value();
  here.change_many(kNow);
  here.answer(old, kNow);
  CHECK(here.planner.load().armed == 0);
  const auto again = here.asked(kNow);
  REQUIRE(again);
  CHECK_FALSE(again->after);
}

TEST_CASE("what is being settled when many schedules change goes on, and what it missed is told") {
  Loading here;
  const auto claimant =
      here.store.begin_session(store::OwnerId{claimed_run(9).id.value}, kNow).claimant;
  here.answer(here.asked(kNow).value(), kNow);
  here.planner.complete(core::Claimed{}, kNow);
  const auto late = kNow + 10min;
  const auto settle = all_of<core::Settle>(here.planner.step(late));
  REQUIRE(settle.size() == 1);
  REQUIRE(settle[0].batch.size() == 3);
  here.change_many(late);
  here.planner.complete(core::Settled{here.store.settle(settle[0].batch, claimant, late)}, late);
  const auto actions = here.planner.step(late);
  std::size_t gaps = 0;
  for (const auto& notice : all_of<core::Notice>(actions))
    gaps += notice.kind == core::Notice::Kind::gap ? 1U : 0U;
  CHECK(gaps == 3);
  for (const auto& load : all_of<core::LoadDue>(actions)) here.answer(load, late);
  CHECK(here.planner.load().armed == 3);
}

}  // namespace rruled::test
