// FREQ and INTERVAL as a lattice of periods of days, and the days of one period. Internal to rrule.
#pragma once

#include "rrule/bits.h"
#include "rrule/civil.h"
#include "rrule/rule.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace rruled::rrule::detail {

// Periods of one kind, numbered in order; the ones in phase are `anchor` and every `interval`th
// from it. A year of weeks holds the weeks whose ISO number belongs to it.
struct Periods {
  enum class Kind : std::uint8_t { day, week, month, year, week_year };

  // No more than the lattice can show between kDayMin and kDayMax, so that sums never overflow.
  static constexpr std::uint32_t kIntervalMax = 1U << 24;

  Periods(const Rule& rule, Day start)
      : kind(kind_of(rule)),
        week_start(static_cast<int>(rule.wkst())),
        interval(rule.frequency() < Frequency::daily
                     ? 1
                     : static_cast<int>(std::min(rule.interval(), kIntervalMax))),
        anchor(index_of(start)),
        first(index_of(kDayMin) - 1),
        last(index_of(kDayMax) + 1) {}

  [[nodiscard]] int index_of(Day day) const {
    switch (kind) {
      case Kind::day:
        return day;
      case Kind::week:
        return floor_div(day - week_origin(), 7);
      case Kind::month: {
        const Civil civil = civil_of(day);
        return civil.year * 12 + civil.month - 1;
      }
      case Kind::year:
        return civil_of(day).year;
      case Kind::week_year:
        return week_year_of(day, week_start);
    }
    return 0;
  }

  [[nodiscard]] Day first_day(int index) const {
    switch (kind) {
      case Kind::day:
        return index;
      case Kind::week:
        return week_origin() + index * 7;
      case Kind::month:
        return Month::at(index).first;
      case Kind::year:
        return day_from_civil(index, 1, 1);
      case Kind::week_year:
        return week_year_start(index, week_start);
    }
    return 0;
  }

  // The nearest index in phase, not before and not after `index`.
  [[nodiscard]] int at_or_after(int index) const {
    return interval == 1 ? index : index + floor_mod(anchor - index, interval);
  }
  [[nodiscard]] int at_or_before(int index) const {
    return interval == 1 ? index : index - floor_mod(index - anchor, interval);
  }
  [[nodiscard]] bool in_phase(int index) const { return at_or_after(index) == index; }

  // A day near 1970 on which a week begins.
  [[nodiscard]] Day week_origin() const { return week_start - 3; }

  Kind kind;
  int week_start;  // 0 is Monday
  int interval;
  int anchor;
  // The periods of kDayMin and kDayMax, and one more at each end: days may move there (SKIP).
  int first;
  int last;

 private:
  static Kind kind_of(const Rule& rule) {
    switch (rule.frequency()) {
      case Frequency::weekly:
        return Kind::week;
      case Frequency::monthly:
        return Kind::month;
      case Frequency::yearly:
        return rule.by_weekno().empty() ? Kind::year : Kind::week_year;
      default:
        return Kind::day;
    }
  }
};

// The days that one period chose: in the period, or (SKIP) next to it.
class PeriodDays {
 public:
  // `first` is the period's first day, `length` its days.
  PeriodDays(Day first, int length) : base_(first - 1), words_((length + 2 + 63) / 64) {}

  void add(Day day) {
    const int bit = day - base_;
    bits_[static_cast<std::size_t>(bit / 64)] |= std::uint64_t{1} << (bit % 64);
  }
  // Bit i of `days` is the day first + i.
  void add(Day first, std::uint32_t days) {
    const int bit = first - base_;
    const auto word = static_cast<std::size_t>(bit / 64);
    bits_[word] |= std::uint64_t{days} << (bit % 64);
    if (bit % 64 > 32) bits_[word + 1] |= std::uint64_t{days} >> (64 - bit % 64);
  }

  [[nodiscard]] int size() const {
    int total = 0;
    for (int i = 0; i < words_; ++i) total += std::popcount(bits_[static_cast<std::size_t>(i)]);
    return total;
  }
  // How many days are before `day`.
  [[nodiscard]] int rank(Day day) const {
    const int bit = std::clamp(day - base_, 0, words_ * 64);
    int total = 0;
    for (int i = 0; i < bit / 64; ++i) total += std::popcount(bits_[static_cast<std::size_t>(i)]);
    if (bit % 64 == 0) return total;
    return total + std::popcount(bits_[static_cast<std::size_t>(bit / 64)] & below_bit(bit % 64));
  }
  [[nodiscard]] Day nth(int index) const {
    for (int i = 0;; ++i) {
      const std::uint64_t word = bits_[static_cast<std::size_t>(i)];
      const int here = std::popcount(word);
      if (index < here) return base_ + i * 64 + select(word, index);
      index -= here;
    }
  }
  [[nodiscard]] bool contains(Day day) const {
    const int bit = day - base_;
    return bit >= 0 && bit < words_ * 64 &&
           has_bit(bits_[static_cast<std::size_t>(bit / 64)], bit % 64);
  }

 private:
  Day base_;
  int words_;
  std::array<std::uint64_t, 7> bits_{};
};

}  // namespace rruled::rrule::detail
