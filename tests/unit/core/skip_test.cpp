// What a person skips, of a schedule that fires and of one that is paused.
#include "daemon/core/lifecycle.h"
#include "tests/support/simulation.h"
#include "tests/unit/core/daily.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using store::GapReason;
using store::ScheduleStatus;

}  // namespace

TEST_CASE("what a person skips is one gap row, and the next is the first at or after it") {
  const auto row = daily();
  const auto timetable = timetable_of(row);
  const auto now = at("2026-06-05T10:00:00Z");
  const auto change = core::skipped(row, timetable, at("2026-06-05T09:00:00Z"), true, now);
  REQUIRE(change.gap);
  CHECK(change.gap->reason == GapReason::skipped_by_operator);
  CHECK(change.gap->from == at("2026-06-02T09:00:00Z"));
  CHECK(change.gap->to == at("2026-06-04T09:00:00Z"));  // until is exclusive
  CHECK(change.gap->count == 3);
  CHECK(change.schedule.settled_to == at("2026-06-04T09:00:00Z"));
  CHECK(change.schedule.next_run_at == at("2026-06-05T09:00:00Z"));  // overdue: it runs

  const auto ahead = core::skipped(row, timetable, at("2026-06-06T09:00:01Z"), true, now);
  CHECK(ahead.gap->count == 5);
  CHECK(ahead.schedule.next_run_at == at("2026-06-07T09:00:00Z"));

  CHECK_FALSE(core::skipped(row, timetable, at("2026-06-02T09:00:00Z"), true, now).gap);
  auto completed = row;
  completed.status = GENERATE(ScheduleStatus::completed, ScheduleStatus::error);
  const auto none = core::skipped(completed, timetable, at("2026-06-05T09:00:00Z"), true, now);
  CHECK_FALSE(none.gap);
  CHECK(none.schedule.status == completed.status);
  CHECK(none.schedule.settled_to == row.settled_to);
}

TEST_CASE("what a person skips of a paused schedule does not fire after its resume") {
  const auto timetable = timetable_of(daily());
  const auto now = at("2026-06-05T10:00:00Z");
  const auto row =
      core::paused(daily(), &timetable, "", at("2026-06-01T10:00:00Z"), at("2026-06-08T12:00:00Z"))
          .schedule;
  const auto change = core::skipped(row, timetable, at("2026-06-06T09:00:01Z"), true, now);
  REQUIRE(change.gap);
  CHECK(change.gap->reason == GapReason::skipped_by_operator);
  CHECK(change.gap->from == at("2026-06-02T09:00:00Z"));
  CHECK(change.gap->to == at("2026-06-06T09:00:00Z"));
  CHECK(change.gap->count == 5);
  const auto& held = change.schedule;
  CHECK(held.status == ScheduleStatus::paused);
  CHECK(held.paused_until == row.paused_until);
  CHECK_FALSE(held.next_run_at);
  CHECK_FALSE(held.next_due_at);
  CHECK(held.settled_to == at("2026-06-06T09:00:00Z"));
  CHECK(held.settled_wall == timetable.wall(at("2026-06-06T09:00:00Z")));
  CHECK_FALSE(core::skipped(held, timetable, at("2026-06-06T09:00:01Z"), true, now).gap);

  SECTION("at once: nothing that was skipped comes, or is counted twice") {
    const auto catch_up = GENERATE(core::CatchUp::none, core::CatchUp::last, core::CatchUp::all);
    const auto resumed = core::resumed(held, timetable, true, now, catch_up);
    CHECK_FALSE(resumed.gap);
    CHECK(resumed.schedule.next_run_at == at("2026-06-07T09:00:00Z"));
  }
  SECTION("later: what came since is paused, or caught up") {
    const auto end = at("2026-06-08T12:00:00Z");
    const auto without = core::resumed(held, timetable, true, end);
    REQUIRE(without.gap);
    CHECK(without.gap->reason == GapReason::paused);
    CHECK(without.gap->from == at("2026-06-07T09:00:00Z"));
    CHECK(without.gap->count == 2);
    const auto with = core::resumed(held, timetable, true, end, core::CatchUp::all);
    CHECK_FALSE(with.gap);
    CHECK(with.schedule.next_run_at == at("2026-06-07T09:00:00Z"));
  }
}

}  // namespace rruled::test
