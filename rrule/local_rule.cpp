#include "rrule/local_rule.h"

#include <algorithm>

namespace rruled::rrule::detail {
namespace {

int unit_of(Frequency freq) {
  return freq == Frequency::hourly ? 3600 : freq == Frequency::minutely ? 60 : 1;
}

}  // namespace

LocalRule::LocalRule(const Rule& rule, Time start)
    : unit_(unit_of(rule.frequency())),
      times_(rule, second_of_day(start)),
      days_(rule, day_of(start)) {
  if (rule.frequency() < Frequency::daily) {
    interval_ = rule.interval();
    anchor_ = floor_div<Time>(start, unit_);
  } else if (rule.frequency() > Frequency::daily) {
    positions_ = Positions(rule.by_setpos());
  }
  shape_ = choose_shape(rule, start);
}

LocalRule::Shape LocalRule::choose_shape(const Rule& rule, Time start) {
  if (times_.empty()) return Shape::nothing;
  if (!positions_.empty()) return Shape::chosen;
  step_ = find_step(rule);
  if (step_ == 0) {
    if (interval_ == 1) return Shape::product;
    whole_hours_ = unit_ == 1 && times_.minutes() == TimeSet::kAllSixty &&
                   times_.seconds() == TimeSet::kAllSixty;
    times_.keep_reachable(unit_, interval_, anchor_);
    return times_.empty() ? Shape::nothing : Shape::phased;
  }
  if (rule.frequency() < Frequency::daily) {
    origin_ = anchor_ * unit_ + times_.first_in_hour() % unit_;
    return Shape::stride;
  }
  const Day day = days_.next(day_of(start));
  if (day == kNoDay) return Shape::product;
  origin_ = midnight(day) + times_.first();
  return Shape::stride;
}

Time LocalRule::find_step(const Rule& rule) const {
  if (days_.stride() == 0) return 0;
  if (rule.frequency() >= Frequency::daily) {
    return times_.size() == 1 ? Time{days_.stride()} * kDaySeconds : 0;
  }
  // Every unit of the day, one time in each.
  return times_.size() == kDaySeconds / unit_ && !times_.listed() &&
                 times_.hours() == TimeSet::kAllHours &&
                 (unit_ == 3600 || times_.minutes() == TimeSet::kAllSixty)
             ? interval_ * unit_
             : 0;
}

Time LocalRule::next(Time from, Steps& steps) const {
  from = std::max(from, kTimeMin);
  if (from >= kTimeEnd) return kNoTime;
  switch (shape_) {
    case Shape::nothing:
      return kNoTime;
    case Shape::stride: {
      const Time found = from + floor_mod(origin_ - from, step_);
      return found < kTimeEnd ? found : kNoTime;
    }
    case Shape::product:
      return next_product(from, steps);
    case Shape::phased:
      return next_phased(from, steps);
    case Shape::chosen:
      return next_chosen(from, steps);
  }
  return kNoTime;
}

Time LocalRule::next_product(Time from, Steps& steps) const {
  Day day = day_of(from);
  int second = static_cast<int>(from - midnight(day));
  if (second > times_.last()) {
    ++day;
    second = 0;
  }
  const Day found = days_.next(day);
  steps += days_.steps_over(std::min(found, kDayMax) - day);
  if (found == kNoDay) return kNoTime;
  return midnight(found) + (found == day ? times_.next(second) : times_.first());
}

// Days, times of day and the phase each push the time forward until all three agree.
Time LocalRule::next_phased(Time from, Steps& steps) const {
  for (; from < kTimeEnd; ++steps) {
    from = next_product(from, steps);
    if (from == kNoTime) return kNoTime;
    const std::int64_t at = floor_div<Time>(from, unit_);
    const std::int64_t ahead = to_phase(at);
    if (ahead == 0) return from;
    from = (at + ahead) * unit_;
  }
  return kNoTime;
}

std::int64_t LocalRule::rank_in_period(const PeriodDays& days, Time time) const {
  const Day day = day_of(time);
  return std::int64_t{days.rank(day)} * times_.size() +
         (days.contains(day) ? times_.rank(static_cast<int>(time - midnight(day))) : 0);
}

Time LocalRule::nth_in_period(const PeriodDays& days, std::int64_t index) const {
  return midnight(days.nth(static_cast<int>(index / times_.size()))) +
         times_.nth(static_cast<int>(index % times_.size()));
}

Time LocalRule::next_chosen(Time from, Steps& steps) const {
  const Periods& periods = days_.periods();
  const int reach = days_.moves_days() ? 1 : 0;
  Time best = kNoTime;
  for (int index = periods.at_or_after(periods.index_of(day_of(from)) - reach);
       index <= periods.last; index += periods.interval) {
    steps += days_.period_steps();
    if (best != kNoTime && (reach == 0 || midnight(periods.first_day(index) - 1) > best)) break;
    const PeriodDays days = days_.period_days(index);
    const std::int64_t total = std::int64_t{days.size()} * times_.size();
    if (total == 0) continue;
    const std::int64_t chosen = positions_.next(rank_in_period(days, from), total);
    if (chosen < total) best = std::min(best, nth_in_period(days, chosen));
  }
  return best < kTimeEnd ? best : kNoTime;
}

Time LocalRule::previous(Time from, Steps& steps) const {
  from = std::min(from, kTimeEnd - 1);
  if (from < kTimeMin) return kNoTime;
  switch (shape_) {
    case Shape::nothing:
      return kNoTime;
    case Shape::stride: {
      const Time found = from - floor_mod(from - origin_, step_);
      return found >= kTimeMin ? found : kNoTime;
    }
    case Shape::product:
      return previous_product(from, steps);
    case Shape::phased:
      return previous_phased(from, steps);
    case Shape::chosen:
      return previous_chosen(from, steps);
  }
  return kNoTime;
}

Time LocalRule::previous_product(Time from, Steps& steps) const {
  Day day = day_of(from);
  int second = static_cast<int>(from - midnight(day));
  if (second < times_.first()) {
    --day;
    second = static_cast<int>(kDaySeconds) - 1;
  }
  const Day found = days_.previous(day);
  steps += days_.steps_over(day - (found == kNoDay ? kDayMin : found));
  if (found == kNoDay) return kNoTime;
  return midnight(found) + (found == day ? times_.previous(second) : times_.last());
}

Time LocalRule::previous_phased(Time from, Steps& steps) const {
  for (; from >= kTimeMin; ++steps) {
    from = previous_product(from, steps);
    if (from == kNoTime) return kNoTime;
    const std::int64_t at = floor_div<Time>(from, unit_);
    const std::int64_t behind = floor_mod(at - anchor_, interval_);
    if (behind == 0) return from;
    from = (at - behind + 1) * unit_ - 1;
  }
  return kNoTime;
}

Time LocalRule::previous_chosen(Time from, Steps& steps) const {
  const Periods& periods = days_.periods();
  const int reach = days_.moves_days() ? 1 : 0;
  Time best = kNoTime;
  for (int index = periods.at_or_before(periods.index_of(day_of(from)) + reach);
       index >= periods.first; index -= periods.interval) {
    steps += days_.period_steps();
    if (best != kNoTime && (reach == 0 || midnight(periods.first_day(index + 1) + 1) <= best))
      break;
    const PeriodDays days = days_.period_days(index);
    const std::int64_t total = std::int64_t{days.size()} * times_.size();
    if (total == 0) continue;
    const std::int64_t last = rank_in_period(days, from + 1) - 1;
    const std::int64_t chosen = last < 0 ? -1 : positions_.previous(last, total);
    if (chosen < 0) continue;
    const Time found = nth_in_period(days, chosen);
    best = best == kNoTime ? found : std::max(best, found);
  }
  return best >= kTimeMin ? best : kNoTime;
}

}  // namespace rruled::rrule::detail
