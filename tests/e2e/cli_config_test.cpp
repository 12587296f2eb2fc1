#include "tests/e2e/daemon_fixture.h"
#include "tests/support/cases.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

using namespace rruled;
using rruled::test::TempDir;

namespace {

struct Bad {
  std::string file;      // what the configuration file holds
  std::string variable;  // NAME=value, or ""
  std::string message;   // FILE stands for its path
};

testing::ProcessResult run(const TempDir& folder,
                           const std::vector<std::string>& arguments,
                           const Bad& bad) {
  const std::string file = folder.file("rruled.toml");
  std::ofstream(file) << bad.file;
  std::map<std::string, std::string> environment{{"HOME", folder.path()},
                                                 {"XDG_STATE_HOME", folder.path()},
                                                 {"STATE_DIRECTORY", folder.path()}};
  if (!bad.variable.empty()) {
    const auto equals = bad.variable.find('=');
    environment[bad.variable.substr(0, equals)] = bad.variable.substr(equals + 1);
  }
  std::vector<std::string> argv{RRULED_BINARY};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  argv.insert(argv.end(), {"--config", file});
  return testing::run_process(argv, {.environment = environment});
}

}  // namespace

TEST_CASE("a bad configuration ends with 78 and its place, before anything is touched") {
  const auto cases = testing::read_cases("bad_configurations");
  for (const auto& each : cases) {
    const Bad bad{testing::text_of(each, "file"), testing::text_of(each, "variable"),
                  testing::text_of(each, "message")};
    TempDir folder;
    // check-config and a command that writes; the daemon reads it the same way.
    for (const auto& arguments : {std::vector<std::string>{"check-config"}, {"migrate"}}) {
      const auto result = run(folder, arguments, bad);
      std::string message = bad.message;
      if (message.starts_with("FILE")) message.replace(0, 4, folder.file("rruled.toml"));
      CAPTURE(bad.file, bad.variable, result.err);
      CHECK(result.exit_code == 78);
      CHECK_THAT(result.err, Catch::Contains(message));
      CHECK_THAT(result.err, !Catch::Contains("secret@"));
      CHECK(result.out.empty());
    }
    const auto entries = std::distance(std::filesystem::directory_iterator(folder.path()), {});
    CHECK(entries == 1);  // the configuration file alone
  }
  CHECK(cases.size() == 88);
}

TEST_CASE("a file that is named must be there") {
  TempDir folder;
  const std::string missing = folder.file("missing.toml");
  const auto given = testing::run_process({RRULED_BINARY, "check-config", "--config", missing}, {});
  CHECK(given.exit_code == 78);
  CHECK_THAT(given.err, Catch::Contains(missing + ": there is no such file"));
  const auto named = testing::run_process({RRULED_BINARY, "check-config"},
                                          {.environment = {{"RRULED_CONFIG", folder.path()}}});
  CHECK(named.exit_code == 78);
  CHECK_THAT(named.err, Catch::Contains(folder.path() + ": is a folder, not a file"));
}

TEST_CASE("a good configuration is told so") {
  TempDir folder;
  const auto result = run(folder, {"check-config"}, {"[executors.web]\ntype = \"log\"\n", "", ""});
  CHECK(result.exit_code == 0);
  CHECK_THAT(result.out, Catch::Contains("read " + folder.file("rruled.toml")));
  CHECK_THAT(result.out, Catch::Contains("executor web (log)\nThe configuration is good.\n"));
}

TEST_CASE("a configuration was good without a word though its program is not there") {
  TempDir folder;
  const auto check = [&](const std::string& argv) {
    return run(folder, {"check-config"},
               {"[executors.job]\ntype = \"command\"\nargv = [\"" + argv + "\"]\n", "", ""});
  };
  for (const std::string argv : {"/nowhere/backup", "no-such-program-anywhere", "/etc/passwd"}) {
    const auto result = check(argv);
    CHECK(result.exit_code == 0);
    CHECK_THAT(result.err, Catch::StartsWith("warning: executors.job.argv: there is no program " +
                                             argv + " that this user may run"));
  }
  CHECK(check("/bin/true").err.empty());
  CHECK(check("true").err.empty());
}

TEST_CASE("a token that cannot be read stops the daemon's check, not the command line") {
  // A credential, as it is named outside the unit.
  for (const auto* token : {"/nowhere/token", "credential:t"}) {
    TempDir folder;
    const Bad config{"[executors.a]\ntype = \"http\"\nurl = \"http://a/\"\ntoken_file = \"" +
                         std::string(token) + "\"\n",
                     "", ""};
    for (const auto* daemons : {"check-config", "run"}) {
      const auto check = run(folder, {daemons}, config);
      CHECK(check.exit_code == 78);
      CHECK_THAT(check.err, Catch::Contains("rruled.toml:4: executors.a.token_file: "));
    }
    for (const auto& command :
         {std::vector<std::string>{"preview", "FREQ=DAILY"}, {"migrate"}, {"flow", "list"}}) {
      const auto result = run(folder, command, config);
      CAPTURE(token, command.front(), result.err);
      CHECK(result.exit_code == 0);
    }
    // It comes so far as to ask, and there is nothing to ask.
    CHECK_THAT(run(folder, {"healthcheck"}, config).err, Catch::Contains("listens nowhere"));
  }
}

TEST_CASE("every setting is explained, with its variable and in a table for the README") {
  TempDir folder;
  const auto text = run(folder, {"check-config", "--explain"}, {});
  CHECK_THAT(text.out, Catch::Contains("limits.min_interval  (string: duration, whole seconds)\n"
                                       "    The smallest distance between two occurrences of a "
                                       "schedule. Default: 1s.\n    RRULED_LIMITS_MIN_INTERVAL\n"));
  const auto markdown = run(folder, {"check-config", "--explain", "--format", "markdown"}, {});
  CHECK_THAT(markdown.out,
             Catch::Contains("| `log.level` | string: trace, debug, info, warn, error "
                             "| info | `RRULED_LOG_LEVEL` | The least that is logged. |"));
  CHECK(std::count(markdown.out.begin(), markdown.out.end(), '\n') == 48);
  const auto of_nothing = run(folder, {"check-config", "--format", "json"}, {});
  CHECK(of_nothing.exit_code == 2);
  CHECK_THAT(of_nothing.err, Catch::Contains("--format: only with --explain"));
}
