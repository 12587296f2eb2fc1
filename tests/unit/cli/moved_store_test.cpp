// What is said of a store that was moved, and of one that cannot be.
#include "tests/unit/cli/command_line.h"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

namespace rruled::test {

using Catch::Contains;

TEST_CASE("the status of a store that was moved said nothing of it") {
  const CommandLine line;
  REQUIRE(line.rruled({"migrate"}).exit_code == 0);
  CHECK_THAT(line.rruled({"status"}).out, !Contains("moved"));
  CHECK_THAT(line.rruled({"status", "--format", "json"}).out, !Contains("moved_to"));
  const auto to = "sqlite://" + line.file("new.db");
  const auto copied =
      line.rruled({"store", "copy", "--from", "sqlite://" + line.file(), "--to", to});
  INFO(copied.err);
  REQUIRE(copied.exit_code == 0);
  CHECK_THAT(line.rruled({"status"}).out,
             Catch::StartsWith("moved to " + to + ": no daemon starts on it\n"));
  const auto json = boost::json::parse(line.rruled({"status", "--format", "json"}).out);
  CHECK(std::string(json.at("moved_to").as_string()) == to);
}

TEST_CASE("to reopen a store that is in use is refused with advice on copying") {
  const CommandLine line;
  REQUIRE(line.rruled({"migrate"}).exit_code == 0);
  const auto daemon = store::open_sqlite(line.file(), store::OpenMode::daemon);
  const auto refused = line.rruled({"store", "reopen", "sqlite://" + line.file()});
  CHECK(refused.exit_code == 1);
  CHECK_THAT(refused.err, Contains("is in use: stop the daemon that runs on it, and try again") &&
                              !Contains("copy"));
}

TEST_CASE("to reopen what is no URL of a store was answered by the database's library") {
  const CommandLine line;
  const auto refused = line.rruled({"store", "reopen", "foo"});
  CHECK(refused.exit_code == 1);
  CHECK(refused.err == "rruled: the store to reopen must begin with sqlite:// or postgresql://\n");
}

}  // namespace rruled::test
