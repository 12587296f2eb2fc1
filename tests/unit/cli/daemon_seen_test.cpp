#include "tests/unit/cli/command_line.h"

#include <catch2/catch.hpp>
#include <unistd.h>

namespace rruled::test {

TEST_CASE("doctor and status say whether a daemon has the store") {
  CommandLine line;
  REQUIRE(line.rruled({"migrate"}).exit_code == 0);
  const auto says = [&](const std::string& words) {
    CHECK_THAT(line.rruled({"status"}).out, Catch::Contains("daemon:     " + words + "\n"));
    CHECK_THAT(line.rruled({"status", "--format", "json"}).out,
               Catch::Contains("\"daemon\": \"" + words + "\""));
    CHECK_THAT(line.rruled({"doctor"}).out, Catch::Contains("[+] daemon: " + words + "\n"));
  };
  says("none runs");
  {
    const auto daemon = store::open_sqlite(line.file(), store::OpenMode::daemon);
    says("process " + std::to_string(getpid()) + " holds the store");
  }
  says("none runs");  // the file of the lock stays
}

}  // namespace rruled::test
