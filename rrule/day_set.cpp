#include "rrule/day_set.h"

#include <algorithm>
#include <bit>

namespace rruled::rrule::detail {
namespace {

constexpr int kYearLast = civil_of(kDayMax).year;
constexpr int kMonthLast = kYearLast * 12 + 11;

std::uint64_t weeks_with_sign(const std::vector<int>& list, bool negative) {
  std::uint64_t bits = 0;
  for (const int week : list) {
    if ((week < 0) == negative) bits |= std::uint64_t{1} << (negative ? -week : week);
  }
  return bits;
}

std::uint8_t days_from_week_start(const Rule& rule, Day start) {
  std::uint32_t days = 0;
  for (const ByDay& day : rule.by_day()) days |= 1U << static_cast<unsigned>(day.weekday);
  if (days == 0) days = 1U << weekday_of(start);
  return static_cast<std::uint8_t>(rotated_week(days, static_cast<int>(rule.wkst())));
}

}  // namespace

DaySet::DaySet(const Rule& rule, Day start)
    : filter_(rule, civil_of(start)),
      periods_(rule, start),
      weeks_(weeks_with_sign(rule.by_weekno(), false)),
      weeks_from_end_(weeks_with_sign(rule.by_weekno(), true)),
      start_(start),
      walk_(choose_walk()),
      skip_(rule.frequency() >= Frequency::monthly && rule.by_weekno().empty() ? rule.skip()
                                                                               : Skip::omit) {
  if (rule.frequency() == Frequency::weekly) week_days_ = days_from_week_start(rule, start);
  if (walk_ == Walk::weeks && std::popcount(week_days_) == 1 && filter_.every_month()) {
    walk_ = Walk::stride;
    stride_ = 7 * periods_.interval;
    start_ = periods_.first_day(periods_.anchor) + lowest(week_days_);
  } else if (walk_ == Walk::stride) {
    stride_ = periods_.interval;
  }
  if (skip_ != Skip::omit) walk_ = Walk::moved;
}

DaySet::Walk DaySet::choose_walk() const {
  switch (periods_.kind) {
    case Periods::Kind::day:
      return filter_.all() ? Walk::stride : Walk::days;
    case Periods::Kind::week:
      return Walk::weeks;
    case Periods::Kind::month:
      return Walk::months;
    case Periods::Kind::year:
      return Walk::years;
    case Periods::Kind::week_year:
      return Walk::week_years;
  }
  return Walk::days;
}

Day DaySet::next(Day from) const {
  if (from > kDayMax) return kNoDay;
  from = std::max(from, kDayMin);
  Day found = kNoDay;
  switch (walk_) {
    case Walk::stride:
      found = from + (stride_ == 1 ? 0 : floor_mod(start_ - from, stride_));
      break;
    case Walk::days:
      found = next_in_days(from);
      break;
    case Walk::weeks:
      found = next_in_weeks(from);
      break;
    case Walk::months:
      found = next_in_months(from);
      break;
    case Walk::years:
      found = next_in_years(from);
      break;
    case Walk::week_years:
      found = next_in_week_years(from);
      break;
    case Walk::moved:
      found = next_moved(from);
      break;
  }
  return found > kDayMax ? kNoDay : found;
}

// Goes by months: a month's days are one word. INTERVAL sieves what is left.
Day DaySet::next_in_days(Day from) const {
  from = periods_.at_or_after(from);
  while (from <= kDayMax) {
    const Civil civil = civil_of(from);
    Month month = Month::of(civil.year, civil.month);
    std::uint64_t days = filter_.days(month) & from_bit(civil.day - 1);
    while (days == 0) {
      const std::uint64_t later = filter_.months() & from_bit(month.month + 1);
      const int year = month.year + (later == 0 ? 1 : 0);
      if (year > kYearLast) return kNoDay;
      month = Month::of(year, lowest(later == 0 ? filter_.months() : later));
      days = filter_.days(month);
    }
    from = periods_.at_or_after(month.first + lowest(days));
    if (from == month.first + lowest(days)) return from;
  }
  return kNoDay;
}

Day DaySet::next_in_weeks(Day from) const {
  while (from <= kDayMax) {
    int index = periods_.index_of(from);
    std::uint64_t days = 0;
    if (periods_.in_phase(index)) {
      days = week_days_ & from_bit(from - periods_.first_day(index));
    }
    if (days == 0) {
      index = periods_.at_or_after(index + 1);
      days = week_days_;
    }
    from = periods_.first_day(index) + lowest(days);
    if (filter_.every_month() || from > kDayMax) return from;
    const Civil civil = civil_of(from);
    if (filter_.has_month(civil.month)) return from;
    const std::uint64_t later = filter_.months() & from_bit(civil.month + 1);
    from = later != 0 ? day_from_civil(civil.year, lowest(later), 1)
                      : day_from_civil(civil.year + 1, lowest(filter_.months()), 1);
  }
  return kNoDay;
}

Day DaySet::next_in_months(Day from) const {
  const Civil civil = civil_of(from);
  int index = civil.year * 12 + civil.month - 1;
  if (periods_.in_phase(index)) {
    const Month month = Month::at(index);
    const std::uint64_t days = filter_.days(month) & from_bit(civil.day - 1);
    if (days != 0) return month.first + lowest(days);
  }
  index = periods_.at_or_after(index + 1);
  for (; index <= kMonthLast; index += periods_.interval) {
    const Month month = Month::at(index);
    const std::uint64_t days = filter_.days(month);
    if (days != 0) return month.first + lowest(days);
  }
  return kNoDay;
}

Day DaySet::next_in_years(Day from) const {
  const Civil civil = civil_of(from);
  int year = periods_.at_or_after(civil.year);
  std::uint64_t months = filter_.months();
  if (year == civil.year) {
    if (filter_.has_month(civil.month)) {
      const Month month = Month::of(year, civil.month);
      const std::uint64_t days = filter_.days(month) & from_bit(civil.day - 1);
      if (days != 0) return month.first + lowest(days);
    }
    months &= from_bit(civil.month + 1);
  }
  for (; year <= kYearLast; year += periods_.interval) {
    for (; months != 0; months &= months - 1) {
      const Month month = Month::of(year, lowest(months));
      const std::uint64_t days = filter_.days(month);
      if (days != 0) return month.first + lowest(days);
    }
    months = filter_.months();
  }
  return kNoDay;
}

// Bit n: week n of the week-year that begins on `first`.
std::uint64_t DaySet::weeks_of(int year, Day first) const {
  const int weeks = (week_year_start(year + 1, periods_.week_start) - first) / 7;
  std::uint64_t found = weeks_;
  for (std::uint64_t rest = weeks_from_end_; rest != 0; rest &= rest - 1) {
    const int week = weeks + 1 - lowest(rest);
    if (week > 0) found |= std::uint64_t{1} << week;
  }
  return found & below_bit(weeks + 1);
}

// Bit i: the ith day from `first` passes the filter; it may lie in the next month.
std::uint32_t DaySet::days_of_week(Day first) const {
  const Civil civil = civil_of(first);
  const Month month = Month::of(civil.year, civil.month);
  std::uint32_t days = filter_.days(month) >> (civil.day - 1);
  const int left = month.length - (civil.day - 1);
  if (left < 7) days |= filter_.days(Month::at(month.index() + 1)) << left;
  return days & 0x7F;
}

Day DaySet::next_in_week_years(Day from) const {
  int year = periods_.at_or_after(week_year_of(from, periods_.week_start));
  for (; year <= kYearLast + 1; year += periods_.interval) {
    const Day first = week_year_start(year, periods_.week_start);
    std::uint64_t weeks = weeks_of(year, first);
    if (from > first) weeks &= from_bit((from - first) / 7 + 1);
    for (; weeks != 0; weeks &= weeks - 1) {
      const Day week = first + 7 * (lowest(weeks) - 1);
      std::uint64_t days = days_of_week(week);
      if (from > week) days &= from_bit(from - week);
      if (days != 0) return week + lowest(days);
    }
  }
  return kNoDay;
}

// Neighbouring periods may overlap by a day, so the next period is looked at before one answers.
Day DaySet::next_moved(Day from) const {
  Day best = kNoDay;
  for (int index = periods_.at_or_after(periods_.index_of(from) - 1); index <= periods_.last;
       index += periods_.interval) {
    if (periods_.first_day(index) - 1 > best) break;
    const PeriodDays days = period_days(index);
    const int rank = days.rank(from);
    if (rank < days.size()) best = std::min(best, days.nth(rank));
  }
  return best;
}

}  // namespace rruled::rrule::detail
