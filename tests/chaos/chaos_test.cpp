// Three daemons on one PostgreSQL, and everything that can happen to them at once (semantics.md, P1
// to P4). RRULED_CHAOS_SECONDS is how long; RRULED_SEED what happens.
#include "tests/chaos/arena.h"
#include "tests/support/environment.h"

#include <catch2/catch.hpp>

#include <csignal>
#include <fstream>
#include <random>
#include <thread>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;
using testing::BackgroundProcess;
using testing::number_from_environment;

constexpr std::size_t kDaemons = 3;
constexpr std::chrono::milliseconds kClaimTtl{3'000};

class Chaos {
 public:
  Chaos(Arena& arena, unsigned seed, int disturb, std::string mutant)
      : arena_(arena), random_(seed), disturb_(disturb), mutant_(std::move(mutant)) {
    for (auto& daemon : daemons_) start(daemon);
  }

  // Until `end`, or until something is wrong.
  void rage(Steady::time_point end, bool database_too) {
    auto next_check = Steady::now() + 1s;
    while (Steady::now() < end && problems_.empty()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100 + random_() % 500));
      look_after_daemons();
      disturb_one();
      if (database_too && random_() % 20 == 0) disturb_database();
      if (Steady::now() < next_check) continue;
      next_check = Steady::now() + 2s;
      problems_ = arena_.problems(Arena::Ended::may_wait);
    }
  }

  // No more disturbance: everything must come to its end.
  void calm_down() {
    disturb_ = 0;
    for (auto& daemon : daemons_) {
      daemon.process->send_signal(SIGKILL);
      start(daemon);
    }
    arena_.pause_schedules();
    if (!arena_.becomes_zero(kLiveRuns, 60s)) problems_.push_back("runs do not end");
    for (auto& line : arena_.problems(Arena::Ended::must)) problems_.push_back(line);
  }

  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }
  [[nodiscard]] std::size_t deaths() const { return deaths_; }
  [[nodiscard]] std::size_t stops() const { return stops_; }
  [[nodiscard]] std::size_t cuts() const { return cuts_; }

 private:
  struct Daemon {
    std::unique_ptr<BackgroundProcess> process;
    std::optional<Steady::time_point> goes_on_at;  // stopped
  };

  void start(Daemon& daemon) {
    daemon.process = std::make_unique<BackgroundProcess>(std::vector<std::string>{
        RRULED_CHAOS_DAEMON, arena_.cluster().url(), arena_.receiver().url("/"),
        std::to_string(kClaimTtl.count()), std::to_string(random_() % 1'000'000),
        std::to_string(disturb_), mutant_});
    daemon.goes_on_at.reset();
  }

  void look_after_daemons() {
    for (auto& daemon : daemons_) {
      const char state = testing::state_of(daemon.process->pid());
      if (state == 'Z') {
        ++deaths_;
        start(daemon);
      } else if (state == 'T' && !daemon.goes_on_at) {
        ++stops_;
        // Half of them past their claims.
        daemon.goes_on_at = Steady::now() + kClaimTtl * static_cast<int>(random_() % 4) / 2;
      } else if (daemon.goes_on_at && Steady::now() >= *daemon.goes_on_at) {
        daemon.process->send_signal(SIGCONT);
        daemon.goes_on_at.reset();
      }
    }
  }

  void disturb_one() {
    if (disturb_ == 0) return;
    auto& daemon = daemons_[random_() % kDaemons];
    const auto dice = random_() % 10;
    if (dice < 3) daemon.process->send_signal(SIGKILL);
    if (dice == 3) daemon.process->send_signal(SIGSTOP);
  }

  void disturb_database() {
    ++cuts_;
    if (random_() % 3 == 0) {
      arena_.cluster().restart(testing::PostgresCluster::Stop::immediate);
    } else {
      arena_.cluster().sql(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
          " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'");
    }
  }

  Arena& arena_;
  std::mt19937 random_;
  int disturb_;
  std::string mutant_;
  std::array<Daemon, kDaemons> daemons_;
  std::vector<std::string> problems_;
  std::size_t deaths_ = 0;
  std::size_t stops_ = 0;
  std::size_t cuts_ = 0;
};

}  // namespace

TEST_CASE("killed and stopped and cut off, three daemons account for every occurrence once") {
  if (const auto why = testing::PostgresCluster::missing(); !why.empty()) {
    WARN("SKIPPED: " << why);
    return;
  }
  const auto seed =
      static_cast<unsigned>(number_from_environment("RRULED_SEED", std::random_device{}()));
  const std::chrono::seconds time(number_from_environment("RRULED_CHAOS_SECONDS", 60));
  INFO("RRULED_SEED=" << seed);
  Arena arena;
  arena.audit();
  arena.answer_badly(seed, 200'000);
  arena.add_schedules(40);
  Chaos chaos(arena, seed, 15, "");
  chaos.rage(Steady::now() + time, true);
  chaos.calm_down();
  INFO(joined(chaos.problems()));
  CHECK(chaos.problems().empty());

  const auto runs = arena.number("SELECT count(*) FROM rruled.runs");
  WARN(runs << " runs, " << chaos.deaths() << " deaths, " << chaos.stops() << " stops, "
            << chaos.cuts() << " database faults, " << arena.receiver().requests().size()
            << " requests");
  CHECK(runs > 40 * static_cast<std::size_t>(time.count()) / 2);
  CHECK(chaos.deaths() > static_cast<std::size_t>(time.count()) / 4);
  CHECK(chaos.stops() > 3);
  CHECK(chaos.cuts() > 1);
}

// The other guards need a daemon that ends or stops at one certain step: step_test.cpp.
TEST_CASE("the experiment notices when an occurrence is not unique") {
  if (const auto why = testing::PostgresCluster::missing(); !why.empty()) {
    WARN("SKIPPED: " << why);
    return;
  }
  Arena arena;
  arena.add_schedules(40);
  Chaos chaos(arena, 7, 60, "insert_anyway");
  chaos.rage(Steady::now() + 60s, false);
  CHECK_FALSE(chaos.problems().empty());
}

}  // namespace rruled::test
