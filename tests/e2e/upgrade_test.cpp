// Stores of released versions are opened and gone on with by this one.
#include "store/migrate.h"
#include "store/postgres_store.h"
#include "tests/e2e/ops_fixture.h"
#include "tests/support/postgres_cluster.h"

#include <SQLiteCpp/Database.h>

#include <filesystem>
#include <iterator>
#include <set>

namespace rruled::test {
namespace {

using Catch::Contains;

std::string fixture(std::size_t step) {
  const std::string digits = std::to_string(step);
  return std::string(RRULED_SOURCE_DIR) + "/tests/data/stores/sqlite_" +
         std::string(3 - digits.size(), '0') + digits + ".dump";
}

// The store as the program of that schema step left it.
void make_old_store(const Installation& here, std::size_t step) {
  std::ifstream in(fixture(step));
  const std::string sql{std::istreambuf_iterator<char>(in), {}};
  REQUIRE_FALSE(sql.empty());
  SQLite::Database database(here.store(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  database.exec(sql);
}

}  // namespace

TEST_CASE("there is a store of every schema step") {
  for (const auto& step : store::sqlite_migrations()) {
    INFO("python3 tests/data/stores/make.py writes what is missing");
    CHECK(std::filesystem::exists(fixture(static_cast<std::size_t>(step.version))));
  }
}

TEST_CASE("a store of each released version fires what was due, and keeps what it had") {
  const auto steps = store::sqlite_migrations().size();
  for (std::size_t step = 1; step <= steps; ++step) {
    CAPTURE(step);
    // Its rows are old.
    const Installation here("[retention]\nruns = \"3650d\"\nlogs = \"3650d\"\n");
    make_old_store(here, step);
    testing::BackgroundProcess daemon(here.daemon(), here.environment);
    for (int i = 0; i < 3; ++i) CHECK(!daemon.read_until("  completed", kPatience).empty());
    daemon.send_signal(SIGTERM);
    CHECK(daemon.wait() == 0);

    const auto runs = here.runs();
    REQUIRE(runs.size() == 4);
    std::set<std::string> ids;
    for (const auto& run : runs) {
      CHECK(run.at("status") == "completed");
      ids.insert(std::string(run.at("id").as_string()));
    }
    CHECK(ids.size() == 4);
    CHECK(runs.at(0).at("scheduled_for") == "2026-01-01T09:00:00.000000Z");
    CHECK(runs.at(0).at("attempts") == 1);
    CHECK(runs.at(1).at("attempts") == 2);  // broken off when the old daemon was killed
    CHECK(runs.at(2).at("attempts") == 1);
    CHECK(runs.at(3).at("lateness_ms").to_number<std::int64_t>() < 86'400'000 + 60'000);
    const auto schedule = here.json({"schedule", "list"}).as_array().at(0);
    CHECK(schedule.at("note") == "kept");
    CHECK(schedule.at("timezone") == "Europe/Prague");
    CHECK_THAT(here.rruled({"token", "list"}).out, Contains("deploy"));
    // What was missed since is one gap, beside the one that was there.
    SQLite::Database database(here.store(), SQLite::OPEN_READONLY);
    CHECK(database.execAndGet("SELECT count(*) FROM gaps WHERE reason = 'paused'").getInt() == 1);
    CHECK(database.execAndGet("SELECT count(*) FROM gaps WHERE reason = 'missed'").getInt() == 1);
    CHECK(database.execAndGet("SELECT count FROM gaps WHERE reason = 'missed'").getInt() > 300);
    CHECK(database.execAndGet("SELECT runs FROM meta").getInt() == 4);
    if (step >= 4) CHECK(database.execAndGet("SELECT count(*) FROM calendars").getInt() == 1);
  }
}

TEST_CASE("an older command line does not touch a store before it is migrated, and says how") {
  Installation here;
  make_old_store(here, 1);
  const auto listed = here.rruled({"schedule", "list"});
  CHECK(listed.exit_code == 1);
  CHECK_THAT(listed.err, Contains("older schema (1 of ") && Contains("rruled migrate"));
  CHECK(here.rruled({"migrate"}).exit_code == 0);
  CHECK(here.rruled({"schedule", "list"}).exit_code == 0);
}

TEST_CASE("a running daemon goes on while a later version adds to the schema; it starts no more") {
  if (const auto missing = testing::PostgresCluster::missing(); !missing.empty()) {
    WARN("left out: " + missing);
    return;
  }
  const testing::PostgresCluster cluster({.fsync = false});
  Installation here;
  here.environment["RRULED_STORE_URL"] = cluster.url();
  REQUIRE(here.rruled({"migrate"}).exit_code == 0);
  here.add_schedule("FREQ=SECONDLY");
  testing::BackgroundProcess daemon(here.daemon(), here.environment);
  REQUIRE(!daemon.read_until("  completed", kPatience).empty());

  // The next version: columns with defaults, a table, an index.
  const auto known = store::postgres_migrations();
  std::vector<store::Migration> later(known.begin(), known.end());
  later.push_back({static_cast<int>(later.size()) + 1, "later",
                   "ALTER TABLE schedule_rules ADD COLUMN colour text NOT NULL DEFAULT 'red';"
                   "ALTER TABLE runs ADD COLUMN weight bigint NOT NULL DEFAULT 1;"
                   "ALTER TABLE flows ADD COLUMN owner_name text;"
                   "CREATE TABLE colours (name text);"
                   "CREATE INDEX runs_by_weight ON runs (weight);"});
  store::PostgresOptions options;
  options.migrations = later;
  (void)store::open_postgres(cluster.url(), store::OpenMode::daemon, options);

  const auto completed = [&] {
    return std::stoi(cluster.sql("SELECT count(*) FROM rruled.runs WHERE status = 'completed'"));
  };
  const int migrated = completed();
  // Lines of runs from before may still be in the pipe.
  const auto goes_on_to = [&](int count) {
    while (completed() < count)
      if (daemon.read_until("  completed", kPatience).empty()) return false;
    return true;
  };
  CHECK(goes_on_to(migrated + 3));
  // No new connection is refused either: the daemon makes one anew when one breaks.
  cluster.sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
      " WHERE application_name = 'rruled'");
  CHECK(goes_on_to(migrated + 6));
  const auto second = here.rruled({"run"});
  CHECK(second.exit_code == 1);
  CHECK_THAT(second.out + second.err,
             Contains("newer than this program knows") && Contains("upgrade rruled"));
  daemon.send_signal(SIGTERM);
  CHECK(daemon.wait() == 0);
}

}  // namespace rruled::test
