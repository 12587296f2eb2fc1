#pragma once

#include <cstdint>

namespace rruled::io {

// What this process costs, from /proc/self; zeros where that cannot be read.
struct ProcessStats {
  double cpu_seconds = 0;    // user and system
  double start_seconds = 0;  // since 1970
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_fds = 0;
  std::uint64_t max_fds = 0;
};
[[nodiscard]] ProcessStats process_stats();

}  // namespace rruled::io
