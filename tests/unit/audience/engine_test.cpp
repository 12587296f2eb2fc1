#include "daemon/core/child_run.h"
#include "filter_table.h"
#include "store/memory_store.h"
#include "tests/support/simulation.h"
#include "tests/unit/store/sample.h"

#include <catch2/catch.hpp>

#include <map>
#include <set>

// Batch jobs in the engine: the real planner in virtual time over a store in memory.
namespace rruled::test {
namespace {

using core::Notice;

// A world with persons p1 .. pn and a batch flow.
class World {
 public:
  explicit World(int persons, Simulation::Options options = options_of(), bool shared = false)
      : store(shared ? MemoryStoreOptions{.claim_ttl = std::chrono::seconds(45)}
                     : MemoryStoreOptions{}),
        audience(store.audience()),
        simulation(store, at("2026-01-17T12:00:00Z"), std::move(options)) {
    Flow flow = a_flow();
    flow.trigger_type = "batch";
    flow.trigger = R"({"type":"batch","filters":{"properties":[]}})";
    REQUIRE_FALSE(store.write(put(flow), simulation.now()));
    std::vector<PersonPut> all;
    for (int i = 1; i <= persons; ++i)
      all.push_back(person_of(i, R"({"distinct_id":"p)" + std::to_string(i) +
                                     R"(","properties":{"n":)" + std::to_string(i) + "}}"));
    audience->put_persons(all, AuditEntry{}, simulation.now());
  }

  static Simulation::Options options_of() {
    Simulation::Options options;
    options.planner.jobs.executors = {"default"};
    options.planner.jobs.page = 10;
    return options;
  }
  RunId order_job(int n = 900) {
    Run run = a_manual_run(n);
    run.kind = RunKind::batch_job;
    run.due_at = run.created_at = simulation.now();
    run.retry.max_attempts = 1'000;  // daemons that are killed use them up
    run.retry.max_age = 24h;
    run.body = R"({"run":{"id":"x"},"flow":{"id":"f"},"schedule":null,"variables":{}})";
    REQUIRE_FALSE(store.write({.runs = {run}}, simulation.now()));
    return run.id;
  }
  void run_for(std::chrono::milliseconds time) { simulation.run_until(simulation.now() + time); }
  // How often each child was sent; all of the job's persons are in it.
  std::map<std::string, int> sent(RunId job, int persons) {
    std::map<std::string, int> times;
    for (int i = 1; i <= persons; ++i)
      times["rr1-" + to_string(core::child_run_id(job, id_of<PersonId>(i)))] = 0;
    const std::size_t known = times.size();
    for (const auto& each : simulation.sent()) ++times[each.key];
    CHECK(times.size() == known);
    return times;
  }
  void set_flow(FlowStatus status) {
    Flow flow = *store.flow(flow_id(1));
    const auto revision = flow.revision;
    flow.status = status;
    REQUIRE_FALSE(store.write({.flows = {{flow, revision}}}, simulation.now()));
  }

  MemoryStore store;
  std::unique_ptr<store::Audience> audience;
  Simulation simulation;
};

JobProgress progress_of(World& world, RunId id) {
  auto progress = world.audience->progress({id}).at(0);
  progress.trigger_config.clear();
  return progress;
}

}  // namespace

TEST_CASE("a job reaches each person once and ends with the last", "[engine]") {
  World world(95);
  const auto id = world.order_job();
  world.run_for(5s);
  const auto job = *world.store.run(id);
  CHECK(job.status == RunStatus::completed);
  CHECK(progress_of(world, id) ==
        JobProgress{.run_id = id, .total = 95, .enqueued = 95, .done = 95});
  for (const auto& [key, times] : world.sent(id, 95)) CHECK(times == 1);
  int spread = 0;
  int ended = 0;
  for (const auto& notice : world.simulation.notices()) {
    if (notice.kind == Notice::Kind::job_spread && notice.text == "95 persons enqueued") ++spread;
    if (notice.kind == Notice::Kind::run_ended && notice.run->id == id) ++ended;
  }
  CHECK(spread == 1);
  CHECK(ended == 1);
}

TEST_CASE("an empty audience ends at once", "[engine]") {
  World world(0);
  const auto id = world.order_job();
  world.run_for(100ms);
  CHECK(world.store.run(id)->status == RunStatus::completed);
  CHECK(progress_of(world, id).total == 0);
  CHECK(world.simulation.sent().empty());
}

TEST_CASE("a job that is not ours to spread is delivered", "[engine]") {
  auto options = World::options_of();
  options.planner.jobs.executors = {"another"};
  World world(5, options);
  const auto id = world.order_job();
  world.run_for(1s);
  CHECK(world.store.run(id)->status == RunStatus::completed);
  CHECK(world.simulation.sent().size() == 1);
  CHECK(world.audience->progress({id}).empty());
}

TEST_CASE("killed at every step, a job loses and doubles nobody", "[engine]") {
  const auto every = GENERATE(11, 12, 13, 14, 15, 17, 19, 31, 47);
  const bool shared = GENERATE(false, true);
  INFO("killed after " << every << " actions" << (shared ? ", shared" : ""));
  auto options = World::options_of();
  options.crash_every = static_cast<std::uint64_t>(every);
  options.planner.executors = {{"default", 2}};  // few, so that a life gets something done
  World world(63, options, shared);
  const auto id = world.order_job();
  world.run_for(2h);
  CHECK(world.simulation.crashes() > 3);
  CHECK(world.store.run(id)->status == RunStatus::completed);
  CHECK(progress_of(world, id).enqueued == 63);
  std::size_t children = 0;
  for (const auto& run : world.store.runs({.limit = 1'000}))
    if (run.parent_id == ParentId{id.value}) ++children;
  CHECK(children == 63);
  std::map<std::string, std::set<std::string>> bodies;
  for (const auto& each : world.simulation.sent()) bodies[each.key].insert(each.body);
  CHECK(bodies.size() == 63);
  for (const auto& [key, distinct] : bodies) CHECK(distinct.size() == 1);
}

TEST_CASE("several daemons share the work of one job", "[engine]") {
  auto options = World::options_of();
  options.daemons = 3;
  options.planner.executors = {{"default", 5}};
  options.answer_takes = 300ms;
  World world(100, options, true);
  const auto id = world.order_job();
  world.run_for(1min);
  CHECK(world.store.run(id)->status == RunStatus::completed);
  for (const auto& [key, times] : world.sent(id, 100)) CHECK(times == 1);
}

TEST_CASE("a job fails when a person could not be reached", "[engine]") {
  auto options = World::options_of();
  options.answer = [](const Run& run) {
    core::Report report;
    if (run.body.find(R"("n":7})") == std::string::npos) return report;
    report.kind = core::Report::Kind::failed;
    report.error = "422";
    return report;
  };
  World world(20, options);
  const auto id = world.order_job();
  world.run_for(5s);
  const auto job = *world.store.run(id);
  CHECK(job.status == RunStatus::failed);
  CHECK(job.error == "19 of 20 persons reached, 1 failed");
  CHECK(progress_of(world, id).failed == 1);
}

TEST_CASE("a job is cancelled half way: unsent children are, sent ones end", "[engine]") {
  auto options = World::options_of();
  options.planner.executors = {{"default", 4}};
  options.answer_takes = 2s;
  World world(40, options);
  const auto id = world.order_job();
  world.run_for(1s);
  REQUIRE(world.simulation.sent().size() == 4);
  REQUIRE(world.store.run(id)->status == RunStatus::running);
  CHECK(world.audience->cancel_job(id, "enough", {}, world.simulation.now()) ==
        CancelResult::cancelled);
  (void)world.audience->end_jobs({.only = id}, world.simulation.now());  // as the API does
  world.run_for(500ms);
  CHECK(world.store.run(id)->status == RunStatus::running);
  world.run_for(10s);
  CHECK(world.store.run(id)->status == RunStatus::cancelled);
  CHECK(world.simulation.sent().size() == 4);
  CHECK(progress_of(world, id).done == 4);
}

TEST_CASE("a job of a flow that is archived meanwhile fails and says so", "[engine]") {
  World world(40);
  const auto id = world.order_job();
  world.set_flow(FlowStatus::archived);
  world.run_for(5s);
  const auto job = *world.store.run(id);
  CHECK(job.status == RunStatus::failed);
  CHECK(job.reason == "flow_inactive");
  CHECK(world.simulation.sent().empty());
}

TEST_CASE("filters that cannot be used fail the job, not the daemon", "[engine]") {
  World world(5);
  Flow flow = *world.store.flow(flow_id(1));
  const auto revision = flow.revision;
  flow.trigger = R"({"filters":{"properties":[{"key":"a","operator":"like","value":1}]}})";
  REQUIRE_FALSE(world.store.write({.flows = {{flow, revision}}}, world.simulation.now()));
  const auto id = world.order_job();
  world.run_for(5s);
  const auto job = *world.store.run(id);
  CHECK(job.status == RunStatus::failed);
  CHECK(job.error.find("\"like\" is not a known operator") != std::string::npos);
  CHECK(world.simulation.sent().empty());
}

TEST_CASE("many jobs at once take turns", "[engine]") {
  auto options = World::options_of();
  options.planner.jobs.spread_max = 2;
  options.planner.executors = {{"default", 3}};
  World world(30, options);
  std::vector<RunId> ids;
  for (int n = 0; n < 7; ++n) ids.push_back(world.order_job(900 + n));
  world.run_for(1min);
  for (const auto id : ids) CHECK(world.store.run(id)->status == RunStatus::completed);
  CHECK(world.simulation.sent().size() == 7 * 30);
}

TEST_CASE("cancel_other ends the job of the time before", "[engine]") {
  auto options = World::options_of();
  options.planner.executors = {{"default", 2}};
  options.answer_takes = 3s;
  World world(30, options);
  const auto schedule =
      world.simulation.add("FREQ=SECONDLY;INTERVAL=20;COUNT=2", at("2026-01-17T12:00:05Z"), "UTC",
                           [](Schedule& row) { row.overlap = OverlapPolicy::cancel_other; });
  Flow flow = *world.store.flow(world.store.schedule(schedule)->flow_id);
  const auto revision = flow.revision;
  flow.trigger_type = "batch";
  flow.trigger = R"({"type":"batch","filters":{"properties":[]}})";
  REQUIRE_FALSE(world.store.write({.flows = {{flow, revision}}}, world.simulation.now()));
  world.run_for(5min);
  std::map<RunStatus, int> jobs;
  for (const auto& run : world.store.runs({.limit = 1'000}))
    if (run.kind == RunKind::batch_job) ++jobs[run.status];
  CHECK(jobs == std::map<RunStatus, int>{{RunStatus::completed, 1}, {RunStatus::cancelled, 1}});
}

namespace {

// A planner to which the store gave two jobs; what it asks for is answered by hand.
class TwoJobs {
 public:
  TwoJobs() : planner(options(), zones, now) {
    (void)planner.step(now);
    planner.complete(core::Claimed{{.runs = {job(1), job(2)}, .next_available = {}}}, now);
  }
  static core::PlannerOptions options() {
    core::PlannerOptions options;
    options.executors = {{"default", 10}};
    options.jobs.executors = {"default"};
    return options;
  }
  static Run job(int n) {
    Run run = a_manual_run(n);
    run.kind = RunKind::batch_job;
    run.status = RunStatus::dispatching;
    run.attempts = 1;
    run.fence = 1;
    return run;
  }
  // The one asked for, if any; others are dropped.
  template <class Kind>
  std::optional<Kind> asked() {
    std::optional<Kind> found;
    for (auto& action : planner.step(now))
      if (auto* each = std::get_if<Kind>(&action)) found = std::move(*each);
    return found;
  }
  void fail() {
    planner.complete(core::StoreFailed{core::StoreFailed::What::spread, "too large", false}, now);
  }

  rrule::ZoneDatabase zones;
  Timestamp now = at("2026-01-17T12:00:00Z");
  core::Planner planner;
};

}  // namespace

TEST_CASE("a job that the store could not spread held up all others for ever", "[engine]") {
  TwoJobs world;
  const auto bad = world.asked<core::OpenJob>();
  REQUIRE(bad);
  world.fail();
  CHECK_FALSE(world.planner.load().store_away);
  const auto good = world.asked<core::OpenJob>();  // at the same moment
  REQUIRE(good);
  CHECK(good->run_id != bad->run_id);
  Job opened;
  opened.run_id = good->run_id;
  opened.trigger_config = R"({"filters":{"properties":[]}})";
  world.planner.complete(core::JobOpened{opened}, world.now);
  REQUIRE(world.asked<core::FanOutPage>());
  store::FannedOut spread{.kind = store::FannedOut::Kind::spread, .job = opened};
  world.planner.complete(core::FannedOut{spread}, world.now);
  // It is tried again, later and later, and fails while the store writes other things.
  std::optional<core::FinishRuns> end;
  int tries = 1;
  for (int turns = 0; !end && turns < 100; ++turns) {
    const auto wake = world.planner.next_wake(world.now);
    REQUIRE(wake);
    world.now = std::max(*wake, world.now + 1ms);
    const auto again = world.asked<core::OpenJob>();
    if (!again) continue;
    CHECK(again->run_id == bad->run_id);
    ++tries;
    world.planner.complete(core::HandedBack{}, world.now);
    world.fail();
    end = world.asked<core::FinishRuns>();
  }
  REQUIRE(end);
  CHECK(tries == 10);
  const auto& finish = end->batch.at(0);
  CHECK(finish.run_id == bad->run_id);
  CHECK(finish.attempt.error == "the job could not be stored: too large");
  CHECK(world.now - at("2026-01-17T12:00:00Z") == 243s);
}

TEST_CASE("a store that writes nothing fails no job", "[engine]") {
  TwoJobs world;
  for (int tries = 0; tries < 100; ++tries) {
    REQUIRE(world.asked<core::OpenJob>());
    world.fail();
    REQUIRE(world.asked<core::OpenJob>());
    world.fail();
    CHECK_FALSE(world.asked<core::FinishRuns>());
    world.now += 1s;
  }
  CHECK(world.planner.load().queued == 2);
}

TEST_CASE("a drain hands a job back where it is", "[engine]") {
  rrule::ZoneDatabase zones;
  core::PlannerOptions options;
  options.executors = {{"default", 10}};
  options.jobs.executors = {"default"};
  const Timestamp now = at("2026-01-17T12:00:00Z");
  core::Planner planner(options, zones, now);
  const auto only = [](std::vector<core::Action>& actions, auto kind) {
    std::erase_if(actions, [](const auto& action) {
      return !std::holds_alternative<decltype(kind)>(action);
    });
    REQUIRE(actions.size() == 1);
    return std::get<decltype(kind)>(actions.front());
  };
  auto actions = planner.step(now);
  (void)only(actions, core::Claim{});
  Run run = a_manual_run(1);
  run.kind = RunKind::batch_job;
  run.status = RunStatus::dispatching;
  run.attempts = 1;
  run.fence = 1;
  planner.complete(core::Claimed{{.runs = {run}, .next_available = {}}}, now);
  actions = planner.step(now);
  CHECK(only(actions, core::OpenJob{}).run_id == run.id);
  planner.drain();
  actions = planner.step(now);
  CHECK(actions.empty());  // its answer comes first
  CHECK_FALSE(planner.drained());
  Job job;
  job.run_id = run.id;
  job.trigger_config = R"({"filters":{"properties":[]}})";
  planner.complete(core::JobOpened{job}, now);
  actions = planner.step(now);
  CHECK(only(actions, core::HandBackRuns{}).batch.front().run_id == run.id);
  planner.complete(core::HandedBack{}, now);
}

}  // namespace rruled::test
