#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace rruled::bench {

// A daemon of this build in a process of its own, its log in a file.
class BenchDaemon {
 public:
  // `config` is the text of its configuration; `folder` must exist.
  BenchDaemon(const std::string& rruled, const std::string& config, const std::string& folder);
  ~BenchDaemon();  // drains it
  BenchDaemon(const BenchDaemon&) = delete;
  BenchDaemon& operator=(const BenchDaemon&) = delete;

  // From its start until READY=1. Throws after a minute.
  [[nodiscard]] std::chrono::milliseconds time_to_ready() const { return to_ready_; }
  [[nodiscard]] std::size_t peak_memory_mb() const;
  [[nodiscard]] std::chrono::milliseconds cpu_time() const;

 private:
  int pid_ = -1;
  std::chrono::milliseconds to_ready_{0};
};

}  // namespace rruled::bench
