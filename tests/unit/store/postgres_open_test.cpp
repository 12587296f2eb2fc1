// Schemas: missing, raced for, of other versions and other programs, damaged.
#include "copy_sample.h"
#include "postgres_fixture.h"
#include "sample.h"
#include "store/copy.h"
#include "store/open.h"
#include "store/postgres_migrate.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <future>
#include <mutex>
#include <thread>

namespace rruled::test {
namespace {

using Kind = StoreError::Kind;

void check_fails(const PostgresSchema& schema,
                 OpenMode mode,
                 const PostgresOptions& options,
                 const std::string& next_step) {
  try {
    (void)open_postgres(schema.url(), mode, options);
    FAIL("was opened");
  } catch (const StoreError& error) {
    CHECK(error.kind() == Kind::schema);
    CHECK_THAT(error.what(), Catch::Contains(next_step));
  }
}

std::string tables_of(const PostgresSchema& schema) {
  return schema.sql("SELECT count(*) FROM pg_tables WHERE schemaname = '" + schema.name() + "'");
}

}  // namespace

TEST_CASE("a schema is made by a daemon or a command, not by a reader", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  check_fails(schema, OpenMode::read_only, schema.options(), "run `rruled migrate`");
  CHECK(tables_of(schema) == "0");
  (void)schema.open(OpenMode::command);
  const auto reader = schema.open(OpenMode::read_only);
  CHECK(reader->flows({}).empty());
  try {
    (void)reader->write(put(a_flow()), at(0));
    FAIL("was written");
  } catch (const StoreError& error) {
    CHECK(error.kind() == Kind::read_only);
  }
  CHECK(schema.open()->flows({}).empty());
}

TEST_CASE("a new schema is never seen with fewer steps", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto known = postgres_migrations();
  std::vector<Migration> steps(known.begin(), known.end());
  // The last step is as far as a maker can be that stops, or that somebody else looks at.
  steps.push_back({static_cast<int>(steps.size()) + 1, "later", "CREATE TABLE colours (name hue)"});
  auto broken = schema.options();
  broken.migrations = steps;
  CHECK_THROWS_AS(open_postgres(schema.url(), OpenMode::command, broken), StoreError);
  CHECK(tables_of(schema) == "0");
  CHECK(schema.open(OpenMode::command)->flows({}).empty());
}

TEST_CASE("what was written is there when the schema is opened again", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  std::string before;
  {
    const auto store = schema.open();
    REQUIRE_FALSE(
        store->write({.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}}}, at(0)));
    store->set_zones_version("2026a");
    before = dump(*store);
  }
  CHECK(dump(*schema.open()) == before);
  CHECK(schema.open()->zones_version() == "2026a");
}

TEST_CASE("many make one schema at once", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  std::mutex mutex;
  std::vector<std::string> failures;
  std::vector<std::thread> threads;
  int opened = 0;
  for (int n = 0; n < 4; ++n)
    threads.emplace_back([&] {
      try {
        (void)schema.open();
        const std::lock_guard lock(mutex);
        ++opened;
      } catch (const std::exception& error) {
        const std::lock_guard lock(mutex);
        failures.emplace_back(error.what());
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(failures == std::vector<std::string>{});
  CHECK(opened == 4);
  const auto steps = std::to_string(postgres_migrations().size());
  CHECK(schema.sql("SELECT count(*), min(version), max(version) FROM schema_migrations") ==
        steps + " 1 " + steps);
}

TEST_CASE("a schema takes the steps that it lacks", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  REQUIRE_FALSE(schema.open()->write(put(a_flow()), at(0)));
  const auto known = postgres_migrations();
  std::vector<Migration> steps(known.begin(), known.end());
  steps.push_back({static_cast<int>(steps.size()) + 1, "later",
                   "ALTER TABLE flows ADD COLUMN colour text NOT NULL DEFAULT 'red';"
                   "CREATE TABLE colours (name text)"});
  const auto was = std::to_string(known.size());
  const auto now = std::to_string(steps.size());
  auto newer = schema.options();
  newer.migrations = steps;

  check_fails(schema, OpenMode::command, newer, "is older (" + was + " of " + now + " steps)");
  CHECK(open_postgres(schema.url(), OpenMode::daemon, newer)->flow(flow_id(1)));
  CHECK(schema.sql("SELECT colour FROM flows") == "red");
  // This program does not know the step.
  check_fails(schema, OpenMode::daemon, schema.options(), "upgrade rruled");
  // The same number, another text.
  steps.back().sql = "CREATE TABLE other (name text)";
  check_fails(schema, OpenMode::daemon, newer, "another text of step " + now + " (later)");
  // A step that fails leaves nothing.
  steps.back().sql =
      "ALTER TABLE flows ADD COLUMN colour text NOT NULL DEFAULT 'red';"
      "CREATE TABLE colours (name text)";
  steps.push_back(
      {static_cast<int>(steps.size()) + 1, "broken", "CREATE TABLE half (name text); SELECT 1/0"});
  newer.migrations = steps;
  CHECK_THROWS_AS(open_postgres(schema.url(), OpenMode::daemon, newer), StoreError);
  CHECK(schema.sql("SELECT count(*) FROM pg_tables WHERE tablename = 'half'") == "0");
}

TEST_CASE("a step that waits for a lock lets others pass, and is taken when the lock goes",
          "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  const auto known = postgres_migrations();
  std::vector<Migration> steps(known.begin(), known.end());
  steps.push_back({static_cast<int>(steps.size()) + 1, "later",
                   "ALTER TABLE flows ADD COLUMN colour text NOT NULL DEFAULT 'red'"});
  auto newer = schema.options();
  newer.migrations = steps;
  const auto connect = [&] {
    return PgConnection(parse_postgres_url(PostgresSchema::url(), false), OpenMode::daemon, newer);
  };
  // As a dump has it.
  schema.sql("BEGIN; SELECT count(*) FROM flows");
  auto migration = std::async(std::launch::async, [&] {
    auto connection = connect();
    migrate(connection);
  });
  const std::string waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '" +
                              schema.name() + ".flows'::regclass";
  for (int asked = 0; testing::shared_postgres().sql(waiting) != "1"; ++asked) REQUIRE(asked < 500);
  // It would wait for longer than a statement may, and be refused.
  CHECK_FALSE(store->write(put(a_flow()), at(0)));
  CHECK(store->flows({}).size() == 1);
  CHECK(migration.wait_for(0s) == std::future_status::timeout);

  auto hasty = connect();
  try {
    migrate(hasty, 1);
    FAIL("was migrated");
  } catch (const StoreError& error) {
    CHECK(error.kind() == Kind::unavailable);
    CHECK_THAT(error.what(), Catch::Contains("step " + std::to_string(steps.size()) + " (later)"));
    CHECK_THAT(error.what(), Catch::Contains("process " + schema.sql("SELECT pg_backend_pid()") +
                                             " of postgres"));
  }
  schema.sql("COMMIT");
  CHECK_NOTHROW(migration.get());
  CHECK(schema.sql("SELECT colour FROM flows") == "red");
}

TEST_CASE("a schema of another program is not touched", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  schema.sql("CREATE SCHEMA " + schema.name() + "; CREATE TABLE users (name text)");
  for (const auto mode : {OpenMode::daemon, OpenMode::command, OpenMode::read_only})
    check_fails(schema, mode, schema.options(), "choose another schema");
  CHECK(tables_of(schema) == "1");
}

TEST_CASE("a store without its unique keys is refused", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  (void)schema.open();
  const char* damage = GENERATE(
      "DROP INDEX runs_occurrence",
      "DROP INDEX runs_occurrence; CREATE INDEX runs_occurrence ON runs (schedule_id,"
      " scheduled_for) WHERE origin = 'schedule'",
      "DROP INDEX runs_occurrence; CREATE UNIQUE INDEX runs_occurrence ON runs (schedule_id, id)",
      "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'runs_occurrence'::regclass",
      "ALTER TABLE runs DROP CONSTRAINT runs_pkey",
      "ALTER TABLE attempts DROP CONSTRAINT attempts_pkey");
  schema.sql(damage);
  for (const auto mode : {OpenMode::daemon, OpenMode::command, OpenMode::read_only})
    check_fails(schema, mode, schema.options(), "lacks the unique index");
}

TEST_CASE("roles: one migrates, one runs", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto& name = schema.name();
  schema.sql("CREATE ROLE migrate_" + name + " LOGIN; CREATE ROLE run_" + name +
             " LOGIN; CREATE SCHEMA " + name + " AUTHORIZATION migrate_" + name);
  const auto url = [&](const std::string& role) {
    return testing::shared_postgres().url(role + "_" + name);
  };
  const auto open_as = [&](const std::string& role) {
    return open_postgres(url(role), OpenMode::daemon, schema.options());
  };
  const auto refuse_run = [&](const std::string& why) {
    try {
      (void)open_as("run");
      FAIL("was opened");
    } catch (const StoreError& error) {
      CHECK(error.kind() == Kind::schema);
      CHECK_THAT(error.what(), Catch::Contains(why +
                                               ": run `rruled migrate` as the role that "
                                               "owns it, which \"run_" +
                                               name + "\" is not"));
    }
  };
  // What the README says.
  schema.sql("SET ROLE migrate_" + name + "; GRANT USAGE ON SCHEMA " + name + " TO run_" + name +
             "; ALTER DEFAULT PRIVILEGES IN SCHEMA " + name +
             " GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO run_" + name + "; RESET ROLE");
  // It may not make the tables, nor change them.
  refuse_run(" is missing or empty");
  auto older = schema.options();
  const auto steps = older.migrations.size();
  older.migrations = older.migrations.first(steps - 1);
  older.even_if_incomplete = true;  // the last step is where that stands
  (void)open_postgres(url("migrate"), OpenMode::daemon, older);
  refuse_run(" is older (" + std::to_string(steps - 1) + " of " + std::to_string(steps) +
             " steps)");
  (void)open_as("migrate");

  // A copy sets the number of the next run: that it may is known before it begins.
  const TempDir dir(fast_directory());
  const auto file = dir.file("from.db");
  make_store_to_copy(file);
  const auto copy = [&] {
    return copy_store({.url = "sqlite://" + file}, {.url = url("run"), .schema = name}, at(10));
  };
  try {
    (void)copy();
    FAIL("was copied");
  } catch (const StoreError& error) {
    CHECK_THAT(error.what(), Catch::Contains("GRANT SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA"));
  }
  schema.sql("GRANT SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA " + name + " TO run_" + name);
  CHECK(copy().at(3) == std::pair<std::string, std::size_t>("runs", 1'108));

  const auto store = open_as("run");
  check_goes_on(*store);
  CHECK(store->counts().runs.size() == 10);
  schema.sql("DROP SCHEMA " + name + " CASCADE; DROP ROLE migrate_" + name + ", run_" + name);
}

TEST_CASE("a schema that a role may not use any more was one without tables", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  (void)schema.open();
  const std::string role = "reads_" + schema.name();
  schema.sql("CREATE ROLE " + role + " LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA " +
             schema.name() + " TO " + role + "; GRANT USAGE ON SCHEMA " + schema.name() + " TO " +
             role);
  const auto url = testing::shared_postgres().url(role);
  const auto store = open_postgres(url, OpenMode::read_only, schema.options());
  CHECK(store->flows({}).empty());
  const auto refuse = [&](Kind kind, const std::string& why) {
    try {
      (void)store->flows({});
      FAIL("was read");
    } catch (const StoreError& error) {
      CHECK(error.kind() == kind);
      CHECK_THAT(error.what(), Catch::Contains(why));
    }
  };
  schema.sql("REVOKE USAGE ON SCHEMA " + schema.name() + " FROM " + role);
  refuse(Kind::read_only, "may not be used by the role \"" + role + "\": grant it USAGE");
  schema.sql("GRANT USAGE ON SCHEMA " + schema.name() + " TO " + role);
  CHECK(store->flows({}).empty());
  schema.sql("DROP TABLE backfills, flows CASCADE");
  refuse(Kind::schema, "a table is missing");
  schema.sql("DROP SCHEMA " + schema.name() + " CASCADE");
  refuse(Kind::schema, "is gone: restore a backup");
  schema.sql("DROP ROLE " + role);
}

TEST_CASE("a store is opened by its URL", "[postgres]") {
  const auto refuse = [](const StoreLocation& location, const std::string& why) {
    try {
      (void)open_store(location, OpenMode::command);
      FAIL("was opened");
    } catch (const StoreError& error) {
      CHECK_THAT(error.what(), Catch::Contains(why));
    }
  };
  refuse({.url = "mysql://x"}, "must begin with sqlite:// or postgresql://");
  refuse({.url = ""}, "must begin with");
  refuse({.url = "sqlite://rruled.db"}, "absolute path");
  refuse({.url = "postgresql://u:secret@[bad"}, "cannot be read");
  if (no_postgres()) return;
  const PostgresSchema schema;
  StoreLocation location{.url = schema.url(), .schema = schema.name()};
  const auto store = open_store(location, OpenMode::command);
  REQUIRE_FALSE(store->write(put(a_flow()), at(0)));
  location.url.replace(0, std::string("postgresql").size(), "postgres");
  CHECK(open_store(location, OpenMode::read_only)->flow(flow_id(1)));
  CHECK(store->clock());
  CHECK(listen_to_store({.url = "sqlite:///x"}, [] {}) == nullptr);
  CHECK(listen_to_store({.url = location.url, .pooler = true}, [] {}) == nullptr);
}

TEST_CASE("a password is in no message", "[postgres]") {
  const char* url =
      GENERATE("postgresql://u:topsecret@127.0.0.1:1/db?connect_timeout=2",
               "postgresql://u:topsecret@127.0.0.1:1,127.0.0.1:2/db",
               "postgresql://u:Ab3/topsecret=@127.0.0.1:1/db", "postgresql://:x@topsecret@host/",
               "postgresql://u:topsecret@[::1/db", "postgresql://127.0.0.1:1/db?password=topsecret",
               "postgresql://127.0.0.1:1/db?password=topsecret&nonsense=1");
  try {
    (void)open_postgres(url, OpenMode::daemon);
    FAIL("was opened");
  } catch (const StoreError& error) {
    CHECK_THAT(error.what(), !Catch::Contains("topsecret"));
    CHECK_THAT(error.what(), Catch::Contains("store"));
  }
}

}  // namespace rruled::test
