#include "store/backup.h"

#include "store_file.h"
#include "tests/support/temp_dir.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <catch2/catch.hpp>

#include <filesystem>

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
