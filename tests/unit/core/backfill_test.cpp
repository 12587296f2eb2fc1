#include "daemon/core/backfill.h"

#include "daemon/core/run_identity.h"
#include "tests/support/simulation.h"
#include "zones.h"

#include <catch2/catch.hpp>

#include <set>

namespace rruled::test {
namespace {

using core::backfill_step;
using std::chrono::seconds;

const store::Timestamp kFilledAt = at("2026-06-10T12:00:00Z");

store::DueSchedule hourly_due(const char* rule = "FREQ=HOURLY") {
  store::DueSchedule due;
  due.schedule.id =
      store::ScheduleId{store::parse_uuid("0190f6a2-0000-7000-8000-000000000001").value()};
  due.schedule.rrule = rule;
  due.schedule.starts_at = at("2026-01-01T00:00:00Z");
  due.flow_status = store::FlowStatus::active;
  due.trigger_type = "schedule";
  due.flow_name = "Hello";
  return due;
}

core::Timetable times(const store::DueSchedule& due) {
  return core::Timetable::compile(due.schedule, zones()).value();
}

store::Backfill one_day() {
  store::Backfill backfill;
  backfill.id = store::ParentId{store::parse_uuid("0190f6a2-0000-7000-8000-0000000000bf").value()};
  backfill.from = at("2026-06-01T00:00:00Z");
  backfill.to = at("2026-06-02T00:00:00Z");
  backfill.count = 24;
  return backfill;
}

}  // namespace

TEST_CASE("a backfill takes the occurrences from its beginning and before its end") {
  const auto timetable = times(hourly_due());
  const auto preview = core::backfill_preview(timetable, at("2026-06-01T00:00:00Z"),
                                              at("2026-06-01T03:00:00Z"), kFilledAt);
  REQUIRE(preview.has_value());
  REQUIRE(preview->items.size() == 3);
  CHECK(preview->items[0].occurrence.instant == at("2026-06-01T00:00:00Z"));
  CHECK(preview->items[2].occurrence.instant == at("2026-06-01T02:00:00Z"));
  // A fraction of a second after an occurrence is after it.
  const auto later = core::backfill_preview(
      timetable, store::Timestamp(at("2026-06-01T00:00:00Z")) + store::milliseconds(1),
      store::Timestamp(at("2026-06-01T02:00:00Z")) + store::milliseconds(1), kFilledAt);
  REQUIRE(later.has_value());
  CHECK(later->items.size() == 2);
}

TEST_CASE("what cannot be backfilled is told") {
  const auto [rule, from, to, attr, part] =
      GENERATE(table<const char*, const char*, const char*, const char*, const char*>({
          {"FREQ=HOURLY", "2026-06-02T00:00:00Z", "2026-06-02T00:00:00Z", "to", "after from"},
          {"FREQ=HOURLY", "2026-06-10T00:00:00Z", "2026-06-10T12:00:01Z", "to", "ahead of now"},
          {"FREQ=MINUTELY", "2026-06-09T00:00:00Z", "2026-06-09T16:41:00Z", "to",
           "There are 1001 occurrences, and at most 1000"},
          // 13,737,600, one by one.
          {"RRULE:FREQ=SECONDLY\nRRULE:FREQ=DAILY", "1971-01-01T00:00:00Z", "2026-06-09T00:00:00Z",
           "to", "There are more than "},
          {"FREQ=YEARLY", "2026-06-09T00:00:00Z", "2026-06-09T16:41:00Z", "from", "no occurrence"},
      }));
  const auto preview = core::backfill_preview(times(hourly_due(rule)), at(from), at(to), kFilledAt);
  REQUIRE(preview.has_error());
  CHECK(preview.error().attr == attr);
  CHECK_THAT(preview.error().detail, Catch::Contains(part));
  CHECK(core::backfill_preview(times(hourly_due("FREQ=MINUTELY")), at("2026-06-09T00:00:00Z"),
                               at("2026-06-09T16:40:00Z"), kFilledAt)
            .has_value());
}

TEST_CASE("a backfill goes on in order, a bounded number at a time, and ends") {
  auto due = hourly_due();
  due.schedule.overlap = GENERATE(store::OverlapPolicy::allow, store::OverlapPolicy::skip);
  const std::size_t room = due.schedule.overlap == store::OverlapPolicy::allow ? 10 : 1;
  const auto timetable = times(due);
  auto backfill = one_day();
  std::vector<Instant> made;
  std::set<store::RunId> ids;
  int steps = 0;
  while (!backfill.ended_at) {
    REQUIRE(++steps < 100);
    CHECK_FALSE(backfill_step(backfill, due, &timetable, room, kFilledAt));  // all of them are live
    const auto step = backfill_step(backfill, due, &timetable, 0, kFilledAt);
    REQUIRE(step);
    CHECK(step->runs.size() <= room);
    for (const auto& run : step->runs) {
      made.push_back(*run.scheduled_for);
      ids.insert(run.id);
      CHECK(run.id.value == store::uuid_v5(backfill.id.value, core::rfc3339(*run.scheduled_for)));
      CHECK(run.origin == store::RunOrigin::backfill);
      CHECK(run.parent_id == backfill.id);
      CHECK(run.schedule_id == due.schedule.id);
      CHECK(run.status == store::RunStatus::pending);
      CHECK(run.due_at == kFilledAt);
      CHECK_THAT(run.body, Catch::Contains(R"("origin":"backfill")"));
    }
    backfill = step->backfill;
  }
  REQUIRE(made.size() == 24);
  CHECK(ids.size() == 24);
  CHECK(std::is_sorted(made.begin(), made.end()));
  CHECK(made.front() == at("2026-06-01T00:00:00Z"));
  CHECK(made.back() == at("2026-06-01T23:00:00Z"));
  CHECK(backfill.made == 24);
  CHECK_FALSE(backfill_step(backfill, due, &timetable, 0, kFilledAt));
}

TEST_CASE("a backfill rests while the project is paused, and ends with what it is of") {
  auto due = hourly_due();
  const auto timetable = times(due);
  SECTION("the project is paused") {
    due.project = store::Project{
        .id = 1, .paused_at = kFilledAt, .resumed_at = {}, .catch_up = false, .note = ""};
    CHECK_FALSE(backfill_step(one_day(), due, &timetable, 0, kFilledAt));
    due.project->resumed_at = kFilledAt;
    CHECK(backfill_step(one_day(), due, &timetable, 0, kFilledAt)->runs.size() == 10);
  }
  SECTION("the schedule is deleted") {
    const auto step = backfill_step(one_day(), std::nullopt, nullptr, 0, kFilledAt);
    REQUIRE(step);
    CHECK(step->runs.empty());
    CHECK(step->backfill.ended_at == kFilledAt);
    CHECK_THAT(step->backfill.note, Catch::Contains("deleted"));
  }
  SECTION("the flow is archived") {
    due.flow_status = store::FlowStatus::archived;
    const auto step = backfill_step(one_day(), due, &timetable, 0, kFilledAt);
    REQUIRE(step);
    CHECK(step->runs.empty());
    CHECK(step->backfill.ended_at == kFilledAt);
  }
}

}  // namespace rruled::test
