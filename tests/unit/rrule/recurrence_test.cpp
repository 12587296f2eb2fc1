// What a recurrence means, apart from changes of the clock (recurrence_dst_test.cpp) and sets
// (recurrence_set_test.cpp).
#include "rrule/recurrence.h"

#include "engine_times.h"
#include "rrule/occurrence.h"

#include <catch2/catch.hpp>

namespace rruled::rrule {

using namespace testing;

TEST_CASE("the start is an occurrence only if the rule matches it") {
  CHECK(first(recurrence("FREQ=DAILY", "2026-01-01T09:00:00"), 2) ==
        Instants{"2026-01-01T09:00:00Z", "2026-01-02T09:00:00Z"});
  CHECK(first(recurrence("FREQ=DAILY;BYHOUR=8", "2026-01-01T09:00:00"), 1) ==
        Instants{"2026-01-02T08:00:00Z"});
  // COUNT counts what comes out.
  CHECK(first(recurrence("FREQ=WEEKLY;BYDAY=MO;COUNT=2", "2026-01-01T09:00:00"), 5) ==
        Instants{"2026-01-05T09:00:00Z", "2026-01-12T09:00:00Z"});
}

TEST_CASE("next and previous exclude their argument") {
  const auto daily = recurrence("FREQ=DAILY;COUNT=3", "2026-01-01T09:00:00");
  CHECK(print(daily.next(utc("2025-01-01T00:00:00Z"))->instant) == "2026-01-01T09:00:00Z");
  CHECK(print(daily.next(utc("2026-01-01T09:00:00Z"))->instant) == "2026-01-02T09:00:00Z");
  CHECK(print(daily.next(utc("2026-01-02T08:59:59Z"))->instant) == "2026-01-02T09:00:00Z");
  CHECK_FALSE(daily.next(utc("2026-01-03T09:00:00Z")));
  CHECK_FALSE(daily.next(sys_seconds::max()));
  CHECK(print(daily.next(sys_seconds::min())->instant) == "2026-01-01T09:00:00Z");
  CHECK(print(daily.previous(sys_seconds::max())->instant) == "2026-01-03T09:00:00Z");
  CHECK(print(daily.previous(utc("2026-01-03T09:00:00Z"))->instant) == "2026-01-02T09:00:00Z");
  CHECK_FALSE(daily.previous(utc("2026-01-01T09:00:00Z")));
  CHECK_FALSE(daily.previous(sys_seconds::min()));
}

TEST_CASE("between and count are half-open") {
  const auto daily = recurrence("FREQ=DAILY", "2026-01-01T09:00:00");
  const auto from = utc("2026-01-02T09:00:00Z");
  const auto to = utc("2026-01-05T09:00:00Z");
  CHECK(print(daily.between(from, to, 10)) ==
        Instants{"2026-01-02T09:00:00Z", "2026-01-03T09:00:00Z", "2026-01-04T09:00:00Z"});
  CHECK(daily.between(from, to, 2).size() == 2);
  CHECK(daily.count(from, to) == 3);
  CHECK(daily.count(to, from) == 0);
  CHECK(daily.count(sys_seconds::min(), to) == 4);
}

TEST_CASE("UNTIL is inclusive: an instant, a wall time or a whole day") {
  const auto [until, last] = GENERATE(table<std::string, std::string>({
      {"20260103T080000Z", "2026-01-03T08:00:00Z"},  // 09:00 in Prague
      {"20260103T075959Z", "2026-01-02T08:00:00Z"},
      {"20260103T090000", "2026-01-03T08:00:00Z"},
      {"20260103T085959", "2026-01-02T08:00:00Z"},
      {"20260103", "2026-01-03T08:00:00Z"},
      {"99991231", "2200-12-31T08:00:00Z"},
  }));
  const auto daily =
      recurrence("FREQ=DAILY;UNTIL=" + until, "2026-01-01T09:00:00", "Europe/Prague");
  CHECK(print(daily.previous(sys_seconds::max())->instant) == last);
}

TEST_CASE("readings where engines disagree") {
  const auto [rule, start, expected] = GENERATE(table<std::string, std::string, Instants>({
      // The week-year is the period: days of week 1 in December belong to the later year.
      {"FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO",
       "2024-06-01T09:00:00",
       {"2024-12-30T09:00:00Z", "2025-12-29T09:00:00Z", "2027-01-04T09:00:00Z"}},
      {"FREQ=YEARLY;INTERVAL=2;BYWEEKNO=1;BYDAY=MO",
       "2024-06-01T09:00:00",
       {"2025-12-29T09:00:00Z", "2028-01-03T09:00:00Z", "2029-12-31T09:00:00Z"}},
      // BYWEEKNO without BYDAY takes the start's weekday.
      {"FREQ=YEARLY;BYWEEKNO=20",
       "2026-01-01T09:00:00",
       {"2026-05-14T09:00:00Z", "2027-05-20T09:00:00Z"}},
      // BYMONTHDAY alone means every month.
      {"FREQ=YEARLY;BYMONTHDAY=15",
       "2026-01-01T09:00:00",
       {"2026-01-15T09:00:00Z", "2026-02-15T09:00:00Z", "2026-03-15T09:00:00Z"}},
      // BYSETPOS counts candidates before the start too.
      {"FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=2",
       "2026-01-08T09:00:00",
       {"2026-01-14T09:00:00Z", "2026-01-21T09:00:00Z"}},
      // A list with and without numbers is a union.
      {"FREQ=MONTHLY;BYDAY=SU,1TU",
       "2026-02-01T09:00:00",
       {"2026-02-01T09:00:00Z", "2026-02-03T09:00:00Z", "2026-02-08T09:00:00Z"}},
      {"FREQ=MINUTELY;BYSECOND=60",
       "2026-01-01T09:00:00",
       {"2026-01-01T09:00:59Z", "2026-01-01T09:01:59Z"}},
      // HOURLY keeps its phase over days, with BYHOUR as a limit.
      {"FREQ=HOURLY;INTERVAL=7;BYHOUR=9,16",
       "2026-01-01T09:00:00",
       {"2026-01-01T09:00:00Z", "2026-01-01T16:00:00Z", "2026-01-08T09:00:00Z"}},
  }));
  CHECK(first(recurrence(rule, start), expected.size()) == expected);
}

TEST_CASE("SKIP moves days that do not exist (RFC 7529)") {
  const auto [rule, start, expected] = GENERATE(table<std::string, std::string, Instants>({
      {"RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=OMIT;COUNT=4",
       "2014-01-31T00:00:00",
       {"2014-01-31T00:00:00Z", "2014-03-31T00:00:00Z", "2014-05-31T00:00:00Z",
        "2014-07-31T00:00:00Z"}},
      {"RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;COUNT=4",
       "2014-01-31T00:00:00",
       {"2014-01-31T00:00:00Z", "2014-02-28T00:00:00Z", "2014-03-31T00:00:00Z",
        "2014-04-30T00:00:00Z"}},
      {"RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD;COUNT=4",
       "2014-01-31T00:00:00",
       {"2014-01-31T00:00:00Z", "2014-03-01T00:00:00Z", "2014-03-31T00:00:00Z",
        "2014-05-01T00:00:00Z"}},
      {"RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FORWARD;COUNT=4",
       "2012-02-29T00:00:00",
       {"2012-02-29T00:00:00Z", "2013-03-01T00:00:00Z", "2014-03-01T00:00:00Z",
        "2015-03-01T00:00:00Z"}},
      {"RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=BACKWARD;BYYEARDAY=366",
       "2023-01-01T00:00:00",
       {"2023-12-31T00:00:00Z", "2024-12-31T00:00:00Z"}},
      // Two that meet are one; BYDAY looks at the day it became.
      {"RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;BYMONTHDAY=28,29,30,31",
       "2026-02-01T00:00:00",
       {"2026-02-28T00:00:00Z", "2026-03-28T00:00:00Z"}},
      {"RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD;BYMONTHDAY=31;BYDAY=SU",
       "2026-02-01T00:00:00",
       {"2026-03-01T00:00:00Z", "2026-05-31T00:00:00Z"}},
  }));
  CHECK(first(recurrence(rule, start), expected.size()) == expected);
}

TEST_CASE("the end of 2200 is the end") {
  const auto daily = recurrence("FREQ=DAILY", "2200-12-30T09:00:00");
  CHECK(first(daily, 5) == Instants{"2200-12-30T09:00:00Z", "2200-12-31T09:00:00Z"});
  CHECK(Recurrence::compile("FREQ=DAILY", utc("2201-01-01T00:00:00Z"), TimeZone::utc(), {})
            .error()
            .code == ErrorCode::bad_value);
  CHECK_FALSE(
      Recurrence::compile("FREQ=DAILY", sys_seconds::min(), TimeZone::utc(), {}).has_value());
  CHECK_FALSE(
      Recurrence::compile("FREQ=DAILY", sys_seconds::max(), TimeZone::utc(), {}).has_value());
}

TEST_CASE("a start may be at each end of the years, where its zone's clock is in them, too") {
  const auto rule = GENERATE(as<std::string>(), "FREQ=SECONDLY", "FREQ=MINUTELY;INTERVAL=7",
                             "FREQ=HOURLY", "FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY",
                             "FREQ=YEARLY", "FREQ=YEARLY;BYWEEKNO=1,53;BYDAY=MO,TU,WE,TH,FR,SA,SU");
  INFO(rule);
  const auto in = GENERATE(as<std::string>(), "UTC", "America/New_York", "Asia/Tokyo");
  for (const auto* local : {"1601-01-01T00:00:00", "2200-12-31T23:59:59"}) {
    const auto start = start_instant(wall(local), *zone(in));
    const bool inside = print(start).starts_with(std::string(local, 4));
    INFO(local << " " << in);
    REQUIRE(start_in_range(start, *zone(in)) == inside);
    const auto made = Recurrence::compile(rule, start, zone(in), {});
    REQUIRE(made.has_value() == inside);
    if (!inside) continue;
    REQUIRE(made->first());
    CHECK(print(made->first()->instant) == print(start));
    CHECK(made->previous(start + seconds(1))->instant == start);
    CHECK_FALSE(made->previous(start));
    CHECK(made->count(start, start + seconds(1)) == 1);
    const auto second = made->next(start);
    CHECK(second.has_value() == (local[0] == '1'));
    if (second) CHECK(made->previous(second->instant)->instant == start);
  }
  // Its clock shows another year.
  CHECK_FALSE(start_in_range(utc("1601-01-01T00:00:00Z"), *zone("America/New_York")));
  CHECK_FALSE(start_in_range(utc("2200-12-31T23:00:00Z"), *zone("Asia/Tokyo")));
}

TEST_CASE("the smallest distance among the next occurrences") {
  CHECK(recurrence("FREQ=DAILY;BYHOUR=9;BYMINUTE=0,30", "2026-01-01T00:00:00")
            .min_distance(utc("2026-01-01T00:00:00Z"), 100) == std::chrono::minutes{30});
  CHECK(recurrence("FREQ=DAILY;COUNT=1", "2026-01-01T00:00:00")
            .min_distance(utc("2025-01-01T00:00:00Z"), 100) == seconds::max());
  // The short day of a change counts.
  CHECK(recurrence("FREQ=DAILY", "2026-03-07T09:00:00", "America/New_York")
            .min_distance(utc("2026-03-01T00:00:00Z"), 100) == std::chrono::hours{23});
}

TEST_CASE("counting is quick where listing would be long") {
  const auto from = utc("2026-01-01T00:00:00Z");
  const auto to = utc("2027-01-01T00:00:00Z");
  const auto [rule, expected] = GENERATE(table<std::string, std::uint64_t>({
      {"FREQ=SECONDLY", 365 * 86'400},
      {"FREQ=SECONDLY;INTERVAL=7", 365 * 86'400 / 7 + 1},
      {"FREQ=MINUTELY;BYHOUR=9,10,11", 365 * 180},
      {"FREQ=SECONDLY;INTERVAL=3;BYHOUR=0", 365 * 1'200},
      {"FREQ=MONTHLY;BYMONTHDAY=31", 7},
      {"FREQ=WEEKLY;INTERVAL=2;BYDAY=TH,FR", 53},
  }));
  INFO(rule);
  CHECK(recurrence(rule, "2026-01-01T00:00:00").count(from, to) == expected);
}

TEST_CASE("an iterator seeks in both directions and stops at the end") {
  const auto daily = recurrence("FREQ=DAILY;COUNT=3", "2026-01-01T09:00:00");
  OccurrenceIterator iterator(daily);
  CHECK(print(iterator.next()->instant) == "2026-01-01T09:00:00Z");
  iterator.seek(utc("2026-01-02T09:00:00Z"));
  CHECK(print(iterator.next()->instant) == "2026-01-03T09:00:00Z");
  CHECK_FALSE(iterator.next());
  CHECK_FALSE(iterator.next());
  CHECK_FALSE(iterator.exhausted());
  iterator.seek(sys_seconds::min());
  CHECK(print(iterator.next()->instant) == "2026-01-01T09:00:00Z");
}

TEST_CASE("an iterator begins with a start in the first second that there is") {
  const auto yearly = recurrence("FREQ=YEARLY;COUNT=2", "1601-01-01T00:00:00");
  OccurrenceIterator iterator(yearly);
  CHECK(print(iterator.next()->instant) == "1601-01-01T00:00:00Z");
  iterator.seek(sys_seconds::min());
  CHECK(print(iterator.next()->instant) == "1601-01-01T00:00:00Z");
}

}  // namespace rruled::rrule
