// BYSETPOS of RFC 5545 3.3.10: which of a period's candidates are kept. Internal to rrule.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace rruled::rrule::detail {

class Positions {
 public:
  Positions() = default;

  // The list of a Rule: sorted, free of 0 and repeats.
  explicit Positions(const std::vector<int>& list) {
    const auto positive = std::lower_bound(list.begin(), list.end(), 0);
    from_end_.assign(list.begin(), positive);
    from_start_.assign(positive, list.end());
  }

  [[nodiscard]] bool empty() const { return from_start_.empty() && from_end_.empty(); }

  // The smallest chosen index >= from of `total` candidates, or `total`.
  [[nodiscard]] std::int64_t next(std::int64_t from, std::int64_t total) const {
    std::int64_t found = total;
    const auto start = std::lower_bound(from_start_.begin(), from_start_.end(), from + 1);
    if (start != from_start_.end()) found = std::min<std::int64_t>(found, *start - 1);
    const auto end =
        std::lower_bound(from_end_.begin(), from_end_.end(), std::max(from, kZero) - total);
    if (end != from_end_.end()) found = std::min<std::int64_t>(found, total + *end);
    return found;
  }

  // The largest chosen index <= from, or -1. `from` is below `total`.
  [[nodiscard]] std::int64_t previous(std::int64_t from, std::int64_t total) const {
    std::int64_t found = -1;
    const auto start = std::upper_bound(from_start_.begin(), from_start_.end(), from + 1);
    if (start != from_start_.begin()) found = *std::prev(start) - 1;
    const auto end = std::upper_bound(from_end_.begin(), from_end_.end(), from - total);
    if (end != from_end_.begin()) found = std::max<std::int64_t>(found, total + *std::prev(end));
    return found;
  }

  // How many chosen indices lie in [from, to).
  [[nodiscard]] std::int64_t count(std::int64_t from, std::int64_t to, std::int64_t total) const {
    std::int64_t found = 0;
    for (auto index = next(from, total); index < to; index = next(index + 1, total)) ++found;
    return found;
  }

  // Every chosen index of `total` candidates, ascending.
  [[nodiscard]] std::vector<int> all(int total) const {
    std::vector<int> indices;
    for (auto index = next(0, total); index < total; index = next(index + 1, total)) {
      indices.push_back(static_cast<int>(index));
    }
    return indices;
  }

  [[nodiscard]] std::size_t heap_bytes() const {
    return (from_start_.capacity() + from_end_.capacity()) * sizeof(int);
  }

 private:
  static constexpr std::int64_t kZero = 0;
  std::vector<int> from_start_;  // 1, 2, ...
  std::vector<int> from_end_;    // ..., -2, -1
};

}  // namespace rruled::rrule::detail
