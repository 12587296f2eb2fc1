// Claimed runs that nobody could send in their time: Run::start_before.
#include "daemon/core/event.h"
#include "daemon/core/planner.h"
#include "planner_actions.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;

}  // namespace

TEST_CASE("a claimed run whose window is over is not sent, unless it was tried before") {
  const int attempts = GENERATE(1, 2);
  CAPTURE(attempts);
  rrule::ZoneDatabase zones;
  core::Planner planner(Simulation::Options::default_planner(), zones, kNow);
  (void)planner.step(kNow);
  store::Run run = claimed_run(1);
  run.start_before = kNow + 1ms;
  run.attempts = attempts;
  store::Run old = claimed_run(2);
  old.start_before = kNow;
  old.attempts = attempts;
  planner.complete(core::Claimed{{{run, old}, {}}}, kNow);
  const auto actions = planner.step(kNow);
  const auto sent = all_of<core::Deliver>(actions);
  REQUIRE(sent.size() == static_cast<std::size_t>(attempts));
  CHECK(sent.at(0).run.id == run.id);
  const auto ends = all_of<core::FinishRuns>(actions);
  REQUIRE(ends.size() == (attempts == 1 ? 1U : 0U));
  if (ends.empty()) return;
  CHECK(ends.front().batch.at(0).run_id == old.id);
  CHECK(ends.front().batch.at(0).status == store::RunStatus::cancelled);
  CHECK(ends.front().batch.at(0).reason == "catchup_window");
  CHECK_FALSE(ends.front().batch.at(0).sent);
  planner.complete(core::Finished{{{.written = true}}}, kNow);
  std::vector<core::Event> events;
  for (const auto& notice : all_of<core::Notice>(planner.step(kNow)))
    if (const auto event = core::event_of(notice)) events.push_back(*event);
  CHECK(events == std::vector{core::Event::occurrences_missed});
  for (const auto& notice : all_of<core::Notice>(actions))
    CHECK(notice.kind != core::Notice::Kind::run_late);
}

TEST_CASE("a batch job whose window is over is not spread") {
  rrule::ZoneDatabase zones;
  core::PlannerOptions options = Simulation::Options::default_planner();
  options.jobs.executors = {"default"};
  core::Planner planner(std::move(options), zones, kNow);
  (void)planner.step(kNow);
  store::Run job = claimed_run(1);
  job.kind = store::RunKind::batch_job;
  job.start_before = kNow;
  planner.complete(core::Claimed{{{job}, {}}}, kNow);
  const auto actions = planner.step(kNow);
  CHECK(all_of<core::OpenJob>(actions).empty());
  REQUIRE(all_of<core::FinishRuns>(actions).size() == 1);
  CHECK(all_of<core::FinishRuns>(actions).front().batch.at(0).reason == "catchup_window");
}

TEST_CASE("what nobody looks after counts from when this daemon could have seen who does") {
  const bool shared = GENERATE(false, true);
  CAPTURE(shared);
  rrule::ZoneDatabase zones;
  core::PlannerOptions options;
  options.executors = {{"a", 1}, {"b", 1}};
  options.tracked = {"b"};
  if (shared) options.claim_ttl = 45s;
  core::Planner planner(std::move(options), zones, kNow);
  const auto ask = [&](Instant now) {
    const auto asked = all_of<core::ExpireRuns>(planner.step(now));
    REQUIRE(asked.size() == 1);
    REQUIRE(asked[0].request.own);
    return asked[0];
  };
  const auto first = ask(kNow);
  CHECK(first.executors == std::vector<std::string>{"a", "b"});
  CHECK(first.request.own->executors == std::vector<std::string>{"a", "b"});
  CHECK(first.request.own->tracked == std::vector<std::string>{"b"});
  CHECK(first.request.own->since == kNow);
  CHECK(first.request.own->alone == !shared);
  planner.complete(core::Expired{}, kNow);
  const auto later = ask(kNow + 1h);
  CHECK(later.executors.empty());  // their waits were corrected
  CHECK(later.request.own->since == kNow);
  using core::StoreFailed;
  planner.complete(StoreFailed{StoreFailed::What::expire, "away", false}, kNow + 2h);
  CHECK(ask(kNow + 3h).request.own->since == kNow + 3h);
  planner.complete(core::Expired{}, kNow + 3h);
  CHECK(ask(kNow + 3h + 10min).request.own->since == kNow + 3h);
  planner.complete(StoreFailed{StoreFailed::What::expire, "locked", false}, kNow + 3h + 10min + 5s);
  CHECK(ask(kNow + 3h + 11min).request.own->since == kNow + 3h);
  planner.complete(core::Expired{}, kNow + 3h + 11min);
  planner.set_executors({{"a", 1}}, 256, {}, {}, kNow + 4h);
  CHECK(ask(kNow + 5h).request.own->since == kNow + 4h);
  planner.complete(core::Expired{}, kNow + 5h);
  CHECK(planner.step(kNow + 1h).empty());  // the store rests after its failure
  const auto set_back = ask(kNow + 1h + 6s);
  CHECK(set_back.request.own->since == kNow + 1h);
  CHECK(set_back.executors == std::vector<std::string>{"a"});
}

TEST_CASE("runs that need not wait any more are claimed at once") {
  rrule::ZoneDatabase zones;
  core::Planner planner({.executors = {{"a", 1}}}, zones, kNow);
  (void)planner.step(kNow);
  planner.complete(core::Claimed{{{}, kNow + 6h}}, kNow);
  CHECK(all_of<core::Claim>(planner.step(kNow + 1s)).empty());
  planner.complete(core::Expired{{}, true}, kNow + 1s);
  CHECK(all_of<core::Claim>(planner.step(kNow + 1s)).size() == 1);
}

TEST_CASE("what a row made the store refuse was asked for again at once, and nothing was said") {
  using What = core::StoreFailed::What;
  rrule::ZoneDatabase zones;
  core::PlannerOptions options = Simulation::Options::default_planner();
  options.claim_ttl = 45s;
  core::Planner planner(std::move(options), zones, kNow);
  const auto asked = [&](Instant now) {
    const auto actions = planner.step(now);
    return std::vector{all_of<core::ExpireRuns>(actions).size(),
                       all_of<core::RecoverClaims>(actions).size(),
                       all_of<core::LookAtJobs>(actions).size()};
  };
  const std::vector<std::size_t> each{1, 1, 1};
  REQUIRE(asked(kNow) == each);
  for (const auto what : {What::expire, What::recover, What::end_jobs})
    planner.complete(core::StoreFailed{what, "out of range", true}, kNow);
  const auto next = planner.step(kNow);
  CHECK(all_of<core::Notice>(next).size() == 3);
  for (const auto& notice : all_of<core::Notice>(next)) {
    CHECK(notice.kind == core::Notice::Kind::store_failed);
    CHECK(notice.text == "out of range");
  }
  CHECK(all_of<core::ExpireRuns>(next).empty());
  CHECK(all_of<core::RecoverClaims>(next).empty());
  CHECK(all_of<core::LookAtJobs>(next).empty());
  CHECK_FALSE(planner.load().store_away);
  CHECK(asked(kNow + 1min) == each);
}

}  // namespace rruled::test
