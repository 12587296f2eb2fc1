#include "rrule/occurrence.h"

#include "rrule/compiled_set.h"
#include "rrule/set_search.h"

#include <algorithm>
#include <limits>

namespace rruled::rrule {
namespace {

using detail::number;

}  // namespace

OccurrenceIterator::OccurrenceIterator(const Recurrence& recurrence)
    : compiled_(recurrence.compiled_) {
  seek(recurrence.starts_at() - seconds{1});
}

OccurrenceIterator::OccurrenceIterator(const OccurrenceIterator& other)
    : compiled_(other.compiled_),
      set_search_(other.set_search_ ? std::make_unique<detail::SetSearch>(*other.set_search_)
                                    : nullptr),
      found_(other.found_),
      after_(other.after_),
      plain_to_(other.plain_to_),
      offset_(other.offset_),
      step_(other.step_),
      exhausted_(other.exhausted_) {}
OccurrenceIterator& OccurrenceIterator::operator=(const OccurrenceIterator& other) {
  return *this = OccurrenceIterator(other);
}
OccurrenceIterator::OccurrenceIterator(OccurrenceIterator&&) noexcept = default;
OccurrenceIterator& OccurrenceIterator::operator=(OccurrenceIterator&&) noexcept = default;
OccurrenceIterator::~OccurrenceIterator() = default;

void OccurrenceIterator::seek(sys_seconds instant) {
  constexpr auto kBegin = detail::midnight(detail::kDayMin) - 1;  // exclusive
  constexpr auto kEnd = detail::midnight(detail::kDayMax + 2);
  after_ = std::clamp(instant, sys_seconds{seconds{kBegin}}, sys_seconds{seconds{kEnd}});
  plain_to_ = after_;
  step_ = seconds{0};
  exhausted_ = false;
  if (set_search_) set_search_->restart(number(after_));
}

std::optional<Occurrence> OccurrenceIterator::search_set() {
  if (exhausted_) return std::nullopt;
  if (!set_search_)
    set_search_ = std::make_unique<detail::SetSearch>(
        *compiled_, detail::SetSearch::Direction::forward, number(after_));
  set_search_->allow(kStepsMax + std::min(set_search_->steps(), kStepsEach * found_));
  const auto answer = set_search_->next(std::numeric_limits<std::int64_t>::max(), kExclusionsMax);
  exhausted_ = answer.exhausted;
  if (!answer.occurrence) return std::nullopt;
  after_ = answer.occurrence->instant;
  ++found_;
  return answer.occurrence;
}

std::optional<Occurrence> OccurrenceIterator::search() {
  const detail::ZonedRule* rule = compiled_->single();
  if (rule == nullptr) return search_set();
  if (after_ + seconds{1} < plain_to_) {
    const detail::Time local = rule->local().next(number(after_) + 1 + offset_.count());
    if (local != detail::kNoTime && local - offset_.count() < number(plain_to_)) {
      const local_seconds shown{seconds{local}};
      after_ = sys_seconds{seconds{local} - offset_};
      return Occurrence{after_, shown, shown, Note::none};
    }
  }
  const auto found = rule->next(compiled_->frame(), number(after_));
  if (!found) return std::nullopt;
  after_ = found->instant;
  const auto plain = rule->plain_from(compiled_->frame(), number(after_));
  plain_to_ = sys_seconds{seconds{std::min(plain.to, rule->end() + 1)}};
  offset_ = seconds{plain.offset};
  step_ = after_ < plain_to_ && found->note == Note::none ? seconds{rule->local().stride()}
                                                          : seconds{0};
  return found;
}

}  // namespace rruled::rrule
