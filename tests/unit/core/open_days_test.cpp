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
                   CalendarAction action,
                   rrule::DstPolicy policy = {}) {
  return {rrule::Recurrence::compile(rule, at(start), zones().find(zone).value(), policy).value(),
          excluding(excluded), action};
}

std::vector<Instant> walk(const OpenDays& days, Instant from, Instant to) {
  std::vector<Instant> all;
  for (auto found = days.next(from - seconds(1)); found && found->occurrence.instant < to;
       found = days.next(found->occurrence.instant))
    all.push_back(found->occurrence.instant);
  return all;
}

// What a wall-clock time of a daily rule is by `policy`.
std::vector<Instant> readings_by_hand(rrule::local_seconds local,
                                      const rrule::TimeZone& zone,
                                      rrule::DstPolicy policy) {
  using rrule::FoldPolicy;
  const auto reading = zone.resolve(local);
  if (reading.kind == rrule::Resolved::Kind::unique) return {reading.earlier};
  if (reading.kind == rrule::Resolved::Kind::gap)
    return policy.gap == rrule::GapPolicy::skip ? std::vector<Instant>{}
                                                : std::vector<Instant>{reading.later};
  if (policy.fold == FoldPolicy::both) return {reading.earlier, reading.later};
  return {policy.fold == FoldPolicy::second ? reading.later : reading.earlier};
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
    const auto time = each.nominal - std::chrono::floor<date::days>(each.nominal);
    while (excluded.has(day)) day += date::days(action == CalendarAction::next ? 1 : -1);
    for (const auto instant : readings_by_hand(day + time, *recurrence.zone(), recurrence.policy()))
      if (instant >= recurrence.starts_at()) all.insert(instant);
  }
  return {all.lower_bound(from), all.lower_bound(to)};
}

void check_by_hand(const OpenDays& days,
                   const std::string& calendar,
                   CalendarAction action,
                   std::size_t at_least,
                   Instant from = at("2025-01-01T00:00:00Z"),
                   Instant to = at("2026-07-01T00:00:00Z")) {
  const auto excluded = excluding(calendar);
  const auto expected = by_hand(days, *excluded, action, from, to);
  REQUIRE((expected.size() > at_least || action == CalendarAction::skip));
  CHECK(walk(days, from, to) == expected);
  CHECK(days.count(from, to) == expected.size());

  std::vector<Instant> back;
  for (auto found = days.previous(to); found && found->occurrence.instant >= from;
       found = days.previous(found->occurrence.instant))
    back.insert(back.begin(), found->occurrence.instant);
  CHECK(back == expected);

  std::vector<Instant> in_one;
  OpenDays::Walk one(days, from - seconds(1));
  for (auto found = one.next(); found && found->occurrence.instant < to; found = one.next())
    in_one.push_back(found->occurrence.instant);
  CHECK(in_one == expected);

  // What is left out and what is kept are the rule's occurrences.
  const auto left_out = days.excluded(from - seconds(1), to - seconds(1), 1'000'000);
  CHECK(left_out.count == left_out.newest.size());
  if (action == CalendarAction::skip)
    CHECK(left_out.count + expected.size() == days.recurrence().count(from, to));
  else
    CHECK(left_out.count == 0);
  if (left_out.count > 0) CHECK(left_out.newest.front().instant == left_out.first);
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
  check_by_hand(days, calendar, action, 5);
}

TEST_CASE("occurrences that a clock change and a calendar touch are as counting by hand has them") {
  const auto [rule, zone] = GENERATE(table<const char*, const char*>({
      {"FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "America/New_York"},
      {"FREQ=DAILY;BYHOUR=1;BYMINUTE=30", "America/New_York"},
      {"FREQ=DAILY;BYHOUR=0,23;BYMINUTE=10,40", "America/Nuuk"},
  }));
  const auto action =
      GENERATE(CalendarAction::skip, CalendarAction::next, CalendarAction::previous);
  const std::string calendar =
      GENERATE(R"("FREQ=WEEKLY;BYDAY=FR")", R"("FREQ=WEEKLY;BYDAY=SA")",
               R"("FREQ=WEEKLY;BYDAY=SU")", R"("FREQ=WEEKLY;BYDAY=FR,SU")");
  const auto policy = GENERATE(rrule::DstPolicy{},
                               rrule::DstPolicy{rrule::GapPolicy::skip, rrule::FoldPolicy::second},
                               rrule::DstPolicy{rrule::GapPolicy::shift, rrule::FoldPolicy::both});
  CAPTURE(rule, zone, store::word(action), calendar, to_string(policy.gap), to_string(policy.fold));
  check_by_hand(open_days(rule, "2024-06-01T12:30:00Z", zone, calendar, action, policy), calendar,
                action, 300);
}

TEST_CASE("a day that the clock goes back to over midnight lost what came in its last hour") {
  // On Sunday 7 November 2010 at 00:01 it was Saturday, 23:01, again in St. John's.
  const auto rule = GENERATE(as<const char*>{}, "FREQ=WEEKLY;BYDAY=SA;BYHOUR=23;BYMINUTE=30",
                             "FREQ=HOURLY;BYMINUTE=30", "FREQ=HOURLY;BYMINUTE=0;BYSECOND=30",
                             "FREQ=DAILY;BYHOUR=0,23;BYMINUTE=0,30", "FREQ=MINUTELY;INTERVAL=29");
  const auto action =
      GENERATE(CalendarAction::skip, CalendarAction::next, CalendarAction::previous);
  const std::string calendar =
      GENERATE(as<std::string>{}, R"({"rrule":"FREQ=DAILY;COUNT=1","starts_on":"2010-12-25"})",
               R"("FREQ=WEEKLY;BYDAY=FR")", R"("FREQ=WEEKLY;BYDAY=SA")",
               R"("FREQ=WEEKLY;BYDAY=SU")", kWeekends);
  const auto policy = GENERATE(rrule::DstPolicy{},
                               rrule::DstPolicy{rrule::GapPolicy::skip, rrule::FoldPolicy::second},
                               rrule::DstPolicy{rrule::GapPolicy::shift, rrule::FoldPolicy::both});
  CAPTURE(rule, store::word(action), calendar, to_string(policy.fold));
  const auto days =
      open_days(rule, "2010-06-01T02:30:00Z", "America/St_Johns", calendar, action, policy);
  check_by_hand(days, calendar, action, 0, at("2010-11-02T00:00:00Z"), at("2010-11-11T00:00:00Z"));
  if (policy.fold == rrule::FoldPolicy::second && calendar.front() == '{' &&
      days.recurrence().min_distance(at("2010-10-01T00:00:00Z"), 9) > std::chrono::hours(24))
    CHECK(days.next(at("2010-11-01T00:00:00Z"))->occurrence.instant == at("2010-11-07T03:00:00Z"));
}

TEST_CASE("a search back from the night after a midnight fold lost what moved to Friday") {
  const auto [zone, fold_night] = GENERATE(table<const char*, const char*>(
      {{"America/St_Johns", "2010-11-07T03:00:00Z"}, {"America/Havana", "2026-11-01T05:00:00Z"}}));
  const auto rule = GENERATE(as<const char*>{}, "FREQ=WEEKLY;BYDAY=SA;BYHOUR=23;BYMINUTE=30",
                             "FREQ=WEEKLY;BYDAY=SU;BYHOUR=0;BYMINUTE=0,30",
                             "FREQ=DAILY;BYHOUR=0,23;BYMINUTE=0,30");
  const auto action = GENERATE(CalendarAction::next, CalendarAction::previous);
  const std::string calendar = GENERATE(as<std::string>{}, R"("FREQ=WEEKLY;BYDAY=SA")",
                                        R"("FREQ=WEEKLY;BYDAY=SU")", kWeekends);
  const auto fold =
      GENERATE(rrule::FoldPolicy::first, rrule::FoldPolicy::second, rrule::FoldPolicy::both);
  CAPTURE(zone, rule, store::word(action), calendar, to_string(fold));
  const auto days = open_days(rule, "2010-06-01T02:30:00Z", zone, calendar, action,
                              {rrule::GapPolicy::shift, fold});
  const auto night = at(fold_night);
  const auto all = walk(days, night - date::days(20), night + date::days(5));
  REQUIRE_FALSE(all.empty());
  for (auto before = night - date::days(4); before < night + date::days(4);
       before += std::chrono::hours(1)) {
    const auto found = days.previous(before);
    REQUIRE(found);
    CHECK(found->occurrence.instant == *std::prev(std::ranges::lower_bound(all, before)));
  }
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

TEST_CASE("a daily job that the clock shifts on an excluded day does not run twice on the other") {
  // Sunday 14 March 2027 has no 02:30 in New York.
  const auto action = GENERATE(CalendarAction::next, CalendarAction::previous);
  const auto days = open_days("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "2027-01-01T07:30:00Z",
                              "America/New_York", kWeekends, action);
  CHECK(walk(days, at("2027-03-12T05:00:00Z"), at("2027-03-16T04:00:00Z")) ==
        std::vector{at("2027-03-12T07:30:00Z"), at("2027-03-15T06:30:00Z")});
  const auto sundays = open_days("FREQ=WEEKLY;BYDAY=SU;BYHOUR=2;BYMINUTE=30",
                                 "2027-01-01T07:30:00Z", "America/New_York", kWeekends, action);
  const auto moved = sundays.next(at("2027-03-12T05:00:00Z"));
  REQUIRE((moved && moved->moved_from));
  CHECK(*moved->moved_from == rrule::local_seconds(date::local_days(date::year(2027) / 3 / 14)) +
                                  std::chrono::minutes(150));
  CHECK(moved->occurrence.note == rrule::Note::none);
}

TEST_CASE("a time moved to a day that shows it twice runs as dst_fold says") {
  // 01:30 of Sunday 7 November 2027 comes twice in New York.
  using rrule::FoldPolicy;
  const auto first = at("2027-11-07T05:30:00Z");
  const auto second = at("2027-11-07T06:30:00Z");
  const auto [fold, expected] = GENERATE_COPY(table<FoldPolicy, std::vector<Instant>>({
      {FoldPolicy::automatic, {first}},
      {FoldPolicy::first, {first}},
      {FoldPolicy::second, {second}},
      {FoldPolicy::both, {first, second}},
  }));
  const auto days =
      open_days("FREQ=DAILY;BYHOUR=1;BYMINUTE=30", "2027-01-01T06:30:00Z", "America/New_York",
                R"("FREQ=WEEKLY;BYDAY=SA")", CalendarAction::next, {rrule::GapPolicy::shift, fold});
  CHECK(walk(days, at("2027-11-07T04:00:00Z"), at("2027-11-08T05:00:00Z")) == expected);
}

TEST_CASE("a time moved into a gap that is skipped is none") {
  const auto days = open_days("FREQ=WEEKLY;BYDAY=SA;BYHOUR=2;BYMINUTE=30", "2027-03-01T00:00:00Z",
                              "America/New_York", R"("FREQ=WEEKLY;BYDAY=SA")", CalendarAction::next,
                              {rrule::GapPolicy::skip, rrule::FoldPolicy::automatic});
  CHECK(walk(days, at("2027-03-13T05:00:00Z"), at("2027-03-21T04:00:00Z")).empty());
  CHECK(days.next(at("2027-03-13T05:00:00Z"))->occurrence.instant == at("2027-03-21T06:30:00Z"));
}

TEST_CASE("a time that a gap takes over midnight hides nothing of the day after") {
  // Saturday 27 March 2027 ends at 23:00 in Nuuk.
  const auto days = open_days(
      "RRULE:FREQ=WEEKLY;BYDAY=FR;BYHOUR=23;BYMINUTE=40;BYSECOND=0\n"
      "RRULE:FREQ=WEEKLY;BYDAY=SU;BYHOUR=0;BYMINUTE=10;BYSECOND=0",
      "2027-03-01T00:00:00Z", "America/Nuuk", R"("FREQ=WEEKLY;BYDAY=FR")", CalendarAction::next);
  const std::vector expected{at("2027-03-28T01:10:00Z"), at("2027-03-28T01:40:00Z")};
  CHECK(walk(days, at("2027-03-22T00:00:00Z"), at("2027-03-29T00:00:00Z")) == expected);
  CHECK(days.previous(at("2027-03-29T00:00:00Z"))->occurrence.instant == expected[1]);
  CHECK(days.previous(expected[1])->occurrence.instant == expected[0]);
  // Also where the day after is excluded.
  const auto closed =
      open_days("FREQ=WEEKLY;BYDAY=FR;BYHOUR=23;BYMINUTE=40", "2027-03-01T00:00:00Z",
                "America/Nuuk", R"("FREQ=WEEKLY;BYDAY=FR,SU")", CalendarAction::next);
  CHECK(closed.next(at("2027-03-22T00:00:00Z"))->occurrence.instant == expected[1]);
  CHECK(closed.next(at("2027-03-28T01:20:00Z"))->occurrence.instant == expected[1]);
  CHECK(closed.previous(at("2027-04-02T00:00:00Z"))->occurrence.instant == expected[1]);
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

TEST_CASE("a day to which thousands are moved is gone through once, not once for each of them") {
  // No two of them have the same time of day.
  const auto days = open_days("FREQ=SECONDLY;INTERVAL=4321", "2026-01-01T00:00:00Z", "UTC",
                              R"({"rrule":"FREQ=DAILY;COUNT=730","starts_on":"2026-07-01"})",
                              CalendarAction::next);
  OpenDays::Walk moved(days, at("2026-06-30T23:59:59Z"));
  std::uint64_t count = 0;
  for (auto found = moved.next(); found && found->occurrence.instant < at("2028-07-01T00:00:00Z");
       found = moved.next())
    ++count;
  CHECK(count > 14'000);
  CHECK(count == days.recurrence().count(at("2026-07-01T00:00:00Z"), at("2028-07-01T00:00:00Z")));
}

TEST_CASE("what a calendar leaves out until the last year is looked at for so many steps") {
  const auto days = open_days("RRULE:FREQ=SECONDLY;INTERVAL=2\nRRULE:FREQ=SECONDLY;INTERVAL=3",
                              "2026-01-01T00:00:00Z", "UTC", R"("FREQ=DAILY;UNTIL=21991231")",
                              CalendarAction::skip);
  bool cut_short = false;
  // A day has 57,600.
  const auto excluded =
      days.excluded(at("2026-01-01T23:59:59Z"), at("2199-12-30T00:00:00Z"), 3, &cut_short);
  CHECK(cut_short);
  CHECK(excluded.count > 2 * 57'600);
  CHECK(excluded.count <= rrule::kStepsMax);
  CHECK(excluded.first == at("2026-01-02T00:00:00Z"));
  REQUIRE(excluded.newest.size() == 3);
  CHECK(excluded.newest.back().instant < at("2026-03-01T00:00:00Z"));
  // A few days are exact in both ways.
  for (const bool bounded : {false, true}) {
    cut_short = false;
    const auto few = days.excluded(at("2026-01-01T23:59:59Z"), at("2026-01-04T23:59:59Z"), 3,
                                   bounded ? &cut_short : nullptr);
    CHECK_FALSE(cut_short);
    CHECK(few.count == 3 * 57'600);
    CHECK(few.newest.back().instant == at("2026-01-04T23:59:58Z"));
  }
}

TEST_CASE("a rule that is rare is asked for its days, not for every excluded one") {
  const auto days = open_days("FREQ=SECONDLY;INTERVAL=86399;BYHOUR=0;BYMINUTE=1;BYSECOND=11",
                              "2026-01-01T00:00:00Z", "UTC", R"("FREQ=DAILY;UNTIL=21991231")",
                              CalendarAction::skip);
  const auto excluded = days.excluded(at("2026-01-01T00:00:00Z"), at("2199-12-30T00:00:00Z"), 3);
  CHECK(excluded.count ==
        days.recurrence().count(at("2026-01-01T00:00:00Z"), at("2199-12-30T00:00:00Z")));
}

TEST_CASE("a walk through open days does not ask again the rules that have nothing left") {
  std::string rules = "RRULE:FREQ=HOURLY";
  for (int minute = 1; minute <= 14; ++minute)
    rules += "\nRRULE:FREQ=SECONDLY;INTERVAL=86399;BYHOUR=0;BYSECOND=11;BYMINUTE=" +
             std::to_string(minute);
  const auto action =
      GENERATE(CalendarAction::skip, CalendarAction::next, CalendarAction::previous);
  const auto days = open_days(rules.c_str(), "2026-01-01T00:00:00Z", "UTC", kWeekends, action);
  OpenDays::Walk steps(days, at("2026-06-01T00:00:00Z"));
  int found = 0;
  while (found < 500 && steps.next()) ++found;
  CHECK(found == 500);
  CHECK_FALSE(steps.exhausted());
}

}  // namespace rruled::test
