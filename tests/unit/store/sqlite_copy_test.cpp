// A store moved to another place: nothing lost, nothing fired twice.
#include "store/sqlite_copy.h"

#include "copy_sample.h"
#include "fault_vfs.h"
#include "store/sqlite_store.h"
#include "tests/support/temp_dir.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <catch2/catch.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <set>

namespace rruled::test {
namespace {

struct Files {
  TempDir dir{fast_directory()};
  std::string from = dir.file("from.db");
  std::string to = dir.file("to.db");

  [[nodiscard]] CopyReport copy() const {
    return copy_store({.url = "sqlite://" + from}, {.url = "sqlite://" + to}, at(10));
  }
};

void check_refused(const std::function<void()>& call, const std::string& why) {
  try {
    call();
    FAIL("was not refused");
  } catch (const StoreError& error) {
    CHECK_THAT(error.what(), Catch::Contains(why));
  }
}

std::string dump_file(const std::string& path) {
  return dump(*open_sqlite(path, OpenMode::read_only));
}

// Hands on what is not overridden.
class OtherTarget : public CopyTarget {
 public:
  explicit OtherTarget(CopyTarget& inner) : inner_(inner) {}
  [[nodiscard]] std::string name() const override { return inner_.name(); }
  void expect(const std::string& source) override { inner_.expect(source); }
  bool is_incomplete() override { return inner_.is_incomplete(); }
  void give_up() override { inner_.give_up(); }

 protected:
  CopyTarget& inner_;
};

// Goes wrong at the end, or after it; cannot be asked then.
class BadTarget final : public OtherTarget {
 public:
  BadTarget(CopyTarget& inner, bool after_mark) : OtherTarget(inner), after_mark_(after_mark) {}
  bool is_incomplete() override {
    if (after_mark_) throw StoreError(StoreError::Kind::unavailable, "it is away");
    return inner_.is_incomplete();
  }
  void fill(const std::function<void(CopyWriter&)>& fill) override {
    inner_.fill([&](CopyWriter& writer) {
      if (after_mark_) {
        fill(writer);
        throw StoreError(StoreError::Kind::unavailable, "the end is not known");
      }
      Failing failing(writer);
      fill(failing);
    });
  }

 private:
  class Failing final : public CopyWriter {
   public:
    explicit Failing(CopyWriter& inner) : inner_(inner) {}
    void write(const CopyTable& table, const std::vector<CopyRow>& rows) override {
      if (table.name == "runs" && ++pages_ == 2)
        throw StoreError(StoreError::Kind::full, "no space");
      inner_.write(table, rows);
    }
    void write(const CopyMarks& marks) override { inner_.write(marks); }
    std::size_t count(const CopyTable& table) override { return inner_.count(table); }
    void flush() override { inner_.flush(); }

   private:
    CopyWriter& inner_;
    int pages_ = 0;
  };
  bool after_mark_;
};

// Loses a row.
class LossyTarget final : public OtherTarget {
 public:
  using OtherTarget::OtherTarget;
  void fill(const std::function<void(CopyWriter&)>& fill) override {
    inner_.fill([&](CopyWriter& writer) {
      Lossy lossy(writer);
      fill(lossy);
    });
  }

 private:
  class Lossy final : public CopyWriter {
   public:
    explicit Lossy(CopyWriter& inner) : inner_(inner) {}
    void write(const CopyTable& table, const std::vector<CopyRow>& rows) override {
      auto fewer = rows;
      if (table.name == "log_lines") fewer.pop_back();
      inner_.write(table, fewer);
    }
    void write(const CopyMarks& marks) override { inner_.write(marks); }
    std::size_t count(const CopyTable& table) override { return inner_.count(table); }
    void flush() override { inner_.flush(); }

   private:
    CopyWriter& inner_;
  };
};

// Refused at its commit, when the source is marked.
class RefusedTarget final : public OtherTarget {
 public:
  using OtherTarget::OtherTarget;
  void fill(const std::function<void(CopyWriter&)>& fill) override {
    inner_.fill([&](CopyWriter& writer) {
      fill(writer);
      throw StoreError(StoreError::Kind::full, "no space for the commit");
    });
  }
};

// Tells that fill() is under way.
class FillingTarget final : public OtherTarget {
 public:
  FillingTarget(CopyTarget& inner, bool& filling) : OtherTarget(inner), filling_(filling) {}
  void fill(const std::function<void(CopyWriter&)>& fill) override {
    const auto end = [this](bool*) { filling_ = false; };
    filling_ = true;
    const std::unique_ptr<bool, decltype(end)> ending(&filling_, end);
    inner_.fill(fill);
  }

 private:
  bool& filling_;
};

// To a target of this kind, which is made of the real one.
template <class Target, class... More>
void check_copy_fails(const Files& files, const std::string& why, More... more) {
  const auto source = open_sqlite_source(files.from, at(10));
  const auto real = open_sqlite_target(files.to);
  Target target(*real, more...);
  check_refused([&] { (void)copy_rows(*source, target); }, why);
}

}  // namespace

TEST_CASE("a copy takes every column of every table", "[copy]") {
  const Files files;
  (void)open_sqlite(files.from, OpenMode::daemon);
  SQLite::Database database(files.from, SQLite::OPEN_READONLY);
  // Kept by the store itself, or told by CopyMarks; lines are numbered anew.
  const std::set<std::string> others{"schema_migrations", "meta", "instance"};
  std::set<std::string> stored;
  SQLite::Statement columns(
      database,
      "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c"
      " WHERE t.type = 'table'");
  while (columns.executeStep())
    if (const std::string table = columns.getColumn(0); !others.contains(table))
      stored.insert(table + "." + columns.getColumn(1).getString());
  std::set<std::string> copied{"log_lines.number", "audit.number"};
  for (const auto& table : copied_tables())
    for (const auto& column : table.columns) copied.insert(table.name + "." + column.name);
  CHECK(stored == copied);
  CHECK(copied.size() > 90);
}

TEST_CASE("a copy holds what the source held, and goes on", "[copy]") {
  const Files files;
  make_store_to_copy(files.from);
  const auto report = files.copy();
  CHECK(report.at(3) == std::pair<std::string, std::size_t>("runs", 1'108));
  CHECK(report.at(7) == std::pair<std::string, std::size_t>("tokens", 1));
  CHECK(dump_file(files.to) == dump_file(files.from));
  for (const auto* sql : {"SELECT group_concat(hex(hash) || name || scopes) FROM tokens",
                          "SELECT group_concat(hex(schedule_id) || version) FROM tombstones",
                          "SELECT runs || zones_version || revision || runs_revision FROM meta",
                          "SELECT epoch || '/' || high_water FROM instance"}) {
    INFO(sql);
    const auto ask = [&](const std::string& path) {
      return SQLite::Database(path).execAndGet(sql).getString();
    };
    CHECK(ask(files.to) == ask(files.from));
  }
  check_goes_on(*open_sqlite(files.to, OpenMode::daemon));
}

TEST_CASE("a store that was moved does not fire", "[copy]") {
  const Files files;
  make_store_to_copy(files.from);
  const auto early = open_sqlite(files.from, OpenMode::command);
  (void)files.copy();
  for (const auto mode : {OpenMode::daemon, OpenMode::command})
    check_refused([&] { (void)open_sqlite(files.from, mode); },
                  "was moved to sqlite://" + files.to + ": set store.url");
  CHECK(open_sqlite(files.from, OpenMode::read_only)->flows({}).size() == 2);
  // Who had it open before is kept from writing, too.
  check_refused([&] { (void)early->write(put(a_flow(9)), at(11)); }, "was moved");
  check_refused([&] { (void)early->begin_session(id_of<OwnerId>(9), at(11)); }, "was moved");
  CHECK(early->flows({}).size() == 2);
  // Taken into use again.
  CHECK(reopen_store({.url = "sqlite://" + files.from}) == "sqlite://" + files.to);
  CHECK(reopen_store({.url = "sqlite://" + files.from}).empty());
  check_goes_on(*open_sqlite(files.from, OpenMode::daemon));
}

TEST_CASE("a store that was moved is not copied a second time", "[copy]") {
  const Files files;
  make_store_to_copy(files.from);
  (void)files.copy();
  const auto copy_elsewhere = [&] {
    (void)copy_store({.url = "sqlite://" + files.from},
                     {.url = "sqlite://" + files.dir.file("other.db")}, at(10));
  };
  check_refused(copy_elsewhere, "was moved to sqlite://" + files.to + " already");
  CHECK_FALSE(std::filesystem::exists(files.dir.file("other.db")));
  (void)reopen_store({.url = "sqlite://" + files.from});
  copy_elsewhere();
  check_goes_on(*open_sqlite(files.dir.file("other.db"), OpenMode::daemon));
}

TEST_CASE("a store that is in use is not copied", "[copy]") {
  const Files files;
  make_store_to_copy(files.from);
  const auto before = dump_file(files.from);
  {
    const auto daemon = open_sqlite(files.from, OpenMode::daemon);
    check_refused([&] { (void)files.copy(); }, "is in use: stop the daemon");
  }
  {
    make_store_to_copy(files.to);
    check_refused([&] { (void)files.copy(); }, "is not empty");
    std::filesystem::remove(files.to);
    const auto daemon = open_sqlite(files.to, OpenMode::daemon);
    check_refused([&] { (void)files.copy(); }, "is in use: stop the daemon");
  }
  // Nor made of nothing, nor of itself.
  const Files none;
  check_refused([&] { (void)none.copy(); }, "does not exist");
  CHECK_FALSE(std::filesystem::exists(none.from));
  check_refused(
      [&] {
        (void)copy_store({.url = "sqlite://" + files.from},
                         {.url = "sqlite://" + files.dir.file("./from.db")}, at(10));
      },
      "the same file");
  check_refused(
      [&] { (void)copy_store({.url = "postgresql://host/db"}, {.url = "sqlite:///x"}, at(10)); },
      "only a file can be copied from");
  check_refused(
      [&] { (void)copy_store({.url = "sqlite://" + files.from}, {.url = "mysql://x"}, at(10)); },
      "must begin with sqlite:// or postgresql://");
  CHECK(dump_file(files.from) == before);
  check_goes_on(*[&] {
    (void)open_sqlite(files.from, OpenMode::daemon)->begin_session(id_of<OwnerId>(3), at(10));
    return open_sqlite(files.from, OpenMode::daemon);
  }());
}

TEST_CASE("a copy that is refused has changed neither schema", "[copy]") {
  const Files files;
  SqliteOptions older;
  older.migrations = sqlite_migrations().first(3);
  (void)open_sqlite(files.from, OpenMode::daemon, older);
  const auto steps = [](const std::string& path) {
    return SQLite::Database(path).execAndGet("SELECT count(*) FROM schema_migrations").getInt();
  };
  const auto way_out = "run `RRULED_STORE_URL=sqlite://" + files.from + " rruled migrate` first";
  check_refused([&] { (void)files.copy(); }, way_out);
  CHECK(steps(files.from) == 3);
  CHECK_FALSE(std::filesystem::exists(files.to));
  (void)open_sqlite(files.from, OpenMode::daemon);
  (void)open_sqlite(files.to, OpenMode::daemon, older);
  check_refused([&] { (void)files.copy(); }, "to.db has an older schema (3 of ");
  CHECK(steps(files.to) == 3);
  (void)open_sqlite(files.to, OpenMode::daemon);
  CHECK_FALSE(files.copy().empty());
}

TEST_CASE("nobody writes to the source while it is copied", "[copy]") {
  const Files files;
  make_store_to_copy(files.from);
  SqliteOptions impatient;
  impatient.busy_timeout = 1ms;
  const auto writer = open_sqlite(files.from, OpenMode::command, impatient);
  const auto source = open_sqlite_source(files.from, at(10));
  check_refused([&] { (void)writer->write(put(a_flow(9)), at(11)); }, "try again");
  check_refused([&] { (void)open_sqlite(files.from, OpenMode::daemon); }, "in use");
}

TEST_CASE("a copy that breaks off is made again", "[copy]") {
  const Files files;
  make_store_to_copy(files.from);
  const auto before = dump_file(files.from);
  check_copy_fails<BadTarget>(files, "no space", false);
  check_copy_fails<LossyTarget>(files, "rows of log_lines only");
  // The source is as it was, the target empty.
  CHECK(dump_file(files.from) == before);
  (void)open_sqlite(files.from, OpenMode::daemon);
  CHECK(open_sqlite(files.to, OpenMode::daemon)->flows({}).empty());
  check_copy_fails<BadTarget>(
      files, "the end is not known. Whether the copy was committed is not known", true);
  // Nothing fires anywhere, until it is made again.
  check_refused([&] { (void)open_sqlite(files.from, OpenMode::daemon); }, "was moved to");
  for (const auto mode : {OpenMode::daemon, OpenMode::command})
    check_refused([&] { (void)open_sqlite(files.to, mode); },
                  "is an incomplete copy of sqlite://" + files.from);
  CHECK(moved_to({.url = "sqlite://" + files.to}) == "incomplete copy of sqlite://" + files.from);
  CHECK(open_sqlite(files.to, OpenMode::read_only)->flows({}).empty());
  // Not yet: both stay marked.
  check_copy_fails<BadTarget>(files, "no space", false);
  check_refused([&] { (void)open_sqlite(files.from, OpenMode::daemon); }, "was moved to");
  check_refused([&] { (void)open_sqlite(files.to, OpenMode::daemon); }, "is an incomplete copy");
  (void)files.copy();
  check_refused([&] { (void)open_sqlite(files.from, OpenMode::daemon); }, "was moved to");
  check_goes_on(*open_sqlite(files.to, OpenMode::daemon));
}

TEST_CASE("a copy whose commit fails does not leave its source marked as moved", "[copy]") {
  const Files files;
  make_store_to_copy(files.from);
  const auto before = dump_file(files.from);
  check_copy_fails<RefusedTarget>(files, "no space for the commit");
  CHECK(moved_to({.url = "sqlite://" + files.from}).empty());
  CHECK(moved_to({.url = "sqlite://" + files.to}).empty());
  CHECK(open_sqlite(files.to, OpenMode::daemon)->flows({}).empty());
  // What was dispatching is retrying, as after the start of a daemon.
  CHECK(dump_file(files.from) != before);
  const auto other = files.dir.file("other.db");
  CHECK_FALSE(
      copy_store({.url = "sqlite://" + files.from}, {.url = "sqlite://" + other}, at(10)).empty());
  check_goes_on(*open_sqlite(other, OpenMode::daemon));
}

// The store of the copy before may be in use by now.
TEST_CASE("a copy that is made again and fails leaves the mark of the first one", "[copy]") {
  const Files files;
  make_store_to_copy(files.from);
  (void)files.copy();
  std::filesystem::remove(files.to);
  check_copy_fails<RefusedTarget>(files, "no space for the commit");
  check_refused([&] { (void)open_sqlite(files.from, OpenMode::daemon); }, "was moved to");
  check_refused([&] { (void)open_sqlite(files.to, OpenMode::daemon); }, "is an incomplete copy");
}

TEST_CASE("a disk that gets full under a small copy is met before its source is marked", "[copy]") {
  const Files files;
  make_store_to_copy(files.from);
  std::size_t marks = 0;  // commits of the source
  bool filling = false;
  const FaultVfs faults([&](std::size_t, FaultVfs::Step step, const std::string& file) {
    if (step == FaultVfs::Step::write && file == files.from + "-wal") ++marks;
    const bool full = filling && step == FaultVfs::Step::write && file == files.to + "-wal";
    return full ? FaultVfs::Answer::full : FaultVfs::Answer::go;
  });
  {
    const auto source = open_sqlite_source(files.from, at(10));
    const auto target = open_sqlite_target(files.to);
    FillingTarget watched(*target, filling);
    marks = 0;
    check_refused([&] { (void)copy_rows(*source, watched); }, "disk is full");
    CHECK(marks == 0);
  }
  CHECK(moved_to({.url = "sqlite://" + files.from}).empty());
  check_goes_on(*[&] {
    (void)open_sqlite(files.from, OpenMode::daemon)->begin_session(id_of<OwnerId>(3), at(10));
    return open_sqlite(files.from, OpenMode::daemon);
  }());
}

TEST_CASE("an incomplete copy that is given up is an empty store", "[copy]") {
  const Files files;
  make_store_to_copy(files.from);
  open_sqlite_target(files.to)->expect("sqlite://" + files.from);  // and was killed
  check_refused([&] { (void)open_sqlite_source(files.to, at(10)); }, "is an incomplete copy");
  CHECK(reopen_store({.url = "sqlite://" + files.to}) ==
        "incomplete copy of sqlite://" + files.from);
  CHECK(open_sqlite(files.to, OpenMode::daemon)->flows({}).empty());
}

}  // namespace rruled::test
