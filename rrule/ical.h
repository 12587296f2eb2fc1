#pragma once

#include "rrule/import_note.h"
#include "rrule/result.h"
#include "rrule/time_zone.h"
#include "rrule/zone_database.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// iCalendar files in and out (RFC 5545). libical reads and prints the values and never expands a
// rule: rules go to our own parser as the file has them. In the library target rruled_ical, so that
// rrule alone does not need libical. Thread-safe.
namespace rruled::rrule {

inline constexpr std::size_t kCalendarMax = 1024 * 1024;  // bytes

// One VEVENT or VTODO.
struct CalendarEntry {
  std::size_t line = 0;           // of its BEGIN, counted from 1; not used when writing
  std::string uid;                // UID; may be empty when read
  std::string name;               // SUMMARY; may be empty when read
  local_seconds starts_at_local;  // DTSTART as the clock of `zone` shows it
  std::string zone;               // an IANA name; "UTC" for times written with Z
  std::string recurrence;         // canonical text for parse_recurrence
  int days = 1;                   // of an all-day entry, by its DTEND; not used when writing
  friend bool operator==(const CalendarEntry&, const CalendarEntry&) = default;
};

struct Calendar {
  std::vector<CalendarEntry> entries;
  std::vector<ImportNote> notes;  // by line
};

// Entries of a calendar, and line by line what they do not say. `default_zone` (an IANA name, or
// empty) is the zone of floating times and all-day dates, which run at midnight; without it they
// are dropped.
//
//   kept      DTSTART with TZID or Z, SUMMARY, UID, RRULE, RDATE, EXDATE, EXRULE; without a rule
//             one occurrence; with RDATE alone DTSTART too
//   altered   DURATION, DTEND, DUE, alarms, descriptions and other properties are left out; a
//             start that the rule leaves out does not run (other programs differ)
//   dropped   changed single instances (RECURRENCE-ID), cancelled and completed entries, entries
//             without DTSTART or with a TZID that is no IANA name (a VTIMEZONE's X-LIC-LOCATION
//             is believed, and the tail of "/example.org/Europe/Prague"), VJOURNAL and the like
//
// Silent, as they bear neither on times nor on what is run: UID, DTSTAMP, CREATED, LAST-MODIFIED,
// SEQUENCE, CLASS, TRANSP, PRIORITY, and X- properties. Errors (offset in bytes): more than
// kCalendarMax bytes, no VCALENDAR, components that do not close.
[[nodiscard]] Result<Calendar> read_calendar(std::string_view text,
                                             const ZoneDatabase& zones,
                                             std::string_view default_zone);

// A calendar as text, with what other programs may read differently.
struct CalendarText {
  struct Note {
    std::size_t entry = 0;  // index
    std::string text;
  };
  std::string text;  // CRLF lines of at most 75 bytes
  std::vector<Note> notes;
};

// One VEVENT for each entry (uid must not be empty) and a VTIMEZONE for each zone but UTC, as far
// as the entries reach. `stamp` is DTSTAMP, when the calendar was written. Since other programs
// count DTSTART as an occurrence, a start that the rule does not name is moved to the rule's first
// occurrence, or excluded with EXDATE where there are several rules or an RDATE is earlier. UNTIL
// is written in UTC as RFC 5545 wants it. Errors name the entry: no uid, an unknown zone, a
// recurrence that cannot be read or has no occurrence.
[[nodiscard]] Result<CalendarText> write_calendar(std::span<const CalendarEntry> entries,
                                                  const ZoneDatabase& zones,
                                                  sys_seconds stamp);

}  // namespace rruled::rrule
