// What lists, logs and previews show.
#include "tests/unit/cli/command_line.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace rruled::test {

using Catch::Contains;

namespace {

// A flow of a project with a schedule that fires daily.
void add_daily(const CommandLine& line,
               const std::string& name,
               const std::string& project,
               const std::vector<std::string>& more = {}) {
  REQUIRE(
      line.rruled({"flow", "create", "--name", name, "--trigger", "schedule", "--project", project})
          .exit_code == 0);
  std::vector<std::string> create{
      "schedule", "create", "--flow", name, "--rrule", "FREQ=DAILY;BYHOUR=9;BYMINUTE=0;BYSECOND=0"};
  create.insert(create.end(), more.begin(), more.end());
  const auto made = line.rruled(create);
  INFO(made.err);
  REQUIRE(made.exit_code == 0);
}

std::string id_of(const CommandLine& line,
                  const std::string& list,
                  const std::string& option,
                  const std::string& value) {
  const auto text = line.rruled({list, "list", option, value, "--format", "jsonl"}).out;
  REQUIRE(text.starts_with("{\"id\":\""));
  return text.substr(7, 36);
}

std::ptrdiff_t lines_in(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n');
}

}  // namespace

TEST_CASE("a run's log is printed from its beginning, and what is left out is said") {
  CommandLine line;
  add_daily(line, "A", "1");
  REQUIRE(line.rruled({"schedule", "run-now", id_of(line, "schedule", "--flow", "A")}).exit_code ==
          0);
  const auto run = id_of(line, "runs", "--flow", "A");
  line.sql(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 503)"
      " INSERT INTO log_lines (flow_id, run_id, timestamp, level, message)"
      " SELECT flow_id, id, 1700000000000 + i / 2, 'INFO', 'line ' || i FROM runs, n");
  const auto shown = line.rruled({"runs", "show", run}).out;
  CHECK_THAT(shown, Contains("\nLog:\n  older lines are not shown: `rruled runs logs " + run +
                             "` has all\n"));
  CHECK(shown.find("INFO line 4\n") < shown.find("INFO line 5\n"));
  CHECK_THAT(shown, !Contains("INFO line 3\n") && Catch::EndsWith("INFO line 503\n"));
  const auto object = line.rruled({"runs", "show", run, "--format", "json"}).out;
  CHECK_THAT(object, Contains("\"line 503\"") && Contains("\"line 4\"") && !Contains("\"line 3\""));
  const auto all = line.rruled({"runs", "logs", run}).out;
  CHECK(lines_in(all) == 503);
  CHECK_THAT(all, Contains("INFO line 1\n") && Catch::EndsWith("INFO line 503\n"));
  const auto json = line.rruled({"runs", "logs", run, "--format", "jsonl"}).out;
  CHECK(lines_in(json) == 503);
  CHECK(json.find("\"line 1\"") < json.find("\"line 2\""));
}

TEST_CASE("lists of schedules and runs can be of one project, and since so long ago") {
  CommandLine line;
  add_daily(line, "A", "1");
  add_daily(line, "B", "2");
  for (const auto* flow : {"A", "B"})
    REQUIRE(
        line.rruled({"schedule", "run-now", id_of(line, "schedule", "--flow", flow)}).exit_code ==
        0);
  const auto of_two = line.rruled({"schedule", "list", "--project", "2"}).out;
  CHECK(lines_in(of_two) == 2);
  CHECK_THAT(of_two, Contains("  B  "));
  const std::vector<std::string> runs{"runs",   "list", "--project", "2",
                                      "--from", "-24h", "--status",  "pending"};
  const auto found = line.rruled(runs);
  INFO(found.err);
  CHECK(lines_in(found.out) == 2);
  CHECK_THAT(found.out, Contains("  B  "));
  CHECK_THAT(line.rruled({"runs", "list", "--project", "3"}).out, Catch::StartsWith("No runs."));
  CHECK_THAT(line.rruled({"runs", "list", "--to", "-24h"}).out, Catch::StartsWith("No runs."));
}

TEST_CASE("a preview shows what is paused as if it were resumed, when it is asked to") {
  CommandLine line;
  add_daily(line, "A", "1");
  add_daily(line, "B", "2");
  REQUIRE(line.rruled({"schedule", "pause", id_of(line, "schedule", "--flow", "A")}).exit_code ==
          0);
  REQUIRE(line.rruled({"pause", "--all", "--project", "2"}).exit_code == 0);
  const auto plain = line.rruled({"preview", "--all"}).out;
  CHECK_THAT(plain, Contains("Nothing comes next.") &&
                        Contains("1 schedule paused: --paused shows what would come next.\n") &&
                        Contains("Project 2 is paused"));
  const auto all = line.rruled({"preview", "--all", "--paused", "--count", "4"}).out;
  CHECK_THAT(all, Contains("  paused\n") && Contains("  project paused\n") && Contains("  A  ") &&
                      Contains("  B  "));
  CHECK(line.number("SELECT count(*) FROM schedules WHERE status = 'paused'") == 1);
  CHECK(line.rruled({"preview", "FREQ=DAILY", "--paused"}).exit_code == 2);
  const auto json =
      line.rruled({"preview", "--all", "--paused", "--count", "4", "--format", "jsonl"}).out;
  CHECK_THAT(json, Contains("\"held\":\"schedule\"") && Contains("\"held\":\"project\""));
}

TEST_CASE("a preview does not advise --paused for what it lists, or cannot list") {
  CommandLine line;
  add_daily(line, "A", "1");
  const auto id = id_of(line, "schedule", "--flow", "A");
  REQUIRE(line.rruled({"schedule", "pause", id, "--until", "2037-01-01T00:00:00Z"}).exit_code == 0);
  CHECK_THAT(line.rruled({"preview", "--all"}).out,
             Contains("2037-01-01") && !Contains("--paused"));
  REQUIRE(line.rruled({"schedule", "resume", id, "--catch-up", "none"}).exit_code == 0);
  REQUIRE(line.rruled({"schedule", "pause", id}).exit_code == 0);
  line.sql("UPDATE schedules SET timezone = 'Europe/Nowhere'");
  CHECK_THAT(line.rruled({"preview", "--all"}).out, Contains("1 schedule paused: --paused shows"));
  CHECK_THAT(line.rruled({"preview", "--all", "--paused"}).out,
             Contains("1 paused schedule cannot be used: `rruled schedule list`\n") &&
                 !Contains("--paused shows"));
}

TEST_CASE("a new schedule says its next time in its own zone, too") {
  CommandLine line;
  add_daily(line, "A", "1");
  const auto made = line.rruled({"schedule", "create", "--flow", "A", "--timezone", "Asia/Tokyo",
                                 "--rrule", "FREQ=DAILY;BYHOUR=9;BYMINUTE=0;BYSECOND=0"});
  CHECK_THAT(made.out, Contains(" 00:00:00Z, ") && Contains(" 09:00:00 in Asia/Tokyo (in "));
}

TEST_CASE("the number of attempts needs no JSON, and leaves the rest of the policy") {
  CommandLine line;
  add_daily(line, "A", "1", {"--max-attempts", "3"});
  const auto id = id_of(line, "schedule", "--flow", "A");
  const auto attempts = [&] { return line.rruled({"schedule", "show", id}).out; };
  CHECK_THAT(attempts(), Contains("\"max_attempts\":3"));
  REQUIRE(line.rruled({"schedule", "update", id, "--file", "-"}, R"({"retry":{"max_age":"1h"}})")
              .exit_code == 0);
  REQUIRE(line.rruled({"schedule", "update", id, "--max-attempts", "4"}).exit_code == 0);
  CHECK_THAT(attempts(), Contains("\"max_attempts\":4") && Contains("\"max_age\":\"1h\""));
  CHECK(line.rruled({"schedule", "update", id, "--max-attempts", "0"}).exit_code == 2);
}

TEST_CASE("the help of a time that can be so long ago says that m is a month") {
  CommandLine line;
  for (const auto& [verb, options] :
       std::vector<std::pair<std::vector<std::string>, int>>{{{"runs", "list"}, 2},
                                                             {{"runs", "gaps"}, 2},
                                                             {{"audit"}, 2},
                                                             {{"runs", "retry"}, 1},
                                                             {{"runs", "purge"}, 1},
                                                             {{"schedule", "backfill"}, 2},
                                                             {{"schedule", "explain"}, 1},
                                                             {{"preview"}, 1}}) {
    auto arguments = verb;
    arguments.emplace_back("--help");
    const auto help = line.rruled(arguments).out;
    CAPTURE(help);
    int said = 0;
    for (auto at = help.find("-1m (a month)"); at != std::string::npos;
         at = help.find("-1m (a month)", at + 1))
      ++said;
    CHECK(said == options);
  }
}

TEST_CASE("so long ago was taken by some options about the past, and no refusal named it") {
  CommandLine line;
  add_daily(line, "A", "1");
  const auto id = id_of(line, "schedule", "--flow", "A");
  REQUIRE(line.rruled({"schedule", "update", id, "--rrule", "FREQ=HOURLY", "--starts-at",
                       "2026-01-01T00:00:00Z"})
              .exit_code == 0);
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"schedule", "backfill", id, "--from", "-5h", "--to", "now", "--dry-run"},
           {"schedule", "explain", id, "--at", "-1h"},
           {"runs", "purge", "--status", "dead", "--before", "-30d", "--dry-run"},
           {"preview", "--all", "--from", "-1h"}}) {
    const auto done = line.rruled(arguments);
    INFO(arguments.at(1) << ": " << done.err);
    CHECK(done.exit_code == 0);
  }
  const auto refused = line.rruled({"runs", "list", "--from", "soon"});
  CHECK(refused.exit_code == 2);
  CHECK_THAT(refused.err, Contains("or so long ago, as -24h, -7d or -1m (a month); not \"soon\""));
  // What may be ahead, and what could be meant so, is no such time.
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"schedule", "create", "--flow", "A", "--at", "-24h"},
           {"preview", "--all", "--to", "24h"},
           {"preview", "--all", "--to", "-24h"},
           {"preview", "--all", "--from", "24h"},
           {"preview", "--schedule", id, "--until", "7d"},
           {"schedule", "explain", id, "--at", "2h"},
           {"schedule", "backfill", id, "--from", "-30m", "--to", "now"}}) {
    INFO(arguments.at(0) << " " << arguments.at(1));
    CHECK(line.rruled(arguments).exit_code == 2);
  }
}

TEST_CASE("a timeout and a description could be set and not taken away") {
  CommandLine line;
  add_daily(line, "A", "1");
  const auto id = id_of(line, "schedule", "--flow", "A");
  const auto timeout = [&] {
    return line.rruled({"schedule", "show", id, "--format", "json"}).out;
  };
  REQUIRE(line.rruled({"schedule", "update", id, "--timeout", "5s"}).exit_code == 0);
  CHECK_THAT(timeout(), Contains("\"timeout\": \"5s\""));
  CHECK(line.rruled({"schedule", "update", id, "--timeout", "none"}).exit_code == 0);
  CHECK_THAT(timeout(), Contains("\"timeout\": null"));
  const auto description = [&] { return line.rruled({"flow", "show", "A"}).out; };
  REQUIRE(line.rruled({"flow", "update", "A", "--description", "of nights"}).exit_code == 0);
  CHECK_THAT(description(), Contains("of nights"));
  CHECK(line.rruled({"flow", "update", "A", "--description", ""}).exit_code == 0);
  CHECK_THAT(description(), !Contains("of nights"));
}

TEST_CASE("a preview of all schedules says whose search gave up") {
  CommandLine line;
  // In February, March and April 2100 64,080 in a row are excluded.
  add_daily(line, "A", "1", {"--starts-at", "2100-05-01T00:00:00Z"});
  const auto made =
      line.rruled({"schedule", "create", "--flow", "A", "--rrule",
                   "RRULE:FREQ=MINUTELY;INTERVAL=2\nEXRULE:FREQ=MINUTELY;INTERVAL=2;BYMONTH=2,3,4",
                   "--starts-at", "2100-01-01T00:00:00Z"});
  INFO(made.err);
  REQUIRE(made.exit_code == 0);
  const auto id = made.out.substr(0, 36);
  const std::vector<std::string> all{"preview", "--all", "--from", "2100-01-31T23:50:00Z"};
  const auto ask = [&](const std::vector<std::string>& more) {
    auto arguments = all;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return line.rruled(arguments);
  };
  const std::string gave_up = "Schedule " + id + ": The search gave up:";
  CHECK_THAT(ask({}).out, Contains("2100-01-31 23:58") && Contains(gave_up));
  const auto lines = ask({"--count", "7", "--format", "jsonl"});
  CHECK(lines_in(lines.out) == 7);
  CHECK_THAT(lines.err, Contains(gave_up));
  // Not of what it does not look for.
  CHECK_THAT(ask({"--count", "4"}).out, !Contains("gave up"));
  CHECK_THAT(ask({"--to", "2100-02-01T00:00:00Z"}).out, !Contains("gave up"));
}

TEST_CASE("audit knew no beginning of an id, and said that nobody wrote anything") {
  CommandLine line;
  add_daily(line, "A", "1");
  REQUIRE(line.rruled({"calendar", "create", "holidays", "--date", "2190-12-24"}).exit_code == 0);
  REQUIRE(line.rruled({"schedule", "run-now", id_of(line, "schedule", "--flow", "A")}).exit_code ==
          0);
  const auto of = [&](const std::string& object) {
    return line.rruled({"audit", "--object", object});
  };
  const auto flow = id_of(line, "flow", "--project", "1");
  std::string upper = flow;
  std::ranges::transform(upper, upper.begin(), [](char c) { return c > '9' ? c & ~0x20 : c; });
  const auto whole = of(flow).out;
  CHECK_THAT(whole, Contains(flow) && Contains("create"));
  // Ids of one moment begin alike.
  for (const auto& text : {upper, flow.substr(0, 34), upper.substr(0, 34), std::string("A")})
    CHECK(of(text).out == whole);
  CHECK_THAT(of(id_of(line, "schedule", "--flow", "A").substr(0, 34)).out, Contains("schedule"));
  CHECK_THAT(of(id_of(line, "runs", "--flow", "A").substr(0, 34)).out, Contains("run"));
  CHECK_THAT(of("holidays").out, Contains("calendar"));
  line.sql("DELETE FROM audit WHERE object_id = 'holidays'");  // as retention does
  CHECK_THAT(of("holidays").out, Contains("Nobody wrote anything"));
  // Whose lines they are, as what was deleted may have begun so, too.
  CHECK(of(flow.substr(0, 34)).err == "of " + flow + "\n");
  for (const auto* none : {"542", "ffff", "nobody"}) {
    const auto refused = of(none);
    CHECK(refused.exit_code == 1);
    CHECK_THAT(refused.err, Contains("nothing has the id or the name " + std::string(none)) &&
                                Contains("Give 4 characters of an id, or more"));
  }
  // Of what was deleted the whole id is known.
  REQUIRE(line.rruled({"flow", "delete", "A"}).exit_code == 0);
  CHECK_THAT(of(upper).out, Contains("delete"));
  CHECK_THAT(of("ffffffff-0000-7000-8000-000000000000").out, Contains("Nobody wrote anything"));
}

}  // namespace rruled::test
