// What a question costs must not grow with what it does not ask for.
#include "postgres_fixture.h"
#include "sample.h"
#include "store/directory.h"
#include "store/postgres_connection.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

// How many rows of `runs` are read by the statement that was prepared with `part` in its text.
int runs_read(store::PostgresStore& store, const std::string& part, const std::string& parameters) {
  return store.connection().read([&](store::Tx& tx) {
    const auto name = tx.exec_text(
        "SELECT name FROM pg_prepared_statements WHERE statement LIKE '%" + part + "%'");
    REQUIRE(name.size() == 1);
    // Of some transactions of before, too.
    const auto read = [&] {
      return tx
          .exec_text(
              "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables"
              " WHERE relid = 'runs'::regclass")[0][0]
          .as<int>();
    };
    const int before = read();
    tx.exec_text("EXECUTE " + std::string(name[0][0].c_str()) + " (" + parameters + ")");
    return read() - before;
  });
}

// Of one flow, a second apart, the first one due at `from`.
void add_runs(const PostgresSchema& schema,
              const std::string& rows,
              int flow,
              const std::string& origin) {
  schema.sql(
      "WITH made AS (INSERT INTO runs (id, project_id, flow_id, kind, origin, status, reason,"
      " due_at, created_at, executor, retry_max_attempts, retry_min_backoff, retry_max_backoff,"
      " retry_max_age, attempts, fence, error, finished_at) SELECT gen_random_uuid(), f.project_id,"
      " f.id, 'invocation', '" +
      origin +
      "', 'completed', '', n * 1000, 0, 'default', 1, 1, 1, 1, 1, 1, '', n * 1000"
      " FROM flows f, " +
      rows + " AS n WHERE f.id = '" + to_string(flow_id(flow)) +
      "' RETURNING number) INSERT INTO run_bodies SELECT number, 'f', '{}', '' FROM made");
}

}  // namespace

TEST_CASE("levels and statuses in other orders, and repeated, are prepared once", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  const auto directory = store->directory();
  using enum LogLevel;
  for (const auto& levels : std::vector<std::vector<LogLevel>>{
           {info, error}, {error, info}, {info, info, error}, {error, info, error, info}})
    (void)directory->logs({.levels = levels}, {});
  using enum RunStatus;
  for (const auto& statuses :
       std::vector<std::vector<RunStatus>>{{failed, dead}, {dead, failed}, {dead, failed, dead}})
    (void)directory->runs({.statuses = statuses}, {}, false);
  const auto prepared = [&](const std::string& table) {
    return store->connection().read([&](store::Tx& tx) {
      const auto rows =
          tx.exec_text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '% FROM " +
                       table + " WHERE %'");
      return rows[0][0].as<int>();
    });
  };
  CHECK(prepared("log_lines") == 2);  // the rows, and their number
  CHECK(prepared("runs") == 1);
}

TEST_CASE("pruning goes on behind the lines that it removed", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  const auto add = [&](int second) {
    const auto text = std::to_string(second);
    schema.sql("INSERT INTO log_lines (flow_id, timestamp, level, message) VALUES ('" +
               to_string(flow_id(1)) + "', " + text + ", 'INFO', 'at " + text + "')");
  };
  for (int second = 10; second <= 12; ++second) add(second);
  const PruneRequest one{.runs_before = at(0), .logs_before = at(0), .limit = 1};
  CHECK(store->prune(one, at(100)).logs == 1);
  // Before the one that has gone, as are all that are dead: looked at when there are no more.
  add(9);
  const auto left = [&] {
    return schema.sql("SELECT string_agg(message, ', ' ORDER BY timestamp) FROM log_lines");
  };
  CHECK(store->prune(one, at(100)).logs == 1);
  CHECK(left() == "at 9, at 12");
  CHECK(store->prune(one, at(100)).logs == 1);
  const auto last = store->prune(one, at(100));
  CHECK(last.logs == 0);
  CHECK_FALSE(last.more);
  CHECK(left() == "at 9");
  CHECK(store->prune(one, at(100)).logs == 1);
  CHECK(left() == "");
  CHECK_FALSE(store->prune(one, at(100)).more);
}

TEST_CASE("pruning locks no line of the audit log that stays", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  schema.sql(
      "INSERT INTO audit (at, project_id, actor, action, kind, object_id, before, after)"
      " SELECT n, 1, '', 'create', 'flow', '', '', '' FROM"
      " generate_series(1, 9) AS n");
  PruneRequest request{.runs_before = at(0), .logs_before = at(0), .audit_before = Timestamp(4ms)};
  CHECK(store->prune(request, at(100)).audit == 3);
  CHECK(schema.sql("SELECT count(*) || ' ' || count(*) FILTER (WHERE xmax <> 0) FROM audit") ==
        "6 0");
}

TEST_CASE("children of batch jobs cost the counts of a flow's own runs nothing", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  REQUIRE_FALSE(store->write(put(a_flow(1)), at(0)));
  add_runs(schema, "generate_series(1, 5000)", 1, "child");
  add_runs(schema, "generate_series(1, 3)", 1, "manual");
  schema.sql("ANALYZE runs");
  const auto directory = store->directory();
  const auto found =
      directory->tallies({.flow_id = flow_id(1), .from = Timestamp(0s), .to = Timestamp(9999s)});
  REQUIRE(found.runs.size() == 1);
  CHECK(found.runs[0].count == 3);
  CHECK(runs_read(*store, "GROUP BY 1, 2, 3",
                  "'" + to_string(flow_id(1)) + "', 0, 9999000, 86400000") <= 10);
}

TEST_CASE("runs of other projects do not make those of a quiet one cost more", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  auto quiet = a_flow(1);
  auto idle = a_flow(2);
  quiet.project_id = idle.project_id = 2;
  REQUIRE_FALSE(
      store->write({.flows = {{quiet, {}}, {idle, {}}, {a_flow(3), {}}, {a_flow(4), {}}}}, at(0)));
  add_runs(schema, "generate_series(1, 5)", 1, "manual");
  add_runs(schema, "generate_series(10, 29999)", 3, "manual");
  add_runs(schema, "generate_series(30000, 59999)", 4, "manual");
  schema.sql("ANALYZE runs");
  const auto directory = store->directory();
  const auto due_of = [](const Page<Run>& page) {
    std::vector<int> due;
    for (const auto& run : page.rows)
      due.push_back(static_cast<int>(run.due_at.time_since_epoch() / 1s));
    return due;
  };
  const auto page = directory->runs({.project_id = 2}, {.limit = 3}, false);
  CHECK(due_of(page) == std::vector{5, 4, 3});
  const RunCursor last{page.rows.at(2).due_at, page.rows.at(2).id};
  CHECK(due_of(directory->runs({.project_id = 2, .before = last}, {.limit = 3}, false)) ==
        std::vector{2, 1});
  CHECK(due_of(directory->runs({.project_id = 2}, {.limit = 3, .offset = 3}, false)) ==
        std::vector{2, 1});
  CHECK(
      due_of(directory->runs({.project_id = 2, .due_from = Timestamp(2s), .due_to = Timestamp(4s)},
                             {.limit = 9}, false)) == std::vector{3, 2});
  // The other project has two flows with as many runs as anybody asks for.
  const auto busy = directory->runs({}, {.limit = 3, .offset = 29'999}, false);
  CHECK(due_of(busy) == std::vector{30'000, 29'999, 29'998});

  CHECK(runs_read(*store, "AS latest WHERE project_id = $1::bigint ORDER BY due_at", "2, 3, 0") <=
        5'010);
  const std::string min = std::to_string(std::numeric_limits<std::int64_t>::min());
  const std::string max = std::to_string(std::numeric_limits<std::int64_t>::max());
  CHECK(runs_read(*store, "FROM runs WHERE (flow_id, due_at) >= (f.id, $3",
                  "2, 3, '" + min + "', '" + max + "', 3, 0") <= 30);
}

}  // namespace rruled::test
