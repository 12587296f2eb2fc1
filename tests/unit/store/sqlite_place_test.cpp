// Another file where the store's was, or another one's log beside it: neither is written to.
#include "store/sqlite_connection.h"
#include "store/sqlite_store.h"
#include "store_file.h"
#include "tests/support/temp_dir.h"

#include <SQLiteCpp/Database.h>
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

namespace rruled::test {
namespace {

namespace fs = std::filesystem;

struct Place {
  TempDir dir{fast_directory()};
  std::string path = dir.file("store.db");
  std::string log = path + "-wal";

  [[nodiscard]] std::unique_ptr<SqliteStore> open(OpenMode mode = OpenMode::daemon) const {
    return open_sqlite(path, mode);
  }
};

void check_gone(SqliteStore& daemon, const std::string& said) {
  try {
    (void)daemon.changes_since(daemon.changes_since(0).revision);
    FAIL("nothing was noticed");
  } catch (const StoreError& error) {
    CHECK(error.kind() == StoreError::Kind::corrupt);
    CHECK_THAT(error.what(), Catch::Contains(said));
  }
}

void check_is_corrupt(const Place& place, OpenMode mode) {
  try {
    (void)place.open(mode);
    FAIL("was opened in mode " << static_cast<int>(mode));
  } catch (const StoreError& error) {
    CHECK(error.kind() == StoreError::Kind::corrupt);
    CHECK_THAT(error.what(), Catch::Contains("remove " + place.log));
  }
}

}  // namespace

TEST_CASE("a store that is replaced under its daemon ends it and stays as it is", "[sqlite]") {
  const Place place;
  make_store(place.path);
  const bool removed = GENERATE(false, true);
  const auto backup = place.dir.file("backup.db");
  make_store(backup);
  const auto bytes = bytes_of(backup);
  std::string log;
  {
    const auto daemon = place.open();
    const auto api = place.open(OpenMode::command);
    REQUIRE_FALSE(api->write(put(a_flow(2)), at(1)));
    CHECK(daemon->changes_since(0).revision > 0);
    if (removed)
      fs::remove(place.path);
    else
      fs::rename(backup, place.path);
    log = bytes_of(place.log);
    REQUIRE_FALSE(log.empty());
    check_gone(*daemon, "the file was removed or replaced while this daemon ran");
  }
  CHECK(fs::exists(place.path) == !removed);
  if (!removed) CHECK(bytes_of(place.path) == bytes);
  CHECK(bytes_of(place.log) == log);
  // Nor does the next start make an empty store.
  if (removed)
    for (const auto mode : {OpenMode::daemon, OpenMode::command}) {
      CHECK_THROWS_WITH(place.open(mode), Catch::Contains("is missing or empty, but its log"));
      CHECK_FALSE(fs::exists(place.path));
      CHECK(bytes_of(place.log) == log);
    }
}

// As a restore leaves it that a full disk broke off: SQLite removes the log of an empty file.
TEST_CASE("a command that reads lost the log of a store whose file was empty", "[sqlite]") {
  const Place place;
  std::ofstream(place.path).close();
  std::ofstream(place.log) << "what was written last";
  for (const auto mode : {OpenMode::read_only, OpenMode::command, OpenMode::daemon}) {
    CHECK_THROWS_WITH(place.open(mode), Catch::Contains("is missing or empty, but its log"));
    CHECK(bytes_of(place.log) == "what was written last");
  }
}

TEST_CASE("a log that is removed under a daemon ends it, and loses nothing", "[sqlite]") {
  const Place place;
  make_store(place.path);
  {
    const auto daemon = place.open();
    const auto api = place.open(OpenMode::command);
    REQUIRE_FALSE(api->write(put(a_flow(2)), at(1)));
    for (const char* side : {"-wal", "-shm"}) fs::remove(place.path + side);
    check_gone(*daemon, "its log " + place.log + " was removed or replaced");
  }
  CHECK(place.open()->flows({}).size() == 2);
}

TEST_CASE("a log that is replaced under a daemon is not written to", "[sqlite]") {
  const Place place;
  make_store(place.path);
  const auto bytes = bytes_of(place.path);
  {
    const auto daemon = place.open();
    REQUIRE_FALSE(daemon->write(put(a_flow(2)), at(1)));
    fs::remove(place.log);
    std::ofstream(place.log) << "another one";
    check_gone(*daemon, "its log " + place.log + " was removed or replaced");
  }
  CHECK(bytes_of(place.log) == "another one");
  CHECK(bytes_of(place.path) == bytes);
}

TEST_CASE("a backup put beside the log of another file is not destroyed by a start", "[sqlite]") {
  const Place place;
  const Place live;
  make_store(live.path);
  {
    const auto store = live.open();
    auto& database = store->connection().database();
    const auto add_flows = [&](int first) {
      ChangeSet many;
      for (int n = first; n < first + 200; ++n) many.flows.push_back({a_flow(n), {}});
      REQUIRE_FALSE(store->write(many, at(1)));
    };
    add_flows(10);
    // What it makes has the same rows on other pages.
    database.exec("VACUUM INTO '" + place.path + "'");
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    add_flows(300);
    fs::copy(live.log, place.log);
  }
  const auto bytes = bytes_of(place.path);
  const auto log = bytes_of(place.log);
  REQUIRE_FALSE(log.empty());
  for (const auto mode : {OpenMode::daemon, OpenMode::command}) {
    check_is_corrupt(place, mode);
    CHECK(bytes_of(place.path) == bytes);
    CHECK(bytes_of(place.log) == log);
  }
  for (const char* side : {"-wal", "-shm"}) fs::remove(place.path + side);
  for (const auto mode : {OpenMode::daemon, OpenMode::command})
    CHECK(place.open(mode)->flows({.limit = 1'000}).size() == 201);
}

}  // namespace rruled::test
