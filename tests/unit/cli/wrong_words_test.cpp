// What is typed wrong is answered with what would be right.
#include "tests/unit/cli/command_line.h"

#include <catch2/catch.hpp>

namespace rruled::test {

using Catch::Contains;

TEST_CASE("a command line that is nearly right is told what would be") {
  CommandLine line;
  REQUIRE(line.rruled({"flow", "create", "--name", "Hello", "--trigger", "schedule"}).exit_code ==
          0);
  const std::vector<std::string> create{"schedule", "create", "--flow", "Hello"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), create.begin(), create.end());
    return more;
  };
  struct Case {
    std::vector<std::string> arguments;
    int exit_code;
    std::string err;
  };
  const std::vector<Case> cases{
      {with({"--rrule", "FREQ=DAILY", "--starts-at", "2026-13-01"}), 2,
       "rruled: --starts-at: names a day that does not exist: 2026-13-01\n"},
      {with({}), 2, "rruled: give --rrule, --cron or --at: when does it run?\n"},
      {with({"--at", "2020-01-01T00:00:00Z"}), 2,
       "rruled: --at: must be in the future, not 2020-01-01T00:00:00.000000Z\n"},
      {with({"--rrule", "0 2 * * *"}), 2,
       "rruled: that looks like a cron expression: --cron '0 2 * * *'\n"},
      {{"preview", "0 2 * * *"},
       2,
       "rruled: that looks like a cron expression: --cron '0 2 * * *'\n"},
      {{"preview", "FREQ=DAILY", "--timezone", "Europe/Berln"},
       1,
       "rruled: timezone: unknown time zone \"Europe/Berln\"; did you mean \"Europe/Berlin\"?\n"},
      {{"flow", "create", "--name", "x"},
       2,
       "rruled: --trigger: an active flow needs one: schedule (each occurrence is one run) or batch"
       " (a job over persons); or make it with --status draft\n"},
      {{"import", "events.ics"},
       2,
       "rruled: events.ics is a calendar by its name: say --from ics (or json)\n"},
      {{"--foo"},
       2,
       "rruled: there is no option '--foo' here, and a command is missing\nTry `rruled --help`.\n"},
      {{"flow", "--project", "2"},
       2,
       "rruled: there is no option '--project' here, and a command is missing\nTry `rruled flow "
       "--help`.\n"},
      {{"shedule", "list"},
       2,
       "rruled: there is no command 'shedule'; did you mean 'schedule'?\nTry `rruled --help`.\n"},
      {{"runs", "lists"},
       2,
       "rruled: there is no command 'lists'; did you mean 'list'?\nTry `rruled runs --help`.\n"},
      {{"schedule", "show", "542"},
       1,
       "rruled: no schedule 542\nGive 4 characters of an id, or more. `rruled schedule list` shows "
       "them all.\n"},
  };
  for (const auto& each : cases) {
    const auto result = line.rruled(each.arguments);
    CAPTURE(each.arguments);
    CHECK(result.exit_code == each.exit_code);
    CHECK(result.err == each.err);
    CHECK(result.out.empty());
  }
}

TEST_CASE("help is found by its name") {
  CommandLine line;
  const auto help = line.rruled({"help"});
  CHECK(help.exit_code == 0);
  CHECK(help.out == line.rruled({"--help"}).out);
  CHECK(line.rruled({"help", "runs", "logs"}).out == line.rruled({"runs", "logs", "--help"}).out);
  CHECK_THAT(line.rruled({"help", "fly"}).err, Contains("there is no command 'fly'"));
}

TEST_CASE("a mistake in an imported file names the file and the place as they are written") {
  CommandLine line;
  const auto result =
      line.rruled({"import", "-"}, R"({"flows":[{"name":"a","schedules":[{"rrule":"FREQ=DAILY",)"
                                   R"("starts_at":"now","catchup_grace":"5 minutes"}]}]})");
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err,
             Catch::StartsWith("rruled: standard input: flows[0].schedules[0].catchup_grace: "));
  CHECK_THAT(line.rruled({"import", "-"}, "30 2 * * * /bin/backup\n").err,
             Contains("say --from ics, crontab or system-crontab"));
}

TEST_CASE("a search that gives up takes nothing from an answer that is whole") {
  const CommandLine line;
  const auto ask = [&](const std::string& window) {
    return line
        .rruled({"preview", "--batch", "-"},
                R"({"rrule":"RRULE:FREQ=MINUTELY;INTERVAL=45;BYHOUR=2\nEXRULE:FREQ=MINUTELY;)"
                R"(INTERVAL=45\nRDATE:20370122T143209Z","starts_at":"2037-01-01T05:25:38Z",)"
                R"("timezone":"Pacific/Kwajalein",)" +
                    window + "}\n")
        .out;
  };
  const std::string whole =
      "{\"id\":null,\"occurrences\":[\"2037-01-22T14:32:09Z\"],\"ended\":false}\n";
  CHECK(ask(R"("count":1)") == whole);
  CHECK(ask(R"("count":10,"until":"2037-02-01T00:00:00Z")") == whole);
  CHECK_THAT(ask(R"("count":2)"), Catch::Contains("The search gave up"));
}

TEST_CASE("a start beyond the years is what a preview names, not the rule") {
  const CommandLine line;
  const auto refused = line.rruled({"preview", "FREQ=DAILY", "--starts-at", "1500-01-01"});
  CHECK(refused.exit_code == 1);
  CHECK_THAT(refused.err, Catch::Contains("starts_at: Must be between the years 1601 and 2200") &&
                              !Catch::Contains("character"));
  const auto answer = line.rruled({"preview", "--batch", "-"},
                                  R"({"rrule":"FREQ=DAILY","starts_at_local":"2201-01-01T00:00"})");
  CHECK_THAT(answer.out, Catch::Contains("\"field\":\"starts_at_local\""));
}

}  // namespace rruled::test
