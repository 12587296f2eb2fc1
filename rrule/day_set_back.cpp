// DaySet looking back, counting, and one period as a whole.
#include "rrule/day_set.h"

#include <algorithm>
#include <bit>

namespace rruled::rrule::detail {
namespace {

constexpr int kYearFirst = civil_of(kDayMin).year;
constexpr int kMonthFirst = kYearFirst * 12;

}  // namespace

Day DaySet::previous(Day from) const {
  if (from < kDayMin) return kNoDay;
  from = std::min(from, kDayMax);
  Day found = kNoDay;
  switch (walk_) {
    case Walk::stride:
      found = from - floor_mod(from - start_, stride_);
      break;
    case Walk::days:
      found = previous_in_days(from);
      break;
    case Walk::weeks:
      found = previous_in_weeks(from);
      break;
    case Walk::months:
      found = previous_in_months(from);
      break;
    case Walk::years:
      found = previous_in_years(from);
      break;
    case Walk::week_years:
      found = previous_in_week_years(from);
      break;
    case Walk::moved:
      found = previous_moved(from);
      break;
  }
  return found < kDayMin ? kNoDay : found;
}

Day DaySet::previous_in_days(Day from) const {
  from = periods_.at_or_before(from);
  while (from >= kDayMin) {
    const Civil civil = civil_of(from);
    Month month = Month::of(civil.year, civil.month);
    std::uint64_t days = filter_.days(month) & below_bit(civil.day);
    while (days == 0) {
      const std::uint64_t earlier = filter_.months() & below_bit(month.month);
      const int year = month.year - (earlier == 0 ? 1 : 0);
      if (year < kYearFirst) return kNoDay;
      month = Month::of(year, highest(earlier == 0 ? filter_.months() : earlier));
      days = filter_.days(month);
    }
    from = periods_.at_or_before(month.first + highest(days));
    if (from == month.first + highest(days)) return from;
  }
  return kNoDay;
}

Day DaySet::previous_in_weeks(Day from) const {
  while (from >= kDayMin) {
    int index = periods_.index_of(from);
    std::uint64_t days = 0;
    if (periods_.in_phase(index)) {
      days = week_days_ & up_to_bit(from - periods_.first_day(index));
    }
    if (days == 0) {
      index = periods_.at_or_before(index - 1);
      days = week_days_;
    }
    from = periods_.first_day(index) + highest(days);
    if (filter_.every_month() || from < kDayMin) return from;
    const Civil civil = civil_of(from);
    if (filter_.has_month(civil.month)) return from;
    const std::uint64_t earlier = filter_.months() & below_bit(civil.month);
    const int year = civil.year - (earlier == 0 ? 1 : 0);
    const int month = highest(earlier == 0 ? filter_.months() : earlier);
    from = day_from_civil(year, month, month_length(year, month));
  }
  return kNoDay;
}

Day DaySet::previous_in_months(Day from) const {
  const Civil civil = civil_of(from);
  const int from_index = civil.year * 12 + civil.month - 1;
  for (int index = periods_.at_or_before(from_index); index >= kMonthFirst;
       index -= periods_.interval) {
    const Month month = Month::at(index);
    std::uint64_t days = filter_.days(month);
    if (index == from_index) days &= below_bit(civil.day);
    if (days != 0) return month.first + highest(days);
  }
  return kNoDay;
}

Day DaySet::previous_in_years(Day from) const {
  const Civil civil = civil_of(from);
  for (int year = periods_.at_or_before(civil.year); year >= kYearFirst;
       year -= periods_.interval) {
    std::uint64_t months = filter_.months();
    if (year == civil.year) months &= up_to_bit(civil.month);
    while (months != 0) {
      const int last = highest(months);
      const Month month = Month::of(year, last);
      std::uint64_t days = filter_.days(month);
      if (year == civil.year && last == civil.month) days &= below_bit(civil.day);
      if (days != 0) return month.first + highest(days);
      months &= below_bit(last);
    }
  }
  return kNoDay;
}

Day DaySet::previous_in_week_years(Day from) const {
  int year = periods_.at_or_before(week_year_of(from, periods_.week_start));
  for (; year >= kYearFirst; year -= periods_.interval) {
    const Day first = week_year_start(year, periods_.week_start);
    std::uint64_t weeks = weeks_of(year, first);
    weeks &= up_to_bit(std::min((from - first) / 7 + 1, 62));
    while (weeks != 0) {
      const int week = highest(weeks);
      const Day week_first = first + 7 * (week - 1);
      std::uint64_t days = days_of_week(week_first);
      if (from - week_first < 6) days &= up_to_bit(from - week_first);
      if (days != 0) return week_first + highest(days);
      weeks &= below_bit(week);
    }
  }
  return kNoDay;
}

Day DaySet::previous_moved(Day from) const {
  Day best = kNoDay;
  for (int index = periods_.at_or_before(periods_.index_of(from) + 1); index >= periods_.first;
       index -= periods_.interval) {
    // A period reaches at most to the first day after it.
    if (best != kNoDay && periods_.first_day(index + 1) < best) break;
    const PeriodDays days = period_days(index);
    const int rank = days.rank(from + 1);
    if (rank > 0) best = best == kNoDay ? days.nth(rank - 1) : std::max(best, days.nth(rank - 1));
  }
  return best;
}

std::int64_t DaySet::count(Day from, Day to, std::int64_t& steps) const {
  from = std::max(from, kDayMin);
  to = std::min(to, kDayMax + 1);
  if (from >= to) return 0;
  if (walk_ == Walk::stride) return count_stride(from, to);
  if (walk_ == Walk::weeks && filter_.every_month()) return count_weeks(from, to);
  const bool by_months = walk_ == Walk::months || walk_ == Walk::years ||
                         (walk_ == Walk::days && periods_.interval == 1);
  if (by_months) return count_months(from, to, steps);
  std::int64_t total = 0;
  for (Day day = next(from); day < to; day = next(day + 1)) ++total;
  steps += total * (walk_ == Walk::moved ? 3 * period_steps() : 1) + (to - from) / 7;
  return total;
}

std::int64_t DaySet::count_stride(Day from, Day to) const {
  const Day first = next(from);
  return first >= to ? 0 : (to - 1 - first) / stride_ + 1;
}

std::int64_t DaySet::count_weeks(Day from, Day to) const {
  // Chosen days before `day`, counted from the anchor's week.
  const auto before = [this](Day day) {
    const int index = periods_.index_of(day);
    const std::int64_t in_phase = periods_.at_or_before(index);
    std::int64_t total =
        (in_phase - periods_.anchor) / periods_.interval * std::popcount(week_days_);
    if (in_phase < index) return total + std::popcount(week_days_);
    return total + std::popcount(week_days_ & below_bit(day - periods_.first_day(index)));
  };
  return before(to) - before(from);
}

std::int64_t DaySet::count_months(Day from, Day to, std::int64_t& steps) const {
  const Civil begin = civil_of(from);
  const Civil last = civil_of(to - 1);
  const int last_index = last.year * 12 + last.month - 1;
  std::int64_t total = 0;
  std::int64_t months = 0;
  for (int index = begin.year * 12 + begin.month - 1; index <= last_index;) {
    if (walk_ == Walk::months && !periods_.in_phase(index)) {
      index = periods_.at_or_after(index);
      continue;
    }
    if (walk_ == Walk::years && !periods_.in_phase(index / 12)) {
      index = periods_.at_or_after(index / 12) * 12;
      continue;
    }
    const Month month = Month::at(index);
    std::uint64_t days = filter_.days(month);
    if (month.first < from) days &= from_bit(from - month.first);
    if (to - month.first < 32) days &= below_bit(to - month.first);
    total += std::popcount(days);
    ++index;
    ++months;
  }
  steps += filter_.work(months);
  return total;
}

// Periods out of phase and months that are not named are jumped over.
std::int64_t DaySet::steps_over(std::int64_t days) const {
  if (days < 7) return 0;
  const std::int64_t interval = periods_.interval;
  const std::int64_t months = std::popcount(filter_.months());
  const std::int64_t each = 1 + filter_.work(1);
  switch (walk_) {
    case Walk::stride:
      return 0;
    case Walk::days:
      return interval == 1 ? days * months * each / 365 : days / 7;
    case Walk::months:
      return days * each / (28 * interval);
    case Walk::years:
      return days * months * each / (365 * interval);
    case Walk::weeks:
    case Walk::week_years:
    case Walk::moved:
      break;
  }
  return days / (7 * interval);
}

std::int64_t DaySet::period_steps() const {
  const int months = periods_.kind == Periods::Kind::year ? 12
                     : periods_.kind == Periods::Kind::week_year
                         ? 2 * std::popcount(weeks_ | weeks_from_end_)
                         : 1;
  return 1 + filter_.work(months);
}

PeriodDays DaySet::period_days(int index) const {
  const Day first = periods_.first_day(index);
  PeriodDays days(first, periods_.first_day(index + 1) - first);
  switch (periods_.kind) {
    case Periods::Kind::day:
      if (next(first) == first) days.add(first);
      break;
    case Periods::Kind::week:
      for (std::uint64_t rest = week_days_; rest != 0; rest &= rest - 1) {
        const Day day = first + lowest(rest);
        if (filter_.has_month(civil_of(day).month)) days.add(day);
      }
      break;
    case Periods::Kind::month: {
      const Month month = Month::at(index);
      days.add(first, filter_.days(month));
      if (skip_ != Skip::omit) add_moved(days, month);
      break;
    }
    case Periods::Kind::year:
      for (std::uint64_t rest = filter_.months(); rest != 0; rest &= rest - 1) {
        const Month month = Month::of(index, lowest(rest));
        days.add(month.first, filter_.days(month));
        if (skip_ != Skip::omit) add_moved(days, month);
      }
      break;
    case Periods::Kind::week_year:
      for (std::uint64_t rest = weeks_of(index, first); rest != 0; rest &= rest - 1) {
        const Day week = first + 7 * (lowest(rest) - 1);
        days.add(week, days_of_week(week));
      }
      break;
  }
  return days;
}

// RFC 7529 4.1: BYDAY limits the days after SKIP moved them.
void DaySet::add_moved(PeriodDays& days, const Month& month) const {
  if (!filter_.has_month(month.month)) return;
  const auto add = [&](Day day) {
    const Civil civil = civil_of(day);
    const std::uint32_t allowed = filter_.weekdays_only(Month::of(civil.year, civil.month));
    if (has_bit(allowed, civil.day - 1)) days.add(day);
  };
  const bool forward = skip_ == Skip::forward;
  const DayFilter::Missing monthdays = filter_.missing_monthdays(month.length);
  if (monthdays.before_first) add(forward ? month.first : month.first - 1);
  if (monthdays.after_last)
    add(forward ? month.first + month.length : month.first + month.length - 1);
  if (periods_.kind != Periods::Kind::year) return;
  const DayFilter::Missing yeardays = filter_.missing_yeardays(month.year);
  if (month.month == 1 && yeardays.before_first) add(forward ? month.first : month.first - 1);
  if (month.month == 12 && yeardays.after_last) add(forward ? month.first + 31 : month.first + 30);
}

}  // namespace rruled::rrule::detail
