// One daemon at a time: a session ends the one before, and takes over what that one had claimed.
#include "conformance.h"
#include "sample.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

Run a_settled_run(Store& store, const Claimant& claimant) {
  return store
      .settle({a_settlement(a_schedule(), {a_run(a_schedule(), kStart)}, nominal(1))}, claimant,
              at(0))
      .at(0)
      .claimed.at(0);
}

void begins_sessions(Store& store) {
  const auto first = store.begin_session(id_of<OwnerId>(1), at(10));
  CHECK(first.claimant.owner == id_of<OwnerId>(1));
  CHECK(first.high_water == Timestamp{});
  CHECK(first.recovered == 0);
  const auto second = store.begin_session(id_of<OwnerId>(2), at(5));
  CHECK(second.claimant.owner == id_of<OwnerId>(2));
  CHECK(second.claimant.epoch > first.claimant.epoch);
  CHECK(second.high_water == at(10));
  CHECK(store.begin_session(id_of<OwnerId>(3), at(5)).high_water == at(10));
}

void keeps_the_high_water_mark(Store& store) {
  const auto claimant = begin_with_schedules(store, 3);
  const auto mark = [&] { return store.begin_session(claimant.owner, at(0)); };
  auto session = mark();
  CHECK(session.high_water == at(0));
  const auto run =
      store
          .settle({a_settlement(a_schedule(), {a_run(a_schedule(), kStart)}, nominal(9))},
                  session.claimant, at(7))
          .at(0)
          .claimed.at(0);
  CHECK((session = mark()).high_water == at(7));
  const auto again = store.claim({session.claimant, {"default"}}, at(8)).runs.at(0);
  CHECK((session = mark()).high_water == at(8));
  const auto third = store.claim({session.claimant, {"default"}}, at(8)).runs.at(0);
  CHECK(third.fence > again.fence);
  CHECK(again.fence > run.fence);
  (void)store.finish({a_finish(third, RunStatus::completed, at(9))}, session.claimant, at(9));
  CHECK((session = mark()).high_water == at(9));
}

void recovers_what_was_left_dispatching(Store& store) {
  auto claimant = begin_with_schedules(store, 3);
  const auto schedule = a_schedule();
  const auto claimed =
      store
          .settle({a_settlement(schedule,
                                {a_run(schedule, nominal(0)), a_run(schedule, nominal(1)),
                                 a_run(schedule, nominal(2), RunStatus::pending),
                                 a_run(schedule, nominal(3), RunStatus::waiting)},
                                nominal(9))},
                  claimant, at(3))
          .at(0)
          .claimed;
  REQUIRE(claimed.size() == 2);
  (void)store.finish({a_finish(claimed[1], RunStatus::completed, at(4))}, claimant, at(4));
  const auto others = show(store.runs({.due_from = at(1)}));

  const auto session = store.begin_session(id_of<OwnerId>(2), at(50));
  CHECK(session.recovered == 1);
  CHECK(show(store.runs({.due_from = at(1)})) == others);
  const auto run = *store.run(claimed[0].id);
  CHECK(run.status == RunStatus::retrying);
  CHECK(run.available_at == at(50));
  CHECK(run.attempts == 1);
  CHECK(run.started_at == at(3));  // and not when it is tried again
  const auto attempts = store.attempts(run.id);
  REQUIRE(attempts.size() == 1);
  CHECK(attempts[0].number == 1);
  CHECK(attempts[0].outcome == "interrupted");
  CHECK(attempts[0].started_at == at(3));
  CHECK(attempts[0].finished_at == at(50));
  // The new one claims it.
  const auto again = store.claim({session.claimant, {"default"}}, at(50)).runs;
  REQUIRE(again.size() == 2);
  CHECK(store.run(run.id)->attempts == 2);
  const auto third = store.begin_session(id_of<OwnerId>(3), at(51));
  CHECK(third.recovered == 2);
  CHECK(store.attempts(run.id).size() == 2);
  CHECK(store.run(run.id)->started_at == at(3));
  // What was said of the attempt before is not said of one that was interrupted.
  for (const auto& each : store.claim({third.claimant, {"default"}}, at(51)).runs) {
    auto end = a_finish(each, RunStatus::retrying, at(52));
    end.reason = "unreached";
    end.available_at = at(52);
    CHECK(store.finish({end}, third.claimant, at(52)).at(0).written);
  }
  CHECK(store.run(run.id)->reason == "unreached");
  CHECK(store.claim({third.claimant, {"default"}}, at(52)).runs.size() == 2);
  CHECK(store.begin_session(id_of<OwnerId>(4), at(53)).recovered == 2);
  CHECK(store.run(run.id)->reason.empty());
}

void fences_the_one_before(Store& store) {
  const auto old = begin_with_schedules(store, 3);
  const auto run =
      store
          .settle({a_settlement(a_schedule(), {a_run(a_schedule(), kStart)}, nominal(1))}, old,
                  at(0))
          .at(0)
          .claimed.at(0);
  (void)store.begin_session(id_of<OwnerId>(2), at(1));
  const auto before = dump(store);
  int fenced = 0;
  const auto check_fenced = [&](auto call) {
    try {
      call();
      FAIL("was not fenced");
    } catch (const StoreError& error) {
      CHECK(error.kind() == StoreError::Kind::fenced);
      ++fenced;
    }
    CHECK(dump(store) == before);
  };
  check_fenced([&] {
    (void)store.settle({a_settlement(a_schedule(2), {a_run(a_schedule(2), kStart)}, nominal(1))},
                       old, at(1));
  });
  check_fenced([&] { (void)store.claim({old, {"default"}}, at(99)); });
  check_fenced(
      [&] { (void)store.finish({a_finish(run, RunStatus::completed, at(1))}, old, at(1)); });
  check_fenced([&] { store.hand_back({{run.id, run.fence}}, old); });
  // The epoch of now with another owner is nobody, too.
  const auto now = store.begin_session(id_of<OwnerId>(3), at(2)).claimant;
  CHECK_THROWS_AS(store.claim({{id_of<OwnerId>(1), now.epoch}, {"default"}}, at(99)), StoreError);
  CHECK_THROWS_AS(store.claim({{now.owner, now.epoch - 1}, {"default"}}, at(99)), StoreError);
  CHECK(fenced == 4);
}

void a_run_of_the_session_before_is_lost(Store& store) {
  const auto old = begin_with_schedules(store, 3);
  const auto run = a_settled_run(store, old);
  const auto claimant = store.begin_session(id_of<OwnerId>(2), at(1)).claimant;
  // Same fence, other owner.
  CHECK_FALSE(
      store.finish({a_finish(run, RunStatus::completed, at(2))}, claimant, at(2)).at(0).written);
  CHECK(store.run(run.id)->status == RunStatus::retrying);
}

void claims_last_as_long_as_the_session(Store& store) {
  const auto session = [&] {
    const auto claimant = begin_with_schedules(store, 3);
    return store.begin_session(claimant.owner, at(0));
  }();
  CHECK_FALSE(session.claim_ttl);
  CHECK_FALSE(store.clock());
  const auto run = a_settled_run(store, session.claimant);
  // Never lapses.
  CHECK(store.recover(10, at(1'000'000)) == 0);
  CHECK(store.extend(session.claimant, at(1'000'000)) ==
        std::vector<HeldClaim>{{run.id, run.fence}});
  CHECK(store.run(run.id)->status == RunStatus::dispatching);
  // A new session holds nothing yet, and the one before nothing more.
  const auto next = store.begin_session(id_of<OwnerId>(2), at(3)).claimant;
  CHECK(store.held(next).empty());
  CHECK(store.held(session.claimant).empty());
  CHECK(store.extend(next, at(3)).empty());
  CHECK_THROWS_AS(store.extend(session.claimant, at(3)), StoreError);
}

}  // namespace

std::vector<Check> one_daemon_checks() {
  return {
      {"begins sessions", begins_sessions},
      {"keeps the high-water mark", keeps_the_high_water_mark},
      {"recovers what was left dispatching", recovers_what_was_left_dispatching},
      {"fences the one before", fences_the_one_before},
      {"of the session before is lost", a_run_of_the_session_before_is_lost},
      {"claims last as long as the session", claims_last_as_long_as_the_session},
  };
}

}  // namespace rruled::test
