#include "store/sqlite_store.h"
#include "tests/e2e/daemon_fixture.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace rruled::test {
namespace {

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

}  // namespace

TEST_CASE("the clock is set an hour back and forth under the daemon: nothing twice, nothing lost") {
#ifdef __SANITIZE_ADDRESS__
  WARN("skipped: libfaketime and the address sanitizer both want to be loaded first");
  return;
#endif
  const std::string library = faketime_library();
  if (library.empty()) {
    WARN("skipped: libfaketime is not installed (Debian's package faketime)");
    return;
  }
  Installation here;
  here.add_schedule("FREQ=SECONDLY");
  auto environment = here.environment;
  environment["LD_PRELOAD"] = library;
  environment["FAKETIME_TIMESTAMP_FILE"] = here.file("clock");
  environment["FAKETIME_NO_CACHE"] = "1";
  environment["FAKETIME_DONT_FAKE_MONOTONIC"] = "1";
  set_clock(here.file("clock"), "+0");
  BackgroundProcess daemon(here.daemon(), environment);
  REQUIRE(!daemon.read_until("  completed", kPatience).empty());

  set_clock(here.file("clock"), "-1h");
  REQUIRE(!daemon.read_until("the clock was set back by 60 min", kPatience).empty());
  set_clock(here.file("clock"), "+0");
  REQUIRE(!daemon.read_until("the clock was set forward by 60 min", kPatience).empty());
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

}  // namespace rruled::test
