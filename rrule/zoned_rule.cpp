#include "rrule/zoned_rule.h"

#include <algorithm>
#include <utility>

namespace rruled::rrule::detail {
namespace {

constexpr std::int64_t kEndOfTime = midnight(kDayMax + 1) - 1;

local_seconds local_at(Time time) { return local_seconds{seconds{time}}; }

Occurrence occurrence(std::int64_t instant, Time local, Time nominal, Note note) {
  return {instant_at(instant), local_at(local), local_at(nominal), note};
}

FoldPolicy settled(FoldPolicy fold, const Rule& rule) {
  if (fold != FoldPolicy::automatic) return fold;
  const std::int64_t unit = rule.frequency() == Frequency::secondly   ? 1
                            : rule.frequency() == Frequency::minutely ? 60
                                                                      : 3600;
  const bool hour_or_less = rule.frequency() <= Frequency::hourly && unit * rule.interval() <= 3600;
  return hour_or_less ? FoldPolicy::both : FoldPolicy::first;
}

}  // namespace

// A stretch of instants with one offset, and what the changes at its ends do to wall times.
struct ZonedRule::Stretch {
  std::int64_t begin;
  std::int64_t end;
  std::int64_t offset;
  // Instants [plain_begin, plain_end) count as they are shown.
  std::int64_t plain_begin;
  std::int64_t plain_end;
  // Instants [begin, second_end) show times for the second time, [first_begin, end) for the first
  // time.
  std::int64_t second_end;
  std::int64_t first_begin;
  // Instants [begin, shifted_end) also stand for wall times that the change at `begin` jumped over,
  // read with `offset_before`.
  std::int64_t shifted_end;
  std::int64_t offset_before;

  [[nodiscard]] Note note(std::int64_t instant) const {
    if (instant < second_end) return Note::fold_second;
    return instant >= first_begin ? Note::fold_first : Note::none;
  }
};

ZonedRule::ZonedRule(const Rule& rule, const Frame& frame, Steps& steps)
    : local_(rule, frame.starts_at + frame.zone->offset_at(instant_at(frame.starts_at)).count()),
      end_(kEndOfTime),
      plain_end_(kEndOfTime),
      fold_(settled(frame.policy.fold, rule)) {
  if (rule.until()) set_until(*rule.until(), frame);
  place_start(frame);
  if (!rule.count()) return;
  Counting counting{.steps = steps, .steps_max = kStepsMax};
  count_down(frame, *rule.count(), counting);
  steps = counting.steps;
}

// Inclusive. A day lasts to its end, also when the clock shows its last hour twice; a time that
// comes twice is the first one (RFC 5545, 3.3.5), but where only the second runs. In a gap, shifted
// times up to it still count; of the times that the clock shows, the last one before the gap.
void ZonedRule::set_until(const Until& until, const Frame& frame) {
  if (const auto* instant = std::get_if<sys_seconds>(&until)) {
    plain_end_ = end_ = std::min(end_, number(*instant));
    return;
  }
  const auto* day = std::get_if<date::local_days>(&until);
  const local_seconds last =
      day != nullptr ? *day + seconds{kDaySeconds - 1} : std::get<local_seconds>(until);
  const Resolved reading = frame.zone->resolve(last);
  const bool later =
      reading.kind != Resolved::Kind::fold || day != nullptr || fold_ == FoldPolicy::second;
  plain_end_ = end_ = std::min(end_, number(later ? reading.later : reading.earlier));
  if (reading.kind != Resolved::Kind::gap) return;
  const sys_seconds gap = frame.zone->segment_at(reading.later).begin;
  plain_end_ = std::min(plain_end_, number(gap) - 1);
}

// An end that is an instant (UNTIL with Z) stays one. One in a fold is what the wall shows then, in
// both readings; where the first readings were all counted before it, it is the end of the fold.
void ZonedRule::exclude(const Rule& rule, const Frame& frame) {
  const bool starts_there = start_stands_ && end_ == frame.starts_at;
  const bool counts_first = std::exchange(fold_, FoldPolicy::both) != FoldPolicy::second;
  start_stands_ = false;
  if (!rule.count() && !rule.until()) return;
  if (rule.until() && std::holds_alternative<sys_seconds>(*rule.until())) return;
  const Resolved reading = frame.zone->resolve(frame.zone->to_local(instant_at(end_)));
  if (reading.kind != Resolved::Kind::fold) return;
  plain_end_ = number(reading.earlier);
  const std::int64_t last = std::exchange(end_, number(reading.later));
  if (starts_there || !counts_first || last != end_) return;
  const TimeZone::Segment second = frame.zone->segment_at(reading.later);
  plain_end_ = number(second.begin) - 1;
  end_ = plain_end_ + (second.before - second.offset).count();
}

void ZonedRule::place_start(const Frame& frame) {
  const sys_seconds start = instant_at(frame.starts_at);
  const local_seconds shown = frame.zone->to_local(start);
  const Resolved reading = frame.zone->resolve(shown);
  if (reading.kind != Resolved::Kind::fold || fold_ == FoldPolicy::both) return;
  const sys_seconds wanted = fold_ == FoldPolicy::first ? reading.earlier : reading.later;
  if (wanted == start || !local_.contains(shown.time_since_epoch().count())) return;
  start_stands_ = true;
  start_twin_ = number(wanted);
}

ZonedRule::Stretch ZonedRule::stretch_at(const Frame& frame, std::int64_t instant) const {
  const TimeZone::Segment segment = frame.zone->segment_at(instant_at(instant));
  const std::int64_t offset = segment.offset.count();
  const std::int64_t before = segment.before.count();
  const std::int64_t after = segment.after.count();
  Stretch stretch{};
  stretch.begin = number(segment.begin);
  stretch.end = number(segment.end);
  stretch.offset = offset;
  stretch.offset_before = before;
  stretch.second_end =
      std::min(stretch.end, stretch.begin + std::max<std::int64_t>(before - offset, 0));
  stretch.first_begin =
      std::max(stretch.begin, stretch.end - std::max<std::int64_t>(offset - after, 0));
  stretch.plain_begin = fold_ == FoldPolicy::first ? stretch.second_end : stretch.begin;
  stretch.plain_end = fold_ == FoldPolicy::second ? stretch.first_begin : stretch.end;
  // Between its ends the clock changes once: what a gap shifted is after it, or what a fold shows
  // again. Later stretches are beyond end_.
  if (plain_end_ < end_ && stretch.begin <= plain_end_)
    stretch.plain_end = std::min(stretch.plain_end, plain_end_ + 1);
  else if (plain_end_ < end_ && offset > before)
    stretch.plain_end = stretch.begin;
  // A start just past a gap has no wall times before it.
  const bool shifts = frame.policy.gap == GapPolicy::shift && frame.starts_at < stretch.begin;
  stretch.shifted_end =
      shifts ? std::min(stretch.end, stretch.begin + std::max<std::int64_t>(offset - before, 0))
             : stretch.begin;
  return stretch;
}

// Where it ends well before the next change, everything is plain.
ZonedRule::Plain ZonedRule::plain_from(const Frame& frame, std::int64_t from) const {
  const TimeZone::Segment segment = frame.zone->segment_at(instant_at(from));
  const std::int64_t offset = segment.offset.count();
  const std::int64_t near_begin = std::abs(offset - segment.before.count());
  const std::int64_t near_end = std::abs(offset - segment.after.count());
  const bool plain = from - number(segment.begin) >= near_begin && !start_stands_;
  return {plain ? number(segment.end) - near_end : from, offset};
}

std::optional<Occurrence> ZonedRule::next(const Frame& frame,
                                          std::int64_t after,
                                          Steps& steps) const {
  if (after >= end_ || frame.starts_at > end_) return std::nullopt;
  const std::int64_t from = after < frame.starts_at ? frame.starts_at : after + 1;
  const Plain plain = plain_from(frame, from);
  if (from < plain.to) {
    const Time local = local_.next(from + plain.offset, steps);
    if (local == kNoTime) return std::nullopt;
    const std::int64_t instant = local - plain.offset;
    if (instant < plain.to) {
      if (instant > end_) return std::nullopt;
      return occurrence(instant, local, local, Note::none);
    }
    const Resolved reading = frame.zone->resolve(local_at(local));
    if (reading.kind == Resolved::Kind::unique) {
      if (number(reading.earlier) > plain_end_) return std::nullopt;
      return occurrence(number(reading.earlier), local, local, Note::none);
    }
  }
  return next_near_change(frame, from, steps);
}

std::optional<Occurrence> ZonedRule::next_near_change(const Frame& frame,
                                                      std::int64_t from,
                                                      Steps& steps) const {
  if (start_stands_ && from <= frame.starts_at) {
    const Time local = frame.starts_at + frame.zone->offset_at(instant_at(frame.starts_at)).count();
    if (frame.starts_at > end_) return std::nullopt;
    return occurrence(frame.starts_at, local, local,
                      start_twin_ < frame.starts_at ? Note::fold_second : Note::fold_first);
  }
  while (from <= end_) {
    const Stretch stretch = stretch_at(frame, from);
    auto found = next_in(stretch, from, steps);
    if (found && start_stands_ && number(found->instant) == start_twin_) {
      from = start_twin_ + 1;
      continue;
    }
    if (found) return number(found->instant) <= end_ ? found : std::nullopt;
    if (stretch.end > end_) return std::nullopt;
    // No wall time from here to `local` matches, so no instant well before it does.
    const std::int64_t after = frame.zone->offset_at(instant_at(stretch.end)).count();
    const Time local = local_.next(stretch.end + std::min(stretch.offset, after), steps);
    if (local == kNoTime) return std::nullopt;
    from = std::max(stretch.end, local - kOffsetMax);
  }
  return std::nullopt;
}

std::optional<Occurrence> ZonedRule::next_in(const Stretch& stretch,
                                             std::int64_t from,
                                             Steps& steps) const {
  std::optional<Occurrence> found;
  const std::int64_t begin = std::max(from, stretch.plain_begin);
  if (begin < stretch.plain_end) {
    const Time local = local_.next(begin + stretch.offset, steps);
    if (local != kNoTime && local - stretch.offset < stretch.plain_end) {
      const std::int64_t instant = local - stretch.offset;
      found = occurrence(instant, local, local, stretch.note(instant));
    }
  }
  if (from < stretch.shifted_end) {
    const Time nominal = local_.next(std::max(from, stretch.begin) + stretch.offset_before, steps);
    const std::int64_t instant = nominal == kNoTime ? kNoTime : nominal - stretch.offset_before;
    if (instant < stretch.shifted_end && (!found || instant < number(found->instant))) {
      found = occurrence(instant, instant + stretch.offset, nominal, Note::gap_shifted);
    }
  }
  return found;
}

std::optional<Occurrence> ZonedRule::previous(const Frame& frame,
                                              std::int64_t before,
                                              Steps& steps) const {
  if (before <= frame.starts_at) return std::nullopt;
  std::int64_t from = std::min(before - 1, end_);
  while (from >= frame.starts_at) {
    const Stretch stretch = stretch_at(frame, from);
    auto found = previous_in(stretch, from, steps);
    if (found && start_stands_ && number(found->instant) == start_twin_) {
      from = start_twin_ - 1;
      continue;
    }
    if (found && number(found->instant) > frame.starts_at) return found;
    if (start_stands_ && stretch.begin <= frame.starts_at) {
      return next_near_change(frame, frame.starts_at, steps);
    }
    if (found && number(found->instant) == frame.starts_at) return found;
    if (stretch.begin <= frame.starts_at) return std::nullopt;
    const std::int64_t earlier = frame.zone->offset_at(instant_at(stretch.begin - 1)).count();
    const Time local =
        local_.previous(stretch.begin - 1 + std::max(stretch.offset, earlier), steps);
    if (local == kNoTime && !start_stands_) return std::nullopt;
    from = local == kNoTime ? frame.starts_at : std::min(stretch.begin - 1, local + kOffsetMax);
    if (start_stands_) from = std::max(from, frame.starts_at);
  }
  return std::nullopt;
}

std::optional<Occurrence> ZonedRule::previous_in(const Stretch& stretch,
                                                 std::int64_t from,
                                                 Steps& steps) const {
  std::optional<Occurrence> found;
  const std::int64_t last = std::min(from, stretch.plain_end - 1);
  if (last >= stretch.plain_begin) {
    const Time local = local_.previous(last + stretch.offset, steps);
    if (local != kNoTime && local - stretch.offset >= stretch.plain_begin) {
      const std::int64_t instant = local - stretch.offset;
      found = occurrence(instant, local, local, stretch.note(instant));
    }
  }
  const std::int64_t shifted_last = std::min(from, stretch.shifted_end - 1);
  if (shifted_last >= stretch.begin) {
    const Time nominal = local_.previous(shifted_last + stretch.offset_before, steps);
    const std::int64_t instant =
        nominal == kNoTime ? stretch.begin - 1 : nominal - stretch.offset_before;
    if (instant >= stretch.begin && (!found || instant > number(found->instant))) {
      found = occurrence(instant, instant + stretch.offset, nominal, Note::gap_shifted);
    }
  }
  return found;
}

bool ZonedRule::contains(const Frame& frame, std::int64_t instant) const {
  const auto found = next(frame, instant - 1);
  return found && number(found->instant) == instant;
}

std::uint64_t ZonedRule::count(const Frame& frame,
                               std::int64_t from,
                               std::int64_t to,
                               Counting& counting) const {
  from = std::max(from, frame.starts_at);
  to = to > end_ ? end_ + 1 : to;
  if (from >= to) return 0;
  std::int64_t total = 0;
  if (start_stands_) {
    if (from <= frame.starts_at) ++total;
    if (from <= start_twin_ && start_twin_ < to) --total;
  }
  for (std::int64_t at = from; at < to && !counting.over();) {
    const Stretch stretch = stretch_at(frame, at);
    total += count_in(stretch, at, std::min(to, stretch.end), counting);
    at = stretch.end;
  }
  return static_cast<std::uint64_t>(std::max<std::int64_t>(total, 0));
}

// [from, to) lies in the stretch. A shifted time that meets a real one is one occurrence.
std::int64_t ZonedRule::count_in(const Stretch& stretch,
                                 std::int64_t from,
                                 std::int64_t to,
                                 Counting& counting) const {
  std::int64_t total = local_.count(std::max(from, stretch.plain_begin) + stretch.offset,
                                    std::min(to, stretch.plain_end) + stretch.offset, counting);
  if (from < stretch.shifted_end) {
    const Time begin = from + stretch.offset_before;
    const Time end = std::min(to, stretch.shifted_end) + stretch.offset_before;
    const Time shift = stretch.offset - stretch.offset_before;
    total += stretch.plain_end > stretch.begin ? local_.count_unmatched(begin, end, shift, counting)
                                               : local_.count(begin, end, counting);
  }
  return total;
}

// There are fewer to the end of time, where that is quickly counted.
bool ZonedRule::never_counts_to(const Frame& frame, std::uint64_t count, Counting& counting) const {
  constexpr Steps kQuick = 10'000;
  const Steps steps_max =
      std::exchange(counting.steps_max, std::min(counting.steps_max, counting.steps + kQuick));
  const auto wall_times =
      local_.count(frame.starts_at - 2 * kOffsetMax, end_ + 2 * kOffsetMax, counting);
  const bool known = !counting.over();
  counting.steps_max = steps_max;
  const std::uint64_t readings = fold_ == FoldPolicy::both ? 2 : 1;
  return known && readings * static_cast<std::uint64_t>(wall_times) < count;
}

// COUNT as an end: the instant of the last occurrence that counts.
void ZonedRule::count_down(const Frame& frame, std::uint64_t count, Counting& counting) {
  constexpr std::uint64_t kWalked = 16;
  constexpr std::uint64_t kLong = 1'000;
  if (count > kLong && never_counts_to(frame, count, counting)) return;
  std::int64_t low = frame.starts_at;  // `count` occurrences are left from here
  if (count > kWalked) {
    std::int64_t width = kDaySeconds;
    while (true) {
      if (low > end_) return;
      const std::int64_t high = std::min(low + width, end_ + 1);
      const std::uint64_t here = this->count(frame, low, high, counting);
      if (counting.over()) return;
      if (here >= count) break;
      count -= here;
      low = high;
      width *= 2;
    }
    while (count > kWalked && width > 1) {
      width /= 2;
      const std::uint64_t here = this->count(frame, low, low + width, counting);
      if (counting.over()) return;
      if (here >= count) continue;
      count -= here;
      low += width;
    }
  }
  for (std::int64_t after = low - 1; count > 0; --count) {
    const auto found = next(frame, after, counting.steps);
    if (!found) return;
    after = number(found->instant);
    if (count == 1) plain_end_ = end_ = after;
  }
}

}  // namespace rruled::rrule::detail
