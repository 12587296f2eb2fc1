// Executors that come and go while runs are under way.
#include "daemon/core/planner.h"
#include "planner_actions.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;

// With the store's answers: nothing is due.
struct Planned {
  explicit Planned(std::map<std::string, std::size_t> executors)
      : planner({.executors = std::move(executors)}, zones, kNow) {}

  std::vector<Action> step() { return planner.step(kNow); }
  // Answers the claim of one executor; others find nothing.
  void claim(const std::string& executor, std::vector<store::Run> runs) {
    for (int i = 0; i < 5; ++i) {
      const auto asked = all_of<core::Claim>(step());
      if (asked.empty()) continue;
      const bool mine = asked.at(0).executor == executor;
      planner.complete(core::Claimed{{mine ? runs : std::vector<store::Run>{}, {}}}, kNow);
      if (mine) return;
    }
    FAIL("no claim for " << executor);
  }
  void set(std::map<std::string, std::size_t> executors) {
    planner.set_executors(executors, 256, {}, {}, kNow);
  }

  rrule::ZoneDatabase zones;
  core::Planner planner;
};

}  // namespace

TEST_CASE("a run in flight ends as it would have when its executor is gone") {
  Planned here({{"old", 10}});
  here.claim("old", {claimed_run(1, "old")});
  REQUIRE(all_of<core::Deliver>(here.step()).size() == 1);
  here.set({{"new", 10}});
  (void)here.step();
  here.planner.complete(core::Delivered{claimed_run(1, "old").id, {}}, kNow);
  const auto finish = all_of<core::FinishRuns>(here.step());
  REQUIRE(finish.size() == 1);
  CHECK(finish.at(0).batch.at(0).status == store::RunStatus::completed);
  here.planner.complete(core::Finished{{{}}}, kNow);
  CHECK(here.planner.load().in_flight == 0);
}

TEST_CASE("what waits for an executor that is gone is given back, and none is claimed for it") {
  Planned here({{"old", 1}});
  here.claim("old", {claimed_run(1, "old"), claimed_run(2, "old")});
  REQUIRE(all_of<core::Deliver>(here.step()).size() == 1);  // the other waits
  here.set({{"new", 1}});
  const auto actions = here.step();
  const auto back = all_of<core::HandBackRuns>(actions);
  REQUIRE(back.size() == 1);
  CHECK(back.at(0).batch.at(0).run_id == claimed_run(2, "old").id);
  const auto claims = all_of<core::Claim>(actions);
  REQUIRE(claims.size() == 1);
  CHECK(claims.at(0).executor == "new");
}

TEST_CASE("a claim that was under way for an executor that is gone is given back") {
  Planned here({{"old", 10}});
  REQUIRE(all_of<core::Claim>(here.step()).size() == 1);
  here.set({{"new", 10}});
  here.planner.complete(core::Claimed{{{claimed_run(1, "old")}, {}}}, kNow);
  const auto actions = here.step();
  CHECK(all_of<core::HandBackRuns>(actions).size() == 1);
  CHECK(all_of<core::Deliver>(actions).empty());
  CHECK(all_of<core::Claim>(actions).size() == 1);  // the new one's turn
}

TEST_CASE("an executor that comes back counts what it still delivers") {
  Planned here({{"a", 2}});
  here.claim("a", {claimed_run(1, "a"), claimed_run(2, "a")});
  REQUIRE(all_of<core::Deliver>(here.step()).size() == 2);
  here.set({{"b", 1}});
  here.set({{"a", 2}});
  CHECK(all_of<core::Claim>(here.step()).empty());  // no room
  here.planner.complete(core::Delivered{claimed_run(1, "a").id, {}}, kNow);
  const auto claims = all_of<core::Claim>(here.step());
  REQUIRE(claims.size() == 1);
  CHECK(claims.at(0).limit == 1);
}

TEST_CASE("a larger cap is used at once, a smaller one when deliveries have ended") {
  Planned here({{"a", 1}});
  here.claim("a", {claimed_run(1, "a"), claimed_run(2, "a"), claimed_run(3, "a")});
  REQUIRE(all_of<core::Deliver>(here.step()).size() == 1);
  here.set({{"a", 2}});
  CHECK(all_of<core::Deliver>(here.step()).size() == 1);
  here.set({{"a", 1}});
  here.planner.complete(core::Delivered{claimed_run(1, "a").id, {}}, kNow);
  CHECK(all_of<core::Deliver>(here.step()).empty());
  here.planner.complete(core::Delivered{claimed_run(2, "a").id, {}}, kNow);
  CHECK(all_of<core::Deliver>(here.step()).size() == 1);
}

// Its schedule had another executor when the one before it was settled.
TEST_CASE("a run that an end lets go is claimed whatever its executor is") {
  Planned here({{"a", 1}, {"b", 1}});
  here.claim("a", {claimed_run(1, "a")});
  here.claim("b", {});
  (void)here.step();
  here.planner.complete(core::Delivered{claimed_run(1, "a").id, {}}, kNow);
  REQUIRE(all_of<core::FinishRuns>(here.step()).size() == 1);
  here.planner.complete(core::Finished{{{.written = true, .released = true}}}, kNow);
  here.claim("b", {claimed_run(2, "b")});
  CHECK(all_of<core::Deliver>(here.step()).size() == 1);
}

TEST_CASE("a run that the end of a batch job lets go is claimed whatever its executor is") {
  Planned here({{"a", 1}, {"b", 1}});
  here.claim("a", {});
  here.claim("b", {});
  REQUIRE(all_of<core::Claim>(here.step()).empty());
  store::EndedJob ended{.run = claimed_run(1, "a"), .job = {}, .released = true};
  ended.run.status = store::RunStatus::completed;
  here.planner.complete(core::JobsEnded{{.ended = {ended}}}, kNow);
  here.claim("b", {claimed_run(2, "b")});
  CHECK(all_of<core::Deliver>(here.step()).size() == 1);
}

TEST_CASE("a run that waits, and is wished cancelled, is not given back but ended") {
  Planned here({{"old", 1}});
  here.claim("old", {claimed_run(1, "old"), claimed_run(2, "old"), claimed_run(3, "old")});
  REQUIRE(all_of<core::Deliver>(here.step()).size() == 1);
  store::Changes changes;
  changes.to_cancel = {claimed_run(2).id};
  here.planner.complete(core::Changed{changes}, kNow);
  here.planner.drain();
  const auto first = here.step();
  auto ends = all_of<core::FinishRuns>(first);
  if (ends.empty()) ends = all_of<core::FinishRuns>(here.step());
  REQUIRE(ends.size() == 1);
  CHECK(ends[0].batch.at(0).run_id == claimed_run(2).id);
  CHECK(ends[0].batch.at(0).status == store::RunStatus::cancelled);
  const auto back = all_of<core::HandBackRuns>(first);
  REQUIRE(back.size() == 1);
  REQUIRE(back[0].batch.size() == 1);
  CHECK(back[0].batch.at(0).run_id == claimed_run(3).id);
}

}  // namespace rruled::test
