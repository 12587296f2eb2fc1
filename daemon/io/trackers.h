#pragma once

#include "daemon/io/config.h"
#include "daemon/io/executor_set.h"
#include "daemon/io/tracker.h"

#include <memory>
#include <utility>
#include <vector>

namespace rruled::io {

// A Tracker for each executor whose other side runs batch jobs of its own. Io thread only. All
// given outlive it.
class Trackers {
 public:
  Trackers(boost::asio::any_io_executor io,
           StoreLane store,
           const Clock& clock,
           Observer& observer,
           std::shared_ptr<spdlog::logger> log)
      : io_(std::move(io)),
        store_(store),
        clock_(clock),
        observer_(observer),
        log_(std::move(log)) {}

  // `executors` are those of `config`; each lives as long as it is asked.
  void begin(const Config& config, const ExecutorSet& executors);
  // All that were begun.
  [[nodiscard]] boost::asio::awaitable<void> stop();

 private:
  const boost::asio::any_io_executor io_;
  const StoreLane store_;
  const Clock& clock_;
  Observer& observer_;
  const std::shared_ptr<spdlog::logger> log_;
  std::vector<std::pair<std::shared_ptr<Executor>, std::unique_ptr<Tracker>>> running_;
};

}  // namespace rruled::io
