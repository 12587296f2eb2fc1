#include "daemon/core/open_days.h"

#include <algorithm>

namespace rruled::core {
namespace {

using date::local_days;
using rrule::local_seconds;
using std::chrono::seconds;
using store::CalendarAction;

constexpr date::days kDay{1};

local_days day_of(local_seconds local) { return std::chrono::floor<date::days>(local); }

std::optional<Placed> given_up(bool* exhausted) {
  if (exhausted != nullptr) *exhausted = true;
  return std::nullopt;
}

}  // namespace

bool OpenDays::is_excluded(const rrule::Occurrence& occurrence) const {
  return days_ && days_->has(day_of(occurrence.local));
}

Instant OpenDays::start_of(local_days day) const {
  return rrule::start_instant(local_seconds(day), *recurrence_.zone());
}

std::optional<Placed> OpenDays::next(Instant after, bool* exhausted) const {
  if (moves()) return next_moved(after, exhausted);
  return next_kept(after, exhausted);
}

std::optional<Placed> OpenDays::previous(Instant before, bool* exhausted) const {
  if (moves()) return previous_moved(before, exhausted);
  return previous_kept(before, exhausted);
}

// ---- skip ---------------------------------------------------------------------------------------

std::optional<Placed> OpenDays::next_kept(Instant after, bool* exhausted) const {
  auto found = recurrence_.next(after, exhausted);
  while (found && is_excluded(*found)) {
    const auto open = days_->open_from(day_of(found->local));
    if (!open) return std::nullopt;
    // Where the clock shows a midnight twice, the search goes on from there once more.
    found = recurrence_.next(std::max(found->instant, start_of(*open) - seconds(1)), exhausted);
  }
  return found ? std::optional(Placed{*found}) : std::nullopt;
}

std::optional<Placed> OpenDays::previous_kept(Instant before, bool* exhausted) const {
  auto found = recurrence_.previous(before, exhausted);
  while (found && is_excluded(*found)) {
    const auto open = days_->open_to(day_of(found->local));
    if (!open) return std::nullopt;
    found = recurrence_.previous(std::min(found->instant, start_of(*open + kDay)), exhausted);
  }
  return found ? std::optional(Placed{*found}) : std::nullopt;
}

OpenDays::Excluded OpenDays::excluded(Instant after, Instant to, std::size_t newest_max) const {
  Excluded result;
  if (!leaves_out() || to <= after) return result;
  const auto& zone = *recurrence_.zone();
  const local_days first_day = day_of(zone.to_local(after + seconds(1)));
  for (const auto day : days_->between(first_day, day_of(zone.to_local(to)), ~std::size_t{0})) {
    const Instant from = std::max(after + seconds(1), start_of(day));
    const Instant end = std::min(to + seconds(1), start_of(day + kDay));
    const auto count = from < end ? recurrence_.count(from, end) : 0;
    if (count == 0) continue;
    if (result.count == 0) {
      const auto first = recurrence_.next(from - seconds(1));
      result.first = first ? first->instant : from;
    }
    result.count += count;
    result.last = end - seconds(1);
  }
  Instant before = to + seconds(1);
  while (result.newest.size() < std::min<std::uint64_t>(newest_max, result.count)) {
    const auto found = recurrence_.previous(before);
    if (!found || found->instant <= after) break;
    before = found->instant;
    if (is_excluded(*found)) result.newest.push_back(*found);
    // Past the open days in between.
    else
      for (auto day = day_of(found->local); !days_->has(day) && start_of(day) > after; day -= kDay)
        before = std::min(before, start_of(day));
  }
  std::reverse(result.newest.begin(), result.newest.end());
  return result;
}

// ---- next, previous -----------------------------------------------------------------------------

std::optional<std::vector<Placed>> OpenDays::on(local_days day) const {
  // The excluded days whose occurrences come here: those before it, or those after it.
  local_days first = day;
  local_days end = day + kDay;
  if (action_ == CalendarAction::next)
    while (days_->has(first - kDay)) first -= kDay;
  else
    while (days_->has(end)) end += kDay;
  std::vector<Placed> all;
  const Instant stop = start_of(end);
  std::size_t seen = 0;
  auto found = recurrence_.next(start_of(first) - seconds(1));
  for (; found && found->instant < stop; found = recurrence_.next(found->instant)) {
    if (++seen > kPlacedMax) return std::nullopt;
    Placed placed{*found};
    if (day_of(found->local) != day) {
      placed.moved_from = found->local;
      const local_seconds local = day + (found->local - day_of(found->local));
      const Instant instant = rrule::start_instant(local, *recurrence_.zone());
      const local_seconds shown = recurrence_.zone()->to_local(instant);
      placed.occurrence = {instant, shown, local,
                           shown == local ? rrule::Note::none : rrule::Note::gap_shifted};
    }
    if (placed.occurrence.instant >= recurrence_.starts_at()) all.push_back(placed);
  }
  // Of two that meet, the one that was there comes first: it is what next() and previous() give,
  // and the other one is passed over with it.
  std::stable_sort(all.begin(), all.end(), [](const Placed& a, const Placed& b) {
    return std::pair(a.occurrence.instant, a.moved_from.has_value()) <
           std::pair(b.occurrence.instant, b.moved_from.has_value());
  });
  return all;
}

std::optional<local_days> OpenDays::place_of(local_days day) const {
  return action_ == CalendarAction::next ? days_->open_from(day) : days_->open_to(day);
}

std::optional<Placed> OpenDays::next_moved(Instant after, bool* exhausted) const {
  auto day = days_->open_from(day_of(recurrence_.zone()->to_local(after)));
  while (day) {
    const auto all = on(*day);
    if (!all) return given_up(exhausted);
    for (const auto& each : *all)
      if (each.occurrence.instant > after) return each;
    const auto beyond = recurrence_.next(start_of(*day + kDay) - seconds(1), exhausted);
    if (!beyond) return std::nullopt;
    // What moves back to this day was looked at: beyond it, the next open day is the first.
    const auto place = place_of(day_of(beyond->local));
    day = place && *place > *day ? place
                                 : days_->open_from(std::max(day_of(beyond->local), *day + kDay));
  }
  return std::nullopt;
}

std::optional<Placed> OpenDays::previous_moved(Instant before, bool* exhausted) const {
  auto day = days_->open_to(day_of(recurrence_.zone()->to_local(before - seconds(1))));
  while (day) {
    const auto all = on(*day);
    if (!all) return given_up(exhausted);
    const Placed* latest = nullptr;
    for (const auto& each : *all)
      if (each.occurrence.instant < before &&
          (latest == nullptr || latest->occurrence.instant < each.occurrence.instant))
        latest = &each;
    if (latest != nullptr) return *latest;
    const auto below = recurrence_.previous(start_of(*day), exhausted);
    if (!below) return std::nullopt;
    const auto place = place_of(day_of(below->local));
    day = place && *place < *day ? place
                                 : days_->open_to(std::min(day_of(below->local), *day - kDay));
  }
  return std::nullopt;
}

std::uint64_t OpenDays::count(Instant from, Instant to, bool* cut_short) const {
  constexpr std::uint64_t kWalked = 100'000;
  if (!days_) return recurrence_.count(from, to, cut_short);
  bool walk = moves();
  const auto all = walk ? 0 : recurrence_.count(from, to, &walk);
  if (!walk) return all - excluded(from - seconds(1), to - seconds(1), 0).count;
  std::uint64_t count = 0;
  bool ended_early = false;
  auto found = next(from - seconds(1), &ended_early);
  for (; found && found->occurrence.instant < to && count < kWalked; ++count)
    found = next(found->occurrence.instant, &ended_early);
  if (found && found->occurrence.instant < to) ended_early = true;
  if (ended_early && cut_short != nullptr) *cut_short = true;
  return count;
}

}  // namespace rruled::core
