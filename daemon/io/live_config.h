#pragma once

#include "daemon/io/config.h"

#include <memory>
#include <mutex>
#include <utility>

namespace rruled::io {

// The configuration that holds now: SIGHUP puts another in its place. Thread-safe; what was given
// out stays as it is.
class LiveConfig {
 public:
  explicit LiveConfig(Config config) : config_(std::make_shared<const Config>(std::move(config))) {}

  [[nodiscard]] std::shared_ptr<const Config> get() const {
    const std::lock_guard lock(mutex_);
    return config_;
  }
  void set(std::shared_ptr<const Config> config) {
    const std::lock_guard lock(mutex_);
    config_ = std::move(config);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Config> config_;
};

}  // namespace rruled::io
