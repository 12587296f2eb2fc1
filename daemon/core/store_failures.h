#pragma once

#include "daemon/core/action.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace rruled::core {

// When a store that fails is asked again, and whether it is away. Each kind of call fails by
// itself: one that is refused for long (a right that was taken away) is asked less and less, while
// the others go on, and the store is away until that one has worked.
class StoreFailures {
 public:
  using What = StoreFailed::What;

  // `seed` differs between daemons: they do not come back in the same moment.
  explicit StoreFailures(std::uint64_t seed) : seed_(seed) {}

  // What the store is asked.
  void asked(const Action& action);
  // What a row says (StoreFailed::refused), and what is of one job alone (spread), counts for
  // nothing.
  void failed(const StoreFailed& failure, Timestamp now);
  // Of every completion that is no failure. True: the store had failed since it last wrote.
  bool answered(const Completion& completion, Timestamp now);
  void clock_set_back(Timestamp now);

  // Nothing is asked.
  [[nodiscard]] bool rests(Timestamp now) const { return now < again_at_; }
  [[nodiscard]] bool rests(What what, Timestamp now) const { return now < again_at(what); }
  // The ends of these rests: in the past when there is none.
  [[nodiscard]] Timestamp again_at() const { return again_at_; }
  [[nodiscard]] Timestamp again_at(What what) const {
    return kinds_[static_cast<std::size_t>(what)].again_at;
  }
  // The first of those that are to come.
  [[nodiscard]] std::optional<Timestamp> next_try(Timestamp now) const;

  [[nodiscard]] bool away() const;
  // Since when, without a moment in between.
  [[nodiscard]] std::optional<Timestamp> away_since() const { return away_since_; }

 private:
  struct Kind {
    int in_a_row = 0;
    bool asked = false;
    Timestamp failed_at;
    Timestamp again_at = Timestamp::min();
  };

  const std::uint64_t seed_;
  std::array<Kind, static_cast<std::size_t>(What::expire) + 1> kinds_{};
  // Of all kinds, in a row. A store may answer questions and still take nothing (locked, full,
  // read-only): only what was written says that it takes something.
  int failed_reads_ = 0;
  int failed_writes_ = 0;
  Timestamp again_at_ = Timestamp::min();
  std::optional<Timestamp> away_since_;
};

}  // namespace rruled::core
