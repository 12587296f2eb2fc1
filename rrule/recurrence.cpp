#include "rrule/recurrence.h"

#include "rrule/compiled_set.h"
#include "rrule/date_reader.h"
#include "rrule/occurrence.h"
#include "rrule/parse.h"

#include <algorithm>
#include <array>
#include <utility>

namespace rruled::rrule {
namespace {

using detail::number;

constexpr std::array<const char*, 2> kGapWords{"shift", "skip"};
constexpr std::array<const char*, 4> kFoldWords{"auto", "first", "second", "both"};
constexpr std::array<const char*, 4> kNoteWords{"none", "gap_shifted", "fold_first", "fold_second"};

// Where `text` has the nth rule of its set, the exclude_rules counted after the rules.
std::size_t offset_of(std::string_view text, std::size_t nth) {
  RuleOffsets offsets;
  (void)parse_recurrence(text, &offsets);
  const std::size_t included = offsets.rules.size();
  return nth < included ? offsets.rules.at(nth) : offsets.exclude_rules.at(nth - included);
}

}  // namespace

const char* to_string(GapPolicy policy) { return kGapWords[static_cast<std::size_t>(policy)]; }
const char* to_string(FoldPolicy policy) { return kFoldWords[static_cast<std::size_t>(policy)]; }
const char* to_string(Note note) { return kNoteWords[static_cast<std::size_t>(note)]; }

Recurrence::Recurrence(std::shared_ptr<const detail::CompiledSet> compiled)
    : compiled_(std::move(compiled)) {}

Result<Recurrence> Recurrence::build(const RecurrenceSet& set,
                                     sys_seconds starts_at,
                                     std::shared_ptr<const TimeZone> zone,
                                     DstPolicy policy,
                                     const ZoneFinder& find_zone,
                                     std::int64_t& steps,
                                     std::optional<std::size_t>& costly) {
  if (!start_in_range(starts_at, *zone))
    return ParseError{ErrorCode::bad_value, 0,
                      "a start lies in the years 1601 to 2200, in UTC and in its zone"};
  auto compiled = std::make_shared<detail::CompiledSet>(starts_at, std::move(zone), policy);
  costly = compiled->add_rules(set, steps);
  if (costly) {
    const std::size_t included = set.rules.size();
    const Rule& rule =
        *costly < included ? set.rules[*costly] : set.exclude_rules[*costly - included];
    return ParseError{ErrorCode::unsupported, 0,
                      "the COUNT of " + to_string(rule) +
                          " takes too long to count down: give it an UNTIL instead"};
  }
  if (auto error = compiled->add_dates(set, find_zone)) return *std::move(error);
  compiled->finish();
  if (compiled->first().exhausted) {
    return ParseError{ErrorCode::unsupported, 0,
                      "the exclusions leave nothing among the first 50000 occurrences,"
                      " or are too many to search through"};
  }
  return Recurrence(std::move(compiled));
}

Result<Recurrence> Recurrence::compile(const RecurrenceSet& set,
                                       sys_seconds starts_at,
                                       std::shared_ptr<const TimeZone> zone,
                                       DstPolicy policy,
                                       const ZoneFinder& find_zone,
                                       std::int64_t* steps) {
  detail::Steps own = 0;
  std::optional<std::size_t> costly;
  return build(set, starts_at, std::move(zone), policy, find_zone, steps != nullptr ? *steps : own,
               costly);
}

Result<Recurrence> Recurrence::compile(std::string_view text,
                                       sys_seconds starts_at,
                                       std::shared_ptr<const TimeZone> zone,
                                       DstPolicy policy,
                                       const ZoneFinder& find_zone) {
  auto set = parse_recurrence(text);
  if (!set) return set.error();
  detail::Steps steps = 0;
  std::optional<std::size_t> costly;
  auto recurrence = build(*set, starts_at, std::move(zone), policy, find_zone, steps, costly);
  if (!costly) return recurrence;
  ParseError error = recurrence.error();
  error.offset = offset_of(text, *costly);
  return error;
}

std::optional<Occurrence> Recurrence::next(sys_seconds after, bool* exhausted) const {
  if (const auto* rule = compiled_->single()) return rule->next(compiled_->frame(), number(after));
  const auto answer = compiled_->next(number(after));
  if (answer.exhausted && exhausted != nullptr) *exhausted = true;
  return answer.occurrence;
}

std::optional<Occurrence> Recurrence::previous(sys_seconds before, bool* exhausted) const {
  if (const auto* rule = compiled_->single())
    return rule->previous(compiled_->frame(), number(before));
  const auto answer = compiled_->previous(number(before));
  if (answer.exhausted && exhausted != nullptr) *exhausted = true;
  return answer.occurrence;
}

std::optional<Occurrence> Recurrence::first() const { return compiled_->first().occurrence; }

std::vector<Occurrence> Recurrence::between(sys_seconds from,
                                            sys_seconds to,
                                            std::size_t limit) const {
  std::vector<Occurrence> found;
  OccurrenceIterator iterator(*this);
  if (from > starts_at()) iterator.seek(from - seconds{1});
  while (found.size() < limit) {
    const auto occurrence = iterator.next();
    if (!occurrence || occurrence->instant >= to) break;
    found.push_back(*occurrence);
  }
  return found;
}

std::uint64_t Recurrence::count(sys_seconds from,
                                sys_seconds to,
                                bool* cut_short,
                                std::int64_t* steps) const {
  detail::Steps own = 0;
  const auto counted = compiled_->count(number(from), number(to), steps != nullptr ? *steps : own);
  if (counted.cut_short && cut_short != nullptr) *cut_short = true;
  return counted.total;
}

std::vector<Occurrence> Recurrence::readings(local_seconds local) const {
  const ZoneFinder no_other_zone;
  std::vector<Occurrence> found;
  detail::DateReader(compiled_->frame(), no_other_zone).include_local(local, found);
  return found;
}

bool Recurrence::repeats_wall(sys_seconds instant) const {
  return compiled_->repeats_wall(number(instant));
}

seconds Recurrence::min_distance(sys_seconds after, int samples, bool* exhausted) const {
  seconds smallest = seconds::max();
  OccurrenceIterator iterator(*this);
  iterator.seek(after);
  auto last = iterator.next();
  for (int i = 1; last && i < samples; ++i) {
    const auto occurrence = iterator.next();
    if (!occurrence) break;
    smallest = std::min<seconds>(smallest, occurrence->instant - last->instant);
    last = occurrence;
  }
  if (iterator.exhausted() && exhausted != nullptr) *exhausted = true;
  return smallest;
}

sys_seconds Recurrence::starts_at() const {
  return sys_seconds{seconds{compiled_->frame().starts_at}};
}
const std::shared_ptr<const TimeZone>& Recurrence::zone() const { return compiled_->zone(); }
DstPolicy Recurrence::policy() const { return compiled_->frame().policy; }
std::size_t Recurrence::memory_bytes() const { return compiled_->memory_bytes(); }

bool start_in_range(sys_seconds instant, const TimeZone& zone) {
  const auto in_range = [](std::int64_t time) {
    return time >= detail::kTimeMin && time < detail::kTimeEnd;
  };
  return in_range(number(instant)) && in_range(zone.to_local(instant).time_since_epoch().count());
}

sys_seconds start_instant(local_seconds local, const TimeZone& zone) {
  const Resolved reading = zone.resolve(local);
  return reading.kind == Resolved::Kind::gap ? reading.later : reading.earlier;
}

}  // namespace rruled::rrule
