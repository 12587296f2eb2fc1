// LocalRule counting, and comparing with another rule.
#include "rrule/local_rule.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <vector>

namespace rruled::rrule::detail {
namespace {

// Numbers in [from, to) that are congruent to `origin` modulo `step`.
std::int64_t count_steps(std::int64_t from,
                         std::int64_t to,
                         std::int64_t origin,
                         std::int64_t step) {
  const std::int64_t first = from + floor_mod(origin - from, step);
  return first >= to ? 0 : (to - 1 - first) / step + 1;
}

}  // namespace

std::int64_t LocalRule::count(Time from, Time to, PhaseCounts& known) const {
  from = std::max(from, kTimeMin);
  to = std::min(to, kTimeEnd);
  if (from >= to) return 0;
  switch (shape_) {
    case Shape::nothing:
      return 0;
    case Shape::stride:
      return count_steps(from, to, origin_, step_);
    case Shape::product:
      return count_product(from, to);
    case Shape::phased:
      return count_phased(from, to, known);
    case Shape::chosen:
      return count_chosen(from, to);
  }
  return 0;
}

std::int64_t LocalRule::count_unmatched(Time from, Time to, Time shift) const {
  if (shape_ == Shape::stride) return shift % step_ == 0 ? 0 : count(from, to);
  std::int64_t total = 0;
  if (shift % 3600 == 0 && (shape_ == Shape::product || shape_ == Shape::phased) &&
      !times_.of_day()) {
    // Minutes and seconds stay what they are: whole hours match or do not.
    const bool in_phase = shift % (interval_ * unit_) == 0;
    for (Time begin = from; begin < to;) {
      const Time hour = floor_div<Time>(begin, 3600) * 3600;
      const Time end = std::min(to, hour + 3600);
      const Time shifted = hour + shift;
      const bool matched = in_phase && has_bit(times_.hours(), second_of_day(shifted) / 3600) &&
                           days_.contains(day_of(shifted));
      if (!matched) total += count(begin, end);
      begin = end;
    }
    return total;
  }
  for (Time time = next(from); time < to; time = next(time + 1)) {
    if (!contains(time + shift)) ++total;
  }
  return total;
}

std::int64_t LocalRule::count_product(Time from, Time to) const {
  const Day first = day_of(from);
  const Day last = day_of(to);
  const auto before = [this](Day day, Time time) {
    const int second = static_cast<int>(time - midnight(day));
    return second > times_.first() && days_.contains(day) ? times_.rank(second) : 0;
  };
  return days_.count(first, last) * times_.size() + before(last, to) - before(first, from);
}

// Days whose midnight has the same phase have the same times: one of each phase is counted.
std::int64_t LocalRule::count_phased(Time from, Time to, PhaseCounts& known) const {
  if (interval_ * unit_ >= kDaySeconds) {  // rarer than days
    std::int64_t found = 0;
    for (Time time = next(from); time < to; time = next(time + 1)) ++found;
    return found;
  }
  const Day first = day_of(from);
  const Day last = day_of(to);
  const auto in_day = [this](Day day, Time begin, Time end) {
    if (begin >= end || !days_.contains(day)) return std::int64_t{0};
    return count_phased_in_day(day, static_cast<int>(begin - midnight(day)),
                               static_cast<int>(end - midnight(day)));
  };
  if (first == last) return in_day(first, from, to);

  constexpr std::int64_t kPhasesKept = 4096;
  const std::int64_t units_in_day = kDaySeconds / unit_;
  const std::int64_t cycle = std::gcd(interval_, units_in_day);
  const bool keep = interval_ / cycle <= kPhasesKept;
  if (keep && known.empty()) known.assign(static_cast<std::size_t>(interval_ / cycle), -1);
  std::int64_t total = in_day(first, from, midnight(first + 1)) + in_day(last, midnight(last), to);
  for (Day day = days_.next(first + 1); day < last; day = days_.next(day + 1)) {
    const auto phase = static_cast<std::size_t>(to_phase(day * units_in_day) / cycle);
    if (!keep) {
      total += count_phased_in_day(day, 0, static_cast<int>(kDaySeconds));
      continue;
    }
    if (known[phase] < 0) {
      known[phase] = count_phased_in_day(day, 0, static_cast<int>(kDaySeconds));
    }
    total += known[phase];
  }
  return total;
}

std::int64_t LocalRule::count_phased_in_day(Day day, int from, int to) const {
  std::int64_t total = 0;
  for (std::uint32_t rest = times_.hours(); rest != 0; rest &= rest - 1) {
    const int hour = lowest(rest) * 3600;
    const int begin = std::max(from, hour);
    const int end = std::min(to, hour + 3600);
    if (begin >= end) continue;
    if (whole_hours_) {
      total += count_steps(midnight(day) + begin, midnight(day) + end, anchor_, interval_);
      continue;
    }
    if (unit_ == 1 && interval_ < 60) {
      total += count_seconds_in_hour(midnight(day) + hour, begin - hour, end - hour);
      continue;
    }
    std::int64_t at = floor_div<Time>(midnight(day) + begin, unit_);
    for (at += to_phase(at); at * unit_ < midnight(day) + end; at += interval_) {
      const int unit_begin = static_cast<int>(at * unit_ - midnight(day));
      total +=
          times_.rank(std::min(end, unit_begin + unit_)) - times_.rank(std::max(begin, unit_begin));
    }
  }
  return total;
}

// Seconds [from, to) of an hour for steps below a minute: each minute's are one word.
std::int64_t LocalRule::count_seconds_in_hour(Time hour, int from, int to) const {
  const int step = static_cast<int>(interval_);
  std::uint64_t pattern = 0;
  for (int i = 0; i < 60; i += step) pattern |= std::uint64_t{1} << i;
  const int first = from / 60;
  const int last = (to - 1) / 60;
  int ahead = static_cast<int>(to_phase(hour + first * 60));
  std::int64_t total = 0;
  for (int minute = first; minute <= last; ++minute) {
    if (has_bit(times_.minutes(), minute)) {
      std::uint64_t met = pattern << ahead & times_.seconds();
      if (minute == first) met &= from_bit(from - first * 60);
      if (minute == last) met &= below_bit(to - last * 60);
      total += std::popcount(met);
    }
    ahead -= 60 % step;
    if (ahead < 0) ahead += step;
  }
  return total;
}

std::int64_t LocalRule::count_chosen(Time from, Time to) const {
  std::int64_t total = 0;
  if (days_.moves_days()) {  // periods overlap: one time may be chosen twice
    for (Time time = next(from); time < to; time = next(time + 1)) ++total;
    return total;
  }
  const Periods& periods = days_.periods();
  const int last = std::min(periods.index_of(day_of(to)), periods.last);
  for (int index = periods.at_or_after(periods.index_of(day_of(from))); index <= last;
       index += periods.interval) {
    const PeriodDays days = days_.period_days(index);
    const std::int64_t candidates = std::int64_t{days.size()} * times_.size();
    total += positions_.count(rank_in_period(days, from), rank_in_period(days, to), candidates);
  }
  return total;
}

Time LocalRule::covered_until(Time time, const LocalRule& other, Time end, Steps& steps) const {
  const bool known =
      (shape_ == Shape::product || shape_ == Shape::phased || shape_ == Shape::stride) &&
      (other.shape_ == Shape::product || (other.shape_ == Shape::stride && other.interval_ == 1));
  if (!known || times_.listed() || other.times_.listed()) return time + 1;
  const auto covers = [](std::uint64_t ours, std::uint64_t theirs) {
    return (ours & ~theirs) == 0;
  };
  const TimeSet& theirs = other.times_;
  if (!covers(times_.seconds(), theirs.seconds())) return time + 1;
  if (!covers(times_.minutes(), theirs.minutes())) return (floor_div<Time>(time, 60) + 1) * 60;
  if (!covers(times_.hours(), theirs.hours())) return (floor_div<Time>(time, 3600) + 1) * 3600;
  Day day = day_of(time) + 1;
  for (Day next = days_.next(day); next != kNoDay; next = days_.next(next + 1)) {
    ++steps;
    if (midnight(next) >= end || !other.days_.contains(next)) return midnight(next);
  }
  return kTimeEnd;
}

}  // namespace rruled::rrule::detail
