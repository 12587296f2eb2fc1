#pragma once

#include <string_view>

namespace rruled::io {

// Whether to wait for more of a chunked body before Beast's parser gets it: after the last size of
// one without chunks it asserts that as much is there as ends it (beast#2861).
[[nodiscard]] inline bool is_too_short(std::string_view chunked) {
  constexpr std::string_view kEnd = "0\r\n\r\n";
  return chunked.starts_with("0\r\n") && chunked.size() < kEnd.size();
}

}  // namespace rruled::io
