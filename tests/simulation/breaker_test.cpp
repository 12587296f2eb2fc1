// An executor that nobody answers for, through planner and store.
#include "store/directory.h"
#include "store/memory_store.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using store::RunStatus;

const Instant kNow = at("2026-03-01T00:00:00Z");

core::Report unreachable() {
  core::Report report;
  report.kind = core::Report::Kind::retry;
  report.error = "no answer";
  report.unreachable = true;
  return report;
}

// Two executors; "dead" answers nobody until `back`.
struct TwoExecutors {
  explicit TwoExecutors(store::Store& the_store, Timestamp back_at = Timestamp::max())
      : store(the_store), simulation(the_store, kNow, options(*this)), back(back_at) {}

  static Simulation::Options options(TwoExecutors& world) {
    Simulation::Options options;
    options.planner.executors = {{"dead", 32}, {"fine", 32}};
    options.planner.max_in_flight = 256;
    options.planner.breakers["dead"] = {.failures = 5};
    options.planner.breakers["fine"] = {.failures = 5};
    options.answer_takes = 100ms;
    options.answer = [&world](const store::Run& run) {
      const bool dead = run.executor == "dead" && world.simulation.now() < world.back;
      return dead ? unreachable() : core::Report{};
    };
    return options;
  }
  store::ScheduleId add(const std::string& executor, const std::string& rrule, Instant starts_at) {
    return simulation.add(rrule, starts_at, "UTC", [&](store::Schedule& schedule) {
      schedule.executor = executor;
      schedule.retry = retry;
      schedule.catchup_window = window;
    });
  }
  std::vector<store::Run> runs(const std::string& executor) {
    auto all = store.runs({.limit = 100'000});
    std::erase_if(all, [&](const auto& run) { return run.executor != executor; });
    return all;
  }
  [[nodiscard]] std::size_t sent(const std::string& executor) {
    std::size_t count = 0;
    for (const auto& run : runs(executor)) count += static_cast<std::size_t>(run.attempts);
    return count;
  }
  [[nodiscard]] std::vector<core::Breaker::State> states() const {
    std::vector<core::Breaker::State> all;
    for (const auto& notice : simulation.notices())
      if (notice.kind == core::Notice::Kind::breaker) all.push_back(*notice.breaker);
    return all;
  }

  store::Store& store;
  Simulation simulation;
  Timestamp back;
  store::RetryPolicy retry{};
  std::chrono::milliseconds window = 24h;
};

}  // namespace

TEST_CASE("what is due to a dead executor waits unsent, and the others are in time") {
  store::MemoryStore store;
  TwoExecutors world(store);
  for (int i = 0; i < 2'000; ++i) world.add("dead", "FREQ=DAILY", at("2026-02-01T00:01:00Z"));
  for (int i = 0; i < 100; ++i) world.add("fine", "FREQ=DAILY", at("2026-02-01T00:01:00Z"));
  world.simulation.run_until(kNow + 10min);
  const auto fine = world.runs("fine");
  REQUIRE(fine.size() == 100);
  for (const auto& run : fine) {
    CHECK(run.status == RunStatus::completed);
    CHECK(run.attempts == 1);
    // Four turns of its 32 slots, 100 ms each.
    REQUIRE(run.started_at);
    CHECK(*run.started_at - run.due_at <= 300ms);
  }
  // The first go, and since then one probe a minute at the most.
  const auto attempts = world.sent("dead");
  CHECK(attempts >= 32);
  CHECK(attempts <= 32 + 16);
  const auto dead = world.runs("dead");
  REQUIRE(dead.size() == 2'000);
  for (const auto& run : dead) {
    CHECK(run.finished_at == std::nullopt);
    CHECK((run.status == RunStatus::pending || run.status == RunStatus::retrying));
  }
  CHECK(world.states().front() == core::Breaker::State::open);
}

TEST_CASE("a dead executor that comes back gets all that waited for it") {
  store::MemoryStore store;
  TwoExecutors world(store, kNow + 5min);
  for (int i = 0; i < 200; ++i) world.add("dead", "FREQ=DAILY", at("2026-02-01T00:01:00Z"));
  world.simulation.run_until(kNow + 4min);
  const auto before = world.sent("dead");
  CHECK(before < 50);
  world.simulation.run_until(kNow + 15min);
  const auto runs = world.runs("dead");
  REQUIRE(runs.size() == 200);
  for (const auto& run : runs) CHECK(run.status == RunStatus::completed);
  // Not one attempt more than one for each run, the first 32 and the probes.
  CHECK(world.sent("dead") <= 200 + before + 6);
  CHECK(world.states().back() == core::Breaker::State::closed);
}

TEST_CASE(
    "what a dead executor could not be sent within its window is accounted for, and never sent") {
  store::MemoryStore store;
  TwoExecutors world(store, kNow + 5h + 30min);
  world.retry.max_age = 10min;
  world.window = 1h;
  for (int i = 0; i < 300; ++i) world.add("dead", "FREQ=HOURLY", at("2026-03-01T00:01:00Z"));
  world.simulation.run_until(kNow + 8h);
  std::size_t in_time = 0;
  for (const auto& each : world.simulation.sent()) {
    if (each.attempt > 1) continue;
    CHECK(each.sent_at - each.due_at < 1h);
    ++in_time;
  }
  const auto runs = world.runs("dead");
  REQUIRE(runs.size() == 300 * 8);
  std::size_t never_sent = 0;
  for (const auto& run : runs) {
    REQUIRE(run.finished_at);
    if (run.status != RunStatus::cancelled) continue;
    ++never_sent;
    CHECK(run.reason == "catchup_window");
    CHECK(*run.finished_at - run.due_at >= 1h);
    CHECK(*run.finished_at - run.due_at <= 1h + 1min);
  }
  CHECK(never_sent > 1'000);
  CHECK(never_sent + in_time == runs.size());
}

TEST_CASE("while nothing is sent the time for retries still ends a run") {
  store::MemoryStore store;
  TwoExecutors world(store);
  world.retry.max_age = 10min;
  for (int i = 0; i < 50; ++i) world.add("dead", "FREQ=DAILY;COUNT=1", at("2026-03-01T00:01:00Z"));
  world.simulation.run_until(kNow + 12min);
  const auto runs = world.runs("dead");
  REQUIRE(runs.size() == 50);
  std::size_t dead = 0;
  for (const auto& run : runs) {
    if (run.status != RunStatus::dead) continue;
    ++dead;
    REQUIRE(run.started_at);
    CHECK(*run.finished_at - *run.started_at >= 9min);
    CHECK(*run.finished_at - *run.started_at <= 10min + 30s);
  }
  // The 32 that were tried at first. Those that never were have begun no time yet.
  CHECK(dead >= 32);
  std::size_t told = 0;
  for (const auto& notice : world.simulation.notices())
    told +=
        notice.kind == core::Notice::Kind::run_ended && notice.status == RunStatus::dead ? 1U : 0U;
  CHECK(told == dead);
}

TEST_CASE("with two daemons, the one that reaches the executor has its runs") {
  store::MemoryStore store({.claim_ttl = 45s});
  TwoExecutors world(store);
  // Every attempt of the first daemon fails; the second one's are answered.
  std::set<store::OwnerId> owners;
  auto options = TwoExecutors::options(world);
  options.daemons = 2;
  options.answer = [&](const store::Run& run) {
    owners.insert(*run.owner);
    return run.owner == *owners.begin() ? unreachable() : core::Report{};
  };
  Simulation two(store, kNow, std::move(options));
  for (int i = 0; i < 100; ++i)
    two.add("FREQ=DAILY;COUNT=1", at("2026-03-01T00:01:00Z"), "UTC",
            [](store::Schedule& schedule) { schedule.executor = "dead"; });
  two.run_until(kNow + 10min);
  REQUIRE(owners.size() == 2);
  const auto runs = store.runs({.limit = 1'000});
  REQUIRE(runs.size() == 100);
  for (const auto& run : runs) CHECK(run.status == RunStatus::completed);
}

TEST_CASE("a refusal is an answer: the breaker stays closed") {
  store::MemoryStore store;
  Simulation::Options options;
  options.planner.breakers["default"] = {.failures = 5};
  options.answer = [](const store::Run&) {
    core::Report report;
    report.kind = core::Report::Kind::retry;
    report.status_code = 500;
    report.error = "HTTP 500";
    return report;
  };
  Simulation simulation(store, kNow, options);
  for (int i = 0; i < 20; ++i)
    simulation.add("FREQ=DAILY;COUNT=1", at("2026-03-01T00:01:00Z"), "UTC");
  simulation.run_until(kNow + 5min);
  for (const auto& notice : simulation.notices()) CHECK(notice.kind != core::Notice::Kind::breaker);
  CHECK(simulation.sent().size() > 100);
}

}  // namespace rruled::test
