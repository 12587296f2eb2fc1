#include "daemon/core/lifecycle.h"

#include "daemon/core/preview.h"
#include "tests/support/simulation.h"
#include "tests/unit/core/daily.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using core::Change;
using store::GapReason;
using store::ScheduleStatus;

// `before` with another rule from `now` on.
Change with_rule(const store::Schedule& before,
                 const char* rule,
                 store::Timestamp now,
                 bool flow_fires = true) {
  auto after = before;
  after.rrule = rule;
  const auto times = timetable_of(before);
  return core::edited(before, &times, after, timetable_of(after), flow_fires, now);
}

}  // namespace

TEST_CASE("only an active flow with a batch or schedule trigger fires") {
  using store::FlowStatus;
  CHECK(core::can_fire(FlowStatus::active, "batch"));
  CHECK(core::can_fire(FlowStatus::active, "schedule"));
  CHECK_FALSE(core::can_fire(FlowStatus::active, "event"));
  CHECK_FALSE(core::can_fire(FlowStatus::draft, "schedule"));
  CHECK_FALSE(core::can_fire(FlowStatus::archived, "batch"));
}

TEST_CASE("a new schedule goes on with what is ahead, not with what passed before it existed") {
  auto row = daily();
  row.settled_to.reset();
  const auto change = core::rescheduled(row, timetable_of(row), true, at("2026-06-05T10:00:00Z"));
  CHECK(change.schedule.next_run_at == at("2026-06-06T09:00:00Z"));
  CHECK(!change.gap);
}

TEST_CASE("an edit never repeats what ran") {
  auto row = daily();
  row.settled_to = at("2026-06-02T09:00:00Z");
  const auto change = core::rescheduled(row, timetable_of(row), true, at("2026-06-02T08:59:59Z"));
  CHECK(change.schedule.next_run_at == at("2026-06-03T09:00:00Z"));
}

TEST_CASE("an edit keeps an occurrence whose jittered start is still ahead") {
  auto row = daily();
  row.jitter = 1h;
  const auto timetable = timetable_of(row);
  const auto slot = timetable.next(row.settled_to);
  REQUIRE(slot->due_at > slot->scheduled_for);
  const auto change =
      core::rescheduled(row, timetable, true, store::Timestamp(slot->scheduled_for) + 1ms);
  CHECK(change.schedule.next_run_at == slot->scheduled_for);
  CHECK(change.schedule.next_due_at == slot->due_at);
}

TEST_CASE("an edit records what was due and unsettled") {
  const auto change = with_rule(daily(), "FREQ=WEEKLY;BYDAY=FR", at("2026-06-03T10:00:00Z"));
  REQUIRE(change.gap);
  CHECK(change.gap->count == 2);
  CHECK(change.gap->reason == GapReason::missed);
  CHECK(change.schedule.settled_to == at("2026-06-03T10:00:00Z"));
  CHECK(change.schedule.next_run_at == at("2026-06-05T09:00:00Z"));
}

TEST_CASE("an edit of a completed schedule makes it active, of a paused one leaves it paused") {
  auto row = daily();
  row.status = ScheduleStatus::completed;
  row.next_run_at.reset();
  row.next_due_at.reset();
  const auto now = at("2026-06-05T10:00:00Z");
  CHECK(core::rescheduled(row, timetable_of(row), true, now).schedule.status ==
        ScheduleStatus::active);
  row.status = ScheduleStatus::paused;
  const auto paused = core::rescheduled(row, timetable_of(row), true, now).schedule;
  CHECK(paused.status == ScheduleStatus::paused);
  CHECK(!paused.next_run_at);
}

TEST_CASE("an edit in quarantine leaves a gap for the time in it") {
  auto before = daily();
  before.next_run_at.reset();
  before.next_due_at.reset();
  before.status = ScheduleStatus::error;
  auto after = before;
  after.rrule = "FREQ=DAILY;INTERVAL=2";
  const auto now = at("2026-06-05T10:00:00Z");
  const auto old_times = timetable_of(before);
  SECTION("by the old timing, when it can be used") {
    const auto change = core::edited(before, &old_times, after, timetable_of(after), true, now);
    REQUIRE(change.gap);
    CHECK(change.gap->reason == GapReason::error);
    CHECK(change.gap->count == 4);
  }
  SECTION("by the new one, when it cannot") {
    const auto change = core::edited(before, nullptr, after, timetable_of(after), true, now);
    REQUIRE(change.gap);
    CHECK(change.gap->reason == GapReason::error);
    CHECK(change.gap->from == at("2026-06-02T09:00:00Z"));
    CHECK(change.gap->count == 2);
    CHECK(change.schedule.status == ScheduleStatus::active);
    CHECK(change.schedule.next_run_at == at("2026-06-06T09:00:00Z"));
  }
}

TEST_CASE("an edit while paused counts what the old timing had, and the new one begins then") {
  const auto old_times = timetable_of(daily());
  const auto before = core::paused(daily(), &old_times, "", at("2026-06-02T08:00:00Z")).schedule;
  const auto change = with_rule(before, "FREQ=MINUTELY", at("2026-06-05T10:00:00Z"));
  REQUIRE(change.gap);
  CHECK(change.gap->reason == GapReason::paused);
  CHECK(change.gap->count == 4);
  CHECK(change.schedule.status == ScheduleStatus::paused);
  const auto catch_up = GENERATE(core::CatchUp::none, core::CatchUp::policy);
  const auto resumed = core::resumed(change.schedule, timetable_of(change.schedule), true,
                                     at("2026-06-05T10:02:30Z"), catch_up);
  if (catch_up == core::CatchUp::policy) {
    CHECK(resumed.schedule.next_run_at == at("2026-06-05T10:01:00Z"));
  } else {
    REQUIRE(resumed.gap);
    CHECK(resumed.gap->count == 2);
  }
}

TEST_CASE("a pause after an edit counts from the edit on") {
  const auto edited = with_rule(daily(), "FREQ=MINUTELY", at("2026-06-01T12:00:10Z")).schedule;
  const auto times = timetable_of(edited);
  const auto paused = core::paused(edited, &times, "", at("2026-06-01T12:00:30Z")).schedule;
  const auto now = at("2026-06-01T12:05:30Z");
  const auto resumed = core::resumed(paused, times, true, now);
  REQUIRE(resumed.gap);
  CHECK(resumed.gap->count == 5);
  CHECK(core::resumed(paused, times, true, now, core::CatchUp::policy).schedule.next_run_at ==
        at("2026-06-01T12:01:00Z"));
}

TEST_CASE("a paused schedule whose old timing cannot be used any more is counted by the new one") {
  const auto before = core::paused(daily(), nullptr, "", at("2026-06-02T08:00:00Z")).schedule;
  const auto change =
      core::edited(before, nullptr, before, timetable_of(before), true, at("2026-06-05T10:00:00Z"));
  REQUIRE(change.gap);
  CHECK(change.gap->reason == GapReason::paused);
  CHECK(change.gap->count == 4);
}

TEST_CASE("an edit while its flow is inactive counts what the old timing had") {
  auto before = daily();
  before.next_run_at.reset();
  before.next_due_at.reset();
  const auto change = with_rule(before, "FREQ=MINUTELY", at("2026-06-05T10:00:00Z"), false);
  REQUIRE(change.gap);
  CHECK(change.gap->reason == GapReason::flow_inactive);
  CHECK(change.gap->count == 4);
  CHECK(change.schedule.settled_to == at("2026-06-05T10:00:00Z"));
}

TEST_CASE("what was due before a pause is missed, not paused") {
  const auto times = timetable_of(daily());
  const auto paused = core::paused(daily(), &times, "", at("2026-06-03T10:00:00Z"));
  REQUIRE(paused.gap);
  CHECK(paused.gap->reason == GapReason::missed);
  CHECK(paused.gap->count == 2);
  const auto resumed = core::resumed(paused.schedule, times, true, at("2026-06-03T10:00:01Z"));
  CHECK_FALSE(resumed.gap);
}

TEST_CASE("a rule with nothing ahead is completed") {
  auto row = daily();
  row.rrule = "FREQ=DAILY;COUNT=3";
  const auto change = core::rescheduled(row, timetable_of(row), true, at("2026-06-05T10:00:00Z"));
  CHECK(change.schedule.status == ScheduleStatus::completed);
  CHECK(!change.schedule.next_run_at);
  CHECK(!change.schedule.next_due_at);
}

TEST_CASE("time spent paused is one gap when it ends") {
  const auto times = timetable_of(daily());
  const auto row = core::paused(daily(), &times, "holiday", at("2026-06-02T08:00:00Z")).schedule;
  CHECK(row.status == ScheduleStatus::paused);
  CHECK(!row.next_run_at);
  CHECK(row.note == "holiday");
  const auto now = at("2026-06-05T10:00:00Z");
  SECTION("the default: on from now") {
    const auto change = core::resumed(row, timetable_of(row), true, now);
    CHECK(change.schedule.next_run_at == at("2026-06-06T09:00:00Z"));
    CHECK(change.schedule.settled_to == at("2026-06-05T09:00:00Z"));
    REQUIRE(change.gap);
    CHECK(change.gap->reason == GapReason::paused);
    CHECK(change.gap->from == at("2026-06-02T09:00:00Z"));
    CHECK(change.gap->to == at("2026-06-05T09:00:00Z"));
    CHECK(change.gap->count == 4);
  }
  SECTION("with catch-up: left to the policy") {
    const auto change = core::resumed(row, timetable_of(row), true, now, core::CatchUp::policy);
    CHECK(change.schedule.next_run_at == at("2026-06-02T09:00:00Z"));
    CHECK(!change.gap);
    CHECK_FALSE(change.schedule.resume_catchup);
    CHECK(change.schedule.resumed_at == now);
  }
  SECTION("with catch-up by another policy: that one, until it is resumed again") {
    const auto change = core::resumed(row, timetable_of(row), true, now, core::CatchUp::all);
    CHECK(change.schedule.next_run_at == at("2026-06-02T09:00:00Z"));
    CHECK(change.schedule.catchup == store::CatchupPolicy::last);
    CHECK(change.schedule.resume_catchup == store::CatchupPolicy::all);
    CHECK(change.schedule.resumed_at == now);
    const auto again = core::resumed(change.schedule, timetable_of(row), true, now);
    CHECK_FALSE(again.schedule.resume_catchup);
    CHECK_FALSE(again.schedule.resumed_at);
  }
  SECTION("while its flow cannot fire: active, but nothing next") {
    const auto change = core::resumed(row, timetable_of(row), false, now);
    CHECK(change.schedule.status == ScheduleStatus::active);
    CHECK(!change.schedule.next_run_at);
  }
}

TEST_CASE("what is previewed of a schedule paused until a time is what it resumes with") {
  auto row = daily();
  row.jitter = GENERATE(0ms, 50min, 23h);
  const auto times = timetable_of(row);
  const auto until = GENERATE(at("2026-06-04T08:59:59Z"), at("2026-06-04T09:00:00Z"),
                              at("2026-06-04T09:00:01Z"), at("2026-06-05T00:00:00Z")) +
                     GENERATE(0ms, 1ms);
  CAPTURE(row.jitter, until);
  row = core::paused(row, &times, "", at("2026-06-02T08:00:00Z"), until).schedule;
  const auto after = core::fires_after(row, times, true);
  REQUIRE(after);
  CHECK(times.next(*after)->scheduled_for ==
        core::resumed(row, times, true, until - 1ms).schedule.next_run_at);
  CHECK_FALSE(core::fires_after(row, times, false));
  row.paused_until.reset();
  CHECK_FALSE(core::fires_after(row, times, true));
  CHECK(core::fires_after(daily(), times, true) == at("2026-06-02T08:59:59Z"));
}

TEST_CASE("what an outage left before a flow stopped was missed, and is not of the flow") {
  auto row = daily();
  const auto timetable = timetable_of(row);
  const auto due = *row.next_run_at;
  const auto change =
      core::flow_changed(row, timetable, false, due + std::chrono::hours(50), false);
  REQUIRE(change.gap);
  CHECK(change.gap->reason == GapReason::missed);
  CHECK(change.gap->from == due);
  CHECK(change.gap->count == 3);
  CHECK(!change.schedule.next_run_at);
  CHECK(!core::flow_changed(row, timetable, false, due + std::chrono::hours(50), true).gap);
  const auto started =
      core::flow_changed(change.schedule, timetable, true, due + std::chrono::hours(80), false);
  REQUIRE(started.gap);
  CHECK(started.gap->reason == GapReason::flow_inactive);
  CHECK(started.gap->count == 1);
}

TEST_CASE("a flow that stops and starts again leaves one gap for the time between") {
  const auto timetable = timetable_of(daily());
  const auto stopped =
      core::flow_changed(daily(), timetable, false, at("2026-06-01T12:00:00Z"), false);
  CHECK(stopped.schedule.status == ScheduleStatus::active);
  CHECK(!stopped.schedule.next_run_at);
  CHECK(!stopped.gap);
  const auto started =
      core::flow_changed(stopped.schedule, timetable, true, at("2026-06-03T12:00:00Z"), false);
  CHECK(started.schedule.next_run_at == at("2026-06-04T09:00:00Z"));
  REQUIRE(started.gap);
  CHECK(started.gap->reason == GapReason::flow_inactive);
  CHECK(started.gap->count == 2);
  SECTION("a change that leaves it able to fire changes nothing") {
    const auto same =
        core::flow_changed(started.schedule, timetable, true, at("2026-06-03T13:00:00Z"), false);
    CHECK(same.schedule.next_run_at == started.schedule.next_run_at);
    CHECK(!same.gap);
  }
}

TEST_CASE("what passed before a schedule existed is in no gap") {
  auto row = daily();
  row.settled_to.reset();
  row.next_run_at.reset();
  row.next_due_at.reset();
  row.created_at = at("2026-06-01T12:00:00Z");
  const auto change =
      core::flow_changed(row, timetable_of(row), true, at("2026-06-03T12:00:00Z"), false);
  REQUIRE(change.gap);
  CHECK(change.gap->from == at("2026-06-02T09:00:00Z"));
  CHECK(change.gap->count == 2);
}

TEST_CASE("quarantine keeps the row and its reason, and takes it out of the index") {
  const auto row = core::quarantined(daily(), "rrule: no such part");
  CHECK(row.status == ScheduleStatus::error);
  CHECK(row.status_reason == "rrule: no such part");
  CHECK(!row.next_due_at);
  const auto change = core::resumed(row, timetable_of(row), true, at("2026-06-03T12:00:00Z"));
  CHECK(change.schedule.status == ScheduleStatus::active);
  CHECK(change.schedule.status_reason.empty());
  CHECK(change.gap->reason == GapReason::error);
}

TEST_CASE("a settled_to from a wrong clock is taken back to now") {
  auto row = daily();
  const auto timetable = timetable_of(row);
  const auto now = at("2026-06-05T10:00:00Z");
  row.settled_to = at("2036-06-01T09:00:00Z");
  row.next_run_at = at("2036-06-02T09:00:00Z");
  row.resumed_at = at("2036-06-01T10:00:00Z");
  row.resume_catchup = store::CatchupPolicy::all;
  const auto change = core::recomputed(row, {}, timetable, true, now);
  REQUIRE(change);
  // Or every outage until then would go by it.
  CHECK_FALSE(change->schedule.resumed_at);
  CHECK_FALSE(change->schedule.resume_catchup);
  CHECK(change->schedule.settled_to == now);
  CHECK(change->schedule.next_run_at == at("2026-06-06T09:00:00Z"));
  CHECK_FALSE(change->gap);
  // What has not come yet was not missed.
  const store::Gap missed{row.id, store::GapReason::missed, at("2026-06-03T09:00:00Z"),
                          at("2036-06-01T09:00:00Z"), 3'652};
  const store::Gap before{row.id, store::GapReason::paused, at("2026-06-01T09:00:00Z"),
                          at("2026-06-02T09:00:00Z"), 2};
  const auto cut = core::recomputed(row, {before, missed}, timetable, true, now);
  REQUIRE((cut && cut->gap));
  CHECK(*cut->gap ==
        store::Gap{row.id, store::GapReason::missed, missed.from, at("2026-06-05T09:00:00Z"), 3});
  row.settled_to = at("2026-06-06T09:00:00Z");  // within a day: skipped by a person
  CHECK_FALSE(core::recomputed(row, {}, timetable, true, now));
}

TEST_CASE("a schedule is paused by failures when the last ones of its runs failed") {
  auto row = daily();
  row.pause_after_failures = 2;
  row.updated_at = at("2026-06-01T00:00:00Z");
  const auto now = at("2026-06-05T10:00:00Z");
  const auto run = [](const char* due, store::RunStatus status) {
    store::Run ended;
    ended.due_at = at(due);
    ended.status = status;
    return ended;
  };
  using store::RunStatus;
  const auto third = run("2026-06-03T09:00:00Z", RunStatus::dead);
  const auto second = run("2026-06-02T09:00:00Z", RunStatus::failed);
  const auto good = run("2026-06-02T09:00:00Z", RunStatus::completed);
  const auto old = run("2026-05-31T09:00:00Z", RunStatus::failed);
  CHECK(core::paused_by_failures(row, {third, second}, now));
  CHECK_FALSE(core::paused_by_failures(row, {third, good}, now));
  CHECK_FALSE(core::paused_by_failures(row, {third}, now));
  CHECK_FALSE(core::paused_by_failures(row, {third, old}, now));  // before it was edited
  row.pause_after_failures = 0;
  CHECK_FALSE(core::paused_by_failures(row, {third, second}, now));
}

}  // namespace rruled::test
