#include "store/open.h"
#include "tests/e2e/daemon_fixture.h"

#include <catch2/catch.hpp>

using Catch::Contains;
using rruled::test::Installation;
using rruled::test::kTwoSchedules;
namespace json = boost::json;

namespace {

void import_file(const Installation& machine, const std::string& file) {
  const auto result = machine.rruled({"import", file});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
}

std::string text(const json::value& value) { return std::string(value.as_string()); }

std::string first_word(const std::string& text) {
  return text.substr(0, text.find_first_of(" \n"));
}

}  // namespace

TEST_CASE("a flow is created, shown, changed and deleted") {
  Installation machine;
  const auto made =
      machine.rruled({"flow", "create", "--name", "Hello", "--trigger", "schedule", "--variables",
                      R"([{"key":"who","type":"string","default":"you"}])"});
  REQUIRE(made.exit_code == 0);
  const std::string id = first_word(made.out);
  CHECK(id.size() == 36);

  auto flow = machine.json({"flow", "show", "Hello"});
  CHECK(text(flow.at("id")) == id);
  CHECK(flow.at("status") == "active");
  CHECK(flow.at("trigger").at("type") == "schedule");
  CHECK(flow.at("project_id") == 1);
  CHECK(text(machine.json({"flow", "show", id.substr(0, 13)}).at("id")) == id);

  flow = machine.json({"flow", "update", "Hello", "--name", "Bye", "--variables", "[]"});
  CHECK(flow.at("version") == 2);
  CHECK(machine.json({"flow", "list"}).as_array().size() == 1);
  CHECK_THAT(machine.rruled({"flow", "list"}).out, Contains("Bye"));
  CHECK(machine.json({"flow", "list", "--status", "draft"}).as_array().empty());

  CHECK(machine.rruled({"flow", "delete", "Bye"}).exit_code == 0);
  const auto gone = machine.rruled({"flow", "show", "Bye"});
  CHECK(gone.exit_code == 1);
  CHECK_THAT(gone.err, Contains("no flow Bye\n`rruled flow list` shows them all."));
}

TEST_CASE("a flow may come from a file, with a mistake told by field") {
  Installation machine;
  const auto good =
      machine.rruled({"flow", "create", "--file", "-", "--status", "draft"},
                     R"({"name":"From file","actions":[{"type":"trigger","config":{}}]})");
  CHECK(good.exit_code == 0);
  const auto bad = machine.rruled({"flow", "create", "--file", "-"},
                                  R"({"name":"x","actions":[{"type":"exit"}]})");
  CHECK(bad.exit_code == 1);
  CHECK_THAT(bad.err, Contains("actions: Exactly one trigger action is required"));
  const auto unknown = machine.rruled({"flow", "create", "--file", "-"}, R"({"nmae":"x"})");
  CHECK_THAT(unknown.err, Contains("nmae: Unknown field."));
  const auto json = machine.rruled({"flow", "create", "--file", "-"}, "{\"name\":\n\"x\"");
  CHECK(json.exit_code == 1);
  CHECK_THAT(json.err, Contains("standard input:2:4: not JSON: the text ends"));
}

TEST_CASE("two flows of one name are told apart by id") {
  Installation machine;
  for (int i = 0; i < 2; ++i)
    REQUIRE(
        machine.rruled({"flow", "create", "--name", "Twin", "--trigger", "schedule"}).exit_code ==
        0);
  const auto result = machine.rruled({"flow", "show", "Twin"});
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, Contains("Twin could be flow 0"));
}

TEST_CASE("a schedule is created from a rule, a cron expression or a time") {
  Installation machine;
  REQUIRE(
      machine.rruled({"flow", "create", "--name", "Hello", "--trigger", "schedule"}).exit_code ==
      0);
  const auto create = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"schedule", "create", "--flow", "Hello"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return machine.json(arguments);
  };
  const auto rule =
      create({"--rrule", "FREQ=DAILY", "--starts-at", "2026-01-01T09:00", "--timezone",
              "Europe/Prague", "--var", "a=1", "--var", "b=x=y", "--overlap", "skip", "--catchup",
              "all", "--jitter", "90s", "--timeout", "PT1M"});
  CHECK(rule.at("starts_at") == "2026-01-01T08:00:00.000000Z");
  CHECK(json::serialize(rule.at("variables")) == R"({"a":"1","b":"x=y"})");
  CHECK(rule.at("overlap") == "skip");
  CHECK(rule.at("catchup") == "all");
  CHECK(rule.at("jitter") == "90s");
  CHECK(rule.at("timeout") == "1m");
  CHECK(rule.at("next_run_at").is_string());

  const auto cron = create({"--cron", "30 2 * * *", "--timezone", "America/New_York"});
  CHECK_THAT(text(cron.at("rrule")), Contains("BYHOUR=2;BYMINUTE=30"));

  const auto once = create({"--at", "2190-12-31T23:59:59Z"});
  CHECK(once.at("rrule") == "FREQ=DAILY;COUNT=1");
  CHECK(once.at("next_run_at") == "2190-12-31T23:59:59.000000Z");

  const auto now = create({"--rrule", "FREQ=YEARLY;COUNT=1"});
  CHECK(now.at("next_run_at") == now.at("starts_at"));

  const auto local = create({"--rrule", "FREQ=YEARLY", "--starts-at-local", "2026-03-08T02:30:00",
                             "--timezone", "America/New_York"});
  CHECK(local.at("starts_at") == "2026-03-08T07:30:00.000000Z");
  CHECK(machine.json({"schedule", "list", "--flow", "Hello"}).as_array().size() == 5);
  CHECK_THAT(machine.rruled({"schedule", "list"}).out, Contains("FREQ=YEARLY"));
  CHECK_THAT(machine.rruled({"schedule", "list"}).out, Contains("  Hello  active  "));
  CHECK(machine.json({"schedule", "list"}).at(0).at("flow_name") == "Hello");
}

TEST_CASE("what a schedule cannot be is told by field") {
  struct Case {
    std::vector<std::string> options;
    int exit_code;
    const char* message;
  };
  Installation machine;
  REQUIRE(
      machine.rruled({"flow", "create", "--name", "Hello", "--trigger", "schedule"}).exit_code ==
      0);
  const auto cases = std::vector<Case>{
      {{}, 2, "give --rrule, --cron or --at"},
      {{"--rrule", "FREQ=DAILY;BYHOUR=25"}, 1, "rrule: Invalid RRULE. "},
      {{"--rrule", "FREQ=DAILY;UNTIL=20200101T000000Z", "--starts-at", "2019-01-01T00:00:00Z"},
       1,
       "rrule: Schedule produces no future occurrences."},
      {{"--rrule", "FREQ=DAILY", "--timezone", "Europe/Pargue"}, 1, "timezone: "},
      {{"--rrule", "FREQ=DAILY", "--timezone", ""}, 2, "--timezone: must not be empty"},
      {{"--rrule", "FREQ=DAILY", "--max-running", "0"}, 2, "--max-running"},
      {{"--rrule", "FREQ=DAILY", "--cron", "* * * * *"}, 2, "--cron"},
      {{"--rrule", "FREQ=DAILY", "--at", "now"}, 2, "--at"},
      {{"--at", "2020-01-01T00:00:00Z"}, 2, "--at: must be in the future"},
      {{"--at", "then"}, 2, "--at: must be a time such as"},
      {{"--cron", "* * * *"}, 1, "cron: "},
      {{"--rrule", "FREQ=DAILY", "--executor", "fax"}, 1, "executor: There is no executor \"fax\""},
      {{"--rrule", "FREQ=DAILY", "--jitter", "90"}, 1, "jitter: "},
      {{"--rrule", "FREQ=DAILY", "--overlap", "maybe"}, 2, "--overlap"},
      {{"--rrule", "FREQ=DAILY", "--var", "novalue"}, 2, "--var: must be KEY=VALUE"},
      {{"--rrule", "FREQ=DAILY", "--variables", "[1]"}, 2, "--variables: must be a JSON object"},
      {{"--rrule", "FREQ=DAILY", "--variables", "{\"a\":1,\"a\":2}"},
       2,
       "--variables: not JSON: a key"},
      {{"--rrule", "FREQ=DAILY", "--starts-at", "x", "--starts-at-local", "y"}, 2, "--starts-at"},
  };
  for (const auto& each : cases) {
    std::vector<std::string> arguments{"schedule", "create", "--flow", "Hello"};
    arguments.insert(arguments.end(), each.options.begin(), each.options.end());
    const auto result = machine.rruled(arguments);
    CAPTURE(each.options, result.err);
    CHECK(result.exit_code == each.exit_code);
    CHECK_THAT(result.err, Contains(each.message));
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') <= 2);
  }
  CHECK(cases.size() == 18);
  CHECK(machine.json({"schedule", "list"}).as_array().empty());
}

TEST_CASE("a schedule is paused, resumed, changed, run and deleted") {
  Installation machine;
  import_file(machine, kTwoSchedules);
  const std::string id = "0190f6a2-0000-7000-8000-000000000001";
  const auto paused = machine.json({"schedule", "pause", id, "--note", "holiday"});
  CHECK(paused.at("status") == "paused");
  CHECK(paused.at("note") == "holiday");
  CHECK(paused.at("next_run_at").is_null());
  for (const auto* wrong : {"", "newest"})
    CHECK(machine.rruled({"schedule", "resume", id, "--catch-up", wrong}).exit_code == 2);
  const auto resumed = machine.json({"schedule", "resume", id, "--catch-up", "all"});
  CHECK(resumed.at("status") == "active");
  CHECK(resumed.at("next_run_at").is_string());
  const auto row = rruled::store::open_store({.url = "sqlite://" + machine.store()},
                                             rruled::store::OpenMode::command)
                       ->schedule(*rruled::store::parse_id<rruled::store::ScheduleId>(id));
  CHECK(row->resume_catchup == rruled::store::CatchupPolicy::all);
  CHECK(machine.rruled({"schedule", "resume", id}).exit_code == 0);

  // Of the project, the audit log has how it was resumed.
  CHECK(machine.rruled({"pause", "--all", "--note", "freeze"}).exit_code == 0);
  CHECK(machine.rruled({"resume", "--all", "--catch-up", "all"}).exit_code == 0);
  const auto audit = machine.json({"audit"}).as_array();
  REQUIRE_FALSE(audit.empty());
  CHECK(audit[0].at("action") == "resume");
  CHECK(audit[0].at("after").at("catch_up") == "all");

  const auto updated =
      machine.json({"schedule", "update", id, "--timezone", "UTC", "--rrule", "FREQ=WEEKLY"});
  CHECK(updated.at("timezone") == "UTC");
  CHECK(updated.at("rrule") == "FREQ=WEEKLY");
  CHECK(machine.rruled({"schedule", "update", id, "--rrule", "FREQ=NEVER"}).exit_code == 1);
  // A pause without a note leaves the one that is there; an empty one takes it away.
  CHECK(machine.json({"schedule", "pause", id}).at("note") == "holiday");
  CHECK(machine.json({"schedule", "pause", id, "--note", ""}).at("note") == "");
  CHECK(machine.json({"schedule", "resume", id}).at("status") == "active");
  CHECK(machine.json({"schedule", "show", id}).at("rrule") == "FREQ=WEEKLY");
  CHECK_THAT(machine.rruled({"schedule", "show", id}).out, Contains("every Thursday at 09:00 UTC"));

  const auto run = machine.json({"schedule", "run-now", id, "--var", "a=2"});
  CHECK(run.at("status") == "pending");
  CHECK(run.at("origin") == "manual");
  CHECK(run.at("variables").at("a") == "2");
  CHECK(text(run.at("idempotency_key")) == "rr1-" + text(run.at("id")));
  const auto runs = machine.json({"runs", "list"}).as_array();
  REQUIRE(runs.size() == 1);
  for (const auto* key : {"id",       "project_id", "flow",       "flow_name",   "schedule",
                          "kind",     "origin",     "status",     "reason",      "scheduled_for",
                          "due_at",   "created_at", "started_at", "finished_at", "lateness_ms",
                          "executor", "timeout",    "retry",      "attempts",    "available_at",
                          "owner",    "fence",      "error",      "variables",   "idempotency_key",
                          "body"})
    CHECK(runs[0].as_object().contains(key));
  const auto shown = machine.json({"runs", "show", text(run.at("id"))});
  CHECK(shown.at("attempt_list").as_array().empty());
  CHECK_THAT(machine.rruled({"runs", "list", "--status", "pending"}).out, Contains("manual"));
  CHECK_THAT(machine.rruled({"runs", "list", "--status", "dead"}).out, Contains("No runs."));

  CHECK(machine.rruled({"schedule", "delete", id}).exit_code == 0);
  CHECK(machine.rruled({"schedule", "show", id}).exit_code == 1);
  CHECK(machine.json({"runs", "list"}).as_array().at(0).at("status") == "cancelled");
}

TEST_CASE("a preview of a project that is paused lists nothing, and says so") {
  Installation machine;
  REQUIRE(
      machine.rruled({"flow", "create", "--name", "Hello", "--trigger", "schedule"}).exit_code ==
      0);
  const auto id = text(
      machine.json({"schedule", "create", "--flow", "Hello", "--rrule", "FREQ=DAILY"}).at("id"));
  CHECK_THAT(machine.rruled({"preview", "--all", "--count", "2"}).out, Contains("More follow"));
  CHECK_THAT(machine.rruled({"pause", "--all", "--project", "1"}).out,
             Contains("`rruled resume --all --project 1`"));
  CHECK_THAT(machine.rruled({"preview", "--all"}).out,
             Contains("Nothing comes next") && Contains("Project 1 is paused"));
  CHECK_THAT(machine.rruled({"preview", "--schedule", id}).out,
             Contains("Fires nothing now: project 1 is paused"));
  CHECK_THAT(machine.rruled({"preview", "--schedule", id, "--format", "json"}).err,
             Contains("Fires nothing now: project 1 is paused"));
  CHECK(machine.json({"preview", "--all"}).as_array().empty());
}

TEST_CASE("a preview's option that another kind of preview has is refused") {
  Installation machine;
  const std::vector<std::vector<std::string>> wrong = {
      {"FREQ=DAILY", "--from", "now"},
      {"--all", "--after", "now"},
      {"--schedule", "0190f6a2", "--timezone", "UTC"},
      {"--batch", "-", "--count", "1"}};
  for (auto arguments : wrong) {
    arguments.insert(arguments.begin(), "preview");
    const auto result = machine.rruled(arguments);
    CHECK(result.exit_code == 2);
    CHECK_THAT(result.err, Contains(": only with "));
  }
  for (const auto* option : {"--limit", "--offset", "--project"})
    CHECK(machine.rruled({"flow", "list", option, "-1"}).exit_code == 2);
}

TEST_CASE("a file that says paused makes no schedule that fires") {
  Installation machine;
  REQUIRE(
      machine.rruled({"flow", "create", "--name", "Hello", "--trigger", "schedule"}).exit_code ==
      0);
  const auto refused = machine.rruled(
      {"schedule", "create", "--flow", "Hello", "--file", "-"},
      R"({"rrule":"FREQ=DAILY","starts_at":"2026-01-01T09:00:00Z","status":"paused"})");
  CHECK(refused.exit_code == 1);
  CHECK_THAT(refused.err, Contains("status: ") && Contains("rruled schedule pause"));
  CHECK(machine.json({"schedule", "list"}).as_array().empty());
}

TEST_CASE("what is skipped is one gap; a pause may have an end; failures in a row may pause") {
  Installation machine;
  REQUIRE(
      machine.rruled({"flow", "create", "--name", "Hello", "--trigger", "schedule"}).exit_code ==
      0);
  const auto made = machine.json({"schedule", "create", "--flow", "Hello", "--rrule",
                                  "FREQ=MINUTELY", "--pause-after-failures", "3"});
  const std::string id = text(made.at("id"));
  CHECK(made.at("pause_after_failures") == 3);

  // Ahead of now, so that there is something.
  const std::string until = text(machine.json({"schedule", "show", id}).at("next_run_at"));
  const std::string just_after = until.substr(0, 17) + "59.5Z";  // in the same minute
  const auto dry = machine.rruled({"schedule", "skip", id, "--until", just_after, "--dry-run"});
  CHECK_THAT(dry.out, Contains("1 skipped") && Contains("1 schedule would change"));
  CHECK(machine.json({"schedule", "show", id}).at("gaps").as_array().empty());
  CHECK(machine.rruled({"schedule", "skip", id, "--until", just_after}).exit_code == 0);
  const auto shown = machine.json({"schedule", "show", id});
  REQUIRE(shown.at("gaps").as_array().size() == 1);
  CHECK(shown.at("gaps").at(0).at("reason") == "skipped_by_operator");
  CHECK(text(shown.at("next_run_at")) > until);
  auto listed = machine.json({"runs", "gaps", "--reason", "skipped_by_operator"}).as_array();
  REQUIRE(listed.size() == 1);
  CHECK(listed[0].as_object().erase("hog_flow") == 1);
  CHECK(listed[0] == shown.at("gaps").at(0));
  CHECK_THAT(machine.rruled({"runs", "gaps", "--project", "1"}).out,
             Contains("skipped_by_operator") && Contains("Hello"));
  CHECK_THAT(machine.rruled({"runs", "gaps", "--reason", "paused"}).out, Contains("No such gaps"));
  CHECK_THAT(machine.rruled({"runs", "gaps", "--project", "2"}).out, Contains("No such gaps"));
  CHECK_THAT(machine.rruled({"schedule", "skip", "--all", "--until", "2099-01-01T00:00:00Z"}).err,
             Contains("--until: at most a day ahead"));
  CHECK_THAT(machine.rruled({"schedule", "skip"}).err, Contains("a schedule's id, or --all"));
  CHECK_THAT(machine.rruled({"schedule", "recompute", "--all"}).out,
             Contains("0 schedules changed"));

  CHECK(machine.rruled({"schedule", "pause", id, "--until", "2020-01-01T00:00:00Z"}).exit_code ==
        2);
  CHECK(machine.rruled({"schedule", "pause", id, "--until", "2099-01-01T00:00:00Z"}).exit_code ==
        0);
  const auto paused = machine.json({"schedule", "show", id});
  CHECK(text(paused.at("paused_until")) == "2099-01-01T00:00:00.000000Z");
  CHECK(machine.rruled({"schedule", "resume", id}).exit_code == 0);
  CHECK(machine.json({"schedule", "show", id}).at("paused_until").is_null());
}

TEST_CASE("a backfill that is under way is listed, and found by the beginning of its id") {
  Installation machine;
  const auto schedule = machine.add_schedule("FREQ=DAILY", "2026-01-01T09:00:00Z");
  CHECK_THAT(machine.rruled({"backfill", "list"}).out, Contains("No backfill is under way."));
  const auto begin = [&](const std::string& to) {
    const auto made = machine.rruled(
        {"schedule", "backfill", schedule, "--from", "2026-01-01", "--to", to, "--note", to});
    INFO(made.err);
    REQUIRE(made.exit_code == 0);
    return first_word(made.out);
  };
  const auto id = begin("2026-01-05");
  CHECK_THAT(machine.rruled({"backfill", "list"}).out, Contains(id) && Contains("0 of 4"));
  CHECK(text(machine.json({"backfill", "show", id.substr(0, 8)}).at("id")) == id);
  CHECK_THAT(machine.rruled({"backfill", "show", "zzzz"}).err, Contains("no backfill zzzz\n"));

  const auto other = begin("2026-01-03");
  CHECK(machine.json({"backfill", "list"}).as_array().size() == 2);
  const auto unclear = machine.rruled({"backfill", "show", id.substr(0, 4)});
  CHECK(unclear.exit_code == 1);
  CHECK_THAT(unclear.err, Contains("could be backfill " + id + " or " + other));
  CHECK(machine.json({"backfill", "cancel", id}).at("status") == "cancelled");
  CHECK(machine.json({"backfill", "list"}).as_array().size() == 1);
  CHECK(machine.rruled({"backfill", "show", id}).exit_code == 0);
  CHECK_THAT(machine.rruled({"backfill", "show", "0000"}).err, Contains("no backfill 0000"));
}

TEST_CASE("a flow that stops firing takes its schedules along, and back") {
  Installation machine;
  import_file(machine, kTwoSchedules);
  const auto next = [&] {
    return machine.json({"schedule", "show", "0190f6a2-0000-7000-8000-000000000001"})
        .at("next_run_at");
  };
  CHECK(next().is_string());
  CHECK(machine.rruled({"flow", "update", "Zálohy", "--status", "archived"}).exit_code == 0);
  CHECK(next().is_null());
  const auto refused =
      machine.rruled({"schedule", "run-now", "0190f6a2-0000-7000-8000-000000000001"});
  CHECK(refused.exit_code == 1);
  CHECK_THAT(refused.err, Contains("is archived"));
  CHECK(machine.rruled({"flow", "update", "Zálohy", "--status", "active"}).exit_code == 0);
  CHECK(next().is_string());
}

TEST_CASE("a run is watched until it ends") {
  Installation machine;
  import_file(machine, kTwoSchedules);
  const std::string schedule = "0190f6a2-0000-7000-8000-000000000001";
  const auto run = machine.json({"schedule", "run-now", schedule});
  const std::string id = text(run.at("id"));
  rruled::testing::BackgroundProcess one(
      {RRULED_BINARY, "runs", "watch", id, "--format", "jsonl", "--config", machine.config()});
  CHECK(json::parse(one.read_line(rruled::test::kPatience)).at("status") == "pending");
  REQUIRE(machine.rruled({"schedule", "delete", schedule}).exit_code == 0);
  CHECK(json::parse(one.read_line(rruled::test::kPatience)).at("status") == "cancelled");
  CHECK(one.read_line(rruled::test::kPatience).empty());  // it has ended
  const auto ended = machine.rruled({"runs", "watch", id});
  CHECK(ended.exit_code == 1);  // not completed
  CHECK_THAT(ended.out, Contains("cancelled"));
}
