#include "store/errors.h"
#include "store/file_lock.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/cli/command_line.h"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace rruled::test {

TEST_CASE("doctor and status say whether a daemon has the store") {
  CommandLine line;
  REQUIRE(line.rruled({"migrate"}).exit_code == 0);
  const auto says = [&](const std::string& words, const std::string& json) {
    CHECK_THAT(line.rruled({"status"}).out, Catch::Contains("daemon:     " + words + "\n"));
    const auto status = boost::json::parse(line.rruled({"status", "--format", "json"}).out);
    CHECK(status.at("daemon") == boost::json::parse(json));
    CHECK_THAT(line.rruled({"doctor"}).out, Catch::Contains("[+] daemon: " + words + "\n"));
  };
  const std::string none = R"({"holds_store":false})";
  says("none runs", none);
  {
    const auto daemon = store::open_sqlite(line.file(), store::OpenMode::daemon);
    const auto process = std::to_string(getpid());
    says("process " + process + " holds the store",
         R"({"holds_store":true,"process":)" + process + "}");
  }
  says("none runs", none);  // the file of the lock stays
}

// It took the lock for a moment, and a daemon that started then said that another one ran.
TEST_CASE("who looks for the daemon of a store keeps none from it") {
  const TempDir dir(fast_directory());
  const auto path = dir.file("store.lock");
  std::atomic<bool> done = false;
  std::thread looker([&] {
    while (!done) (void)store::FileLock::holder(path);
  });
  int taken = 0;
  try {
    for (; taken < 2'000; ++taken) store::FileLock(path, "the store");
  } catch (const store::StoreError& error) {
    UNSCOPED_INFO(error.what());
  }
  done = true;
  looker.join();
  CHECK(taken == 2'000);
}

}  // namespace rruled::test
