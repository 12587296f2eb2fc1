#pragma once

#include "store/store.h"

#include <chrono>
#include <exception>
#include <string>

namespace rruled::io {

// A trouble that goes on while something is tried again and again: to be said when its words
// change, and once in a while.
class Trouble {
 public:
  explicit Trouble(std::chrono::minutes said_every = std::chrono::minutes(1))
      : said_every_(said_every) {}

  // True: say it.
  [[nodiscard]] bool is_news(const std::string& text, std::chrono::steady_clock::time_point now) {
    if (text == text_ && now < said_at_ + said_every_) return false;
    text_ = text;
    said_at_ = now;
    return true;
  }
  void over() { text_.clear(); }

 private:
  std::chrono::minutes said_every_;
  std::string text_;
  std::chrono::steady_clock::time_point said_at_{};
};

// The store cannot be reached: the planner says so for all who ask it.
[[nodiscard]] inline bool is_away(const std::exception& error) {
  const auto* failure = dynamic_cast<const store::StoreError*>(&error);
  return failure != nullptr && failure->kind() == store::StoreError::Kind::unavailable;
}

// The store does not take what is in a row; nothing was written, and trying again does not help
// before somebody corrects it.
[[nodiscard]] inline bool is_refused(const store::StoreError& error) {
  return error.kind() == store::StoreError::Kind::invalid;
}

// It may be this row's alone, refused or damaged: others may be read and written all the same.
[[nodiscard]] inline bool may_be_of_row(const store::StoreError& error) {
  using Kind = store::StoreError::Kind;
  return is_refused(error) || error.kind() == Kind::corrupt || error.kind() == Kind::fault;
}

}  // namespace rruled::io
