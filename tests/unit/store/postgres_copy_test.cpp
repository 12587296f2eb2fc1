// From a file to PostgreSQL: every row, and work goes on there.
#include "store/postgres_copy.h"

#include "copy_sample.h"
#include "postgres_fixture.h"
#include "store/copy.h"
#include "store/sqlite_store.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <set>
#include <sstream>

namespace rruled::test {
namespace {

struct Move {
  TempDir dir{fast_directory()};
  std::string from = dir.file("from.db");
  PostgresSchema schema;

  [[nodiscard]] CopyReport copy() const {
    return copy_store({.url = "sqlite://" + from},
                      {.url = PostgresSchema::url(), .schema = schema.name()}, at(10));
  }
  void check_refused(const std::string& why) const {
    try {
      (void)copy();
      FAIL("was not refused");
    } catch (const StoreError& error) {
      CHECK_THAT(error.what(), Catch::Contains(why));
    }
  }
};

std::set<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::set<std::string> lines;
  for (std::string line; in >> line;) lines.insert(line);
  return lines;
}

}  // namespace

TEST_CASE("a copy fills every column of PostgreSQL", "[postgres][copy]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  (void)schema.open();
  const auto stored = lines_of(
      schema.sql("SELECT replace(table_name, 'run_rows', 'runs') || '.' || column_name"
                 " FROM information_schema.columns"
                 " WHERE table_schema = current_schema() AND table_name NOT IN ('meta', 'daemons',"
                 " 'schema_migrations', 'schedule_rules', 'schedule_states', 'run_bodies',"
                 " 'incomplete_runs', 'served_executors')"));
  // Of claims, which a copy ends; lines are numbered anew; and attempts that PostgreSQL keeps in
  // the row of their run come with rows of their own.
  std::set<std::string> copied{"runs.claimed_until", "runs.answered_at", "runs.status_code",
                               "log_lines.number", "audit.number"};
  for (const auto& table : copied_tables())
    for (const auto& column : table.columns) copied.insert(table.name + "." + column.name);
  CHECK(stored == copied);
}

TEST_CASE("PostgreSQL holds what the file held, and goes on", "[postgres][copy]") {
  if (no_postgres()) return;
  const Move move;
  make_store_to_copy(move.from);
  const auto report = move.copy();
  CHECK(report.at(3) == std::pair<std::string, std::size_t>("runs", 1'108));
  const auto source = open_sqlite(move.from, OpenMode::read_only);
  CHECK(dump(*move.schema.open()) == dump(*source));
  CHECK(move.schema.sql("SELECT encode(hash, 'hex') || name || scopes FROM tokens") ==
        "00015c227b7d2c000102030405060708090a0b0c0d0e0f101112131415161718a token[]");
  check_goes_on(*move.schema.open());
  // The file fires no more, and says where it is.
  try {
    (void)open_sqlite(move.from, OpenMode::daemon);
    FAIL("was opened");
  } catch (const StoreError& error) {
    CHECK_THAT(error.what(), Catch::Contains("was moved to postgresql://"));
  }
  // Nothing is copied over rows.
  move.check_refused("has rows in schema");
}

TEST_CASE("a copy that is refused has not changed the schema of PostgreSQL", "[postgres][copy]") {
  if (no_postgres()) return;
  const Move move;
  make_store_to_copy(move.from);
  auto older = move.schema.options();
  older.migrations = older.migrations.first(4);
  // Its steps are taken; it lacks indexes that later steps make.
  CHECK_THROWS_AS(open_postgres(PostgresSchema::url(), OpenMode::daemon, older), StoreError);
  move.check_refused("is older (4 of ");
  CHECK(move.schema.sql("SELECT max(version) FROM schema_migrations") == "4");
}

TEST_CASE("PostgreSQL that cannot be reached leaves the file as it was", "[postgres][copy]") {
  if (no_postgres()) return;
  const Move move;
  make_store_to_copy(move.from);
  const auto before = dump(*open_sqlite(move.from, OpenMode::read_only));
  CHECK_THROWS_AS(copy_store({.url = "sqlite://" + move.from},
                             {.url = "postgresql://postgres@127.0.0.1:" +
                                     std::to_string(testing::free_port()) + "/postgres"},
                             at(10)),
                  StoreError);
  CHECK(dump(*open_sqlite(move.from, OpenMode::read_only)) == before);
  (void)open_sqlite(move.from, OpenMode::daemon);
}

TEST_CASE("a copy whose commit PostgreSQL refuses does not leave the file marked as moved",
          "[postgres][copy]") {
  if (no_postgres()) return;
  const Move move;
  make_store_to_copy(move.from);
  (void)move.schema.open();
  move.schema.sql(
      "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
      " $$ BEGIN RAISE EXCEPTION 'not at the commit'; END $$");
  move.schema.sql(
      "CREATE CONSTRAINT TRIGGER refused AFTER INSERT ON flows DEFERRABLE INITIALLY DEFERRED"
      " FOR EACH ROW EXECUTE FUNCTION refuse()");
  move.check_refused("not at the commit");
  CHECK(moved_to({.url = "sqlite://" + move.from}).empty());
  CHECK(moved_to({.url = PostgresSchema::url(), .schema = move.schema.name()}).empty());
  CHECK(move.schema.open()->flows({}).empty());
  move.schema.sql("DROP TRIGGER refused ON flows");
  CHECK_FALSE(move.copy().empty());
  check_goes_on(*move.schema.open());
}

TEST_CASE("nothing runs in PostgreSQL that a copy was on its way to", "[postgres][copy]") {
  if (no_postgres()) return;
  const Move move;
  make_store_to_copy(move.from);
  const StoreLocation there{.url = PostgresSchema::url(), .schema = move.schema.name()};
  const auto be_killed = [&] { open_postgres_target(there)->expect("sqlite://" + move.from); };
  be_killed();
  const auto mark = "incomplete copy of sqlite://" + move.from;
  for (const auto mode : {OpenMode::daemon, OpenMode::command})
    CHECK_THROWS_WITH(open_store(there, mode), Catch::Contains("is an " + mark));
  CHECK(open_store(there, OpenMode::read_only)->flows({}).empty());
  CHECK(moved_to(there) == mark);
  // Given up, or made again.
  CHECK(reopen_store(there) == mark);
  CHECK(reopen_store(there).empty());
  // One that was running before the copy began.
  const auto daemon = open_store(there, OpenMode::daemon);
  CHECK(daemon->flows({}).empty());
  be_killed();
  daemon->set_zones_version("2030a");
  CHECK(moved_to(there) == mark);
  CHECK_FALSE(move.copy().empty());
  check_goes_on(*move.schema.open());
}

}  // namespace rruled::test
