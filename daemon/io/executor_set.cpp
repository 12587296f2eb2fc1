#include "daemon/io/executor_set.h"

#include "daemon/io/command_executor.h"
#include "daemon/io/http_executor.h"
#include "daemon/io/log_executor.h"
#include "daemon/io/program.h"
#include "daemon/io/secret.h"

#include <utility>

namespace rruled::io {
namespace {

using Made = SettingResult<std::unique_ptr<Executor>>;

template <class T>
Made widen(SettingResult<std::unique_ptr<T>> made) {
  if (!made) return made.error();
  return std::unique_ptr<Executor>(std::move(*made));
}

Made make_http(const ExecutorConfig& config, const ExecutorContext& context) {
  HttpExecutorOptions options;
  options.base_url = config.base_url;
  options.url = config.url;
  options.ca_file = config.ca_file;
  options.connections_kept_max = config.max_in_flight;
  if (config.timeout) options.timeout = *config.timeout;
  if (config.tracks()) options.track_after = config.track_poll_min;
  if (!config.token_file.empty()) {
    auto token = Secret::read_file(config.token_file, "token_file");
    if (!token) return token.error();
    options.token = std::move(*token);
  }
  return widen(HttpExecutor::create(context.io, context.clock, std::move(options)));
}

Made make_command(const ExecutorConfig& config, const ExecutorContext& context) {
  CommandExecutorOptions options;
  options.argv = config.argv;
  options.retry_on_failure = config.retry_on_failure;
  // It may be installed later, so this keeps nobody from starting.
  if (const auto why = why_no_program(config.argv.front()); !why.empty())
    context.log->warn("executors.{}.argv: {}: its runs will fail", config.name, why);
  if (config.timeout) options.timeout = *config.timeout;
  return widen(
      CommandExecutor::create(context.io, context.clock, context.guard, std::move(options)));
}

Made make_one(const ExecutorConfig& config, const ExecutorContext& context) {
  switch (config.type) {
    case ExecutorType::http:
      return make_http(config, context);
    case ExecutorType::command:
      return make_command(config, context);
    case ExecutorType::log:
      break;
  }
  return std::unique_ptr<Executor>(std::make_unique<LogExecutor>(context.clock, context.log));
}

class DryExecutor final : public Executor {
 public:
  DryExecutor(std::shared_ptr<Executor> real,
              const Clock& clock,
              std::shared_ptr<spdlog::logger> log)
      : real_(std::move(real)), clock_(clock), log_(std::move(log)) {}

  boost::asio::awaitable<core::Report> deliver(store::Run run, SendPermit) override {
    log_->info("would {}  with {}", real_->destination(run), real_->payload(run));
    core::Report report;
    report.started_at = report.finished_at = clock_.now();
    co_return report;
  }
  [[nodiscard]] std::string destination(const store::Run& run) const override {
    return real_->destination(run);
  }
  [[nodiscard]] std::string payload(const store::Run& run) const override {
    return real_->payload(run);
  }

 private:
  std::shared_ptr<Executor> real_;
  const Clock& clock_;
  std::shared_ptr<spdlog::logger> log_;
};

}  // namespace

SettingResult<ExecutorSet> make_executors(const Config& config, const ExecutorContext& context) {
  ExecutorSet executors;
  for (const ExecutorConfig& each : config.executors) {
    auto made = make_one(each, context);
    if (!made)
      return SettingError{"executors." + each.name + "." + made.error().setting,
                          made.error().detail};
    executors.emplace(each.name, std::move(*made));
  }
  return executors;
}

std::map<std::string, std::size_t> executor_caps(const Config& config) {
  std::map<std::string, std::size_t> caps;
  for (const ExecutorConfig& each : config.executors) caps.emplace(each.name, each.max_in_flight);
  return caps;
}

std::map<std::string, core::BreakerOptions> breaker_options(const Config& config) {
  std::map<std::string, core::BreakerOptions> breakers;
  for (const ExecutorConfig& each : config.executors)
    if (each.type == ExecutorType::http)
      breakers.emplace(each.name,
                       core::BreakerOptions{static_cast<int>(each.breaker_failures),
                                            each.breaker_open_min, each.breaker_open_max});
  return breakers;
}

core::JobOptions job_options(const Config& config) {
  core::JobOptions jobs;
  jobs.max_audience = config.limits.max_audience;
  for (const ExecutorConfig& each : config.executors) {
    // Another hog_flows API resolves the audience of its jobs itself.
    const bool passes_on = each.type == ExecutorType::http && !each.base_url.empty();
    if (!passes_on) jobs.executors.insert(each.name);
  }
  return jobs;
}

std::set<std::string> tracked_executors(const Config& config) {
  std::set<std::string> tracked;
  for (const ExecutorConfig& each : config.executors)
    if (each.type == ExecutorType::http && each.tracks()) tracked.insert(each.name);
  return tracked;
}

core::PlannerOptions planner_options(const Config& config, const store::Session& session) {
  core::PlannerOptions options;
  options.claim_ttl = session.claim_ttl;
  options.seed = std::hash<store::OwnerId>()(session.claimant.owner);
  options.max_in_flight = config.run.max_in_flight;
  options.executors = executor_caps(config);
  options.breakers = breaker_options(config);
  options.jobs = job_options(config);
  options.tracked = tracked_executors(config);
  return options;
}

ExecutorSet dry(ExecutorSet real, const ExecutorContext& context) {
  ExecutorSet executors;
  for (auto& [name, executor] : real)
    executors.emplace(
        name, std::make_shared<DryExecutor>(std::move(executor), context.clock, context.log));
  return executors;
}

}  // namespace rruled::io
