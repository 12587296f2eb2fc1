#include "store/open.h"
#include "store/sqlite_store.h"
#include "tests/e2e/daemon_fixture.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using testing::BackgroundProcess;

std::string faketime_library() {
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib"))
    if (const auto file = entry.path() / "faketime/libfaketimeMT.so.1";
        std::filesystem::exists(file))
      return file.string();
  return {};
}

// Replaces the file as a whole, so that no read finds half of it.
void set_clock(const std::string& file, const std::string& offset) {
  std::ofstream(file + ".new") << offset << "\n";
  std::rename((file + ".new").c_str(), file.c_str());
}

// Why a daemon's clock cannot be set here; empty when it can.
std::string no_clock_to_set() {
#ifdef __SANITIZE_ADDRESS__
  return "libfaketime and the address sanitizer both want to be loaded first";
#else
  if (faketime_library().empty()) return "libfaketime is not installed (Debian's package faketime)";
  return {};
#endif
}

// An hour back, or half of the time since the machine's start. libfaketime 0.9.10 shifts the
// monotonic instant "at once" too, by which Asio wakes itself: before the start plus the offset it
// is ahead.
std::string backwards() {
  std::timespec up{};
  REQUIRE(::clock_gettime(CLOCK_MONOTONIC, &up) == 0);
  const auto most = std::min(std::chrono::seconds(1h), std::chrono::seconds(up.tv_sec) / 2);
  return "-" + std::to_string(most.count());
}

// Of a daemon whose wall clock is off by what set_clock() wrote to `file`.
std::map<std::string, std::string> with_clock(std::map<std::string, std::string> environment,
                                              const std::string& file) {
  environment["LD_PRELOAD"] = faketime_library();
  environment["FAKETIME_TIMESTAMP_FILE"] = file;
  environment["FAKETIME_NO_CACHE"] = "1";
  environment["FAKETIME_DONT_FAKE_MONOTONIC"] = "1";
  return environment;
}

// What a daemon writes, with all that was read of it.
struct Output {
  bool read_until(const std::string& text) {
    for (std::string line; !(line = daemon.read_line(kPatience)).empty();) {
      lines += line + "\n";
      if (line.find(text) != std::string::npos) return true;
    }
    return false;
  }
  std::size_t count(const std::string& text) const {
    std::size_t found = 0;
    for (auto at = lines.find(text); at != std::string::npos; at = lines.find(text, at + 1))
      ++found;
    return found;
  }
  BackgroundProcess& daemon;
  std::string lines{};
};

}  // namespace

TEST_CASE("the clock is set an hour back and forth under the daemon: nothing twice, nothing lost") {
  if (const auto why = no_clock_to_set(); !why.empty()) {
    WARN("skipped: " << why);
    return;
  }
  Installation here;
  here.add_schedule("FREQ=SECONDLY");
  set_clock(here.file("clock"), "+0");
  BackgroundProcess daemon(here.daemon(), with_clock(here.environment, here.file("clock")));
  REQUIRE(!daemon.read_until("  completed", kPatience).empty());

  set_clock(here.file("clock"), backwards());
  REQUIRE(!daemon.read_until("the clock was set back by", kPatience).empty());
  set_clock(here.file("clock"), "+0");
  REQUIRE(!daemon.read_until("the clock was set forward by", kPatience).empty());
  REQUIRE(!daemon.read_until("  completed", kPatience).empty());
  set_clock(here.file("clock"), "+1h");
  REQUIRE(!daemon.read_until("will not run: missed", kPatience).empty());
  REQUIRE(!daemon.read_until("  completed", kPatience).empty());
  daemon.send_signal(SIGTERM);
  CHECK(!daemon.read_until("runs completed", kPatience).empty());
  CHECK(daemon.wait() == 0);

  // Every second from the first run to settled_to is a run or in a gap, and none is twice.
  const auto store = store::open_sqlite(here.store(), store::OpenMode::command);
  const auto schedule = store->schedules({}).front();
  const auto account = account_of(*store, schedule.id);
  REQUIRE(account.runs.size() > 3);
  const auto seconds = (*schedule.settled_to - account.runs.front()).count() + 1;
  CHECK(account.runs.size() + account.in_gaps == static_cast<std::uint64_t>(seconds));
  CHECK(account.in_gaps > 3'000);
  CHECK(std::ranges::adjacent_find(account.runs) == account.runs.end());
}

TEST_CASE("runs are fired at the database's time, however wrong the machine's clock is") {
  if (const auto why = no_clock_to_set(); !why.empty()) {
    WARN("skipped: " << why);
    return;
  }
  if (const auto why = testing::PostgresCluster::missing(); !why.empty()) {
    WARN("skipped: " << why);
    return;
  }
  auto& cluster = testing::shared_postgres();
  cluster.sql("CREATE DATABASE wrong_clock");
  Installation here;
  here.environment["RRULED_STORE_URL"] = cluster.url("postgres", "wrong_clock");
  const auto now = [&cluster] {
    const auto epoch = cluster.sql("SELECT floor(extract(epoch FROM clock_timestamp()))::bigint");
    return store::Instant(std::chrono::seconds(std::stoll(epoch)));
  };
  const auto began = now();
  here.add_schedule("FREQ=SECONDLY");
  set_clock(here.file("clock"), backwards());
  BackgroundProcess daemon(here.daemon(), with_clock(here.environment, here.file("clock")));
  Output output{daemon};
  REQUIRE(output.read_until("  completed"));
  set_clock(here.file("clock"), "+1h");
  REQUIRE(output.read_until("the clock was set forward by"));
  // Two may have been under way.
  for (int run = 0; run < 4; ++run) REQUIRE(output.read_until("  completed"));
  daemon.send_signal(SIGTERM);
  CHECK(output.read_until("runs completed"));
  CHECK(daemon.wait() == 0);
  INFO(output.lines);
  CHECK(output.count("clock was set") == 1);  // the store's never was

  const auto store =
      store::open_store({.url = cluster.url("postgres", "wrong_clock")}, store::OpenMode::command);
  const auto account = account_of(*store, store->schedules({}).front().id);
  REQUIRE(account.runs.size() > 4);
  CHECK(account.in_gaps == 0);
  CHECK(account.runs.front() >= began);
  CHECK(account.runs.back() <= now());
  CHECK(std::ranges::adjacent_find(account.runs) == account.runs.end());
}

}  // namespace rruled::test
