#include "rrule/time_set.h"

#include "rrule/bits.h"
#include "rrule/civil.h"
#include "rrule/positions.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace rruled::rrule::detail {
namespace {

// The listed numbers as bits; without a list all of them, or `start` alone.
std::uint64_t part_bits(const std::vector<int>& list, std::uint64_t all, bool stepped, int start) {
  if (!list.empty()) return bits_of(list);
  return stepped ? all : std::uint64_t{1} << start;
}

}  // namespace

TimeSet::TimeSet(const Rule& rule, int start) {
  const Frequency freq = rule.frequency();
  hours_ = static_cast<std::uint32_t>(
      part_bits(rule.by_hour(), kAllHours, freq <= Frequency::hourly, start / 3600));
  minutes_ = part_bits(rule.by_minute(), kAllSixty, freq <= Frequency::minutely, start / 60 % 60);
  seconds_ = part_bits(rule.by_second(), kAllSixty, freq == Frequency::secondly, start % 60);
  measure();
  if (!rule.by_setpos().empty() && freq <= Frequency::daily) choose_positions(rule);
}

void TimeSet::measure() {
  if (day_list_) {
    size_ = static_cast<int>(list_.size());
    first_ = size_ == 0 ? kNone : list_.front();
    last_ = size_ == 0 ? kNone : list_.back();
    return;
  }
  if (list_.empty()) {
    hour_size_ = std::popcount(minutes_) * std::popcount(seconds_);
    if (hour_size_ > 0) {
      first_in_hour_ = lowest(minutes_) * 60 + lowest(seconds_);
      last_in_hour_ = highest(minutes_) * 60 + highest(seconds_);
    }
  } else {
    hour_size_ = static_cast<int>(list_.size());
    first_in_hour_ = list_.front();
    last_in_hour_ = list_.back();
  }
  size_ = std::popcount(hours_) * hour_size_;
  first_ = size_ == 0 ? kNone : lowest(hours_) * 3600 + first_in_hour_;
  last_ = size_ == 0 ? kNone : highest(hours_) * 3600 + last_in_hour_;
}

// RFC 5545 BYSETPOS where a period is a day or less: its candidates are the same in every period.
void TimeSet::choose_positions(const Rule& rule) {
  const Frequency freq = rule.frequency();
  const int candidates = freq == Frequency::daily      ? size_
                         : freq == Frequency::hourly   ? hour_size_
                         : freq == Frequency::minutely ? std::popcount(seconds_)
                                                       : 1;
  const std::vector<int> chosen = Positions(rule.by_setpos()).all(candidates);
  if (freq == Frequency::minutely || freq == Frequency::secondly) {
    std::uint64_t kept = 0;
    for (const int index : chosen) {
      kept |= freq == Frequency::secondly ? seconds_ : std::uint64_t{1} << select(seconds_, index);
    }
    seconds_ = kept;
  } else if (chosen.empty()) {
    hours_ = 0;
  } else {
    std::vector<int> list;
    list.reserve(chosen.size());
    for (const int index : chosen) {
      list.push_back(freq == Frequency::daily ? nth(index) : nth_in_hour(index));
    }
    list_ = std::move(list);
    day_list_ = freq == Frequency::daily;
  }
  first_in_hour_ = last_in_hour_ = kNone;
  measure();
}

int TimeSet::next_in_hour(int from) const {
  if (!list_.empty()) {
    const auto at = std::lower_bound(list_.begin(), list_.end(), from);
    return at == list_.end() ? kNone : *at;
  }
  const int minute = from / 60;
  if (has_bit(minutes_, minute)) {
    if (const std::uint64_t rest = seconds_ & from_bit(from % 60)) {
      return minute * 60 + lowest(rest);
    }
  }
  const std::uint64_t rest = minutes_ & from_bit(minute + 1);
  return rest == 0 ? kNone : lowest(rest) * 60 + lowest(seconds_);
}

int TimeSet::previous_in_hour(int from) const {
  if (!list_.empty()) {
    const auto after = std::upper_bound(list_.begin(), list_.end(), from);
    return after == list_.begin() ? kNone : *std::prev(after);
  }
  const int minute = from / 60;
  if (has_bit(minutes_, minute)) {
    if (const std::uint64_t rest = seconds_ & up_to_bit(from % 60)) {
      return minute * 60 + highest(rest);
    }
  }
  const std::uint64_t rest = minutes_ & below_bit(minute);
  return rest == 0 ? kNone : highest(rest) * 60 + highest(seconds_);
}

int TimeSet::rank_in_hour(int before) const {
  if (!list_.empty()) {
    return static_cast<int>(std::lower_bound(list_.begin(), list_.end(), before) - list_.begin());
  }
  const int minute = before / 60;
  return std::popcount(minutes_ & below_bit(minute)) * std::popcount(seconds_) +
         (has_bit(minutes_, minute) ? std::popcount(seconds_ & below_bit(before % 60)) : 0);
}

int TimeSet::nth_in_hour(int index) const {
  if (!list_.empty()) return list_[static_cast<std::size_t>(index)];
  const int per_minute = std::popcount(seconds_);
  return select(minutes_, index / per_minute) * 60 + select(seconds_, index % per_minute);
}

int TimeSet::next(int from) const {
  if (from <= first_) return first_;
  if (from > last_) return kNone;
  if (day_list_) return *std::lower_bound(list_.begin(), list_.end(), from);
  const int hour = from / 3600;
  if (has_bit(hours_, hour)) {
    const int in_hour = next_in_hour(from % 3600);
    if (in_hour != kNone) return hour * 3600 + in_hour;
  }
  return lowest(hours_ & from_bit(hour + 1)) * 3600 + first_in_hour_;
}

int TimeSet::previous(int from) const {
  if (size_ == 0 || from < first_) return kNone;
  if (from >= last_) return last_;
  if (day_list_) return *std::prev(std::upper_bound(list_.begin(), list_.end(), from));
  const int hour = from / 3600;
  if (has_bit(hours_, hour)) {
    const int in_hour = previous_in_hour(from % 3600);
    if (in_hour != kNone) return hour * 3600 + in_hour;
  }
  return highest(hours_ & below_bit(hour)) * 3600 + last_in_hour_;
}

int TimeSet::rank(int before) const {
  if (before > last_) return size_;
  if (before <= first_) return 0;
  if (day_list_) {
    return static_cast<int>(std::lower_bound(list_.begin(), list_.end(), before) - list_.begin());
  }
  const int hour = before / 3600;
  return std::popcount(hours_ & below_bit(hour)) * hour_size_ +
         (has_bit(hours_, hour) ? rank_in_hour(before % 3600) : 0);
}

int TimeSet::nth(int index) const {
  if (day_list_) return list_[static_cast<std::size_t>(index)];
  return select(hours_, index / hour_size_) * 3600 + nth_in_hour(index % hour_size_);
}

void TimeSet::keep_reachable(int unit, std::int64_t interval, std::int64_t anchor) {
  const auto cycle = std::gcd(interval, kDaySeconds / unit);
  const auto rest = static_cast<int>(floor_mod(anchor, cycle));
  const auto step = static_cast<int>(cycle);
  // Bits of the sixty (minutes or seconds) that lie at `rest` in steps of `step`, counted from
  // `base`.
  const auto meets = [=](int base) {
    std::uint64_t bits = 0;
    for (int i = floor_mod(rest - base, step); i < 60; i += step) bits |= std::uint64_t{1} << i;
    return bits;
  };
  std::uint32_t hours = 0;
  std::uint64_t minutes = 0;
  std::uint64_t seconds = unit == 1 ? 0 : seconds_;
  for (std::uint32_t left = hours_; left != 0; left &= left - 1) {
    const int hour = lowest(left);
    std::uint64_t met = 0;  // minutes of this hour
    if (unit == 3600) {
      met = hour % step == rest ? minutes_ : 0;
    } else if (unit == 60) {
      met = minutes_ & meets(hour * 60);
    } else if (60 % step == 0) {
      const std::uint64_t met_seconds = seconds_ & meets(0);
      seconds |= met_seconds;
      met = met_seconds != 0 ? minutes_ : 0;
    } else {
      for (std::uint64_t rest_minutes = minutes_; rest_minutes != 0;
           rest_minutes &= rest_minutes - 1) {
        const int minute = lowest(rest_minutes);
        const std::uint64_t met_seconds = seconds_ & meets(hour * 3600 + minute * 60);
        seconds |= met_seconds;
        if (met_seconds != 0) met |= std::uint64_t{1} << minute;
      }
    }
    minutes |= met;
    if (met != 0) hours |= 1U << hour;
  }
  hours_ = hours;
  if (list_.empty()) {
    minutes_ = minutes;
    seconds_ = seconds;
    first_in_hour_ = last_in_hour_ = kNone;
  }
  measure();
}

bool TimeSet::within(const TimeSet& other) const {
  if (empty()) return true;
  if (listed() || other.listed()) return false;
  return (hours_ & ~other.hours_) == 0 && (minutes_ & ~other.minutes_) == 0 &&
         (seconds_ & ~other.seconds_) == 0;
}

}  // namespace rruled::rrule::detail
