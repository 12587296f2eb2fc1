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

Instant OpenDays::end_of(local_days day) const {
  return recurrence_.zone()->resolve(local_seconds(day + kDay)).later;
}

std::optional<OpenDays::MidnightFold> OpenDays::fold_at(local_days day) const {
  const auto& zone = *recurrence_.zone();
  const auto midnight = zone.resolve(local_seconds(day));
  if (midnight.kind != rrule::Resolved::Kind::fold) return std::nullopt;
  return MidnightFold{midnight.earlier, zone.segment_at(midnight.later).begin, midnight.later};
}

std::optional<Placed> OpenDays::Walk::next() {
  if (exhausted_) return std::nullopt;
  auto found = days_.moves() ? days_.next_moved(after_, search_, day_, &exhausted_)
                             : days_.next_kept(search_);
  exhausted_ = exhausted_ || search_.exhausted();
  if (found) after_ = found->occurrence.instant;
  return found;
}

std::optional<Placed> OpenDays::next(Instant after, bool* exhausted) const {
  if (!days_) {
    const auto found = recurrence_.next(after, exhausted);
    return found ? std::optional(Placed{*found}) : std::nullopt;
  }
  Walk walk(*this, after);
  const auto found = walk.next();
  return walk.exhausted() ? given_up(exhausted) : found;
}

std::optional<Placed> OpenDays::previous(Instant before, bool* exhausted) const {
  if (moves()) return previous_moved(before, exhausted);
  return previous_kept(before, exhausted);
}

// ---- skip ---------------------------------------------------------------------------------------

std::optional<Placed> OpenDays::next_kept(rrule::OccurrenceIterator& search) const {
  auto found = search.next();
  while (found && is_excluded(*found)) {
    const auto open = days_->open_from(day_of(found->local));
    if (!open) return std::nullopt;
    // Where the clock goes back over midnight, the day before comes once more.
    const auto fold = fold_at(day_of(found->local));
    const Instant to = fold && found->instant < fold->back ? fold->back : start_of(*open);
    search.seek(std::max(found->instant, to - seconds(1)));
    found = search.next();
  }
  return found ? std::optional(Placed{*found}) : std::nullopt;
}

std::optional<Placed> OpenDays::previous_kept(Instant before, bool* exhausted) const {
  auto found = recurrence_.previous(before, exhausted);
  while (found && is_excluded(*found)) {
    const auto open = days_->open_to(day_of(found->local));
    if (!open) return std::nullopt;
    const auto fold = fold_at(day_of(found->local) + kDay);
    const Instant to = fold && found->instant >= fold->back ? fold->back : end_of(*open);
    found = recurrence_.previous(std::min(found->instant, to), exhausted);
  }
  return found ? std::optional(Placed{*found}) : std::nullopt;
}

std::vector<OpenDays::Stretch> OpenDays::stretches_of(const std::vector<local_days>& days,
                                                      Instant from,
                                                      Instant to) const {
  std::vector<Stretch> found;
  const auto add = [&](Instant begin, Instant end) {
    begin = std::max(begin, from);
    end = std::min(end, to);
    if (begin < end) found.push_back({begin, end});
  };
  for (const auto day : days) {
    const auto before = fold_at(day);
    const auto after = fold_at(day + kDay);
    if (before) add(before->first, before->back);
    add(before ? before->second : start_of(day), after ? after->first : start_of(day + kDay));
    if (after) add(after->back, after->second);
  }
  std::ranges::sort(found, {}, &Stretch::from);
  return found;
}

OpenDays::Excluded OpenDays::excluded(Instant after,
                                      Instant to,
                                      std::size_t newest_max,
                                      bool* cut_short) const {
  Excluded result;
  if (!leaves_out() || to <= after) return result;
  const auto& zone = *recurrence_.zone();
  const local_days first_day = day_of(zone.to_local(after + seconds(1))) - kDay;
  const auto days = days_->between(first_day, day_of(zone.to_local(to)) + kDay, ~std::size_t{0});
  if (days.empty()) return result;
  rrule::OccurrenceIterator search(recurrence_);
  search.seek(after);
  auto found = search.next();
  std::int64_t steps = 0;
  bool cut = false;
  std::vector<Stretch> stretches;
  for (const auto& here : stretches_of(days, after + seconds(1), to + seconds(1))) {
    if (found && found->instant < here.from) {
      search.seek(here.from - seconds(1));
      found = search.next();
    }
    if (!found && !search.exhausted()) break;
    if (found && found->instant >= here.end) continue;
    // What the search for the first one gave up is still counted, where that has no common bound.
    cut = !found && cut_short != nullptr;
    if (cut) break;
    const auto count =
        recurrence_.count(here.from, here.end, &cut, cut_short != nullptr ? &steps : nullptr);
    if (count > 0) {
      if (result.count == 0) {
        const auto first = found ? found : recurrence_.next(here.from - seconds(1));
        result.first = first ? first->instant : here.from;
      }
      result.count += count;
      result.last = here.end - seconds(1);
      stretches.push_back({here.from, here.end, count});
    }
    if (cut && cut_short != nullptr) break;
  }
  if (cut && cut_short != nullptr) *cut_short = true;
  result.newest = newest_in(stretches, newest_max, search);
  result.count = std::max<std::uint64_t>(result.count, result.newest.size());
  return result;
}

// What a search through a part of them gives up is not among them, nor is what comes before it.
std::vector<rrule::Occurrence> OpenDays::newest_in(const std::vector<Stretch>& stretches,
                                                   std::size_t newest_max,
                                                   rrule::OccurrenceIterator& search) const {
  std::vector<rrule::Occurrence> newest;
  auto stretch = stretches.end();
  for (std::uint64_t count = 0; stretch != stretches.begin() && count < newest_max;)
    count += (--stretch)->count;
  for (; stretch != stretches.end(); ++stretch) {
    search.seek(stretch->from - seconds(1));
    auto found = search.next();
    for (; found && found->instant < stretch->end; found = search.next())
      if (is_excluded(*found)) newest.push_back(*found);
    if (search.exhausted()) newest.clear();
  }
  if (newest.size() > newest_max)
    newest.erase(newest.begin(), newest.end() - static_cast<std::ptrdiff_t>(newest_max));
  return newest;
}

// ---- next, previous -----------------------------------------------------------------------------

bool OpenDays::ends_in_gap(local_days day) const {
  const auto last = local_seconds(day + kDay) - seconds(1);
  return recurrence_.zone()->resolve(last).kind == rrule::Resolved::Kind::gap;
}

std::optional<local_days> OpenDays::first_from(local_days day) const {
  return days_->has(day) && ends_in_gap(day - kDay) ? day : days_->open_from(day);
}

std::optional<local_days> OpenDays::last_to(local_days day) const {
  const auto open = days_->open_to(day);
  return open && *open < day && ends_in_gap(*open) ? *open + kDay : open;
}

bool OpenDays::add_placed(local_days place,
                          local_days day,
                          rrule::OccurrenceIterator& search,
                          std::vector<Placed>& all) const {
  // The excluded days whose occurrences come here: those before it, or those after it.
  local_days first = place;
  local_days end = place + kDay;
  if (action_ == CalendarAction::next)
    while (days_->has(first - kDay)) first -= kDay;
  else
    while (days_->has(end)) end += kDay;
  const Instant stop = end_of(end - kDay);
  std::size_t seen = 0;
  search.seek(start_of(first) - seconds(1));
  auto found = search.next();
  for (; found && found->instant < stop; found = search.next()) {
    if (++seen > kPlacedMax) return false;
    const local_days home = day_of(found->local);
    if (home == place) {
      if (place == day) all.push_back({*found});
      continue;
    }
    if (home < first || home >= end) continue;  // beyond a midnight that comes twice
    // One that a gap shifted has the time that the rule says again.
    const auto time = found->nominal - day_of(found->nominal);
    for (const auto& reading : recurrence_.readings(place + time))
      if (day_of(reading.local) == day) all.push_back({reading, found->nominal});
  }
  return !search.exhausted();
}

bool OpenDays::find_on(local_days day,
                       rrule::OccurrenceIterator& search,
                       std::vector<Placed>& all) const {
  all.clear();
  const local_days first = fold_at(day) ? day - kDay : day;
  const local_days last = fold_at(day + kDay) ? day + kDay : day;
  for (auto shown = first; shown <= last; shown += kDay)
    for (const auto place : {shown - kDay, shown}) {
      if (days_->has(place) || (place != shown && !ends_in_gap(place))) continue;
      if (!add_placed(place, shown, search, all)) return false;
    }
  // Of two that meet, the one that was there comes first: it is what next() and previous() give,
  // and the other one is passed over with it.
  std::stable_sort(all.begin(), all.end(), [](const Placed& a, const Placed& b) {
    return std::pair(a.occurrence.instant, a.moved_from.has_value()) <
           std::pair(b.occurrence.instant, b.moved_from.has_value());
  });
  return true;
}

std::optional<local_days> OpenDays::place_of(local_days day) const {
  return action_ == CalendarAction::next ? days_->open_from(day) : days_->open_to(day);
}

std::optional<Placed> OpenDays::next_moved(Instant after,
                                           rrule::OccurrenceIterator& search,
                                           std::vector<Placed>& all,
                                           bool* exhausted) const {
  const auto beyond_after = [&] {
    return std::ranges::upper_bound(all, after, {},
                                    [](const Placed& each) { return each.occurrence.instant; });
  };
  if (const auto found = beyond_after(); found != all.end()) return *found;
  const auto here = day_of(recurrence_.zone()->to_local(after));
  auto day = first_from(fold_at(here) ? here - kDay : here);
  while (day) {
    if (!find_on(*day, search, all)) return given_up(exhausted);
    if (const auto found = beyond_after(); found != all.end()) return *found;
    if (days_->has(*day) || ends_in_gap(*day)) {
      day = ends_in_gap(*day) ? *day + kDay : days_->open_from(*day);
      continue;
    }
    search.seek(start_of(*day + kDay) - seconds(1));
    const auto beyond = search.next();
    if (!beyond) return search.exhausted() ? given_up(exhausted) : std::nullopt;
    // What moves back to this day was looked at: beyond it, the next open day is the first.
    const auto place = place_of(day_of(beyond->local));
    day = place && *place > *day ? place
                                 : days_->open_from(std::max(day_of(beyond->local), *day + kDay));
  }
  return std::nullopt;
}

std::optional<Placed> OpenDays::previous_moved(Instant before, bool* exhausted) const {
  rrule::OccurrenceIterator search(recurrence_);
  std::vector<Placed> all;
  const auto here = day_of(recurrence_.zone()->to_local(before - seconds(1)));
  auto day = last_to(fold_at(here + kDay) ? here + kDay : here);
  while (day) {
    if (!find_on(*day, search, all)) return given_up(exhausted);
    const Placed* latest = nullptr;
    for (const auto& each : all)
      if (each.occurrence.instant < before &&
          (latest == nullptr || latest->occurrence.instant < each.occurrence.instant))
        latest = &each;
    if (latest != nullptr) return *latest;
    if (days_->has(*day)) {
      day = last_to(*day - kDay);
      continue;
    }
    const auto below = recurrence_.previous(end_of(*day - kDay), exhausted);
    if (!below) return std::nullopt;
    const auto place = place_of(day_of(below->local));
    const bool passed = !place || *place >= *day;
    const local_days to = passed ? std::min(day_of(below->local), *day - kDay) : *place;
    // What a gap took over midnight comes on the day after its place.
    day = !passed && to + kDay < *day && ends_in_gap(to) ? to + kDay : last_to(to);
  }
  return std::nullopt;
}

std::uint64_t OpenDays::count(Instant from, Instant to, bool* cut_short) const {
  constexpr std::uint64_t kWalked = 100'000;
  if (!days_) return recurrence_.count(from, to, cut_short);
  bool walks = moves();
  const auto all = walks ? 0 : recurrence_.count(from, to, &walks);
  if (!walks) {
    const auto left_out =
        excluded(from - seconds(1), to - seconds(1), 0, cut_short != nullptr ? &walks : nullptr);
    if (!walks) return all - left_out.count;
  }
  std::uint64_t count = 0;
  Walk walk(*this, from - seconds(1));
  auto found = walk.next();
  for (; found && found->occurrence.instant < to && count < kWalked; ++count) found = walk.next();
  const bool more = walk.exhausted() || (found && found->occurrence.instant < to);
  if (more && cut_short != nullptr) *cut_short = true;
  return count;
}

}  // namespace rruled::core
