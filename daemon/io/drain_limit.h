#pragma once

#include "daemon/core/planner.h"
#include "daemon/io/driver.h"
#include "daemon/io/pacer.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <spdlog/logger.h>

#include <chrono>
#include <exception>
#include <memory>
#include <thread>
#include <utility>

namespace rruled::io {

// Has a drain end (semantics.md, P8), whatever receivers and the store do. Io thread only.
class DrainLimit {
 public:
  DrainLimit(boost::asio::any_io_executor io, std::shared_ptr<spdlog::logger> log)
      : pacer_(std::move(io)), log_(std::move(log)) {}

  // Two seconds before the end of `timeout` breaks off what is in flight, and before that what
  // takes time to end, so that it has it. At its end, ends the process with 0 although outcomes are
  // not written, as the store does not take them: who comes next tries those runs again. A
  // `timeout` that is shorter than all that is taken as so long.
  [[nodiscard]] boost::asio::awaitable<void> run(Driver& driver,
                                                 const core::Planner& planner,
                                                 std::chrono::milliseconds timeout);
  // The driver has ended, by `failure` where it is one, which is logged. What is left (a question
  // of the API or of the survey, which nothing breaks off) has the rest of `timeout`, and three
  // seconds in any case; then the process ends with `exit_code`, unless this is destroyed before.
  void ended(const std::exception_ptr& failure, int exit_code);

 private:
  using Steady = std::chrono::steady_clock;

  Pacer pacer_;
  std::shared_ptr<spdlog::logger> log_;
  Steady::time_point end_ = Steady::time_point::min();
  std::jthread last_resort_;
};

}  // namespace rruled::io
