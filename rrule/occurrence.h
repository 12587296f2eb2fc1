// Walks the occurrences of a Recurrence in increasing order of instant. Value type; copy it to look
// ahead. Not thread-safe. Pure: reads no clock. Instants are UTC, whole seconds.
//
//   OccurrenceIterator it{recurrence};
//   it.seek(last_fired);                       // exclusive: next() > last_fired
//   while (auto o = it.next()) { ... }
#pragma once

#include "rrule/recurrence.h"

#include <memory>
#include <optional>

namespace rruled::rrule {

class OccurrenceIterator {
 public:
  // Starts before the first occurrence. Shares the recurrence's compiled form.
  explicit OccurrenceIterator(const Recurrence& recurrence);
  OccurrenceIterator(const OccurrenceIterator& other);
  OccurrenceIterator(OccurrenceIterator&& other) noexcept;
  OccurrenceIterator& operator=(const OccurrenceIterator& other);
  OccurrenceIterator& operator=(OccurrenceIterator&& other) noexcept;
  ~OccurrenceIterator();

  // The next occurrence, or nullopt when the recurrence has ended or exhausted() became true.
  [[nodiscard]] std::optional<Occurrence> next() {
    if (step_ != seconds{0} && after_ + step_ < plain_to_) {
      after_ += step_;
      const local_seconds local{after_.time_since_epoch() + offset_};
      return Occurrence{after_, local, local, Note::none};
    }
    return search();
  }

  // Moves so that next() returns the first occurrence strictly after `instant`, forward or back.
  // COUNT still counts the ones passed over. Cost does not depend on the distance.
  void seek(sys_seconds instant);

  // True when the search gave up: kExclusionsMax or kStepsMax in one search, or in all since the
  // iterator was made more than kStepsMax and kStepsEach for each occurrence found. A seek() begins
  // another search, and gives none of those steps back.
  [[nodiscard]] bool exhausted() const { return exhausted_; }

 private:
  std::optional<Occurrence> search();
  std::optional<Occurrence> search_set();

  std::shared_ptr<const detail::CompiledSet> compiled_;
  // Of a set, made by the first search: what it learned of each rule serves those that follow.
  std::unique_ptr<detail::SetSearch> set_search_;
  std::int64_t found_ = 0;  // in the set
  sys_seconds after_;
  // Up to plain_to_ the zone's offset is offset_ and no change of the clock is near; if step_ is
  // not 0, occurrences there are step_ apart and one is at after_.
  sys_seconds plain_to_;
  seconds offset_{0};
  seconds step_{0};
  bool exhausted_ = false;
};

}  // namespace rruled::rrule
