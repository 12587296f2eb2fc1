#include "daemon/core/open_days.h"

#include "daemon/core/timetable.h"
#include "tests/support/simulation.h"
#include "zones.h"

#include <catch2/catch.hpp>

#include <map>

namespace rruled::test {
namespace {

using core::ExcludedDays;
using core::OpenDays;
using std::chrono::seconds;
using store::CalendarAction;

std::shared_ptr<const ExcludedDays> excluding(const std::string& rules) {
  return ExcludedDays::compile(R"({"rules":[)" + rules + "]}", zones()).value();
}
const std::string kWeekends = R"("FREQ=WEEKLY;BYDAY=SA,SU")";
const std::string kOdd =
    kWeekends + R"(,"FREQ=MONTHLY;BYMONTHDAY=1,29,30,31","FREQ=WEEKLY;BYDAY=FR;INTERVAL=3")";

OpenDays open_days(const char* rule,
                   const char* start,
                   const char* zone,
                   const std::string& excluded,
                   CalendarAction action) {
  return {rrule::Recurrence::compile(rule, at(start), zones().find(zone).value(), {}).value(),
          excluding(excluded), action};
}

std::vector<Instant> walk(const OpenDays& days, Instant from, Instant to) {
  std::vector<Instant> all;
  for (auto found = days.next(from - seconds(1)); found && found->occurrence.instant < to;
       found = days.next(found->occurrence.instant))
    all.push_back(found->occurrence.instant);
  return all;
}

// The same by going through every occurrence of many years around.
std::vector<Instant> by_hand(const OpenDays& days,
                             const ExcludedDays& excluded,
                             CalendarAction action,
                             Instant from,
                             Instant to) {
  const auto& recurrence = days.recurrence();
  std::set<Instant> all;
  const auto margin = std::chrono::hours(24 * 40);
  for (const auto& each : recurrence.between(from - margin, to + margin, 1'000'000)) {
    auto day = std::chrono::floor<date::days>(each.local);
    if (!excluded.has(day)) {
      all.insert(each.instant);
      continue;
    }
    if (action == CalendarAction::skip) continue;
    const auto time = each.local - day;
    while (excluded.has(day)) day += date::days(action == CalendarAction::next ? 1 : -1);
    const auto instant = rrule::start_instant(day + time, *recurrence.zone());
    if (instant >= recurrence.starts_at()) all.insert(instant);
  }
  return {all.lower_bound(from), all.lower_bound(to)};
}

}  // namespace

TEST_CASE("occurrences on excluded days are left out or moved as counting by hand does") {
  const auto [rule, zone] = GENERATE(table<const char*, const char*>({
      {"FREQ=DAILY;BYHOUR=9,17", "Europe/Prague"},
      {"FREQ=HOURLY;INTERVAL=5", "America/New_York"},
      {"FREQ=WEEKLY;BYDAY=SU;BYHOUR=2;BYMINUTE=30", "America/New_York"},
      {"FREQ=MONTHLY;BYMONTHDAY=1,-1", "Pacific/Apia"},
      {"FREQ=MONTHLY;BYDAY=SA,SU;BYSETPOS=-1", "Australia/Lord_Howe"},
      {"FREQ=DAILY;BYHOUR=0", "America/Havana"},
  }));
  const auto action =
      GENERATE(CalendarAction::skip, CalendarAction::next, CalendarAction::previous);
  const std::string calendar = GENERATE(kWeekends, kOdd);
  CAPTURE(rule, zone, store::word(action), calendar);
  const auto days = open_days(rule, "2020-02-01T12:30:00Z", zone, calendar, action);
  const auto excluded = excluding(calendar);
  const Instant from = at("2025-01-01T00:00:00Z");
  const Instant to = at("2026-07-01T00:00:00Z");
  const auto expected = by_hand(days, *excluded, action, from, to);
  REQUIRE((expected.size() > 5 || action == CalendarAction::skip));
  CHECK(walk(days, from, to) == expected);
  CHECK(days.count(from, to) == expected.size());

  std::vector<Instant> back;
  for (auto found = days.previous(to); found && found->occurrence.instant >= from;
       found = days.previous(found->occurrence.instant))
    back.insert(back.begin(), found->occurrence.instant);
  CHECK(back == expected);

  // What is left out and what is kept are the rule's occurrences.
  const auto left_out = days.excluded(from - seconds(1), to - seconds(1), 1'000'000);
  CHECK(left_out.count == left_out.newest.size());
  if (action == CalendarAction::skip)
    CHECK(left_out.count + expected.size() == days.recurrence().count(from, to));
  else
    CHECK(left_out.count == 0);
  if (left_out.count > 0) CHECK(left_out.newest.front().instant == left_out.first);
}

TEST_CASE("a moved occurrence keeps its wall time, and two that meet are one") {
  const auto action = GENERATE(CalendarAction::next, CalendarAction::previous);
  // Saturday 4 and Sunday 5 July 2026.
  const auto days =
      open_days("FREQ=DAILY", "2026-06-29T07:00:00Z", "Europe/Prague", kWeekends, action);
  const auto found = walk(days, at("2026-07-03T00:00:00Z"), at("2026-07-07T00:00:00Z"));
  CHECK(found == std::vector{at("2026-07-03T07:00:00Z"), at("2026-07-06T07:00:00Z")});
  const auto sundays =
      open_days("FREQ=WEEKLY;BYDAY=SU", "2026-03-01T08:00:00Z", "Europe/Prague", kWeekends, action);
  // 09:00 before and after the clock changes on Sunday 29 March.
  const auto moved = sundays.next(at("2026-03-25T00:00:00Z"));
  REQUIRE(moved);
  CHECK(moved->occurrence.instant ==
        (action == CalendarAction::next ? at("2026-03-30T07:00:00Z") : at("2026-03-27T08:00:00Z")));
  REQUIRE(moved->moved_from);
  CHECK(*moved->moved_from ==
        rrule::local_seconds(date::local_days(date::year(2026) / 3 / 29)) + std::chrono::hours(9));
}

TEST_CASE("a moved occurrence that meets a gap of the clock goes by the offset before it") {
  // Sunday 29 March 2026, 02:30, does not exist in Prague; Saturday is excluded.
  const auto days = open_days("FREQ=WEEKLY;BYDAY=SA;BYHOUR=2;BYMINUTE=30", "2026-03-02T00:00:00Z",
                              "Europe/Prague", R"("FREQ=WEEKLY;BYDAY=SA")", CalendarAction::next);
  const auto moved = days.next(at("2026-03-28T00:00:00Z"));
  REQUIRE(moved);
  CHECK(moved->occurrence.instant == at("2026-03-29T01:30:00Z"));
  CHECK(moved->occurrence.note == rrule::Note::gap_shifted);
}

TEST_CASE("nothing is moved before the start, and a calendar may exclude every day") {
  const auto before = open_days("FREQ=WEEKLY;BYDAY=SA", "2026-07-04T09:00:00Z", "UTC", kWeekends,
                                CalendarAction::previous);
  CHECK(before.next(at("2026-07-01T00:00:00Z"))->occurrence.instant == at("2026-07-10T09:00:00Z"));
  const auto action =
      GENERATE(CalendarAction::skip, CalendarAction::next, CalendarAction::previous);
  const auto never =
      open_days("FREQ=DAILY", "2026-07-04T09:00:00Z", "UTC", R"("FREQ=DAILY")", action);
  CHECK_FALSE(never.next(at("2026-01-01T00:00:00Z")));
  CHECK_FALSE(never.previous(at("2030-01-01T00:00:00Z")));
  CHECK(never.count(at("2026-01-01T00:00:00Z"), at("2030-01-01T00:00:00Z")) == 0);
}

TEST_CASE("of a year of seconds the excluded days are passed over at once") {
  const auto days =
      open_days("FREQ=SECONDLY", "2026-01-01T00:00:00Z", "UTC", kWeekends, CalendarAction::skip);
  CHECK(days.next(at("2026-07-03T23:59:59Z"))->occurrence.instant == at("2026-07-06T00:00:00Z"));
  CHECK(days.previous(at("2026-07-06T00:00:00Z"))->occurrence.instant ==
        at("2026-07-03T23:59:59Z"));
  CHECK(days.count(at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")) == 261U * 86'400);
  const auto excluded = days.excluded(at("2026-01-01T00:00:00Z"), at("2026-07-06T12:00:00Z"), 2);
  CHECK(excluded.count == 54U * 86'400);
  CHECK(excluded.first == at("2026-01-03T00:00:00Z"));
  REQUIRE(excluded.newest.size() == 2);
  CHECK(excluded.newest[1].instant == at("2026-07-05T23:59:59Z"));
}

TEST_CASE("a day to which too many occurrences are moved is given up, not built") {
  const auto action = GENERATE(CalendarAction::next, CalendarAction::previous);
  const auto searched = [](const OpenDays& days, const char* at_time, bool forward) {
    bool exhausted = false;
    const auto found =
        forward ? days.next(at(at_time), &exhausted) : days.previous(at(at_time), &exhausted);
    CHECK(found.has_value() != exhausted);
    return exhausted;
  };
  const auto seconds_each =
      open_days("FREQ=SECONDLY", "2026-01-01T00:00:00Z", "UTC", kWeekends, action);
  CHECK(seconds_each.moves_too_often(at("2026-07-01T00:00:00Z")));
  for (const bool forward : {true, false})
    CHECK(searched(seconds_each, "2026-07-01T12:00:00Z", forward));
  // Its trouble is more than a hundred occurrences ahead.
  const auto later = open_days("RRULE:FREQ=DAILY\nRRULE:FREQ=SECONDLY;BYMONTH=6",
                               "2026-01-01T00:00:00Z", "UTC", kWeekends, action);
  CHECK_FALSE(later.moves_too_often(at("2026-01-01T00:00:00Z")));
  CHECK_FALSE(searched(later, "2026-05-27T00:00:00Z", true));
  CHECK(searched(later, "2026-06-02T00:00:00Z", true));
  CHECK(searched(later, "2026-07-01T00:00:00Z", false));
}

TEST_CASE("two years of hours are moved to one day") {
  const auto days = open_days("FREQ=HOURLY", "2026-01-01T00:00:00Z", "UTC",
                              R"({"rrule":"FREQ=DAILY;COUNT=730","starts_on":"2026-07-01"})",
                              CalendarAction::next);
  bool exhausted = false;
  const auto found = days.next(at("2026-06-30T23:00:00Z"), &exhausted);
  CHECK_FALSE(exhausted);
  REQUIRE(found);
  CHECK(found->occurrence.instant == at("2028-06-30T00:00:00Z"));
}

}  // namespace rruled::test
