// What a store that is opened finds, what it does then, and what it says.
#include "child.h"
#include "store/sqlite_file.h"
#include "store/sqlite_store.h"
#include "store_file.h"
#include "tests/support/temp_dir.h"

#include <SQLiteCpp/Database.h>
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

namespace rruled::test {
namespace {

namespace fs = std::filesystem;
using Kind = StoreError::Kind;

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

const char* kind_word(Kind kind) {
  constexpr const char* kKinds[] = {"unavailable", "locked", "read_only", "full", "corrupt",
                                    "schema",      "fenced", "invalid",   "fault"};
  return kKinds[static_cast<int>(kind)];
}

// "opened", or "kind: message".
std::string try_open(const std::string& path, OpenMode mode, const SqliteOptions& options = {}) {
  try {
    (void)open_sqlite(path, mode, options)->counts();
    return "opened";
  } catch (const StoreError& error) {
    return std::string(kind_word(error.kind())) + ": " + error.what();
  }
}

void check_fails(const std::string& said, const std::string& kind, const std::string& next_step) {
  CHECK_THAT(said, Catch::StartsWith(kind + ": "));
  CHECK_THAT(said, Catch::Contains(next_step));
}

}  // namespace

TEST_CASE("a missing store is made, but not by who only reads", "[sqlite][open]") {
  const TempDir dir;
  check_fails(try_open(dir.file("a.db"), OpenMode::read_only), "unavailable", "rruled migrate");
  CHECK_FALSE(fs::exists(dir.file("a.db")));
  CHECK(try_open(dir.file("b.db"), OpenMode::command) == "opened");
  CHECK(try_open(dir.file("b.db"), OpenMode::read_only) == "opened");
  CHECK(try_open(dir.file("c.db"), OpenMode::daemon) == "opened");
  CHECK(try_open(dir.file("c.db"), OpenMode::command) == "opened");
}

TEST_CASE("a new store is for its owner alone", "[sqlite][open]") {
  const TempDir dir;
  const auto path = dir.file("store.db");
  const auto mode = GENERATE(OpenMode::daemon, OpenMode::command);
  const auto before = ::umask(022);
  {
    const auto store = open_sqlite(path, mode);
    for (const char* suffix : {"", "-wal", "-shm"})
      CHECK(fs::status(path + suffix).permissions() ==
            (fs::perms::owner_read | fs::perms::owner_write));
  }
  ::umask(before);
  // One that was there is as its owner made it.
  fs::permissions(path, fs::perms(0640));
  CHECK(try_open(path, mode) == "opened");
  CHECK(fs::status(path).permissions() == fs::perms(0640));
}

TEST_CASE("an empty file is a new store", "[sqlite][open]") {
  const TempDir dir;
  write_bytes(dir.file("store.db"), "");
  check_fails(try_open(dir.file("store.db"), OpenMode::read_only), "schema", "rruled migrate");
  CHECK(bytes_of(dir.file("store.db")).empty());
  CHECK(try_open(dir.file("store.db"), GENERATE(OpenMode::daemon, OpenMode::command)) == "opened");
}

TEST_CASE("paths that cannot hold a store", "[sqlite][open]") {
  const TempDir dir;
  const auto mode = GENERATE(from_range(std::begin(kModes), std::end(kModes)));
  check_fails(try_open(dir.file("none/store.db"), mode), "unavailable",
              "create it (mkdir -p " + dir.file("none") + ")");
  check_fails(try_open(dir.path(), mode), "fault", "must name a file");
  CHECK(fs::is_empty(dir.path()));
  write_bytes(dir.file("file"), "text");
  check_fails(try_open(dir.file("file/store.db"), mode), "unavailable", "run as the user");
}

TEST_CASE("a file that is no database is left as it is", "[sqlite][open]") {
  const TempDir dir;
  const auto path = dir.file("store.db");
  const auto content = GENERATE(std::string("short"), std::string(8'192, 'x'),
                                "SQLite format 3" + std::string(8'192, '\xff'));
  write_bytes(path, content);
  for (const auto mode : kModes) {
    check_fails(try_open(path, mode), "corrupt", "restore a backup");
    CHECK(bytes_of(path) == content);
  }
}

TEST_CASE("a damaged store is said to be damaged", "[sqlite][open]") {
  const TempDir dir;
  const auto path = dir.file("store.db");
  make_store(path);
  const auto good = bytes_of(path);
  REQUIRE(good.size() > 20 * 4'096);

  SECTION("cut in half") {
    write_bytes(path, good.substr(0, good.size() / 2));
    check_fails(try_open(path, OpenMode::daemon), "corrupt", "restore a backup");
    CHECK(bytes_of(path).size() == good.size() / 2);
  }
  SECTION("the beginning of any page overwritten") {
    int damaged = 0;
    for (std::size_t page = 1; page * 4'096 < good.size(); ++page) {
      auto bad = good;
      for (std::size_t i = 0; i < 16; ++i) bad[page * 4'096 + i] = '\xff';
      write_bytes(path, bad);
      INFO("page " << page);
      check_fails(try_open(path, OpenMode::daemon), "corrupt", "restore a backup");
      CHECK(bytes_of(path) == bad);
      ++damaged;
    }
    CHECK(damaged > 20);
  }
  SECTION("of a large one, the tables that decide what fires are checked") {
    const SqliteOptions large{.check_whole_max_bytes = 0};
    int found = 0;
    for (std::size_t page = 1; page * 4'096 < good.size(); ++page) {
      auto bad = good;
      for (std::size_t i = 0; i < 16; ++i) bad[page * 4'096 + i] = '\xff';
      write_bytes(path, bad);
      found += try_open(path, OpenMode::daemon, large).starts_with("corrupt: ") ? 1 : 0;
    }
    CHECK(found > 10);
  }
  SECTION("any byte changed: it works, or says what is wrong") {
    std::mt19937 random(1);
    int refused = 0;
    int tried = 0;
    for (; tried < 300; ++tried) {
      auto bad = good;
      const auto at = random() % bad.size();
      bad[at] = static_cast<char>(bad[at] ^ static_cast<char>(1 + random() % 255));
      write_bytes(path, bad);
      INFO("byte " << at);
      try {
        const auto store = open_sqlite(path, OpenMode::daemon);
        (void)dump(*store);
      } catch (const StoreError& error) {
        ++refused;
        CHECK_FALSE(error.kind() == Kind::unavailable);
      }
      // Never made anew.
      CHECK(bytes_of(path).size() >= good.size());
    }
    CHECK(tried == 300);
    CHECK(refused > 3);
  }
}

TEST_CASE("one daemon has a store", "[sqlite][open]") {
  const TempDir dir;
  const auto path = dir.file("store.db");
  {
    const auto first = open_sqlite(path, OpenMode::daemon);
    const auto pid = "(process " + std::to_string(::getpid()) + ")";
    check_fails(try_open(path, OpenMode::daemon), "locked", pid);
    check_fails(try_open(path, OpenMode::daemon), "locked", "stop that one");
    // By another name, and from another process.
    fs::create_symlink(path, dir.file("link.db"));
    check_fails(try_open(dir.file("link.db"), OpenMode::daemon), "locked", pid);
    const auto other = run_in_child([&](auto say) { say(try_open(path, OpenMode::daemon)); });
    check_fails(other.said, "locked", pid);
    // Commands go on beside it.
    CHECK(try_open(path, OpenMode::command) == "opened");
    CHECK(try_open(path, OpenMode::read_only) == "opened");
  }
  CHECK(try_open(path, OpenMode::daemon) == "opened");
}

TEST_CASE("the lock ends with the process and is not handed on", "[sqlite][open]") {
  const TempDir dir;
  const auto path = dir.file("store.db");
  const auto killed = run_in_child([&](auto say) {
    const auto store = open_sqlite(path, OpenMode::daemon);
    int close_on_exec = 0;
    for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      const auto target = fs::read_symlink(entry, gone).string();
      if (!target.ends_with("store.db.lock")) continue;
      const int flags = ::fcntl(std::stoi(entry.path().filename()), F_GETFD);
      close_on_exec += (flags & FD_CLOEXEC) != 0 ? 1 : 100;
    }
    say(std::to_string(close_on_exec));
    ::kill(::getpid(), SIGKILL);
  });
  CHECK(killed.said == "1");
  CHECK(killed.signal == SIGKILL);
  CHECK(try_open(path, OpenMode::daemon) == "opened");
}

TEST_CASE("the daemon sees what others write beside it", "[sqlite][open]") {
  const TempDir dir;
  const auto path = dir.file("store.db");
  const auto daemon = open_sqlite(path, OpenMode::daemon);
  const auto session = daemon->begin_session(id_of<OwnerId>(1), at(0));
  CHECK(daemon->changes_since(session.revision).revision == session.revision);
  const auto command = open_sqlite(path, OpenMode::command);
  const auto reader = open_sqlite(path, OpenMode::read_only);
  REQUIRE_FALSE(
      command->write({.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}}}, at(0)));
  const auto changes = daemon->changes_since(session.revision);
  REQUIRE(changes.schedules.size() == 1);
  CHECK(changes.schedules[0].schedule.id == schedule_id(1));
  CHECK(show(reader->changes_since(session.revision)) == show(changes));
  // The command sees what the daemon settled, and its edit is judged by it.
  const auto stale = *command->schedule(schedule_id(1));
  (void)daemon->settle({a_settlement(stale, {a_run(stale, kStart)}, nominal(9))}, session.claimant,
                       at(0));
  const auto conflict = command->write({.schedules = {{stale, stamp_of(stale)}}}, at(0));
  REQUIRE(conflict);
  CHECK(conflict->kind == Conflict::Kind::changed);
  CHECK(command->runs({}).size() == 1);
  CHECK(daemon->changes_since(changes.revision).revision == changes.revision);
}

TEST_CASE("who waits too long for another writer is told so", "[sqlite][open]") {
  const TempDir dir;
  const auto path = dir.file("store.db");
  make_store(path);
  const auto store = open_sqlite(path, OpenMode::command, {.busy_timeout = 10ms});
  SQLite::Database other(path, SQLite::OPEN_READWRITE);
  other.exec("BEGIN IMMEDIATE");
  try {
    (void)store->write(put(a_flow(2)), at(0));
    FAIL("was written");
  } catch (const StoreError& error) {
    CHECK(error.kind() == Kind::unavailable);
    CHECK_THAT(error.what(), Catch::Contains("try again"));
  }
  CHECK(store->flows({}).size() == 1);  // reading goes on
  other.exec("ROLLBACK");
  CHECK_FALSE(store->write(put(a_flow(2)), at(0)));
}

TEST_CASE("who only reads cannot write", "[sqlite][open]") {
  const TempDir dir;
  const auto path = dir.file("store.db");
  make_store(path);
  const auto before = bytes_of(path);
  const auto store = open_sqlite(path, OpenMode::read_only);
  CHECK(store->flows({}).size() == 1);
  CHECK(store->load_due({}, at(1), 9).size() == 1);
  const auto check_read_only = [&](auto write) {
    try {
      write();
      FAIL("was written");
    } catch (const StoreError& error) {
      CHECK(error.kind() == Kind::read_only);
    }
  };
  check_read_only([&] { (void)store->write(put(a_flow(2)), at(0)); });
  check_read_only([&] { (void)store->begin_session(id_of<OwnerId>(1), at(0)); });
  CHECK(bytes_of(path) == before);
}

TEST_CASE("a store without permission", "[sqlite][open]") {
  const TempDir dir;
  const auto path = dir.file("store.db");
  make_store(path);
  fs::permissions(dir.path(), fs::perms(0755));
  const auto as_nobody = [&](OpenMode mode) {
    const auto end = run_in_child([&](auto say) {
      become_nobody();
      say(try_open(path, mode));
    });
    CHECK(end.exit_code == 0);
    return end.said;
  };
  SECTION("to read it") {
    fs::permissions(path, fs::perms(0));
    check_fails(as_nobody(OpenMode::read_only), "unavailable", "give this one access");
    check_fails(as_nobody(OpenMode::daemon), "read_only", "give this one access");
  }
  SECTION("to write it") {
    fs::permissions(path, fs::perms(0444));
    fs::permissions(dir.path(), fs::perms(0777));
    check_fails(as_nobody(OpenMode::daemon), "read_only", "run as the user that owns");
    check_fails(as_nobody(OpenMode::command), "read_only", "run as the user that owns");
    CHECK(as_nobody(OpenMode::read_only) == "opened");
  }
  SECTION("to write its directory") {
    fs::permissions(path, fs::perms(0666));
    fs::remove(path + ".lock");
    fs::permissions(dir.path(), fs::perms(0555));
    check_fails(as_nobody(OpenMode::daemon), "read_only", "run as the user that owns");
    check_fails(as_nobody(OpenMode::command), "read_only", "run as the user that owns");
    CHECK(as_nobody(OpenMode::read_only) == "opened");
    CHECK(std::distance(fs::directory_iterator(dir.path()), {}) == 1);  // nothing beside it
    fs::permissions(dir.path(), fs::perms(0700));
  }
  SECTION("to take the lock that another user made") {
    if (::geteuid() != 0) return;  // who makes it and who is refused would be the same user
    fs::permissions(path, fs::perms(0666));
    fs::permissions(dir.path(), fs::perms(0777));
    check_fails(as_nobody(OpenMode::daemon), "read_only", "another user made it");
  }
  SECTION("to look into its directory") {
    fs::permissions(dir.path(), fs::perms(0));
    check_fails(as_nobody(OpenMode::read_only), "unavailable", "run as the user that owns");
    fs::permissions(dir.path(), fs::perms(0700));
  }
}

TEST_CASE("a log that cannot be read is not passed over", "[sqlite][open]") {
  const TempDir dir;
  const auto path = dir.file("store.db");
  // A copy of a store in use, with its log but without its shared memory, where nothing can be
  // made.
  {
    const auto store = open_sqlite(dir.file("live.db"), OpenMode::daemon);
    REQUIRE_FALSE(store->write(put(a_flow()), at(0)));
    fs::copy(dir.file("live.db"), path);
    fs::copy(dir.file("live.db-wal"), path + "-wal");
    for (const auto& each : {path, path + "-wal"}) fs::permissions(each, fs::perms(0644));
  }
  fs::permissions(dir.path(), fs::perms(0555));
  const auto end = run_in_child([&](auto say) {
    become_nobody();
    say(try_open(path, OpenMode::read_only));
  });
  fs::permissions(dir.path(), fs::perms(0700));
  check_fails(end.said, "read_only", "copy FILE and FILE-wal elsewhere");
  CHECK(open_sqlite(path, OpenMode::daemon)->flows({}).size() == 1);
}

TEST_CASE("a path may hold any sign", "[sqlite][open]") {
  const TempDir dir;
  const auto name =
      GENERATE(as<std::string>(), "a b.db", "a?mode=memory", "a#b%41.db", "\xc3\xa9.db");
  const auto path = dir.file(name);
  make_store(path);
  CHECK(fs::exists(path));
  fs::permissions(path, fs::perms(0644));
  // Read as a file that does not change, too, which goes by an address.
  fs::permissions(dir.path(), fs::perms(0555));
  const auto end = run_in_child([&](auto say) {
    become_nobody();
    say(try_open(path, OpenMode::read_only));
  });
  fs::permissions(dir.path(), fs::perms(0700));
  CHECK(end.said == "opened");
}

TEST_CASE("file systems of a network are known", "[sqlite][open]") {
  const auto [magic, network] = GENERATE(table<long, bool>({{NFS_SUPER_MAGIC, true},
                                                            {SMB_SUPER_MAGIC, true},
                                                            {0xff534d42L, true},
                                                            {0xfe534d42L, true},
                                                            {0x00c36400L, true},
                                                            {EXT4_SUPER_MAGIC, false},
                                                            {TMPFS_MAGIC, false},
                                                            {OVERLAYFS_SUPER_MAGIC, false},
                                                            {BTRFS_SUPER_MAGIC, false},
                                                            {XFS_SUPER_MAGIC, false}}));
  CHECK(is_network_filesystem(magic) == network);
}

}  // namespace rruled::test
