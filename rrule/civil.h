// Days and months of the proleptic Gregorian calendar as plain numbers, for the engine's inner
// loops. A day is a count from 1970-01-01, a time a count of wall-clock seconds from its midnight.
// Valid for the years 1600 to 2300. Internal to rrule.
#pragma once

#include <cstdint>
#include <limits>

namespace rruled::rrule::detail {

using Day = int;
using Time = std::int64_t;

inline constexpr Time kDaySeconds = 86'400;
inline constexpr Day kNoDay = std::numeric_limits<Day>::max();
inline constexpr Time kNoTime = std::numeric_limits<Time>::max();

template <class Int>
constexpr Int floor_div(Int a, Int b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

// 0 to b - 1.
template <class Int>
constexpr Int floor_mod(Int a, Int b) {
  const Int rest = a % b;
  return rest < 0 ? rest + b : rest;
}

constexpr Day day_of(Time time) { return static_cast<Day>(floor_div<Time>(time, kDaySeconds)); }
constexpr Time midnight(Day day) { return Time{day} * kDaySeconds; }
constexpr int second_of_day(Time time) { return static_cast<int>(time - midnight(day_of(time))); }

// 0 is Monday. 1970-01-01 was a Thursday.
constexpr int weekday_of(Day day) {
  constexpr unsigned kShift = 7 * 30'000 + 3;
  return static_cast<int>((static_cast<unsigned>(day) + kShift) % 7);
}

constexpr bool is_leap(int year) { return (year & (year % 25 == 0 ? 15 : 3)) == 0; }
constexpr int year_length(int year) { return is_leap(year) ? 366 : 365; }

// month is 1 to 12.
constexpr int month_length(int year, int month) {
  if (month == 2) return is_leap(year) ? 29 : 28;
  return 30 | (month ^ (month >> 3));
}

struct Civil {
  int year;
  int month;  // 1 to 12
  int day;    // 1 to 31
};

// Neri and Schneider, "Euclidean affine functions and their application to calendar algorithms".
constexpr std::uint32_t kEras = 82;
constexpr Civil civil_of(Day day) {
  const std::uint32_t n = static_cast<std::uint32_t>(day) + 719'468 + 146'097 * kEras;
  const std::uint32_t n1 = 4 * n + 3;
  const std::uint32_t century = n1 / 146'097;
  const std::uint32_t n2 = 4 * (n1 % 146'097 / 4) + 3;
  const std::uint64_t p2 = std::uint64_t{2'939'745} * n2;
  const auto year_of_century = static_cast<std::uint32_t>(p2 >> 32);
  const std::uint32_t day_of_year = static_cast<std::uint32_t>(p2) / 2'939'745 / 4;
  const std::uint32_t n3 = 2'141 * day_of_year + 197'913;
  const std::uint32_t month = n3 >> 16;
  const bool next_year = day_of_year >= 306;
  return {static_cast<int>(100 * century + year_of_century + (next_year ? 1 : 0)) -
              static_cast<int>(400 * kEras),
          static_cast<int>(next_year ? month - 12 : month),
          static_cast<int>((n3 & 0xFFFF) / 2'141 + 1)};
}

constexpr Day day_from_civil(int year, int month, int day) {
  const bool early = month <= 2;
  const std::uint32_t y = static_cast<std::uint32_t>(year) + 400 * kEras - (early ? 1 : 0);
  const std::uint32_t m = static_cast<std::uint32_t>(early ? month + 12 : month);
  const std::uint32_t century = y / 100;
  const std::uint32_t days = 1'461 * y / 4 - century + century / 4 + (979 * m - 2'919) / 32 +
                             static_cast<std::uint32_t>(day) - 1;
  return static_cast<Day>(days - (719'468 + 146'097 * kEras));
}

// One month of one year, with what filters ask about it.
struct Month {
  int year;
  int month;  // 1 to 12
  Day first;
  int length;

  static constexpr Month of(int year, int month) {
    return {year, month, day_from_civil(year, month, 1), month_length(year, month)};
  }
  // Months counted from year 0, so that they can be added.
  static constexpr Month at(int index) {
    return of(floor_div(index, 12), floor_mod(index, 12) + 1);
  }
  [[nodiscard]] constexpr int index() const { return year * 12 + month - 1; }
};

// The first day of week 1, the week with January 4th in it, for weeks that begin on `week_start`.
constexpr Day week_year_start(int year, int week_start) {
  const Day fourth = day_from_civil(year, 1, 4);
  return fourth - floor_mod(weekday_of(fourth) - week_start, 7);
}

// The year that the week of `day` belongs to.
constexpr int week_year_of(Day day, int week_start) {
  const int year = civil_of(day).year;
  if (day < week_year_start(year, week_start)) return year - 1;
  return day < week_year_start(year + 1, week_start) ? year : year + 1;
}

// Occurrences are searched in these days; starts may lie in them.
inline constexpr Day kDayMin = day_from_civil(1601, 1, 1);
inline constexpr Day kDayMax = day_from_civil(2200, 12, 31);
inline constexpr Time kTimeMin = midnight(kDayMin);
inline constexpr Time kTimeEnd = midnight(kDayMax + 1);

static_assert(day_from_civil(1970, 1, 1) == 0 && civil_of(kDayMax).day == 31);
static_assert(weekday_of(day_from_civil(2026, 11, 24)) == 1);
static_assert(week_year_of(day_from_civil(2025, 12, 29), 0) == 2026);

}  // namespace rruled::rrule::detail
