#include "rrule/occurrence.h"

#include "rrule/compiled_set.h"

#include <algorithm>

namespace rruled::rrule {
namespace {

using detail::number;

}  // namespace

OccurrenceIterator::OccurrenceIterator(const Recurrence& recurrence)
    : compiled_(recurrence.compiled_) {
  seek(recurrence.starts_at() - seconds{1});
}

void OccurrenceIterator::seek(sys_seconds instant) {
  constexpr auto kBegin = detail::midnight(detail::kDayMin);
  constexpr auto kEnd = detail::midnight(detail::kDayMax + 2);
  after_ = std::clamp(instant, sys_seconds{seconds{kBegin}}, sys_seconds{seconds{kEnd}});
  plain_to_ = after_;
  step_ = seconds{0};
  exhausted_ = false;
}

std::optional<Occurrence> OccurrenceIterator::search() {
  const detail::ZonedRule* rule = compiled_->single();
  if (rule == nullptr) {
    const auto answer = compiled_->next(number(after_));
    exhausted_ = answer.exhausted;
    if (answer.occurrence) after_ = answer.occurrence->instant;
    return answer.occurrence;
  }
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
