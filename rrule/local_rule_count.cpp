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

std::int64_t LocalRule::count(Time from, Time to, Counting& counting) const {
  from = std::max(from, kTimeMin);
  to = std::min(to, kTimeEnd);
  if (from >= to || counting.over()) return 0;
  ++counting.steps;
  switch (shape_) {
    case Shape::nothing:
      return 0;
    case Shape::stride:
      return count_steps(from, to, origin_, step_);
    case Shape::product:
      return count_product(from, to, counting);
    case Shape::phased:
      return count_phased(from, to, counting);
    case Shape::chosen:
      return count_chosen(from, to, counting);
  }
  return 0;
}

std::int64_t LocalRule::count_unmatched(Time from, Time to, Time shift, Counting& counting) const {
  if (shape_ == Shape::stride) return shift % step_ == 0 ? 0 : count(from, to, counting);
  std::int64_t total = 0;
  if (shift % 3600 == 0 && (shape_ == Shape::product || shape_ == Shape::phased) &&
      !times_.of_day()) {
    // Minutes and seconds stay what they are: whole hours match or do not.
    const bool in_phase = shift % (interval_ * unit_) == 0;
    for (Time begin = from; begin < to && !counting.over();) {
      const Time hour = floor_div<Time>(begin, 3600) * 3600;
      const Time end = std::min(to, hour + 3600);
      const Time shifted = hour + shift;
      const bool matched = in_phase && has_bit(times_.hours(), second_of_day(shifted) / 3600) &&
                           days_.contains(day_of(shifted));
      ++counting.steps;
      if (!matched) total += count(begin, end, counting);
      begin = end;
    }
    return total;
  }
  if (count(from, to, counting) == 0) return 0;  // a search for the first may go far beyond
  for (Time time = next(from, counting.steps); time < to && !counting.over();
       time = next(time + 1, counting.steps)) {
    counting.steps += 2;
    if (next(time + shift, counting.steps) != time + shift) ++total;
  }
  return total;
}

std::int64_t LocalRule::count_walked(Time from, Time to, Counting& counting) const {
  std::int64_t total = 0;
  // A search looks as far as it must: the next count does not go there again.
  if (from < counting.empty_from || from > counting.empty_to) {
    counting.empty_from = from;
    counting.empty_to = next(from, counting.steps);
  }
  while (counting.empty_to < to && !counting.over()) {
    ++counting.steps;
    ++total;
    counting.empty_from = counting.empty_to + 1;
    counting.empty_to = next(counting.empty_from, counting.steps);
  }
  return total;
}

std::int64_t LocalRule::count_product(Time from, Time to, Counting& counting) const {
  const Day first = day_of(from);
  const Day last = day_of(to);
  const auto before = [this](Day day, Time time) {
    const int second = static_cast<int>(time - midnight(day));
    return second > times_.first() && days_.contains(day) ? times_.rank(second) : 0;
  };
  return days_.count(first, last, counting.steps) * times_.size() + before(last, to) -
         before(first, from);
}

std::int64_t LocalRule::count_phased(Time from, Time to, Counting& counting) const {
  if (interval_ * unit_ >= kDaySeconds) return count_walked(from, to, counting);  // not every day
  const Day first = day_of(from);
  const Day last = day_of(to);
  const auto in_day = [&](Day day, Time begin, Time end) {
    if (begin >= end || !days_.contains(day)) return std::int64_t{0};
    return count_phased_in_day(day, static_cast<int>(begin - midnight(day)),
                               static_cast<int>(end - midnight(day)), counting.steps);
  };
  if (first == last) return in_day(first, from, to);
  return in_day(first, from, midnight(first + 1)) + count_phased_days(first + 1, last, counting) +
         in_day(last, midnight(last), to);
}

// Whole days in [from, to). Those whose midnight has the same phase have the same times: one of
// each phase is counted. Where every day counts, as many days as there are phases have each once.
std::int64_t LocalRule::count_phased_days(Day from, Day to, Counting& counting) const {
  constexpr std::int64_t kPhasesKept = 4096;
  const std::int64_t phases = interval_ / std::gcd(interval_, kDaySeconds / unit_);
  if (phases > kPhasesKept || days_.stride() != 1 || to - from < phases)
    return count_phased_each(from, to, phases <= kPhasesKept ? phases : 0, counting);
  const auto cycle = static_cast<Day>(phases);
  if (counting.cycle < 0) {
    const auto found = count_phased_each(from, from + cycle, phases, counting);
    if (counting.over()) return found;
    counting.cycle = found;
  }
  const Day cycles = (to - from) / cycle;
  return cycles * counting.cycle + count_phased_each(from + cycles * cycle, to, phases, counting);
}

// The days one by one. `phases`: how many there are, 0 when they are not kept.
std::int64_t LocalRule::count_phased_each(Day from,
                                          Day to,
                                          std::int64_t phases,
                                          Counting& counting) const {
  const std::int64_t units_in_day = kDaySeconds / unit_;
  counting.phases.resize(static_cast<std::size_t>(phases), -1);
  std::int64_t total = 0;
  for (Day day = days_.next(from); day < to && !counting.over(); day = days_.next(day + 1)) {
    counting.steps += 1 + (day - from) / 7;
    from = day;
    if (phases == 0) {
      total += count_phased_in_day(day, 0, static_cast<int>(kDaySeconds), counting.steps);
      continue;
    }
    const std::int64_t phase = to_phase(day * units_in_day) * phases / interval_;
    auto& known = counting.phases[static_cast<std::size_t>(phase)];
    if (known < 0)
      known = count_phased_in_day(day, 0, static_cast<int>(kDaySeconds), counting.steps);
    total += known;
  }
  return total;
}

std::int64_t LocalRule::count_phased_in_day(Day day, int from, int to, Steps& steps) const {
  std::int64_t total = 0;
  for (std::uint32_t rest = times_.hours(); rest != 0; rest &= rest - 1) {
    const int hour = lowest(rest) * 3600;
    const int begin = std::max(from, hour);
    const int end = std::min(to, hour + 3600);
    if (begin >= end) continue;
    ++steps;
    if (whole_hours_) {
      total += count_steps(midnight(day) + begin, midnight(day) + end, anchor_, interval_);
      continue;
    }
    if (unit_ == 1 && interval_ < 60) {
      total += count_seconds_in_hour(midnight(day) + hour, begin - hour, end - hour);
      steps += (end - begin) / 480;  // a minute is quickly looked at
      continue;
    }
    std::int64_t at = floor_div<Time>(midnight(day) + begin, unit_);
    for (at += to_phase(at); at * unit_ < midnight(day) + end; at += interval_) {
      ++steps;
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

std::int64_t LocalRule::count_chosen(Time from, Time to, Counting& counting) const {
  // Where periods overlap, one time may be chosen twice.
  if (days_.moves_days()) return count_walked(from, to, counting);
  std::int64_t total = 0;
  const Periods& periods = days_.periods();
  const int last = std::min(periods.index_of(day_of(to)), periods.last);
  for (int index = periods.at_or_after(periods.index_of(day_of(from))); index <= last;
       index += periods.interval) {
    if (counting.over()) break;
    const PeriodDays days = days_.period_days(index);
    const std::int64_t candidates = std::int64_t{days.size()} * times_.size();
    const std::int64_t found =
        positions_.count(rank_in_period(days, from), rank_in_period(days, to), candidates);
    total += found;
    counting.steps += days_.period_steps() + found;
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
