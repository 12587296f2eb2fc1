// Stores of other versions of the program.
#include "store/migrate.h"

#include "store/directory.h"
#include "store/sqlite_store.h"
#include "store_file.h"
#include "tests/support/temp_dir.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <catch2/catch.hpp>

#include <future>
#include <stdexcept>

namespace rruled::test {
namespace {

using Kind = StoreError::Kind;

const int kSteps = static_cast<int>(sqlite_migrations().size());

// The steps of this program and one more.
std::vector<Migration> with_step(const char* sql) {
  const auto known = sqlite_migrations();
  std::vector<Migration> steps(known.begin(), known.end());
  steps.push_back({static_cast<int>(steps.size()) + 1, "later", sql});
  return steps;
}

constexpr char kLater[] =
    "ALTER TABLE flows ADD COLUMN colour TEXT NOT NULL DEFAULT 'red';\n"
    "CREATE TABLE colours (name TEXT) STRICT;";

SqliteOptions options_with(const std::vector<Migration>& steps) {
  SqliteOptions options;
  options.migrations = steps;
  return options;
}

void check_fails(const std::string& path,
                 OpenMode mode,
                 const SqliteOptions& options,
                 Kind kind,
                 const std::string& next_step) {
  const auto before = bytes_of(path);
  try {
    (void)open_sqlite(path, mode, options);
    FAIL("was opened");
  } catch (const StoreError& error) {
    CHECK(error.kind() == kind);
    CHECK_THAT(error.what(), Catch::Contains(next_step));
  }
  CHECK(bytes_of(path) == before);
}

int count(const std::string& path, const std::string& sql) {
  SQLite::Database database(path, SQLite::OPEN_READONLY);
  return database.execAndGet(sql).getInt();
}

}  // namespace

TEST_CASE("the steps are numbered without holes and their texts are fixed", "[migrate]") {
  const auto steps = sqlite_migrations();
  REQUIRE_FALSE(steps.empty());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    CHECK(steps[i].version == static_cast<int>(i) + 1);
    CHECK_FALSE(steps[i].name.empty());
  }
  CHECK(steps[0].name == "initial");
  CHECK(checksum("") == "cbf29ce484222325");
  CHECK(checksum("a") == "af63dc4c8601ec8c");
}

TEST_CASE("an older store is brought forward by the daemon alone", "[migrate]") {
  const TempDir dir(fast_directory());
  const auto path = dir.file("store.db");
  make_store(path);
  const auto steps = with_step(kLater);
  const auto options = options_with(steps);
  check_fails(path, OpenMode::command, options, Kind::schema, "run `rruled migrate`");
  check_fails(path, OpenMode::read_only, options, Kind::schema, "run `rruled migrate`");
  {
    const auto store = open_sqlite(path, OpenMode::daemon, options);
    CHECK(store->flows({}).size() == 1);
    CHECK(store->schedules({}).size() == 1);
    CHECK_FALSE(store->write(put(a_flow(2)), at(0)));
  }
  CHECK(count(path, "SELECT count(*) FROM flows WHERE colour = 'red'") == 2);
  CHECK(count(path, "SELECT max(version) FROM schema_migrations") == kSteps + 1);
  for (const auto mode : kModes) CHECK(open_sqlite(path, mode, options)->flows({}).size() == 2);
}

TEST_CASE("a new store is never seen with an older schema", "[migrate]") {
  const TempDir dir(fast_directory());
  const auto path = dir.file("store.db");
  // The last step is as far as a maker can be that stops, or that somebody else looks at.
  const auto steps = with_step("CREATE TABLE colours (name COLOUR) STRICT");
  CHECK_THROWS_AS(open_sqlite(path, OpenMode::command, options_with(steps)), StoreError);
  CHECK(count(path, "SELECT count(*) FROM sqlite_schema") == 0);
  CHECK(open_sqlite(path, OpenMode::command)->flows({}).empty());
}

TEST_CASE("many make the same new store at once", "[migrate]") {
  const TempDir dir(fast_directory());
  const auto path = dir.file("store.db");
  std::vector<std::future<void>> makers;
  for (int n = 1; n <= 8; ++n)
    makers.push_back(std::async(std::launch::async, [&path, n] {
      const auto store = open_sqlite(path, OpenMode::command);
      if (store->write(put(a_flow(n)), at(0))) throw std::runtime_error("a conflict");
    }));
  for (auto& each : makers) CHECK_NOTHROW(each.get());
  CHECK(count(path, "SELECT count(*) FROM flows") == 8);
}

namespace {

// The rows of a store of today, as far as an older one has columns for them.
void take_rows(const std::string& old_store, const std::string& store) {
  SQLite::Database database(old_store, SQLite::OPEN_READWRITE);
  database.exec("ATTACH '" + store + "' AS now");
  std::vector<std::pair<std::string, std::string>> tables;
  SQLite::Statement query(database,
                          "SELECT t.name, group_concat(c.name) FROM main.sqlite_schema t,"
                          " pragma_table_info(t.name, 'main') c WHERE t.type = 'table'"
                          " AND t.name <> 'schema_migrations' AND c.name IN"
                          " (SELECT name FROM pragma_table_info(t.name, 'now')) GROUP BY t.name");
  while (query.executeStep()) tables.emplace_back(query.getColumn(0), query.getColumn(1));
  for (const auto& [table, columns] : tables) {
    database.exec("DELETE FROM main." + table);
    database.exec("INSERT INTO main." + table + " (" + columns + ") SELECT " + columns +
                  " FROM now." + table);
  }
}

}  // namespace

TEST_CASE("the rows of every step before are of use afterwards", "[migrate]") {
  const auto before = GENERATE(range(1, kSteps));
  const TempDir dir(fast_directory());
  const auto path = dir.file("store.db");
  {
    const auto store = open_sqlite(dir.file("now.db"), OpenMode::daemon);
    auto flow = a_flow();
    auto schedule = a_schedule();
    flow.project_id = schedule.project_id = 7;
    auto changes = put(flow);
    changes.schedules = {{schedule, {}}};
    changes.runs = {a_manual_run(1), a_manual_run(2)};
    changes.gaps = {{schedule_id(1), GapReason::missed, nominal(0), nominal(1), 2}};
    REQUIRE_FALSE(store->write(changes, at(0)));
    const auto claimant = store->begin_session(id_of<OwnerId>(1), at(0)).claimant;
    const auto run =
        store
            ->settle({a_settlement(a_schedule(), {a_run(a_schedule(), kStart)}, nominal(9))},
                     claimant, at(1))
            .at(0)
            .claimed.at(0);
    (void)store->finish({a_finish(run, RunStatus::completed, at(2))}, claimant, at(2));
  }
  {
    SqliteOptions options;
    options.migrations = sqlite_migrations().first(static_cast<std::size_t>(before));
    (void)open_sqlite(path, OpenMode::daemon, options);
  }
  take_rows(path, dir.file("now.db"));
  const auto store = open_sqlite(path, OpenMode::daemon);
  CHECK(count(path, "SELECT max(version) FROM schema_migrations") == kSteps);
  CHECK(store->directory()->gaps({.project_id = 7}, {}).size() == 1);
  const auto claimant = store->begin_session(id_of<OwnerId>(2), at(3)).claimant;
  CHECK(store->claim({claimant, {"default"}}, at(3)).runs.size() == 2);
  const PruneRequest request{.runs_before = at(100), .logs_before = at(100)};
  CHECK(store->prune(request, at(0) + std::chrono::hours(240)) == Pruned{.runs = 1, .gaps = 1});
  CHECK(store->runs({}).size() == 2);
}

TEST_CASE("a new store takes all steps", "[migrate]") {
  const TempDir dir(fast_directory());
  const auto steps = with_step(kLater);
  (void)open_sqlite(dir.file("store.db"), OpenMode::command, options_with(steps));
  CHECK(count(dir.file("store.db"), "SELECT count(*) FROM schema_migrations") == kSteps + 1);
  CHECK(
      count(dir.file("store.db"), "SELECT min(applied_at) > 1700000000000 FROM schema_migrations"));
}

TEST_CASE("a newer store is left alone", "[migrate]") {
  const TempDir dir(fast_directory());
  const auto path = dir.file("store.db");
  const auto steps = with_step(kLater);
  (void)open_sqlite(path, OpenMode::daemon, options_with(steps));
  for (const auto mode : kModes) check_fails(path, mode, {}, Kind::schema, "upgrade rruled");
}

TEST_CASE("a step whose text is another is not passed over", "[migrate]") {
  const TempDir dir(fast_directory());
  const auto path = dir.file("store.db");
  (void)open_sqlite(path, OpenMode::daemon, options_with(with_step(kLater)));
  const auto other = with_step("CREATE TABLE colours (name TEXT) STRICT;");
  for (const auto mode : kModes)
    check_fails(path, mode, options_with(other), Kind::schema, "use the build of rruled");
}

TEST_CASE("a step that fails changes nothing", "[migrate]") {
  const auto sql = GENERATE(as<const char*>(),
                            // The second half fails.
                            "ALTER TABLE flows ADD COLUMN colour TEXT; CREATE TABLE flows (x);",
                            // A schedule would be left without its flow.
                            "DELETE FROM flows;");
  const TempDir dir(fast_directory());
  const auto path = dir.file("store.db");
  make_store(path);
  const auto steps = with_step(sql);
  CHECK_THROWS_AS(open_sqlite(path, OpenMode::daemon, options_with(steps)), StoreError);
  CHECK(count(path, "SELECT max(version) FROM schema_migrations") == kSteps);
  const auto store = open_sqlite(path, OpenMode::daemon);
  CHECK(store->flows({}).size() == 1);
}

TEST_CASE("the database of another program is left alone", "[migrate]") {
  const TempDir dir(fast_directory());
  const auto path = dir.file("store.db");
  SQLite::Database(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)
      .exec("CREATE TABLE songs (name); INSERT INTO songs VALUES ('x')");
  for (const auto mode : kModes) check_fails(path, mode, {}, Kind::schema, "choose another file");
}

TEST_CASE("the schema refuses what the rows cannot say", "[migrate]") {
  const TempDir dir(fast_directory());
  const auto path = dir.file("store.db");
  make_store(path);
  {
    const auto store = open_sqlite(path, OpenMode::daemon);
    const auto claimant = store->begin_session(id_of<OwnerId>(1), at(0)).claimant;
    const auto run =
        store
            ->settle({a_settlement(a_schedule(), {a_run(a_schedule(), kStart)}, nominal(9))},
                     claimant, at(0))
            .at(0)
            .claimed.at(0);
    (void)store->finish({a_finish(run, RunStatus::dead, at(1))}, claimant, at(1));
  }
  SQLite::Database database(path, SQLite::OPEN_READWRITE);
  database.exec("PRAGMA foreign_keys = ON");
  for (const char* sql :
       {"UPDATE runs SET status = 'retrying', available_at = 0",
        "UPDATE runs SET status = 'completed'", "UPDATE runs SET status = 'unknown'",
        "UPDATE schedules SET status = 'unknown'", "UPDATE schedules SET next_due_at = NULL",
        "UPDATE schedules SET max_running = 0", "UPDATE schedules SET starts_at = 'noon'",
        "UPDATE schedules SET flow_id = zeroblob(16)", "UPDATE flows SET id = x'01'",
        "INSERT INTO instance (one) VALUES (2)"}) {
    INFO(sql);
    CHECK_THROWS_AS(database.exec(sql), SQLite::Exception);
  }
  // A replay is the one way back.
  CHECK(database.exec("UPDATE runs SET status = 'pending', available_at = 0") == 1);
}

}  // namespace rruled::test
