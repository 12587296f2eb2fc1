// Batch jobs, wishes and what ends by itself, when the store fails: what the daemon asks of
// audience.h and run_desk.h.
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
using store::RunStatus;
using store::StoreError;
using When = HookedStore::When;

const Instant kJobsFrom = at("2026-06-01T00:00:00Z");
constexpr int kPersons = 25;

// Two batch jobs of an audience, and two that another side accepts and nobody tracks; of each pair
// the second comes 8 s later and replaces the first. A run of an executor that there is not, and
// one that waits for a time of a clock that was ahead.
class JobWorld {
 public:
  explicit JobWorld(HookedStore::Hook hook, std::uint64_t crash_every = 0)
      : hooked_(memory_, std::move(hook)), simulation_(hooked_, kJobsFrom, options(crash_every)) {
    add_persons();
    spread_ = add_jobs("narrow");
    tracked_ = add_jobs("elsewhere");
    unserved_ = add_run("gone", [](store::Run& run) { run.start_before = kJobsFrom + 20s; });
    ahead_ = add_run("narrow", [](store::Run& run) { run.available_at = kJobsFrom + 10h; });
    simulation_.run_until(kJobsFrom + 5min);
  }

  // Whatever failed; `killed`: what was sent may have been sent again.
  void check(bool killed) {
    check_spread(killed);
    const auto elsewhere = jobs_of(tracked_);
    CHECK(elsewhere.at(0).status == RunStatus::cancelled);
    CHECK(elsewhere.at(0).reason == "overlap");
    CHECK(elsewhere.at(1).status == RunStatus::running);
    CHECK(memory_.run(unserved_)->status == RunStatus::cancelled);
    CHECK(memory_.run(unserved_)->reason == "catchup_window");
    CHECK(memory_.run(ahead_)->status == RunStatus::completed);
  }
  [[nodiscard]] int calls() const { return hooked_.calls(); }
  [[nodiscard]] std::uint64_t actions() const { return simulation_.actions(); }
  [[nodiscard]] std::uint64_t crashes() const { return simulation_.crashes(); }

 private:
  static Simulation::Options options(std::uint64_t crash_every) {
    Simulation::Options options{.crash_every = crash_every, .answer_takes = 3s};
    options.planner.executors = {{"narrow", 2}, {"elsewhere", 2}};
    options.planner.jobs.executors = {"narrow"};
    options.planner.jobs.page = 10;
    options.answer = [](const store::Run& run) {
      core::Report report;
      if (run.kind == store::RunKind::batch_job) report.remote_id = "theirs";
      return report;
    };
    return options;
  }
  void add_persons() {
    std::vector<store::PersonPut> persons(kPersons);
    for (int i = 0; i < kPersons; ++i) {
      auto& person = persons[static_cast<std::size_t>(i)].person;
      person.id.value.data[15] = static_cast<std::uint8_t>(i + 1);
      person.distinct_id = "p" + std::to_string(i);
    }
    memory_.audience()->put_persons(persons, {}, kJobsFrom);
  }
  store::ScheduleId add_jobs(const std::string& executor) {
    const auto id = simulation_.add("FREQ=SECONDLY;INTERVAL=8;COUNT=2", kJobsFrom + 1s, "UTC",
                                    [&](store::Schedule& row) {
                                      row.executor = executor;
                                      row.overlap = store::OverlapPolicy::cancel_other;
                                    });
    auto flow = *memory_.flow(memory_.schedule(id)->flow_id);
    const auto revision = flow.revision;
    flow.trigger_type = "batch";
    flow.trigger = R"({"type":"batch","filters":{"properties":[]}})";
    REQUIRE_FALSE(memory_.write({.flows = {{flow, revision}}}, kJobsFrom));
    return id;
  }
  store::RunId add_run(const std::string& executor,
                       const std::function<void(store::Run&)>& adjust) {
    store::Run run;
    run.id.value.data[15] = ++runs_;
    run.flow_id = memory_.schedule(spread_)->flow_id;
    run.origin = store::RunOrigin::manual;
    run.executor = executor;
    run.body = "{}";
    run.due_at = run.created_at = kJobsFrom;
    adjust(run);
    REQUIRE_FALSE(memory_.write({.runs = {run}}, kJobsFrom));
    return run.id;
  }
  // By due time.
  std::vector<store::Run> jobs_of(store::ScheduleId id) {
    auto runs = memory_.runs({.schedule_id = id});
    std::ranges::reverse(runs);
    CHECK(runs.size() == 2);
    return runs;
  }
  void check_spread(bool killed) {
    std::map<std::string, int> sends;
    std::set<std::string> bodies;
    for (const auto& sent : simulation_.sent()) {
      ++sends[sent.key];
      bodies.insert(sent.key + sent.body);
    }
    CHECK(bodies.size() == sends.size());
    const auto jobs = jobs_of(spread_);
    CHECK(jobs.at(0).status == RunStatus::cancelled);
    CHECK(jobs.at(0).reason == "overlap");
    CHECK(jobs.at(1).status == RunStatus::completed);
    std::array<std::map<RunStatus, int>, 2> children;
    for (const auto& run : memory_.runs({.limit = 1'000})) {
      const auto times = sends["rr1-" + to_string(run.id)];
      if (!killed) CHECK(times <= 1);
      for (std::size_t i = 0; i < jobs.size(); ++i)
        if (run.parent_id == store::ParentId{jobs[i].id.value}) {
          ++children[i][run.status];
          if (run.status == RunStatus::completed) CHECK(times >= 1);
          if (run.status == RunStatus::cancelled && !killed) CHECK(times == 0);
        }
    }
    CHECK(children[0][RunStatus::completed] + children[0][RunStatus::cancelled] == kPersons);
    CHECK(children[0][RunStatus::cancelled] > 0);
    CHECK(children[1] == std::map<RunStatus, int>{{RunStatus::completed, kPersons}});
  }

  store::MemoryStore memory_;
  HookedStore hooked_;
  Simulation simulation_;
  std::uint8_t runs_ = 0;
  store::ScheduleId spread_;
  store::ScheduleId tracked_;
  store::RunId unserved_;
  store::RunId ahead_;
};

}  // namespace

TEST_CASE("a fault at any one call loses and doubles nothing of jobs, wishes and expiries") {
  JobWorld whole([](When, int) {});
  whole.check(false);
  const int calls = whole.calls();
  REQUIRE(calls > 100);
  const auto when = GENERATE(When::before, When::after);
  // Call 1 is the session: without it there is no daemon.
  for (int fail_at = 2; fail_at <= calls; ++fail_at) {
    INFO("fault at call " << fail_at << (when == When::before ? " before" : " after"));
    JobWorld world([&](When now, int call) {
      if (now == when && call == fail_at)
        throw StoreError(StoreError::Kind::unavailable, "pulled the plug");
    });
    world.check(false);
  }
}

TEST_CASE("a store that fails at random loses and doubles nothing of jobs, wishes and expiries") {
  const auto seed = GENERATE(range(1U, 40U));
  CAPTURE(seed);
  std::mt19937 random(seed);
  int faults = 0;
  JobWorld world([&](When, int call) {
    if (call == 1 || random() % 16 != 0) return;
    ++faults;
    throw StoreError(StoreError::Kind::unavailable, "flaky");
  });
  CHECK(faults > 5);
  world.check(false);
}

TEST_CASE("killed before any one action, a daemon leaves no job, wish or expiry undone") {
  const auto actions = JobWorld([](When, int) {}).actions();
  REQUIRE(actions > 100);
  for (auto kill_at = actions / 2 + 1; kill_at <= actions; ++kill_at) {
    INFO("killed before action " << kill_at);
    JobWorld world([](When, int) {}, kill_at);
    CHECK(world.crashes() >= 1);
    world.check(true);
  }
}

}  // namespace rruled::test
