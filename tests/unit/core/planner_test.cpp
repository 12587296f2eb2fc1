#include "daemon/core/planner.h"

#include "daemon/core/fair_queue.h"
#include "planner_actions.h"
#include "store/memory_store.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

#include <set>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;

void load_page(core::Planner& planner, store::Store& store) {
  const auto load = all_of<core::LoadDue>(planner.step(kNow));
  REQUIRE(load.size() == 1);
  planner.complete(core::Loaded{store.load_due(load[0].after, load[0].before, load[0].limit)},
                   kNow);
}

}  // namespace

TEST_CASE("what waits is taken in order within a project, and projects take turns") {
  core::FairQueue<int> queue;
  for (int i = 0; i < 1'000; ++i) queue.push_back(1, i);
  queue.push_back(2, 5'000);
  queue.push_back(3, 6'000);
  CHECK(queue.pop() == 0);
  CHECK(queue.pop() == 5'000);
  CHECK(queue.pop() == 6'000);
  CHECK(queue.pop() == 1);
  queue.push_front(1, -1);
  CHECK(queue.pop() == -1);
  CHECK(queue.size() == 998);
}

TEST_CASE("schedules beyond the cap wait in the store and still fire in time") {
  core::PlannerOptions planner = Simulation::Options::default_planner();
  planner.armed_max = 40;
  planner.load_page = 10;
  store::MemoryStore store;
  Simulation simulation(store, kNow, {.planner = planner});
  for (int i = 0; i < 200; ++i)
    simulation.add("FREQ=MINUTELY", at("2026-01-01T00:00:00Z") + std::chrono::seconds(i % 60),
                   "UTC");
  simulation.run_until(kNow + 10min);
  CHECK(simulation.sent().size() >= 200 * 9);
  for (const auto& sent : simulation.sent()) {
    CHECK(sent.sent_at >= sent.due_at);
    CHECK(sent.sent_at - sent.due_at < 10ms);
  }
}

TEST_CASE("memory holds no more schedules than the cap, however many are due soon") {
  core::PlannerOptions planner = Simulation::Options::default_planner();
  planner.armed_max = 40;
  planner.load_page = 10;
  store::MemoryStore store;
  Simulation simulation(store, kNow, {});
  for (int i = 0; i < 200; ++i) simulation.add("FREQ=DAILY", at("2026-01-01T00:00:20Z"), "UTC");
  rrule::ZoneDatabase zones;
  core::Planner alone(planner, zones, kNow);
  std::size_t loads = 0;
  for (bool busy = true; busy;) {
    busy = false;
    for (const auto& load : all_of<core::LoadDue>(alone.step(kNow))) {
      busy = true;
      ++loads;
      alone.complete(core::Loaded{store.load_due(load.after, load.before, load.limit)}, kNow);
    }
  }
  CHECK(loads == 4);
  CHECK(alone.load().armed == 40);
  CHECK(alone.load().horizon_loaded);
}

TEST_CASE("a page that was read before an edit does not undo it") {
  core::PlannerOptions options = Simulation::Options::default_planner();
  options.load_page = 2;
  store::MemoryStore store;
  Simulation simulation(store, kNow, {});
  for (int i = 0; i < 3; ++i) simulation.add("FREQ=DAILY", at("2026-01-01T00:00:20Z"), "UTC");
  rrule::ZoneDatabase zones;
  core::Planner planner(options, zones, kNow);
  REQUIRE(all_of<core::LoadDue>(planner.step(kNow)).size() == 1);
  const auto page = store.load_due({}, kNow + 1min, 2);
  REQUIRE(page.size() == 2);
  auto edited = page[0];
  ++edited.schedule.version;
  edited.schedule.next_run_at = at("2026-01-01T00:00:10Z");
  edited.schedule.next_due_at = at("2026-01-01T00:00:10Z");
  store::Changes changes;
  changes.revision = 9;
  changes.schedules = {edited};
  planner.complete(core::Changed{changes}, kNow);
  planner.complete(core::Loaded{page}, kNow);
  const auto settles = all_of<core::Settle>(planner.step(kNow + 10s));
  REQUIRE(settles.size() == 1);
  REQUIRE(settles[0].batch.size() == 1);
  CHECK(settles[0].batch[0].version == edited.schedule.version);
}

TEST_CASE("claims are extended and lapsed ones recovered every third of their time") {
  rrule::ZoneDatabase zones;
  core::PlannerOptions options = Simulation::Options::default_planner();
  options.claim_ttl = 45s;
  core::Planner planner(options, zones, kNow);
  auto actions = planner.step(kNow);
  CHECK(all_of<core::RecoverClaims>(actions).size() == 1);
  CHECK(all_of<core::ExtendClaims>(actions).empty());  // nothing is held
  REQUIRE(all_of<core::Claim>(actions).size() == 1);
  planner.complete(core::Recovered{0}, kNow);
  planner.complete(core::Claimed{{{claimed_run(1), claimed_run(2)}, {}}}, kNow);

  actions = planner.step(kNow);
  CHECK(all_of<core::Deliver>(actions).size() == 2);
  CHECK(all_of<core::ExtendClaims>(actions).empty());  // they were made just now
  CHECK(all_of<core::ExtendClaims>(planner.step(kNow + 14s)).empty());
  actions = planner.step(kNow + 15s);
  CHECK(all_of<core::ExtendClaims>(actions).size() == 1);
  CHECK(all_of<core::RecoverClaims>(actions).size() == 1);

  planner.complete(core::Extended{{{claimed_run(1).id, 1}, {claimed_run(2).id, 1}}}, kNow + 15s);
  CHECK(all_of<core::CancelDelivery>(planner.step(kNow + 15s)).empty());
  CHECK(all_of<core::ExtendClaims>(planner.step(kNow + 29s)).empty());
  CHECK(all_of<core::ExtendClaims>(planner.step(kNow + 30s)).size() == 1);

  // The second was claimed by another daemon meanwhile.
  planner.complete(core::Extended{{{claimed_run(1).id, 1}, {claimed_run(2).id, 2}}}, kNow + 30s);
  const auto cancelled = all_of<core::CancelDelivery>(planner.step(kNow + 30s));
  REQUIRE(cancelled.size() == 1);
  CHECK(cancelled.front().run_id == claimed_run(2).id);
  core::Report broken_off;
  broken_off.kind = core::Report::Kind::retry;
  planner.complete(core::Delivered{claimed_run(2).id, broken_off}, kNow + 15s);
  actions = planner.step(kNow + 15s);
  CHECK(all_of<core::FinishRuns>(actions).empty());
  REQUIRE(all_of<core::Notice>(actions).size() == 1);
  CHECK(all_of<core::Notice>(actions).front().kind == core::Notice::Kind::run_fenced);
}

TEST_CASE("what is due waits for a free slot, but not longer than it may") {
  store::MemoryStore store;
  Simulation simulation(store, kNow, {});
  for (int i = 0; i < 3; ++i) simulation.add("FREQ=DAILY", at("2026-01-01T00:00:20Z"), "UTC");
  rrule::ZoneDatabase zones;
  core::Planner planner({.executors = {{"default", 1}}}, zones, kNow);
  load_page(planner, store);
  planner.complete(core::Claimed{}, kNow);

  const auto due = kNow + 20s;
  auto settle = all_of<core::Settle>(planner.step(due));
  REQUIRE(settle.size() == 1);
  REQUIRE(settle[0].batch.size() == 1);  // there is one slot
  CHECK(settle[0].batch[0].runs.at(0).status == store::RunStatus::dispatching);
  store::SettleResult settled;
  settled.claimed = settle[0].batch[0].runs;
  planner.complete(core::Settled{{settled}}, due);
  auto actions = planner.step(due);
  CHECK(all_of<core::Deliver>(actions).size() == 1);
  CHECK(all_of<core::Settle>(actions).empty());
  CHECK(planner.next_wake(due) <= due + 10s);

  settle = all_of<core::Settle>(planner.step(due + 10s));  // the receiver is slow
  REQUIRE(settle.size() == 1);
  REQUIRE(settle[0].batch.size() == 2);
  for (const auto& each : settle[0].batch)
    CHECK(each.runs.at(0).status == store::RunStatus::pending);
}

TEST_CASE("a run that a settlement let go is claimed at once") {
  store::MemoryStore store;
  Simulation simulation(store, kNow, {});
  simulation.add("FREQ=DAILY", at("2026-01-01T00:00:20Z"), "UTC");
  rrule::ZoneDatabase zones;
  core::Planner planner({.executors = {{"default", 2}}}, zones, kNow);
  load_page(planner, store);
  planner.complete(core::Claimed{}, kNow);
  const auto due = kNow + 20s;
  const auto settle = all_of<core::Settle>(planner.step(due));
  REQUIRE(settle.size() == 1);
  const bool released = GENERATE(false, true);
  CAPTURE(released);
  store::SettleResult settled;
  settled.released = released;
  planner.complete(core::Settled{{settled}}, due);
  CHECK(all_of<core::Claim>(planner.step(due)).size() == (released ? 1 : 0));
}

TEST_CASE(
    "while the store is slow to write ends, no more runs are sent than it can catch up with") {
  rrule::ZoneDatabase zones;
  core::Planner planner({.executors = {{"default", 8}}, .max_in_flight = 8, .finish_batch = 2},
                        zones, kNow);
  std::vector<core::FinishRuns> under_way;
  std::uint8_t sent = 0;
  for (int turn = 0; turn < 50; ++turn) {
    const auto actions = planner.step(kNow);
    for (const auto& each : all_of<core::FinishRuns>(actions)) under_way.push_back(each);
    for (const auto& each : all_of<core::Deliver>(actions))
      planner.complete(core::Delivered{each.run.id, {}}, kNow);
    for (const auto& each : all_of<core::Claim>(actions)) {
      std::vector<store::Run> runs;
      for (std::size_t n = 0; n < each.limit; ++n) runs.push_back(claimed_run(++sent));
      planner.complete(core::Claimed{{runs, kNow}}, kNow);
    }
  }
  CHECK(under_way.size() == 1);
  CHECK(sent >= 20);
  CHECK(sent <= 2 + 20 + 8);
  // It goes on as ends are written.
  std::size_t claims = 0;
  for (int answer = 0; answer < 5 && claims == 0; ++answer) {
    planner.complete(core::Finished{{{.written = true}, {.written = true}}}, kNow);
    claims = all_of<core::Claim>(planner.step(kNow)).size();
  }
  CHECK(claims == 1);
}

TEST_CASE("a store that answers questions but takes nothing is away, and is asked less and less") {
  store::MemoryStore store;
  Simulation simulation(store, kNow, {});
  simulation.add("FREQ=DAILY", at("2026-01-01T00:00:20Z"), "UTC");
  rrule::ZoneDatabase zones;
  core::Planner planner({.executors = {{"default", 1}}}, zones, kNow);
  const auto load = all_of<core::LoadDue>(planner.step(kNow)).at(0);
  planner.complete(core::Loaded{store.load_due(load.after, load.before, load.limit)}, kNow);
  planner.complete(core::Claimed{}, kNow);
  store::Timestamp now = kNow + 20s;
  auto wait = 0ms;
  for (int failure = 0; failure < 5; ++failure) {
    REQUIRE(all_of<core::Settle>(planner.step(now)).size() == 1);
    planner.complete(core::StoreFailed{core::StoreFailed::What::settle, "locked", false}, now);
    CHECK(planner.load().store_away);
    const auto again = planner.next_wake(now).value();
    CHECK(again - now > wait);
    wait = again - now;
    now = again;
    REQUIRE(all_of<core::ReviewHeld>(planner.step(now)).size() == 1);
    planner.complete(core::Held{}, now);
    planner.complete(core::Expired{}, now);  // a look that found nothing
    CHECK(planner.load().store_away);
  }
  REQUIRE(all_of<core::Settle>(planner.step(now)).size() == 1);
  planner.complete(core::Settled{{store::SettleResult{}}}, now);
  CHECK_FALSE(planner.load().store_away);
}

TEST_CASE("what is due to one executor in masses stands before nothing of another") {
  store::MemoryStore store;
  Simulation simulation(store, kNow, {});
  for (int i = 0; i < 510; ++i)
    simulation.add("FREQ=DAILY", at("2026-01-01T00:00:20Z"), "UTC",
                   [&](store::Schedule& row) { row.executor = i < 500 ? "a" : "b"; });
  rrule::ZoneDatabase zones;
  // Nothing is held back for a slot, as when none will become free.
  core::Planner planner({.executors = {{"a", 1}, {"b", 1}}, .settle_hold = 0ms}, zones, kNow);
  load_page(planner, store);
  const auto settle = all_of<core::Settle>(planner.step(kNow + 20s));
  REQUIRE(settle.size() == 1);
  REQUIRE(settle[0].batch.size() == 100);
  std::size_t of_b = 0;
  for (const auto& each : settle[0].batch) of_b += each.runs.at(0).executor == "b" ? 1U : 0U;
  CHECK(of_b == 10);
}

TEST_CASE("what is only written down takes a small part of a batch") {
  store::MemoryStore store;
  Simulation simulation(store, kNow, {});
  for (int i = 0; i < 1'700; ++i) simulation.add("FREQ=DAILY", at("2026-01-01T00:00:20Z"), "UTC");
  rrule::ZoneDatabase zones;
  core::Planner planner({.executors = {{"default", 1}}, .settle_hold = 0ms}, zones, kNow);
  load_page(planner, store);
  const auto settle = all_of<core::Settle>(planner.step(kNow + 20s));
  REQUIRE(settle.size() == 1);
  CHECK(settle[0].batch.size() == 100);  // the batch had room for 212
}

TEST_CASE(
    "runs that come from the store after the breaker opened are handed back, but for a probe") {
  const bool in_time_for_a_probe = GENERATE(false, true);
  CAPTURE(in_time_for_a_probe);
  rrule::ZoneDatabase zones;
  core::PlannerOptions options = Simulation::Options::default_planner();
  options.breakers["default"] = {.failures = 1};
  core::Planner planner(std::move(options), zones, kNow);
  (void)planner.step(kNow);
  planner.complete(core::Claimed{{{claimed_run(1)}, kNow}}, kNow);
  const auto actions = planner.step(kNow);
  REQUIRE(all_of<core::Deliver>(actions).size() == 1);
  REQUIRE(all_of<core::Claim>(actions).size() == 1);  // on its way while the attempt fails
  core::Report report;
  report.kind = core::Report::Kind::retry;
  report.unreachable = true;
  planner.complete(core::Delivered{claimed_run(1).id, report}, kNow);
  CHECK(all_of<core::HandBackRuns>(planner.step(kNow)).empty());
  const auto then = in_time_for_a_probe ? kNow + 5s : kNow + 1s;
  if (in_time_for_a_probe) (void)planner.step(then);
  planner.complete(core::Claimed{{{claimed_run(2), claimed_run(3)}, {}}}, then);
  const auto first = planner.step(then);
  const auto second = planner.step(then);
  CHECK(all_of<core::Deliver>(first).size() == (in_time_for_a_probe ? 1U : 0U));
  CHECK(all_of<core::Deliver>(second).empty());
  std::size_t back = 0;
  for (const auto& step : {first, second})
    for (const auto& each : all_of<core::HandBackRuns>(step)) back += each.batch.size();
  CHECK(back == (in_time_for_a_probe ? 1U : 2U));
}

TEST_CASE("a claimed run that was wished cancelled is not sent") {
  rrule::ZoneDatabase zones;
  core::Planner planner(Simulation::Options::default_planner(), zones, kNow);
  (void)planner.step(kNow);
  store::Run run = claimed_run(1);
  run.cancel_reason = "enough";
  planner.complete(core::Claimed{{{run}, {}}}, kNow);
  const auto actions = planner.step(kNow);
  CHECK(all_of<core::Deliver>(actions).empty());
  REQUIRE(all_of<core::FinishRuns>(actions).size() == 1);
  const auto end = all_of<core::FinishRuns>(actions).front().batch.at(0);
  CHECK(end.status == store::RunStatus::cancelled);
  CHECK_FALSE(end.sent);
}

TEST_CASE("a wish breaks off the delivery that it is for, once, and no other") {
  rrule::ZoneDatabase zones;
  core::Planner planner(Simulation::Options::default_planner(), zones, kNow);
  (void)planner.step(kNow);
  store::Run job = claimed_run(1);
  job.kind = store::RunKind::batch_job;
  planner.complete(core::Claimed{{{job, claimed_run(2)}, {}}}, kNow);
  REQUIRE(all_of<core::Deliver>(planner.step(kNow)).size() == 2);
  store::Changes changes;
  changes.to_cancel = {claimed_run(1).id, claimed_run(3).id};  // the third is another daemon's
  for (int told = 0; told < 2; ++told) {
    planner.complete(core::Changed{changes}, kNow);
    const auto actions = planner.step(kNow);
    const auto cancelled = all_of<core::CancelDelivery>(actions);
    REQUIRE(cancelled.size() == (told == 0 ? 1U : 0U));
    if (told == 0) CHECK(cancelled[0].run_id == claimed_run(1).id);
    CHECK(all_of<core::CancelJob>(actions).empty());
  }
  // Accepted elsewhere all the same: it is to be cancelled there.
  core::Report accepted;
  accepted.remote_id = "job-1";
  planner.complete(core::Delivered{claimed_run(1).id, accepted}, kNow);
  const auto finish = all_of<core::FinishRuns>(planner.step(kNow));
  REQUIRE(finish.size() == 1);
  CHECK(finish[0].batch.at(0).status == store::RunStatus::running);
  CHECK(finish[0].batch.at(0).remote_id == "job-1");
  planner.complete(core::Finished{{store::FinishResult{}}}, kNow);
  const auto there = all_of<core::CancelJob>(planner.step(kNow));
  REQUIRE(there.size() == 1);
  CHECK(there[0].run_id == job.id);
}

TEST_CASE("a run whose last attempts ended with their daemons is not sent once more") {
  rrule::ZoneDatabase zones;
  core::Planner planner(Simulation::Options::default_planner(), zones, kNow);
  (void)planner.step(kNow);
  store::Run run = claimed_run(1);
  run.attempts = run.retry.max_attempts + 1;
  planner.complete(core::Claimed{{{run}, {}}}, kNow);
  const auto actions = planner.step(kNow);
  CHECK(all_of<core::Deliver>(actions).empty());
  REQUIRE(all_of<core::FinishRuns>(actions).size() == 1);
  const auto end = all_of<core::FinishRuns>(actions).front().batch.at(0);
  CHECK(end.status == store::RunStatus::dead);
  CHECK_FALSE(end.sent);
  CHECK_THAT(end.attempt.error, Catch::Contains("may have arrived"));
  CHECK_THAT(end.logs.at(0).message, Catch::StartsWith("dead: its last attempt"));
  planner.complete(core::Finished{{store::FinishResult{}}}, kNow);
  const auto notices = all_of<core::Notice>(planner.step(kNow));
  REQUIRE(notices.size() == 1);
  CHECK(notices[0].run->attempts == run.retry.max_attempts);
}

TEST_CASE("a clock set back does not put off the heartbeat") {
  rrule::ZoneDatabase zones;
  core::PlannerOptions options = Simulation::Options::default_planner();
  options.claim_ttl = 45s;
  core::Planner planner(options, zones, kNow);
  (void)planner.step(kNow);
  planner.complete(core::Recovered{0}, kNow);
  planner.complete(core::Claimed{{{claimed_run(1)}, {}}}, kNow);
  CHECK(all_of<core::ExtendClaims>(planner.step(kNow)).empty());
  CHECK(all_of<core::ExtendClaims>(planner.step(kNow - 1h)).size() == 1);
}

}  // namespace rruled::test
