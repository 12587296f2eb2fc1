#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>

namespace rruled::core {

// What waits, by project: in order within one, and projects take turns, so that ten thousand of one
// do not stand before one of another.
template <class T>
class FairQueue {
 public:
  void push_back(std::int64_t project, T value) {
    queues_[project].push_back(std::move(value));
    ++size_;
  }
  void push_front(std::int64_t project, T value) {
    queues_[project].push_front(std::move(value));
    ++size_;
  }
  [[nodiscard]] std::optional<T> pop() {
    if (size_ == 0) return std::nullopt;
    auto turn = queues_.upper_bound(last_);
    if (turn == queues_.end()) turn = queues_.begin();
    last_ = turn->first;
    T value = std::move(turn->second.front());
    turn->second.pop_front();
    if (turn->second.empty()) queues_.erase(turn);
    --size_;
    return value;
  }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::map<std::int64_t, std::deque<T>> queues_;  // none is empty
  std::int64_t last_ = INT64_MIN;
  std::size_t size_ = 0;
};

}  // namespace rruled::core
