// What the daemon does all day must not read a table from end to end, however long the ledger is.
#include "sample.h"
#include "store/audience.h"
#include "store/directory.h"
#include "store/run_desk.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_store.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <sqlite3.h>

#include <algorithm>
#include <map>

namespace rruled::test {
namespace {

struct Cost {
  int runs = 0;
  int scanned = 0;  // rows passed over in a full scan
  int sorted = 0;
  int steps = 0;
};
std::map<std::string, Cost> g_costs;

int on_statement_end(unsigned, void*, void* statement, void*) {
  auto* const prepared = static_cast<sqlite3_stmt*>(statement);
  auto& cost = g_costs[sqlite3_sql(prepared)];
  ++cost.runs;
  cost.scanned += sqlite3_stmt_status(prepared, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1);
  cost.steps += sqlite3_stmt_status(prepared, SQLITE_STMTSTATUS_VM_STEP, 1);
  cost.sorted += sqlite3_stmt_status(prepared, SQLITE_STMTSTATUS_SORT, 1);
  return 0;
}

int watch(sqlite3* database, char**, const sqlite3_api_routines*) {
  sqlite3_trace_v2(database, SQLITE_TRACE_PROFILE, on_statement_end, nullptr);
  return SQLITE_OK;
}

// Sees every statement of every database opened while it lives.
class StatementWatch {
 public:
  StatementWatch() { sqlite3_auto_extension(entry()); }
  ~StatementWatch() { sqlite3_cancel_auto_extension(entry()); }
  StatementWatch(const StatementWatch&) = delete;
  StatementWatch& operator=(const StatementWatch&) = delete;

 private:
  static void (*entry())() { return reinterpret_cast<void (*)()>(watch); }
};

// Three hundred schedules that have run twice, with an answer of every kind.
void fill(Store& store, const Claimant& claimant) {
  ChangeSet changes;
  for (int n = 1; n <= 300; ++n) {
    changes.flows.push_back({a_flow(n), {}});
    changes.schedules.push_back({a_schedule(n, n), {}});
  }
  REQUIRE_FALSE(store.write(changes, at(0)));
  std::vector<Settlement> batch;
  for (int n = 1; n <= 300; ++n) {
    const auto schedule = a_schedule(n, n);
    auto settlement = a_settlement(schedule,
                                   {a_run(schedule, kStart), a_run(schedule, nominal(1)),
                                    a_run(schedule, nominal(2), RunStatus::waiting)},
                                   nominal(60));
    settlement.logs = {a_log_line("line", n)};
    batch.push_back(settlement);
  }
  std::vector<Finish> ends;
  int n = 0;
  for (const auto& result : store.settle(batch, claimant, at(1)))
    for (const auto& run : result.claimed) {
      constexpr RunStatus kEnds[] = {RunStatus::completed, RunStatus::retrying, RunStatus::dead};
      ends.push_back(a_finish(run, kEnds[++n % 3], at(2)));
      ends.back().available_at = at(50);
    }
  REQUIRE(store.finish(ends, claimant, at(2)).size() == 600);
}

// The daemon's day, and what people ask for.
void use(Store& store, Claimant claimant) {
  claimant = store.begin_session(id_of<OwnerId>(2), at(3)).claimant;
  const auto due = store.load_due({}, at(100), 50);
  REQUIRE(due.size() == 50);
  (void)store.load_due(DueCursor{at(60), due.back().schedule.id}, at(100), 50);
  for (const auto policy :
       {OverlapPolicy::allow, OverlapPolicy::skip, OverlapPolicy::cancel_other}) {
    const auto schedule = *store.schedule(schedule_id(static_cast<int>(policy) + 1));
    auto settlement = a_settlement(schedule, {a_run(schedule, nominal(60))}, nominal(120));
    settlement.overlap = policy;
    CHECK(store.settle({settlement, settlement}, claimant, at(60)).size() == 2);
  }
  const auto claimed = store.claim({claimant, "default", 10}, at(60)).runs;
  REQUIRE(claimed.size() == 10);
  store.hand_back({{claimed[0].id, claimed[0].fence}}, claimant);
  (void)store.held(claimant);
  (void)store.finish({a_finish(claimed[1], RunStatus::completed, at(61)),
                      a_finish(claimed[1], RunStatus::completed, at(61))},
                     claimant, at(61));
  CHECK(store.extend(claimant, at(61)).size() > 5);
  CHECK(store.recover(10, at(61)) == 0);
  CHECK(store.prune({.runs_before = at(2), .logs_before = at(0)}, at(61)) == Pruned{});
  const auto revision = store.changes_since(0).revision;
  REQUIRE_FALSE(
      store.write({.delete_schedules = {{schedule_id(9)}}, .runs = {a_manual_run(9, 9)}}, at(62)));
  REQUIRE_FALSE(store.write({.delete_flows = {{flow_id(8)}}}, at(62)));
  auto flow = *store.flow(flow_id(7));
  ++flow.version;
  REQUIRE_FALSE(store.write({.flows = {{flow, flow.revision}}}, at(62)));
  CHECK(store.changes_since(revision).schedules.size() == 1);
  (void)store.flows({.limit = 5});
  (void)store.schedules({.limit = 5});
  (void)store.schedules({.flow_id = flow_id(3)});
  (void)store.runs({.limit = 5});
  (void)store.runs({.flow_id = flow_id(3)});
  (void)store.runs_from(run_id(3), 2);
  (void)store.schedules_from(schedule_id(3), 2);
  (void)store.runs({.schedule_id = schedule_id(3)});
  (void)store.runs({.due_from = at(50), .due_to = at(70)});
  for (const auto status : {RunStatus::waiting, RunStatus::retrying, RunStatus::dead})
    (void)store.runs({.status = status, .limit = 5});
  (void)store.run(claimed[0].id);
  (void)store.attempts(claimed[1].id);
  (void)store.logs({.flow_id = flow_id(3)});
  (void)store.logs({.run_id = claimed[0].id});
  (void)store.logs({});
  (void)store.gaps(schedule_id(3));
}

// The work of the statements since the last call, in steps of SQLite's machine.
int steps_of_all() {
  int sum = 0;
  for (const auto& [sql, cost] : g_costs) sum += cost.steps;
  g_costs.clear();
  return sum;
}

}  // namespace

TEST_CASE("no statement of the day reads a whole table", "[sqlite]") {
  const TempDir dir(fast_directory());
  const StatementWatch watching;
  const auto store = open_sqlite(dir.file("store.db"), OpenMode::daemon);
  const auto claimant = store->begin_session(id_of<OwnerId>(1), at(0)).claimant;
  fill(*store, claimant);
  g_costs.clear();
  use(*store, claimant);
  int statements = 0;
  for (const auto& [sql, cost] : g_costs) {
    INFO(sql);
    // A page of a list goes along an index in order, which counts as a scan of what it shows. A
    // new session, and a list of live runs, look at all that are live, never at the ledger.
    const bool looks_at_live_runs = sql.find("status = 'dispatching'") != std::string::npos ||
                                    sql.find("INDEXED BY runs_waiting") != std::string::npos;
    CHECK(cost.scanned <= (looks_at_live_runs ? 310 : 100) * cost.runs);
    statements += cost.runs;
  }
  CHECK(g_costs.size() > 40);
  CHECK(statements > 80);
}

// It read them all at each of its occurrences, whenever its overlap policy was not `allow`.
TEST_CASE("what a schedule ran before costs its next run nothing", "[sqlite]") {
  const TempDir dir(fast_directory());
  const StatementWatch watching;
  const auto store = open_sqlite(dir.file("store.db"), OpenMode::daemon);
  const auto directory = store->directory();
  const auto claimant = store->begin_session(id_of<OwnerId>(1), at(0)).claimant;
  REQUIRE_FALSE(store->write(
      {.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(1), {}}, {a_schedule(2), {}}}}, at(0)));
  const auto now = at(100'000);
  const auto settle = [&](OverlapPolicy policy) {
    const auto row = *store->schedule(schedule_id(1));
    const auto due = *row.next_run_at;
    auto settlement = a_settlement(row, {a_run(row, due)}, due + 1s);
    settlement.overlap = policy;
    return store->settle({settlement}, claimant, now).at(0);
  };
  const auto end = [&](const std::vector<Run>& runs, RunStatus status) {
    std::vector<Finish> ends;
    for (const auto& run : runs) ends.push_back(a_finish(run, status, now));
    return store->finish(ends, claimant, now);
  };
  const auto day = [&] {
    g_costs.clear();
    const auto first = settle(OverlapPolicy::skip);
    CHECK(settle(OverlapPolicy::skip).skipped.size() == 1);
    CHECK(settle(OverlapPolicy::buffer_all).claimed.empty());
    CHECK(settle(OverlapPolicy::cancel_other).cancel.size() == 1);
    CHECK(end(first.claimed, RunStatus::failed).at(0).released);
    const auto released = store->claim({claimant, {"default"}, 10}, now).runs;
    CHECK(end(released, RunStatus::completed).size() == 1);
    for (const auto status : {RunStatus::waiting, RunStatus::pending, RunStatus::failed}) {
      (void)store->runs({.status = status, .limit = 5});
      (void)directory->runs({.statuses = {status}}, {.limit = 5}, false);
      (void)directory->runs({.flow_id = flow_id(1), .statuses = {status}}, {.limit = 5}, false);
    }
    using enum RunStatus;
    (void)directory->runs({.statuses = {pending, dispatching}}, {.limit = 5}, false);
    (void)directory->runs({.schedule_id = schedule_id(2), .statuses = {completed, failed, dead}},
                          {.limit = 3}, false);
    (void)directory->runs({.parent_id = ParentId{run_id(1).value}}, {.limit = 3}, false);
    (void)directory->last_runs({schedule_id(1), schedule_id(2)});
    return steps_of_all();
  };
  const int before = day();
  for (int batch = 0; batch < 10; ++batch) {
    const auto row = *store->schedule(schedule_id(1));
    std::vector<Run> runs;
    for (int n = 0; n < 500; ++n) runs.push_back(a_run(row, *row.next_run_at + n * 1s));
    auto settlement = a_settlement(row, runs, *row.next_run_at + 500s);
    settlement.overlap = OverlapPolicy::allow;
    const auto settled = store->settle({settlement}, claimant, now);
    CHECK(end(settled.at(0).claimed, RunStatus::completed).size() == 500);
  }
  CHECK(day() < before + before / 2);
}

TEST_CASE("a claim costs as much as it takes and as there are projects", "[sqlite]") {
  const TempDir dir(fast_directory());
  const StatementWatch watching;
  const auto store = open_sqlite(dir.file("store.db"), OpenMode::daemon);
  const auto claimant = store->begin_session(id_of<OwnerId>(1), at(0)).claimant;
  REQUIRE_FALSE(store->write(put(a_flow()), at(0)));
  const auto add = [&](int from, int to, auto project_of) {
    ChangeSet changes;
    for (int n = from; n < to; ++n) {
      auto run = a_manual_run(n);
      run.id.value.data[13] = static_cast<std::uint8_t>(n >> 16);
      run.project_id = project_of(n);
      changes.runs.push_back(run);
    }
    REQUIRE_FALSE(store->write(changes, at(0)));
  };
  const auto claim = [&] {
    g_costs.clear();
    CHECK(store->claim({claimant, {"default"}, 100}, at(9)).runs.size() == 100);
    return steps_of_all();
  };
  add(0, 1'000, [](int) { return 1; });
  const int few = claim();
  add(1'000, 100'000, [](int) { return 1; });
  const int many = claim();
  CHECK(many < few + few / 10);
  add(100'000, 101'000, [](int n) { return n; });
  const int projects = claim();
  // A look at each project: not at each of its runs.
  CHECK(projects < few + 1'000 * 60);
  // Nobody's: nothing.
  g_costs.clear();
  CHECK(store->claim({claimant, {"default"}, 100}, at(-1)).runs.empty());
  CHECK(steps_of_all() < 200);
}

TEST_CASE("what stays costs a pruning nothing", "[sqlite]") {
  const TempDir dir(fast_directory());
  const StatementWatch watching;
  const auto store = open_sqlite(dir.file("store.db"), OpenMode::daemon);
  const auto claimant = store->begin_session(id_of<OwnerId>(1), at(0)).claimant;
  fill(*store, claimant);
  const auto now = at(0) + std::chrono::hours(24 * 100);
  g_costs.clear();
  CHECK(store->prune({.runs_before = at(2), .logs_before = at(0)}, now) == Pruned{});
  CHECK(steps_of_all() < 200);
  // A few go: the cost is theirs.
  const auto pruned = store->prune({.runs_before = at(3), .logs_before = at(9), .limit = 5}, now);
  CHECK(pruned == Pruned{.runs = 5, .logs = 5, .more = true});
  CHECK(steps_of_all() < 5'000);
}

TEST_CASE("the pages of a pruning are not kept in memory", "[sqlite]") {
  const TempDir dir(fast_directory());
  const auto store = open_sqlite(dir.file("store.db"), OpenMode::daemon);
  const auto claimant = store->begin_session(id_of<OwnerId>(1), at(0)).claimant;
  fill(*store, claimant);
  const auto cached = [&] {
    int bytes = 0;
    int unused = 0;
    sqlite3_db_status(store->connection().database().getHandle(), SQLITE_DBSTATUS_CACHE_USED,
                      &bytes, &unused, 0);
    return bytes;
  };
  const auto now = at(0) + std::chrono::hours(24 * 100);
  const PruneRequest request{.runs_before = at(3), .logs_before = at(9), .limit = 100};
  while (store->prune(request, now).more) CHECK(cached() > 300'000);
  CHECK(cached() < 30'000);
}

TEST_CASE("what stays costs the removal of a flow's history nothing", "[sqlite]") {
  const TempDir dir(fast_directory());
  const StatementWatch watching;
  const auto store = open_sqlite(dir.file("store.db"), OpenMode::daemon);
  const auto claimant = store->begin_session(id_of<OwnerId>(1), at(0)).claimant;
  REQUIRE_FALSE(
      store->write({.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(1), {}}}}, at(0)));
  const auto now = at(100'000);
  const auto fire = [&](int runs) {
    const auto row = *store->schedule(schedule_id(1));
    std::vector<Run> all;
    for (int n = 0; n < runs; ++n) all.push_back(a_run(row, *row.next_run_at + n * 1s));
    return store->settle({a_settlement(row, all, *row.next_run_at + runs * 1s)}, claimant, now)
        .at(0)
        .claimed;
  };
  // What is live is due first: it lies before all that goes.
  constexpr int kLive = 3'000;
  REQUIRE(fire(kLive).size() == kLive);
  std::vector<Finish> ends;
  for (const auto& run : fire(2'000)) {
    ends.push_back(a_finish(run, RunStatus::completed, now));
    ends.back().logs = {a_log_line("of the run"), a_log_line("of no run")};
    ends.back().logs[0].run_id = run.id;
  }
  REQUIRE(store->finish(ends, claimant, now).size() == 2'000);
  const auto desk = store->run_desk();
  g_costs.clear();
  std::size_t rows = 0;
  int calls = 0;
  int most = 0;
  for (bool more = true; more; ++calls) {
    const auto removed = desk->remove_history(flow_id(1), 100);
    rows += removed.rows;
    more = removed.more;
    most = std::max(most, steps_of_all());
  }
  CHECK(rows == 2'000 * 3);
  // Two passes over the runs and two over the lines, each with what stays in it once.
  CHECK(calls < 2 * (kLive + 2'000) / 100 + 2 * 2'000 / 100 + 10);
  CHECK(most < 50'000);
  CHECK(store->runs({.flow_id = flow_id(1), .limit = 9'999}).size() == kLive);
}

// Each was a statement of its own, which is kept: whoever asked in ever new orders filled the
// memory.
TEST_CASE("levels and statuses in other orders, and repeated, make no new statements", "[sqlite]") {
  const TempDir dir(fast_directory());
  const StatementWatch watching;
  const auto store = open_sqlite(dir.file("store.db"), OpenMode::daemon);
  const auto directory = store->directory();
  g_costs.clear();
  using enum LogLevel;
  for (const auto& levels : std::vector<std::vector<LogLevel>>{
           {info, error}, {error, info}, {info, info, error}, {error, info, error, info}})
    (void)directory->logs({.levels = levels}, {});
  using enum RunStatus;
  for (const auto& statuses :
       std::vector<std::vector<RunStatus>>{{failed, dead}, {dead, failed}, {dead, failed, dead}})
    (void)directory->runs({.statuses = statuses}, {}, false);
  const auto texts_of = [](const std::string& table) {
    return std::ranges::count_if(g_costs, [&](const auto& cost) {
      return cost.first.find(" FROM " + table + " ") != std::string::npos;
    });
  };
  CHECK(texts_of("log_lines") == 2);  // the rows, and their number
  CHECK(texts_of("runs") == 1);
}

TEST_CASE("an audience of everybody costs no look at all properties for each", "[sqlite]") {
  const TempDir dir(fast_directory());
  const StatementWatch watching;
  const auto store = open_sqlite(dir.file("store.db"), OpenMode::daemon);
  std::vector<PersonPut> persons;
  for (int n = 1; n <= 100; ++n)
    persons.push_back({{id_of<PersonId>(n), 1, std::to_string(n), "{}", at(0), at(0)},
                       {{"age", "31", {}, {}, {}}}});
  REQUIRE(store->audience()->put_persons(persons, {}, at(0)).created == 100);
  g_costs.clear();
  CHECK(store->audience()->size(1, {}, {}) == AudienceSize{100, 100});
  CHECK(steps_of_all() < 100 * 100);
}

TEST_CASE("children of batch jobs cost the counts of a flow's own runs nothing (file)",
          "[sqlite]") {
  const TempDir dir(fast_directory());
  const StatementWatch watching;
  const auto store = open_sqlite(dir.file("store.db"), OpenMode::daemon);
  const auto directory = store->directory();
  REQUIRE_FALSE(store->write({.flows = {{a_flow(), {}}}, .runs = {a_manual_run(1)}}, at(0)));
  const auto cost = [&] {
    g_costs.clear();
    const auto found =
        directory->tallies({.flow_id = flow_id(1), .from = at(-9'999), .to = at(9'999)});
    REQUIRE(found.runs.size() == 1);
    CHECK(found.runs[0].count == 1);
    return steps_of_all();
  };
  const int before = cost();
  ChangeSet changes;
  for (int n = 2; n < 1'000; ++n) {
    changes.runs.push_back(a_manual_run(n));
    changes.runs.back().origin = RunOrigin::child;
  }
  REQUIRE_FALSE(store->write(changes, at(0)));
  CHECK(cost() < before + before / 2);
}

}  // namespace rruled::test
