#pragma once

#include "daemon/core/excluded_days.h"
#include "rrule/occurrence.h"
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
  // What the rule says (nominal), when the calendar moved it to another day.
  std::optional<rrule::local_seconds> moved_from{};
};

// A recurrence without the days that a calendar excludes. Immutable value, cheap to copy.
//
// skip             an occurrence on an excluded day is none; see excluded()
// next, previous   it is moved to the next or previous day that is not excluded, at the wall-clock
//                  time that the rule says. Where the clock skips that time or shows it twice, the
//                  recurrence's policy applies, as to an RDATE; a gap up to midnight makes it the
//                  first of the day after, whatever that day is. The moved instant is what the
//                  occurrence is from then on (`scheduled_for`, its run's id): two that meet are
//                  one, as with shifted times (semantics.md, 2.6). One that would be moved before
//                  the recurrence's start, or has no such day, is none.
//
// So next() and previous() go through strictly increasing instants as those of rrule do. With next
// and previous the cost grows with the occurrences of a day, and of the excluded ones beside it:
// they are for rules of kMovedMin or more, and a search that meets more than kPlacedMax gives up.
class OpenDays {
 public:
  class Walk;

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
  // With `cut_short` all of it has about rrule::kStepsMax: where that ends it, `cut_short` becomes
  // true, `count` is what there is at least, and `newest` and `last` are those found until then.
  [[nodiscard]] Excluded excluded(Instant after,
                                  Instant to,
                                  std::size_t newest_max,
                                  bool* cut_short = nullptr) const;

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
  // A part of an excluded day, [from, end), and how many it has.
  struct Stretch {
    Instant from;
    Instant end;
    std::uint64_t count = 0;
  };

  // The first midnight of a day, and the last one after it: nothing of the day is beyond them.
  [[nodiscard]] Instant start_of(date::local_days day) const;
  [[nodiscard]] Instant end_of(date::local_days day) const;
  // Where the clock goes back over the midnight that begins a day: from `first` on it shows the day
  // for the first time, from `back` on the day before again, from `second` on the day.
  struct MidnightFold {
    Instant first;
    Instant back;
    Instant second;
  };
  [[nodiscard]] std::optional<MidnightFold> fold_at(date::local_days day) const;
  // Of excluded days within [from, to), in order, not counted yet.
  [[nodiscard]] std::vector<Stretch> stretches_of(const std::vector<date::local_days>& days,
                                                  Instant from,
                                                  Instant to) const;
  [[nodiscard]] std::vector<rrule::Occurrence> newest_in(const std::vector<Stretch>& stretches,
                                                         std::size_t newest_max,
                                                         rrule::OccurrenceIterator& search) const;
  [[nodiscard]] std::optional<Placed> next_kept(rrule::OccurrenceIterator& search) const;
  [[nodiscard]] std::optional<Placed> previous_kept(Instant before, bool* exhausted) const;
  // `all`: that of the day looked at last.
  [[nodiscard]] std::optional<Placed> next_moved(Instant after,
                                                 rrule::OccurrenceIterator& search,
                                                 std::vector<Placed>& all,
                                                 bool* exhausted) const;
  [[nodiscard]] std::optional<Placed> previous_moved(Instant before, bool* exhausted) const;
  // Where the occurrences of a day go.
  [[nodiscard]] std::optional<date::local_days> place_of(date::local_days day) const;
  // A gap ends the day: what is moved into the gap comes on the day after.
  [[nodiscard]] bool ends_in_gap(date::local_days day) const;
  // The first day from `day` on, the last one up to it, on which there may be something.
  [[nodiscard]] std::optional<date::local_days> first_from(date::local_days day) const;
  [[nodiscard]] std::optional<date::local_days> last_to(date::local_days day) const;
  // All that the clock shows on a day, in order, with its neighbour where it goes back over the
  // midnight between them; false: more than kPlacedMax, or `search` gave up.
  [[nodiscard]] bool find_on(date::local_days day,
                             rrule::OccurrenceIterator& search,
                             std::vector<Placed>& all) const;
  // Appends what is at home on `place`, which is open, or moved there, and comes on `day`.
  [[nodiscard]] bool add_placed(date::local_days place,
                                date::local_days day,
                                rrule::OccurrenceIterator& search,
                                std::vector<Placed>& all) const;

  rrule::Recurrence recurrence_;
  std::shared_ptr<const ExcludedDays> days_;
  store::CalendarAction action_;
};

// From one occurrence to the next. What one search learns serves the later ones, and all together
// are bounded (rrule::OccurrenceIterator): for whoever wants many.
class OpenDays::Walk {
 public:
  // Begins after `after` (exclusive).
  Walk(const OpenDays& days, Instant after)
      : days_(days), search_(days.recurrence_), after_(after) {
    search_.seek(after);
  }

  // nullopt: nothing follows, or the search gave up: exhausted().
  [[nodiscard]] std::optional<Placed> next();
  [[nodiscard]] bool exhausted() const { return exhausted_; }

 private:
  OpenDays days_;
  rrule::OccurrenceIterator search_;
  std::vector<Placed> day_;  // moved: what the last day that was looked at has
  Instant after_;
  bool exhausted_ = false;
};

}  // namespace rruled::core
