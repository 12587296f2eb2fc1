#include "daemon/core/run_identity.h"
#include "store/memory_store.h"
#include "tests/support/hooked_store.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <set>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using store::StoreError;
using When = HookedStore::When;

const Instant kFaultsFrom = at("2026-06-01T00:00:30Z");
constexpr int kMinutes = 12;

core::Report fail_once(const store::Run& run) {
  core::Report report;
  // Every fifth run fails once.
  if (run.attempts == 1 && run.scheduled_for->time_since_epoch() / 1min % 5 == 0) {
    report.kind = core::Report::Kind::retry;
    report.error = "busy";
  }
  return report;
}

struct Outcome {
  Account account;
  std::map<store::RunStatus, std::uint64_t> runs;
  std::map<std::string, int> sends;
  std::set<std::string> bodies;
  int calls = 0;
};

Outcome run_with(const HookedStore::Hook& hook) {
  store::MemoryStore memory;
  HookedStore hooked(memory, hook);
  Simulation simulation(hooked, kFaultsFrom, {.answer = fail_once, .answer_takes = 100ms});
  const auto id = simulation.add("FREQ=MINUTELY", at("2026-01-01T00:00:00Z"), "UTC");
  simulation.run_until(kFaultsFrom + std::chrono::minutes(kMinutes) + 20s);
  Outcome outcome;
  outcome.account = account_of(memory, id);
  for (const auto& [status, count] : memory.counts().runs)
    if (count > 0) outcome.runs[status] = count;
  for (const auto& sent : simulation.sent()) {
    ++outcome.sends[sent.key];
    outcome.bodies.insert(sent.key + sent.body);
  }
  outcome.calls = hooked.calls();
  return outcome;
}

void check(const Outcome& outcome) {
  CHECK(outcome.account.runs.size() == kMinutes);
  CHECK(outcome.account.in_gaps == 0);
  CHECK(outcome.runs ==
        std::map<store::RunStatus, std::uint64_t>{{store::RunStatus::completed, kMinutes}});
  CHECK(outcome.sends.size() == kMinutes);
  CHECK(outcome.bodies.size() == kMinutes);  // every send of a key had the same bytes
}

}  // namespace

TEST_CASE("a store fault at any one call, before or after its commit, loses and doubles nothing") {
  const int calls = run_with([](When, int) {}).calls;
  REQUIRE(calls > 3 * kMinutes);
  const auto when = GENERATE(When::before, When::after);
  int tried = 0;
  // Call 1 is the session: without it there is no daemon.
  for (int fail_at = 2; fail_at <= calls; ++fail_at, ++tried) {
    const auto outcome = run_with([&](When now, int call) {
      if (now == when && call == fail_at)
        throw StoreError(StoreError::Kind::unavailable, "pulled the plug");
    });
    INFO("fault at call " << fail_at << (when == When::before ? " before" : " after"));
    check(outcome);
    int most = 0;
    for (const auto& [key, count] : outcome.sends) most = std::max(most, count);
    CHECK(most <= 2);  // the one that fails once: a fault of the store repeats no send
  }
  CHECK(tried == calls - 1);
}

TEST_CASE("a store that fails at random, often, loses and doubles nothing") {
  const auto seed = GENERATE(range(1U, 40U));
  CAPTURE(seed);
  std::mt19937 random(seed);
  int faults = 0;
  const auto outcome = run_with([&](When, int call) {
    if (call == 1 || random() % 8 != 0) return;
    ++faults;
    throw StoreError(StoreError::Kind::unavailable, "flaky");
  });
  CHECK(faults > 5);
  check(outcome);
}

namespace {

// Refuses what one schedule settles, and one run's outcome while it has log lines.
class RefusingStore final : public HookedStore {
 public:
  explicit RefusingStore(store::Store& inner) : HookedStore(inner, [](When, int) {}) {}
  std::vector<store::SettleResult> settle(std::vector<store::Settlement> batch,
                                          const store::Claimant& claimant,
                                          store::Timestamp now) override {
    for (const auto& each : batch)
      if (each.schedule_id == bad && !each.runs.empty())
        throw StoreError(StoreError::Kind::invalid, "runs.flow_name is not UTF-8");
    return HookedStore::settle(std::move(batch), claimant, now);
  }
  std::vector<store::FinishResult> finish(const std::vector<store::Finish>& batch,
                                          const store::Claimant& claimant,
                                          store::Timestamp now) override {
    for (const auto& each : batch)
      if (each.run_id == bad_run && !each.logs.empty())
        throw StoreError(StoreError::Kind::invalid, "log_lines.message is not UTF-8");
    return HookedStore::finish(batch, claimant, now);
  }
  store::ScheduleId bad;
  store::RunId bad_run;
};

}  // namespace

TEST_CASE("one row that the store refuses is set aside and stops no other") {
  store::MemoryStore memory;
  RefusingStore refusing(memory);
  Simulation simulation(refusing, kFaultsFrom, {});
  std::vector<store::ScheduleId> good;
  for (int i = 0; i < 40; ++i) {
    const auto id = simulation.add("FREQ=MINUTELY", at("2026-01-01T00:00:00Z"), "UTC");
    if (i == 17) {
      refusing.bad = id;
    } else {
      good.push_back(id);
    }
  }
  refusing.bad_run = core::scheduled_run_id(good.front(), kFaultsFrom + 30s);
  simulation.run_until(kFaultsFrom + 5min);
  auto accounts = accounts_of(memory);
  std::size_t whole = 0;
  for (const auto id : good)
    if (accounts[id].runs.size() == 5) ++whole;
  CHECK(whole == good.size());
  for (const auto& sent : simulation.sent()) CHECK(sent.sent_at - sent.due_at < 1s);
  const auto bad = memory.schedule(refusing.bad);
  CHECK(bad->status == store::ScheduleStatus::error);
  CHECK(bad->status_reason == "runs.flow_name is not UTF-8");
  const auto run = memory.run(refusing.bad_run);
  CHECK(run->status == store::RunStatus::completed);
  CHECK(run->error.find("log_lines.message") != std::string::npos);
}

TEST_CASE("an outage of ten minutes: late, caught up, accounted for") {
  store::MemoryStore memory;
  bool down = false;
  HookedStore hooked(memory, [&](When when, int call) {
    if (down && call > 1 && when == When::before)
      throw StoreError(StoreError::Kind::unavailable, "down");
  });
  Simulation simulation(hooked, kFaultsFrom, {});
  const auto id = simulation.add("FREQ=MINUTELY", at("2026-01-01T00:00:00Z"), "UTC");
  simulation.run_until(kFaultsFrom + 5min);
  down = true;
  simulation.run_until(kFaultsFrom + 15min);
  CHECK(simulation.sent().size() == 5);
  down = false;
  simulation.run_until(kFaultsFrom + 20min);
  const auto account = account_of(memory, id);
  CHECK(account.runs.size() + account.in_gaps == 20);
  CHECK(account.in_gaps == 8);  // ten came due: one within the grace, and the newest of the others
}

}  // namespace rruled::test
