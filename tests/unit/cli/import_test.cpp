// What an import says, and what it makes of lines that it cannot take as they are.
#include "tests/unit/cli/command_line.h"

#include <catch2/catch.hpp>

#include <fstream>

namespace rruled::test {

using Catch::Contains;

TEST_CASE("a crontab whose commands would only be written down is imported with a warning") {
  CommandLine line;
  const std::string crontab = "* * * * * /usr/bin/touch /tmp/x\n0 1 * * * /bin/b\n";
  const auto result = line.rruled({"import", "--from", "crontab", "-"}, crontab);
  INFO(result.err);
  CHECK(result.exit_code == 0);
  CHECK_THAT(result.err,
             Contains("WARNING: no command of 2 schedules will run: the executor \"default\" is of"
                      " type \"log\""));
  const auto doctor = line.rruled({"doctor"});
  CHECK(doctor.exit_code == 1);
  CHECK_THAT(doctor.out, Contains("[-] commands: 2 schedules of flows with a command"));
}

TEST_CASE("a crontab whose executor is not configured is imported with a warning") {
  CommandLine line;
  const auto config = line.file("cron.toml");
  std::ofstream(config) << "[executors.cron]\ntype = \"command\"\nargv = [\"true\"]\n";
  const auto result = line.rruled({"import", "--config", config, "--from", "crontab", "-"},
                                  "0 1 * * * /bin/a\n0 2 * * * /bin/b\n");
  CHECK(result.exit_code == 0);
  CHECK_THAT(result.err, Contains("WARNING: no command of 2 schedules will run: there is no"
                                  " [executors.default] in the configuration here, and the runs"
                                  " will wait") &&
                             !Contains("of type \"log\""));
  const auto doctor = line.rruled({"doctor", "--config", config});
  CHECK(doctor.exit_code == 1);
  CHECK_THAT(doctor.out,
             Contains("[-] commands: 2 schedules of flows with a command in the variable"
                      " `command`, whose executor is not in the configuration here"));
}

TEST_CASE("doctor does not count schedules of flows that cannot fire") {
  CommandLine line;
  REQUIRE(line.rruled({"import", "--from", "crontab", "-"},
                      "0 1 * * * /bin/a\n0 2 * * * /bin/b\n0 3 * * * /bin/c\n")
              .exit_code == 0);
  REQUIRE(line.rruled({"flow", "update", "/bin/a", "--status", "archived"}).exit_code == 0);
  CHECK_THAT(line.rruled({"doctor"}).out, Contains("[-] commands: 2 schedules of flows"));
}

TEST_CASE("an import gives all its schedules an executor, and nothing is to be warned of") {
  CommandLine line;
  const auto config = line.file("jobs.toml");
  std::ofstream(config) << "[executors.default]\ntype = \"log\"\n"
                           "[executors.jobs]\ntype = \"command\"\nargv = [\"true\"]\n";
  const auto import = [&](const std::string& executor, const std::string& from,
                          const std::string& text) {
    return line.rruled({"import", "--config", config, "--from", from, "-", "--executor", executor},
                       text);
  };
  const auto unknown = import("job", "crontab", "0 1 * * * /bin/b\n");
  CHECK(unknown.exit_code == 1);
  CHECK_THAT(unknown.err, Contains("--executor: there is no [executors.job] in the configuration;"
                                   " there is: default, jobs"));
  const auto known = import("jobs", "crontab", "0 1 * * * /bin/b\n");
  CHECK(known.exit_code == 0);
  CHECK_THAT(known.err, !Contains("WARNING"));
  CHECK(import("jobs", "json",
               R"({"flows":[{"name":"A","schedules":[{"rrule":"FREQ=DAILY","starts_at":"now",)"
               R"("executor":"default"}]}]})")
            .exit_code == 0);
  CHECK(line.number("SELECT count(*) FROM schedules WHERE executor = 'jobs'") == 2);
  CHECK_THAT(line.rruled({"doctor", "--config", config}).out, !Contains("commands:"));
}

TEST_CASE("schedules that are imported paused fire nothing until they are resumed") {
  CommandLine line;
  const std::string crontab = "0 1 * * * /bin/a\n0 2 * * * /bin/b\n";
  const auto result = line.rruled({"import", "--from", "crontab", "-", "--paused"}, crontab);
  CHECK(result.out == "imported 2 flows and 2 schedules; 2 paused\n");
  CHECK(line.number(
            "SELECT count(*) FROM schedules WHERE status = 'paused' AND next_run_at IS NULL") == 2);
  // One that a person has started stays so when the file comes in again.
  line.sql("UPDATE schedules SET status = 'active'");
  const auto again = line.rruled(
      {"import", "--from", "crontab", "-", "--paused", "--replace", "--timezone", "Europe/Prague"},
      crontab);
  CHECK(again.out == "imported 0 flows and 2 schedules\n");
  CHECK(line.number("SELECT count(*) FROM schedules WHERE status = 'active'") == 2);
}

TEST_CASE("lines that an import drops or alters are counted and quoted") {
  CommandLine line;
  const auto result = line.rruled({"import", "--from", "crontab", "-"},
                                  "MAILTO=me\n"
                                  "30 2 * * * /usr/bin/backup --all\n"
                                  "@reboot /usr/bin/hello\n"
                                  "-0 3 * * * /usr/bin/mail me%first%second\n");
  CHECK(result.out == "imported 2 flows and 2 schedules; 1 paused; dropped 2 lines, altered 1\n");
  CHECK_THAT(result.err,
             Contains("line 3: dropped: ") && Contains("\n    @reboot /usr/bin/hello\n"));
  CHECK_THAT(result.err, Contains("line 4: altered: the command's input after % is left out\n"
                                  "    -0 3 * * * /usr/bin/mail me%first%second\n"));
}

TEST_CASE("a line of a crontab whose input is lost does not run without it") {
  CommandLine line;
  REQUIRE(line.rruled({"import", "--from", "crontab", "-"},
                      "0 3 * * * /bin/mail me%text\n0 4 * * * date +\\%F\n")
              .exit_code == 0);
  CHECK(line.number(
            "SELECT count(*) FROM schedules WHERE status = 'paused' AND note LIKE '%after \\%%'"
            " ESCAPE '\\'") == 1);
  CHECK(line.number("SELECT count(*) FROM schedules WHERE status = 'active'") == 1);
}

}  // namespace rruled::test
