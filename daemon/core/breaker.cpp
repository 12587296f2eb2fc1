#include "daemon/core/breaker.h"

#include "daemon/core/alarm.h"

#include <algorithm>

namespace rruled::core {

std::optional<store::Timestamp> Breaker::opens_until() const {
  return state_ == State::open ? std::optional(until_) : std::nullopt;
}

bool Breaker::may_send() const {
  return state_ == State::closed || (state_ == State::half_open && !probing_);
}

Breaker::Ticket Breaker::sent() {
  probing_ = state_ == State::half_open;
  return period_;
}

void Breaker::open(store::Timestamp now) {
  state_ = State::open;
  ++period_;
  failures_ = 0;
  probing_ = false;
  const auto most = std::max(options_.open_min, options_.open_max);
  pause_ = std::clamp(pause_ * 2, options_.open_min, most);
  until_ = now + pause_;
}

bool Breaker::advance(store::Timestamp now) {
  if (state_ != State::open) return false;
  if (!Alarm{until_}.is_due(now, pause_)) return false;
  state_ = State::half_open;
  ++period_;
  return true;
}

bool Breaker::take(Ticket ticket, Answer answer, store::Timestamp now) {
  const bool is_probe = state_ == State::half_open && ticket == period_;
  switch (answer) {
    case Answer::unknown:
      if (is_probe) probing_ = false;
      return false;
    case Answer::answered:
      failures_ = 0;
      pause_ = std::chrono::milliseconds(0);
      probing_ = false;
      if (state_ == State::closed) return false;
      state_ = State::closed;
      ++period_;
      return true;
    case Answer::unreachable:
      break;
  }
  if (is_probe) {
    open(now);
    return true;
  }
  if (state_ != State::closed || ticket != period_ || options_.failures == 0) return false;
  if (++failures_ < options_.failures) return false;
  open(now);
  return true;
}

}  // namespace rruled::core
