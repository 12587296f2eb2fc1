// Calendars and pauses of a project, through the whole engine.
#include "daemon/core/catchup.h"
#include "daemon/core/preview.h"
#include "store/directory.h"
#include "store/memory_store.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

namespace rruled::test {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using store::GapReason;
using store::RunStatus;

constexpr const char* kWeekends = R"({"rules":["FREQ=WEEKLY;BYDAY=SA,SU"]})";

void add_calendar(store::Store& store, Timestamp now) {
  store::Calendar calendar;
  calendar.name = "weekends";
  calendar.days = kWeekends;
  store::ChangeSet changes;
  changes.calendars.push_back({calendar, std::nullopt});
  REQUIRE_FALSE(store.write(changes, now));
}

core::Timetable times(Simulation& simulation, store::ScheduleId id) {
  const auto days = core::ExcludedDays::compile(kWeekends, simulation.zones()).value();
  return core::Timetable::compile(*simulation.store().schedule(id), simulation.zones(),
                                  [&](std::int64_t, const std::string&) { return days; })
      .value();
}

std::vector<store::Run> runs_of(store::Store& store, store::ScheduleId id, bool skipped) {
  auto runs = store.runs({.schedule_id = id, .limit = 100'000});
  std::erase_if(runs,
                [&](const auto& run) { return (run.status == RunStatus::skipped) != skipped; });
  std::reverse(runs.begin(), runs.end());
  return runs;
}

std::vector<Instant> instants(const std::vector<store::Run>& runs) {
  std::vector<Instant> all;
  for (const auto& run : runs) all.push_back(*run.scheduled_for);
  return all;
}

std::uint64_t counted(store::Store& store, store::ScheduleId id, GapReason reason) {
  std::uint64_t count = 0;
  for (const auto& gap : store.gaps(id))
    if (gap.reason == reason) count += gap.count;
  return count;
}

void write_project(store::Store& store, const store::Project& project, Timestamp now) {
  store::ChangeSet changes;
  changes.projects.push_back({project, store.directory()->project(project.id)});
  REQUIRE_FALSE(store.write(changes, now));
}

}  // namespace

TEST_CASE("with a calendar, what is previewed is fired and the rest is accounted for", "[sweep]") {
  const auto action = GENERATE(store::CalendarAction::skip, store::CalendarAction::next,
                               store::CalendarAction::previous);
  const auto rule = GENERATE(as<const char*>(), "FREQ=DAILY;BYHOUR=2;BYMINUTE=30",
                             "FREQ=WEEKLY;BYDAY=SU,WE;BYHOUR=9", "FREQ=HOURLY");
  const std::uint64_t crash_every = GENERATE(0, 7);
  CAPTURE(store::word(action), rule, crash_every);
  const Instant from = at("2026-03-16T00:00:00Z");
  const Instant to = at("2026-04-17T12:00:00Z");
  store::MemoryStore store;
  add_calendar(store, from);
  Simulation simulation(store, from, {.crash_every = crash_every});
  const auto id = simulation.add(rule, at("2026-01-01T00:00:00Z"), "Europe/Prague", [&](auto& row) {
    row.calendar = "weekends";
    row.calendar_action = action;
  });
  const auto preview =
      core::preview(times(simulation, id), {.after = from, .until = to, .count = 10'000});
  std::vector<Instant> previewed;
  for (const auto& each : preview.items) previewed.push_back(each.occurrence.instant);
  REQUIRE(previewed.size() >= 5);

  simulation.run_until(to);
  CHECK(instants(runs_of(store, id, false)) == previewed);
  const auto skipped = runs_of(store, id, true);
  CHECK(skipped.size() == preview.excluded.size());
  CHECK(skipped.empty() == (action != store::CalendarAction::skip));
  for (const auto& run : skipped) CHECK(run.reason == "calendar");
}

TEST_CASE("what a calendar leaves out of a rule of minutes has a hundred rows and a gap") {
  const Instant from = at("2026-03-20T12:00:00Z");  // a Friday
  store::MemoryStore store;
  add_calendar(store, from);
  Simulation simulation(store, from, {});
  const auto id =
      simulation.add("FREQ=MINUTELY", from, "UTC", [](auto& row) { row.calendar = "weekends"; });
  simulation.run_until(at("2026-03-23T00:05:00Z"));
  const auto skipped = runs_of(store, id, true);
  REQUIRE(skipped.size() == 100);
  CHECK(skipped.back().scheduled_for == at("2026-03-22T23:59:00Z"));
  CHECK(counted(store, id, GapReason::calendar) == 2 * 1'440 - 100);
  REQUIRE(store.gaps(id).size() == 1);
  CHECK(store.gaps(id)[0].from == at("2026-03-21T00:00:00Z"));
  CHECK(store.gaps(id)[0].to == at("2026-03-22T22:19:00Z"));
  CHECK(runs_of(store, id, false).size() == 12 * 60 + 6 - 1);
}

TEST_CASE("a project that is paused fires nothing, and what passed is one gap") {
  using core::CatchUp;
  const auto catch_up = GENERATE(CatchUp::none, CatchUp::policy, CatchUp::all);
  const bool restart = GENERATE(false, true);
  const Instant from = at("2026-06-01T00:30:00Z");
  store::MemoryStore store;
  Simulation simulation(store, from, {});
  const auto hourly = simulation.add("FREQ=HOURLY", at("2026-01-01T00:00:00Z"), "UTC",
                                     [](auto& row) { row.catchup = store::CatchupPolicy::last; });
  const auto yearly = simulation.add("FREQ=YEARLY", at("2026-06-02T12:00:00Z"), "UTC");
  simulation.run_until(at("2026-06-01T03:30:00Z"));
  REQUIRE(runs_of(store, hourly, false).size() == 3);

  store::Project project{
      .id = 1, .paused_at = simulation.now(), .resumed_at = {}, .catch_up = false, .note = "x"};
  write_project(store, project, simulation.now());
  simulation.run_until(at("2026-06-01T20:00:00Z"));
  if (restart) simulation.crash();
  simulation.run_until(at("2026-06-01T23:30:00Z"));
  CHECK(runs_of(store, hourly, false).size() == 3);

  project.resumed_at = simulation.now();
  project.catch_up = catch_up != CatchUp::none;
  project.resume_catchup = core::other_policy(catch_up);
  write_project(store, project, simulation.now());
  simulation.run_until(at("2026-06-02T02:30:00Z"));
  const auto runs = instants(runs_of(store, hourly, false));
  // 04:00 to 23:00 passed: twenty. The schedule's own policy is the last one.
  const std::size_t made_up = catch_up == CatchUp::none ? 0 : catch_up == CatchUp::policy ? 1 : 20;
  REQUIRE(runs.size() == 3 + made_up + 3);
  std::vector<Instant> after;
  for (Instant hour = at("2026-06-02T02:00:00Z"); after.size() < made_up + 3;
       hour -= std::chrono::hours(1))
    after.insert(after.begin(), hour);
  CHECK(std::vector(runs.begin() + 3, runs.end()) == after);
  const bool is_gap = catch_up == CatchUp::none;
  CHECK(counted(store, hourly, GapReason::paused) == (is_gap ? 20U : 0U));
  CHECK(counted(store, hourly, GapReason::missed) == (is_gap ? 0U : 20U - made_up));
  // One that had nothing due meanwhile goes on as before.
  simulation.run_until(at("2026-06-02T12:30:00Z"));
  CHECK(runs_of(store, yearly, false).size() == 1);
  CHECK(store.gaps(yearly).empty());
}

}  // namespace rruled::test
