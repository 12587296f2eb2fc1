#include "daemon/core/explain.h"

#include "daemon/core/lifecycle.h"
#include "daemon/core/run_identity.h"
#include "tests/support/simulation.h"
#include "zones.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using core::Explained;
using core::ExplainSource;
using std::chrono::milliseconds;
using std::chrono::seconds;
using store::GapReason;
using store::Run;
using store::RunStatus;
using store::Schedule;
using store::ScheduleStatus;

// 09:00 UTC each day; the one of 10 June is asked about, and it is noon of that day.
const Instant kAsked = at("2026-06-10T09:00:00Z");
const store::Timestamp kNoon = at("2026-06-10T12:00:00Z");

// What a run may wait for.
const std::string kWaits =
    "waits for a daemon that has executor default, for a free slot there "
    "(executors.default.max_in_flight, run.max_in_flight), or until it answers again (log line "
    "\"executor default: nobody answers\", metric rruled_breaker_state)";

Schedule asked_schedule() {
  Schedule row;
  row.id = store::ScheduleId{store::parse_uuid("0190f6a2-0000-7000-8000-000000000001").value()};
  row.rrule = "RRULE:FREQ=DAILY";
  row.starts_at = at("2026-01-01T09:00:00Z");
  row.created_at = row.starts_at;
  row.settled_to = kAsked;
  row.next_run_at = at("2026-06-11T09:00:00Z");
  return row;
}

core::CalendarFinder closed_on(const std::string& day) {
  return [day](std::int64_t, const std::string&) {
    return core::ExcludedDays::compile(R"({"dates":[")" + day + R"("]})", zones()).value();
  };
}

// What is said of the instant.
Explained explained(const ExplainSource& source,
                    Instant instant,
                    store::Timestamp now = kNoon,
                    const core::CalendarFinder& calendars = {}) {
  const auto timetable = core::Timetable::compile(source.schedule, zones(), calendars).value();
  const auto all = core::explain(source, timetable, core::explain_span(timetable, instant, 3), now);
  for (const auto& each : all)
    if (each.occurrence.instant == instant) return each;
  FAIL("nothing is said of the instant");
  return {};
}

std::string said(const Explained& each) {
  return std::string(core::word(each.outcome)) + ": " + each.text +
         (each.moved.empty() ? "" : "; " + each.moved);
}

Run a_run(RunStatus status, const std::string& reason = {}, const std::string& error = {}) {
  Run run;
  run.id = core::scheduled_run_id(asked_schedule().id, kAsked);
  run.schedule_id = asked_schedule().id;
  run.scheduled_for = kAsked;
  run.due_at = kAsked;
  run.status = status;
  run.reason = reason;
  run.error = error;
  if (status != RunStatus::skipped && status != RunStatus::pending) {
    run.attempts = 2;
    run.started_at = kAsked + milliseconds(120);
  }
  run.available_at = at("2026-06-10T12:05:00Z");
  return run;
}

}  // namespace

TEST_CASE("explain says of each run what became of it") {
  const auto [run, overlap, expected] = GENERATE(table<Run, store::OverlapPolicy, std::string>({
      {a_run(RunStatus::completed), store::OverlapPolicy::allow,
       "ran: ran: started 120 ms after it was due, 2 attempts, answered 200"},
      {a_run(RunStatus::failed, {}, "HTTP 422"), store::OverlapPolicy::allow,
       "failed: failed: started 120 ms after it was due, 2 attempts, answered 200: HTTP 422"},
      {a_run(RunStatus::dead, {}, "timeout"), store::OverlapPolicy::allow,
       "failed: gave up: started 120 ms after it was due, 2 attempts, answered 200: timeout"},
      {a_run(RunStatus::pending), store::OverlapPolicy::allow, "under_way: " + kWaits},
      {a_run(RunStatus::waiting), store::OverlapPolicy::buffer_all,
       "under_way: waits for the end of the run before it"},
      {a_run(RunStatus::dispatching), store::OverlapPolicy::allow,
       "under_way: is being delivered, 2 attempts"},
      {a_run(RunStatus::running), store::OverlapPolicy::allow,
       "under_way: is under way, started 120 ms after it was due, 2 attempts"},
      {a_run(RunStatus::retrying, {}, "HTTP 503"), store::OverlapPolicy::allow,
       "under_way: will be tried again at 2026-06-10T12:05:00Z after 2 attempts: HTTP 503"},
      {a_run(RunStatus::skipped, "overlap"), store::OverlapPolicy::skip,
       "skipped: skipped: the run before it had not ended (overlap: skip)"},
      {a_run(RunStatus::skipped, "buffer_full"), store::OverlapPolicy::buffer_all,
       "skipped: skipped: too many runs before it were waiting (overlap: buffer_all)"},
      {a_run(RunStatus::skipped, "calendar"), store::OverlapPolicy::allow,
       "skipped: skipped: its day was excluded by the calendar"},
      {a_run(RunStatus::cancelled, "overlap"), store::OverlapPolicy::cancel_other,
       "cancelled: cancelled for the run after it (overlap: cancel_other)"},
      {a_run(RunStatus::cancelled, "cancelled_by_operator"), store::OverlapPolicy::allow,
       "cancelled: cancelled by a person"},
      {a_run(RunStatus::cancelled, "schedule_deleted"), store::OverlapPolicy::allow,
       "cancelled: cancelled: the schedule was deleted"},
      {a_run(RunStatus::cancelled, "catchup_window"), store::OverlapPolicy::allow,
       "cancelled: cancelled: no daemon could send it before its catch-up window was over"},
      // A word that is none of ours is shown as it is.
      {a_run(RunStatus::cancelled, "closed for the summer"), store::OverlapPolicy::allow,
       "cancelled: cancelled: closed for the summer"},
  }));
  Schedule row = asked_schedule();
  row.overlap = overlap;
  ExplainSource source{row};
  source.runs = {run};
  store::Attempt attempt;
  attempt.status_code = 200;
  source.attempts[run.id] = {attempt};
  CHECK(said(explained(source, kAsked)) == expected);
  CHECK(explained(source, kAsked).run == run.id);
}

TEST_CASE("explain says which gap an occurrence is in") {
  const auto [reason, expected] = GENERATE(table<GapReason, const char*>({
      {GapReason::missed,
       "missed: not settled in time, as no daemon was there or it was held up; then left out by "
       "catch-up (catchup last: the newest alone, within 1d), or overtaken by a pause or an edit"},
      {GapReason::paused, "not run: paused then"},
      {GapReason::flow_inactive, "not run: its flow was not active then"},
      {GapReason::error, "not run: the schedule could not be used then"},
      {GapReason::skipped_by_operator, "not run: left out by a person"},
  }));
  const Schedule row = asked_schedule();
  ExplainSource source{row};
  source.gaps = {{row.id, reason, at("2026-06-08T09:00:00Z"), kAsked, 3}};
  CHECK(said(explained(source, kAsked)) ==
        "gap: " + std::string(expected) +
            " (3 occurrences from 2026-06-08T09:00:00Z to 2026-06-10T09:00:00Z)");
  // One occurrence later nothing is missing.
  CHECK(said(explained(source, at("2026-06-11T09:00:00Z"))) ==
        "ahead: will run at 2026-06-11T09:00:00.000Z");
}

TEST_CASE("explain did not say what catch-up leaves out, nor that a pause can overtake it") {
  const auto [policy, expected] = GENERATE(table<store::CatchupPolicy, const char*>({
      {store::CatchupPolicy::all, "(catchup all: at most 100, within 6h), or overtaken by a pause"},
      {store::CatchupPolicy::none,
       "(catchup none: nothing older than 1m), or overtaken by a pause"},
      {store::CatchupPolicy::last, "(catchup last: the newest alone, within 6h)"},
  }));
  Schedule row = asked_schedule();
  row.catchup = policy;
  row.catchup_window = std::chrono::hours(6);
  ExplainSource source{row};
  source.gaps = {{row.id, GapReason::missed, at("2026-06-08T09:00:00Z"), kAsked, 3}};
  CHECK_THAT(said(explained(source, kAsked)), Catch::Contains(expected));
}

TEST_CASE("a run whose executor is not in the configuration waited for a slot of it") {
  const Schedule row = asked_schedule();
  ExplainSource source{row};
  source.runs = {a_run(RunStatus::pending)};
  source.has_executor = [](std::string_view name) { return name == "default"; };
  CHECK(said(explained(source, kAsked)) == "under_way: " + kWaits);
  source.runs[0].executor = "crm";
  CHECK(said(explained(source, kAsked)) ==
        "under_way: waits for a daemon that has executor crm: the configuration here has no "
        "[executors.crm] for its project");
}

TEST_CASE("a run was to be tried again at a time that had passed") {
  const Schedule row = asked_schedule();
  ExplainSource source{row};
  source.runs = {a_run(RunStatus::retrying, {}, "HTTP 503")};
  CHECK(said(explained(source, kAsked, at("2026-06-10T12:05:00Z"))) ==
        "under_way: was to be tried again at 2026-06-10T12:05:00Z after 2 attempts, " + kWaits +
            ": HTTP 503");
}

TEST_CASE("a flow that could not fire did not say why, nor what to do") {
  store::Flow flow;
  flow.status = store::FlowStatus::active;
  flow.trigger_type = "batch";
  CHECK(core::why_it_cannot_fire(flow).empty());
  const std::string update = " (rruled flow update " + to_string(flow.id);
  flow.status = store::FlowStatus::draft;
  CHECK(core::why_it_cannot_fire(flow) == "its flow is draft" + update + " --status active)");
  flow.trigger_type = "event";
  CHECK(core::why_it_cannot_fire(flow) == "its flow is draft and has a trigger of type event" +
                                              update + " --status active --trigger schedule)");
  flow.status = store::FlowStatus::active;
  flow.trigger_type.clear();
  CHECK(core::why_it_cannot_fire(flow) ==
        "its flow has no trigger" + update + " --trigger schedule)");
}

TEST_CASE("explain told a word of the store instead of why a run was cancelled") {
  const Schedule row = asked_schedule();
  ExplainSource source{row};
  const auto told = [&](const char* reason) {
    source.runs = {a_run(RunStatus::cancelled, reason)};
    source.runs[0].remote_id = "job-1";
    return said(explained(source, kAsked));
  };
  CHECK(told("cancelled_remotely") ==
        "cancelled: cancelled on the other side, where it was batch job job-1");
  CHECK(told("job_ended") == "cancelled: cancelled: its batch job was ended before it was sent");
}

TEST_CASE("explain says why a dead run was given up") {
  const Schedule row = asked_schedule();
  ExplainSource source{row};
  source.runs = {a_run(RunStatus::dead, "attempts_used_up", "HTTP 503")};
  source.runs[0].retry.max_attempts = 2;
  CHECK(said(explained(source, kAsked)) ==
        "failed: gave up: started 120 ms after it was due, 2 attempts: its 2 attempts are used up: "
        "HTTP 503");
}

TEST_CASE("explain says what will run although a gap of a clock that was wrong covers it") {
  ExplainSource source{.schedule = asked_schedule()};
  source.gaps = {{asked_schedule().id, GapReason::missed, at("2026-06-10T09:00:00Z"),
                  at("2030-03-13T09:00:00Z"), 1'372}};
  CHECK(said(explained(source, kAsked)).starts_with("gap: "));
  CHECK(said(explained(source, at("2026-06-11T09:00:00Z"))) ==
        "ahead: will run at 2026-06-11T09:00:00.000Z");
}

TEST_CASE("explain says what will be, and why not") {
  Schedule row = asked_schedule();
  ExplainSource source{row};
  const Instant tomorrow = at("2026-06-11T09:00:00Z");
  SECTION("it will run") {
    CHECK(said(explained(source, tomorrow)) == "ahead: will run at 2026-06-11T09:00:00.000Z");
  }
  SECTION("the schedule is paused") {
    row.status = ScheduleStatus::paused;
    row.note = "the move";
    CHECK(said(explained(source, tomorrow)) ==
          "never: will not run as things are: the schedule is paused (the move)");
  }
  SECTION("the schedule is paused until then") {
    row.status = ScheduleStatus::paused;
    row.paused_until = at("2026-06-11T08:59:00Z");
    CHECK(said(explained(source, tomorrow)) == "ahead: will run at 2026-06-11T09:00:00.000Z");
    row.paused_until = at("2026-06-11T09:00:00Z");  // a pause ends before its end
    CHECK(said(explained(source, tomorrow)) == "ahead: will run at 2026-06-11T09:00:00.000Z");
    row.paused_until = at("2026-06-11T10:00:00Z");
    CHECK(said(explained(source, tomorrow)) ==
          "never: will not run as things are: the schedule is paused until "
          "2026-06-11T10:00:00Z");
  }
  SECTION("the project is paused") {
    source.project = store::Project{
        .id = 1, .paused_at = kNoon, .resumed_at = {}, .catch_up = false, .note = "freeze"};
    CHECK(said(explained(source, tomorrow)) ==
          "never: will not run as things are: the project is paused (freeze)");
  }
  SECTION("the flow cannot fire") {
    source.flow_silent = "its flow is draft (rruled flow update X --status active)";
    CHECK(said(explained(source, tomorrow)) ==
          "never: will not run as things are: its flow is draft (rruled flow update X --status "
          "active)");
  }
  SECTION("the schedule is in error") {
    row.status = ScheduleStatus::error;
    row.status_reason = "timezone: gone";
    CHECK(said(explained(source, tomorrow)) ==
          "never: will not run as things are: the schedule cannot be used: timezone: gone");
  }
  SECTION("nobody took it") {
    row.settled_to = at("2026-06-09T09:00:00Z");
    CHECK(said(explained(source, kAsked)) ==
          "due: is due since 2026-06-10T09:00:00.000Z and nobody has taken it yet");
  }
  SECTION("it was due while the schedule was paused, and still is") {
    row.settled_to = at("2026-06-09T09:00:00Z");
    row.status = ScheduleStatus::paused;
    CHECK(said(explained(source, kAsked)) == "gap: not run: the schedule is paused");
  }
  SECTION("its row is gone") {
    CHECK(said(explained(source, kAsked)) ==
          "unknown: settled: its row is no longer kept, or "
          "the schedule was another one then");
  }
  SECTION("it was before the schedule") {
    row.created_at = at("2026-06-10T10:00:00Z");
    CHECK(said(explained(source, kAsked)) == "unknown: before the schedule was made");
  }
}

TEST_CASE("explain speaks of those around the asked time, also where the calendar leaves out all") {
  Schedule row = asked_schedule();
  row.rrule = "FREQ=MINUTELY;BYSECOND=0";
  row.calendar = "holidays";
  const auto timetable = core::Timetable::compile(row, zones(), closed_on("2026-06-10")).value();
  const auto span = core::explain_span(timetable, kAsked, 2);
  CHECK(span.from == kAsked - std::chrono::minutes(2));
  CHECK(span.to == kAsked + std::chrono::minutes(1));
  const auto all = core::explain({row}, timetable, span, kNoon);
  REQUIRE(all.size() == 4);
  for (const auto& each : all) CHECK(core::word(each.outcome) == "skipped");
}

TEST_CASE("explain says what the calendar did") {
  Schedule row = asked_schedule();
  row.calendar = "holidays";
  ExplainSource source{row};
  SECTION("left out, and written down as a gap") {
    source.gaps = {{row.id, GapReason::calendar, at("2026-06-01T09:00:00Z"), kAsked, 4}};
    CHECK(said(explained(source, kAsked, kNoon, closed_on("2026-06-10"))) ==
          "skipped: skipped: its day was excluded by the calendar (4 occurrences from "
          "2026-06-01T09:00:00Z to 2026-06-10T09:00:00Z)");
  }
  SECTION("left out, amid others that were missed") {
    source.gaps = {
        {row.id, GapReason::missed, at("2026-06-08T09:00:00Z"), at("2026-06-12T09:00:00Z"), 4}};
    CHECK(said(explained(source, kAsked, kNoon, closed_on("2026-06-10"))) ==
          "skipped: skipped: 2026-06-10 is excluded by calendar holidays");
  }
  SECTION("left out by a calendar that is another one now") {
    source.gaps = {{row.id, GapReason::calendar, at("2026-06-09T09:00:00Z"), kAsked, 2}};
    CHECK_THAT(said(explained(source, kAsked, kNoon, closed_on("2026-06-11"))),
               Catch::StartsWith("skipped: skipped: its day was excluded by the calendar (2 "));
    source.gaps[0].count = 1;  // one of the two ran, and nobody knows which
    CHECK_THAT(said(explained(source, kAsked, kNoon, closed_on("2026-06-11"))),
               Catch::StartsWith("unknown: "));
  }
  SECTION("left out, and not written down yet") {
    CHECK(said(explained(source, kAsked, kNoon, closed_on("2026-06-10"))) ==
          "skipped: skipped: 2026-06-10 is excluded by calendar holidays");
  }
  SECTION("will be left out") {
    CHECK(said(explained(source, at("2026-06-11T09:00:00Z"), kNoon, closed_on("2026-06-11"))) ==
          "never: will not run: 2026-06-11 is excluded by calendar holidays");
  }
  SECTION("moved") {
    row.rrule = "RRULE:FREQ=WEEKLY;BYDAY=WE";
    row.calendar_action = store::CalendarAction::next;
    const auto moved =
        explained(source, at("2026-06-18T09:00:00Z"), kNoon, closed_on("2026-06-17"));
    CHECK(said(moved) ==
          "ahead: will run at 2026-06-18T09:00:00.000Z; moved from 2026-06-17 by "
          "calendar holidays (next)");
  }
}

TEST_CASE("explain says which change of the clock an occurrence met") {
  const auto [zone, start, instant, now, expected] =
      GENERATE(table<const char*, const char*, const char*, const char*, const char*>({
          {"Europe/Prague", "2026-03-01T01:30:00Z", "2026-03-29T01:30:00Z", "2026-03-28T12:00:00Z",
           "ahead: will run at 2026-03-29T01:30:00.000Z; the clock skips 02:30:00 (the change at "
           "2026-03-29T01:00:00Z)"},
          {"America/New_York", "2026-10-01T05:30:00Z", "2026-11-01T05:30:00Z",
           "2026-10-31T12:00:00Z",
           "ahead: will run at 2026-11-01T05:30:00.000Z; the first of two 01:30:00 (the change at "
           "2026-11-01T06:00:00Z)"},
      }));
  Schedule row = asked_schedule();
  row.timezone = zone;
  row.starts_at = at(start);
  row.created_at = at(start);
  row.settled_to = at(start);
  ExplainSource source{row};
  CHECK(said(explained(source, at(instant), at(now))) == expected);
}

TEST_CASE("explain shows a run that the rule of today does not name") {
  Schedule row = asked_schedule();
  row.rrule = "RRULE:FREQ=DAILY;BYHOUR=10";
  ExplainSource source{row};
  source.runs = {a_run(RunStatus::completed)};
  CHECK(said(explained(source, kAsked)) ==
        "ran: ran: started 120 ms after it was due, 2 attempts; the rule of today does not name "
        "it");
}

}  // namespace rruled::test
