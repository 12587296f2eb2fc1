#include "tests/e2e/daemon_fixture.h"
#include "tests/support/cases.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

using Catch::Contains;
namespace testing = rruled::testing;
using rruled::test::Installation;
using rruled::test::kTwoSchedules;
namespace json = boost::json;

namespace {

void import(const Installation& machine, const std::string& text) {
  const auto result = machine.rruled({"import", "-"}, text);
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
}

std::string exported(const Installation& machine) {
  const auto result = machine.rruled({"export"});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  return result.out;
}

std::string two_schedules() {
  std::ifstream in(kTwoSchedules);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("export and import are each other's inverse") {
  Installation machine;
  import(machine, two_schedules());
  const std::string first = exported(machine);
  CHECK_THAT(first, Contains("Zálohy"));
  CHECK_THAT(first, Contains("\"a\": 1.5"));
  CHECK_THAT(first, Contains("\"project_id\": 7"));
  Installation other;
  import(other, first);
  CHECK(exported(other) == first);
  const auto again = other.rruled({"import", "-", "--replace"}, first);
  CHECK(again.out == "imported 0 flows and 0 schedules\n");
  CHECK(exported(other) == first);
}

TEST_CASE("what could not be written out is no success") {
  Installation machine;
  import(machine, R"({"flows":[{"name":"Backup"}]})");
  const auto result = testing::run_process(
      {"/bin/sh", "-c", "exec \"$RRULED\" export --config \"$CONFIG\" > /dev/full"},
      {.environment = {{"RRULED", RRULED_BINARY}, {"CONFIG", machine.config()}}});
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, Contains("the output could not be written whole"));
}

TEST_CASE("an import that fires nothing says so") {
  Installation machine;
  const auto imported = [&](const std::string& status) {
    return machine.rruled({"import", "-"}, R"({"flows":[{"name":"Backup",)" + status +
                                               R"("trigger":{"type":"schedule"},"schedules":[)"
                                               R"({"rrule":"FREQ=DAILY","starts_at":"now"}]}]})");
  };
  CHECK_THAT(imported("").err, Contains("(Backup) is a draft: its schedules fire nothing until") &&
                                   Contains("--status active"));
  CHECK(imported(R"("status":"active",)").err.empty());
}

TEST_CASE("an id that exists is an error, unless it is replaced") {
  Installation machine;
  import(machine, two_schedules());
  const auto refused = machine.rruled({"import", kTwoSchedules});
  CHECK(refused.exit_code == 1);
  CHECK_THAT(refused.err, Contains("flow 0190f6a2-0000-7000-8000-00000000000f exists already"));
  CHECK_THAT(refused.err, Contains("--replace"));

  std::string changed = two_schedules();
  changed.replace(changed.find("FREQ=DAILY"), 10, "FREQ=WEEKLY");
  const auto plan = machine.rruled({"import", "-", "--replace", "--dry-run"}, changed);
  CHECK(plan.out ==
        "~ schedule 0190f6a2-0000-7000-8000-000000000001 (FREQ=WEEKLY)\n"
        "Nothing was written (--dry-run).\n");
  CHECK(machine.rruled({"import", "-", "--replace"}, changed).out ==
        "imported 0 flows and 1 schedule\n");
  CHECK(machine.json({"schedule", "show", "0190f6a2-0000-7000-8000-000000000001"}).at("rrule") ==
        "FREQ=WEEKLY");
}

TEST_CASE("a file is imported whole or not at all, and its mistakes have a path") {
  const auto cases = testing::read_cases("bad_imports");
  Installation machine;
  REQUIRE(machine.rruled({"migrate"}).exit_code == 0);
  for (const auto& each : cases) {
    const auto result = machine.rruled({"import", "-"}, testing::text_of(each, "file"));
    CAPTURE(json::serialize(each), result.err);
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err, Contains(testing::text_of(each, "message")));
  }
  CHECK(cases.size() == 24);
  CHECK(machine.json({"flow", "list"}).as_array().empty());
}

TEST_CASE("the demonstration's flows can be imported on any day") {
  Installation machine;
  const auto result = machine.rruled({"import", RRULED_SOURCE_DIR "/tests/data/demo.json"});
  INFO(result.err);
  CHECK(result.out == "imported 5 flows and 5 schedules\n");
  int firing = 0;
  const auto listed = machine.json({"schedule", "list"});
  for (const auto& each : listed.as_array()) firing += each.at("next_run_at").is_string() ? 1 : 0;
  CHECK(firing == 5);
}

TEST_CASE("apply makes the store equal to files, and does nothing the second time") {
  Installation machine;
  const auto write = [&](const std::string& name, const std::string& text) {
    std::filesystem::create_directories(machine.file("schedules.d"));
    std::ofstream(machine.file("schedules.d/" + name)) << text;
  };
  const auto apply = [&](std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"apply", machine.file("schedules.d")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto result = machine.rruled(arguments);
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    return result.out;
  };
  const std::string head =
      R"({"flows":[{"name":"A","status":"active","trigger":{"type":"schedule"},"schedules":[)";
  write("a.json", head + R"({"rrule":"FREQ=DAILY","starts_at":"2026-01-01T00:00:00Z"},
                            {"id":"0190f6a2-0000-7000-8000-000000000009",
                             "rrule":"FREQ=HOURLY","starts_at":"2026-01-01T00:00:00Z"}]}]})");
  write("b.json", R"({"flows":[{"name":"B"}]})");
  write("ignored.txt", "nonsense");
  CHECK_THAT(apply({"--dry-run"}), Contains("+ flow A ") && Contains("Nothing was written"));
  CHECK_THAT(apply(), Contains("+ flow A ") && Contains("+ flow B ") && Contains("(FREQ=DAILY)"));
  const std::string once = exported(machine);
  CHECK(apply() == "Nothing to change.\n");
  CHECK(exported(machine) == once);

  // A person's pause is not the file's business.
  REQUIRE(machine.rruled({"schedule", "pause", "0190f6a2-0000-7000-8000-000000000009"}).exit_code ==
          0);
  CHECK(apply() == "Nothing to change.\n");

  // Another rule under the same id changes the schedule; without an id it is another schedule.
  write("a.json", head + R"({"rrule":"FREQ=WEEKLY","starts_at":"2026-01-01T00:00:00Z"},
                            {"id":"0190f6a2-0000-7000-8000-000000000009",
                             "rrule":"FREQ=YEARLY","starts_at":"2026-01-01T00:00:00Z"}]}]})");
  const std::string changes = apply();
  CHECK_THAT(changes, Contains("~ schedule 0190f6a2-0000-7000-8000-000000000009 (FREQ=YEARLY)") &&
                          Contains("(FREQ=WEEKLY)") && Contains("- schedule "));
  CHECK(machine.json({"schedule", "list"}).as_array().size() == 2);
  CHECK(machine.json({"schedule", "show", "0190f6a2-0000-7000-8000-000000000009"}).at("status") ==
        "paused");

  // What others made stays, until a prune.
  REQUIRE(
      machine.rruled({"schedule", "create", "--flow", "A", "--rrule", "FREQ=DAILY"}).exit_code ==
      0);
  REQUIRE(machine.rruled({"flow", "create", "--name", "Other"}).exit_code == 2);
  REQUIRE(machine.rruled({"flow", "create", "--name", "Other", "--status", "draft"}).exit_code ==
          0);
  REQUIRE(
      machine
          .rruled({"flow", "create", "--name", "Elsewhere", "--status", "draft", "--project", "2"})
          .exit_code == 0);
  CHECK(apply() == "Nothing to change.\n");
  CHECK_THAT(apply({"--prune"}), Contains("- flow Other ") && Contains("- schedule "));
  CHECK(machine.json({"schedule", "list"}).as_array().size() == 2);
  CHECK(machine.json({"flow", "list"}).as_array().size() == 3);
  CHECK(apply({"--prune"}) == "Nothing to change.\n");
}

TEST_CASE("what cannot be applied names the file") {
  const auto cases = testing::read_cases("bad_applies");
  Installation machine;
  REQUIRE(machine.rruled({"migrate"}).exit_code == 0);
  for (const auto& each : cases) {
    std::ofstream(machine.file("a.json")) << testing::text_of(each, "file");
    const auto result = machine.rruled({"apply", machine.file("a.json")});
    CAPTURE(json::serialize(each), result.err);
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err, Contains(testing::text_of(each, "message")));
  }
  CHECK(cases.size() == 7);
  CHECK(machine.rruled({"apply", machine.file("absent")}).exit_code == 1);
  CHECK(machine.json({"flow", "list"}).as_array().empty());
}

TEST_CASE("a crontab comes in with an honest report") {
  Installation machine;
  const auto result = machine.rruled({"import", "--from", "crontab", "-"},
                                     "MAILTO=me\n"
                                     "# nightly\n"
                                     "30 2 * * * /usr/bin/backup --all\n"
                                     "CRON_TZ=America/New_York\n"
                                     "0 9 13 * fri /usr/bin/superstition\n"
                                     "@reboot /usr/bin/hello\n"
                                     "61 * * * * /usr/bin/wrong\n");
  CHECK(result.exit_code == 0);
  CHECK(result.out == "imported 2 flows and 2 schedules; dropped 3 lines\n");
  CHECK_THAT(result.err, Contains("line 1: ") && Contains("line 6: dropped: ") &&
                             Contains("line 7: dropped: ") && Contains("type \"command\""));
  const auto flow = machine.json({"flow", "show", "/usr/bin/backup --all"});
  CHECK(flow.at("variables").at(0).at("default") == "/usr/bin/backup --all");
  const auto schedules = machine.json({"schedule", "list", "--flow", "/usr/bin/superstition"});
  REQUIRE(schedules.as_array().size() == 1);
  CHECK(schedules.at(0).at("timezone") == "America/New_York");
}

TEST_CASE("a system crontab's user does not become part of its command") {
  Installation machine;
  const std::string text = "MAILTO=root\n25 6 * * * root\ttest -x /usr/sbin/anacron || daily\n";
  const auto refused = machine.rruled({"import", "--from", "crontab", "-"}, text);
  CHECK(refused.exit_code == 1);
  CHECK_THAT(refused.err,
             Contains("line 2: begins with the user root") && Contains("--from system-crontab"));

  const std::vector<std::string> in = {"import", "--from", "system-crontab", "-"};
  const auto result = machine.rruled(in, text);
  CHECK(result.out == "imported 1 flow and 1 schedule; dropped 1 line\n");
  CHECK_THAT(result.err, Contains("the variable `user`"));
  const auto flow = machine.json({"flow", "show", "test -x /usr/sbin/anacron || daily"});
  CHECK(flow.at("variables").at(0).at("default") == "test -x /usr/sbin/anacron || daily");
  CHECK(flow.at("variables").at(1).at("default") == "root");
  CHECK(machine.rruled(in, text).exit_code == 1);  // known again
}

TEST_CASE("a crontab that comes in again is known again") {
  Installation machine;
  const auto crontab = [&](const std::string& text, std::vector<std::string> more = {}) {
    std::vector<std::string> all = {"import", "--from", "crontab", "-"};
    all.insert(all.end(), more.begin(), more.end());
    return machine.rruled(all, text);
  };
  const std::string text = "30 2 * * * /usr/bin/backup\n0 3 * * * /usr/bin/report\n";
  REQUIRE(crontab(text, {"--timezone", "Europe/Prague"}).exit_code == 0);
  const auto refused = crontab(text);
  CHECK(refused.exit_code == 1);
  CHECK_THAT(refused.err, Contains("exists already; nothing was written") &&
                              Contains("--replace") && Contains("--source NAME"));
  CHECK(crontab(text, {"--replace"}).out == "imported 0 flows and 0 schedules\n");

  const auto first = machine.json({"schedule", "list", "--flow", "/usr/bin/backup"}).at(0);
  const std::string id(first.at("id").as_string());
  REQUIRE(machine.rruled({"schedule", "update", id, "--catchup", "all"}).exit_code == 0);
  REQUIRE(machine.rruled({"schedule", "pause", id, "--note", "moving"}).exit_code == 0);
  REQUIRE(machine.rruled({"flow", "update", "/usr/bin/backup", "--name", "Backup"}).exit_code == 0);
  const std::string later = "45 2 * * * /usr/bin/backup\n0 3 * * * /usr/bin/report\n";
  CHECK(crontab(later, {"--replace"}).out == "imported 0 flows and 1 schedule\n");
  const auto now = machine.json({"schedule", "show", id});
  CHECK(now.at("rrule").as_string().find("BYMINUTE=45") != std::string::npos);
  CHECK(now.at("timezone") == "Europe/Prague");
  CHECK(now.at("starts_at") == first.at("starts_at"));
  CHECK(now.at("catchup") == "all");
  CHECK(now.at("status") == "paused");
  CHECK(machine.json({"flow", "list"}).as_array().size() == 2);
  CHECK(machine.json({"flow", "show", "Backup"}).at("status") == "active");

  CHECK(crontab(text, {"--source", "host-b"}).out == "imported 2 flows and 2 schedules\n");
  CHECK(machine.json({"flow", "list"}).as_array().size() == 4);
}

TEST_CASE("lines of a command that went from a crontab are told of") {
  Installation machine;
  const std::vector<std::string> in = {"import", "--from", "crontab", "-", "--replace"};
  REQUIRE(machine.rruled(in, "0 1 * * * /bin/a\n0 2 * * * /bin/a\n0 3 * * * /bin/a\n").exit_code ==
          0);
  CHECK(machine.json({"flow", "list"}).as_array().size() == 3);
  const auto result = machine.rruled(in, "0 2 * * * /bin/a\n");
  CHECK(result.exit_code == 0);
  const auto told = result.err.find("(/bin/a) came from such a file");
  REQUIRE(told != std::string::npos);
  CHECK(result.err.find("(/bin/a) came from such a file", told + 1) != std::string::npos);
}

TEST_CASE("a line that the settings here do not allow is left as it is, and the others come in") {
  Installation machine;
  const std::vector<std::string> in = {"import", "--from", "crontab", "-", "--replace"};
  REQUIRE(machine.rruled(in, "0 1 * * * /bin/a\n0 2 * * * /bin/b\n").exit_code == 0);
  REQUIRE(machine.rruled({"calendar", "create", "holidays", "--date", "2026-01-01"}).exit_code ==
          0);
  const auto id = machine.json({"schedule", "list", "--flow", "/bin/a"}).at(0).at("id");
  REQUIRE(machine
              .rruled({"schedule", "update", std::string(id.as_string()), "--calendar", "holidays",
                       "--calendar-action", "next"})
              .exit_code == 0);
  const auto result = machine.rruled(in, "* * * * * /bin/a\n* * * * * /bin/b\n");
  CHECK(result.exit_code == 0);
  CHECK(result.out == "imported 0 flows and 1 schedule\n");
  CHECK_THAT(result.err, Contains("line 1: left as it is: Only schedules of one hour or more"));
}

TEST_CASE("an event that was moved and renamed keeps its schedule") {
  Installation machine;
  const auto event = [](const std::string& name, const std::string& hour) {
    return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:weekly@example\r\n"
           "RRULE:FREQ=WEEKLY\r\nDTSTART;TZID=Europe/Prague:20260105T" +
           hour + "0000\r\nSUMMARY:" + name + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
  };
  const std::vector<std::string> in = {"import", "--from", "ics", "-", "--replace"};
  REQUIRE(machine.rruled(in, event("Sync", "09")).exit_code == 0);
  const auto before = machine.json({"schedule", "list", "--flow", "Sync"}).at(0);
  REQUIRE(machine.rruled(in, event("Weekly", "10")).exit_code == 0);
  const auto after = machine.json({"schedule", "list", "--flow", "Weekly"}).at(0);
  CHECK(after.at("id") == before.at("id"));
  CHECK(after.at("starts_at") == "2026-01-05T09:00:00.000000Z");
  CHECK(machine.json({"flow", "list"}).as_array().size() == 1);
}

TEST_CASE("what only a crontab or calendar can need is refused for JSON") {
  Installation machine;
  const auto result = machine.rruled({"import", kTwoSchedules, "--timezone", "Europe/Prague"});
  CHECK(result.exit_code == 2);
  CHECK_THAT(result.err, Contains("--timezone: only with --from ics, crontab or system-crontab"));
}

TEST_CASE("a calendar goes out and comes back") {
  Installation machine;
  import(machine, R"({"flows":[{"name":"Backup","status":"active","trigger":{"type":"schedule"},
    "schedules":[{"rrule":"FREQ=WEEKLY;BYDAY=MO\nEXDATE:20260112T090000",
    "starts_at_local":"2026-01-05T09:00:00","timezone":"Europe/Prague"}]}]})");
  const auto calendar = machine.rruled({"export", "--to", "ics"});
  REQUIRE(calendar.exit_code == 0);
  CHECK_THAT(calendar.out, Contains("SUMMARY:Backup") && Contains("DTSTART;TZID=Europe/Prague"));
  Installation other;
  const auto back = other.rruled({"import", "--from", "ics", "-"}, calendar.out);
  INFO(back.err);
  REQUIRE(back.exit_code == 0);
  const auto in =
      machine.json({"preview", "--all", "--from", "2190-01-01T00:00:00Z", "--count", "5"});
  const auto out =
      other.json({"preview", "--all", "--from", "2190-01-01T00:00:00Z", "--count", "5"});
  REQUIRE(in.as_array().size() == 5);
  for (std::size_t i = 0; i < 5; ++i)
    CHECK(in.at(i).at("scheduled_for") == out.at(i).at("scheduled_for"));
  const auto over =
      other.rruled({"import", "--from", "ics", "-"},
                   "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n"
                   "DTSTART:20200101T000000Z\r\nSUMMARY:Past\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n");
  CHECK(over.exit_code == 1);
  CHECK_THAT(over.err, Contains("dropped: Schedule produces no future occurrences.") &&
                           Contains("nothing in it could be imported"));
}

TEST_CASE("a store that is not there is not made by reading") {
  Installation machine;
  for (const auto& arguments :
       {std::vector<std::string>{"flow", "list"}, {"runs", "list"}, {"export"}}) {
    const auto result = machine.rruled(arguments);
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err, Contains(machine.store()));
  }
  CHECK_FALSE(std::filesystem::exists(machine.store()));
  const auto migrated = machine.rruled({"migrate"});
  CHECK(migrated.exit_code == 0);
  CHECK_THAT(migrated.out, Contains("has the schema"));
  CHECK(machine.json({"flow", "list"}).as_array().empty());
}
