#pragma once

#include "daemon/io/clock.h"
#include "daemon/io/executor.h"

#include <spdlog/logger.h>

#include <memory>
#include <string>

namespace rruled::io {

// Only written down: the run's row is its delivery; at level debug there is a line. Io thread only.
class LogExecutor final : public Executor {
 public:
  // `clock` must outlive the executor.
  LogExecutor(const Clock& clock, std::shared_ptr<spdlog::logger> log);

  [[nodiscard]] boost::asio::awaitable<core::Report> deliver(store::Run run,
                                                             SendPermit permit = {}) override;
  [[nodiscard]] std::string destination(const store::Run& run) const override;
  [[nodiscard]] std::string payload(const store::Run& run) const override;

 private:
  const Clock& clock_;
  std::shared_ptr<spdlog::logger> log_;
};

}  // namespace rruled::io
