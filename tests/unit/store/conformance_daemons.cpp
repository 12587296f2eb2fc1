// Many daemons at once: claims lapse unless they are extended, and nobody is fenced.
#include "conformance.h"
#include "sample.h"
#include "store/run_desk.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

// Two daemons at work on the same rows.
struct Pair {
  explicit Pair(Store& the_store) : store(the_store) {
    REQUIRE_FALSE(
        store.write({.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}}}, at(0)));
    const auto session = store.begin_session(id_of<OwnerId>(1), at(0));
    REQUIRE(session.claim_ttl);
    ttl = *session.claim_ttl;
    one = session.claimant;
    other = store.begin_session(id_of<OwnerId>(2), at(0)).claimant;
  }

  // The n-th run, claimed by `claimant`.
  Run claim(const Claimant& claimant, int n, Timestamp now) const {
    REQUIRE_FALSE(store.write({.runs = {a_manual_run(n)}}, now));
    const auto runs = store.claim({claimant, {"default"}}, now).runs;
    REQUIRE(runs.size() == 1);
    return runs[0];
  }
  [[nodiscard]] RunStatus status(const Run& run) const { return store.run(run.id)->status; }

  Store& store;
  milliseconds ttl{};
  Claimant one;
  Claimant other;
};

std::vector<HeldClaim> claims_of(const std::vector<Run>& runs) {
  std::vector<HeldClaim> claims;
  for (const auto& run : runs) claims.push_back({run.id, run.fence});
  return claims;
}

void sessions_fence_nobody(Store& store) {
  const Pair daemons(store);
  const auto run = daemons.claim(daemons.one, 1, at(0));
  const auto third = store.begin_session(id_of<OwnerId>(3), at(1));
  CHECK(third.recovered == 0);
  CHECK(third.claim_ttl == daemons.ttl);
  CHECK(daemons.status(run) == RunStatus::dispatching);
  CHECK(show(store.held(daemons.one)) == show(std::vector{run}));
  CHECK(store.held(third.claimant).empty());
  const auto second = daemons.claim(daemons.one, 2, at(1));
  CHECK(
      store.finish({a_finish(run, RunStatus::completed, at(2))}, daemons.one, at(2)).at(0).written);
  // It takes over what has lapsed, and that alone.
  const auto young = daemons.claim(daemons.other, 3, at(2));
  const auto last = store.begin_session(id_of<OwnerId>(4), at(1) + daemons.ttl);
  CHECK(last.recovered == 1);
  CHECK(daemons.status(second) == RunStatus::retrying);
  CHECK(daemons.status(young) == RunStatus::dispatching);
}

void claims_lapse(Store& store) {
  const Pair daemons(store);
  const auto settled =
      store
          .settle({a_settlement(a_schedule(),
                                {a_run(a_schedule(), kStart),
                                 a_run(a_schedule(), nominal(1), RunStatus::waiting)},
                                nominal(9))},
                  daemons.one, at(1))
          .at(0)
          .claimed.at(0);
  const auto claimed = daemons.claim(daemons.one, 1, at(2));
  CHECK(store.recover(10, at(1) + daemons.ttl - 1ms) == 0);
  CHECK(daemons.status(settled) == RunStatus::dispatching);
  CHECK(store.recover(10, at(1) + daemons.ttl) == 1);
  CHECK(daemons.status(claimed) == RunStatus::dispatching);
  CHECK(store.recover(10, at(2) + daemons.ttl) == 1);
  CHECK(store.recover(10, at(3) + daemons.ttl) == 0);

  auto expected = settled;
  expected.status = RunStatus::retrying;
  expected.available_at = at(1) + daemons.ttl;
  expected.started_at = at(1);
  CHECK(show(store.run(settled.id)) == show(expected));
  const auto attempts = store.attempts(settled.id);
  REQUIRE(attempts.size() == 1);
  CHECK(attempts[0].number == 1);
  CHECK(attempts[0].outcome == "interrupted");
  CHECK(attempts[0].started_at == at(1));
  CHECK(attempts[0].finished_at == at(1) + daemons.ttl);
  CHECK(store.held(daemons.one).empty());
  // The other one goes on with both, for the whole time again.
  const auto again = store.claim({daemons.other, {"default"}}, at(2) + daemons.ttl).runs;
  REQUIRE(again.size() == 2);
  CHECK(again[0].attempts == 2);
  CHECK(again[0].fence > settled.fence);
  CHECK(store.recover(10, at(1) + 2 * daemons.ttl) == 0);
  CHECK(store.recover(10, at(2) + 2 * daemons.ttl) == 2);
}

// It was "unreached" still, when the attempt that was interrupted may have arrived.
void recovers_without_the_reason_of_the_attempt_before(Store& store) {
  const Pair daemons(store);
  const auto run = daemons.claim(daemons.one, 1, at(1));
  auto end = a_finish(run, RunStatus::retrying, at(2));
  end.reason = "unreached";
  end.available_at = at(2);
  CHECK(store.finish({end}, daemons.one, at(2)).at(0).written);
  CHECK(store.run(run.id)->reason == "unreached");
  CHECK(store.claim({daemons.one, {"default"}}, at(3)).runs.size() == 1);
  CHECK(store.recover(10, at(3) + daemons.ttl) == 1);
  CHECK(store.run(run.id)->reason.empty());
}

void recovers_up_to_the_limit(Store& store) {
  const Pair daemons(store);
  for (int n = 1; n <= 5; ++n)
    (void)daemons.claim(n % 2 == 0 ? daemons.one : daemons.other, n, at(n));
  const auto late = at(9) + daemons.ttl;
  CHECK(store.recover(0, late) == 0);
  CHECK(store.recover(2, late) == 2);
  CHECK(store.recover(2, late) == 2);
  CHECK(store.recover(2, late) == 1);
  CHECK(store.recover(2, late) == 0);
}

void extends_what_is_held(Store& store) {
  const Pair daemons(store);
  const auto second = daemons.claim(daemons.one, 2, at(0));
  const auto first = daemons.claim(daemons.one, 1, at(1));
  const auto others = daemons.claim(daemons.other, 3, at(1));
  const auto ended = daemons.claim(daemons.one, 4, at(1));
  (void)store.finish({a_finish(ended, RunStatus::completed, at(2))}, daemons.one, at(2));
  CHECK(store.extend(daemons.one, at(10)) == claims_of({first, second}));
  // For the whole time from then; the other one's not.
  CHECK(store.recover(10, at(10) + daemons.ttl - 1ms) == 1);
  CHECK(daemons.status(others) == RunStatus::retrying);
  CHECK(store.extend(daemons.other, at(10)).empty());
  // A claim that has lapsed is still held as long as nobody took it over.
  const auto late = at(20) + daemons.ttl;
  CHECK(store.extend(daemons.one, late) == claims_of({first, second}));
  CHECK(store.recover(10, late) == 0);
  store.hand_back({{second.id, second.fence}}, daemons.one);
  CHECK(store.extend(daemons.one, late) == claims_of({first}));
  CHECK(store.recover(10, late + daemons.ttl) == 1);
  CHECK(store.extend(daemons.one, late + daemons.ttl).empty());
  // The attempt began when it was claimed, not when it was extended.
  CHECK(store.attempts(first.id).at(0).started_at == at(1));
}

// They never did: the run stayed dispatching until the time that the clock had been at.
void claims_by_a_clock_that_was_ahead_lapse(Store& store) {
  const Pair daemons(store);
  const auto ahead = at(0) + std::chrono::days(30);
  const auto of_the_dead = daemons.claim(daemons.one, 1, ahead);
  const auto of_the_living = daemons.claim(daemons.other, 2, at(0));
  const auto desk = store.run_desk();
  (void)desk->correct_waits({}, at(1));
  CHECK(store.recover(10, at(1) + daemons.ttl) == 1);
  CHECK(daemons.status(of_the_living) == RunStatus::retrying);
  (void)desk->correct_waits({"default"}, at(1));
  CHECK(store.recover(10, at(1) + daemons.ttl - 1ms) == 0);
  CHECK(daemons.status(of_the_dead) == RunStatus::dispatching);
  CHECK(store.recover(10, at(1) + daemons.ttl) == 1);
  CHECK(daemons.status(of_the_dead) == RunStatus::retrying);
  // One that may last so long is left as it is.
  REQUIRE(store.claim({daemons.one, {"default"}}, at(100)).runs.size() == 2);
  (void)desk->correct_waits({"default"}, at(10));
  CHECK(store.recover(10, at(100) + daemons.ttl - 1ms) == 0);
  CHECK(store.recover(10, at(100) + daemons.ttl) == 2);
}

void a_late_end_is_taken_until_another_claims(Store& store) {
  const Pair daemons(store);
  const auto in_time = daemons.claim(daemons.one, 1, at(0));
  const auto too_late = daemons.claim(daemons.one, 2, at(0));
  const auto lapse = at(0) + daemons.ttl;
  // Lapsed, not recovered: still its own.
  const auto lapsed = daemons.claim(daemons.one, 3, at(0));
  CHECK(
      store.finish({a_finish(lapsed, RunStatus::failed, lapse)}, daemons.one, lapse).at(0).written);
  CHECK(store.recover(10, lapse) == 2);
  CHECK(store.finish({a_finish(in_time, RunStatus::completed, lapse)}, daemons.one, lapse)
            .at(0)
            .written);
  const auto again = store.claim({daemons.other, {"default"}}, lapse).runs;
  REQUIRE(claims_of(again).size() == 1);
  CHECK(again[0].id == too_late.id);
  CHECK(again[0].owner == daemons.other.owner);
  const auto before = dump(store);
  for (const auto status : {RunStatus::completed, RunStatus::retrying, RunStatus::dead})
    CHECK_FALSE(
        store.finish({a_finish(too_late, status, lapse)}, daemons.one, lapse).at(0).written);
  // Nor with the fence of now, which is another's.
  CHECK_FALSE(store.finish({a_finish(again[0], RunStatus::completed, lapse)}, daemons.one, lapse)
                  .at(0)
                  .written);
  store.hand_back({{too_late.id, too_late.fence}, {again[0].id, again[0].fence}}, daemons.one);
  CHECK(dump(store) == before);
  CHECK(store.finish({a_finish(again[0], RunStatus::completed, lapse)}, daemons.other, lapse)
            .at(0)
            .written);
}

void two_settle_and_claim_side_by_side(Store& store) {
  const Pair daemons(store);
  const auto settlement = a_settlement(a_schedule(), {a_run(a_schedule(), kStart)}, nominal(60));
  const auto first = store.settle({settlement}, daemons.one, at(1)).at(0);
  const auto second = store.settle({settlement}, daemons.other, at(1)).at(0);
  CHECK(first.kind == SettleResult::Kind::settled);
  CHECK(first.claimed.at(0).owner == daemons.one.owner);
  CHECK(second.kind == SettleResult::Kind::moved);
  CHECK(second.claimed.empty());
  // A claim that is held is nobody else's, even when it comes with the settlement.
  CHECK(store.claim({daemons.other, {"default"}}, at(1)).runs.empty());
  for (int n = 1; n <= 3; ++n) REQUIRE_FALSE(store.write({.runs = {a_manual_run(n)}}, at(1)));
  const auto ones = store.claim({daemons.one, {"default"}, 2}, at(1)).runs;
  const auto others = store.claim({daemons.other, {"default"}, 2}, at(1)).runs;
  REQUIRE(ones.size() == 2);
  REQUIRE(others.size() == 1);
  CHECK(ones[0].owner == daemons.one.owner);
  CHECK(others[0].owner == daemons.other.owner);
  // Each ends its own.
  CHECK_FALSE(store.finish({a_finish(ones[0], RunStatus::completed, at(2))}, daemons.other, at(2))
                  .at(0)
                  .written);
  CHECK(store.finish({a_finish(ones[0], RunStatus::completed, at(2))}, daemons.one, at(2))
            .at(0)
            .written);
}

}  // namespace

std::vector<Check> many_daemons_checks() {
  return {
      {"sessions fence nobody", sessions_fence_nobody},
      {"claims lapse", claims_lapse},
      {"recovers without the reason of the attempt before",
       recovers_without_the_reason_of_the_attempt_before},
      {"recovers up to the limit", recovers_up_to_the_limit},
      {"extends what is held", extends_what_is_held},
      {"claims by a clock that was ahead lapse", claims_by_a_clock_that_was_ahead_lapse},
      {"a late end is taken until another claims", a_late_end_is_taken_until_another_claims},
      {"two settle and claim side by side", two_settle_and_claim_side_by_side},
  };
}

}  // namespace rruled::test
