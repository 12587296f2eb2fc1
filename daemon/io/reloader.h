#pragma once

#include "daemon/io/companion.h"
#include "daemon/io/driver.h"
#include "daemon/io/executor_set.h"
#include "daemon/io/live_config.h"
#include "daemon/io/metrics.h"
#include "daemon/io/retention.h"
#include "daemon/io/supervision.h"
#include "daemon/io/tracer.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/system/result.hpp>
#include <spdlog/logger.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

namespace rruled::io {

// Reads the configuration again, with the files that it names; or every mistake found, a line each.
using ConfigLoader = std::function<boost::system::result<Config, std::string>()>;

// What SIGHUP does to the configuration: reads all of it anew and takes it as a whole, or, where
// anything in it is wrong, nothing of it. Executors, limits, log level, retention, certificates and
// secrets change at once; deliveries under way go on with the executor that they began with. Keys
// that need a restart (config_change.h) are named in the log when they differ. Io thread only;
// files are read on a thread of its own, so that nothing waits for them.
class Reloader {
 public:
  // All outlive it.
  struct Parts {
    LiveConfig& live;
    const Config& started;  // the process began with it
    const ExecutorContext& context;
    Driver& driver;
    core::Planner& planner;
    Retention& retention;
    Metrics& metrics;
    Tracer& tracer;
    Supervision& supervision;
    const Clock& clock;
    spdlog::logger& log;
    std::function<Companion*()> companion;          // null: none
    std::function<void(const ExecutorSet&)> taken;  // the executors from now on
    bool dry_run = false;
  };
  // An empty `load`: the configuration stays as it is.
  Reloader(Parts parts, ConfigLoader load) : parts_(std::move(parts)), load_(std::move(load)) {}

  [[nodiscard]] boost::asio::awaitable<void> run();
  // Debug lines on, or as the configuration has it.
  void toggle_debug();
  // Before it goes: where files are still being read, which nobody can break off and the destructor
  // would wait for, ends the process.
  void end(int exit_code) const;
  // Why the last one was refused; empty when it was not.
  [[nodiscard]] const std::string& refused() const { return refused_; }

 private:
  struct Fresh {
    std::shared_ptr<const Config> config;
    ExecutorSet executors;
  };
  using Read = boost::system::result<Fresh, std::string>;

  [[nodiscard]] Read read() const;
  // Why not; empty when it was taken.
  [[nodiscard]] std::string take(Fresh fresh);
  void tell_restarts(const Config& config) const;

  Parts parts_;
  const ConfigLoader load_;
  std::string refused_;
  std::atomic<bool> reading_ = false;
  boost::asio::thread_pool thread_{1};
};

}  // namespace rruled::io
