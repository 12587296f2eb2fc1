// All policies at once, against a model that knows nothing of the engine: what became of each
// occurrence must be what its schedule's policies give for when it was settled, who was up, and
// what else of the schedule ran (semantics.md, 3 and 4). RRULED_POLICY_SEEDS is how many worlds;
// RRULED_SEED the first one.
#include "daemon/core/flow_change.h"
#include "store/memory_store.h"
#include "tests/simulation/policy_model.h"
#include "tests/support/environment.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

#include <random>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using core::CatchUp;
using store::CatchupPolicy;
using store::OverlapPolicy;

const Instant kFrom = at("2026-03-02T00:00:30Z");
constexpr std::size_t kDaemons = 3;
constexpr auto kTtl = 45s;
constexpr auto kSpan = 4h;

// The sanitizers look for other things, and take eight times as long.
#ifdef __SANITIZE_ADDRESS__
constexpr unsigned kSeeds = 25;
#else
constexpr unsigned kSeeds = 200;
#endif

struct Rhythm {
  const char* rule;
  std::chrono::seconds interval;
};
constexpr Rhythm kRhythms[] = {{"FREQ=SECONDLY;INTERVAL=20", 20s},
                               {"FREQ=MINUTELY", 60s},
                               {"FREQ=MINUTELY;INTERVAL=7", 7min},
                               {"FREQ=HOURLY;INTERVAL=1", 1h},
                               {"FREQ=MINUTELY;INTERVAL=30", 30min}};

template <class Value, std::size_t N>
Value one_of(std::mt19937& random, const Value (&values)[N]) {
  return values[random() % N];
}

class World {
 public:
  explicit World(unsigned seed)
      : random_(seed),
        store_({.claim_ttl = kTtl}),
        simulation_(store_, kFrom, options(seed, random_)) {
    for (int i = 0; i < 10; ++i) add();
  }

  void live() {
    const Instant end = kFrom + kSpan;
    while (simulation_.now() < end) {
      simulation_.run_until(simulation_.now() + std::chrono::milliseconds(random_() % 200'000));
      happen();
    }
    for (auto& [id, life] : lives_)
      if (life.paused_since) resume(id, life, CatchUp::none);
    simulation_.run_until(simulation_.now() + 10min);
    // Nothing new: what was made comes to its end.
    for (auto& [id, life] : lives_) pause(id, life);
    simulation_.answer_within(0ms);
    simulation_.run_until(simulation_.now() + 1h);
  }

  [[nodiscard]] std::vector<std::string> problems() {
    std::vector<std::string> all;
    for (auto& [id, life] : lives_) {
      life.up = up_;
      for (auto& line : model_problems(*store_.schedule(id),
                                       store_.runs({.schedule_id = id, .limit = 1'000'000}),
                                       store_.gaps(id), life))
        all.push_back(std::move(line));
    }
    return all;
  }
  [[nodiscard]] std::size_t outcomes() {
    std::size_t count = 0;
    for (const auto& [id, life] : lives_) count += store_.gaps(id).size();
    return count + store_.runs({.limit = 1'000'000}).size();
  }

 private:
  static Simulation::Options options(unsigned seed, std::mt19937& random) {
    Simulation::Options options;
    options.daemons = kDaemons;
    options.answer_takes = one_of(random, {0ms, 500ms, 25'000ms, 90'000ms});
    options.answer = [seed](const store::Run& run) {
      core::Report report;
      const auto dice =
          (std::hash<store::RunId>()(run.id) + seed + static_cast<unsigned>(run.attempts)) % 10;
      if (dice < 2) report.kind = core::Report::Kind::retry;
      if (dice == 2) report.kind = core::Report::Kind::failed;
      if (dice < 3) report.error = "no";
      return report;
    };
    return options;
  }

  void add() {
    const Rhythm rhythm = one_of(random_, kRhythms);
    const auto id =
        simulation_.add(rhythm.rule, kFrom + 10s, "Europe/Prague", [&](store::Schedule& row) {
          row.catchup =
              one_of(random_, {CatchupPolicy::last, CatchupPolicy::none, CatchupPolicy::all});
          row.catchup_grace = one_of(random_, {5'000ms, 30'000ms, 60'000ms});
          row.catchup_window = one_of(random_, {600'000ms, 86'400'000ms});
          row.overlap =
              one_of(random_, {OverlapPolicy::allow, OverlapPolicy::skip, OverlapPolicy::buffer_one,
                               OverlapPolicy::buffer_all, OverlapPolicy::cancel_other});
          row.max_running = one_of(random_, {1, 2});
          row.jitter = one_of(random_, {0ms, 15'000ms});
          row.retry.max_attempts = one_of(random_, {1, 3});
          row.retry.max_backoff = 10s;
        });
    lives_[id].interval = rhythm.interval;
  }

  void happen() {
    const auto now = simulation_.now();
    const auto dice = random_() % 20;
    if (dice < 6) {
      simulation_.crash(random_() % kDaemons);
    } else if (dice < 12) {
      const auto daemon = random_() % kDaemons;
      const auto until = now + std::chrono::milliseconds(random_() % 150'000);
      simulation_.pause(daemon, until);
      up_.absent.push_back({daemon, now, until});
    } else if (dice == 12) {
      const auto until = now + std::chrono::milliseconds(random_() % 5'400'000);
      for (std::size_t daemon = 0; daemon < kDaemons; ++daemon)
        up_.absent.push_back({daemon, now, until});
      simulation_.down_until(until);
    } else {
      auto each = std::next(lives_.begin(), static_cast<long>(random_() % lives_.size()));
      each->second.paused_since
          ? resume(each->first, each->second,
                   one_of(random_, {CatchUp::none, CatchUp::policy, CatchUp::last, CatchUp::all}))
          : pause(each->first, each->second);
    }
  }

  void pause(store::ScheduleId id, Life& life) {
    const auto row = *store_.schedule(id);
    if (row.status != store::ScheduleStatus::active) return;
    write(row, core::paused(row, nullptr, "", simulation_.now()));
    life.paused_since = simulation_.now();
  }

  void resume(store::ScheduleId id, Life& life, CatchUp catch_up) {
    const auto row = *store_.schedule(id);
    const auto timetable = core::Timetable::compile(row, simulation_.zones()).value();
    write(row, core::resumed(row, timetable, true, simulation_.now(), catch_up));
    life.pauses.push_back({*life.paused_since, simulation_.now(), catch_up});
    life.paused_since.reset();
  }

  void write(const store::Schedule& before, core::Change change) {
    store::ChangeSet changes;
    core::put(changes, std::move(change), &before);
    if (store_.write(changes, simulation_.now())) throw std::logic_error("nobody else writes");
  }

  std::mt19937 random_;
  store::MemoryStore store_;
  Simulation simulation_;
  std::map<store::ScheduleId, Life> lives_;
  Up up_{.daemons = kDaemons, .absent = {}};
};

}  // namespace

TEST_CASE("each occurrence has one outcome, and for the reason that the policies give") {
  const auto first = static_cast<unsigned>(testing::number_from_environment("RRULED_SEED", 1));
  const auto count =
      static_cast<unsigned>(testing::number_from_environment("RRULED_POLICY_SEEDS", kSeeds));
  std::size_t outcomes = 0;
  for (unsigned seed = first; seed < first + count; ++seed) {
    World world(seed);
    world.live();
    outcomes += world.outcomes();
    const auto problems = world.problems();
    INFO("RRULED_SEED=" << seed << " RRULED_POLICY_SEEDS=1");
    for (const auto& problem : problems) FAIL_CHECK(problem);
    if (!problems.empty()) break;
  }
  CHECK(outcomes > count * 200);
}

}  // namespace rruled::test
