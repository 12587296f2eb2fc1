// Schedules whose occurrences are excluded for so long that a search for the next one gives up.
#include "daemon/core/catchup.h"
#include "daemon/core/flow_change.h"
#include "daemon/core/lifecycle.h"
#include "daemon/core/open_days.h"
#include "daemon/core/preview.h"
#include "daemon/core/refresh.h"
#include "daemon/core/schedule_json.h"
#include "store/memory_store.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using store::ScheduleStatus;

// 66,240 in a row.
const char* const kNoSummer =
    "RRULE:FREQ=MINUTELY;INTERVAL=2\nEXRULE:FREQ=MINUTELY;INTERVAL=2;BYMONTH=6,7,8";
// One date, and a rule that is excluded for ever.
const char* const kHidden =
    "RRULE:FREQ=MINUTELY;INTERVAL=45;BYHOUR=2\nEXRULE:FREQ=MINUTELY;INTERVAL=45\n"
    "RDATE:20370122T143209Z";
const char* const kNoChristmas = "RRULE:FREQ=SECONDLY\nEXDATE;VALUE=DATE:20261225";

store::Schedule due_schedule(const char* rrule, Instant next) {
  store::Schedule row;
  row.rrule = rrule;
  row.starts_at = at("2026-01-01T00:00:00Z");
  row.created_at = row.starts_at;
  row.next_run_at = next;
  row.next_due_at = next;
  row.settled_to = next - 1s;
  return row;
}

core::Timetable compiled(const store::Schedule& row) {
  static const rrule::ZoneDatabase zones;
  return core::Timetable::compile(row, zones).value();
}

}  // namespace

TEST_CASE("a schedule of seconds that leaves out a day goes on after it") {
  const auto row = due_schedule(kNoChristmas, at("2026-12-24T23:59:59Z"));
  const auto plan = core::plan_due(row, compiled(row), at("2026-12-24T23:59:59Z"));
  CHECK(plan.runs.size() == 1);
  CHECK_FALSE(plan.exhausted);
  REQUIRE(plan.next);
  CHECK(plan.next->scheduled_for == at("2026-12-26T00:00:00Z"));
}

TEST_CASE("an outage that ends on an excluded day is settled at once") {
  auto row = due_schedule(kNoChristmas, at("2026-12-24T12:00:00Z"));
  row.catchup = store::CatchupPolicy::last;
  const auto plan = core::plan_due(row, compiled(row), at("2026-12-25T06:00:00Z"));
  REQUIRE(plan.runs.size() == 1);
  CHECK(plan.runs.front().slot.scheduled_for == at("2026-12-24T23:59:59Z"));
  REQUIRE(plan.gaps.size() == 1);
  CHECK(plan.gaps.front().count == 12 * 3600 - 1);
  REQUIRE(plan.next);
  CHECK(plan.next->scheduled_for == at("2026-12-26T00:00:00Z"));
}

TEST_CASE("a schedule whose next occurrence is not found is quarantined, not completed") {
  store::MemoryStore store;
  Simulation simulation(store, at("2026-05-31T23:57:00Z"), {});
  const auto id = simulation.add(kNoSummer, at("2026-05-31T23:50:00Z"), "UTC");
  simulation.run_until(at("2026-06-01T00:05:00Z"));
  REQUIRE(simulation.sent().size() == 1);  // what was due still ran
  CHECK(simulation.sent().front().scheduled_for == at("2026-05-31T23:58:00Z"));
  const auto row = *store.schedule(id);
  CHECK(row.status == ScheduleStatus::error);
  CHECK(row.status_reason == core::kExhaustedReason);
  CHECK(row.settled_to == at("2026-05-31T23:58:00Z"));
  CHECK_FALSE(row.next_run_at);
  const auto is_quarantine = [](const core::Notice& notice) {
    return notice.kind == core::Notice::Kind::quarantined;
  };
  CHECK(std::ranges::count_if(simulation.notices(), is_quarantine) == 1);
}

TEST_CASE("a stored rule whose COUNT takes too long to count down is quarantined when it is due") {
  store::MemoryStore store;
  Simulation simulation(store, at("2026-05-31T23:57:00Z"), {});
  const auto id = simulation.add("FREQ=MINUTELY", at("2026-05-31T23:50:00Z"), "UTC");
  const auto other = simulation.add("FREQ=MINUTELY", at("2026-05-31T23:50:00Z"), "UTC");
  auto before = *store.schedule(id);
  const auto stamp = core::stamp_of(before);
  before.rrule = "FREQ=SECONDLY;INTERVAL=4099;BYSECOND=1;COUNT=9000";
  before.starts_at = at("1970-01-01T00:00:00Z");
  store::ChangeSet changes;
  changes.schedules.push_back({before, stamp});
  REQUIRE_FALSE(store.write(changes, simulation.now()));
  simulation.run_until(at("2026-06-01T00:00:30Z"));
  const auto row = *store.schedule(id);
  CHECK(row.status == ScheduleStatus::error);
  CHECK(row.status_reason ==
        "rrule: the COUNT of FREQ=SECONDLY;INTERVAL=4099;COUNT=9000;BYSECOND=1 takes too long to "
        "count down: give it an UNTIL instead");
  CHECK_FALSE(row.next_run_at);
  CHECK(row.settled_to == before.settled_to);
  CHECK(store.schedule(other)->status == ScheduleStatus::active);
  CHECK(simulation.sent().size() == 3);
}

TEST_CASE("what was due is quarantined where its end is not found, and not settled for ever") {
  store::MemoryStore store;
  Simulation simulation(store, at("2026-05-31T12:00:00Z"), {});
  const auto id = simulation.add(kNoSummer, at("2026-05-31T11:50:00Z"), "UTC");
  simulation.down_until(at("2026-08-30T00:00:00Z"));
  simulation.run_until(at("2026-08-30T00:01:00Z"));
  const auto row = *store.schedule(id);
  CHECK(row.status == ScheduleStatus::error);
  CHECK(row.status_reason == core::kExhaustedReason);
  CHECK(simulation.sent().empty());
  CHECK(simulation.actions() < 1'000);
}

TEST_CASE("what is due after a long exclusion needs no search through it") {
  // Four days: 172,800 in a row.
  auto row = due_schedule(
      "RRULE:FREQ=SECONDLY;INTERVAL=2\nEXRULE:FREQ=SECONDLY;INTERVAL=2;BYMONTHDAY=2,3,4,5",
      at("2026-01-06T00:00:00Z"));
  row.settled_to = at("2026-01-01T23:59:58Z");
  row.catchup = store::CatchupPolicy::all;
  bool exhausted = false;
  CHECK_FALSE(compiled(row).previous(at("2026-01-05T20:00:00Z"), &exhausted));
  CHECK(exhausted);
  const auto [now, runs] = GENERATE(table<const char*, std::size_t>({
      {"2026-01-06T00:00:04Z", 3},   // merely late
      {"2026-01-06T00:02:00Z", 61},  // some of them made up for
  }));
  const auto plan = core::plan_due(row, compiled(row), at(now));
  CHECK_FALSE(plan.exhausted);
  CHECK(plan.runs.size() == runs);
  CHECK(plan.gaps.empty());
}

TEST_CASE("a change or a reload of a schedule that is not searched through does not complete it") {
  const auto now = at("2026-06-01T00:10:00Z");
  auto row = due_schedule(kNoSummer, at("2026-05-31T23:58:00Z"));
  row.settled_to = row.next_run_at;
  const auto timetable = compiled(row);
  const auto change = core::rescheduled(row, timetable, true, now);
  CHECK(change.schedule.status == ScheduleStatus::error);
  CHECK(change.schedule.status_reason == core::kExhaustedReason);
  CHECK_FALSE(change.schedule.next_run_at);

  const rrule::ZoneDatabase zones;
  CHECK_FALSE(core::refreshed(change.schedule, true, zones, {}, now));
  row.next_run_at = at("2026-05-31T23:59:00Z");  // of other rules of the zone
  CHECK_FALSE(core::refreshed(row, true, zones, {}, now));
}

TEST_CASE("a preview says that it is cut short only where its window may have more") {
  auto row = due_schedule(kHidden, at("2037-01-22T14:32:09Z"));
  row.starts_at = at("2037-01-01T05:25:38Z");
  row.timezone = "Pacific/Kwajalein";
  const auto timetable = compiled(row);
  const auto ask = [&](std::size_t count, std::optional<Instant> until) {
    return core::preview(timetable, {.after = std::nullopt, .until = until, .count = count});
  };
  const auto two = ask(2, std::nullopt);
  CHECK(two.items.size() == 1);
  CHECK(two.exhausted);
  CHECK(two.cut_short);
  CHECK_FALSE(two.ended);
  CHECK(core::to_json(two).at("cut_short") == true);
  // Enough to answer.
  for (const auto& full : {ask(1, std::nullopt), ask(9, at("2037-02-01T00:00:00Z"))}) {
    CHECK(full.items.size() == 1);
    CHECK_FALSE(full.cut_short);
    CHECK_FALSE(full.ended);
    CHECK_FALSE(core::to_json(full).contains("cut_short"));
  }
  CHECK(ask(9, at("2190-01-01T00:00:00Z")).cut_short);
}

TEST_CASE("a rule whose next occurrences are not found is refused when it is written") {
  static const rrule::ZoneDatabase zones;
  const auto refused = [](const char* rule, const char* start, const char* now) {
    boost::json::object object{{"rrule", rule}, {"starts_at", start}};
    const auto edit = core::schedule_from_json(object, {}, nullptr, core::JsonUse::create,
                                               {.zones = zones, .may_use_executor = {}}, at(now));
    return edit ? "" : edit.error().attr + ": " + edit.error().detail;
  };
  const std::string gave_up = "rrule: Invalid RRULE. " + std::string(core::kExhaustedRule) + ".";
  CHECK(gave_up.find("Invalid RRULE. the search for the next occurrence gave up") !=
        std::string::npos);
  // After the one that it has, and before the first.
  CHECK(refused(kHidden, "2037-01-01T05:25:38Z", "2037-01-01T00:00:00Z") == gave_up);
  CHECK(refused(kHidden, "2037-01-01T05:25:38Z", "2037-02-01T00:00:00Z") == gave_up);
  CHECK(refused(kNoSummer, "2026-01-01T00:00:00Z", "2026-05-31T23:50:00Z") == gave_up);
  CHECK(refused(kNoSummer, "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z").empty());
}

TEST_CASE("of a count that is cut short the excluded days are not taken away") {
  static const rrule::ZoneDatabase zones;
  auto set = rrule::Recurrence::compile("RRULE:FREQ=SECONDLY\nRRULE:FREQ=DAILY",
                                        at("2026-01-01T00:00:00Z"), rrule::TimeZone::utc(), {});
  auto weekends =
      core::ExcludedDays::compile(R"({"rules":["FREQ=WEEKLY;BYDAY=SA,SU"]})", zones).value();
  const core::OpenDays days(set.value(), weekends, store::CalendarAction::skip);
  bool cut_short = false;
  const auto day = days.count(at("2026-01-02T00:00:00Z"), at("2026-01-03T06:00:00Z"), &cut_short);
  CHECK(day == 86'400);
  CHECK_FALSE(cut_short);
  const auto year = days.count(at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"), &cut_short);
  CHECK(cut_short);
  CHECK(year >= 86'400);
  CHECK(year < 261 * 86'400);
}

TEST_CASE("a preview until the last year does not go through all that a calendar leaves out") {
  static const rrule::ZoneDatabase zones;
  store::Schedule row;
  row.rrule = "RRULE:FREQ=SECONDLY;INTERVAL=2\nRRULE:FREQ=SECONDLY;INTERVAL=3";
  row.starts_at = at("2026-01-01T00:00:00Z");
  row.calendar = "closed";
  const auto closed =
      core::ExcludedDays::compile(R"({"rules":["FREQ=DAILY;UNTIL=21991231"]})", zones).value();
  const auto timetable =
      core::Timetable::compile(row, zones, [&](auto, const auto&) { return closed; }).value();
  const auto shown = core::preview(
      timetable,
      {.after = at("2026-01-01T23:59:59Z"), .until = at("2199-12-30T00:00:00Z"), .count = 3});
  CHECK(shown.items.empty());
  CHECK(shown.excluded.size() == 100);
  CHECK(shown.excluded_before > 57'600);
  CHECK(shown.excluded_cut_short);
  CHECK_FALSE(shown.cut_short);
  CHECK(core::to_json(shown).at("excluded_cut_short") == true);
  const auto day = core::preview(
      timetable,
      {.after = at("2026-01-01T23:59:59Z"), .until = at("2026-01-02T23:59:59Z"), .count = 3});
  CHECK(day.excluded_before == 57'500);
  CHECK_FALSE(core::to_json(day).contains("excluded_cut_short"));
}

}  // namespace rruled::test
