#include "store/memory_store.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <set>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;

const Instant kFleetFrom = at("2026-03-01T00:00:30Z");
constexpr std::size_t kFleetSize = 3;
constexpr auto kClaimTtl = 45s;
constexpr int kHours = 6;

core::Report fail_twice(const store::Run& run) {
  core::Report report;
  if (run.attempts <= 2 && run.scheduled_for->time_since_epoch() / 1min % 7 == 0) {
    report.kind = core::Report::Kind::retry;
    report.error = "busy";
  }
  return report;
}

struct Fleet {
  store::MemoryStore store{{.claim_ttl = kClaimTtl}};
  Simulation simulation;
  std::vector<store::ScheduleId> schedules;

  explicit Fleet(Simulation::Options options) : simulation(store, kFleetFrom, std::move(options)) {
    const auto begin = at("2026-01-01T00:00:00Z");
    const auto in_full = [](store::Schedule& schedule) {
      schedule.catchup = store::CatchupPolicy::all;
    };
    for (const char* rule : {"FREQ=MINUTELY", "FREQ=MINUTELY;INTERVAL=7", "FREQ=HOURLY"})
      schedules.push_back(simulation.add(rule, begin, "Europe/Prague", in_full));
    schedules.push_back(simulation.add("FREQ=SECONDLY;INTERVAL=20", begin, "UTC", in_full));
  }
};

std::uint64_t occurrences_until(Instant end, std::chrono::seconds interval) {
  return static_cast<std::uint64_t>(end.time_since_epoch() / interval -
                                    kFleetFrom.time_since_epoch() / interval);
}

}  // namespace

TEST_CASE("three daemons, killed and held up past their claims, account for everything once") {
  const auto seed = static_cast<unsigned>(GENERATE(range(1, 21)));
  std::mt19937 random(seed);
  INFO("seed " << seed);
  Fleet fleet({.daemons = kFleetSize,
               .answer = fail_twice,
               .answer_takes = std::chrono::milliseconds(random() % 20'000)});
  Simulation& simulation = fleet.simulation;
  const Instant end = kFleetFrom + std::chrono::hours(kHours);
  std::size_t pauses = 0;
  while (simulation.now() < end) {
    simulation.run_until(simulation.now() + std::chrono::milliseconds(random() % 120'000));
    const std::size_t daemon = random() % kFleetSize;
    if (random() % 2 == 0) {
      simulation.crash(daemon);
    } else {
      simulation.pause(daemon, simulation.now() + std::chrono::milliseconds(random() % 150'000));
      ++pauses;
    }
  }
  simulation.run_until(simulation.now() + 1h);
  REQUIRE(simulation.crashes() > 50);
  REQUIRE(pauses > 50);

  const auto last = std::chrono::floor<std::chrono::seconds>(simulation.now());
  const std::vector<std::chrono::seconds> intervals{1min, 7min, 1h, 20s};
  auto accounts = accounts_of(fleet.store);
  for (std::size_t i = 0; i < intervals.size(); ++i) {
    const auto& account = accounts[fleet.schedules[i]];
    CHECK(account.runs.size() + account.in_gaps == occurrences_until(last, intervals[i]));
    CHECK(std::set(account.runs.begin(), account.runs.end()).size() == account.runs.size());
  }
  for (const auto& [status, count] : fleet.store.counts().runs) {
    const bool ended = status == store::RunStatus::completed || status == store::RunStatus::dead;
    if (!ended && count > 2) FAIL_CHECK(count << " runs are " << store::word(status));
  }
  // A claim that was lost sends nothing more: no attempt is made by two daemons.
  std::set<std::pair<std::string, int>> sends;
  std::map<std::string, std::string> bodies;
  for (const auto& sent : simulation.sent()) {
    CHECK(sends.emplace(sent.key, sent.attempt).second);
    CHECK(bodies.emplace(sent.key, sent.body).first->second == sent.body);
  }
  CHECK(sends.size() > 1'000);
}

TEST_CASE("a daemon that was held up past its claims hears that they are lost, and drops them") {
  Fleet fleet({.daemons = 2, .answer_takes = 30s});
  Simulation& simulation = fleet.simulation;
  simulation.run_until(kFleetFrom + 31s);  // some are under way
  simulation.pause(0, simulation.now() + 3min);
  simulation.run_until(simulation.now() + 10min);
  std::size_t fenced = 0;
  for (const auto& notice : simulation.notices())
    fenced += notice.kind == core::Notice::Kind::run_fenced ? 1 : 0;
  CHECK(fenced > 0);
}

}  // namespace rruled::test
