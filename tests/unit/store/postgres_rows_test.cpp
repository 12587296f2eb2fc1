// What is written, and where: the tables behind the rows.
#include "postgres_fixture.h"
#include "sample.h"
#include "store/directory.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

constexpr int kManySchedules = 300;

std::vector<Run> settle_many(store::PostgresStore& store, const Claimant& claimant) {
  std::vector<Settlement> batch;
  for (int n = 1; n <= kManySchedules; ++n)
    batch.push_back(a_settlement(a_schedule(n), {a_run(a_schedule(n), kStart)}, nominal(9)));
  std::vector<Run> claimed;
  for (const auto& result : store.settle(batch, claimant, at(1))) {
    REQUIRE(result.claimed.size() == 1);
    claimed.push_back(result.claimed[0]);
  }
  return claimed;
}

// What the steps up to the fourth had: a schedule, and a run of each status.
constexpr char kOldRows[] = R"sql(
INSERT INTO flows SELECT '00000000-0000-0000-0000-000000000001', 1, 'f', '', 1, 'active',
  'schedule', '{}', '', '', '', '[]', '[]', '[]', '', 0, 0, 1;
INSERT INTO schedules (id, flow_id, project_id, rrule, starts_at, timezone, variables, status,
  status_reason, note, paused_until, dst_gap, dst_fold, catchup, catchup_grace, catchup_window,
  overlap, max_running, jitter, late_after, retry_max_attempts, retry_min_backoff,
  retry_max_backoff, retry_max_age, timeout, executor, next_run_at, next_due_at, settled_to,
  settled_wall, created_at, updated_at, version, revision)
SELECT '00000000-0000-0000-0000-000000000007', '00000000-0000-0000-0000-000000000001', 1,
  'RRULE:FREQ=DAILY', 5000, 'Europe/Prague', '{}', 'active', 'why', 'note', NULL, 'shift', 'auto',
  'last', 1, 2, 'skip', 3, 0, 4, 5, 6, 7, 8, NULL, 'default', 10000, 11000, 9000, 9500, 1, 2, 12, 1;
INSERT INTO runs (id, project_id, flow_id, schedule_id, kind, origin, status, reason,
  scheduled_for, due_at, created_at, started_at, finished_at, executor, timeout,
  retry_max_attempts, retry_min_backoff, retry_max_backoff, retry_max_age, flow_name, variables,
  body, attempts, available_at, owner, fence, error, claimed_at, claimed_until)
SELECT ('00000000-0000-0000-0000-0000000000' || 10 + n)::uuid, 1,
  '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000007', 'invocation',
  'schedule', status, 'r' || n, 1000 * n, 1000 * n, n, NULL,
  CASE WHEN status IN ('completed', 'failed', 'dead', 'cancelled', 'skipped') THEN 2000 * n END,
  'default', NULL, 1, 2, 3, 4, 'name ' || n, '{"n":' || n || '}', 'body ' || n, 1,
  CASE WHEN status IN ('pending', 'retrying') THEN 1000 * n END,
  '00000000-0000-0000-0000-000000000009', 1, '', 1000 * n,
  CASE WHEN status = 'dispatching' THEN 99000 END
FROM unnest(ARRAY['waiting', 'pending', 'dispatching', 'running', 'retrying', 'completed',
  'failed', 'dead', 'cancelled', 'skipped']) WITH ORDINALITY AS s(status, n);
INSERT INTO attempts SELECT number, 1, due_at, due_at + 1, 'completed', 200, '' FROM runs
  WHERE status = 'completed';
)sql";

}  // namespace

TEST_CASE("the step that takes rows apart keeps them", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  auto options = schema.options();
  options.migrations = options.migrations.first(4);
  schema.sql("CREATE SCHEMA " + schema.name());
  try {
    (void)open_postgres(PostgresSchema::url(), OpenMode::daemon, options);
  } catch (const StoreError&) {
    // Its steps are taken; the tables it looks for then are those of the fifth.
  }
  REQUIRE(schema.sql("SELECT max(version) FROM schema_migrations") == "4");
  schema.sql(kOldRows);
  const auto store = schema.open();
  CHECK(schema.strays() == "");
  const auto schedule = store->schedule(schedule_id(7)).value();
  CHECK(schedule.timezone == "Europe/Prague");
  CHECK(schedule.status_reason == "why");
  CHECK(schedule.next_due_at == Timestamp(11s));
  CHECK(schedule.settled_to == Instant(9s));
  CHECK(schedule.settled_wall == Instant(9s));
  CHECK(schedule.version == 12);
  CHECK(schedule.max_running == 3);
  const auto runs = store->runs({.schedule_id = schedule_id(7)});
  REQUIRE(runs.size() == 10);
  for (int n = 1; n <= 10; ++n) {
    const auto& run = runs.at(static_cast<std::size_t>(10 - n));
    CHECK(run.status == static_cast<RunStatus>(n - 1));
    CHECK(run.flow_name == "name " + std::to_string(n));
    CHECK(run.variables == "{\"n\":" + std::to_string(n) + "}");
    CHECK(run.body == "body " + std::to_string(n));
    CHECK(store->attempts(run.id).size() == (n == 3 || n == 6 ? 1 : 0));
    // Found by its status.
    CHECK(store->runs({.status = run.status}).size() == 1);
  }
  const Claimant old{id_of<OwnerId>(9), 1};
  CHECK(store->held(old).size() == 1);
  CHECK(store->claim({old, {"default"}}, at(0)).runs.size() == 2);
  CHECK(schema.strays() == "");
}

TEST_CASE("the end of a run leaves the indexes of the ledger alone", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  // What an index or its condition has may not change: else every end would be written to all.
  // (cancel_revision is written by a wish to cancel, and by no end.)
  CHECK(schema.sql("SELECT string_agg(DISTINCT a.attname, ' ' ORDER BY a.attname)"
                   " FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid"
                   " AND (a.attnum = ANY(i.indkey) OR pg_get_expr(i.indpred, i.indrelid)"
                   "  LIKE '%' || a.attname || '%')"
                   " WHERE i.indrelid = 'runs'::regclass AND a.attnum > 0") ==
        "cancel_revision due_at flow_id id kind number origin parent_id schedule_id scheduled_for");
  const auto claimant = begin_with_schedules(*store, kManySchedules);
  const auto runs = settle_many(*store, claimant);
  constexpr char kPages[] =
      "SELECT string_agg((ctid::text::point)[0]::text, ' ' ORDER BY id)"
      " FROM runs";
  const auto pages = schema.sql(kPages);
  const auto size = schema.sql("SELECT pg_indexes_size('runs')");
  std::vector<Finish> ends;
  for (const auto& run : runs) ends.push_back(a_finish(run, RunStatus::completed, at(2)));
  for (const auto& result : store->finish(ends, claimant, at(2))) CHECK(result.written);
  CHECK(schema.sql(kPages) == pages);
  CHECK(schema.sql("SELECT pg_indexes_size('runs')") == size);
  CHECK(schema.sql("SELECT count(*) FROM incomplete_runs") == "0");
  CHECK(schema.strays() == "");
}

TEST_CASE("an attempt that says no more than its run has no row", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  const auto claimant = begin_with_schedules(*store, 4);
  std::vector<Run> runs;
  for (int n = 1; n <= 4; ++n) {
    const auto schedule = a_schedule(n);
    const auto settlement = a_settlement(schedule, {a_run(schedule, kStart)}, nominal(9));
    runs.push_back(store->settle({settlement}, claimant, at(1)).at(0).claimed.at(0));
  }
  const auto plain = a_finish(runs[0], RunStatus::completed, at(2));
  auto told = a_finish(runs[1], RunStatus::completed, at(2));
  told.attempt.error = "but";
  const auto again = a_finish(runs[2], RunStatus::retrying, at(2));
  // A mixed batch is written by another statement than a plain one.
  (void)store->finish({plain, told, again}, claimant, at(2));
  (void)store->finish({a_finish(runs[3], RunStatus::completed, at(2))}, claimant, at(2));
  CHECK(schema.sql("SELECT count(*) FROM attempts") == "2");
  const auto retried = store->claim({claimant, {"default"}}, at(3'600)).runs.at(0);
  const auto last = a_finish(retried, RunStatus::completed, at(3'601));
  (void)store->finish({last}, claimant, at(3'601));
  CHECK(schema.sql("SELECT count(*) FROM attempts") == "3");
  const auto shown = [&](const Run& run) {
    std::string text;
    for (const auto& attempt : store->attempts(run.id)) text += show(attempt);
    return text;
  };
  CHECK(shown(runs[0]) == show(plain.attempt));
  CHECK(shown(runs[1]) == show(told.attempt));
  CHECK(shown(runs[2]) == show(again.attempt) + show(last.attempt));
  CHECK(store->attempts(runs[3].id).size() == 1);
  // One of a run that says another time of its start has one.
  auto begun = a_manual_run(1);
  begun.started_at = at(-9);
  REQUIRE_FALSE(store->write({.runs = {begun}}, at(3'601)));
  const auto claimed = store->claim({claimant, {"default"}}, at(3'602)).runs.at(0);
  const auto late = a_finish(claimed, RunStatus::completed, at(3'603));
  (void)store->finish({late}, claimant, at(3'603));
  CHECK(shown(claimed) == show(late.attempt));
  // Nor does a late success leave the row of what was taken for interrupted.
  REQUIRE_FALSE(store->write(put(a_schedule(5)), at(4'000)));
  const auto row = a_settlement(a_schedule(5), {a_run(a_schedule(5), kStart)}, nominal(9));
  const auto lapsed = store->settle({row}, claimant, at(4'000)).at(0).claimed.at(0);
  REQUIRE(store->recover(1, at(5'000)) == 1);
  const auto success = a_finish(lapsed, RunStatus::completed, at(5'001));
  REQUIRE(store->finish({success}, claimant, at(5'001)).at(0).written);
  CHECK(shown(lapsed) == show(success.attempt));
}

TEST_CASE("loading goes on in the index, not after all that was loaded before", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  (void)begin_with_schedules(*store, kManySchedules);
  const auto plan = schema.sql(
      "SET enable_seqscan = off; SET enable_bitmapscan = off;"
      " EXPLAIN SELECT * FROM schedules WHERE status = 'active' AND next_due_at IS NOT NULL"
      " AND next_due_at < 9 AND (next_due_at, id) > (5, '00000000-0000-0000-0000-000000000001')"
      " ORDER BY next_due_at, id LIMIT 3");
  INFO(plan);
  const auto index = plan.find("schedule_states_due");
  REQUIRE(index != std::string::npos);
  CHECK(plan.find("Index Cond: ((next_due_at < ", index) != std::string::npos);
  CHECK(plan.find("(ROW(next_due_at, id) > ROW(", index) != std::string::npos);
}

TEST_CASE("an idempotency key is known as long as what it made", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  const auto claimant = begin_with_schedules(*store, 3);
  const auto settlement = a_settlement(a_schedule(1), {a_run(a_schedule(1), kStart)}, nominal(9));
  const auto run = store->settle({settlement}, claimant, at(1)).at(0).claimed.at(0);
  const auto directory = store->directory();
  const auto known = [&](const auto& id) {
    return directory->remember_request(id.value, "asked again") == "asked";
  };
  const auto ask = [&](const auto& id) { (void)directory->remember_request(id.value, "asked"); };
  ask(run.id);
  ask(schedule_id(2));
  ask(schedule_id(3));
  ask(flow_id(1));
  (void)store->finish({a_finish(run, RunStatus::completed, at(2))}, claimant, at(2));
  CHECK(store->prune({.runs_before = at(9'999'999), .logs_before = at(0)}, at(9'999'999)).runs ==
        1);
  CHECK_FALSE(known(run.id));
  CHECK(known(schedule_id(2)));
  REQUIRE_FALSE(store->write({.delete_schedules = {{schedule_id(2)}}}, at(3)));
  CHECK_FALSE(known(schedule_id(2)));
  CHECK(known(schedule_id(3)));
  CHECK(known(flow_id(1)));
  REQUIRE_FALSE(store->write({.delete_flows = {{flow_id(1)}}}, at(4)));
  CHECK_FALSE(known(schedule_id(3)));
  CHECK_FALSE(known(flow_id(1)));
}

TEST_CASE("a run that has ended is changed by nobody", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  auto changes = put(a_flow());
  changes.runs = {a_manual_run(1)};
  REQUIRE_FALSE(store->write(changes, at(0)));
  const auto claimant = store->begin_session(id_of<OwnerId>(1), at(0)).claimant;
  const auto run = store->claim({claimant, {"default"}}, at(1)).runs.at(0);
  CHECK(store->finish({a_finish(run, RunStatus::completed, at(2))}, claimant, at(2))[0].written);
  CHECK_THROWS_WITH(schema.sql("UPDATE runs SET status = 'pending', available_at = 0"),
                    Catch::Contains("a final run does not change"));
  CHECK(store->run(run.id)->status == RunStatus::completed);
}

}  // namespace rruled::test
