#include "daemon/core/schedule_json.h"

#include "daemon/core/time_text.h"
#include "tests/support/cases.h"
#include "zones.h"

#include <catch2/catch.hpp>

using namespace rruled;
using namespace rruled::core;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

using rruled::test::zones;

Timestamp at(std::string_view text) {
  return instant_of(parse_time(text).value(), *rrule::TimeZone::utc());
}

const Timestamp kNow = at("2026-06-01T12:00:00.250Z");

store::Schedule default_schedule() {
  store::Schedule row;
  row.id = *store::parse_id<store::ScheduleId>("0190f6a2-0000-7000-8000-000000000001");
  row.flow_id = *store::parse_id<store::FlowId>("0190f6a2-0000-7000-8000-00000000000f");
  row.created_at = kNow;
  return row;
}

ScheduleRules rules(std::chrono::seconds min_interval = 1s) {
  return {zones(), min_interval,
          [](std::string_view name, std::int64_t) { return name == "default" || name == "web"; }};
}

FieldResult<ScheduleEdit> read_schedule(std::string_view text, JsonUse use = JsonUse::create) {
  return schedule_from_json(parse_json(text).value().get_object(), default_schedule(), nullptr, use,
                            rules(), kNow);
}

store::Schedule stored(std::string_view text) {
  const auto edit = read_schedule(text);
  REQUIRE(edit.has_value());
  return decided(*edit, nullptr, nullptr, true, kNow).schedule;
}

}  // namespace

TEST_CASE("a schedule is read with its defaults") {
  const auto edit = read_schedule(
      R"({"rrule":"RRULE:freq=daily;byhour=9","starts_at":"2026-01-01T09:00:00.9Z"})");
  REQUIRE(edit.has_value());
  CHECK(edit->row.rrule == "FREQ=DAILY;BYHOUR=9");
  CHECK(store::Timestamp(edit->row.starts_at) == at("2026-01-01T09:00:00Z"));
  CHECK(edit->row.timezone == "UTC");
  CHECK(edit->row.variables == "{}");
  CHECK(edit->timing);
  CHECK(edit->row.updated_at == kNow);

  const auto change = decided(*edit, nullptr, nullptr, true, kNow);
  CHECK(change.schedule.status == store::ScheduleStatus::active);
  REQUIRE(change.schedule.next_run_at);
  CHECK(store::Timestamp(*change.schedule.next_run_at) == at("2026-06-02T09:00:00Z"));
}

TEST_CASE("a schedule of a flow that cannot fire has no next time") {
  const auto edit = read_schedule(R"({"rrule":"FREQ=DAILY","starts_at":"2026-01-01T09:00:00Z"})");
  REQUIRE(edit.has_value());
  const auto change = decided(*edit, nullptr, nullptr, false, kNow);
  CHECK(change.schedule.status == store::ScheduleStatus::active);
  CHECK_FALSE(change.schedule.next_run_at);
}

TEST_CASE("what is wrong with a schedule is told by field") {
  const auto cases = testing::read_cases("bad_schedules");
  for (const auto& each : cases) {
    CAPTURE(json_text(each));
    const auto edit = schedule_from_json(each.at("body").as_object(), default_schedule(), nullptr,
                                         JsonUse::create, rules(), kNow);
    REQUIRE_FALSE(edit.has_value());
    CHECK(edit.error().attr == testing::text_of(each, "attr"));
    CHECK(edit.error().code == testing::text_of(each, "code"));
    CHECK_THAT(edit.error().detail, Catch::StartsWith(testing::text_of(each, "detail")));
  }
  CHECK(cases.size() == 40);
}

TEST_CASE("a new schedule is active, whatever status it is given; later two can be set") {
  const std::string fields =
      R"({"rrule":"FREQ=DAILY","starts_at":"2026-01-01T09:00:00Z","status":)";
  for (const std::string word : {"\"completed\"", "\"paused\"", "\"lively\"", "7"}) {
    const auto edit = read_schedule(fields + word + "}");
    REQUIRE(edit.has_value());
    CHECK(decided(*edit, nullptr, nullptr, true, kNow).schedule.status ==
          store::ScheduleStatus::active);
  }
  auto before =
      decided(read_schedule(fields + "null}").value(), nullptr, nullptr, true, kNow).schedule;
  const auto patch = [&](const std::string& text) {
    return schedule_from_json(json::parse(text).as_object(), before, &before, JsonUse::patch,
                              rules(), kNow);
  };
  CHECK(patch(R"({"status":"completed"})").error().attr == "status");
  CHECK(patch(R"({"status":"paused"})").has_value());
  CHECK(patch(R"({"status":"paused","paused_until":"2026-05-01T00:00:00Z"})").error().attr ==
        "paused_until");  // past
  const auto paused = patch(R"({"status":"paused","paused_until":"2026-07-01T00:00:00Z"})").value();
  const auto row = decided(paused, &before, nullptr, true, kNow).schedule;
  CHECK(row.paused_until == at("2026-07-01T00:00:00Z"));
  before = row;
  CHECK(patch(R"({"note":"x"})").value().row.paused_until == at("2026-07-01T00:00:00Z"));
  CHECK_FALSE(patch(R"({"paused_until":null})").value().row.paused_until);
  CHECK_FALSE(decided(patch(R"({"status":"active"})").value(), &before, nullptr, true, kNow)
                  .schedule.paused_until);
  CHECK(patch(R"({"pause_after_failures":5})").value().row.pause_after_failures == 5);
  CHECK(patch(R"({"pause_after_failures":null})").value().row.pause_after_failures == 0);
  // One that has ended is held against the rules like any other when it is given a new rule.
  before.status = store::ScheduleStatus::completed;
  CHECK(patch(R"({"status":"completed","rrule":"FREQ=DAILY;UNTIL=20200101"})").error().attr ==
        "rrule");
}

TEST_CASE("an error of the rule has its place") {
  const auto edit =
      read_schedule(R"({"rrule":"FREQ=DAILY;BYHOUR=25","starts_at":"2026-01-01T00:00:00Z"})");
  REQUIRE_FALSE(edit.has_value());
  REQUIRE(edit.error().offset);
  CHECK(*edit.error().offset >= 11);
}

TEST_CASE("the smallest distance between occurrences is held among the next hundred") {
  const auto with = [](std::chrono::seconds least, const char* rule) {
    return schedule_from_json({{"rrule", rule}, {"starts_at", "2026-01-01T00:00:00Z"}},
                              default_schedule(), nullptr, JsonUse::create, rules(least), kNow);
  };
  CHECK(with(1h, "FREQ=HOURLY").has_value());
  const auto refused = with(1h, "FREQ=MINUTELY;INTERVAL=59");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().attr == "rrule");
  CHECK(refused.error().detail == "Schedules must run at most once per 1h.");
  // Two that are close stand far down the list.
  CHECK_FALSE(with(1h, "FREQ=DAILY\nRDATE:20260701T000100Z").has_value());
}

TEST_CASE("a start given as wall time follows the zone") {
  struct Case {
    const char* local;
    const char* zone;
    const char* instant;
  };
  const auto cases = std::vector<Case>{
      {"2026-07-01T09:00:00", "Europe/Prague", "2026-07-01T07:00:00Z"},
      {"2026-03-08T02:30:00", "America/New_York",
       "2026-03-08T07:30:00Z"},  // gap: the offset before it
      {"2026-11-01T01:30:00", "America/New_York", "2026-11-01T05:30:00Z"},  // fold: the first
  };
  for (const auto& each : cases) {
    const auto edit = schedule_from_json(
        {{"rrule", "FREQ=DAILY"}, {"starts_at_local", each.local}, {"timezone", each.zone}},
        default_schedule(), nullptr, JsonUse::create, rules(), kNow);
    REQUIRE(edit.has_value());
    CHECK(store::Timestamp(edit->row.starts_at) == at(each.instant));
  }
}

TEST_CASE("now, in a file, keeps every run of a COUNT ahead") {
  const auto edit =
      read_schedule(R"({"rrule":"FREQ=SECONDLY;COUNT=3","starts_at":"now"})", JsonUse::import);
  REQUIRE(edit.has_value());
  CHECK(store::Timestamp(edit->row.starts_at) == at("2026-06-01T12:00:01Z"));
  const auto change = decided(*edit, nullptr, nullptr, true, kNow);
  REQUIRE(change.schedule.next_run_at);
  CHECK(*change.schedule.next_run_at == edit->row.starts_at);
}

TEST_CASE("what is written is read back equal") {
  store::Schedule row = stored(R"({
      "rrule":"FREQ=WEEKLY;BYDAY=MO,WE\nEXDATE:20260603T090000Z","starts_at":"2026-01-01T09:00:00Z",
      "timezone":"Europe/Prague","variables":{"a":1.5,"b":{"c":[true,null]}},"note":"why",
      "dst_gap":"skip","dst_fold":"both","catchup":"all",
      "catchup_grace":"5m","catchup_window":"PT2H",
      "overlap":"buffer_one","max_running":3,"jitter":"90s","late_after":"1m",
      "retry":{"max_attempts":2,"min_backoff":"2s","max_backoff":"1m","max_age":"1h"},
      "timeout":"45s","executor":"web"})");
  const json::object text = to_json(row);
  const auto again =
      schedule_from_json(text, default_schedule(), nullptr, JsonUse::import, rules(), kNow);
  REQUIRE(again.has_value());
  CHECK(same_settings(row, decided(*again, nullptr, nullptr, true, kNow).schedule));
  CHECK(unknown_schedule_keys(text).empty());
  CHECK(json_text(text.at("retry")) ==
        R"({"max_attempts":2,"min_backoff":"2s","max_backoff":"1m","max_age":"1h"})");
}

TEST_CASE("fields come in the order of the API") {
  const auto text =
      json_text(to_json(stored(R"({"rrule":"FREQ=DAILY","starts_at":"2026-01-01T09:00:00Z"})")));
  CHECK(text ==
        R"({"id":"0190f6a2-0000-7000-8000-000000000001","rrule":"FREQ=DAILY",)"
        R"("starts_at":"2026-01-01T09:00:00.000000Z","timezone":"UTC","variables":{},)"
        R"("status":"active",)"
        R"("next_run_at":"2026-06-02T09:00:00.000000Z","created_at":"2026-06-01T12:00:00.250000Z",)"
        R"("updated_at":"2026-06-01T12:00:00.250000Z","note":"","paused_until":null,)"
        R"("dst_gap":"shift",)"
        R"("dst_fold":"auto","catchup":"last","catchup_grace":"1m","catchup_window":"1d",)"
        R"("overlap":"allow","max_running":1,"jitter":"0s","late_after":"1m",)"
        R"("retry":{"max_attempts":15,"min_backoff":"1s","max_backoff":"5m","max_age":"2h"},)"
        R"("timeout":null,"pause_after_failures":null,"calendar":null,"executor":"default",)"
        R"("status_reason":"","calendar_action":"skip"})");
}

TEST_CASE("a patch changes what it names") {
  store::Schedule before = stored(R"({"rrule":"FREQ=DAILY","starts_at":"2026-01-01T09:00:00Z"})");
  before.settled_to = *before.next_run_at;
  const auto patch = [&](const char* body) {
    const auto edit = schedule_from_json(parse_json(body).value().get_object(), before, &before,
                                         JsonUse::patch, rules(), kNow);
    REQUIRE(edit.has_value());
    const auto timetable = Timetable::compile(before, zones());
    return decided(*edit, &before, &*timetable, true, kNow).schedule;
  };
  const auto variables = patch(R"({"variables":{"a":"b"}})");
  CHECK(variables.next_run_at == before.next_run_at);
  CHECK(variables.variables == R"({"a":"b"})");

  const auto moved = patch(R"({"timezone":"Europe/Prague"})");
  REQUIRE(moved.next_run_at);
  CHECK(*moved.next_run_at > *before.settled_to);
  CHECK(moved.settled_to == before.settled_to);

  const auto paused = patch(R"({"status":"paused","note":"holiday"})");
  CHECK(paused.status == store::ScheduleStatus::paused);
  CHECK(paused.note == "holiday");
  CHECK_FALSE(paused.next_run_at);

  before = paused;
  CHECK(patch(R"({"note":"still"})").status == store::ScheduleStatus::paused);
  const auto resumed = patch(R"({"status":"active"})");
  CHECK(resumed.status == store::ScheduleStatus::active);
  CHECK(resumed.next_run_at);
}

TEST_CASE("a start at the ends of the years is kept, and one beyond them is the start's error") {
  const auto attr = [](const char* start, const char* zone) {
    const auto edit = read_schedule(R"({"rrule":"FREQ=YEARLY",)" + std::string(start) +
                                    R"(,"timezone":")" + zone + "\"}");
    return edit ? "" : edit.error().attr + ": " + edit.error().detail;
  };
  const std::string range =
      ": Must be between the years 1601 and 2200, in UTC and in its timezone.";
  CHECK(attr(R"("starts_at":"1601-01-01T00:00:00Z")", "UTC").empty());
  CHECK(attr(R"("starts_at":"2200-12-31T23:59:59Z")", "UTC").empty());
  CHECK(attr(R"("starts_at":"2200-12-31T23:00:00Z")", "Asia/Tokyo") == "starts_at" + range);
  CHECK(attr(R"("starts_at":"1600-12-31T23:59:59Z")", "UTC") == "starts_at" + range);
  CHECK(attr(R"("starts_at_local":"2201-01-01T00:00:00")", "UTC") == "starts_at_local" + range);
  auto row = default_schedule();
  row.rrule = "FREQ=DAILY";
  row.starts_at = std::chrono::floor<std::chrono::seconds>(at("1500-01-01T00:00:00Z"));
  CHECK(Timetable::compile(row, zones()).error().field == "starts_at");
}

TEST_CASE("a completed schedule can be renamed, and revived by a rule with a future") {
  store::Schedule before = stored(R"({"rrule":"FREQ=DAILY","starts_at":"2026-01-01T09:00:00Z"})");
  before.rrule = "FREQ=DAILY;COUNT=2";
  before.status = store::ScheduleStatus::completed;
  before.next_run_at.reset();
  before.next_due_at.reset();
  const auto patch = [&](json::object body) {
    return schedule_from_json(body, before, &before, JsonUse::patch, rules(), kNow);
  };
  const auto note = patch({{"note", "done"}});
  REQUIRE(note.has_value());
  CHECK(decided(*note, &before, nullptr, true, kNow).schedule.status ==
        store::ScheduleStatus::completed);
  CHECK_FALSE(patch({{"status", "active"}}).has_value());
  const auto rule = patch({{"rrule", "FREQ=DAILY"}});
  REQUIRE(rule.has_value());
  const auto revived = decided(*rule, &before, nullptr, true, kNow).schedule;
  CHECK(revived.status == store::ScheduleStatus::active);
  CHECK(revived.next_run_at);
}

TEST_CASE("an import takes completed, paused and broken schedules as they are") {
  const auto import = [](const char* body) {
    const auto edit = read_schedule(body, JsonUse::import);
    REQUIRE(edit.has_value());
    return decided(*edit, nullptr, nullptr, true, kNow).schedule;
  };
  const auto completed = import(
      R"({"rrule":"FREQ=DAILY;COUNT=1","starts_at":"2026-01-01T00:00:00Z","status":"completed"})");
  CHECK(completed.status == store::ScheduleStatus::completed);
  const auto paused =
      import(R"({"rrule":"FREQ=DAILY","starts_at":"2026-01-01T00:00:00Z","status":"paused"})");
  CHECK(paused.status == store::ScheduleStatus::paused);
  CHECK_FALSE(paused.next_run_at);
  const auto broken = import(R"({"rrule":"FREQ=NEVER","starts_at":"2026-01-01T00:00:00Z",)"
                             R"("status":"error","status_reason":"rrule"})");
  CHECK(broken.status == store::ScheduleStatus::error);
  CHECK(broken.rrule == "FREQ=NEVER");
  CHECK(broken.status_reason == "rrule");
}

TEST_CASE("a schedule's variables had no limit but the body's, and each run carries them") {
  const auto with = [](std::size_t bytes) {
    return R"({"rrule":"FREQ=DAILY","starts_at":"2026-01-01T09:00:00Z","variables":{"a":")" +
           std::string(bytes - 8, 'x') + "\"}}";  // {"a":""} are 8
  };
  CHECK(read_schedule(with(kRunVariablesBytesMax)).has_value());
  const auto refused = read_schedule(with(kRunVariablesBytesMax + 1));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().attr == "variables");
  CHECK(refused.error().code == "max_length");
  CHECK(refused.error().detail == "Ensure this field has no more than 65536 bytes as JSON.");
  // What is stored already is taken over, and stays when something else changes.
  const auto stored = read_schedule(with(kRunVariablesBytesMax + 1), JsonUse::import);
  REQUIRE(stored.has_value());
  CHECK(
      schedule_from_json({{"note", "n"}}, stored->row, &stored->row, JsonUse::patch, rules(), kNow)
          .has_value());
}

TEST_CASE("keys that no schedule has are told with their path") {
  const auto unknown =
      unknown_schedule_keys({{"rule", 1}, {"rrule", 1}, {"retry", {{"tries", 1}}}}, "flows__0");
  CHECK(unknown == std::vector<std::string>{"flows__0__rule", "flows__0__retry__tries"});
}
