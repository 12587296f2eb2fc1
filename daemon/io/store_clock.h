#pragma once

#include "daemon/io/clock.h"
#include "store/store.h"

#include <atomic>
#include <chrono>
#include <utility>

namespace rruled::io {

// A wall clock that went so much more or less than the steady one was set.
inline constexpr std::chrono::milliseconds kClockStepMin{1'000};

// The time of the store that several daemons share, as far as this machine can know it: its own
// clock, corrected by the offset last measured. Without a measurement, the machine's.
class StoreClock final : public Clock {
 public:
  // `machine` must outlive it.
  explicit StoreClock(const Clock& machine)
      : machine_(machine), wall_(machine.now()), steady_(machine.steady()) {}

  [[nodiscard]] store::Timestamp now() const override { return machine_.now() + offset(); }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return machine_.steady();
  }
  [[nodiscard]] std::chrono::nanoseconds since_boot() const override {
    return machine_.since_boot();
  }

  // Asks the store, if it has a clock. By how much that one was set since it was last asked; at
  // first, how far it is ahead of the machine's. 0: it was not, or together with the machine's, as
  // where the store is a server on this machine; or it took too long to answer, and nothing is
  // learnt of it. Not on two threads at a time; throws StoreError.
  std::chrono::milliseconds measure(store::Store& store) {
    using std::chrono::milliseconds;
    const auto asked = machine_.steady();
    const auto there = store.clock();
    if (!there) return milliseconds(0);
    const auto wall = machine_.now();
    const auto steady = machine_.steady();
    // Half of that would be no better than what is known: a connection was made, say.
    if (std::exchange(measured_, true) && steady - asked > kClockStepMin) return milliseconds(0);
    // Right even when the machine's clock was set meanwhile.
    const auto here = wall - std::chrono::duration_cast<milliseconds>(steady - asked) / 2;
    const milliseconds changed = *there - here - offset();
    const milliseconds set =
        changed + (wall - wall_) - std::chrono::duration_cast<milliseconds>(steady - steady_);
    offset_.store((*there - here).count(), std::memory_order_relaxed);
    wall_ = wall;
    steady_ = steady;
    const bool apart = std::chrono::abs(changed) > kClockStepMin;
    return apart && std::chrono::abs(set) > kClockStepMin ? set : milliseconds(0);
  }
  // How far the store's clock is ahead of the machine's.
  [[nodiscard]] std::chrono::milliseconds offset() const {
    return std::chrono::milliseconds(offset_.load(std::memory_order_relaxed));
  }
  [[nodiscard]] const Clock& machine() const { return machine_; }

 private:
  const Clock& machine_;
  std::atomic<std::chrono::milliseconds::rep> offset_{0};
  store::Timestamp wall_;  // the machine's, when the store was last asked
  std::chrono::steady_clock::time_point steady_;
  bool measured_ = false;
};

}  // namespace rruled::io
