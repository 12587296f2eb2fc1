#pragma once

#include "daemon/io/clock.h"
#include "store/store.h"

#include <atomic>
#include <chrono>

namespace rruled::io {

// The time of the store that several daemons share, as far as this machine can know it: its own
// clock, corrected by the offset last measured. Without a measurement, the machine's.
class StoreClock final : public Clock {
 public:
  // `machine` must outlive it.
  explicit StoreClock(const Clock& machine) : machine_(machine) {}

  [[nodiscard]] store::Timestamp now() const override { return machine_.now() + offset(); }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return machine_.steady();
  }
  [[nodiscard]] std::chrono::nanoseconds since_boot() const override {
    return machine_.since_boot();
  }

  // Asks the store, if it has a clock. Not on two threads at a time; throws StoreError.
  void measure(store::Store& store) {
    const auto before = machine_.now();
    const auto there = store.clock();
    if (!there) return;
    const auto here = before + (machine_.now() - before) / 2;
    offset_.store((*there - here).count(), std::memory_order_relaxed);
  }
  // How far the store's clock is ahead of the machine's.
  [[nodiscard]] std::chrono::milliseconds offset() const {
    return std::chrono::milliseconds(offset_.load(std::memory_order_relaxed));
  }
  [[nodiscard]] const Clock& machine() const { return machine_; }

 private:
  const Clock& machine_;
  std::atomic<std::chrono::milliseconds::rep> offset_{0};
};

}  // namespace rruled::io
