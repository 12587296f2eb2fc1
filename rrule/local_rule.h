// A rule and its DTSTART as a set of wall-clock times without end: UNTIL, COUNT and zones come
// later (zoned_rule.h). Each question is answered by arithmetic on the rule's compiled form. Value
// type, immutable once built. Internal to rrule.
#pragma once

#include "rrule/civil.h"
#include "rrule/day_set.h"
#include "rrule/positions.h"
#include "rrule/rule.h"
#include "rrule/time_set.h"

#include <cstdint>
#include <limits>
#include <vector>

namespace rruled::rrule::detail {

// Work of a search, counted by whoever loops: one for each rule asked, each step of a phase, each
// period, each month, week or day passed over.
using Steps = std::int64_t;

// What the counts of one rule share. One that comes to `steps_max` stops: there are at least so
// many as it gives then.
struct Counting {
  Steps steps = 0;
  Steps steps_max = std::numeric_limits<Steps>::max();
  // Times in whole days by the phase of their midnight, each -1 until it is known, and of all
  // phases together.
  std::vector<std::int64_t> phases{};
  std::int64_t cycle = -1;
  // Of a rule that is walked: nothing is in [empty_from, empty_to), and empty_to is one, or
  // kNoTime.
  Time empty_from = kNoTime;
  Time empty_to = kNoTime;

  [[nodiscard]] bool over() const { return steps >= steps_max; }
};

class LocalRule {
 public:
  LocalRule(const Rule& rule, Time start);

  // The first time >= from, the last <= from, within kDayMin to kDayMax; kNoTime when there is
  // none. Times before the start are found too, as the rule's pattern continues there.
  [[nodiscard]] Time next(Time from) const {
    Steps ignored = 0;
    return next(from, ignored);
  }
  [[nodiscard]] Time previous(Time from) const {
    Steps ignored = 0;
    return previous(from, ignored);
  }
  // `steps` grows by the work done.
  [[nodiscard]] Time next(Time from, Steps& steps) const;
  [[nodiscard]] Time previous(Time from, Steps& steps) const;
  // Times in [from, to).
  [[nodiscard]] std::int64_t count(Time from, Time to, Counting& counting) const;
  // Times in [from, to) that are not times of this rule any more when `shift` is added.
  [[nodiscard]] std::int64_t count_unmatched(Time from,
                                             Time to,
                                             Time shift,
                                             Counting& counting) const;
  [[nodiscard]] bool contains(Time time) const { return next(time) == time; }

  // Seconds between neighbours when they are all equally far apart, else 0.
  [[nodiscard]] Time stride() const { return shape_ == Shape::stride ? step_ : 0; }

  // A time > `time` before which this rule has no time that `other` lacks, given that both have
  // `time`; time + 1 when nothing better is known. Lets exclusions skip minutes, hours and days.
  // Looks no further than `end`.
  [[nodiscard]] Time covered_until(Time time, const LocalRule& other, Time end, Steps& steps) const;

  [[nodiscard]] std::size_t heap_bytes() const {
    return times_.heap_bytes() + days_.heap_bytes() + positions_.heap_bytes();
  }

 private:
  enum class Shape : std::uint8_t {
    nothing,  // no time of day is left
    stride,   // origin_ + k * step_
    product,  // days_ x times_
    phased,   // days_ x times_, only in every interval_th hour, minute or second from anchor_
    chosen,   // positions_ of each period's days_ x times_
  };

  [[nodiscard]] Shape choose_shape(const Rule& rule, Time start);
  [[nodiscard]] Time find_step(const Rule& rule) const;
  [[nodiscard]] Time next_product(Time from, Steps& steps) const;
  [[nodiscard]] Time next_phased(Time from, Steps& steps) const;
  [[nodiscard]] Time next_chosen(Time from, Steps& steps) const;
  [[nodiscard]] Time previous_product(Time from, Steps& steps) const;
  [[nodiscard]] Time previous_phased(Time from, Steps& steps) const;
  [[nodiscard]] Time previous_chosen(Time from, Steps& steps) const;
  [[nodiscard]] std::int64_t count_walked(Time from, Time to, Counting& counting) const;
  [[nodiscard]] std::int64_t count_product(Time from, Time to, Counting& counting) const;
  [[nodiscard]] std::int64_t count_phased(Time from, Time to, Counting& counting) const;
  [[nodiscard]] std::int64_t count_phased_days(Day from, Day to, Counting& counting) const;
  [[nodiscard]] std::int64_t count_phased_each(Day from,
                                               Day to,
                                               std::int64_t phases,
                                               Counting& counting) const;
  [[nodiscard]] std::int64_t count_phased_in_day(Day day, int from, int to, Steps& steps) const;
  [[nodiscard]] std::int64_t count_seconds_in_hour(Time hour, int from, int to) const;
  [[nodiscard]] std::int64_t count_chosen(Time from, Time to, Counting& counting) const;
  // Candidates of the period before `time`.
  [[nodiscard]] std::int64_t rank_in_period(const PeriodDays& days, Time time) const;
  [[nodiscard]] Time nth_in_period(const PeriodDays& days, std::int64_t index) const;

  // Units to go from unit `at` to the next one in phase.
  [[nodiscard]] std::int64_t to_phase(std::int64_t at) const {
    return floor_mod(anchor_ - at, interval_);
  }

  Shape shape_ = Shape::nothing;
  bool whole_hours_ = false;  // phased: FREQ=SECONDLY, limited by hours and days alone
  int unit_ = 1;              // seconds in FREQ's unit: 3600, 60, 1
  Time step_ = 0;
  Time origin_ = 0;
  std::int64_t interval_ = 1;  // in units
  std::int64_t anchor_ = 0;    // DTSTART, in units from 1970
  TimeSet times_;
  DaySet days_;
  Positions positions_;
};

}  // namespace rruled::rrule::detail
