#pragma once

#include "store/ids.h"

#include <chrono>
#include <functional>

// What time it is, for code that acts. Pure code takes `now` as a parameter instead.
namespace rruled::io {

// Thread-safe. The wall clock decides what is due and stamps rows; it may step either way. The
// steady clock measures deadlines and leases.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  // Rounded down to the millisecond, so that nothing seems to happen later than it did.
  [[nodiscard]] virtual store::Timestamp now() const = 0;
  [[nodiscard]] virtual std::chrono::steady_clock::time_point steady() const = 0;
  // Goes on while the machine sleeps, which the steady clock may not: measures claims.
  [[nodiscard]] virtual std::chrono::nanoseconds since_boot() const = 0;
};

// The machine's clocks. The only place where the wall clock is read.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] store::Timestamp now() const override;
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override;
  [[nodiscard]] std::chrono::nanoseconds since_boot() const override;
};

// True until so much time has passed from now on, by the steady clock of `clock`, which must
// outlive it.
[[nodiscard]] inline std::function<bool()> time_left(const Clock& clock,
                                                     std::chrono::nanoseconds time) {
  return [&clock, until = clock.steady() + time] { return clock.steady() < until; };
}

}  // namespace rruled::io
