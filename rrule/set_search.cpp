#include "rrule/set_search.h"

#include <algorithm>
#include <functional>
#include <limits>

namespace rruled::rrule::detail {
namespace {

constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

}  // namespace

SetSearch::SetSearch(const CompiledSet& set, Direction direction, std::int64_t from, Steps steps)
    : set_(set), direction_(direction), steps_(steps) {
  including_.known.assign(set.rules_.size(), {kMost, kLeast, {}});
  excluding_.known.assign(set.exclude_rules_.size(), {kMost, kLeast, {}});
  restart(from);
}

void SetSearch::restart(std::int64_t from) {
  from_ = std::max(from, kLeast + 1);  // so that it can be negated
  gave_up_ = false;
  restart(including_);
  restart(excluding_);
}

void SetSearch::restart(Asked& asked) const {
  asked.heap.clear();
  for (std::size_t i = 0; i < asked.known.size(); ++i) {
    const Known& known = asked.known[i];
    const bool holds = known.asked <= ahead(from_) && ahead(from_) < known.at;
    if (!holds || known.at != kMost) asked.heap.push_back({holds ? known.at : kLeast, i});
  }
  std::make_heap(asked.heap.begin(), asked.heap.end(), std::greater<>());
}

void SetSearch::ask_nearest(Asked& asked,
                            const std::vector<ZonedRule>& rules,
                            std::int64_t beyond) {
  ++steps_;
  std::pop_heap(asked.heap.begin(), asked.heap.end(), std::greater<>());
  Held& held = asked.heap.back();
  const ZonedRule& rule = rules[held.rule];
  const auto found = direction_ == Direction::forward ? rule.next(set_.frame_, beyond, steps_)
                                                      : rule.previous(set_.frame_, beyond, steps_);
  Known& known = asked.known[held.rule];
  known.asked = ahead(beyond);
  known.at = found ? ahead(number(found->instant)) : kMost;
  if (!found) {
    asked.heap.pop_back();
    return;
  }
  known.found = *found;
  held.at = known.at;
  std::push_heap(asked.heap.begin(), asked.heap.end(), std::greater<>());
}

std::optional<Occurrence> SetSearch::nearest_date() const {
  const auto& dates = set_.dates_;
  if (direction_ == Direction::forward) {
    const auto date = std::upper_bound(
        dates.begin(), dates.end(), from_,
        [](std::int64_t value, const Occurrence& item) { return value < number(item.instant); });
    return date == dates.end() ? std::nullopt : std::optional(*date);
  }
  const auto date = std::lower_bound(
      dates.begin(), dates.end(), from_,
      [](const Occurrence& item, std::int64_t value) { return number(item.instant) < value; });
  return date == dates.begin() ? std::nullopt : std::optional(*std::prev(date));
}

// Of what meets, the first rule's, then a date's.
std::optional<Occurrence> SetSearch::candidate() {
  const auto& heap = including_.heap;
  while (!heap.empty() && heap.front().at <= ahead(from_)) {
    if (steps_ >= steps_max_) {
      gave_up_ = true;
      return std::nullopt;
    }
    ask_nearest(including_, set_.rules_, from_);
  }
  const auto date = nearest_date();
  if (heap.empty()) return date;
  const Held& nearest = heap.front();
  if (date && ahead(number(date->instant)) < nearest.at) return date;
  return including_.known[nearest.rule].found;
}

const ZonedRule* SetSearch::excluding_rule(const Occurrence& candidate) {
  const std::int64_t here = number(candidate.instant);
  const std::int64_t just_before = direction_ == Direction::forward ? here - 1 : here + 1;
  const auto& heap = excluding_.heap;
  while (!heap.empty() && heap.front().at < ahead(here)) {
    if (steps_ >= steps_max_) {
      gave_up_ = true;
      return nullptr;
    }
    ask_nearest(excluding_, set_.exclude_rules_, just_before);
  }
  if (heap.empty() || heap.front().at != ahead(here)) return nullptr;
  return &set_.exclude_rules_[heap.front().rule];
}

CompiledSet::Answer SetSearch::next(std::int64_t end, int excluded_max) {
  for (int excluded = 0; excluded < excluded_max && !gave_up_; ++excluded, ++steps_) {
    const auto found = candidate();
    if (gave_up_) break;
    if (!found || ahead(number(found->instant)) >= ahead(end)) return {};
    from_ = number(found->instant);
    if (set_.excluded_by_date(*found)) continue;
    if (set_.on_excluded_day(*found)) {
      if (direction_ == Direction::forward) from_ = set_.skip_day(*found);
      continue;
    }
    const ZonedRule* by = excluding_rule(*found);
    if (gave_up_) break;
    if (by == nullptr) return {found};
    if (direction_ == Direction::forward) from_ = set_.skip_excluded(*found, *by, end, steps_);
  }
  return {std::nullopt, true};
}

}  // namespace rruled::rrule::detail
