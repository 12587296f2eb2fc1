#include "ical_fixture.h"

#include <catch2/catch.hpp>

#include <algorithm>
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

constexpr auto kAltered = ImportNote::Kind::altered;
constexpr auto kDropped = ImportNote::Kind::dropped;

// A calendar around lines; the first of them is line 3.
std::string calendar(const std::string& lines) {
  return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + lines + "END:VCALENDAR\r\n";
}

std::string event(const std::string& lines) {
  return calendar("BEGIN:VEVENT\r\nUID:1@example.org\r\nSUMMARY:Report\r\n" + lines +
                  "END:VEVENT\r\n");
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

TEST_CASE("a status in small letters is one all the same") {
  const auto status = GENERATE("cancelled", "Completed");
  const Calendar found = read(
      "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTART:20260105T090000Z\r\n"
      "RRULE:FREQ=DAILY\r\nSTATUS:" +
      std::string(status) + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n");
  CHECK(found.entries.empty());
  has_note(found, 6, kDropped, "would not run");
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
