// A settle or claim that may have been committed unseen: what is held is read again. On a server
// that happens in one thread, while ends are written in another.
#include "daemon/core/planner.h"
#include "planner_actions.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using core::StoreFailed;

// One run is with its executor, and a claim is on its way.
struct Claiming {
  Claiming() : planner(Simulation::Options::default_planner(), zones, kNow) {
    (void)planner.step(kNow);
    planner.complete(core::Claimed{{{claimed_run(1)}, kNow}}, kNow);
    const auto actions = planner.step(kNow);
    REQUIRE(all_of<core::Deliver>(actions).size() == 1);
    REQUIRE(all_of<core::Claim>(actions).size() == 1);
  }
  void fail_claim() { planner.complete(StoreFailed{StoreFailed::What::claim, "cut", false}, kNow); }
  void end_delivery() { planner.complete(core::Delivered{claimed_run(1).id, {}}, kNow); }
  std::vector<Action> step() { return planner.step(later); }

  rrule::ZoneDatabase zones;
  core::Planner planner;
  const Instant later = kNow + 60s;  // the store is asked again
};

}  // namespace

TEST_CASE("what ends while the held runs are read is not sent again") {
  Claiming here;
  here.fail_claim();
  here.end_delivery();
  const auto doubting = here.step();
  CHECK(all_of<core::ReviewHeld>(doubting).size() == 1);
  CHECK(all_of<core::FinishRuns>(doubting).empty());
  // As it was read before its end could be written.
  here.planner.complete(core::Held{{claimed_run(1)}}, here.later);
  const auto sure = here.step();
  CHECK(all_of<core::Deliver>(sure).empty());
  CHECK(all_of<core::FinishRuns>(sure).size() == 1);
}

TEST_CASE("the held runs are not read while an end is being written") {
  Claiming here;
  here.end_delivery();
  REQUIRE(all_of<core::FinishRuns>(here.planner.step(kNow)).size() == 1);
  here.fail_claim();
  CHECK(all_of<core::ReviewHeld>(here.step()).empty());
  here.planner.complete(core::Finished{{store::FinishResult{}}}, here.later);
  CHECK(all_of<core::ReviewHeld>(here.step()).size() == 1);
}

TEST_CASE("the held runs are not read while some are being given back") {
  Claiming here;
  core::Report unsent;
  unsent.kind = core::Report::Kind::unsent;
  unsent.error = "no descriptors";
  int told = 0;
  const auto more = [&](Instant now) {
    here.planner.complete(core::Claimed{{{}, kNow}}, now);  // more than there are slots for
  };
  more(kNow);
  for (const auto since : {kNow, kNow + 30s, kNow + 60s}) {
    here.planner.complete(core::Delivered{claimed_run(1).id, unsent}, since);
    const auto actions = here.planner.step(since);
    CHECK(all_of<core::HandBackRuns>(actions).size() == 1);
    CHECK(all_of<core::FinishRuns>(actions).empty());
    CHECK(all_of<core::Claim>(actions).empty());
    for (const auto& notice : all_of<core::Notice>(actions))
      told += notice.kind == core::Notice::Kind::shortage ? 1 : 0;
    here.planner.complete(core::HandedBack{}, since);
    CHECK(all_of<core::Claim>(here.planner.step(since + 999ms)).empty());
    REQUIRE(here.planner.next_wake(since + 999ms));
    CHECK(*here.planner.next_wake(since + 999ms) <= since + 1s);
    REQUIRE(all_of<core::Claim>(here.planner.step(since + 1s)).size() == 1);
    here.planner.complete(core::Claimed{{{claimed_run(1)}, kNow}}, since + 1s);
    REQUIRE(all_of<core::Deliver>(here.planner.step(since + 1s)).size() == 1);
    more(since + 1s);
  }
  CHECK(told == 2);
}

TEST_CASE("a run that is claimed again while its older delivery ends waits for that end") {
  rrule::ZoneDatabase zones;
  core::Planner planner({.executors = {{"default", 2}}, .claim_ttl = 45s}, zones, kNow);
  (void)planner.step(kNow);
  planner.complete(core::Claimed{{{claimed_run(1)}, kNow}}, kNow);
  REQUIRE(all_of<core::Deliver>(planner.step(kNow)).size() == 1);
  // Its claim lapsed unseen, and somebody made it claimable.
  auto again = claimed_run(1);
  again.fence = 2;
  again.attempts = 2;
  planner.complete(core::Claimed{{{again}, kNow}}, kNow);
  const auto breaking = planner.step(kNow);
  CHECK(all_of<core::CancelDelivery>(breaking).size() == 1);
  CHECK(all_of<core::Deliver>(breaking).empty());
  core::Report broken_off;
  broken_off.kind = core::Report::Kind::retry;
  planner.complete(core::Delivered{again.id, broken_off}, kNow);
  const auto sending = all_of<core::Deliver>(planner.step(kNow));
  REQUIRE(sending.size() == 1);
  CHECK(sending[0].run.fence == 2);
  planner.complete(core::Delivered{again.id, {}}, kNow);
  const auto ends = all_of<core::FinishRuns>(planner.step(kNow));
  REQUIRE(ends.size() == 1);
  REQUIRE(ends[0].batch.size() == 1);
  CHECK(ends[0].batch[0].fence == 2);
  CHECK(planner.load().in_flight == 0);
}

TEST_CASE("a claim whose commit landed after it had been asked about was held for ever") {
  rrule::ZoneDatabase zones;
  core::Planner planner({.executors = {{"default", 2}}, .claim_ttl = 45s}, zones, kNow);
  (void)planner.step(kNow);
  planner.complete(core::Claimed{{{claimed_run(1)}, kNow}}, kNow);
  REQUIRE(all_of<core::Deliver>(planner.step(kNow)).size() == 1);
  auto now = kNow;
  const auto extend = [&](const std::vector<store::HeldClaim>& claims) {
    now += 15s;
    REQUIRE(all_of<core::ExtendClaims>(planner.step(now)).size() == 1);
    planner.complete(core::Extended{claims}, now);
    planner.complete(core::Claimed{}, now);
    return all_of<core::ReviewHeld>(planner.step(now)).size();
  };
  const store::HeldClaim known{claimed_run(1).id, 1};
  const store::HeldClaim unknown{claimed_run(9).id, 1};
  // One that has ended since, for all that is known.
  CHECK(extend({known, unknown}) == 0);
  CHECK(extend({known}) == 0);
  CHECK(extend({known, unknown}) == 0);
  CHECK(extend({known, {unknown.run_id, 2}}) == 0);
  CHECK(extend({known, {unknown.run_id, 2}}) == 1);
  auto late = claimed_run(9);
  late.fence = 2;
  planner.complete(core::Held{{claimed_run(1), late}}, now);
  const auto sent = all_of<core::Deliver>(planner.step(now));
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].run.id == late.id);
}

TEST_CASE("a newer claim on what is in flight is not taken for the older one when in doubt") {
  Claiming here;
  here.fail_claim();
  REQUIRE(all_of<core::ReviewHeld>(here.step()).size() == 1);
  auto again = claimed_run(1);
  again.fence = 2;
  here.planner.complete(core::Held{{again}}, here.later);
  CHECK(all_of<core::CancelDelivery>(here.step()).size() == 1);
  here.end_delivery();
  const auto sent = all_of<core::Deliver>(here.step());
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].run.fence == 2);
}

TEST_CASE("a locked claim found in doubt is neither sent by, nor waited for, nor forgotten") {
  rrule::ZoneDatabase zones;
  core::Planner planner({.executors = {{"default", 2}}, .claim_ttl = 45s}, zones, kNow);
  (void)planner.step(kNow);
  planner.complete(StoreFailed{StoreFailed::What::claim, "cut", false}, kNow);
  auto now = kNow + 1s;
  REQUIRE(all_of<core::ReviewHeld>(planner.step(now)).size() == 1);
  const store::HeldClaim locked{claimed_run(1).id, 1, false};
  planner.complete(core::Held{{}, {locked}}, now);
  const auto going_on = planner.step(now);
  CHECK(all_of<core::Claim>(going_on).size() == 1);
  CHECK(all_of<core::ExtendClaims>(going_on).empty());
  planner.complete(core::Claimed{}, now);
  now += 5s;
  CHECK(planner.next_wake(now).value() <= now);
  REQUIRE(all_of<core::ExtendClaims>(planner.step(now)).size() == 1);
  planner.complete(core::Extended{{{locked.run_id, 1}}}, now);
  CHECK(all_of<core::ReviewHeld>(planner.step(now)).empty());  // a claim is under way
  planner.complete(core::Claimed{}, now);
  REQUIRE(all_of<core::ReviewHeld>(planner.step(now)).size() == 1);
  planner.complete(core::Held{{claimed_run(1)}}, now);
  CHECK(all_of<core::Deliver>(planner.step(now)).size() == 1);
}

TEST_CASE("a claim whose row was locked was tried again a whole heartbeat later") {
  rrule::ZoneDatabase zones;
  core::Planner planner({.executors = {{"default", 2}}, .claim_ttl = 45s}, zones, kNow);
  (void)planner.step(kNow);
  planner.complete(core::Claimed{{{claimed_run(1)}, {}}}, kNow);
  (void)planner.step(kNow);
  REQUIRE(all_of<core::ExtendClaims>(planner.step(kNow + 15s)).size() == 1);
  planner.complete(core::Extended{{{claimed_run(1).id, 1, false}}}, kNow + 15s);
  CHECK(all_of<core::ExtendClaims>(planner.step(kNow + 15s)).empty());
  CHECK(all_of<core::ExtendClaims>(planner.step(kNow + 20s)).size() == 1);
  planner.complete(core::Extended{{{claimed_run(1).id, 1}}}, kNow + 20s);
  CHECK(all_of<core::ExtendClaims>(planner.step(kNow + 34s)).empty());
}

}  // namespace rruled::test
