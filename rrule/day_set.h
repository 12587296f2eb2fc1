// The days of a rule, INTERVAL included and BYSETPOS left out: found by jumping over periods. Value
// type, immutable once built. Internal to rrule.
#pragma once

#include "rrule/day_filter.h"
#include "rrule/periods.h"
#include "rrule/rule.h"

#include <cstdint>

namespace rruled::rrule::detail {

class DaySet {
 public:
  // For FREQ below DAILY: the days that pass its BY parts.
  DaySet(const Rule& rule, Day start);

  // The first day >= from, the last <= from, within kDayMin to kDayMax; kNoDay when there is none.
  [[nodiscard]] Day next(Day from) const;
  [[nodiscard]] Day previous(Day from) const;
  // Days in [from, to). `steps` (local_rule.h) grows by the work done.
  [[nodiscard]] std::int64_t count(Day from, Day to, std::int64_t& steps) const;
  [[nodiscard]] bool contains(Day day) const { return next(day) == day; }
  // Steps of a next() or previous() that passes over so many days.
  [[nodiscard]] std::int64_t steps_over(std::int64_t days) const;

  // Every `stride` days, when nothing else matters; 0 when the days follow no such step.
  [[nodiscard]] int stride() const { return walk_ == Walk::stride ? stride_ : 0; }

  // For BYSETPOS: the days of one period in phase.
  [[nodiscard]] const Periods& periods() const { return periods_; }
  [[nodiscard]] PeriodDays period_days(int index) const;
  [[nodiscard]] std::int64_t period_steps() const;  // that it takes

  // Periods may reach a day beyond their ends (SKIP).
  [[nodiscard]] bool moves_days() const { return skip_ != Skip::omit; }

  [[nodiscard]] std::size_t heap_bytes() const { return filter_.heap_bytes(); }

 private:
  enum class Walk : std::uint8_t { stride, days, weeks, months, years, week_years, moved };

  [[nodiscard]] Walk choose_walk() const;
  [[nodiscard]] Day next_in_days(Day from) const;
  [[nodiscard]] Day next_in_weeks(Day from) const;
  [[nodiscard]] Day next_in_months(Day from) const;
  [[nodiscard]] Day next_in_years(Day from) const;
  [[nodiscard]] Day next_in_week_years(Day from) const;
  [[nodiscard]] Day next_moved(Day from) const;
  [[nodiscard]] Day previous_in_days(Day from) const;
  [[nodiscard]] Day previous_in_weeks(Day from) const;
  [[nodiscard]] Day previous_in_months(Day from) const;
  [[nodiscard]] Day previous_in_years(Day from) const;
  [[nodiscard]] Day previous_in_week_years(Day from) const;
  [[nodiscard]] Day previous_moved(Day from) const;
  [[nodiscard]] std::int64_t count_stride(Day from, Day to) const;
  [[nodiscard]] std::int64_t count_weeks(Day from, Day to) const;
  [[nodiscard]] std::int64_t count_months(Day from, Day to, std::int64_t& steps) const;

  [[nodiscard]] std::uint32_t days_of_week(Day first) const;
  [[nodiscard]] std::uint64_t weeks_of(int year, Day first) const;
  void add_moved(PeriodDays& days, const Month& month) const;

  DayFilter filter_;
  Periods periods_;
  std::uint64_t weeks_ = 0;           // bit n: BYWEEKNO=n
  std::uint64_t weeks_from_end_ = 0;  // bit n: BYWEEKNO=-n
  Day start_;
  int stride_ = 0;
  Walk walk_;
  Skip skip_;
  std::uint8_t week_days_ = 0;  // FREQ=WEEKLY: bit i is the ith day from WKST
};

}  // namespace rruled::rrule::detail
