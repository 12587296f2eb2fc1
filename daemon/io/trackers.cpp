#include "daemon/io/trackers.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace rruled::io {

void Trackers::begin(const Config& config, const ExecutorSet& executors) {
  for (const ExecutorConfig& each : config.executors) {
    const auto& executor = executors.at(each.name);
    auto* jobs = executor->remote_jobs();
    if (jobs == nullptr) continue;
    TrackerOptions options;
    options.executor = each.name;
    options.poll_min = each.track_poll_min;
    options.poll_max = each.track_poll_max;
    options.track_for = each.track_for;
    running_.emplace_back(executor, std::make_unique<Tracker>(io_, store_, *jobs, clock_,
                                                              std::move(options), observer_, log_));
    boost::asio::co_spawn(io_, running_.back().second->run(), boost::asio::detached);
  }
}

boost::asio::awaitable<void> Trackers::stop() {
  auto running = std::exchange(running_, {});
  for (auto& [executor, tracker] : running) co_await tracker->stop();
}

}  // namespace rruled::io
