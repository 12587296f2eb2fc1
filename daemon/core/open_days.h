#pragma once

#include "daemon/core/excluded_days.h"
#include "rrule/recurrence.h"
#include "store/types.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace rruled::core {

using store::Instant;

// Only a rule whose occurrences are at least so far apart is moved to other days.
inline constexpr std::chrono::seconds kMovedMin{3'600};
inline constexpr std::string_view kMovedTooOften =
    "Only schedules of one hour or more can be moved to another day; use skip.";
// Occurrences that one search looks at, on one day and on those that are moved to it: two years of
// hours. Reaching it is `exhausted`.
inline constexpr std::size_t kPlacedMax = 20'000;

// Where an occurrence is after the calendar has been asked.
struct Placed {
  rrule::Occurrence occurrence;
  // What the rule says, when the calendar moved it to another day.
  std::optional<rrule::local_seconds> moved_from{};
};

// A recurrence without the days that a calendar excludes. Immutable value, cheap to copy.
//
// skip             an occurrence on an excluded day is none; see excluded()
// next, previous   it is moved to the next or previous day that is not excluded, at the wall-clock
//                  time that it has: in a gap by the offset before it, in a fold the first reading.
//                  The moved instant is what the occurrence is from then on (`scheduled_for`, its
//                  run's id): two that meet are one, as with shifted times (semantics.md, 2.6). One
//                  that would be moved before the recurrence's start, or has no such day, is none.
//
// So next() and previous() go through strictly increasing instants as those of rrule do. With next
// and previous the cost grows with the occurrences of a day, and of the excluded ones beside it:
// they are for rules of kMovedMin or more, and a search that meets more than kPlacedMax gives up.
class OpenDays {
 public:
  // `days` may be null: nothing is excluded.
  OpenDays(rrule::Recurrence recurrence,
           std::shared_ptr<const ExcludedDays> days,
           store::CalendarAction action)
      : recurrence_(std::move(recurrence)), days_(std::move(days)), action_(action) {}

  // Strictly after `after`; strictly before `before`. `exhausted`: as in rrule::Recurrence.
  [[nodiscard]] std::optional<Placed> next(Instant after, bool* exhausted = nullptr) const;
  [[nodiscard]] std::optional<Placed> previous(Instant before, bool* exhausted = nullptr) const;
  // In [from, to). `cut_short`, where given, becomes true when there may be more (timetable.h).
  [[nodiscard]] std::uint64_t count(Instant from, Instant to, bool* cut_short = nullptr) const;

  // What `skip` left out in (after, to].
  struct Excluded {
    std::uint64_t count = 0;
    Instant first;                          // with count > 0
    Instant last;                           // with count > 0, at the latest
    std::vector<rrule::Occurrence> newest;  // in order, at most as many as asked
  };
  [[nodiscard]] Excluded excluded(Instant after, Instant to, std::size_t newest_max) const;

  [[nodiscard]] const rrule::Recurrence& recurrence() const { return recurrence_; }
  [[nodiscard]] bool leaves_out() const {
    return days_ != nullptr && action_ == store::CalendarAction::skip;
  }
  [[nodiscard]] bool moves() const { return days_ != nullptr && !leaves_out(); }
  // Moved, though some of the 100 occurrences after `after` are closer together than kMovedMin.
  [[nodiscard]] bool moves_too_often(Instant after) const {
    return moves() && recurrence_.min_distance(after, 100) < kMovedMin;
  }
  [[nodiscard]] bool is_excluded(const rrule::Occurrence& occurrence) const;

 private:
  [[nodiscard]] Instant start_of(date::local_days day) const;
  [[nodiscard]] std::optional<Placed> next_kept(Instant after, bool* exhausted) const;
  [[nodiscard]] std::optional<Placed> previous_kept(Instant before, bool* exhausted) const;
  [[nodiscard]] std::optional<Placed> next_moved(Instant after, bool* exhausted) const;
  [[nodiscard]] std::optional<Placed> previous_moved(Instant before, bool* exhausted) const;
  // Where the occurrences of a day go.
  [[nodiscard]] std::optional<date::local_days> place_of(date::local_days day) const;
  // All that happens on a day that is not excluded, in order; nullopt: more than kPlacedMax.
  [[nodiscard]] std::optional<std::vector<Placed>> on(date::local_days day) const;

  rrule::Recurrence recurrence_;
  std::shared_ptr<const ExcludedDays> days_;
  store::CalendarAction action_;
};

}  // namespace rruled::core
