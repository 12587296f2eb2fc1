#include "store/memory_store.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

#include <set>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;

std::uint64_t expected_between(Instant from, Instant to, std::chrono::seconds every) {
  return static_cast<std::uint64_t>((to - from) / every);
}

}  // namespace

TEST_CASE("fires once when the clock steps back") {
  const Instant from = at("2026-06-01T00:00:30Z");
  store::MemoryStore store;
  Simulation simulation(store, from, {});
  const auto id = simulation.add("FREQ=MINUTELY", at("2026-01-01T00:00:00Z"), "UTC");
  simulation.run_until(from + 3h);
  const auto before = simulation.sent().size();
  simulation.step_clock(-1h);
  simulation.run_until(from + 3h - 1s);
  CHECK(simulation.sent().size() == before);  // that hour was fired already
  simulation.run_until(from + 5h);
  CHECK(account_of(store, id).runs.size() == expected_between(from, from + 5h, 1min));
  std::set<std::string> keys;
  for (const auto& sent : simulation.sent()) keys.insert(sent.key);
  CHECK(keys.size() == simulation.sent().size());
}

TEST_CASE("a schedule added after the clock stepped back fires at its time") {
  const Instant from = at("2026-06-01T00:00:30Z");
  store::MemoryStore store;
  Simulation simulation(store, from, {});
  simulation.add("FREQ=HOURLY", at("2026-01-01T00:00:00Z"), "UTC");
  simulation.run_until(from + 3h);
  simulation.step_clock(-2h);
  const auto now = simulation.now();
  const auto id = simulation.add("FREQ=MINUTELY", at("2026-01-01T00:00:00Z"), "UTC");
  simulation.run_until(now + 10min);
  const auto account = account_of(store, id);
  CHECK(account.runs.size() == 10);
  for (const auto& sent : simulation.sent()) CHECK(sent.sent_at >= sent.due_at);
}

TEST_CASE("a clock that steps forward goes through catch-up, and nothing is unaccounted for") {
  const auto step = GENERATE(as<std::chrono::seconds>{}, 30s, 1h, 48h, 24h * 365);
  CAPTURE(step.count());
  const Instant from = at("2026-06-01T00:00:30Z");
  store::MemoryStore store;
  Simulation simulation(store, from, {});
  const auto id = simulation.add("FREQ=MINUTELY;INTERVAL=5", at("2026-01-01T00:00:00Z"), "UTC");
  simulation.run_until(from + 1h);
  simulation.step_clock(step);
  const auto landed = simulation.now();
  simulation.run_until(landed + 1h);
  const auto account = account_of(store, id);
  CHECK(account.runs.size() + account.in_gaps == expected_between(from, from + 2h + step, 5min));
  CHECK(account.runs.size() <= 12 + 1 + 1 + 13);
}

TEST_CASE("one hour back and forth again: nothing twice, nothing lost") {
  const Instant from = at("2026-06-01T00:00:30Z");
  store::MemoryStore store;
  Simulation simulation(store, from, {});
  const auto id = simulation.add("FREQ=MINUTELY", at("2026-01-01T00:00:00Z"), "UTC");
  simulation.run_until(from + 2h);
  simulation.step_clock(-1h);
  simulation.run_until(from + 1h + 10min);
  simulation.step_clock(1h);
  simulation.run_until(from + 3h);
  const auto account = account_of(store, id);
  CHECK(account.runs.size() + account.in_gaps == expected_between(from, from + 3h, 1min));
  std::set<Instant> distinct(account.runs.begin(), account.runs.end());
  CHECK(distinct.size() == account.runs.size());
}

}  // namespace rruled::test
