#pragma once

#include "daemon/core/planner.h"
#include "daemon/io/clock.h"
#include "daemon/io/config.h"
#include "daemon/io/executor.h"
#include "daemon/io/process_guard.h"
#include "daemon/io/setting_error.h"

#include <boost/asio/any_io_executor.hpp>
#include <spdlog/logger.h>

#include <map>
#include <memory>
#include <set>
#include <string>

namespace rruled::io {

using ExecutorSet = std::map<std::string, std::shared_ptr<Executor>>;

// What the executors need of their surroundings; outlives them.
struct ExecutorContext {
  boost::asio::any_io_executor io;
  const Clock& clock;
  ProcessGuard& guard;
  std::shared_ptr<spdlog::logger> log;
};

// Every executor of the configuration. An error names the key that cannot work.
[[nodiscard]] SettingResult<ExecutorSet> make_executors(const Config& config,
                                                        const ExecutorContext& context);

// What the planner has to know of them: how many runs of each may be in flight, and whose batch
// jobs the daemon spreads itself.
[[nodiscard]] std::map<std::string, std::size_t> executor_caps(const Config& config);
[[nodiscard]] std::map<std::string, core::BreakerOptions> breaker_options(const Config& config);
[[nodiscard]] core::JobOptions job_options(const Config& config);
// Executors whose accepted batch jobs are asked about.
[[nodiscard]] std::set<std::string> tracked_executors(const Config& config);

[[nodiscard]] core::PlannerOptions planner_options(const Config& config,
                                                   const store::Session& session);

// The same destinations, but a delivery only says what it would send where.
[[nodiscard]] ExecutorSet dry(ExecutorSet real, const ExecutorContext& context);

}  // namespace rruled::io
