#include "tests/e2e/daemon_fixture.h"

#include <catch2/catch.hpp>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

// What a start says of each state that the store's file can be in.
namespace rruled::test {
namespace {

using testing::BackgroundProcess;

struct Ending {
  int exit_code;
  std::string said;
};

Ending start_and_end(const Installation& here) {
  const auto result = here.rruled({"run"});
  return {result.exit_code, result.out + result.err};
}

}  // namespace

TEST_CASE("a missing or empty store file is made") {
  Installation here;
  const bool empty = GENERATE(false, true);
  if (empty) std::ofstream(here.store()).close();
  BackgroundProcess daemon(here.daemon(), here.environment);
  CHECK(!daemon.read_until("executors:", kPatience).empty());
  daemon.send_signal(SIGTERM);
  CHECK(daemon.wait() == 0);
  CHECK(std::filesystem::file_size(here.store()) > 0);
}

TEST_CASE("a file that is no database, or a damaged one, ends the start and stays as it is") {
  Installation here;
  const bool header = GENERATE(true, false);
  std::string bytes;
  if (header) {
    bytes = std::string(8'192, 'x');
  } else {
    here.add_schedule("FREQ=DAILY");
    bytes = contents(here.store());
    REQUIRE(bytes.size() > 12'288);
    for (std::size_t i = 4'096; i < 12'288; ++i) bytes[i] = static_cast<char>(i * 7);
    for (const char* side : {"-wal", "-shm"}) std::filesystem::remove(here.store() + side);
  }
  std::ofstream(here.store(), std::ios::binary) << bytes;
  const auto ending = start_and_end(here);
  INFO(ending.said);
  CHECK(ending.exit_code == 1);
  CHECK(ending.said.find(here.store()) != std::string::npos);
  CHECK(contents(here.store()) == bytes);
}

TEST_CASE("a store that is removed or replaced under the daemon ends it and is not written to") {
  Installation here;
  here.add_schedule("FREQ=YEARLY");
  const Installation other;
  other.add_schedule("FREQ=DAILY");
  const bool replaced = GENERATE(false, true);
  const auto bytes = contents(other.store());
  BackgroundProcess daemon(here.daemon(), here.environment);
  REQUIRE(!daemon.read_until("executors:", kPatience).empty());
  if (replaced) {
    std::filesystem::copy_file(other.store(), here.file("new.db"));
    std::filesystem::rename(here.file("new.db"), here.store());
  } else {
    std::filesystem::remove(here.store());
  }
  CHECK(!daemon.read_until("removed or replaced while this daemon ran", kPatience).empty());
  CHECK(daemon.wait() == 1);
  REQUIRE(std::filesystem::exists(here.store()) == replaced);
  if (replaced) CHECK(contents(here.store()) == bytes);
}

TEST_CASE("a folder that is not there is named, with what to do") {
  Installation here;
  here.environment["RRULED_STORE_URL"] = "sqlite:///nowhere/at/all/rruled.db";
  const auto ending = start_and_end(here);
  INFO(ending.said);
  CHECK(ending.exit_code == 1);
  CHECK(ending.said.find("/nowhere/at/all") != std::string::npos);
}

TEST_CASE("list, show and a dry run work beside the daemon that has the store") {
  Installation here;
  here.add_schedule("FREQ=YEARLY");
  BackgroundProcess daemon(here.daemon(), here.environment);
  REQUIRE(!daemon.read_until("executors:", kPatience).empty());
  CHECK(here.rruled({"schedule", "list"}).exit_code == 0);
  CHECK(here.rruled({"flow", "list"}).exit_code == 0);
  BackgroundProcess dry(here.daemon({"--dry-run"}), here.environment);
  CHECK(!dry.read_until("executors:", kPatience).empty());
  dry.send_signal(SIGTERM);
  CHECK(dry.wait() == 0);
  daemon.send_signal(SIGTERM);
  CHECK(daemon.wait() == 0);
}

TEST_CASE("a schedule that is over in a file to apply keeps no daemon of an empty store down") {
  Installation here;
  std::ofstream(here.file("flows.json"))
      << R"({"flows":[{"name":"Once","trigger":{"type":"schedule"},"status":"active","schedules":)"
      << R"([{"rrule":"FREQ=DAILY;COUNT=1","starts_at":"2020-01-01T09:00:00Z"}]}]})";
  here.environment["RRULED_STORE_APPLY"] = here.file("flows.json");
  BackgroundProcess daemon(here.daemon(), here.environment);
  CHECK(!daemon.read_until("(over: nothing comes any more)", kPatience).empty());
  daemon.send_signal(SIGTERM);
  CHECK(daemon.wait() == 0);
  CHECK(here.json({"schedule", "list"}).at(0).at("status") == "completed");
}

}  // namespace rruled::test
