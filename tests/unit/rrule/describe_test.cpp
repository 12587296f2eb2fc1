#include "rrule/describe.h"

#include "rrule/parse.h"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace rruled::rrule;
using namespace date::literals;
using namespace std::chrono_literals;

namespace {

const local_seconds kMonday = date::local_days{2026_y / 1 / 5} + 9h;

std::string words(const std::string& text, local_seconds start = kMonday) {
  return describe(parse_recurrence(text).value(), start, "Europe/Prague");
}

using Row = std::pair<const char*, const char*>;

// From Monday 5 January 2026, 09:00.
const std::vector<Row> kRules{
    {"FREQ=YEARLY", "every year on 5 January at 09:00 Europe/Prague"},
    {"FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29",
     "every 4th year on 29 February at 09:00 Europe/Prague"},
    {"FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=25", "every year on 25 December at 09:00 Europe/Prague"},
    {"FREQ=YEARLY;BYMONTH=3,6", "every year on the 5th of March and June at 09:00 Europe/Prague"},
    {"FREQ=YEARLY;BYMONTHDAY=13", "every year on the 13th of every month at 09:00 Europe/Prague"},
    {"FREQ=YEARLY;BYMONTHDAY=1,-1;BYMONTH=1,7",
     "every year on the 1st and the last day of January and July at 09:00 Europe/Prague"},
    {"FREQ=YEARLY;BYMONTHDAY=13;BYDAY=FR",
     "every year on the 13th of every month at 09:00 Europe/Prague, only on Fridays"},
    {"FREQ=YEARLY;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;INTERVAL=4",
     "every 4th year on the 2nd, the 3rd, the 4th, the 5th, the 6th, the 7th and the 8th of "
     "November at 09:00 Europe/Prague, only on Tuesdays"},
    {"FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
     "every year on the 4th Thursday of November at 09:00 Europe/Prague"},
    {"FREQ=YEARLY;BYMONTH=3;BYDAY=MO",
     "every year on every Monday of March at 09:00 Europe/Prague"},
    {"FREQ=YEARLY;BYDAY=20MO", "every year on the 20th Monday of the year at 09:00 Europe/Prague"},
    {"FREQ=YEARLY;BYDAY=-1SU", "every year on the last Sunday of the year at 09:00 Europe/Prague"},
    {"FREQ=YEARLY;BYDAY=MO,FR",
     "every year on every Monday and Friday of the year at 09:00 Europe/Prague"},
    {"FREQ=YEARLY;BYYEARDAY=1,100,-1",
     "every year on the 1st, the 100th and the last day of the year at 09:00 Europe/Prague"},
    {"FREQ=YEARLY;BYYEARDAY=100;BYDAY=MO;BYMONTH=4",
     "every year on the 100th day of the year at 09:00 Europe/Prague, only on Mondays, only in "
     "April"},
    {"FREQ=YEARLY;BYYEARDAY=100;BYMONTHDAY=10;BYWEEKNO=15",
     "every year on the 100th day of the year at 09:00 Europe/Prague, only on the 10th of the "
     "month, only in week 15 of the year"},
    {"FREQ=YEARLY;BYWEEKNO=20",
     "every year on Monday of week 20 of the year at 09:00 Europe/Prague"},
    {"FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
     "every year on Monday of week 20 of the year at 09:00 Europe/Prague"},
    {"FREQ=YEARLY;BYWEEKNO=1,-1;BYDAY=MO,WE;WKST=SU",
     "every year on Monday and Wednesday of week 1 and the last week of the year at 09:00 "
     "Europe/Prague, weeks beginning on Sunday"},
    {"FREQ=YEARLY;BYWEEKNO=20;BYMONTHDAY=13",
     "every year on the 13th of every month at 09:00 Europe/Prague, only in week 20 of the year"},
    {"FREQ=YEARLY;BYWEEKNO=9;BYDAY=MO;BYMONTH=3",
     "every year on Monday of week 9 of the year at 09:00 Europe/Prague, only in March"},
    {"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1",
     "on the 1st weekday of every year at 09:00 Europe/Prague"},
    {"FREQ=YEARLY;BYMONTH=1,3;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
     "every year on every weekday of January and March at 09:00 Europe/Prague, but of these only "
     "the last of each year"},
    {"FREQ=YEARLY;BYDAY=2MO;BYMONTH=5;BYMONTHDAY=8,9,10",
     "every year on the 8th, the 9th and the 10th of May at 09:00 Europe/Prague, only on the 2nd "
     "Monday of the month"},
    {"FREQ=MONTHLY", "on the 5th of every month at 09:00 Europe/Prague"},
    {"FREQ=MONTHLY;BYMONTHDAY=15", "on the 15th of every month at 09:00 Europe/Prague"},
    {"FREQ=MONTHLY;BYMONTHDAY=1,15,-1",
     "on the 1st, the 15th and the last day of every month at 09:00 Europe/Prague"},
    {"FREQ=MONTHLY;BYMONTHDAY=-2", "on the 2nd to last day of every month at 09:00 Europe/Prague"},
    {"FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR",
     "on the 13th of every month at 09:00 Europe/Prague, only on Fridays"},
    {"FREQ=MONTHLY;BYDAY=1MO", "on the 1st Monday of every month at 09:00 Europe/Prague"},
    {"FREQ=MONTHLY;BYDAY=1MO,-1FR",
     "on the 1st Monday and the last Friday of every month at 09:00 Europe/Prague"},
    {"FREQ=MONTHLY;BYDAY=MO,1TU",
     "on every Monday and the 1st Tuesday of every month at 09:00 Europe/Prague"},
    {"FREQ=MONTHLY;BYDAY=TU", "on every Tuesday of every month at 09:00 Europe/Prague"},
    {"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
     "on the last weekday of every month at 09:00 Europe/Prague"},
    {"FREQ=MONTHLY;INTERVAL=2;BYDAY=SA,SU;BYSETPOS=1,3",
     "on the 1st and 3rd Saturday or Sunday of every 2nd month at 09:00 Europe/Prague"},
    {"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=-1;BYMONTH=3,6,9,12",
     "on the last day of every month at 09:00 Europe/Prague, only in March, June, September and "
     "December"},
    {"FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1;BYHOUR=9,12",
     "on every Monday of every month at 09:00 and 12:00 Europe/Prague, but of these only the 1st "
     "of each month"},
    {"FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=31;RSCALE=GREGORIAN;SKIP=BACKWARD",
     "on the 31st of every 3rd month at 09:00 Europe/Prague, or the last day before it where it "
     "does not exist"},
    {"FREQ=MONTHLY;BYMONTHDAY=31;RSCALE=GREGORIAN;SKIP=FORWARD",
     "on the 31st of every month at 09:00 Europe/Prague, or the first day after it where it does "
     "not exist"},
    {"FREQ=MONTHLY;BYMONTH=1;BYMONTHDAY=15",
     "on the 15th of every month at 09:00 Europe/Prague, only in January"},
    {"FREQ=WEEKLY", "every Monday at 09:00 Europe/Prague"},
    {"FREQ=WEEKLY;BYDAY=MO,WE,FR", "every Monday, Wednesday and Friday at 09:00 Europe/Prague"},
    {"FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "every weekday at 09:00 Europe/Prague"},
    {"FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "every 2nd week on Monday at 09:00 Europe/Prague"},
    {"FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU",
     "every 2nd week on Tuesday and Sunday at 09:00 Europe/Prague, weeks beginning on Sunday"},
    {"FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,TU,WE,TH,FR",
     "every 3rd week on weekdays at 09:00 Europe/Prague"},
    {"FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU,WE,TH,FR,SA,SU",
     "every 2nd week on all days at 09:00 Europe/Prague"},
    {"FREQ=WEEKLY;BYDAY=TU,TH;UNTIL=20351231T235959Z",
     "every Tuesday and Thursday at 09:00 Europe/Prague, until 31 December 2035 at 23:59:59 UTC"},
    {"FREQ=WEEKLY;BYMONTH=7,8;BYDAY=SA",
     "every Saturday at 09:00 Europe/Prague, only in July and August"},
    {"FREQ=WEEKLY;BYDAY=MO,TU,WE;BYSETPOS=2",
     "every Monday, Tuesday and Wednesday at 09:00 Europe/Prague, but of these only the 2nd of "
     "each week"},
    {"FREQ=DAILY", "every day at 09:00 Europe/Prague"},
    {"FREQ=DAILY;COUNT=1", "every day at 09:00 Europe/Prague, only once"},
    {"FREQ=DAILY;COUNT=10", "every day at 09:00 Europe/Prague, 10 times"},
    {"FREQ=DAILY;UNTIL=20261231",
     "every day at 09:00 Europe/Prague, until the end of 31 December 2026"},
    {"FREQ=DAILY;UNTIL=20261231T170000",
     "every day at 09:00 Europe/Prague, until 31 December 2026 at 17:00"},
    {"FREQ=DAILY;INTERVAL=2", "every 2nd day at 09:00 Europe/Prague"},
    {"FREQ=DAILY;INTERVAL=11;BYMONTH=1", "every 11th day at 09:00 Europe/Prague, only in January"},
    {"FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", "every weekday at 09:00 Europe/Prague"},
    {"FREQ=DAILY;BYDAY=SU", "every Sunday at 09:00 Europe/Prague"},
    {"FREQ=DAILY;INTERVAL=2;BYDAY=MO,FR",
     "every 2nd day at 09:00 Europe/Prague, only on Mondays and Fridays"},
    {"FREQ=DAILY;BYDAY=FR;BYMONTHDAY=13",
     "every day at 09:00 Europe/Prague, only on Fridays, only on the 13th of the month"},
    {"FREQ=DAILY;BYMONTH=1,2,3",
     "every day at 09:00 Europe/Prague, only in January, February and March"},
    {"FREQ=DAILY;BYHOUR=9,12,17;BYMINUTE=0,30",
     "every day at 09:00, 09:30, 12:00, 12:30, 17:00 and 17:30 Europe/Prague"},
    {"FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16,17;BYMINUTE=0,15,30,45",
     "every day at minutes 0, 15, 30 and 45 of hours 09 to 17 (Europe/Prague)"},
    {"FREQ=DAILY;BYHOUR=6;BYMINUTE=5;BYSECOND=7", "every day at 06:05:07 Europe/Prague"},
    {"FREQ=DAILY;BYHOUR=6,18;BYMINUTE=0,20,40;BYSECOND=0,30",
     "every day at seconds 0 and 30 of minutes 0, 20 and 40 of hours 06 and 18 (Europe/Prague)"},
    {"FREQ=DAILY;BYHOUR=9,17;BYSETPOS=-1",
     "every day at 09:00 and 17:00 Europe/Prague, but of these only the last of each day"},
    {"FREQ=HOURLY", "every hour at minute 0 (Europe/Prague)"},
    {"FREQ=HOURLY;INTERVAL=6",
     "every 6 hours at minute 0 (Europe/Prague), counted from 5 January 2026 at 09:00"},
    {"FREQ=HOURLY;BYMINUTE=0,30", "every hour at minutes 0 and 30 (Europe/Prague)"},
    {"FREQ=HOURLY;BYMINUTE=15;BYSECOND=10,20",
     "every hour at seconds 10 and 20 of minute 15 (Europe/Prague)"},
    {"FREQ=HOURLY;BYHOUR=9,10,11,12,13,14,15,16,17;BYDAY=MO,TU,WE,TH,FR",
     "every hour at minute 0 (Europe/Prague), only in hours 09 to 17, only on weekdays"},
    {"FREQ=HOURLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYYEARDAY=-1",
     "every hour at minute 0 (Europe/Prague), only on all days, only on the last day of the year"},
    {"FREQ=MINUTELY;INTERVAL=5",
     "every 5 minutes (Europe/Prague), counted from 5 January 2026 at 09:00"},
    {"FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16",
     "every 20 minutes (Europe/Prague), only in hours 09 to 16, counted from 5 January 2026 at "
     "09:00"},
    {"FREQ=MINUTELY;BYMINUTE=0,1,2,3;BYSECOND=30",
     "every minute at second 30 (Europe/Prague), only in minutes 0 to 3"},
    {"FREQ=SECONDLY;INTERVAL=30",
     "every 30 seconds (Europe/Prague), counted from 5 January 2026 at 09:00"},
    {"FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=29",
     "every second (Europe/Prague), only on the 29th of the month, only in February"},
    {"FREQ=SECONDLY;BYSECOND=0,30;BYMINUTE=5;BYHOUR=22,23",
     "every second (Europe/Prague), only at seconds 0 and 30, only in minute 5, only in hours 22 "
     "and 23"},
};

const std::vector<Row> kSets{
    {"RRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY;BYDAY=SA;BYHOUR=12",
     "every day at 09:00 Europe/Prague; and every Saturday at 12:00"},
    {"RDATE:20260301T100000", "on 1 March 2026 at 10:00 (Europe/Prague)"},
    {"RDATE;VALUE=DATE:20260301,20260302",
     "on 1 March 2026 at 09:00 and on 2 March 2026 at 09:00 (Europe/Prague)"},
    {"RDATE:20260301T100000Z", "on 1 March 2026 at 10:00 UTC (Europe/Prague)"},
    {"RRULE:FREQ=WEEKLY\nRDATE;TZID=Asia/Tokyo:20260301T100000",
     "every Monday at 09:00 Europe/Prague; and on 1 March 2026 at 10:00 Asia/Tokyo"},
    {"RRULE:FREQ=DAILY\nEXDATE:20261225T090000",
     "every day at 09:00 Europe/Prague; except on 25 December 2026 at 09:00"},
    {"RRULE:FREQ=DAILY\nEXDATE;VALUE=DATE:20261225",
     "every day at 09:00 Europe/Prague; except all day on 25 December 2026"},
    {"RRULE:FREQ=DAILY\nEXRULE:FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR",
     "every day at 09:00 Europe/Prague; except on the 13th of every month at 09:00, only on "
     "Fridays"},
    {"RRULE:FREQ=DAILY\nRDATE:20260101T120000\nEXRULE:FREQ=WEEKLY\nEXDATE:20260106T090000Z",
     "every day at 09:00 Europe/Prague; and on 1 January 2026 at 12:00; except every Monday at "
     "09:00; except on 6 January 2026 at 09:00 UTC"},
    {"RRULE:FREQ=YEARLY\n"
     "EXDATE:20270105T090000,20280105T090000,20290105T090000,20300105T090000,20310105T090000,"
     "20320105T090000,20330105T090000",
     "every year on 5 January at 09:00 Europe/Prague; except on 5 January 2027 at 09:00, on "
     "5 January 2028 at 09:00, on 5 January 2029 at 09:00, on 5 January 2030 at 09:00, on "
     "5 January 2031 at 09:00 and at 2 more times"},
};

}  // namespace

TEST_CASE("a rule in words") {
  REQUIRE(kRules.size() >= 60);
  for (const auto& [rule, expected] : kRules) {
    CAPTURE(rule);
    CHECK(words(rule) == expected);
  }
}

TEST_CASE("several rules and dates in words") {
  for (const auto& [set, expected] : kSets) {
    CAPTURE(set);
    CHECK(words(set) == expected);
  }
}

TEST_CASE("what a rule leaves open comes from the start") {
  const local_seconds start = date::local_days{2028_y / 2 / 29} + 6h + 5min + 7s;
  CHECK(words("FREQ=YEARLY", start) == "every year on 29 February at 06:05:07 Europe/Prague");
  CHECK(words("FREQ=MONTHLY", start) == "on the 29th of every month at 06:05:07 Europe/Prague");
  CHECK(words("FREQ=WEEKLY", start) == "every Tuesday at 06:05:07 Europe/Prague");
  CHECK(words("FREQ=DAILY;BYHOUR=9", start) == "every day at 09:05:07 Europe/Prague");
  CHECK(words("FREQ=HOURLY", start) == "every hour at second 7 of minute 5 (Europe/Prague)");
  CHECK(words("FREQ=MINUTELY", start) == "every minute at second 7 (Europe/Prague)");
  CHECK(words("FREQ=SECONDLY", start) == "every second (Europe/Prague)");
  CHECK(words("FREQ=YEARLY;BYWEEKNO=9", start) ==
        "every year on Tuesday of week 9 of the year at 06:05:07 Europe/Prague");
  CHECK(words("FREQ=YEARLY;BYMONTH=6", start) == "every year on 29 June at 06:05:07 Europe/Prague");
}

TEST_CASE("no part of a rule goes unmentioned") {
  int changed = 0;
  for (const auto& [text, expected] : kRules) {
    const RuleParts parts = parse_rule(text).value().parts();
    const auto differs = [&](auto list, auto values) {
      if ((parts.*list).empty()) return;
      RuleParts other = parts;
      other.*list = values;
      if (other == parts) return;
      RecurrenceSet set;
      set.rules.push_back(Rule::make(other).value());
      ++changed;
      CAPTURE(text, to_string(set));
      CHECK(describe(set, kMonday, "Europe/Prague") != expected);
    };
    differs(&RuleParts::by_second, std::vector{51});
    differs(&RuleParts::by_minute, std::vector{51});
    differs(&RuleParts::by_hour, std::vector{21});
    differs(&RuleParts::by_monthday, std::vector{23});
    differs(&RuleParts::by_yearday, std::vector{223});
    differs(&RuleParts::by_weekno, std::vector{43});
    differs(&RuleParts::by_month, std::vector{10});
    differs(&RuleParts::by_setpos, std::vector{-3});
    differs(&RuleParts::by_day, std::vector<ByDay>{{0, Weekday::saturday}, {0, Weekday::thursday}});
    RuleParts other = parts;
    other.interval += 1;
    CHECK(describe({.rules = {Rule::make(other).value()},
                    .exclude_rules = {},
                    .dates = {},
                    .exclude_dates = {}},
                   kMonday, "Europe/Prague") != expected);
  }
  CHECK(changed > 60);
}
