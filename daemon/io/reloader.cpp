#include "daemon/io/reloader.h"

#include "daemon/io/config_change.h"
#include "daemon/io/logging.h"
#include "daemon/io/run_on.h"

#include <unistd.h>

#include <utility>

namespace rruled::io {

Reloader::Read Reloader::read() const {
  auto loaded = load_();
  if (!loaded) return loaded.error();
  Fresh fresh;
  auto executors = make_executors(*loaded, parts_.context);
  if (!executors) return executors.error().setting + ": " + executors.error().detail;
  fresh.executors = std::move(*executors);
  if (parts_.dry_run) fresh.executors = dry(std::move(fresh.executors), parts_.context);
  fresh.config = std::make_shared<const Config>(std::move(*loaded));
  return fresh;
}

boost::asio::awaitable<void> Reloader::run() {
  if (!load_) co_return;
  parts_.supervision.reloading();
  auto work = [this] {
    Read read = this->read();
    reading_ = false;
    return read;
  };
  std::string refused;
  try {
    reading_ = true;
    Read read = co_await run_on(thread_, std::move(work));
    refused = read ? take(std::move(*read)) : read.error();
  } catch (const std::exception& error) {
    refused = error.what();
  }
  refused_ = refused;
  parts_.metrics.count_reload(refused.empty());
  if (!refused.empty()) parts_.log.error("reload refused, nothing of it is taken: {}", refused);
  parts_.supervision.reloaded(refused);
}

std::string Reloader::take(Fresh fresh) {
  const auto& config = *fresh.config;
  // What may still refuse comes first.
  if (auto url = parts_.tracer.set_url(config.tracing.otlp_url); !url)
    return url.error().setting + ": " + url.error().detail;
  try {
    if (Companion* companion = parts_.companion()) companion->reload(config);
  } catch (const std::exception& error) {
    (void)parts_.tracer.set_url(parts_.live.get()->tracing.otlp_url);
    return error.what();
  }
  tell_restarts(config);
  parts_.taken(fresh.executors);
  parts_.driver.set_executors(std::move(fresh.executors));
  parts_.planner.set_executors(executor_caps(config), config.run.max_in_flight, job_options(config),
                               tracked_executors(config), parts_.clock.now());
  parts_.planner.set_breakers(breaker_options(config));
  parts_.metrics.set_breakers(breaker_options(config));
  parts_.retention.set_limits(config.retention);
  parts_.metrics.set_per_schedule(config.metrics.per_schedule);
  parts_.log.set_level(level_of(config.log.level));
  std::string names;
  for (const auto& each : config.executors) names += (names.empty() ? "" : ", ") + each.name;
  parts_.live.set(std::move(fresh.config));
  parts_.driver.wake();
  parts_.log.info("configuration read again, executors: {}", names);
  return {};
}

void Reloader::end(int exit_code) const {
  if (!reading_) return;
  parts_.log.warn("the configuration is still being read: ending without it");
  parts_.log.flush();
  ::_exit(exit_code);
}

void Reloader::tell_restarts(const Config& config) const {
  std::string keys;
  for (const auto& key : keys_for_restart(parts_.started, config))
    keys += (keys.empty() ? "" : ", ") + key;
  if (!keys.empty())
    parts_.log.warn("these hold from the next start on, restart to take them now: {}", keys);
}

void Reloader::toggle_debug() {
  const auto configured = level_of(parts_.live.get()->log.level);
  const bool on = parts_.log.level() <= spdlog::level::debug;
  parts_.log.set_level(on && configured > spdlog::level::debug ? configured : spdlog::level::debug);
  parts_.log.info("debug lines {}", parts_.log.level() <= spdlog::level::debug ? "on" : "off");
}

}  // namespace rruled::io
