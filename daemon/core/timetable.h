#pragma once

#include "daemon/core/excluded_days.h"
#include "daemon/core/open_days.h"
#include "rrule/recurrence.h"
#include "rrule/result.h"
#include "rrule/zone_database.h"
#include "store/types.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rruled::core {

using store::Timestamp;

// Why a schedule whose search gave up is quarantined, and what its owner can do.
inline constexpr std::string_view kExhaustedReason =
    "rrule: the search for the next occurrence gave up,"
    " as too many in a row are excluded or moved: leave them out of the RRULE itself (BYMONTH,"
    " BYDAY, BYHOUR ..) instead of by EXRULE, EXDATE or a calendar";

// The same of a rule that is not stored, for people to whom rrule is named.
inline constexpr std::string_view kExhaustedRule =
    kExhaustedReason.substr(std::string_view("rrule: ").size());

// Of a starts_at that is not (rrule::start_in_range).
inline constexpr std::string_view kStartRange =
    "Must be between the years 1601 and 2200, in UTC and in its timezone";

// An occurrence with the time at which it should start.
struct Slot {
  Instant scheduled_for;
  Timestamp due_at;  // scheduled_for + jitter; never past the next occurrence
  friend bool operator==(const Slot&, const Slot&) = default;
};

// A schedule's occurrences in time: its recurrence in its zone, its calendar (open_days.h says what
// that does to them) and its jitter. The one place where the daemon, the preview and the writers
// learn what comes next. Immutable value, cheap to copy.
//
// A search that gives up gives nullopt, as the end does. `exhausted`, where given, becomes true
// then (rrule/recurrence.h); whoever writes down that a schedule is completed has to look at it.
class Timetable {
 public:
  // Which field of the schedule cannot be used, and why.
  struct Error {
    std::string_view field;  // "rrule", "starts_at", "timezone" or "calendar"
    rrule::ParseError error;
    [[nodiscard]] std::string text() const { return std::string(field) + ": " + error.detail; }
    [[noreturn]] friend void throw_exception_from_error(const Error& error,
                                                        const boost::source_location& at) {
      rrule::throw_exception_from_error(error.error, at);
    }
  };
  using Result = boost::system::result<Timetable, Error>;

  // A calendar that the schedule names and `calendars` does not find is an error.
  [[nodiscard]] static Result compile(const store::Schedule& schedule,
                                      const rrule::ZoneDatabase& zones,
                                      const CalendarFinder& calendars = {});

  // The first occurrence after `settled_to` (exclusive; none: from the start) whose due time is
  // after `now`. That is where a new, edited or resumed schedule goes on (semantics.md, 3).
  [[nodiscard]] std::optional<Slot> first_ahead(std::optional<Instant> settled_to,
                                                Timestamp now,
                                                bool* exhausted = nullptr) const;
  // Such that the occurrences after it are those due at or after `from`.
  [[nodiscard]] Instant before_due(Timestamp from) const;
  // The first occurrence after `settled_to`, due or not.
  [[nodiscard]] std::optional<Slot> next(std::optional<Instant> settled_to,
                                         bool* exhausted = nullptr) const;
  // The latest occurrence whose due time is at or before `now`, if it is after `settled_to`.
  [[nodiscard]] std::optional<Slot> latest_due(std::optional<Instant> settled_to,
                                               Timestamp now,
                                               bool* exhausted = nullptr) const;
  [[nodiscard]] std::optional<Slot> previous(Instant before, bool* exhausted = nullptr) const;
  // Of an occurrence and the one that follows it, where there is one.
  [[nodiscard]] Timestamp due_at(Instant scheduled_for, std::optional<Instant> following) const;
  // What the zone's wall clock shows then, as seconds since 1970 of that clock.
  [[nodiscard]] Instant wall(Instant instant) const;
  // How many occurrences in [from, to], both inclusive. Of those that have to be walked (several
  // rules, EXRULE, a calendar that moves) so many at least, when counting them all takes too long:
  // then `cut_short`, where given, becomes true.
  [[nodiscard]] std::uint64_t count(Instant from, Instant to, bool* cut_short = nullptr) const;

  // The smallest distance among the next `samples` occurrences; seconds::max() with fewer than two.
  [[nodiscard]] std::chrono::seconds min_distance(Instant after,
                                                  int samples,
                                                  bool* exhausted = nullptr) const;

  [[nodiscard]] const OpenDays& open_days() const { return open_days_; }
  [[nodiscard]] const rrule::Recurrence& recurrence() const { return open_days_.recurrence(); }

 private:
  Timetable(OpenDays open_days, store::ScheduleId id, std::chrono::milliseconds jitter)
      : open_days_(std::move(open_days)), id_(id), jitter_(jitter) {}
  [[nodiscard]] Slot slot(Instant scheduled_for) const;

  OpenDays open_days_;
  store::ScheduleId id_;
  std::chrono::milliseconds jitter_;
};

}  // namespace rruled::core
