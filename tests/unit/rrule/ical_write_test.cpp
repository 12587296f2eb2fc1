// Calendars as they are written; by libical's reading, too.
#include "ical_fixture.h"

#include <catch2/catch.hpp>
#include <libical/ical.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

using namespace rruled::rrule;
using namespace date::literals;
using namespace std::chrono_literals;
using rruled::rrule::test::first_times;
using rruled::rrule::test::read;
using rruled::rrule::test::zones;

namespace {

const sys_seconds kStamp = date::sys_days{2026_y / 1 / 2} + 3h;

CalendarEntry entry(date::year_month_day day, const std::string& zone, const std::string& rule) {
  return {0, "1@example.org", "Report", date::local_days{day} + 9h, zone, rule};
}

std::string written(const CalendarEntry& one) {
  const auto text = write_calendar(std::vector{one}, zones(), kStamp);
  REQUIRE(text.has_value());
  return text->text;
}

}  // namespace

TEST_CASE("a calendar is written as RFC 5545 wants it") {
  CalendarEntry one = entry(2026_y / 1 / 5, "Europe/Prague",
                            "RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20261231\nRDATE:20260301T100000\n"
                            "RDATE;VALUE=DATE:20260302\nEXDATE;VALUE=DATE:20260112\n"
                            "EXDATE;TZID=Asia/Tokyo:20260119T170000\nEXDATE:20260126T080000Z");
  one.name = "Report, weekly; \\ \"all\"\r\nsecond\x01line";
  CHECK(written(one) ==
        "BEGIN:VCALENDAR\r\n"
        "VERSION:2.0\r\n"
        "PRODID:-//rruled//rruled//EN\r\n"
        "CALSCALE:GREGORIAN\r\n"
        "BEGIN:VTIMEZONE\r\n"
        "TZID:Asia/Tokyo\r\n"
        "BEGIN:STANDARD\r\n"
        "DTSTART:19700101T000000\r\n"
        "TZOFFSETFROM:+0900\r\n"
        "TZOFFSETTO:+0900\r\n"
        "END:STANDARD\r\n"
        "END:VTIMEZONE\r\n"
        "BEGIN:VTIMEZONE\r\n"
        "TZID:Europe/Prague\r\n"
        "BEGIN:STANDARD\r\n"
        "DTSTART:20251026T030000\r\n"
        "TZOFFSETFROM:+0200\r\n"
        "TZOFFSETTO:+0100\r\n"
        "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\n"
        "END:STANDARD\r\n"
        "BEGIN:DAYLIGHT\r\n"
        "DTSTART:20260329T020000\r\n"
        "TZOFFSETFROM:+0100\r\n"
        "TZOFFSETTO:+0200\r\n"
        "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\n"
        "END:DAYLIGHT\r\n"
        "END:VTIMEZONE\r\n"
        "BEGIN:VEVENT\r\n"
        "UID:1@example.org\r\n"
        "DTSTAMP:20260102T030000Z\r\n"
        "SUMMARY:Report\\, weekly\\; \\\\ \"all\"\\nsecond line\r\n"
        "DTSTART;TZID=Europe/Prague:20260105T090000\r\n"
        "RRULE:FREQ=WEEKLY;UNTIL=20261231T225959Z;BYDAY=MO\r\n"
        "RDATE;TZID=Europe/Prague:20260301T100000,20260302T090000\r\n"
        "EXDATE;TZID=Asia/Tokyo:20260119T170000\r\n"
        "EXDATE;TZID=Europe/Prague:20260112T090000\r\n"
        "EXDATE:20260126T080000Z\r\n"
        "END:VEVENT\r\n"
        "END:VCALENDAR\r\n");
}

TEST_CASE("lines are folded at 75 bytes and between characters") {
  CalendarEntry one = entry(2026_y / 1 / 5, "UTC", "FREQ=DAILY");
  for (int i = 0; i < 200; ++i) one.name += i % 3 == 0 ? "\xE2\x82\xAC" : "\xC5\x99";
  for (int i = 0; i < 60; ++i) one.recurrence += (i == 0 ? ";BYMINUTE=" : ",") + std::to_string(i);
  const std::string text = written(one);
  std::istringstream lines(text);
  std::string line;
  int count = 0;
  while (std::getline(lines, line)) {
    CAPTURE(line);
    ++count;
    CHECK(line.size() <= 76);  // with its CR
    REQUIRE(line.size() >= 2);
    CHECK(line.back() == '\r');
    const auto first = static_cast<unsigned char>(line[line[0] == ' ' ? 1 : 0]);
    CHECK((first & 0xC0U) != 0x80U);
  }
  CHECK(count > 15);
  CHECK(read(text).entries[0].name == one.name);
}

TEST_CASE("a start that the rule does not name is no extra occurrence elsewhere") {
  // One rule: DTSTART moves to its first occurrence, phase and count unharmed.
  const CalendarEntry moved =
      entry(2026_y / 1 / 5, "Europe/Prague", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=FR;BYHOUR=7");
  CHECK_THAT(written(moved), Catch::Contains("DTSTART;TZID=Europe/Prague:20260109T070000\r\n"));
  CHECK(first_times(read(written(moved)).entries[0], 9) == first_times(moved, 9));
  // Several: it is excluded, as in the last example of RFC 5545 3.8.5.3 but one.
  const CalendarEntry excluded = entry(2026_y / 1 / 5, "Europe/Prague",
                                       "RRULE:FREQ=WEEKLY;BYDAY=FR\nRRULE:FREQ=DAILY;BYHOUR=7");
  CHECK_THAT(written(excluded), Catch::Contains("DTSTART;TZID=Europe/Prague:20260105T090000\r\n"));
  CHECK_THAT(written(excluded), Catch::Contains("EXDATE;TZID=Europe/Prague:20260105T090000\r\n"));
  CHECK(first_times(read(written(excluded)).entries[0], 9) == first_times(excluded, 9));
}

TEST_CASE("what other programs read differently is noted") {
  const auto [rule, note] = GENERATE(table<std::string, std::string>({
      {"FREQ=HOURLY", "within a day"},
      {"FREQ=MONTHLY;RSCALE=GREGORIAN;SKIP=FORWARD;BYMONTHDAY=5,31", "RSCALE and SKIP"},
      {"RRULE:FREQ=DAILY\nRRULE:FREQ=DAILY;BYHOUR=7", "several RRULE"},
      {"RRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY;BYDAY=SU", "EXRULE"},
      {"RRULE:FREQ=WEEKLY;COUNT=3;BYDAY=FR\nRRULE:FREQ=WEEKLY;BYDAY=SA", "one time less"},
  }));
  CAPTURE(rule);
  const std::vector entries{entry(2026_y / 1 / 5, "UTC", "FREQ=DAILY"),
                            entry(2026_y / 1 / 5, "Europe/Prague", rule)};
  const auto text = write_calendar(entries, zones(), kStamp);
  REQUIRE(text.has_value());
  CHECK(std::any_of(text->notes.begin(), text->notes.end(), [&](const auto& n) {
    return n.entry == 1 && n.text.find(note) != std::string::npos;
  }));
  CHECK(std::none_of(text->notes.begin(), text->notes.end(),
                     [](const auto& n) { return n.entry == 0; }));
}

TEST_CASE("what cannot be written is an error that names the entry") {
  const auto [zone, rule, detail] = GENERATE(table<std::string, std::string, std::string>({
      {"Mars/Olympus", "FREQ=DAILY", "unknown time zone"},
      {"UTC", "FREQ=DAYLY", "entry 1 (1@example.org): "},
      {"UTC", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "no occurrence"},
      {"UTC", "RRULE:FREQ=DAILY\nEXDATE;TZID=Mars:20260101T000000", "entry 1"},
  }));
  CAPTURE(zone, rule);
  const std::vector entries{entry(2026_y / 1 / 5, "UTC", "FREQ=DAILY"),
                            entry(2026_y / 1 / 5, zone, rule)};
  const auto text = write_calendar(entries, zones(), kStamp);
  REQUIRE_FALSE(text.has_value());
  CHECK_THAT(text.error().detail, Catch::Contains(detail));
  CalendarEntry nameless = entries[0];
  nameless.uid.clear();
  CHECK(write_calendar(std::vector{nameless}, zones(), kStamp).error().code ==
        ErrorCode::missing_part);
}

TEST_CASE("what is written reads back as the same entry and the same times") {
  const auto [day, zone, rule] = GENERATE(table<date::year_month_day, std::string, std::string>({
      {2026_y / 1 / 5, "Europe/Prague", "FREQ=DAILY"},
      {2026_y / 1 / 5, "America/New_York", "FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,WE;WKST=SU"},
      {2026_y / 1 / 31, "Australia/Lord_Howe", "FREQ=MONTHLY;RSCALE=GREGORIAN;SKIP=BACKWARD"},
      {2026_y / 1 / 31, "Pacific/Chatham", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"},
      {2026_y / 1 / 5, "UTC", "FREQ=SECONDLY;INTERVAL=90061;COUNT=5"},
      {2026_y / 1 / 5, "Europe/Dublin", "FREQ=HOURLY;INTERVAL=7;BYDAY=SU"},
      {2000_y / 2 / 29, "Africa/Casablanca", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"},
      {2020_y / 12 / 28, "Asia/Tehran", "FREQ=YEARLY;BYWEEKNO=53"},
      {2026_y / 1 / 5, "Europe/Prague", "FREQ=DAILY;UNTIL=20260329T023000;BYHOUR=2;BYMINUTE=30"},
      {2026_y / 1 / 5, "Europe/Prague", "FREQ=DAILY;UNTIL=20261025T023000;BYHOUR=2;BYMINUTE=30"},
      {2026_y / 1 / 5, "Asia/Gaza",
       "RRULE:FREQ=DAILY;COUNT=40\nRDATE:20260105T120000\nRDATE;VALUE=DATE:20270301\n"
       "EXDATE;VALUE=DATE:20260110,20260111\nEXDATE;TZID=Europe/Prague:20260120T080000"},
      {2026_y / 3 / 1, "Europe/Prague", "RRULE:FREQ=HOURLY;COUNT=1000\nEXDATE;VALUE=DATE:20260329"},
      {2026_y / 1 / 5, "Europe/Prague", "RRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY;BYDAY=SA,SU"},
      {2026_y / 1 / 5, "Europe/Prague", "RDATE:20260105T090000,20260301T100000"},
      {2026_y / 1 / 5, "Europe/Prague", "RRULE:FREQ=WEEKLY;BYDAY=FR\nRDATE:20260107T120000"},
      {2026_y / 1 / 5, "Europe/Prague",
       "RRULE:FREQ=WEEKLY;COUNT=9;BYDAY=FR\nRDATE:20260301T120000\nRDATE;VALUE=DATE:20260106"},
  }));
  CAPTURE(day, zone, rule);
  const CalendarEntry one = entry(day, zone, rule);
  const std::string text = written(one);
  CAPTURE(text);
  const Calendar again = read(text);
  REQUIRE(again.entries.size() == 1);
  CHECK(again.entries[0].uid == one.uid);
  CHECK(again.entries[0].name == one.name);
  CHECK(again.entries[0].zone == one.zone);
  const auto times = first_times(one, 500);
  CHECK(times.size() >= 2);
  CHECK(first_times(again.entries[0], 500) == times);
  // What was read is written the same: there is nothing left to move or convert.
  CalendarEntry second = again.entries[0];
  CHECK(written(second) == text);
}

TEST_CASE("a VTIMEZONE reads as the zone does, by libical's reading") {
  const std::string name =
      GENERATE("Europe/Prague", "Europe/Dublin", "America/New_York", "America/Sao_Paulo",
               "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham",
               "America/Caracas", "Asia/Jerusalem", "America/Nuuk", "Africa/Casablanca");
  CAPTURE(name);
  const std::string text = written(entry(1999_y / 6 / 1, name, "FREQ=DAILY"));
  const auto zone = zones().find(name).value();
  icalcomponent* calendar = icalparser_parse_string(text.c_str());
  REQUIRE(calendar != nullptr);
  icalcomponent* block = icalcomponent_get_first_component(calendar, ICAL_VTIMEZONE_COMPONENT);
  REQUIRE(block != nullptr);
  icalcomponent_remove_component(calendar, block);
  icaltimezone* theirs = icaltimezone_new();
  REQUIRE(icaltimezone_set_component(theirs, block) == 1);
  int probes = 0;
  // libical expands VTIMEZONE rules to 2037.
  const sys_seconds end = date::sys_days{2036_y / 1 / 1};
  for (sys_seconds at = date::sys_days{1999_y / 6 / 1} + 9h; at < end; at += 9h) {
    icaltimetype time = icaltime_from_timet_with_zone(at.time_since_epoch().count(), 0,
                                                      icaltimezone_get_utc_timezone());
    int is_daylight = 0;
    const int offset = icaltimezone_get_utc_offset_of_utc_time(theirs, &time, &is_daylight);
    ++probes;
    if (zone->offset_at(at) != seconds{offset}) {
      FAIL_CHECK(date::format("%F %T", at) << " " << offset);
      break;
    }
  }
  CHECK(probes > 30'000);
  icaltimezone_free(theirs, 1);
  icalcomponent_free(calendar);
}
