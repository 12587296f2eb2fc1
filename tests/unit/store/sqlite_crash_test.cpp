// kill -9 at every write, sync, truncate and delete that SQLite does, and faults of the disk there.
#include "child.h"
#include "fault_vfs.h"
#include "sample.h"
#include "store/sqlite_store.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <sqlite3.h>

#include <csignal>

namespace rruled::test {
namespace {

using Answer = FaultVfs::Answer;
using Say = std::function<void(const std::string&)>;

// Flow 1, schedules 1 and 2, not settled yet.
void make_two_schedules(const std::string& path) {
  const auto store = open_sqlite(path, OpenMode::daemon);
  REQUIRE_FALSE(store->write(
      {.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(1), {}}, {a_schedule(2), {}}}}, at(0)));
}

std::vector<Settlement> both_settlements() {
  std::vector<Settlement> batch;
  for (const int n : {1, 2}) {
    const auto schedule = a_schedule(n);
    auto settlement = a_settlement(
        schedule, {a_run(schedule, nominal(0)), a_run(schedule, nominal(1), RunStatus::waiting)},
        nominal(60));
    settlement.gaps = {{schedule.id, GapReason::missed, nominal(-9), nominal(-1), 9}};
    settlement.logs = {a_log_line("settled")};
    batch.push_back(settlement);
  }
  return batch;
}

// What a daemon does, saying after each answer that it got it.
void be_daemon(const std::string& path, const Say& say) {
  const auto store = open_sqlite(path, OpenMode::daemon);
  const auto claimant = store->begin_session(id_of<OwnerId>(1), at(5)).claimant;
  say("begun;");
  const auto results = store->settle(both_settlements(), claimant, at(5));
  say("settled;");
  std::vector<Finish> ends;
  for (const auto& result : results)
    for (const auto& run : result.claimed) {
      ends.push_back(a_finish(run, RunStatus::completed, at(6)));
      ends.back().logs = {a_log_line("finished")};
    }
  if (store->finish(ends, claimant, at(6)).size() == 2) say("finished;");
  store->hand_back({}, claimant);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// What was left is all of a transaction or nothing of it, and at least what was said.
void check_what_was_left(const std::string& path, const std::string& said) {
  const auto store = open_sqlite(path, OpenMode::daemon);
  const auto left = dump(*store);
  const bool settled = store->schedule(schedule_id(1))->next_run_at == nominal(60);
  const bool finished = store->run(a_run(a_schedule(1), kStart).id).has_value() &&
                        store->run(a_run(a_schedule(1), kStart).id)->status == RunStatus::completed;
  INFO(left);
  if (has(said, "settled;")) CHECK(settled);
  if (has(said, "finished;")) CHECK(finished);
  for (const int n : {1, 2}) {
    const auto schedule = *store->schedule(schedule_id(n));
    CHECK((schedule.next_run_at == nominal(60)) == settled);
    CHECK((schedule.settled_to == nominal(1)) == settled);
    CHECK(store->gaps(schedule.id).size() == (settled ? 1 : 0));
    const auto runs = store->runs({.schedule_id = schedule.id});
    REQUIRE(runs.size() == (settled ? 2 : 0));
    if (!settled) continue;
    CHECK(runs[1].status == (finished ? RunStatus::completed : RunStatus::dispatching));
    CHECK(runs[0].status == (finished ? RunStatus::pending : RunStatus::waiting));
    CHECK(store->attempts(runs[1].id).size() == 1);
    CHECK(store->attempts(runs[1].id)[0].finished_at.has_value() == finished);
  }
  CHECK(store->logs({}).size() == (finished ? 4 : settled ? 2 : 0));
  // The next daemon goes on from there, and ends where an undisturbed one does.
  const auto session = store->begin_session(id_of<OwnerId>(2), at(10));
  CHECK(session.recovered == (settled && !finished ? 2 : 0));
  for (const auto& result : store->settle(both_settlements(), session.claimant, at(10)))
    CHECK((result.kind == SettleResult::Kind::moved) == settled);
  store->hand_back({}, session.claimant);
  CHECK(store->counts().runs.size() == 10);
  CHECK(store->runs({}).size() == 4);
}

// Runs `work` on a copy of the store, dying at step 0, 1, 2, .. until it gets through.
int die_at_each_step(Answer death,
                     const std::function<void(const std::string&)>& prepare,
                     const std::function<void(const std::string&, const Say&)>& work,
                     const std::function<void(const std::string&, const std::string&)>& check) {
  for (std::size_t step = 0; step < 1'000; ++step) {
    INFO("step " << step);
    const TempDir dir(fast_directory());
    const auto path = dir.file("store.db");
    prepare(path);
    const auto end = run_in_child([&](const Say& say) {
      const FaultVfs vfs([&](std::size_t number, auto, const auto&) {
        return number == step ? death : Answer::go;
      });
      work(path, say);
    });
    if (end.signal == 0) {
      INFO(end.said);
      CHECK(end.exit_code == 0);
      CHECK_FALSE(has(end.said, "threw"));
      return static_cast<int>(step);
    }
    REQUIRE(end.signal == SIGKILL);
    check(path, end.said);
  }
  FAIL("never got through");
  return 0;
}

}  // namespace

TEST_CASE("a daemon that is killed at any step leaves whole transactions", "[sqlite][.killed]") {
  const auto death = GENERATE(Answer::die, Answer::half_die);
  CHECK(die_at_each_step(death, make_two_schedules, be_daemon, check_what_was_left) > 40);
}

TEST_CASE("a store whose making is killed at any step can be made", "[sqlite][.killed]") {
  const auto death = GENERATE(Answer::die, Answer::half_die);
  const auto make = [](const std::string& path, const Say&) { make_two_schedules(path); };
  const auto check = [](const std::string& path, const std::string&) {
    const auto store = open_sqlite(path, OpenMode::daemon);
    const auto flow = store->flow(flow_id(1));
    CHECK(flow.has_value() == store->schedule(schedule_id(1)).has_value());
    if (!flow) CHECK_FALSE(store->write(put(a_flow()), at(0)));
    CHECK(store->flow(flow_id(1)));
  };
  CHECK(die_at_each_step(
            death, [](const std::string&) {}, make, check) > 40);
}

TEST_CASE("a fault of the disk at any step writes all or nothing", "[sqlite][crash]") {
  const auto [fault, kind] = GENERATE(table<Answer, StoreError::Kind>(
      {{Answer::full, StoreError::Kind::full}, {Answer::fail, StoreError::Kind::fault}}));
  int failed = 0;
  for (std::size_t step = 0; step < 1'000; ++step) {
    INFO("step " << step);
    const TempDir dir(fast_directory());
    make_two_schedules(dir.file("store.db"));
    std::size_t armed_at = 1'000'000;
    std::size_t steps = 0;
    const FaultVfs vfs([&](std::size_t number, auto, const auto&) {
      steps = number + 1;
      return number == armed_at ? fault : Answer::go;
    });
    const auto store = open_sqlite(dir.file("store.db"), OpenMode::daemon);
    const auto claimant = store->begin_session(id_of<OwnerId>(1), at(5)).claimant;
    const auto before = dump(*store);
    armed_at = steps + step;
    try {
      const auto results = store->settle(both_settlements(), claimant, at(5));
      CHECK(results.at(1).kind == SettleResult::Kind::settled);
      if (steps <= armed_at) break;  // all steps went well
    } catch (const StoreError& error) {
      CHECK(error.kind() == kind);
      CHECK(dump(*store) == before);
      ++failed;
      // The disk is well again.
      const auto results = store->settle(both_settlements(), claimant, at(5));
      CHECK(results.at(1).kind == SettleResult::Kind::settled);
    }
    CHECK(store->runs({}).size() == 4);
  }
  CHECK(failed > 10);
}

TEST_CASE("a full disk is said when the store is opened", "[sqlite][crash]") {
  const TempDir dir(fast_directory());
  const FaultVfs vfs([](auto, auto, const auto&) { return Answer::full; });
  try {
    (void)open_sqlite(dir.file("store.db"), OpenMode::daemon);
    FAIL("was opened");
  } catch (const StoreError& error) {
    CHECK(error.kind() == StoreError::Kind::full);
    CHECK_THAT(error.what(), Catch::Contains("free some space"));
  }
}

TEST_CASE("each commit is on the disk before it is answered", "[sqlite]") {
  const TempDir dir(fast_directory());
  make_two_schedules(dir.file("store.db"));
  std::string steps;
  const FaultVfs vfs([&](auto, auto step, const std::string& file) {
    if (file.ends_with("-wal")) steps += step == FaultVfs::Step::sync ? 's' : 'w';
    return Answer::go;
  });
  const auto store = open_sqlite(dir.file("store.db"), OpenMode::daemon);
  const auto claimant = store->begin_session(id_of<OwnerId>(1), at(5)).claimant;
  steps.clear();
  const auto run = store->settle(both_settlements(), claimant, at(5)).at(0).claimed.at(0);
  CHECK_THAT(steps, Catch::EndsWith("ws"));
  steps.clear();
  (void)store->finish({a_finish(run, RunStatus::completed, at(6))}, claimant, at(6));
  CHECK_THAT(steps, Catch::EndsWith("ws"));
  steps.clear();
  // What changes nothing costs nothing.
  (void)store->claim({claimant, {"nobody"}}, at(7));
  (void)store->changes_since(1);
  (void)store->settle(both_settlements(), claimant, at(7));
  (void)store->finish({a_finish(run, RunStatus::completed, at(6))}, claimant, at(8));
  CHECK(steps.empty());
}

}  // namespace rruled::test
