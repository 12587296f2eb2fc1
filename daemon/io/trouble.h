#pragma once

#include "store/store.h"

#include <chrono>
#include <exception>
#include <string>

namespace rruled::io {

// A trouble that goes on while something is tried again and again: to be said when its words
// change, and once a minute.
class Trouble {
 public:
  // True: say it.
  [[nodiscard]] bool is_news(const std::string& text, std::chrono::steady_clock::time_point now) {
    if (text == text_ && now < said_at_ + kSaidEvery) return false;
    text_ = text;
    said_at_ = now;
    return true;
  }
  void over() { text_.clear(); }

 private:
  static constexpr std::chrono::minutes kSaidEvery{1};

  std::string text_;
  std::chrono::steady_clock::time_point said_at_{};
};

// The store cannot be reached: the planner says so for all who ask it.
[[nodiscard]] inline bool is_away(const std::exception& error) {
  const auto* failure = dynamic_cast<const store::StoreError*>(&error);
  return failure != nullptr && failure->kind() == store::StoreError::Kind::unavailable;
}

}  // namespace rruled::io
