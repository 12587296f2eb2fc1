#include "store/backup.h"

#include "store_file.h"
#include "tests/support/temp_dir.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace rruled::test {
namespace {

// Somebody who looks at a file, and does not go.
class Reader {
 public:
  explicit Reader(const std::string& path)
      : database_(path, SQLite::OPEN_READONLY), rows_(database_, "SELECT name FROM sqlite_schema") {
    rows_.executeStep();
  }

 private:
  SQLite::Database database_;
  SQLite::Statement rows_;
};

}  // namespace

TEST_CASE("a backup that somebody looks at can be started on", "[backup]") {
  const TempDir dir(fast_directory());
  const auto path = dir.file("store.db");
  const auto backup = dir.file("backup.db");
  make_store(path);
  const auto bytes = back_up_sqlite(path, backup);
  CHECK(bytes == std::filesystem::file_size(backup));
  for (const char* suffix : {"-wal", "-shm", ".partial", ".partial-wal", ".partial-shm"})
    CHECK_FALSE(std::filesystem::exists(backup + suffix));
  const Reader reader(backup);
  SqliteOptions impatient;
  impatient.busy_timeout = 1ms;
  CHECK(open_sqlite(backup, OpenMode::daemon, impatient)->schedules({}).size() == 1);
}

TEST_CASE("a store of an older schema is backed up as it is", "[backup]") {
  const auto steps = GENERATE(range<std::size_t>(1, 11));
  REQUIRE(sqlite_migrations().size() >= 11);
  const TempDir dir(fast_directory());
  const auto path = dir.file("store.db");
  const auto backup = dir.file("backup.db");
  const std::string number = std::to_string(steps);
  std::ifstream dump(RRULED_SOURCE_DIR "/tests/data/stores/sqlite_" +
                     std::string(3 - number.size(), '0') + number + ".dump");
  REQUIRE(dump);
  SQLite::Database(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)
      .exec(std::string(std::istreambuf_iterator<char>(dump), {}));
  const auto bytes = bytes_of(path);
  CHECK(back_up_sqlite(path, backup) > 0);
  CHECK(bytes_of(path) == bytes);
  SQLite::Database copy(backup);
  const auto version = copy.execAndGet("SELECT max(version) FROM schema_migrations").getInt64();
  CHECK(version == static_cast<std::int64_t>(steps));
  CHECK_FALSE(open_sqlite(backup, OpenMode::daemon)->flows({}).empty());
}

TEST_CASE("a newer store, and none of ours, is not backed up", "[backup]") {
  const TempDir dir(fast_directory());
  const auto path = dir.file("store.db");
  make_store(path);
  const auto why = GENERATE(as<std::string>(), "upgrade rruled", "not ours");
  SQLite::Database(path, SQLite::OPEN_READWRITE)
      .exec(why == "upgrade rruled"
                ? "INSERT INTO schema_migrations SELECT 1 + max(version), 'later', '', 0"
                  " FROM schema_migrations"
                : "DROP TABLE schema_migrations");
  CHECK_THROWS_AS(back_up_sqlite(path, dir.file("backup.db")), StoreError);
  CHECK_FALSE(std::filesystem::exists(dir.file("backup.db")));
}

TEST_CASE("readers that keep a copy from its write-ahead log are named", "[backup]") {
  const TempDir dir(fast_directory());
  const auto path = dir.file("store.db");
  const auto copy = dir.file("copy.db");
  make_store(path);
  SQLite::Database(path, SQLite::OPEN_READWRITE).exec("VACUUM INTO '" + copy + "'");
  const Reader reader(copy);
  SqliteOptions impatient;
  impatient.busy_timeout = 1ms;
  CHECK_THROWS_WITH(open_sqlite(copy, OpenMode::daemon, impatient),
                    Catch::Contains("is open elsewhere, if only to be read"));
}

}  // namespace rruled::test
