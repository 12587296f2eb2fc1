// Runs that go on elsewhere, and wishes to cancel, through planner and store.
#include "store/directory.h"
#include "store/memory_store.h"
#include "store/run_desk.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using store::OverlapPolicy;
using store::RunStatus;

const Instant kStart = at("2026-03-01T00:00:00Z");
constexpr auto kMinutely = "FREQ=MINUTELY";

Simulation::Options accepting(std::size_t daemons) {
  Simulation::Options options;
  options.daemons = daemons;
  options.answer = [](const store::Run& run) {
    core::Report report;
    report.status_code = 200;
    report.remote_id = "job-" + to_string(run.id);
    report.ask_after = 2s;
    return report;
  };
  return options;
}

store::ScheduleId add_batch(Simulation& simulation, store::Store& store, OverlapPolicy overlap) {
  const auto id = simulation.add(kMinutely, at("2026-03-01T00:01:00Z"), "UTC",
                                 [&](store::Schedule& schedule) { schedule.overlap = overlap; });
  // The flow's trigger makes its runs batch jobs.
  auto flow = *store.flow(store.schedule(id)->flow_id);
  const auto revision = flow.revision;
  flow.trigger_type = "batch";
  REQUIRE_FALSE(store.write({.flows = {{flow, revision}}}, simulation.now()));
  return id;
}

std::vector<store::Run> runs_of(store::Store& store) {
  auto runs = store.runs({.limit = 10'000});
  std::reverse(runs.begin(), runs.end());  // by due time
  return runs;
}

store::EndedTracked end(store::Store& store,
                        const store::Run& run,
                        RunStatus status,
                        Timestamp now) {
  return store.run_desk()->end_tracked({.run_id = run.id,
                                        .fence = run.fence,
                                        .status = status,
                                        .reason = {},
                                        .error = {},
                                        .logs = {}},
                                       now);
}

}  // namespace

TEST_CASE("a run that goes on elsewhere holds its slot over restarts and daemons") {
  store::MemoryStore store({.claim_ttl = 45s});
  Simulation simulation(store, kStart, accepting(2));
  add_batch(simulation, store, OverlapPolicy::buffer_one);
  simulation.run_until(kStart + 90s);
  auto runs = runs_of(store);
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].status == RunStatus::running);
  CHECK(runs[0].remote_id == "job-" + to_string(runs[0].id));
  simulation.down_until(kStart + 100s);
  simulation.run_until(kStart + 150s);
  runs = runs_of(store);
  REQUIRE(runs.size() == 2);
  CHECK(runs[0].status == RunStatus::running);
  CHECK(runs[1].status == RunStatus::waiting);
  CHECK(simulation.sent().size() == 1);
  // Its end lets the next one go, whoever heard of it.
  REQUIRE(end(store, runs[0], RunStatus::completed, simulation.now()).released);
  simulation.run_until(kStart + 160s);
  runs = runs_of(store);
  CHECK(runs[0].status == RunStatus::completed);
  CHECK(runs[1].status == RunStatus::running);
  CHECK(simulation.sent().size() == 2);
}

TEST_CASE("cancel_other wishes the job elsewhere cancelled, and its end lets the new run go") {
  store::MemoryStore store;
  Simulation simulation(store, kStart, accepting(1));
  add_batch(simulation, store, OverlapPolicy::cancel_other);
  simulation.run_until(kStart + 130s);
  auto runs = runs_of(store);
  REQUIRE(runs.size() == 2);
  CHECK(runs[0].status == RunStatus::running);
  CHECK(runs[0].cancel_reason == "overlap");
  CHECK(runs[1].status == RunStatus::waiting);
  const auto desk = store.run_desk();
  const auto taken = desk->take_tracked({.executor = "default"}, simulation.now());
  REQUIRE(taken.size() == 1);  // at once, not when it is asked about next
  REQUIRE(end(store, runs[0], RunStatus::cancelled, simulation.now()).released);
  simulation.run_until(kStart + 140s);
  runs = runs_of(store);
  CHECK(runs[0].status == RunStatus::cancelled);
  CHECK(runs[1].status == RunStatus::running);
}

TEST_CASE("an invocation ends with its answer, whatever id that has") {
  store::MemoryStore store;
  Simulation simulation(store, kStart, accepting(1));
  simulation.add("FREQ=DAILY;COUNT=1", at("2026-03-01T00:01:00Z"), "UTC");
  simulation.run_until(kStart + 2min);
  REQUIRE(runs_of(store).size() == 1);
  CHECK(runs_of(store)[0].status == RunStatus::completed);
}

TEST_CASE("a wish reaches the daemon that delivers the run, and the run is not tried again") {
  store::MemoryStore store({.claim_ttl = 45s});
  auto options = accepting(2);
  options.answer_takes = 20s;
  options.answer = [](const store::Run&) {
    core::Report report;  // as an attempt is reported that was broken off
    report.kind = core::Report::Kind::retry;
    report.error = "broken off";
    return report;
  };
  Simulation simulation(store, kStart, options);
  simulation.add("FREQ=DAILY;COUNT=1", at("2026-03-01T00:01:00Z"), "UTC");
  simulation.run_until(kStart + 65s);
  auto run = runs_of(store).at(0);
  REQUIRE(run.status == RunStatus::dispatching);
  const auto directory = store.directory();
  CHECK(directory->cancel_run(run.id, "enough", simulation.now(), {}) ==
        store::CancelResult::asked);
  simulation.run_until(kStart + 10min);
  run = runs_of(store).at(0);
  CHECK(run.status == RunStatus::cancelled);
  CHECK(run.reason == "enough");
  CHECK(run.attempts == 1);
  CHECK(simulation.sent().size() == 1);
}

TEST_CASE("a wish outlives the daemon that had the run") {
  store::MemoryStore store({.claim_ttl = 45s});
  auto options = accepting(1);
  options.answer_takes = 5min;
  Simulation simulation(store, kStart, options);
  simulation.add("FREQ=DAILY;COUNT=1", at("2026-03-01T00:01:00Z"), "UTC");
  simulation.run_until(kStart + 65s);
  auto run = runs_of(store).at(0);
  REQUIRE(run.status == RunStatus::dispatching);
  (void)store.directory()->cancel_run(run.id, "enough", simulation.now(), {});
  simulation.down_until(kStart + 3min);  // killed; its claim has lapsed
  simulation.run_until(kStart + 4min);
  run = runs_of(store).at(0);
  CHECK(run.status == RunStatus::cancelled);
  CHECK(run.reason == "enough");
  CHECK(simulation.sent().size() == 1);
}

}  // namespace rruled::test
