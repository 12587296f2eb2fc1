#pragma once

#include "daemon/core/schedule_json.h"
#include "daemon/io/clock.h"
#include "daemon/io/config.h"
#include "daemon/io/live_config.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <spdlog/logger.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rruled::io {

// What runs beside the engine in the daemon's process, as the HTTP API does. Io thread only.
class Companion {
 public:
  Companion() = default;
  Companion(const Companion&) = delete;
  Companion& operator=(const Companion&) = delete;
  virtual ~Companion() = default;

  // Before the daemon is ready. Throws std::exception with what to do next.
  virtual void start() = 0;
  // Takes what it can of another configuration, and reads its files again. Throws std::exception
  // when that is no good, and keeps what it had.
  virtual void reload(const Config& config) = 0;
  // After the engine has drained.
  [[nodiscard]] virtual boost::asio::awaitable<void> stop(std::chrono::milliseconds grace) = 0;
};

// One thing that was looked at for /readyz.
struct HealthCheck {
  std::string name;   // "store"
  std::string wrong;  // empty: it is well
  bool fatal = true;  // not ready while it is wrong; else it is only said
};

// A socket that listens already, given by the service manager. Whoever takes it closes it.
struct InheritedSocket {
  int fd = -1;
  std::string name;  // FileDescriptorName=; "health", or anything else for the API
};

// What a companion lives in; outlives it.
struct Surroundings {
  boost::asio::any_io_executor io;
  const Config& config;  // of the start
  const Clock& clock;
  core::ScheduleRules rules;
  std::shared_ptr<spdlog::logger> log;
  std::function<std::chrono::seconds()> min_interval;  // the one that holds now; any thread
  std::function<std::vector<HealthCheck>()> health;    // io thread
  std::function<std::string()> metrics;                // for Prometheus, in its text format
  std::vector<InheritedSocket> sockets{};
};
// Null when the configuration asks for none.
using CompanionMaker = std::function<std::unique_ptr<Companion>(const Surroundings&)>;

// What the configuration demands of schedules. Both must outlive it. With a live one, executors are
// those that it has when they are asked for.
[[nodiscard]] core::ScheduleRules schedule_rules(const Config& config,
                                                 const rrule::ZoneDatabase& zones);
[[nodiscard]] core::ScheduleRules schedule_rules(const LiveConfig& config,
                                                 const rrule::ZoneDatabase& zones);

}  // namespace rruled::io
