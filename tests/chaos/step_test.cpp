// A daemon that dies, or is stopped (SIGSTOP) and goes on too late, at one certain step
// (semantics.md, P1, P3 and P4).
#include "tests/chaos/arena.h"

#include <catch2/catch.hpp>

#include <csignal>
#include <thread>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using testing::BackgroundProcess;

constexpr int kClaimTtlMs = 3'000;

std::unique_ptr<BackgroundProcess> start(Arena& arena,
                                         const std::string& mutant,
                                         const std::string& stop_at) {
  return std::make_unique<BackgroundProcess>(std::vector<std::string>{
      RRULED_CHAOS_DAEMON, arena.cluster().url(), arena.receiver().url("/"),
      std::to_string(kClaimTtlMs), "7", "0", mutant, stop_at});
}

// Polls what another program does, with a deadline.
template <class Condition>
bool becomes_true(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(20ms);
  }
  return true;
}

bool sent_again(const LoopbackReceiver& receiver, const std::string& run) {
  for (const auto& request : receiver.requests())
    if (request.header("X-Rruled-Run") == run && request.header("X-Rruled-Attempt") == "2")
      return true;
  return false;
}

// The problems there are when a daemon that was stopped at `stop_at` has gone on, after another one
// has sent its run again.
std::vector<std::string> problems_after_stop(Arena& arena,
                                             const std::string& mutant,
                                             const std::string& stop_at) {
  arena.audit();
  arena.add_schedules(1);
  const auto stopped = start(arena, mutant, stop_at);
  REQUIRE(becomes_true([&] { return testing::state_of(stopped->pid()) == 'T'; }));
  const auto run = arena.cluster().sql("SELECT id FROM rruled.runs ORDER BY scheduled_for LIMIT 1");
  const auto other = start(arena, "", "");
  REQUIRE(becomes_true([&] { return sent_again(arena.receiver(), run.substr(0, 36)); }));
  stopped->send_signal(SIGCONT);
  REQUIRE(stopped->read_until("passed", 30s) == "passed");
  return arena.problems(Arena::Ended::may_wait);
}

}  // namespace

TEST_CASE("a daemon that slept past its claims does not write over who has them now") {
  if (const auto why = testing::PostgresCluster::missing(); !why.empty()) {
    WARN("SKIPPED: " << why);
    return;
  }
  const std::string mutant = GENERATE("", "no_fence");
  CAPTURE(mutant);
  Arena arena;
  // The first answer comes; whoever sends again waits for one, and holds its claim meanwhile.
  arena.receiver().answer({});
  arena.receiver().always_answer({.held = true});
  const auto problems = problems_after_stop(arena, mutant, "finish");
  CHECK(problems.empty() == mutant.empty());
}

TEST_CASE("a daemon that slept past its claims sends nothing") {
  if (const auto why = testing::PostgresCluster::missing(); !why.empty()) {
    WARN("SKIPPED: " << why);
    return;
  }
  const std::string mutant = GENERATE("", "no_deadline");
  CAPTURE(mutant);
  Arena arena;
  const auto problems = problems_after_stop(arena, mutant, "send");
  CHECK(problems.empty() == mutant.empty());
}

TEST_CASE("a daemon that dies between any two steps leaves no occurrence without an outcome") {
  if (const auto why = testing::PostgresCluster::missing(); !why.empty()) {
    WARN("SKIPPED: " << why);
    return;
  }
  Arena arena;
  arena.add_schedules(3);
  // Its first call is the session; then it looks for what is over, what has lapsed, what it may
  // claim and what jobs have ended. By the last it has settled, claimed, and settled again.
  constexpr int kSteps = 28;
  std::size_t deaths = 0;
  for (int step = 1; step <= kSteps && arena.unaccounted().empty(); ++step) {
    const auto daemon = start(arena, "", "step " + std::to_string(step));
    if (becomes_true([&] { return testing::state_of(daemon->pid()) == 'Z'; })) ++deaths;
  }
  CHECK(arena.unaccounted().empty());
  CHECK(deaths >= std::size_t{kSteps});
}

TEST_CASE("a daemon that dies once a schedule has moved on has written its runs") {
  if (const auto why = testing::PostgresCluster::missing(); !why.empty()) {
    WARN("SKIPPED: " << why);
    return;
  }
  const std::string mutant = GENERATE("", "advance_first");
  CAPTURE(mutant);
  Arena arena;
  arena.add_schedules(3);
  const auto daemon = start(arena, mutant, "settled");
  REQUIRE(becomes_true([&] { return testing::state_of(daemon->pid()) == 'Z'; }));
  CHECK(arena.unaccounted().empty() == mutant.empty());
}

TEST_CASE("a run that takes longer than a claim lasts stays with the daemon that sent it") {
  if (const auto why = testing::PostgresCluster::missing(); !why.empty()) {
    WARN("SKIPPED: " << why);
    return;
  }
  Arena arena;
  arena.audit();
  arena.receiver().always_answer({.held = true});
  arena.add_schedules(1, "FREQ=SECONDLY;COUNT=1");
  const auto one = start(arena, "", "never");
  REQUIRE(arena.receiver().wait_for_requests(1));
  const auto other = start(arena, "", "never");
  // Until the claim has been extended after its first end; or was not.
  const auto outlasted = "SELECT count(*) FROM rruled.runs WHERE claimed_until - claimed_at > " +
                         std::to_string(2 * kClaimTtlMs);
  CHECK(becomes_true(
      [&] { return arena.number(outlasted) > 0 || arena.receiver().requests().size() > 1; }));
  CHECK(arena.receiver().requests().size() == 1);
  arena.receiver().release();
  CHECK(arena.becomes_zero(kLiveRuns, 20s));
  CHECK(arena.cluster().sql("SELECT status, fence, attempts FROM rruled.runs") == "completed|1|1");
  const auto problems = arena.problems(Arena::Ended::must);
  CHECK(joined(problems) == "");
}

}  // namespace rruled::test
