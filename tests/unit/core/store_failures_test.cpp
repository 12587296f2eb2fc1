// A store that fails at some of what it is asked, and works at the rest.
#include "daemon/core/store_failures.h"

#include "daemon/core/planner.h"
#include "planner_actions.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using core::StoreFailed;
using What = StoreFailed::What;

// A planner with the end of a run to write, to a store that takes all but that.
struct NoEnds {
  NoEnds() {
    (void)planner.step(now);
    planner.complete(core::Claimed{{{claimed_run(1)}, now}}, now);
    REQUIRE(all_of<core::Deliver>(planner.step(now)).size() == 1);
    planner.complete(core::Delivered{claimed_run(1).id, {}}, now);
  }
  // Until the end is on its way to the store.
  void ask() {
    for (int turn = 0; turn < 100; ++turn) {
      if (!all_of<core::FinishRuns>(planner.step(now)).empty()) return;
      now = std::max(now, planner.next_wake(now).value());
    }
    FAIL("was not asked again");
  }
  void fail() { planner.complete(StoreFailed{What::finish, "denied", false}, now); }
  void write_something_else() { planner.complete(core::Recovered{}, now); }

  store::Timestamp now = kNow;
  rrule::ZoneDatabase zones;
  core::Planner planner{{.executors = {{"default", 2}}}, zones, kNow};
};

}  // namespace

TEST_CASE("a store that would take no ends was back each time that it took something else") {
  NoEnds here;
  auto wait = 0ms;
  for (int failure = 0; failure < 6; ++failure) {
    const auto failed_at = here.now;
    here.ask();
    if (failure > 0) CHECK(here.now - failed_at > wait);
    wait = here.now - failed_at;
    here.fail();
    here.write_something_else();
    CHECK(here.planner.load().store_away);
  }
  here.ask();
  CHECK(here.now - kNow <= 20s);
  here.write_something_else();
  CHECK(here.planner.load().store_away);
  here.planner.complete(core::Finished{{{.written = true}}}, here.now);
  CHECK_FALSE(here.planner.load().store_away);
}

TEST_CASE("what waits for a kind of call that fails keeps no other waiting") {
  NoEnds here;
  for (int failure = 0; failure < 6; ++failure) {
    here.ask();
    here.fail();
    here.write_something_else();
  }
  here.planner.complete(core::Claimed{{{}, here.now}}, here.now);
  const auto asked = here.planner.step(here.now + 200ms);
  CHECK(all_of<core::Claim>(asked).size() == 1);
  CHECK(all_of<core::FinishRuns>(asked).empty());
}

TEST_CASE("a kind of call that is not needed any more keeps no store away for ever") {
  core::StoreFailures failures(0);
  const StoreFailed claim{What::claim, "cut", false};
  failures.failed(claim, kNow);
  failures.answered(core::Recovered{}, kNow + 9s);
  CHECK(failures.away());
  // Asked again, and long without an answer.
  failures.asked(core::Claim{});
  failures.answered(core::Recovered{}, kNow + 40s);
  CHECK(failures.away());
  CHECK(failures.away_since() == kNow);
  failures.failed(claim, kNow + 41s);
  failures.answered(core::Recovered{}, kNow + 50s);
  CHECK(failures.away());
  failures.answered(core::Recovered{}, kNow + 51s);
  CHECK_FALSE(failures.away());
  CHECK_FALSE(failures.away_since());
}

TEST_CASE("a clock that was set back makes no kind of call wait for the time before it") {
  core::StoreFailures failures(0);
  for (int failure = 0; failure < 10; ++failure)
    failures.failed({What::settle, "cut", false}, kNow + 24h);
  failures.clock_set_back(kNow);
  CHECK_FALSE(failures.rests(kNow + 5s));
  CHECK_FALSE(failures.rests(What::settle, kNow + 5s));
}

TEST_CASE("a store that took nothing was back when its connection was made again") {
  core::StoreFailures failures(0);
  failures.failed({What::cancel_job, "read-only", false}, kNow);
  failures.failed({What::hand_back, "read-only", false}, kNow);
  core::Changed changed;
  changed.changes.many = true;
  failures.answered(changed, kNow + 1s);
  changed.changes.many = false;  // somebody wrote
  CHECK(failures.answered(changed, kNow + 2s));
  CHECK_FALSE(failures.answered(changed, kNow + 3s));
}

}  // namespace rruled::test
