// Edits of a stored schedule, and what of the time before them must not get lost.
#include "daemon/core/catchup.h"
#include "daemon/core/flow_change.h"
#include "daemon/core/lifecycle.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using store::GapReason;
using store::ScheduleStatus;

core::Timetable times_of(const store::Schedule& row) {
  const rrule::ZoneDatabase zones;
  return core::Timetable::compile(row, zones).value();
}

// At nine each day, due within the hour; the third of June comes next.
store::Schedule jittered() {
  store::Schedule row;
  row.rrule = "FREQ=DAILY";
  row.starts_at = at("2026-01-01T09:00:00Z");
  row.created_at = at("2026-01-01T00:00:00Z");
  row.jitter = 1h;
  row.settled_to = at("2026-06-02T09:00:00Z");
  const auto next = times_of(row).next(row.settled_to);
  row.next_run_at = next->scheduled_for;
  row.next_due_at = next->due_at;
  REQUIRE(row.next_due_at > at("2026-06-03T09:00:01Z"));
  return row;
}

core::Change edit(const store::Schedule& before,
                  const store::Schedule& after,
                  store::Timestamp now,
                  bool flow_fires = true) {
  const auto times = times_of(before);
  return core::edited(before, &times, after, times_of(after), flow_fires, now);
}

}  // namespace

TEST_CASE("an edit of the jitter does not lose the occurrence that waited for it") {
  auto before = jittered();
  auto after = before;
  after.jitter = 0ms;
  const auto now = *before.next_due_at - 1ms;
  SECTION("it is due at once, and merely late from then on, whatever catch-up says") {
    after.catchup = store::CatchupPolicy::none;
    const auto change = edit(before, after, now);
    CHECK_FALSE(change.gap);
    CHECK(change.schedule.status == ScheduleStatus::active);
    CHECK(change.schedule.next_run_at == at("2026-06-03T09:00:00Z"));
    CHECK(change.schedule.next_due_at == now);
    const auto plan = core::plan_due(change.schedule, times_of(after), now + 59s);
    REQUIRE(plan.runs.size() == 1);
    CHECK(plan.runs.front().slot.scheduled_for == at("2026-06-03T09:00:00Z"));
    CHECK(plan.runs.front().slot.due_at == now);
    CHECK(plan.gaps.empty());
    CHECK(plan.next->scheduled_for == at("2026-06-04T09:00:00Z"));
    const auto old = core::plan_due(change.schedule, times_of(after), now + 61s);
    CHECK(old.runs.empty());
    CHECK(old.gaps.size() == 1);
  }
  SECTION("when it was the last one, too") {
    before.rrule = after.rrule = "FREQ=DAILY;UNTIL=20260603T235959Z";
    const auto change = edit(before, after, now);
    CHECK(change.schedule.status == ScheduleStatus::active);
    CHECK(change.schedule.next_due_at == now);
  }
  SECTION("while it is paused, or its flow inactive, it is left to the gap of that time") {
    const bool paused = GENERATE(true, false);
    before.next_run_at.reset();
    before.next_due_at.reset();
    if (paused) before.status = ScheduleStatus::paused;
    after = before;
    after.jitter = 0ms;
    const auto change = edit(before, after, now, false);
    CHECK_FALSE(change.gap);
    CHECK_FALSE(change.schedule.next_run_at);
    const auto later = paused
                           ? core::resumed(change.schedule, times_of(after), true, now)
                           : core::flow_changed(change.schedule, times_of(after), true, now, false);
    REQUIRE(later.gap);
    CHECK(later.gap->from == at("2026-06-03T09:00:00Z"));
    CHECK(later.gap->count == 1);
  }
}

TEST_CASE("an occurrence that waits for its jitter and is edited away is in a gap") {
  const auto before = jittered();
  auto after = before;
  const auto now = *before.next_due_at - 1ms;
  // The second has it too, but others after it: what it has before now was never an occurrence.
  after.rrule = GENERATE("FREQ=WEEKLY;BYDAY=FR", "FREQ=SECONDLY");
  const auto change = edit(before, after, now);
  REQUIRE(change.gap);
  CHECK(change.gap->reason == GapReason::skipped_by_operator);
  CHECK(change.gap->from == at("2026-06-03T09:00:00Z"));
  CHECK(change.gap->to == at("2026-06-03T09:00:00Z"));
  CHECK(change.gap->count == 1);
  CHECK(change.schedule.next_run_at > now - 1h);
  SECTION("with what an outage left before it") {
    auto overdue = before;
    overdue.settled_to = at("2026-06-01T09:00:00Z");
    const auto next = times_of(overdue).next(overdue.settled_to);
    overdue.next_run_at = next->scheduled_for;
    overdue.next_due_at = next->due_at;
    after.settled_to = overdue.settled_to;
    const auto both = edit(overdue, after, now);
    REQUIRE(both.gap);
    CHECK(both.gap->reason == GapReason::missed);
    CHECK(both.gap->from == at("2026-06-02T09:00:00Z"));
    CHECK(both.gap->count == 2);
  }
}

TEST_CASE("a changed calendar asks for the flows of schedules alone that have nothing next") {
  const rrule::ZoneDatabase zones;
  const auto finder = [&](const char* days) {
    return [days = core::ExcludedDays::compile(days, zones).value()](
               std::int64_t, const std::string&) { return days; };
  };
  const auto flow = [](std::uint8_t n) {
    store::FlowId id;
    id.value.data[0] = n;
    return id;
  };
  auto active = jittered();
  active.calendar = "holidays";
  active.flow_id = flow(1);
  auto paused = active;
  paused.flow_id = flow(2);
  paused.status = ScheduleStatus::paused;
  paused.next_run_at.reset();
  paused.next_due_at.reset();
  auto completed = paused;
  completed.flow_id = flow(3);
  completed.status = ScheduleStatus::completed;
  auto stopped = completed;
  stopped.flow_id = flow(4);
  stopped.status = ScheduleStatus::active;
  std::vector<store::FlowId> asked;
  const auto changes = core::calendar_changes(
      {active, paused, completed, stopped}, finder(R"({"dates":[]})"),
      finder(R"({"dates":["2026-06-03"]})"),
      [&](store::FlowId id) {
        asked.push_back(id);
        return id == flow(3);
      },
      zones, at("2026-06-03T08:00:00Z"));
  CHECK(asked == std::vector{flow(3), flow(4)});
  REQUIRE(changes.size() == 4);
  CHECK(changes[0].schedule.next_run_at == at("2026-06-04T09:00:00Z"));
  CHECK(changes[1].schedule.status == ScheduleStatus::paused);
  CHECK(changes[2].schedule.next_run_at == at("2026-06-04T09:00:00Z"));
  CHECK_FALSE(changes[3].schedule.next_run_at);
}

}  // namespace rruled::test
