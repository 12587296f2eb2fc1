// What an import says, and what it makes of lines that it cannot take as they are.
#include "daemon/cli/foreign.h"
#include "tests/unit/cli/command_line.h"

#include <catch2/catch.hpp>

#include <filesystem>
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

TEST_CASE("a line of a crontab that is not UTF-8 is dropped, and the rest comes in") {
  CommandLine line;
  const std::string bad = GENERATE(std::string("caf\xE9"), std::string("a\0b", 3));
  const std::string crontab = "0 1 * * * /bin/a\n0 2 * * * /bin/" + bad + "\n0 3 * * * /bin/c\n";
  const auto tried = line.rruled({"import", "--from", "crontab", "-", "--dry-run"}, crontab);
  CHECK(tried.exit_code == 0);
  CHECK_THAT(tried.out, Contains("would import 2 flows and 2 schedules; dropped 1 line"));
  const auto done = line.rruled({"import", "--from", "crontab", "-"}, crontab);
  CHECK(done.exit_code == 0);
  CHECK(done.out == "imported 2 flows and 2 schedules; dropped 1 line\n");
  CHECK_THAT(done.err, Contains("line 2: dropped: it is not UTF-8"));
  const auto user = line.rruled({"import", "--from", "system-crontab", "-", "--source", "x"},
                                "0 1 * * * ren\xE9 /bin/a\n0 1 * * * rene /bin/a\n");
  CHECK(user.out == "imported 1 flow and 1 schedule; dropped 1 line\n");
}

TEST_CASE("an import said nothing of a schedule that is over") {
  CommandLine line;
  const auto result = line.rruled(
      {"import", "-"}, R"({"flows":[{"name":"a","trigger":{"type":"schedule"},"status":"active",)"
                       R"("schedules":[)"
                       R"({"rrule":"FREQ=DAILY;COUNT=3","starts_at":"2025-01-01T12:00:00Z"},)"
                       R"({"rrule":"FREQ=DAILY","starts_at":"2025-01-01T12:00:00Z"}]}]})");
  INFO(result.err);
  CHECK(result.out == "imported 1 flow and 2 schedules; 1 over: nothing comes any more\n");
}

TEST_CASE("a calendar's event that is over is not imported") {
  CommandLine line;
  const auto event = [](const std::string& uid, const std::string& rule) {
    return "BEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTART:20200101T090000Z\r\nRRULE:" + rule +
           "\r\nEND:VEVENT\r\n";
  };
  const auto result = line.rruled({"import", "--from", "ics", "-"},
                                  "BEGIN:VCALENDAR\r\n" + event("a", "FREQ=DAILY;COUNT=3") +
                                      event("b", "FREQ=DAILY") + "END:VCALENDAR\r\n");
  CHECK(result.out == "imported 1 flow and 1 schedule; dropped 1 line\n");
  CHECK_THAT(result.err, Contains("line 2: dropped: Schedule produces no future occurrences."));
}

TEST_CASE("what a calendar file cannot say of a schedule is told when it is written") {
  CommandLine line;
  REQUIRE(line.rruled({"calendar", "create", "holidays", "--date", "2190-12-24"}).exit_code == 0);
  REQUIRE(line.rruled({"flow", "create", "--name", "A", "--trigger", "schedule"}).exit_code == 0);
  const auto add = [&](const std::vector<std::string>& more) {
    std::vector<std::string> create{"schedule",   "create",        "--flow",    "A",
                                    "--rrule",    "FREQ=DAILY",    "--format",  "json",
                                    "--timezone", "Europe/Prague", "--overlap", "skip"};
    create.insert(create.end(), more.begin(), more.end());
    const auto made = line.rruled(create);
    INFO(made.err);
    REQUIRE(made.exit_code == 0);
  };
  add({});
  CHECK(line.rruled({"export", "--to", "ics"}).err.empty());
  add({"--calendar", "holidays", "--dst-gap", "skip", "--dst-fold", "both", "--jitter", "90s"});
  CHECK_THAT(line.rruled({"export", "--to", "ics"}).err,
             Contains(": altered: without its calendar holidays, dst_gap skip, dst_fold both,"
                      " jitter 90s\n"));
  line.sql(
      "UPDATE schedules SET status = 'paused', next_run_at = NULL, next_due_at = NULL"
      " WHERE calendar = ''");
  CHECK_THAT(line.rruled({"export", "--to", "ics"}).err,
             Contains(": altered: without that it is paused\n"));
}

TEST_CASE("a line that was dropped is not said to be gone from its file") {
  CommandLine line;
  const auto import = [&](const std::string& crontab) {
    return line.rruled({"import", "--from", "crontab", "-", "--replace"}, crontab);
  };
  REQUIRE(import("0 1 * * * /bin/a\n0 2 * * * /bin/a\n").exit_code == 0);
  CHECK_THAT(import("0 1 * * * /bin/a\n99 2 * * * /bin/a\n").err,
             Contains("came from such a file, which has it no more (or on a line that was dropped),"
                      " and stays"));
  CHECK_THAT(import("0 1 * * * /bin/a\n").err, Contains("which has it no more, and stays"));
}

TEST_CASE("an import took a zone that is none for no zone") {
  const CommandLine line;
  const std::string event =
      "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTART:20300101T090000\r\n"
      "RRULE:FREQ=DAILY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
  for (const auto& [from, text] : std::vector<std::pair<std::string, std::string>>{
           {"ics", event},
           {"crontab", "0 1 * * * /bin/a\n"},
           {"crontab", "CRON_TZ=Europe/Prague\n0 1 * * * /bin/a\n"},
           {"system-crontab", "0 1 * * * root /bin/a\n"}}) {
    const auto result =
        line.rruled({"import", "--from", from, "-", "--timezone", "Europe/Berln"}, text);
    CAPTURE(from);
    CHECK(result.exit_code == 2);
    CHECK(result.err ==
          "rruled: --timezone: unknown time zone \"Europe/Berln\"; did you mean"
          " \"Europe/Berlin\"?\n");
    CHECK(line.rruled({"import", "--from", from, "-", "--timezone", "Europe/Berlin", "--dry-run"},
                      text)
              .exit_code == 0);
  }
}

TEST_CASE("a crontab was read as UTC without a word") {
  const CommandLine line;
  const std::string said = "Times are read as UTC; --timezone NAME says another";
  const auto import = [&](const std::string& crontab, const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"import", "--from", "crontab", "-"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return line.rruled(arguments, crontab).err;
  };
  const std::string plain = "0 1 * * * /bin/a\n0 2 * * * /bin/b\n";
  const auto told = import(plain, {"--dry-run"});
  CHECK_THAT(told, Contains(said));
  CHECK(told.find(said) == told.rfind(said));
  CHECK_THAT(import(plain, {"--timezone", "Europe/Prague"}), !Contains(said));
  // What is here already keeps its zone.
  CHECK_THAT(import(plain, {"--replace"}), !Contains(said));
  const std::string covered = "CRON_TZ=Europe/Prague\n0 1 * * * /bin/c\n";
  CHECK_THAT(import(covered, {"--dry-run"}), !Contains(said));
  CHECK_THAT(import("0 1 * * * /bin/d\n" + covered, {}), Contains(said));
}

TEST_CASE("an export of what a body may just hold was nested too deep to be imported") {
  const auto nested = [](int levels) {
    std::string text = "{}";
    for (int level = 1; level < levels; ++level) text = "{\"a\":" + text + "}";
    return text;
  };
  const CommandLine from;
  REQUIRE(from.rruled({"flow", "create", "--file", "-"},
                      R"({"name":"deep","trigger":{"type":"schedule","x":)" + nested(30) +
                          R"(},"conversion":)" + nested(31) + "}")
              .exit_code == 0);
  const auto exported = from.rruled({"export"}).out;
  for (const char* verb : {"import", "apply"}) {
    const CommandLine to;
    const auto taken = to.rruled({verb, "-"}, exported);
    INFO(taken.err);
    CHECK(taken.exit_code == 0);
    CHECK(to.rruled({"export"}).out == exported);
    const auto refused = to.rruled({verb, "-"}, "[\n" + nested(64) + "]");
    CHECK(refused.exit_code == 1);
    CHECK_THAT(refused.err, Contains("nested deeper than 64 levels"));
  }
}

TEST_CASE("a file put parts into the store that cannot be sent back to the API or imported again") {
  const auto nested = [](int levels) {
    std::string text = "{}";
    for (int level = 1; level < levels; ++level) text = "{\"a\":" + text + "}";
    return text;
  };
  const auto file = [](const std::string& parts) {
    return R"({"flows":[{"name":"n",)" + parts + "}]}";
  };
  const auto action = [&](int levels) {
    return file(R"("actions":[{"id":"a","type":"trigger","config":)" + nested(levels) + "}]");
  };
  const auto variables = [&](int levels) {
    return file(R"("schedules":[{"rrule":"FREQ=DAILY","starts_at":"2026-01-01T00:00:00Z",)"
                R"("variables":)" +
                nested(levels) + "}]");
  };
  for (const char* verb : {"import", "apply"}) {
    const CommandLine to;
    const auto refused = [&](const std::string& text) {
      const auto answer = to.rruled({verb, "-"}, text);
      CHECK(answer.exit_code != 0);
      return answer.err;
    };
    CHECK_THAT(refused(file(R"("trigger":)" + nested(58))),
               Contains("flows[0].trigger: Nested deeper than 31 levels."));
    CHECK_THAT(refused(file(R"("conversion":)" + nested(32))), Contains("flows[0].conversion: "));
    CHECK_THAT(refused(action(32)), Contains("flows[0].actions: Nested deeper than 33 levels."));
    CHECK_THAT(refused(variables(32)), Contains("schedules[0].variables: "));
    CHECK(to.rruled({"export"}).out == CommandLine().rruled({"export"}).out);
    for (const auto& taken : {action(31), variables(31)}) {
      const CommandLine other;
      CHECK(other.rruled({verb, "-"}, taken).exit_code == 0);
      CHECK(CommandLine().rruled({verb, "-"}, other.rruled({"export"}).out).exit_code == 0);
    }
  }
}

TEST_CASE("a change of 3 to 3.0 in a file was no change") {
  const CommandLine line;
  const auto file = [](const char* number) {
    return std::string(R"({"flows":[{"name":"n","conversion":{"a":)") + number +
           R"(},"schedules":[{"rrule":"FREQ=DAILY","starts_at":"2026-01-01T00:00:00Z",)"
           R"("variables":{"b":)" +
           number + "}}]}]}";
  };
  REQUIRE(line.rruled({"apply", "-"}, file("3")).exit_code == 0);
  REQUIRE(line.rruled({"apply", "-"}, file("3.0")).exit_code == 0);
  CHECK_THAT(line.rruled({"export"}).out, Contains("\"a\": 3.0") && Contains("\"b\": 3.0"));
}

TEST_CASE("a mistake in a file that is JSON was taken for a calendar") {
  const CommandLine line;
  const std::string hint = "say --from ics, crontab or system-crontab";
  for (const char* json : {"{\"flows\":[", "[1,", " \r\n\t{\"a\":1,\"a\":1}"})
    CHECK_THAT(line.rruled({"import", "-"}, json).err, Contains("not JSON: ") && !Contains(hint));
  for (const char* other : {"BEGIN:VCALENDAR\r\n", "0 1 * * * /bin/a\n", "# jobs\n", "\n"})
    CHECK_THAT(line.rruled({"import", "-"}, other).err, Contains(hint));
}

TEST_CASE("the zone of a machine is what its clock on the wall shows") {
  const CommandLine line;
  const std::filesystem::path etc = line.file("etc");
  std::filesystem::create_directories(etc);
  CHECK(cli::zone_of_machine(etc).empty());
  const auto in = [&](const std::string& target) {
    std::filesystem::remove(etc / "localtime");
    std::filesystem::create_symlink(target, etc / "localtime");
    return cli::zone_of_machine(etc);
  };
  CHECK(in("/usr/share/zoneinfo/America/Argentina/Salta") == "America/Argentina/Salta");
  CHECK(in("../usr/share/zoneinfo/Europe/Prague") == "Europe/Prague");
  CHECK(in("/usr/share/zoneinfo/Etc/UTC").empty());
  CHECK(in("/etc/my-clock").empty());
}

}  // namespace rruled::test
