// Sets: several rules, RDATE, EXRULE, EXDATE.
#include "engine_times.h"
#include "rrule/occurrence.h"
#include "rrule/parse.h"

#include <catch2/catch.hpp>

#include <set>

namespace rruled::rrule {

using namespace testing;

TEST_CASE("a set is a union without what is excluded") {
  const auto [text, expected] = GENERATE(table<std::string, Instants>({
      {"RRULE:FREQ=WEEKLY;BYDAY=MO\nRRULE:FREQ=MONTHLY;BYMONTHDAY=1",
       {"2026-01-01T09:00:00Z", "2026-01-05T09:00:00Z", "2026-01-12T09:00:00Z"}},
      {"RRULE:FREQ=DAILY\nRRULE:FREQ=DAILY;INTERVAL=2",  // what meets is one
       {"2026-01-01T09:00:00Z", "2026-01-02T09:00:00Z", "2026-01-03T09:00:00Z"}},
      {"RRULE:FREQ=YEARLY\nRDATE:20260704T120000,20260101T090000",
       {"2026-01-01T09:00:00Z", "2026-07-04T12:00:00Z", "2027-01-01T09:00:00Z"}},
      {"RDATE:20251231T090000,20260102T090000,20260103T090000Z",  // nothing before the start
       {"2026-01-02T09:00:00Z", "2026-01-03T09:00:00Z"}},
      {"RDATE;VALUE=DATE:20260105", {"2026-01-05T09:00:00Z"}},
      {"RDATE;TZID=America/New_York:20260105T090000", {"2026-01-05T14:00:00Z"}},
      {"RRULE:FREQ=DAILY;COUNT=4\nEXDATE:20260102T090000,20260103T090000Z",  // COUNT counts before
       {"2026-01-01T09:00:00Z", "2026-01-04T09:00:00Z"}},
      {"RRULE:FREQ=HOURLY\nEXDATE;VALUE=DATE:20260101",
       {"2026-01-02T00:00:00Z", "2026-01-02T01:00:00Z"}},
      {"RRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY;BYDAY=FR,SA,SU",
       {"2026-01-01T09:00:00Z", "2026-01-05T09:00:00Z", "2026-01-06T09:00:00Z"}},
      {"RRULE:FREQ=DAILY\nEXDATE;TZID=America/New_York:20260102T040000",
       {"2026-01-01T09:00:00Z", "2026-01-03T09:00:00Z"}},
      {"RRULE:FREQ=SECONDLY\nEXRULE:FREQ=SECONDLY;BYMONTH=1,2,3",
       {"2026-04-01T00:00:00Z", "2026-04-01T00:00:01Z"}},
      {"RRULE:FREQ=SECONDLY\nEXRULE:FREQ=SECONDLY;BYHOUR=9,10,11;BYMINUTE=0,1,2,3",
       {"2026-01-01T09:04:00Z", "2026-01-01T09:04:01Z"}},
      {"RRULE:FREQ=DAILY\nEXRULE:FREQ=DAILY\nRDATE:20300101T000000", {"2030-01-01T00:00:00Z"}},
  }));
  INFO(text);
  const auto set = recurrence(text, "2026-01-01T09:00:00");
  CHECK(first(set, expected.size()) == expected);
  const auto last = utc(expected.back());
  CHECK(set.count(set.starts_at(), last + seconds{1}) == expected.size());
  CHECK(set.previous(last + seconds{1})->instant == last);
  if (expected.size() > 1) {
    CHECK(print(set.previous(last)->instant) == expected[expected.size() - 2]);
  } else {
    CHECK_FALSE(set.previous(last));
  }
}

TEST_CASE("long exclusions are skipped in both directions") {
  const auto set = recurrence("RRULE:FREQ=SECONDLY\nEXRULE:FREQ=SECONDLY;BYMONTH=1,2,3",
                              "2026-01-01T09:00:00", "America/New_York");
  CHECK(print(set.next(utc("2027-01-15T00:00:00Z"))->instant) == "2027-04-01T04:00:00Z");
  CHECK(print(set.previous(utc("2027-04-01T04:00:00Z"))->instant) == "2027-01-01T04:59:59Z");
  CHECK_FALSE(set.previous(utc("2026-04-01T04:00:00Z")));
  CHECK(set.count(utc("2027-01-01T04:59:00Z"), utc("2027-04-01T04:01:00Z")) == 120);
}

TEST_CASE("a set of many rules has what each of them has, and nothing that is excluded") {
  const std::vector<std::string> rules{
      "FREQ=MINUTELY;INTERVAL=7;COUNT=3000",     "FREQ=HOURLY;INTERVAL=5",
      "FREQ=DAILY;BYHOUR=2;BYMINUTE=30",         "FREQ=WEEKLY;BYDAY=SU,MO;UNTIL=20260329T120000",
      "FREQ=SECONDLY;INTERVAL=8641;BYMINUTE=30", "FREQ=MONTHLY;BYDAY=SU;BYSETPOS=-1"};
  const std::vector<std::string> excluded{"FREQ=DAILY;INTERVAL=3;BYHOUR=2,3,4;BYMINUTE=0,7,14,30",
                                          "FREQ=HOURLY;INTERVAL=2",
                                          "FREQ=MINUTELY;INTERVAL=21;COUNT=500"};
  const std::string start = "2026-03-20T02:30:00";
  const DstPolicy policy{GENERATE(GapPolicy::shift, GapPolicy::skip),
                         GENERATE(FoldPolicy::automatic, FoldPolicy::second)};
  std::string text = "RDATE:20260329T023000,20260401T111111\n";
  std::set<sys_seconds> expected{utc("2026-04-01T09:11:11Z")};
  const auto end = utc("2026-04-20T00:00:00Z");
  const auto each_of = [&](const std::string& rule, DstPolicy by, auto take) {
    const auto one = recurrence(rule, start, "Europe/Prague", by);
    for (const auto& each : one.between(one.starts_at(), end, 10'000)) take(each.instant);
  };
  for (const auto& rule : rules) {
    text += "RRULE:" + rule + "\n";
    each_of(rule, policy, [&](sys_seconds at) { expected.insert(at); });
  }
  if (policy.gap == GapPolicy::shift) expected.insert(utc("2026-03-29T01:30:00Z"));
  for (const auto& rule : excluded) {
    text += "EXRULE:" + rule + "\n";
    each_of(rule, {policy.gap, FoldPolicy::both}, [&](sys_seconds at) { expected.erase(at); });
  }
  const auto set = recurrence(text, start, "Europe/Prague", policy);
  std::vector<sys_seconds> found;
  for (const auto& each : set.between(set.starts_at(), end, 10'000)) found.push_back(each.instant);
  CHECK(found.size() > 2'000);
  CHECK(found == std::vector(expected.begin(), expected.end()));
  CHECK(set.count(set.starts_at(), end) == found.size());
  std::vector<sys_seconds> back;
  for (auto each = set.previous(end); each; each = set.previous(each->instant))
    back.push_back(each->instant);
  std::reverse(back.begin(), back.end());
  CHECK(back == found);
}

TEST_CASE("an excluded day is left out whole, however many occurrences it has") {
  const auto seconds_set =
      recurrence("RRULE:FREQ=SECONDLY\nEXDATE;VALUE=DATE:20261225,20261231", "2026-12-01T00:00:00");
  bool exhausted = false;
  const auto after = seconds_set.next(utc("2026-12-24T23:59:59Z"), &exhausted);
  REQUIRE(after);
  CHECK(print(after->instant) == "2026-12-26T00:00:00Z");
  CHECK(print(seconds_set.previous(after->instant, &exhausted)->instant) == "2026-12-24T23:59:59Z");
  CHECK_FALSE(exhausted);

  std::string days = "RRULE:FREQ=MINUTELY\nEXDATE;VALUE=DATE:20260301";
  for (auto day = wall("2026-03-02T00:00:00"); day < wall("2026-04-05T00:00:00");
       day += std::chrono::hours{24})
    days += date::format(",%Y%m%d", day);
  const auto minutes = recurrence(days, "2026-01-01T00:00:00", "Europe/Prague");
  CHECK(print(minutes.next(utc("2026-02-28T22:59:00Z"))->local) == "2026-04-05T00:00:00");
}

TEST_CASE("an excluded day ends where the clock says so, also when that changes at midnight") {
  const auto [name, day] = GENERATE(table<std::string, std::string>({
      {"America/Sao_Paulo", "2017-10-15"},  // 00:00 to 01:00 is missing
      {"America/Sao_Paulo", "2018-02-17"},  // 23:00 to 24:00 comes twice
      {"America/St_Johns", "2006-10-29"},   // 00:01 goes back to 23:01
      {"America/St_Johns", "2006-04-02"},   // 00:01 goes on to 01:01
      {"Europe/Prague", "2026-10-25"},
      {"Pacific/Apia", "2011-12-30"},  // is missing
  }));
  const auto middle = wall(day + "T12:00:00");
  const auto gap = GENERATE(GapPolicy::shift, GapPolicy::skip);
  const auto fold = GENERATE(FoldPolicy::first, FoldPolicy::second, FoldPolicy::both);
  for (int offset = -1; offset <= 1; ++offset) {
    const auto excluded = date::floor<date::days>(middle) + date::days{offset};
    const auto start = date::format("%FT%T", middle - std::chrono::hours{72});
    const auto all = recurrence("FREQ=MINUTELY;INTERVAL=7", start, name, {gap, fold});
    const auto set = recurrence(
        "RRULE:FREQ=MINUTELY;INTERVAL=7\nEXDATE;VALUE=DATE:" + date::format("%Y%m%d", excluded),
        start, name, {gap, fold});
    const auto end = all.starts_at() + std::chrono::hours{144};
    auto expected = all.between(all.starts_at(), end, 10'000);
    std::erase_if(expected, [&](const Occurrence& each) {
      return date::floor<date::days>(each.nominal) == excluded;
    });
    REQUIRE(expected.size() > 900);
    CHECK(set.between(all.starts_at(), end, 10'000) == expected);
  }
}

TEST_CASE("dates near a change count as daily") {
  const std::string text = "RDATE:20261101T013000,20260308T023000";
  const auto all = [&](DstPolicy policy) {
    return first(recurrence(text, "2026-01-01T09:00:00", "America/New_York", policy), 5);
  };
  CHECK(all({}) == Instants{"2026-03-08T07:30:00Z", "2026-11-01T05:30:00Z"});
  CHECK(all({GapPolicy::skip, FoldPolicy::second}) == Instants{"2026-11-01T06:30:00Z"});
  CHECK(all({GapPolicy::skip, FoldPolicy::both}) ==
        Instants{"2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"});
}

TEST_CASE("an excluded wall time is excluded each time it comes") {
  const auto set = recurrence("RRULE:FREQ=HOURLY\nEXDATE:20261101T010000", "2026-11-01T00:00:00",
                              "America/New_York");
  CHECK(first(set, 2) == Instants{"2026-11-01T04:00:00Z", "2026-11-01T07:00:00Z"});
  const auto one = recurrence("RRULE:FREQ=HOURLY\nEXDATE:20261101T060000Z", "2026-11-01T00:00:00",
                              "America/New_York");
  CHECK(first(one, 3) ==
        Instants{"2026-11-01T04:00:00Z", "2026-11-01T05:00:00Z", "2026-11-01T07:00:00Z"});
}

TEST_CASE("a TZID that is the schedule's own zone leaves the clock change to its policy") {
  const auto sets = [](const std::string& dates, DstPolicy policy) {
    return std::pair(first(recurrence(dates + ";TZID=Europe/Prague:20261025T023000,20270328T023000",
                                      "2026-10-24T02:30:00", "Europe/Prague", policy),
                           200),
                     first(recurrence(dates + ":20261025T023000,20270328T023000",
                                      "2026-10-24T02:30:00", "Europe/Prague", policy),
                           200));
  };
  const DstPolicy policy{GENERATE(GapPolicy::shift, GapPolicy::skip),
                         GENERATE(FoldPolicy::first, FoldPolicy::second, FoldPolicy::both)};
  const auto [excluded, excluded_local] = sets("RRULE:FREQ=DAILY\nEXDATE", policy);
  CHECK(excluded == excluded_local);
  const auto runs_on = [&, &runs = excluded](const std::string& instant) {
    return std::find(runs.begin(), runs.end(), instant) != runs.end();
  };
  CHECK_FALSE(runs_on("2026-10-25T00:30:00Z"));
  CHECK_FALSE(runs_on("2026-10-25T01:30:00Z"));
  CHECK(runs_on("2026-10-26T01:30:00Z"));
  CHECK(runs_on("2027-03-29T00:30:00Z"));
  const auto [included, included_local] = sets("RDATE", policy);
  CHECK(included == included_local);
  CHECK(included.front() ==
        (policy.fold == FoldPolicy::second ? "2026-10-25T01:30:00Z" : "2026-10-25T00:30:00Z"));
}

TEST_CASE("a TZID that cannot be read is an error") {
  const auto find_none = [](const std::string& name) -> Result<std::shared_ptr<const TimeZone>> {
    return ParseError{ErrorCode::unknown_zone, 0, name};
  };
  const auto set = Recurrence::compile("RDATE;TZID=Nowhere/Land:20260105T090000",
                                       utc("2026-01-01T00:00:00Z"), TimeZone::utc(), {}, find_none);
  CHECK(set.error().code == ErrorCode::unknown_zone);
  const auto no_finder = Recurrence::compile("RDATE;TZID=Europe/Prague:20260105T090000",
                                             utc("2026-01-01T00:00:00Z"), TimeZone::utc(), {});
  CHECK_THAT(no_finder.error().detail, Catch::Contains("Europe/Prague"));
}

TEST_CASE("counting a set agrees with listing it") {
  const std::string text =
      "RRULE:FREQ=HOURLY;INTERVAL=3\nRDATE:20260105T010000,20260105T090000\n"
      "EXDATE:20260105T120000,20260106T010000\nEXDATE;VALUE=DATE:20260107,20260308,20261101";
  const auto set = recurrence(text, "2026-01-01T00:00:00", "America/New_York");
  const auto from = utc("2026-01-02T00:00:00Z");
  const auto to = utc("2026-12-01T00:00:00Z");
  const auto listed = set.between(from, to, 100'000).size();
  CHECK(listed > 2'000);
  CHECK(set.count(from, to) == listed);
}

}  // namespace rruled::rrule
