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

// Of a server that took the place of another without its last commits.
TEST_CASE("a settlement that is lost with its server is made again") {
  Loading here;
  core::Planner planner({.executors = {{"default", 8}}, .claim_ttl = 45s}, here.zones, kNow);
  const auto load_all = [&](store::Timestamp now) {
    for (const auto& load : all_of<core::LoadDue>(planner.step(now)))
      planner.complete(core::Loaded{here.store.load_due(load.after, load.before, load.limit)}, now);
  };
  load_all(kNow);
  planner.complete(core::Claimed{}, kNow);
  const auto due = kNow + 20s;
  const auto settle = all_of<core::Settle>(planner.step(due));
  REQUIRE(settle.size() == 1);
  // The answer that came, and that the next server knows nothing of: due again tomorrow.
  std::vector<store::SettleResult> results(settle[0].batch.size());
  for (auto& result : results) result.kind = store::SettleResult::Kind::gone;
  planner.complete(core::Settled{results}, due);
  REQUIRE(planner.load().armed == 0);
  load_all(due + 30s);
  CHECK(planner.load().armed == 0);
  load_all(due + 61s);
  CHECK(planner.load().armed == 3);
  CHECK(all_of<core::Settle>(planner.step(due + 61s)).size() == 1);
}

TEST_CASE("what is overdue is looked for page by page, beyond what a paused project has") {
  Loading here;
  core::PlannerOptions options{.executors = {{"default", 8}}, .load_page = 2, .claim_ttl = 45s};
  core::Planner planner(options, here.zones, kNow);
  const auto loads = [&](store::Timestamp now) {
    auto found = all_of<core::LoadDue>(planner.step(now));
    for (const auto& load : found)
      planner.complete(core::Loaded{here.store.load_due(load.after, load.before, load.limit)}, now);
    return found;
  };
  while (!loads(kNow).empty()) {
  }
  std::vector<core::LoadDue> back;
  for (auto now = kNow + 70s; now < kNow + 75s; now += 1s)
    for (int turn = 0; turn < 3; ++turn)
      for (const auto& load : loads(now))
        if (load.before < now) back.push_back(load);
  REQUIRE(back.size() == 2);
  CHECK_FALSE(back[0].after);
  CHECK(back[1].after);
}

TEST_CASE("a horizon that is behind is not looked back upon, nor waited for") {
  Loading here;
  core::PlannerOptions options{.executors = {{"default", 8}}, .armed_max = 2, .claim_ttl = 45s};
  options.load_page = 2;
  core::Planner planner(options, here.zones, kNow);
  for (const auto& load : all_of<core::LoadDue>(planner.step(kNow)))
    planner.complete(core::Loaded{here.store.load_due(load.after, load.before, load.limit)}, kNow);
  planner.complete(core::Claimed{}, kNow);
  REQUIRE(planner.load().armed == 2);
  const auto later = kNow + 10min;
  REQUIRE(all_of<core::Settle>(planner.step(later)).size() == 1);
  CHECK(all_of<core::LoadDue>(planner.step(later)).empty());
  const auto wake = planner.next_wake(later);
  CHECK((!wake || *wake > later));
}

TEST_CASE("after an outage what is overdue is looked for within seconds") {
  Loading here;
  core::Planner planner({.executors = {{"default", 8}}, .claim_ttl = 45s}, here.zones, kNow);
  const auto loads = [&](store::Timestamp now) {
    auto found = all_of<core::LoadDue>(planner.step(now));
    for (std::size_t i = 0; i < found.size(); ++i) planner.complete(core::Loaded{}, now);
    return found;
  };
  REQUIRE(loads(kNow).size() == 1);
  const auto later = kNow + 10s;
  planner.complete(core::StoreFailed{core::StoreFailed::What::extend, "cut", false}, later);
  planner.complete(core::Recovered{}, later + 1s);
  CHECK(loads(later + 1s).empty());
  const auto overdue = loads(later + 6s);
  REQUIRE(overdue.size() == 1);
  CHECK_FALSE(overdue[0].after);
  CHECK(overdue[0].before < later + 6s);
}

TEST_CASE("a row that is older than what is known of it counts when a settlement finds it") {
  Loading here;
  here.answer(here.asked(kNow).value(), kNow);
  store::Changes edit;
  for (auto& row : here.store.load_due({}, kNow + 60s, 10)) {
    row.schedule.version += 1;
    edit.schedules.push_back(row);
  }
  here.planner.complete(core::Changed{edit}, kNow);  // by a server that is lost now
  here.planner.complete(core::Claimed{}, kNow);
  const auto due = kNow + 20s;
  const auto settle = all_of<core::Settle>(here.planner.step(due));
  REQUIRE(settle.size() == 1);
  std::vector<store::SettleResult> results;
  for (auto& row : here.store.load_due({}, kNow + 60s, 10)) {
    auto& result = results.emplace_back();
    result.kind = store::SettleResult::Kind::moved;
    result.current = row;
  }
  here.planner.complete(core::Settled{results}, due);
  const auto again = all_of<core::Settle>(here.planner.step(due));
  REQUIRE(again.size() == 1);
  CHECK(again[0].batch.size() == 3);
}

TEST_CASE("what was put off by a clock that ran ahead is due by the one that was set right") {
  Loading here;
  here.answer(here.asked(kNow).value(), kNow);
  here.planner.complete(core::Claimed{}, kNow);
  const auto ahead = kNow + 10min;
  const auto settle = all_of<core::Settle>(here.planner.step(ahead));
  REQUIRE(settle.size() == 1);
  store::SettleResult not_yet;
  not_yet.kind = store::SettleResult::Kind::not_yet;
  not_yet.remaining = 20s;
  const std::vector<store::SettleResult> results(3, not_yet);
  here.planner.complete(core::Settled{results}, ahead);
  CHECK(all_of<core::Settle>(here.planner.step(kNow + 1s)).empty());
  here.planner.complete(core::Claimed{}, kNow + 1s);
  CHECK(all_of<core::Settle>(here.planner.step(kNow + 20s)).size() == 1);
}

}  // namespace rruled::test
