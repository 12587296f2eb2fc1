#include "daemon/core/catchup.h"

#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using core::DuePlan;
using store::CatchupPolicy;

// An hourly schedule (unless told otherwise) whose occurrence at 09:00 is next.
store::Schedule hourly() {
  store::Schedule row;
  row.rrule = "FREQ=HOURLY";
  row.starts_at = at("2026-01-01T00:00:00Z");
  row.next_run_at = at("2026-06-01T09:00:00Z");
  row.next_due_at = *row.next_run_at;
  row.settled_to = at("2026-06-01T08:00:00Z");
  row.created_at = at("2026-01-01T00:00:00Z");
  return row;
}

DuePlan plan(const store::Schedule& row,
             store::Timestamp now,
             const std::optional<store::Project>& project = {}) {
  const rrule::ZoneDatabase zones;
  const auto timetable = core::Timetable::compile(row, zones);
  REQUIRE(timetable.has_value());
  return core::plan_due(row, *timetable, now, project);
}

// Resumed then, what passed made up for by `policy`.
store::Project project_resumed(store::Timestamp when, CatchupPolicy policy) {
  return {.id = 1,
          .paused_at = at("2026-05-01T08:30:00Z"),
          .resumed_at = when,
          .catch_up = true,
          .resume_catchup = policy,
          .note = ""};
}

std::optional<store::Gap> missed(const DuePlan& plan) {
  for (const auto& gap : plan.gaps)
    if (gap.reason == store::GapReason::missed) return gap;
  return std::nullopt;
}

std::vector<Instant> instants(const DuePlan& plan) {
  std::vector<Instant> all;
  for (const auto& item : plan.runs) all.push_back(item.slot.scheduled_for);
  return all;
}

}  // namespace

TEST_CASE("on time: the one run, and the next occurrence") {
  const auto due = plan(hourly(), at("2026-06-01T09:00:00Z"));
  CHECK(instants(due) == std::vector{at("2026-06-01T09:00:00Z")});
  CHECK(!missed(due));
  CHECK(due.settled_to == at("2026-06-01T09:00:00Z"));
  CHECK(due.next->scheduled_for == at("2026-06-01T10:00:00Z"));
}

TEST_CASE("within the grace an occurrence is merely late, whatever catchup says") {
  auto row = hourly();
  row.catchup = GENERATE(CatchupPolicy::none, CatchupPolicy::last, CatchupPolicy::all);
  const auto due = plan(row, at("2026-06-01T09:01:00Z"));
  CHECK(instants(due) == std::vector{at("2026-06-01T09:00:00Z")});
  CHECK(!missed(due));
}

TEST_CASE("what was due when it was resumed goes by the policy that was asked for then") {
  auto row = hourly();
  row.catchup = GENERATE(CatchupPolicy::none, CatchupPolicy::last);
  const auto asked = GENERATE(CatchupPolicy::last, CatchupPolicy::all);
  const bool of_project = GENERATE(false, true);
  const auto resumed_at = at("2026-06-01T14:30:00Z");
  std::optional<store::Project> project;
  if (of_project) {
    project = project_resumed(resumed_at, asked);
  } else {
    row.resume_catchup = asked;
    row.resumed_at = resumed_at;
  }
  const auto made_up = [&](store::Timestamp now) { return plan(row, now, project).runs.size(); };
  CHECK(made_up(resumed_at) == (asked == CatchupPolicy::all ? 6U : 1U));
  // Nobody was there until later: what came due since is none of its business.
  const auto later = plan(row, at("2026-06-01T16:30:00Z"), project);
  CHECK(later.runs.size() == (asked == CatchupPolicy::all ? 6U : 1U));
  if (asked != row.catchup) {
    CHECK(later.settled_to == at("2026-06-01T14:00:00Z"));
    CHECK(later.next->scheduled_for == at("2026-06-01T15:00:00Z"));
  }
  // Nor the next outage.
  row.settled_to = at("2026-06-01T15:00:00Z");
  row.next_run_at = at("2026-06-01T16:00:00Z");
  row.next_due_at = *row.next_run_at;
  CHECK(made_up(at("2026-06-01T20:30:00Z")) == (row.catchup == CatchupPolicy::last ? 1U : 0U));
}

TEST_CASE("an outage before its project was paused is missed, and is no pause") {
  const store::Project project{.id = 1,
                               .paused_at = at("2026-06-01T11:30:00Z"),
                               .resumed_at = at("2026-06-01T13:30:00Z"),
                               .note = ""};
  const auto due = plan(hourly(), at("2026-06-01T13:45:00Z"), project);
  REQUIRE(due.gaps.size() == 2);
  CHECK(missed(due)->from == at("2026-06-01T09:00:00Z"));
  CHECK(missed(due)->to == at("2026-06-01T11:00:00Z"));
  CHECK(missed(due)->count == 3);
  CHECK(due.gaps.at(1).reason == store::GapReason::paused);
  CHECK(due.gaps.at(1).from == at("2026-06-01T12:00:00Z"));
  CHECK(due.gaps.at(1).count == 2);
  CHECK(due.runs.empty());
  CHECK(due.settled_to == at("2026-06-01T13:00:00Z"));
  // Paused itself until then.
  auto row = hourly();
  row.resumed_at = at("2026-06-01T12:10:00Z");
  const auto own = plan(row, at("2026-06-01T13:45:00Z"), project);
  REQUIRE(own.gaps.size() == 1);
  CHECK(own.gaps.at(0).reason == store::GapReason::paused);
  CHECK(own.gaps.at(0).count == 5);
}

TEST_CASE("the later resume decides, of the schedule or of its project") {
  auto row = hourly();
  row.catchup = CatchupPolicy::none;
  auto project = project_resumed(at("2026-06-01T12:30:00Z"), CatchupPolicy::last);
  const auto now = at("2026-06-01T14:30:00Z");
  const auto made_up = [&] { return plan(row, now, project).runs.size(); };
  CHECK(made_up() == 1);
  row.resumed_at = at("2026-06-01T14:30:00Z");
  CHECK(made_up() == 0);  // by its own policy
  row.resume_catchup = CatchupPolicy::all;
  CHECK(made_up() == 6);
  row.resumed_at = at("2026-06-01T11:30:00Z");
  CHECK(made_up() == 1);
  // What the schedule's resume lets catch-up have is no pause of its project any more.
  project.catch_up = false;
  project.resume_catchup.reset();
  row.resumed_at = at("2026-06-01T14:30:00Z");
  CHECK(plan(row, now, project).gaps.empty());
  CHECK(made_up() == 6);
}

TEST_CASE("after a resume what came later goes on in turn, and by the same policy in one plan") {
  auto row = hourly();
  row.catchup = CatchupPolicy::all;
  row.resumed_at = at("2026-06-01T11:30:00Z");
  const auto now = at("2026-06-01T14:30:00Z");
  SECTION("by another") {
    row.resume_catchup = CatchupPolicy::last;
    const auto first = plan(row, now);
    CHECK(instants(first) == std::vector{at("2026-06-01T11:00:00Z")});
    row.settled_to = first.settled_to;
    row.next_run_at = first.next->scheduled_for;
    row.next_due_at = first.next->due_at;
    const auto second = plan(row, now);
    REQUIRE(second.runs.size() == 3);
    CHECK(second.runs.front().in_turn);
    row.settled_to = second.settled_to;
    row.next_run_at = second.next->scheduled_for;
    row.next_due_at = second.next->due_at;
    CHECK_FALSE(plan(row, at("2026-06-01T20:30:00Z")).runs.front().in_turn);
  }
  SECTION("by the same") {
    row.resume_catchup = CatchupPolicy::all;
    CHECK(plan(row, now).runs.size() == 6);
  }
}

TEST_CASE("a resume that a wrong clock dated years ahead decides nothing") {
  auto row = hourly();
  row.catchup = CatchupPolicy::none;
  const auto now = at("2026-06-01T14:30:00Z");
  auto project = project_resumed(at("2036-06-01T12:30:00Z"), CatchupPolicy::all);
  CHECK(plan(row, now, project).runs.empty());
  row.resumed_at = project.resumed_at;
  row.resume_catchup = CatchupPolicy::all;
  CHECK(plan(row, now, project).runs.empty());
  row.resumed_at.reset();
  project.catch_up = false;
  const auto due = plan(row, now, project);
  REQUIRE(due.gaps.size() == 1);
  CHECK(due.gaps[0].to == at("2026-06-01T14:00:00Z"));
  CHECK(due.settled_to == at("2026-06-01T14:00:00Z"));
}

// Two daemons with different rules of a zone move next_run_at to and fro, an hour at a time.
TEST_CASE("an occurrence that another daemon's time zones put elsewhere is not lost") {
  auto row = hourly();
  row.rrule = "FREQ=DAILY;BYHOUR=6;BYMINUTE=0";
  row.settled_to = at("2026-05-31T06:00:00Z");
  SECTION("earlier: it is due at our time") {
    row.next_run_at = at("2026-06-01T05:00:00Z");
    row.next_due_at = *row.next_run_at;
    const auto due = plan(row, *row.next_due_at);
    CHECK(due.runs.empty());
    CHECK(due.next->scheduled_for == at("2026-06-01T06:00:00Z"));
    CHECK(due.settled_to == row.settled_to);
  }
  SECTION("later: ours has passed, and is late") {
    row.next_run_at = at("2026-06-01T07:00:00Z");
    row.next_due_at = *row.next_run_at;
    const auto due = plan(row, *row.next_due_at);
    CHECK(instants(due) == std::vector{at("2026-06-01T06:00:00Z")});
    CHECK(due.settled_to == at("2026-06-01T06:00:00Z"));
    CHECK(due.next->scheduled_for == at("2026-06-02T06:00:00Z"));
  }
}

TEST_CASE("down for five days: what catchup makes of 120 missed hours") {
  auto row = hourly();
  const auto now = at("2026-06-06T08:30:00Z");
  SECTION("none: one gap") {
    row.catchup = CatchupPolicy::none;
    const auto due = plan(row, now);
    CHECK(due.runs.empty());
    CHECK(missed(due)->count == 120);
    CHECK(missed(due)->from == at("2026-06-01T09:00:00Z"));
    CHECK(missed(due)->to == at("2026-06-06T08:00:00Z"));
    CHECK(due.settled_to == at("2026-06-06T08:00:00Z"));
    CHECK(due.next->scheduled_for == at("2026-06-06T09:00:00Z"));
  }
  SECTION("last: the newest, the others one gap") {
    const auto due = plan(row, now);
    CHECK(instants(due) == std::vector{at("2026-06-06T08:00:00Z")});
    CHECK(missed(due)->count == 119);
    CHECK(missed(due)->to == at("2026-06-06T07:00:00Z"));
  }
  SECTION("all: those of the window, one at a time, the others one gap") {
    row.catchup = CatchupPolicy::all;
    const auto due = plan(row, now);
    REQUIRE(due.runs.size() == 24);
    CHECK(due.runs.front().slot.scheduled_for == at("2026-06-05T09:00:00Z"));
    CHECK_FALSE(due.runs.front().in_turn);
    CHECK(due.runs[1].in_turn);
    CHECK(due.runs.back().in_turn);
    CHECK(missed(due)->count == 96);
  }
  SECTION("all, with a window of a year: at most 100, the newest") {
    row.catchup = CatchupPolicy::all;
    row.catchup_window = 24h * 365;
    const auto due = plan(row, now);
    CHECK(due.runs.size() == 100);
    CHECK(due.runs.back().slot.scheduled_for == at("2026-06-06T08:00:00Z"));
    CHECK(missed(due)->count == 20);
  }
}

TEST_CASE("a run that waits unsent may start within the window, an interval and the grace") {
  auto row = hourly();
  CHECK(plan(row, at("2026-06-01T09:00:00Z")).window == 24h);
  row.catchup_window = 0ms;
  CHECK(plan(row, at("2026-06-01T09:00:00Z")).window == 1h);
  CHECK(plan(row, at("2026-06-01T19:30:00Z")).window == 1h);
  row.rrule = "FREQ=HOURLY;UNTIL=20260601T090000Z";  // the last one: the interval before it
  CHECK(plan(row, at("2026-06-01T09:00:00Z")).window == 1h);
  row.rrule = "FREQ=SECONDLY";
  CHECK(plan(row, at("2026-06-01T09:00:00Z")).window == 1s);
  // An older one that is caught up on, beside one that is merely late, has the interval after it.
  row.catchup = CatchupPolicy::all;
  row.rrule = "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=9";
  row.next_run_at = at("2026-06-05T09:00:00Z");  // a Friday
  row.next_due_at = *row.next_run_at;
  row.settled_to = at("2026-06-04T09:00:00Z");
  CHECK(plan(row, at("2026-06-08T09:00:30Z")).window == 72h);
}

TEST_CASE("the window is at least one interval: a yearly run is made up for after months") {
  auto row = hourly();
  row.rrule = "FREQ=YEARLY";
  row.starts_at = at("2020-03-01T00:00:00Z");
  row.next_run_at = at("2026-03-01T00:00:00Z");
  row.next_due_at = *row.next_run_at;
  row.settled_to = at("2025-03-01T00:00:00Z");
  const auto due = plan(row, at("2026-09-01T00:00:00Z"));
  CHECK(instants(due) == std::vector{at("2026-03-01T00:00:00Z")});
  CHECK(!missed(due));
}

TEST_CASE("a single run missed for longer than the window is a gap, and the schedule is done") {
  auto row = hourly();
  row.rrule = "FREQ=DAILY;COUNT=1";
  row.starts_at = at("2026-06-01T09:00:00Z");
  row.settled_to.reset();
  const auto due = plan(row, at("2026-06-03T09:00:00Z"));
  CHECK(due.runs.empty());
  CHECK(missed(due)->count == 1);
  CHECK(!due.next);
}

TEST_CASE("every second, down for a year: at most 100 runs, one gap, in no time") {
  auto row = hourly();
  row.rrule = "FREQ=SECONDLY";
  row.starts_at = at("2025-01-01T00:00:00Z");
  row.next_run_at = at("2025-06-01T00:00:00Z");
  row.next_due_at = *row.next_run_at;
  row.settled_to = *row.next_run_at - 1s;
  row.catchup = GENERATE(CatchupPolicy::none, CatchupPolicy::last, CatchupPolicy::all);
  const auto now = at("2026-06-01T00:00:00Z");
  const auto due = plan(row, now);
  CHECK(due.runs.size() <= 100);
  REQUIRE(missed(due));
  CHECK(missed(due)->count + due.runs.size() ==
        static_cast<std::uint64_t>((now - *row.next_run_at) / 1s) + 1);
}

TEST_CASE("a next_run_at that the zone's rules no longer name is passed over") {
  auto row = hourly();
  row.settled_to = at("2026-06-01T09:00:00Z");
  row.next_run_at = at("2026-06-01T09:17:00Z");
  row.next_due_at = *row.next_run_at;
  const auto due = plan(row, at("2026-06-01T09:17:00Z"));
  CHECK(due.runs.empty());
  CHECK(!missed(due));
  CHECK(due.next->scheduled_for == at("2026-06-01T10:00:00Z"));
  CHECK(due.settled_to == row.settled_to);
}

TEST_CASE("more merely late occurrences than one plan takes are taken in portions") {
  auto row = hourly();
  row.rrule = "FREQ=SECONDLY";
  row.next_run_at = at("2026-06-01T09:00:00Z");
  row.next_due_at = *row.next_run_at;
  row.settled_to = *row.next_run_at - 1s;
  row.catchup_grace = 1h;
  const auto now = at("2026-06-01T09:30:00Z");
  std::size_t runs = 0;
  int portions = 0;
  for (auto due = plan(row, now);; due = plan(row, now)) {
    runs += due.runs.size();
    CHECK(due.runs.size() <= core::kRunsMax);
    CHECK(!missed(due));
    ++portions;
    row.settled_to = due.settled_to;
    row.next_run_at = due.next->scheduled_for;
    row.next_due_at = due.next->due_at;
    if (due.next->due_at > now) break;
  }
  CHECK(runs == 1801);
  CHECK(portions == 2);
}

}  // namespace rruled::test
