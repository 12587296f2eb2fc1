#include "rrule/ical.h"

#include "rrule/parse.h"
#include "rrule/recurrence.h"

#include <catch2/catch.hpp>
#include <libical/ical.h>

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

using namespace rruled::rrule;
using namespace date::literals;
using namespace std::chrono_literals;

namespace {

constexpr auto kAltered = ImportNote::Kind::altered;
constexpr auto kDropped = ImportNote::Kind::dropped;

const ZoneDatabase& zones() {
  static const ZoneDatabase database;
  return database;
}

const sys_seconds kStamp = date::sys_days{2026_y / 1 / 2} + 3h;

// A calendar around lines; the first of them is line 3.
std::string calendar(const std::string& lines) {
  return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + lines + "END:VCALENDAR\r\n";
}

std::string event(const std::string& lines) {
  return calendar("BEGIN:VEVENT\r\nUID:1@example.org\r\nSUMMARY:Report\r\n" + lines +
                  "END:VEVENT\r\n");
}

Calendar read(const std::string& text, std::string_view default_zone = "") {
  auto result = read_calendar(text, zones(), default_zone);
  REQUIRE(result.has_value());
  return *std::move(result);
}

void has_note(const Calendar& calendar,
              std::size_t line,
              ImportNote::Kind kind,
              const std::string& text) {
  CAPTURE(line, text);
  CHECK(std::count_if(calendar.notes.begin(), calendar.notes.end(), [&](const ImportNote& note) {
          return note.line == line && note.kind == kind &&
                 note.text.find(text) != std::string::npos;
        }) == 1);
}

CalendarEntry entry(date::year_month_day day, const std::string& zone, const std::string& rule) {
  return {0, "1@example.org", "Report", date::local_days{day} + 9h, zone, rule};
}

std::string written(const CalendarEntry& one) {
  const auto text = write_calendar(std::vector{one}, zones(), kStamp);
  REQUIRE(text.has_value());
  return text->text;
}

std::vector<sys_seconds> first_times(const CalendarEntry& one, std::size_t n) {
  const auto zone = zones().find(one.zone).value();
  const auto compiled =
      Recurrence::compile(one.recurrence, start_instant(one.starts_at_local, *zone), zone, {},
                          [](const auto& name) { return zones().find(name); });
  REQUIRE(compiled.has_value());
  std::vector<sys_seconds> result;
  for (const auto& o :
       compiled->between(date::sys_days{1970_y / 1 / 1}, date::sys_days{2100_y / 1 / 1}, n)) {
    result.push_back(o.instant);
  }
  return result;
}

}  // namespace

TEST_CASE("an event is read with its zone, rule and name") {
  const auto [lines, zone, start, rule] =
      GENERATE(table<std::string, std::string, local_seconds, std::string>({
          {"DTSTART;TZID=Europe/Prague:20260105T090000\r\nRRULE:FREQ=DAILY\r\n", "Europe/Prague",
           date::local_days{2026_y / 1 / 5} + 9h, "FREQ=DAILY"},
          {"DTSTART:20260105T090000Z\r\nRRULE:freq=weekly;byday=MO\r\n", "UTC",
           date::local_days{2026_y / 1 / 5} + 9h, "FREQ=WEEKLY;BYDAY=MO"},
          {"DTSTART;TZID=Europe/Prague:20260105T090000\r\n", "Europe/Prague",
           date::local_days{2026_y / 1 / 5} + 9h, "FREQ=DAILY;COUNT=1"},
          {"DTSTART;TZID=\"Europe/Prague\":20260105T090000\r\nRDATE;TZID=Europe/Prague:\r\n"
           " 20260201T090000\r\n",
           "Europe/Prague", date::local_days{2026_y / 1 / 5} + 9h,
           "RDATE:20260105T090000,20260201T090000"},
          {"DTSTART;TZID=Europe/Prague:20260105T090000\r\nRRULE:FREQ=DAI\r\n\tLY;INTERVAL=90061\r\n"
           "EXDATE;TZID=Asia/Tokyo:20260301T090000\r\nEXDATE:20260401T070000Z\r\n",
           "Europe/Prague", date::local_days{2026_y / 1 / 5} + 9h,
           "RRULE:FREQ=DAILY;INTERVAL=90061\nEXDATE;TZID=Asia/Tokyo:20260301T090000\n"
           "EXDATE:20260401T070000Z"},
          {"DTSTART;TZID=/freeassociation.sourceforge.net/Europe/Prague:20260105T090060\r\n"
           "RRULE:FREQ=MONTHLY;RSCALE=GREGORIAN;SKIP=BACKWARD;BYMONTHDAY=5,31\r\n",
           "Europe/Prague", date::local_days{2026_y / 1 / 5} + 9h + 59s,
           "FREQ=MONTHLY;RSCALE=GREGORIAN;SKIP=BACKWARD;BYMONTHDAY=5,31"},
      }));
  CAPTURE(lines);
  const Calendar found = read(event(lines));
  REQUIRE(found.entries.size() == 1);
  const CalendarEntry& one = found.entries[0];
  CHECK(one.line == 3);
  CHECK(one.uid == "1@example.org");
  CHECK(one.name == "Report");
  CHECK(one.zone == zone);
  CHECK(one.starts_at_local == start);
  CHECK(parse_recurrence(one.recurrence).value() == parse_recurrence(rule).value());
  CHECK(one.recurrence == to_string(parse_recurrence(one.recurrence).value()));
  CHECK(found.notes.empty());
}

TEST_CASE("text is unescaped, tasks and line ends of any kind are read") {
  const Calendar found = read(
      "\xEF\xBB\xBF"
      "begin:vcalendar\nBEGIN:VTODO\nSUMMARY;LANGUAGE=en:a\\, b\\; c\\nd \xC5\x99\n"
      "dtstart:20260105T090000Z\nEND:VTODO\nend:vcalendar");
  REQUIRE(found.entries.size() == 1);
  CHECK(found.entries[0].name == "a, b; c\nd \xC5\x99");
  CHECK(found.entries[0].uid.empty());
}

TEST_CASE("a VTIMEZONE's location is believed, its rules are not read") {
  const auto zone = [](const std::string& location) {
    return calendar("BEGIN:VTIMEZONE\r\nTZID:Company Time\r\n" + location +
                    "BEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0500\r\n"
                    "TZOFFSETTO:+0500\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\n"
                    "DTSTART;TZID=Company Time:20260105T090000\r\nEND:VEVENT\r\n");
  };
  const Calendar found = read(zone("X-LIC-LOCATION:Europe/Prague\r\n"));
  REQUIRE(found.entries.size() == 1);
  CHECK(found.entries[0].zone == "Europe/Prague");
  CHECK(found.notes.empty());
  const Calendar lost = read(zone(""), "Europe/Prague");
  CHECK(lost.entries.empty());
  has_note(lost, 12, kDropped, "TZID \"Company Time\" is no IANA time zone");
}

TEST_CASE("floating times and dates take the default zone, or are dropped") {
  const std::string floating = event("DTSTART:20260105T090000\r\nRRULE:FREQ=DAILY\r\n");
  const std::string all_day =
      event("DTSTART;VALUE=DATE:20260105\r\nRRULE:FREQ=DAILY;UNTIL=20260110\r\n");
  const Calendar times = read(floating, "Europe/Prague");
  REQUIRE(times.entries.size() == 1);
  CHECK(times.entries[0].zone == "Europe/Prague");
  has_note(times, 6, kAltered, "is read as Europe/Prague");
  const Calendar days = read(all_day, "Europe/Prague");
  REQUIRE(days.entries.size() == 1);
  CHECK(days.entries[0].starts_at_local == date::local_days{2026_y / 1 / 5});
  CHECK(first_times(days.entries[0], 100).size() == 6);
  has_note(days, 6, kAltered, "runs at 00:00 Europe/Prague");
  for (const std::string& text : {floating, all_day}) {
    const Calendar none = read(text);
    CHECK(none.entries.empty());
    has_note(none, 6, kDropped, "needs a default time zone");
  }
  CHECK(read(floating, "Nowhere/Atall").entries.empty());
}

TEST_CASE("what cannot be carried over is reported line by line") {
  const Calendar found = read(
      "BEGIN:VCALENDAR\r\n"                                                     // 1
      "METHOD:PUBLISH\r\n"                                                      // 2
      "BEGIN:VEVENT\r\n"                                                        // 3
      "UID:a\r\n"                                                               // 4
      "DTSTAMP:20260101T000000Z\r\n"                                            // 5
      "DTSTART;TZID=Europe/Prague:20260105T090000\r\n"                          // 6
      "DURATION:PT1H\r\n"                                                       // 7
      "RRULE:FREQ=WEEKLY;BYDAY=TU\r\n"                                          // 8
      "DESCRIPTION:first\r\n"                                                   // 9
      " folded\r\n"                                                             // 10
      "X-ANYTHING:1\r\n"                                                        // 11
      "BEGIN:VALARM\r\n"                                                        // 12
      "TRIGGER:-PT15M\r\n"                                                      // 13
      "END:VALARM\r\n"                                                          // 14
      "END:VEVENT\r\n"                                                          // 15
      "BEGIN:VEVENT\r\n"                                                        // 16
      "UID:a\r\n"                                                               // 17
      "RECURRENCE-ID;TZID=Europe/Prague:20260106T090000\r\n"                    // 18
      "DTSTART;TZID=Europe/Prague:20260106T100000\r\n"                          // 19
      "END:VEVENT\r\n"                                                          // 20
      "BEGIN:VEVENT\r\nSTATUS:CANCELLED\r\nEND:VEVENT\r\n"                      // 21
      "BEGIN:VTODO\r\nDUE:20260105T090000Z\r\nEND:VTODO\r\n"                    // 24
      "BEGIN:VEVENT\r\nDTSTART:20260230T090000Z\r\nEND:VEVENT\r\n"              // 27
      "BEGIN:VEVENT\r\nDTSTART:20260105T090000Z\r\n"                            // 30
      "RRULE:FREQ=DAILY;BYWEEKNO=1\r\nEND:VEVENT\r\n"                           // 32
      "BEGIN:VEVENT\r\nDTSTART:20260105T090000Z\r\n"                            // 34
      "RRULE:FREQ=DAILY\r\nEXDATE;TZID=Mars:20260105T090000\r\nEND:VEVENT\r\n"  // 36
      "BEGIN:VEVENT\r\nDTSTART:20260105T090000Z\r\n"                            // 39
      "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30\r\nEND:VEVENT\r\n"             // 41
      "BEGIN:VJOURNAL\r\nEND:VJOURNAL\r\n"                                      // 43
      "END:VCALENDAR\r\n");
  REQUIRE(found.entries.size() == 1);
  CHECK(found.entries[0].uid == "a");
  CHECK(found.notes.size() == 12);
  has_note(found, 6, kAltered, "leaves the start out");
  has_note(found, 7, kAltered, "DURATION is left out");
  has_note(found, 9, kAltered, "DESCRIPTION is left out");
  has_note(found, 12, kAltered, "VALARM is left out");
  has_note(found, 18, kDropped, "changed single instance");
  has_note(found, 22, kDropped, "CANCELLED");
  has_note(found, 24, kDropped, "no DTSTART");
  has_note(found, 28, kDropped, "not a date or a time");
  has_note(found, 32, kDropped, "BYWEEKNO");
  has_note(found, 37, kDropped, "TZID \"Mars\"");
  has_note(found, 39, kDropped, "no occurrence");
  has_note(found, 43, kDropped, "VJOURNAL");
}

TEST_CASE("what is no calendar is refused with its place") {
  const auto [text, code, offset] = GENERATE(table<std::string, ErrorCode, std::size_t>({
      {"", ErrorCode::syntax, 0},
      {"Dear all,\r\n", ErrorCode::syntax, 0},
      {"BEGIN:VEVENT\r\nEND:VEVENT\r\n", ErrorCode::syntax, 0},
      {"BEGIN:VCALENDAR\r\n", ErrorCode::syntax, 0},
      {"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\n", ErrorCode::syntax, 31},
      {"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\nX:1\r\n", ErrorCode::syntax, 32},
      {std::string("BEGIN:VCALENDAR\r\n\0END:VCALENDAR\r\n", 33), ErrorCode::syntax, 17},
      {std::string(kCalendarMax + 1, 'x'), ErrorCode::too_long, kCalendarMax},
  }));
  CAPTURE(text.substr(0, 60));
  const auto found = read_calendar(text, zones(), "");
  REQUIRE_FALSE(found.has_value());
  CHECK(found.error().code == code);
  CHECK(found.error().offset == offset);
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "BEGIN:A\n";
  CHECK_FALSE(read_calendar(deep, zones(), "").has_value());
}

TEST_CASE("no cut of a calendar breaks the reader") {
  const std::string good = event(
      "DTSTART;TZID=Europe/Prague:20260105T090000\r\nRRULE:FREQ=DAILY;COUNT=3\r\n"
      "EXDATE;TZID=Europe/Prague:20260106T090000\r\nDURATION:PT1H\r\n");
  REQUIRE(read(good).entries.size() == 1);
  int refused = 0;
  for (std::size_t length = 0; length < good.size(); ++length) {
    if (!read_calendar(good.substr(0, length), zones(), "")) ++refused;
  }
  CHECK(refused == static_cast<int>(good.size()) - 2);  // the last line break may be missing
}

TEST_CASE("the longest line of a calendar is read in bounded time") {
  const std::string parameters = std::string(200'000, ';');
  CHECK(read(event("DTSTART" + parameters + ":20260105T090000Z\r\n")).entries.empty());
  CHECK(read(event("DTSTART:20260105T090000Z\r\nRRULE:FREQ=DAILY;BYHOUR=" +
                   std::string(500'000, '1') + "\r\n"))
            .entries.empty());
}

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
