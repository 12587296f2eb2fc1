#pragma once

#include "daemon/core/schedule_json.h"
#include "daemon/io/clock.h"
#include "daemon/io/config.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <spdlog/logger.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

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
  // At SIGHUP. Keeps what it had when the new is no good, and says so.
  virtual void reload() = 0;
  // After the engine has drained.
  [[nodiscard]] virtual boost::asio::awaitable<void> stop(std::chrono::milliseconds grace) = 0;
};

// What a companion lives in; outlives it.
struct Surroundings {
  boost::asio::any_io_executor io;
  const Config& config;
  const Clock& clock;
  core::ScheduleRules rules;
  std::shared_ptr<spdlog::logger> log;
  std::function<std::string()> not_ready;  // why; empty when ready
  std::function<std::string()> metrics;    // for Prometheus, in its text format
};
// Null when the configuration asks for none.
using CompanionMaker = std::function<std::unique_ptr<Companion>(const Surroundings&)>;

// What the configuration demands of schedules. Both must outlive it.
[[nodiscard]] core::ScheduleRules schedule_rules(const Config& config,
                                                 const rrule::ZoneDatabase& zones);

}  // namespace rruled::io
