// The days of one month that pass BYMONTH, BYYEARDAY, BYMONTHDAY and BYDAY, as bits. Value type,
// immutable once built. Internal to rrule.
#pragma once

#include "rrule/bits.h"
#include "rrule/civil.h"
#include "rrule/rule.h"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace rruled::rrule::detail {

class DayFilter {
 public:
  // The day parts of `rule`; what a day still lacks comes from `start` (RFC 5545 3.3.10:
  // "Information, not contained in the rule"). FREQ=WEEKLY has its days elsewhere: only BYMONTH
  // counts here then.
  DayFilter(const Rule& rule, Civil start);

  // Bit i: the (i+1)th day of the month passes.
  [[nodiscard]] std::uint32_t days(const Month& month) const {
    if (!has_month(month.month)) return 0;
    std::uint32_t found = valid(month.length);
    if (by_monthday_) found &= monthdays(month.length);
    if (by_day_) found &= weekdays(month);
    return year_parts_ ? found & yeardays(month) : found;
  }
  [[nodiscard]] bool has_month(int month) const { return (months_ >> month & 1) != 0; }
  // Bit m: month m (1 to 12) passes BYMONTH.
  [[nodiscard]] std::uint32_t months() const { return months_; }
  [[nodiscard]] bool every_month() const { return months_ == kAllMonths; }
  // Nothing is filtered.
  [[nodiscard]] bool all() const {
    return every_month() && !by_monthday_ && !by_day_ && !year_parts_;
  }

  // SKIP (RFC 7529 4.1): what a period names that does not exist. `before_first`: days that would
  // lie before the month (as -31 in June); `after_last`: days past its end.
  struct Missing {
    bool before_first = false;
    bool after_last = false;
  };
  [[nodiscard]] Missing missing_monthdays(int length) const;
  [[nodiscard]] Missing missing_yeardays(int year) const;
  // The month's days by BYDAY alone.
  [[nodiscard]] std::uint32_t weekdays_only(const Month& month) const;

  // Steps (local_rule.h) that looking at so many months takes.
  [[nodiscard]] std::int64_t work(std::int64_t months) const {
    const std::size_t ordinals = year_parts_ ? year_parts_->ordinals.size() : 0;
    return months * static_cast<std::int64_t>(1 + ordinals) / 8;
  }

  [[nodiscard]] std::size_t heap_bytes() const;

 private:
  static constexpr std::uint32_t kAllMonths = 0x1FFE;
  static constexpr int kYearWords = 7;  // 366 bits and a word to read past the end

  struct YearParts {
    bool by_yearday = false;
    std::array<std::uint64_t, kYearWords> from_start{};  // bit i: BYYEARDAY=i+1
    std::array<std::uint64_t, kYearWords> from_end{};    // bit 366-n: BYYEARDAY=-n
    std::vector<ByDay> ordinals;                         // counted in the year
  };

  static constexpr std::uint32_t valid(int length) { return (1U << length) - 1; }
  [[nodiscard]] std::uint32_t monthdays(int length) const {
    return monthdays_ | monthdays_from_end_ >> (32 - length);
  }
  [[nodiscard]] std::uint32_t weekdays(const Month& month) const;
  [[nodiscard]] std::uint32_t yeardays(const Month& month) const;
  [[nodiscard]] std::uint32_t year_ordinals(const Month& month) const;
  void read_by_day(const Rule& rule);

  std::uint32_t months_ = kAllMonths;
  std::uint32_t monthdays_ = 0;           // bit d-1: BYMONTHDAY=d
  std::uint32_t monthdays_from_end_ = 0;  // bit 32-n: BYMONTHDAY=-n
  bool by_monthday_ = false;
  bool by_day_ = false;
  bool by_nth_ = false;
  std::uint8_t plain_days_ = 0;        // bit 0 is Monday
  std::array<std::uint8_t, 5> nth_{};  // nth_[n-1]: days with BYDAY=n
  std::array<std::uint8_t, 5> nth_from_end_{};
  std::shared_ptr<const YearParts> year_parts_;
};

// The seven days in `week` (bit 0 is Monday), repeated over a month whose first day is `weekday`.
constexpr std::uint32_t rotated_week(std::uint32_t week, int weekday) {
  return ((week | week << 7) >> weekday) & 0x7F;
}

inline std::uint32_t DayFilter::weekdays(const Month& month) const {
  constexpr std::uint64_t kEverySeventh = 0x1020'4081;
  const int weekday = weekday_of(month.first);
  auto found = static_cast<std::uint32_t>(rotated_week(plain_days_, weekday) * kEverySeventh);
  if (by_nth_) {
    const int after_last = (weekday + month.length) % 7;
    for (int n = 0; n < 5; ++n) {
      const auto i = static_cast<std::size_t>(n);
      const auto from_start = std::uint64_t{rotated_week(nth_[i], weekday)} << 7 * n;
      const auto from_end = std::uint64_t{rotated_week(nth_from_end_[i], after_last)}
                            << (month.length - 7 * n);
      found |= static_cast<std::uint32_t>(from_start | from_end >> 7);
    }
  }
  if (year_parts_ && !year_parts_->ordinals.empty()) found |= year_ordinals(month);
  return found;
}

}  // namespace rruled::rrule::detail
