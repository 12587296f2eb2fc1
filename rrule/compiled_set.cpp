#include "rrule/compiled_set.h"

#include "rrule/date_reader.h"
#include "rrule/set_search.h"

#include <algorithm>
#include <limits>

namespace rruled::rrule::detail {
namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

bool before(const Occurrence& a, const Occurrence& b) { return a.instant < b.instant; }
bool same(const Occurrence& a, const Occurrence& b) { return a.instant == b.instant; }

Day shown_day(const Occurrence& occurrence) {
  return day_of(occurrence.nominal.time_since_epoch().count());
}

}  // namespace

CompiledSet::CompiledSet(sys_seconds starts_at,
                         std::shared_ptr<const TimeZone> zone,
                         DstPolicy policy)
    : zone_(std::move(zone)), frame_{zone_.get(), number(starts_at), policy} {}

std::optional<std::size_t> CompiledSet::add_rules(const RecurrenceSet& set, Steps& steps) {
  const auto too_costly = [&steps](const Rule& rule) { return rule.count() && steps >= kStepsMax; };
  rules_.reserve(set.rules.size());
  for (const Rule& rule : set.rules) {
    rules_.emplace_back(rule, frame_, steps);
    if (too_costly(rule)) return rules_.size() - 1;
  }
  exclude_rules_.reserve(set.exclude_rules.size());
  for (const Rule& rule : set.exclude_rules) {
    exclude_rules_.emplace_back(rule, frame_, steps).exclude(rule, frame_);
    if (too_costly(rule)) return rules_.size() + exclude_rules_.size() - 1;
  }
  return std::nullopt;
}

std::optional<ParseError> CompiledSet::add_dates(const RecurrenceSet& set,
                                                 const Recurrence::ZoneFinder& find_zone) {
  DateReader reader(frame_, find_zone);
  for (const DateValue& date : set.dates) {
    if (auto error = reader.include(date, dates_, fixed_dates_)) return error;
  }
  for (const DateValue& date : set.exclude_dates) {
    if (const auto* day = std::get_if<date::local_days>(&date)) {
      exclude_days_.push_back(static_cast<Day>(day->time_since_epoch().count()));
    } else if (auto error = reader.exclude(date, exclude_dates_)) {
      return error;
    }
  }
  return std::nullopt;
}

void CompiledSet::finish() {
  std::stable_sort(dates_.begin(), dates_.end(), before);
  dates_.erase(std::unique(dates_.begin(), dates_.end(), same), dates_.end());
  std::sort(fixed_dates_.begin(), fixed_dates_.end());
  std::sort(exclude_days_.begin(), exclude_days_.end());
  exclude_days_.erase(std::unique(exclude_days_.begin(), exclude_days_.end()), exclude_days_.end());
  std::sort(exclude_dates_.begin(), exclude_dates_.end());
  exclude_dates_.erase(std::unique(exclude_dates_.begin(), exclude_dates_.end()),
                       exclude_dates_.end());
  // What a whole excluded day covers need not be excluded again: each is counted once.
  std::erase_if(exclude_dates_, [this](std::int64_t instant) {
    const Time local = instant + zone_->offset_at(instant_at(instant)).count();
    return std::binary_search(exclude_days_.begin(), exclude_days_.end(), day_of(local));
  });
  single_ = rules_.size() == 1 && exclude_rules_.empty() && dates_.empty() &&
            exclude_dates_.empty() && exclude_days_.empty();
  first_ = next(frame_.starts_at - 1);
}

std::optional<Occurrence> CompiledSet::next_candidate(std::int64_t after) const {
  std::optional<Occurrence> best;
  for (const ZonedRule& rule : rules_) {
    const auto found = rule.next(frame_, after);
    if (found && (!best || before(*found, *best))) best = found;
  }
  const auto date = std::upper_bound(
      dates_.begin(), dates_.end(), after,
      [](std::int64_t value, const Occurrence& item) { return value < number(item.instant); });
  if (date != dates_.end() && (!best || before(*date, *best))) best = *date;
  return best;
}

bool CompiledSet::excluded_by_date(const Occurrence& candidate) const {
  return std::binary_search(exclude_dates_.begin(), exclude_dates_.end(),
                            number(candidate.instant));
}

bool CompiledSet::on_excluded_day(const Occurrence& candidate) const {
  return std::binary_search(exclude_days_.begin(), exclude_days_.end(), shown_day(candidate));
}

// The last instant up to which everything from `candidate` on is on its day. Up to the next change
// of the clock it shows nothing else; just after a gap, shifted times have the day before it.
std::int64_t CompiledSet::skip_day(const Occurrence& candidate) const {
  const std::int64_t here = number(candidate.instant);
  const TimeZone::Segment segment = zone_->segment_at(candidate.instant);
  const std::int64_t gap = (segment.offset - segment.before).count();
  if (here < number(segment.begin) + gap) return here;
  const std::int64_t offset = segment.offset.count();
  const std::int64_t day_end = midnight(day_of(here + offset) + 1) - offset;
  return std::min(day_end, number(segment.end)) - 1;
}

// The last instant up to which `by` certainly excludes everything from `candidate` on. What comes
// from `end` on does not matter.
std::int64_t CompiledSet::skip_excluded(const Occurrence& candidate,
                                        const ZonedRule& by,
                                        std::int64_t end,
                                        Steps& steps) const {
  const std::int64_t here = number(candidate.instant);
  if (rules_.size() != 1 || candidate.note != Note::none) return here;
  std::int64_t last = std::min(end, by.plain_end() + 1) - 1;
  const auto date = std::upper_bound(dates_.begin(), dates_.end(), candidate, before);
  if (date != dates_.end()) last = std::min(last, number(date->instant) - 1);
  const Time local = candidate.nominal.time_since_epoch().count();
  const Time until = rules_[0].local().covered_until(local, by.local(), last + kOffsetMax, steps);
  if (until == local + 1) return here;
  const Resolved reading = zone_->resolve(local_seconds{seconds{until}});
  return std::max(here, std::min(number(reading.earlier) - 1, last));
}

CompiledSet::Answer CompiledSet::next(std::int64_t after, Steps& steps) const {
  SetSearch search(*this, SetSearch::Direction::forward, after, steps);
  const Answer answer = search.next(kNever, kExclusionsMax);
  steps = search.steps();
  return answer;
}

CompiledSet::Answer CompiledSet::previous(std::int64_t before_instant) const {
  constexpr int kWalked = 1'000;
  const auto answer = SetSearch(*this, SetSearch::Direction::back, before_instant)
                          .next(frame_.starts_at - 1, kWalked);
  if (!answer.exhausted) return answer;
  return previous_by_next(std::min(before_instant, midnight(kDayMax + 2)));
}

// Looking forward can skip what is excluded: the last occurrence is found by halving.
CompiledSet::Answer CompiledSet::previous_by_next(std::int64_t end) const {
  Answer found{};
  std::int64_t low = frame_.starts_at - 1;  // everything up to `low` is at or before `found`
  SetSearch search(*this, SetSearch::Direction::forward, low);
  while (low < end - 1) {
    const std::int64_t middle = low + (end - low) / 2;
    search.restart(middle - 1);
    const Answer answer = search.next(end, kExclusionsMax);
    if (answer.exhausted) return answer;
    if (answer.occurrence) {
      found = answer;
      low = number(answer.occurrence->instant);
    } else {
      end = middle;
    }
  }
  return found;
}

bool CompiledSet::includes(std::int64_t instant) const {
  const auto found = next_candidate(instant - 1);
  return found && number(found->instant) == instant;
}

// Without exclusions; at most one rule.
std::uint64_t CompiledSet::count_included(std::int64_t from,
                                          std::int64_t to,
                                          Counting& counting) const {
  if (from >= to) return 0;
  std::uint64_t total = rules_.empty() ? 0 : rules_[0].count(frame_, from, to, counting);
  for (const Occurrence& date : dates_) {
    const std::int64_t instant = number(date.instant);
    if (instant < from || instant >= to) continue;
    if (rules_.empty() || !rules_[0].contains(frame_, instant)) ++total;
  }
  return total;
}

// Of the included occurrences in [from, to), the ones on one local day.
std::uint64_t CompiledSet::count_on_day(std::int64_t from,
                                        std::int64_t to,
                                        Day day,
                                        Counting& counting) const {
  const auto midnight_of = [&](Day which) {
    return zone_->resolve(local_seconds{seconds{midnight(which)}});
  };
  const Resolved begin = midnight_of(day);
  const Resolved end = midnight_of(day + 1);
  if (number(zone_->segment_at(begin.earlier).end) >= number(end.later) &&
      number(zone_->segment_at(begin.earlier).begin) + kDaySeconds <= number(begin.earlier)) {
    return count_included(std::max(from, number(begin.earlier)), std::min(to, number(end.later)),
                          counting);
  }
  std::uint64_t total = 0;
  std::int64_t after = std::max(from, number(begin.earlier) - kDaySeconds) - 1;
  const std::int64_t last = std::min(to, number(end.later) + kDaySeconds);
  while (const auto found = next_candidate(after)) {
    after = number(found->instant);
    if (after >= last) break;
    if (shown_day(*found) == day) ++total;
  }
  return total;
}

CompiledSet::Counted CompiledSet::count(std::int64_t from, std::int64_t to, Steps& steps) const {
  from = std::max(from, frame_.starts_at);
  if (from >= to) return {};
  if (steps >= kStepsMax) return {0, true};
  if (rules_.size() <= 1 && exclude_rules_.empty()) {
    Counting counting{.steps = steps, .steps_max = kStepsMax};
    std::uint64_t total = count_included(from, to, counting);
    const auto leave_out = [&total](std::uint64_t count) { total -= std::min(total, count); };
    for (const std::int64_t instant : exclude_dates_) {
      if (instant >= from && instant < to && includes(instant)) leave_out(1);
    }
    for (const Day day : exclude_days_) leave_out(count_on_day(from, to, day, counting));
    steps = counting.steps +
            static_cast<Steps>(1 + dates_.size() + exclude_dates_.size() + exclude_days_.size());
    if (!counting.over()) return {total};
    // What is on excluded days was not all counted, either.
    if (!exclude_days_.empty()) total = 0;
    if (total > 0) return {total, true};
    const auto first = next(from - 1).occurrence;
    return {first && number(first->instant) < to ? 1U : 0U, true};
  }
  Counted counted;
  SetSearch search(*this, SetSearch::Direction::forward, from - 1, steps);
  auto answer = search.next(to, kExclusionsMax);
  for (; answer.occurrence; answer = search.next(to, kExclusionsMax)) ++counted.total;
  counted.cut_short = answer.exhausted;
  steps = search.steps();
  return counted;
}

bool CompiledSet::repeats_wall(std::int64_t instant) const {
  if (frame_.policy.fold == FoldPolicy::both) return true;
  if (std::binary_search(fixed_dates_.begin(), fixed_dates_.end(), instant)) return true;
  return std::any_of(rules_.begin(), rules_.end(), [&](const ZonedRule& rule) {
    return rule.fold() == FoldPolicy::both && rule.contains(frame_, instant);
  });
}

std::size_t CompiledSet::memory_bytes() const {
  std::size_t bytes = sizeof *this + dates_.capacity() * sizeof(Occurrence) +
                      fixed_dates_.capacity() * sizeof(std::int64_t) +
                      exclude_dates_.capacity() * sizeof(std::int64_t) +
                      exclude_days_.capacity() * sizeof(Day);
  for (const auto* rules : {&rules_, &exclude_rules_}) {
    bytes += rules->capacity() * sizeof(ZonedRule);
    for (const ZonedRule& rule : *rules) bytes += rule.local().heap_bytes();
  }
  return bytes;
}

}  // namespace rruled::rrule::detail
