#include "tests/e2e/daemon_fixture.h"

#include <catch2/catch.hpp>

using namespace rruled;
using Catch::Contains;

namespace {

testing::ProcessResult rruled_with(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), RRULED_BINARY);
  return testing::run_process(arguments);
}

}  // namespace

TEST_CASE("every command tells about itself, with examples") {
  const std::vector<std::vector<std::string>> commands{
      {"run"},
      {"preview"},
      {"flow", "create"},
      {"flow", "list"},
      {"flow", "show"},
      {"flow", "update"},
      {"flow", "delete"},
      {"schedule", "create"},
      {"schedule", "list"},
      {"schedule", "show"},
      {"schedule", "update"},
      {"schedule", "pause"},
      {"schedule", "resume"},
      {"schedule", "delete"},
      {"schedule", "run-now"},
      {"schedule", "skip"},
      {"schedule", "recompute"},
      {"runs", "list"},
      {"runs", "show"},
      {"runs", "logs"},
      {"runs", "watch"},
      {"runs", "cancel"},
      {"runs", "purge"},
      {"apply"},
      {"import"},
      {"export"},
      {"check-config"},
      {"migrate"},
      {"store", "copy"},
      {"store", "reopen"},
      {"backup"},
      {"healthcheck"},
      {"doctor"},
      {"token", "create"},
      {"token", "list"},
      {"token", "revoke"},
      {"schedule", "backfill"},
      {"backfill", "list"},
      {"backfill", "show"},
      {"backfill", "cancel"},
      {"calendar", "update"},
  };
  for (auto arguments : commands) {
    std::string name = "rruled";
    for (const auto& each : arguments) name += " " + each;
    arguments.emplace_back("--help");
    const auto help = rruled_with(arguments);
    CAPTURE(name);
    CHECK(help.exit_code == 0);
    CHECK(help.err.empty());
    CHECK_THAT(help.out, Contains("--config FILE"));
    CHECK_THAT(help.out, Contains("Examples:\n  " + name) || Contains("  " + name + " "));

    arguments.back() = "--no-such-option";
    const auto wrong = rruled_with(arguments);
    CHECK(wrong.exit_code == 2);
    CHECK(wrong.out.empty());
    CHECK_THAT(wrong.err, Contains("Try `" + name + " --help`."));
  }
  CHECK(commands.size() == 41);
}

TEST_CASE("a command line that is wrong ends with 2 and says where help is") {
  struct Case {
    std::vector<std::string> arguments;
    const char* message;
  };
  const auto cases = std::vector<Case>{
      {{}, "Try `rruled --help`."},
      {{"fly"}, "there is no command 'fly'\nTry `rruled --help`."},
      {{"fly", "--help"}, "there is no command 'fly'\nTry `rruled --help`."},
      {{"flow"}, "Try `rruled flow --help`."},
      {{"flow", "make"}, "there is no command 'make'\nTry `rruled flow --help`."},
      {{"flow", "show"}, "FLOW"},
      {{"schedule", "create"}, "--flow"},
      {{"runs", "show"}, "RUN"},
      {{"import"}, "FILE"},
      {{"apply"}, "PATH"},
      {{"runs", "list", "--limit", "few"}, "--limit"},
      {{"audit", "--project", "0"}, "--project: must be a whole number, 1 or more; not \"0\""},
      {{"runs", "cancel"}, "RUN"},
      {{"runs", "purge", "--status", "dead"}, "--before"},
      {{"runs", "purge", "--status", "failed", "--before", "2026-01-01T00:00:00Z"}, "dead"},
  };
  for (const auto& each : cases) {
    const auto result = rruled_with(each.arguments);
    CAPTURE(each.arguments, result.err);
    CHECK(result.exit_code == 2);
    CHECK_THAT(result.err, Contains(each.message));
    CHECK(result.out.empty());
  }
  CHECK(cases.size() == 15);
}

TEST_CASE("the program tells its version and what it can do") {
  const auto version = rruled_with({"--version"});
  CHECK(version.exit_code == 0);
  CHECK_THAT(version.out, Catch::StartsWith("rruled "));
  const auto help = rruled_with({"--help"});
  CHECK(help.exit_code == 0);
  CHECK_THAT(help.out,
             Contains("Exit codes: 0 done, 1 refused or failed, 2 wrong command line, 78"));
}
