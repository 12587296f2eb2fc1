#include "rrule/day_filter.h"

#include <algorithm>

namespace rruled::rrule::detail {
namespace {

void set_bit(std::array<std::uint64_t, 7>& words, int index) {
  words[static_cast<std::size_t>(index / 64)] |= std::uint64_t{1} << (index % 64);
}

// 32 bits from `index` on; index is at most 366.
std::uint32_t bits_at(const std::array<std::uint64_t, 7>& words, int index) {
  const auto word = static_cast<std::size_t>(index / 64);
  const int shift = index % 64;
  std::uint64_t bits = words[word] >> shift;
  if (shift > 32 && word + 1 < words.size()) bits |= words[word + 1] << (64 - shift);
  return static_cast<std::uint32_t>(bits);
}

int day_of_year(const Month& month) { return month.first - day_from_civil(month.year, 1, 1); }

// The first day of the year, from 0, that is the nth such weekday; outside 0 to 365 when there is
// none.
int nth_of_year(const ByDay& nth, int year) {
  const int length = year_length(year);
  const int first = weekday_of(day_from_civil(year, 1, 1));
  const int weekday = static_cast<int>(nth.weekday);
  if (nth.ordinal > 0) return floor_mod(weekday - first, 7) + 7 * (nth.ordinal - 1);
  const int last = (first + length - 1) % 7;
  return length - 1 - floor_mod(last - weekday, 7) + 7 * (nth.ordinal + 1);
}

}  // namespace

DayFilter::DayFilter(const Rule& rule, Civil start) {
  const Frequency freq = rule.frequency();
  const bool yearly = freq == Frequency::yearly;
  const bool names_day = !rule.by_monthday().empty() || !rule.by_yearday().empty() ||
                         !rule.by_day().empty() || !rule.by_weekno().empty();
  if (!rule.by_month().empty()) {
    months_ = static_cast<std::uint32_t>(bits_of(rule.by_month()));
  } else if (yearly && !names_day) {
    months_ = 1U << start.month;
  }
  if (freq == Frequency::weekly) return;

  for (const int day : rule.by_monthday()) {
    if (day > 0) {
      monthdays_ |= 1U << (day - 1);
    } else {
      monthdays_from_end_ |= 1U << (32 + day);
    }
  }
  by_monthday_ = !rule.by_monthday().empty();
  if ((yearly || freq == Frequency::monthly) && !names_day) {
    monthdays_ = 1U << (start.day - 1);
    by_monthday_ = true;
  }
  read_by_day(rule);
  if (!rule.by_weekno().empty() && rule.by_day().empty() && !by_monthday_ &&
      rule.by_yearday().empty()) {
    plain_days_ = static_cast<std::uint8_t>(
        1U << weekday_of(day_from_civil(start.year, start.month, start.day)));
    by_day_ = true;
  }
}

void DayFilter::read_by_day(const Rule& rule) {
  const bool in_year = rule.frequency() == Frequency::yearly && rule.by_month().empty();
  std::vector<ByDay> ordinals;
  for (const ByDay& day : rule.by_day()) {
    const auto bit = static_cast<std::uint8_t>(1U << static_cast<unsigned>(day.weekday));
    const int n = day.ordinal < 0 ? -day.ordinal : day.ordinal;
    if (n == 0) {
      plain_days_ |= bit;
    } else if (in_year) {
      ordinals.push_back(day);
    } else if (n <= 5) {
      (day.ordinal > 0 ? nth_ : nth_from_end_)[static_cast<std::size_t>(n - 1)] |= bit;
      by_nth_ = true;
    }
  }
  by_day_ = !rule.by_day().empty();
  if (ordinals.empty() && rule.by_yearday().empty()) return;

  auto parts = std::make_shared<YearParts>();
  parts->ordinals = std::move(ordinals);
  parts->by_yearday = !rule.by_yearday().empty();
  for (const int day : rule.by_yearday()) {
    if (day > 0) {
      set_bit(parts->from_start, day - 1);
    } else {
      set_bit(parts->from_end, 366 + day);
    }
  }
  year_parts_ = std::move(parts);
}

std::uint32_t DayFilter::yeardays(const Month& month) const {
  if (!year_parts_->by_yearday) return ~0U;
  const int day = day_of_year(month);
  return bits_at(year_parts_->from_start, day) |
         bits_at(year_parts_->from_end, day + 366 - year_length(month.year));
}

std::uint32_t DayFilter::year_ordinals(const Month& month) const {
  const int begin = day_of_year(month);
  std::uint32_t found = 0;
  for (const ByDay& nth : year_parts_->ordinals) {
    const int day = nth_of_year(nth, month.year) - begin;
    if (day >= 0 && day < month.length) found |= 1U << day;
  }
  return found;
}

DayFilter::Missing DayFilter::missing_monthdays(int length) const {
  if (!by_monthday_ || (year_parts_ && year_parts_->by_yearday)) return {};
  return {(monthdays_from_end_ & ((1U << (32 - length)) - 1)) != 0, monthdays_ >> length != 0};
}

DayFilter::Missing DayFilter::missing_yeardays(int year) const {
  if (!year_parts_ || !year_parts_->by_yearday || by_monthday_ || !every_month()) return {};
  if (is_leap(year)) return {};
  return {has_bit(year_parts_->from_end[0], 0),
          has_bit(year_parts_->from_start[365 / 64], 365 % 64)};
}

std::uint32_t DayFilter::weekdays_only(const Month& month) const {
  return by_day_ ? weekdays(month) & valid(month.length) : valid(month.length);
}

std::size_t DayFilter::heap_bytes() const {
  return year_parts_ ? sizeof(YearParts) + year_parts_->ordinals.capacity() * sizeof(ByDay) : 0;
}

}  // namespace rruled::rrule::detail
