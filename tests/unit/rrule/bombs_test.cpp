// Rules made to hang a scheduler: each is refused or answered at once. A test that walked would
// take hours.
#include "engine_times.h"
#include "rrule/compiled_set.h"
#include "rrule/occurrence.h"
#include "rrule/parse.h"

#include <catch2/catch.hpp>

namespace rruled::rrule {

using namespace testing;

namespace {

// Once in 236 years, and 86,413 steps away.
const std::string kSparse = "RRULE:FREQ=SECONDLY;INTERVAL=86413;BYHOUR=5;BYMINUTE=5;BYSECOND=5\n";

// In UTC, from 2026 on.
detail::CompiledSet compiled_set(const std::string& text) {
  detail::CompiledSet compiled(utc("2026-01-01T00:00:00Z"), zone("UTC"), {});
  const auto set = parse_recurrence(text).value();
  detail::Steps steps = 0;
  REQUIRE_FALSE(compiled.add_rules(set, steps));
  REQUIRE_FALSE(compiled.add_dates(set, zone));
  compiled.finish();
  return compiled;
}

}  // namespace

TEST_CASE("what can never match is proved at compile time") {
  const auto rule = GENERATE(
      as<std::string>{}, "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
      "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
      "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30", "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
      "FREQ=DAILY;BYHOUR=9;BYSETPOS=2", "FREQ=SECONDLY;BYYEARDAY=366;BYMONTH=1",
      "FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29", "FREQ=MONTHLY;INTERVAL=12;BYMONTH=3",
      "FREQ=SECONDLY;INTERVAL=60;BYSECOND=1", "FREQ=MINUTELY;INTERVAL=1440;BYHOUR=3",
      "FREQ=HOURLY;INTERVAL=168;BYDAY=TU",
      "FREQ=SECONDLY;INTERVAL=86399;BYHOUR=0;BYMINUTE=0;BYSECOND=1;BYYEARDAY=366;BYMONTH=6",
      "FREQ=MONTHLY;BYDAY=6MO", "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6;BYDAY=MO",
      "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6", "FREQ=DAILY;UNTIL=19900101T000000Z",
      "FREQ=YEARLY;INTERVAL=2147483647;BYMONTH=1;BYMONTHDAY=31;BYDAY=MO",
      "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD;BYMONTH=6;BYMONTHDAY=31;BYDAY=2MO");
  INFO(rule);
  for (const char* in : {"UTC", "America/New_York"}) {
    const auto never = recurrence(rule, "2025-01-06T00:00:00", in);  // a Monday
    CHECK(never.never());
    CHECK_FALSE(never.next(utc("2025-01-01T00:00:00Z")));
    CHECK_FALSE(never.previous(sys_seconds::max()));
    CHECK(never.count(sys_seconds::min(), sys_seconds::max()) == 0);
  }
}

TEST_CASE("far and sparse occurrences are found without walking there") {
  const auto [rule, expected] = GENERATE(table<std::string, std::string>({
      {"FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=29", "2028-02-29T05:00:00Z"},
      {"FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO;BYHOUR=23;BYMINUTE=59;BYSECOND=59",
       "2044-03-01T04:59:59Z"},
      {"FREQ=YEARLY;INTERVAL=100;BYMONTH=1;BYMONTHDAY=1", "2125-01-01T05:00:00Z"},
      {"FREQ=SECONDLY;INTERVAL=2147483647", "2093-01-24T08:14:07Z"},
      {"FREQ=MINUTELY;INTERVAL=1439;BYHOUR=23;BYMINUTE=1", "2025-03-06T04:01:00Z"},
  }));
  INFO(rule);
  const auto sparse = recurrence(rule, "2025-01-06T00:00:00", "America/New_York");
  const auto found = sparse.next(utc("2025-01-06T05:00:00Z"));
  REQUIRE(found);
  CHECK(print(found->instant) == expected);
}

TEST_CASE("huge counts") {
  const auto old = recurrence("FREQ=SECONDLY;COUNT=2000000000", "1971-01-01T00:00:00");
  CHECK(print(old.previous(sys_seconds::max())->instant) == "2034-05-18T03:33:19Z");
  CHECK_FALSE(old.next(utc("2034-05-18T03:33:19Z")));
  const auto local =
      recurrence("FREQ=SECONDLY;COUNT=2000000000", "1971-01-01T00:00:00", "America/New_York");
  CHECK(local.count(sys_seconds::min(), sys_seconds::max()) == 2'000'000'000);
  const auto dense = recurrence("FREQ=SECONDLY;INTERVAL=7;BYHOUR=9,10;COUNT=100000000",
                                "1971-01-01T00:00:00", "Europe/London");
  CHECK(dense.count(sys_seconds::min(), sys_seconds::max()) ==
        dense.count(sys_seconds::min(), utc("2300-01-01T00:00:00Z")));
  CHECK(recurrence("FREQ=DAILY;COUNT=2147483647", "2025-01-06T00:00:00")
            .next(utc("2150-01-01T00:00:00Z")));
}

TEST_CASE("exclusions that leave nothing end, or are refused") {
  const auto [text, refused] = GENERATE(table<std::string, bool>({
      {"RRULE:FREQ=SECONDLY\nEXRULE:FREQ=SECONDLY", false},
      {"RRULE:FREQ=SECONDLY\nEXRULE:FREQ=MINUTELY;BYSECOND=0", true},  // something is left
      {"RRULE:FREQ=SECONDLY;INTERVAL=2\nEXRULE:FREQ=SECONDLY", false},
      {"RRULE:FREQ=DAILY\nEXRULE:FREQ=SECONDLY", false},
      {"RRULE:FREQ=SECONDLY\nEXRULE:FREQ=SECONDLY;INTERVAL=2\nEXRULE:FREQ=SECONDLY;INTERVAL=2;"
       "BYSECOND=1",
       true},
      {"RRULE:FREQ=SECONDLY;INTERVAL=2\nEXRULE:FREQ=SECONDLY;INTERVAL=2", true},
  }));
  INFO(text);
  const auto set = Recurrence::compile(text, utc("2025-01-06T00:00:00Z"), zone("UTC"), {});
  if (set) {
    CHECK(set->never() == !refused);
    CHECK((set->never() || set->next(utc("2025-01-06T00:00:00Z"))));
  } else {
    CHECK(refused);
    CHECK(set.error().code == ErrorCode::unsupported);
  }
}

TEST_CASE("a sparse rule is not asked again for each candidate of a dense one") {
  const auto set = compiled_set(kSparse + kSparse + kSparse +
                                "RRULE:FREQ=SECONDLY\n"
                                "EXRULE:FREQ=SECONDLY;BYMONTHDAY=2;BYHOUR=0,1,2,3,4,5,6,7,8,9");
  detail::Steps steps = 0;
  const auto found = set.next(detail::number(utc("2026-01-01T23:59:59Z")), steps);
  REQUIRE(found.occurrence);
  CHECK(print(found.occurrence->instant) == "2026-01-02T10:00:00Z");
  CHECK(steps < kStepsMax / 2);
  const auto before = set.previous(detail::number(found.occurrence->instant));
  REQUIRE(before.occurrence);
  CHECK(print(before.occurrence->instant) == "2026-01-01T23:59:59Z");
}

TEST_CASE("many sparse rules are refused once they cost too much") {
  std::string text;
  for (int i = 0; i < 98; ++i) text += kSparse;
  text += "RRULE:FREQ=SECONDLY\nEXRULE:FREQ=SECONDLY;UNTIL=20300101T000000Z";
  const auto set = compiled_set(text);
  CHECK(set.first().exhausted);
  detail::Steps steps = 0;
  CHECK(set.next(detail::number(utc("2026-01-01T00:00:00Z")), steps).exhausted);
  CHECK(steps < 2 * kStepsMax);
  CHECK(set.previous(detail::number(utc("2029-01-01T00:00:00Z"))).exhausted);
  const auto refused = Recurrence::compile(text, utc("2026-01-01T00:00:00Z"), zone("UTC"), {});
  CHECK(refused.error().code == ErrorCode::unsupported);
}

TEST_CASE("what has to be counted one by one is counted for so many steps") {
  const auto [text, in_a_day] = GENERATE(table<std::string, std::uint64_t>({
      {"RRULE:FREQ=SECONDLY\nRRULE:FREQ=DAILY", 86'400},
      {"RRULE:FREQ=SECONDLY\nEXRULE:FREQ=MINUTELY;BYSECOND=7", 86'400 - 1'440},
      {"RRULE:FREQ=SECONDLY;INTERVAL=2\nEXRULE:FREQ=SECONDLY;INTERVAL=2", 0},
  }));
  const auto set = compiled_set(text);
  const auto from = detail::number(utc("2026-01-01T00:00:00Z"));
  const auto counted = set.count(from, detail::number(utc("2199-01-01T00:00:00Z")));
  CHECK(counted.cut_short);
  CHECK(counted.total >= in_a_day);
  CHECK(counted.total <= kStepsMax);
  const auto day = set.count(from, from + 86'400);
  CHECK_FALSE(day.cut_short);
  CHECK(day.total == in_a_day);
}

TEST_CASE("a count by arithmetic that is cut short gave nothing") {
  const auto [lines, counts] = GENERATE(table<std::string, bool>({
      {"", true},
      {"\nEXDATE:20260101T110001,20260101T000000", true},
      {"\nRDATE:20300101T000000,20280401T000000", true},
      {"\nEXDATE;VALUE=DATE:20260105,20270105", false},  // one that a search finds
  }));
  const char* in = GENERATE("UTC", "America/New_York");
  CAPTURE(lines, in);
  const auto start = utc("2026-01-01T00:00:00Z");
  const auto set = Recurrence::compile("RRULE:FREQ=SECONDLY;INTERVAL=4099;BYSECOND=1" + lines,
                                       start, zone(in), {})
                       .value();
  bool cut_short = false;
  std::uint64_t all = 0;
  for (int year = 0; year < 170; ++year)
    all +=
        set.count(start + year * date::days{365}, start + (year + 1) * date::days{365}, &cut_short);
  REQUIRE_FALSE(cut_short);
  const auto counted = set.count(start, start + 170 * date::days{365}, &cut_short);
  CHECK(cut_short);
  CHECK(counted <= all);
  CHECK(counted >= (counts ? all / 5 : 1));
}

TEST_CASE("an exclusion is followed no further than the next date") {
  std::string text = "RRULE:FREQ=DAILY\nEXRULE:FREQ=DAILY\nRDATE:20260101T000000";
  int dates = 1;
  for (auto day = wall("2026-01-02T00:00:00"); text.size() < kTextMax - 20;
       day += std::chrono::hours{24}, ++dates)
    text += date::format(",%Y%m%dT000000", day);
  CHECK(dates > 3'000);
  const auto set = compiled_set(text);
  detail::Steps steps = 0;
  const auto found = set.next(detail::number(utc("2025-12-31T00:00:00Z")), steps);
  CHECK_FALSE(found.occurrence);
  CHECK_FALSE(found.exhausted);
  CHECK(steps < 200'000);  // the days to 2200, once
}

// Each sparse rule is searched to the last year, and has nothing there.
std::string hourly_with_sparse_rules() {
  std::string text = "RRULE:FREQ=HOURLY";
  for (int minute = 1; minute <= 14; ++minute)
    text += "\nRRULE:FREQ=SECONDLY;INTERVAL=86399;BYHOUR=0;BYSECOND=11;BYMINUTE=" +
            std::to_string(minute);
  return text;
}

TEST_CASE("an iterator does not ask again the rules that have nothing left") {
  const auto set =
      Recurrence::compile(hourly_with_sparse_rules(), utc("2026-01-01T00:00:00Z"), zone("UTC"), {});
  OccurrenceIterator iterator(*set);
  iterator.seek(utc("2026-06-01T00:00:00Z"));
  int found = 0;
  while (found < 1'000 && iterator.next()) ++found;
  CHECK(found == 1'000);
  CHECK_FALSE(iterator.exhausted());
}

TEST_CASE("the searches of one iterator are bounded together") {
  const auto set =
      Recurrence::compile(hourly_with_sparse_rules(), utc("2026-01-01T00:00:00Z"), zone("UTC"), {});
  OccurrenceIterator iterator(*set);
  // Back by an hour each time: what was learned serves only for what is later.
  auto from = utc("2026-06-01T00:00:00Z");
  int found = 0;
  for (; found < 1'000; ++found, from -= std::chrono::hours{1}) {
    iterator.seek(from);
    if (!iterator.next()) break;
  }
  CHECK(found > 0);
  CHECK(found < 1'000);
  CHECK(iterator.exhausted());
  // A copy goes on with the same steps.
  OccurrenceIterator copy(iterator);
  copy.seek(from);
  CHECK_FALSE(copy.next());
  CHECK(copy.exhausted());
}

TEST_CASE("counts that share their steps are cut short together") {
  const auto set =
      Recurrence::compile("RRULE:FREQ=SECONDLY;INTERVAL=2\nRRULE:FREQ=SECONDLY;INTERVAL=3",
                          utc("2026-01-01T00:00:00Z"), zone("UTC"), {});
  std::int64_t steps = 0;
  bool cut_short = false;
  std::uint64_t total = 0;
  auto day = utc("2026-01-02T00:00:00Z");
  for (int i = 0; i < 1'000 && !cut_short; ++i, day += std::chrono::hours{24})
    total += set->count(day, day + std::chrono::hours{24}, &cut_short, &steps);
  CHECK(cut_short);
  CHECK(total >= 57'600);
  CHECK(total <= kStepsMax);
  CHECK(set->count(day, day + std::chrono::hours{24}, nullptr, &steps) == 0);
  CHECK(set->count(day, day + std::chrono::hours{24}) == 57'600);
  // So is what is counted by arithmetic.
  const auto daily =
      Recurrence::compile("FREQ=DAILY", utc("2026-01-01T00:00:00Z"), zone("UTC"), {});
  cut_short = false;
  CHECK(daily->count(day, day + std::chrono::hours{48}, &cut_short, &steps) == 0);
  CHECK(cut_short);
}

// Of a rule that comes by its phase alone, in some seconds of a thousand days.
std::string counted_line(int count) {
  return "\nRRULE:FREQ=SECONDLY;INTERVAL=86401;COUNT=" + std::to_string(count) + ";BYHOUR=1";
}

TEST_CASE("the COUNTs of all rules of a set are counted down in so many steps together") {
  std::string text = "RRULE:FREQ=SECONDLY;INTERVAL=15";
  for (int i = 0; i < 99; ++i) text += counted_line(9'000 + i);
  const auto set = parse_recurrence(text).value();
  detail::CompiledSet compiled(utc("1601-01-02T00:00:00Z"), zone("UTC"), {});
  detail::Steps steps = 0;
  const auto costly = compiled.add_rules(set, steps);
  REQUIRE(costly);
  CHECK(*costly > 1);
  CHECK(*costly < 20);
  CHECK(steps >= kStepsMax);
  CHECK(steps < 2 * kStepsMax);

  const auto refused = Recurrence::compile(text, utc("1601-01-02T00:00:00Z"), zone("UTC"), {});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ErrorCode::unsupported);
  const std::string line = counted_line(9'000 + static_cast<int>(*costly) - 1);
  const std::string rule = line.substr(line.find(':') + 1);
  CHECK(refused.error().detail ==
        "the COUNT of " + rule + " takes too long to count down: give it an UNTIL instead");
  CHECK(refused.error().offset == text.find(rule));
  // One alone is not too much.
  const auto alone = counted_line(9'000).substr(1);
  CHECK(Recurrence::compile(alone, utc("1601-01-02T00:00:00Z"), zone("UTC"), {}).has_value());
}

TEST_CASE("a rule that cannot be counted down is given up on the way") {
  const auto set = parse_recurrence("FREQ=SECONDLY;INTERVAL=4099;BYSECOND=1;COUNT=90000").value();
  detail::CompiledSet compiled(utc("1601-01-02T00:00:00Z"), zone("America/New_York"), {});
  detail::Steps steps = 0;
  CHECK(compiled.add_rules(set, steps) == 0);
  CHECK(steps < kStepsMax + kStepsMax / 10);
}

TEST_CASE("an EXRULE that cannot be counted down is pointed at, also where lines are folded") {
  const std::string text =
      "RRULE:FREQ=DAILY\r\nEXRULE:FREQ=DAILY;COUNT=3\r\nRRULE:FREQ=HOUR\r\n LY\r\nEXRULE:"
      "FREQ=SECONDLY;INTERVAL=4099;BYSECOND=1;COUNT=9000";
  const auto refused = Recurrence::compile(text, utc("1970-01-01T00:00:00Z"), zone("UTC"), {});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().offset == text.find("FREQ=SECONDLY"));
  CHECK(refused.error().detail.find("FREQ=SECONDLY;INTERVAL=4099") != std::string::npos);
}

TEST_CASE("sets that share their steps are refused together") {
  const auto set = parse_recurrence(counted_line(9'000).substr(1)).value();
  std::int64_t steps = 0;
  int compiled = 0;
  for (; compiled < 100; ++compiled)
    if (!Recurrence::compile(set, utc("1601-01-02T00:00:00Z"), zone("UTC"), {}, {}, &steps)
             .has_value())
      break;
  CHECK(compiled > 0);
  CHECK(compiled < 20);
  CHECK(Recurrence::compile(set, utc("1601-01-02T00:00:00Z"), zone("UTC"), {}).has_value());
  // A rule without a COUNT has nothing to count.
  const auto endless = parse_recurrence("FREQ=SECONDLY;INTERVAL=86401;BYHOUR=1").value();
  CHECK(Recurrence::compile(endless, utc("1601-01-02T00:00:00Z"), zone("UTC"), {}, {}, &steps)
            .has_value());
}

TEST_CASE("what costs much to count down alone is refused, what people write is not") {
  const auto [rule, start, counted] = GENERATE(table<std::string, std::string, bool>({
      {"FREQ=SECONDLY;INTERVAL=4099;BYSECOND=1;COUNT=9000", "1970-01-01T00:00:00", false},
      {"FREQ=MINUTELY;INTERVAL=5;COUNT=1000000", "2026-01-01T00:00:00", true},
      {"FREQ=SECONDLY;COUNT=100000000", "2026-01-01T00:00:00", true},
      {"FREQ=DAILY;COUNT=100000", "2026-01-01T00:00:00", true},
      {"FREQ=DAILY;COUNT=2147483647", "1601-01-02T00:00:00", true},
      {"FREQ=SECONDLY;INTERVAL=7;BYHOUR=9,10;COUNT=100000000", "1601-01-02T00:00:00", true},
      {"FREQ=MINUTELY;INTERVAL=7;BYHOUR=9,10,11;BYDAY=MO,TU,WE,TH,FR;COUNT=2147483647",
       "1601-01-02T00:00:00", true},
      {"FREQ=MINUTELY;INTERVAL=10080;BYDAY=MO;COUNT=5000", "1601-01-02T00:00:00", true},
      {"FREQ=HOURLY;INTERVAL=25;BYDAY=MO;COUNT=1000", "1970-01-01T00:00:00", true},
      {"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1,-1;COUNT=10000", "1601-01-02T00:00:00", true},
      {"FREQ=SECONDLY;INTERVAL=59;BYSECOND=1;COUNT=100000", "1970-01-01T00:00:00", true},
  }));
  for (const char* in : {"UTC", "America/New_York", "Australia/Lord_Howe"}) {
    INFO(rule << " in " << in);
    const auto compiled =
        Recurrence::compile(rule, start_instant(wall(start), *zone(in)), zone(in), {});
    CHECK(compiled.has_value() == counted);
  }
}

TEST_CASE("days counted by whole cycles of their phase are the days walked") {
  const std::string rule = GENERATE(
      as<std::string>{}, "FREQ=MINUTELY;INTERVAL=7;BYHOUR=9", "FREQ=HOURLY;INTERVAL=7;BYHOUR=3,9",
      "FREQ=SECONDLY;INTERVAL=3607;BYSECOND=3,4", "FREQ=MINUTELY;INTERVAL=11;BYHOUR=1,2");
  const auto endless = recurrence(rule, "2026-01-03T05:06:07", "America/New_York");
  const auto found = endless.between(sys_seconds::min(), sys_seconds::max(), 5'000);
  REQUIRE(found.size() == 5'000);
  for (const std::size_t count : {17, 500, 1'001, 4'999}) {
    const auto counted = recurrence(rule + ";COUNT=" + std::to_string(count), "2026-01-03T05:06:07",
                                    "America/New_York");
    CHECK(counted.previous(sys_seconds::max()) == found[count - 1]);
    CHECK(endless.count(found[16].instant, found[count - 1].instant) == count - 17);
  }
}

TEST_CASE("as many dates as the text holds") {
  std::string text = "RRULE:FREQ=HOURLY\nEXDATE:20250106T000000";
  auto at = wall("2025-01-06T01:00:00");
  std::size_t excluded = 1;
  for (; text.size() < kTextMax - 20; at += std::chrono::hours{1}, ++excluded) {
    text += date::format(",%Y%m%dT%H%M%S", at);
  }
  CHECK(excluded > 3'000);
  const auto set = recurrence(text, "2025-01-06T00:00:00");
  CHECK(set.first()->local == at);
  CHECK(set.count(set.starts_at(), utc("2026-01-06T00:00:00Z")) == 365 * 24 - excluded);
}

}  // namespace rruled::rrule
