// Long outages, pauses and waits for a retry, through planner and store.
#include "daemon/core/flow_change.h"
#include "daemon/core/lifecycle.h"
#include "store/memory_store.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

#include <ctime>
#include <map>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using store::CatchupPolicy;
using store::RunStatus;

void change(Simulation& simulation,
            store::ScheduleId id,
            const std::function<core::Change(const store::Schedule&)>& by) {
  const auto row = *simulation.store().schedule(id);
  store::ChangeSet changes;
  core::put(changes, by(row), &row);
  REQUIRE_FALSE(simulation.store().write(changes, simulation.now()));
}

void pause(Simulation& simulation, store::ScheduleId id) {
  change(simulation, id, [&](const store::Schedule& row) {
    return core::paused(row, nullptr, "", simulation.now());
  });
}

void resume(Simulation& simulation, store::ScheduleId id, core::CatchUp catch_up) {
  change(simulation, id, [&](const store::Schedule& row) {
    const auto timetable = core::Timetable::compile(row, simulation.zones()).value();
    return core::resumed(row, timetable, true, simulation.now(), catch_up);
  });
}

// Every hour from 09:00 on with catchup = all, and paused at 09:10.
struct PausedHourly {
  PausedHourly() {
    id = simulation.add("FREQ=HOURLY", at("2026-03-01T09:00:00Z"), "UTC",
                        [](store::Schedule& row) { row.catchup = CatchupPolicy::all; });
    simulation.run_until(at("2026-03-01T09:10:00Z"));
    pause(simulation, id);
  }
  store::MemoryStore store;
  Simulation simulation{store, at("2026-03-01T08:50:00Z"), {}};
  store::ScheduleId id;
};

}  // namespace

TEST_CASE("an hourly schedule after five days down: what each catch-up makes of 120 hours") {
  struct Expected {
    CatchupPolicy catchup;
    std::size_t runs;  // of the 120 missed
    const char* first;
  };
  const auto expected = GENERATE(values<Expected>({
      {CatchupPolicy::last, 1, "2026-03-06T00:00:00Z"},
      {CatchupPolicy::none, 0, ""},
      {CatchupPolicy::all, 24, "2026-03-05T01:00:00Z"},  // its window is a day
  }));
  CAPTURE(store::word(expected.catchup));
  store::MemoryStore store;
  Simulation simulation(store, at("2026-02-28T22:30:00Z"), {});
  const auto id =
      simulation.add("FREQ=HOURLY", at("2026-02-28T23:00:00Z"), "UTC",
                     [&](store::Schedule& schedule) { schedule.catchup = expected.catchup; });
  simulation.run_until(at("2026-03-01T00:30:00Z"));
  REQUIRE(simulation.sent().size() == 2);
  simulation.down_until(at("2026-03-06T00:30:00Z"));
  simulation.run_until(at("2026-03-06T00:40:00Z"));

  REQUIRE(simulation.sent().size() == 2 + expected.runs);
  for (std::size_t i = 2; i < simulation.sent().size(); ++i)
    CHECK(simulation.sent()[i].scheduled_for ==
          at(expected.first) + std::chrono::hours(i - 2));  // in order, each once
  const auto gaps = store.gaps(id);
  REQUIRE(gaps.size() == 1);
  CHECK(gaps[0].reason == store::GapReason::missed);
  CHECK(gaps[0].count == 120 - expected.runs);
  CHECK(gaps[0].from == at("2026-03-01T01:00:00Z"));
  CHECK(account_of(store, id).in_gaps + account_of(store, id).runs.size() == 122);
  const auto schedule = *store.schedule(id);
  CHECK(schedule.next_run_at == at("2026-03-06T01:00:00Z"));
  CHECK(schedule.settled_to == at("2026-03-06T00:00:00Z"));
  simulation.run_until(at("2026-03-06T01:00:30Z"));
  CHECK(simulation.sent().size() == 3 + expected.runs);
}

TEST_CASE("every second, down for a year: at most 100 runs, one gap, in less than a second") {
  store::MemoryStore store;
  Simulation simulation(store, at("2025-02-28T23:59:50Z"), {});
  const auto id =
      simulation.add("FREQ=SECONDLY", at("2025-03-01T00:00:00Z"), "UTC",
                     [&](store::Schedule& schedule) { schedule.catchup = CatchupPolicy::all; });
  simulation.run_until(at("2025-03-01T00:00:00Z"));
  REQUIRE(simulation.sent().size() == 1);
  const std::clock_t began = std::clock();
  simulation.down_until(at("2026-03-01T00:00:00Z"));
  simulation.run_until(at("2026-03-01T00:00:00Z"));
  // Of the processor's time: nothing else that the machine does counts.
  const double took = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
  CHECK(took < 1.0);
  const auto account = account_of(store, id);
  const std::size_t caught_up = account.runs.size() - 1;
  CHECK(caught_up == 100);
  REQUIRE(store.gaps(id).size() == 1);
  CHECK(account.in_gaps + account.runs.size() == 365 * 86'400 + 1);
  CHECK(account.runs.back() == at("2026-03-01T00:00:00Z"));
  CHECK(store.schedule(id)->next_run_at == at("2026-03-01T00:00:01Z"));
}

// With one daemon nobody looks for what is pending unless something says so.
TEST_CASE("a resume with catch-up sends what passed, also by the schedule's own policy") {
  const auto [catch_up, sent] = GENERATE(table<core::CatchUp, std::size_t>({
      {core::CatchUp::all, 5},     // 09:00 to 13:00
      {core::CatchUp::policy, 5},  // which is all
      {core::CatchUp::last, 3},    // without 10:00 and 11:00
      {core::CatchUp::none, 2},
  }));
  CAPTURE(catch_up);
  PausedHourly here;
  here.simulation.run_until(at("2026-03-01T12:30:00Z"));
  REQUIRE(here.simulation.sent().size() == 1);
  resume(here.simulation, here.id, catch_up);
  here.simulation.run_until(at("2026-03-01T13:05:00Z"));
  CHECK(here.simulation.sent().size() == sent);
  for (const auto& run : here.store.runs({.limit = 100})) CHECK(run.status == RunStatus::completed);
}

TEST_CASE("an outage after a resume that had nothing to make up for goes by the own policy") {
  PausedHourly here;
  here.simulation.run_until(at("2026-03-01T09:20:00Z"));
  resume(here.simulation, here.id, core::CatchUp::last);
  here.simulation.run_until(at("2026-03-01T09:30:00Z"));
  here.simulation.down_until(at("2026-03-01T12:30:00Z"));
  here.simulation.run_until(at("2026-03-01T13:05:00Z"));
  CHECK(here.simulation.sent().size() == 5);
}

TEST_CASE("Retry-After is obeyed within a second and an hour, and holds up no later occurrence") {
  const auto [asked, obeyed] = GENERATE(table<std::chrono::seconds, std::chrono::seconds>(
      {{0s, 1s}, {1s, 1s}, {90s, 90s}, {3'600s, 3'600s}, {86'400s, 3'600s}}));
  CAPTURE(asked.count());
  const Instant begin = at("2026-03-01T00:01:00Z");
  store::MemoryStore store;
  Simulation::Options options;
  options.answer = [&, asked = asked](const store::Run& run) {
    core::Report report;
    if (run.scheduled_for != begin || run.attempts > 1) return report;
    report.kind = core::Report::Kind::retry;
    report.status_code = 429;
    report.retry_after = asked;
    return report;
  };
  Simulation simulation(store, begin - 30s, options);
  simulation.add("FREQ=MINUTELY", begin, "UTC", {});
  simulation.run_until(begin + 70min + 30s);
  std::map<Instant, std::vector<Timestamp>> sent;
  for (const auto& each : simulation.sent()) sent[each.scheduled_for].push_back(each.sent_at);
  REQUIRE(sent.size() == 71);
  for (const auto& [scheduled_for, times] : sent) {
    CHECK(times.at(0) == scheduled_for);  // none was late, and none left out
    REQUIRE(times.size() == (scheduled_for == begin ? 2U : 1U));
  }
  CHECK(sent.at(begin).at(1) == begin + obeyed);
  for (const auto& run : store.runs({.limit = 1'000})) CHECK(run.status == RunStatus::completed);
}

}  // namespace rruled::test
