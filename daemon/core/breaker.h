#pragma once

#include "store/types.h"

#include <chrono>
#include <cstdint>
#include <optional>

namespace rruled::core {

struct BreakerOptions {
  int failures = 0;  // in a row, and it opens; 0: it never does
  std::chrono::milliseconds open_min{5'000};
  std::chrono::milliseconds open_max{60'000};

  friend bool operator==(const BreakerOptions&, const BreakerOptions&) = default;
};

// Whether runs are sent to one executor. It opens after so many attempts in a row to which nobody
// answered who knows of the run (Report::unreachable): then each further one costs its whole time
// limit and one of the run's attempts, for nothing. A refusal (4xx, 500) is an answer: it is about
// the run, not about the host. While open nothing is sent; after open_min one attempt is let
// through as a probe, and unless it is answered the next pause is twice as long, up to open_max.
//
// Pure value; the same calls give the same answers.
class Breaker {
 public:
  enum class State : std::uint8_t { closed, half_open, open };
  // Names an attempt that was sent: those of before the last change of state tell little.
  using Ticket = std::uint64_t;
  enum class Answer : std::uint8_t {
    answered,     // by somebody who knows of the run
    unreachable,  // by nobody
    unknown       // nothing was sent, or it was broken off here
  };

  explicit Breaker(BreakerOptions options) : options_(options) {}

  [[nodiscard]] State state() const { return state_; }
  // Open: when a probe may go.
  [[nodiscard]] std::optional<store::Timestamp> opens_until() const;
  [[nodiscard]] bool may_send() const;
  // One is sent; only when may_send().
  [[nodiscard]] Ticket sent();

  // Both: true when the state is another one now.
  [[nodiscard]] bool advance(store::Timestamp now);
  [[nodiscard]] bool take(Ticket ticket, Answer answer, store::Timestamp now);

 private:
  void open(store::Timestamp now);

  BreakerOptions options_;
  State state_ = State::closed;
  int failures_ = 0;  // in a row, while closed
  bool probing_ = false;
  Ticket period_ = 0;  // +1 with each change of state
  std::chrono::milliseconds pause_{0};
  store::Timestamp until_;  // open
};

}  // namespace rruled::core
