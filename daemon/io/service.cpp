#include "daemon/io/service.h"

#include "daemon/core/run_identity.h"
#include "daemon/io/backfiller.h"
#include "daemon/io/caretaker.h"
#include "daemon/io/drain_limit.h"
#include "daemon/io/driver.h"
#include "daemon/io/executor_set.h"
#include "daemon/io/health.h"
#include "daemon/io/journal.h"
#include "daemon/io/logging.h"
#include "daemon/io/meanwhile.h"
#include "daemon/io/metrics.h"
#include "daemon/io/mirror.h"
#include "daemon/io/notifier.h"
#include "daemon/io/refresher.h"
#include "daemon/io/reloader.h"
#include "daemon/io/retention.h"
#include "daemon/io/run_on.h"
#include "daemon/io/supervision.h"
#include "daemon/io/surveyor.h"
#include "daemon/io/tracer.h"
#include "daemon/io/trackers.h"
#include "store/memory_store.h"
#include "store/open.h"
#include "systemd/listen_fds.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <utility>

namespace rruled::io {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using std::chrono::milliseconds;

constexpr int kOk = 0;
constexpr int kFailed = 1;
constexpr int kBadConfiguration = 78;

// How long they may take to stop, after the drain: the companion; spans and notifications, each.
constexpr milliseconds kCompanionGrace{1'000};
constexpr milliseconds kFlushGrace{500};

// Between two tries to reach a store that is away when the daemon starts.
constexpr milliseconds kOpenAgainMin{500};
constexpr milliseconds kOpenAgainMax{5'000};
constexpr milliseconds kOpenSaidEvery{15'000};

std::vector<InheritedSocket> inherited_sockets() {
  std::vector<InheritedSocket> sockets;
  for (auto& each : systemd::take_listen_fds()) sockets.push_back({each.fd, std::move(each.name)});
  return sockets;
}

class Service {
 public:
  Service(const Config& config, const ServiceOptions& options, std::shared_ptr<spdlog::logger> log)
      : config_(config),
        options_(options),
        sockets_(inherited_sockets()),
        live_(config),
        log_(std::move(log)),
        zones_(config.tzdata.directory.empty() ? rrule::ZoneDatabase::default_folder()
                                               : config.tzdata.directory),
        journal_(log_, clock_),
        notifier_(io_.get_executor(),
                  clock_,
                  journal_,
                  log_,
                  [this](const char* result) { metrics_.count_notification(result); }),
        tracer_(
            notifier_,
            io_.get_executor(),
            clock_,
            log_,
            RRULED_VERSION,
            [this](std::size_t sent, std::size_t dropped) { metrics_.count_spans(sent, dropped); }),
        metrics_(tracer_, clock_, RRULED_VERSION),
        supervision_(metrics_),
        context_{io_.get_executor(), clock_, guard_, log_} {}

  int run();

 private:
  // False when told to stop before it could be opened.
  [[nodiscard]] bool open_store();
  [[nodiscard]] bool told_to_stop_within(milliseconds wait);
  void take_up(store::Store& real);
  void greet(const store::Session& session, const ExecutorSet& executors);
  [[nodiscard]] int drive(const store::Session& session, ExecutorSet executors);
  void make_companion(const core::Planner& planner);
  awaitable<void> listen_to_signals(Driver& driver, core::Planner& planner, Reloader& reloader);
  awaitable<void> reload(core::Planner& planner, Reloader& reloader);
  void reload_zones(core::Planner& planner);
  awaitable<void> follow_real_store();
  awaitable<void> end_companion(Caretaker& caretaker);
  [[nodiscard]] std::vector<HealthCheck> health(const core::Planner& planner) const;

  // In order of construction; destroyed in reverse, the store last of what writes.
  const Config& config_;  // of the start
  const ServiceOptions& options_;
  const std::vector<InheritedSocket> sockets_;
  LiveConfig live_;
  SystemClock machine_clock_;
  StoreClock clock_{machine_clock_};
  std::shared_ptr<spdlog::logger> log_;
  rrule::ZoneDatabase zones_;
  ProcessGuard guard_;  // forks: before any thread
  std::unique_ptr<store::Store> real_;
  std::unique_ptr<store::Store> outcomes_;    // another connection, where the store is a server
  std::unique_ptr<store::MemoryStore> copy_;  // dry run
  std::unique_ptr<Mirror> mirror_;            // dry run
  asio::io_context io_{1};
  asio::thread_pool store_thread_{1};
  asio::thread_pool outcomes_thread_{1};
  Journal journal_;
  Notifier notifier_;
  Tracer tracer_;
  Metrics metrics_;
  Supervision supervision_;
  ExecutorContext context_;
  std::unique_ptr<Refresher> refresher_;
  std::unique_ptr<Companion> companion_;
  std::unique_ptr<Trackers> trackers_;
  std::optional<ExecutorSet> reloaded_;  // executors whose trackers are to begin
  Reloader* reloader_ = nullptr;         // while it drives
  asio::signal_set signals_{io_};
  DrainLimit drain_limit_{io_.get_executor(), log_};
  asio::steady_timer mirror_timer_{io_};
  int reloads_wanted_ = 0;  // since none was under way
  bool stopping_ = false;
  bool done_ = false;
};

bool Service::open_store() {
  const auto mode = options_.dry_run ? store::OpenMode::read_only : store::OpenMode::daemon;
  const bool may_come_up = config_.store.sqlite_file.empty();  // a server, not a file
  for (milliseconds wait = kOpenAgainMin;; wait = std::min(2 * wait, kOpenAgainMax)) {
    try {
      // A large store takes its time to be brought up to date.
      const Meanwhile opening(kOpenSaidEvery, [this] {
        log_->info("the store is being brought up to date");
        Supervision::waiting("the store is being brought up to date");
      });
      real_ = store::open_store(config_.store.location, mode);
      if (may_come_up && !options_.dry_run)
        outcomes_ = store::open_store(config_.store.location, store::OpenMode::command);
      clock_.measure(*real_);
      take_up(*real_);
      return true;
    } catch (const store::StoreError& error) {
      if (!may_come_up || error.kind() != store::StoreError::Kind::unavailable) throw;
      log_->warn("{}; trying again in {} ms", error.what(), wait.count());
      Supervision::waiting("waiting for the store: " + std::string(error.what()));
    }
    if (told_to_stop_within(wait)) return false;
  }
}

void Service::take_up(store::Store& real) {
  if (!options_.dry_run) {
    if (options_.prepare) options_.prepare(real, zones_, *log_);
    return;
  }
  copy_ = std::make_unique<store::MemoryStore>();
  mirror_ = std::make_unique<Mirror>(real, *copy_, log_);
  mirror_->copy_all(clock_.now());
}

// Before the loop runs.
bool Service::told_to_stop_within(milliseconds wait) {
  bool stop = false;
  asio::steady_timer timer(io_, wait);
  signals_.async_wait([&](const boost::system::error_code& error, int signal) {
    stop = !error && signal != SIGHUP && signal != SIGUSR1;
    timer.cancel();
  });
  timer.async_wait([this](const boost::system::error_code&) { signals_.cancel(); });
  io_.restart();
  io_.run();
  io_.restart();
  return stop;
}

void Service::greet(const store::Session& session, const ExecutorSet& executors) {
  log_->info("rruled {} on {}, time zones {}{}", RRULED_VERSION, config_.store.url,
             zones_.version(), options_.dry_run ? ", dry run: nothing is sent or written" : "");
  metrics_.set_zones(zones_.version());
  metrics_.set_breakers(breaker_options(config_));
  std::string names;
  for (const auto& [name, executor] : executors) names += (names.empty() ? "" : ", ") + name;
  log_->info("executors: {}", names);
  if (session.recovered > 0)
    log_->warn("{} runs were cut off when the daemon ended: trying them again if attempts are left",
               session.recovered);
  if (session.high_water > clock_.now() + milliseconds(2'000))
    log_->warn("the clock is behind: this store was last written at {}",
               core::rfc3339(session.high_water));
}

awaitable<void> Service::listen_to_signals(Driver& driver,
                                           core::Planner& planner,
                                           Reloader& reloader) {
  while (!done_) {
    boost::system::error_code error;
    const int signal =
        co_await signals_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    if (signal == SIGUSR1) {
      reloader.toggle_debug();
      continue;
    }
    if (signal == SIGHUP) {
      if (++reloads_wanted_ == 1) asio::co_spawn(io_, reload(planner, reloader), asio::detached);
      continue;
    }
    if (stopping_) ::_exit(128 + signal);
    stopping_ = true;
    log_->info("stopping: what is in flight may end ({} to stop at once)",
               signal == SIGINT ? "Ctrl-C again" : "a second signal");
    supervision_.stopping(live_.get()->run.stop_timeout);
    driver.stop();
    asio::co_spawn(io_, drain_limit_.run(driver, planner, live_.get()->run.stop_timeout),
                   asio::detached);
  }
}

// Beside the signals: one to stop does not wait for it.
awaitable<void> Service::reload(core::Planner& planner, Reloader& reloader) {
  for (int taken = 0; taken != reloads_wanted_;) {
    taken = reloads_wanted_;
    try {
      reload_zones(planner);
      if (!stopping_) co_await reloader.run();
      if (auto executors = std::exchange(reloaded_, std::nullopt); executors && !options_.dry_run) {
        co_await trackers_->stop();
        if (!stopping_ && !done_) trackers_->begin(*live_.get(), *executors);
      }
    } catch (const std::exception& error) {
      log_->error("the reload broke off, send SIGHUP again: {}", error.what());
    }
  }
  reloads_wanted_ = 0;
}

void Service::reload_zones(core::Planner& planner) {
  const auto reloaded = zones_.reload();
  log_->info("time zones read again: {}, were {}; {} of those read so far have changed",
             reloaded.version_after, reloaded.version_before, reloaded.changed.size());
  for (const auto& [name, error] : reloaded.unreadable)
    log_->error("time zone {} could not be read and stays as it was: {}", name, error.detail);
  metrics_.set_zones(zones_.version());
  planner.forget_timetables();
  if (refresher_) asio::co_spawn(io_, refresher_->run(!reloaded.changed.empty()), asio::detached);
}

awaitable<void> Service::follow_real_store() {
  while (!done_) {
    mirror_timer_.expires_after(milliseconds(500));
    boost::system::error_code cancelled;
    co_await mirror_timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    if (cancelled || done_) co_return;
    auto follow = [this] { return mirror_->follow(clock_); };
    co_await run_on(store_thread_, std::move(follow));
  }
}

awaitable<void> Service::end_companion(Caretaker& caretaker) {
  if (trackers_) co_await trackers_->stop();
  if (!options_.dry_run) co_await caretaker.finish();
  if (companion_) co_await companion_->stop(kCompanionGrace);
  co_await tracer_.stop(kFlushGrace);
  co_await notifier_.finish(kFlushGrace);
  io_.stop();  // what is left are waits: for signals, for idle connections
}

std::vector<HealthCheck> Service::health(const core::Planner& planner) const {
  return health_checks(stopping_, planner.load(), metrics_.survey(),
                       reloader_ != nullptr ? reloader_->refused() : "");
}

void Service::make_companion(const core::Planner& planner) {
  if (!options_.companion || options_.dry_run) return;
  companion_ = options_.companion(
      {io_.get_executor(), config_, clock_, schedule_rules(live_, zones_), log_,
       [this] { return live_.get()->limits.min_interval; },
       [this, &planner] { return health(planner); }, [this] { return metrics_.text(); }, sockets_});
  if (companion_) companion_->start();
}

int Service::drive(const store::Session& session, ExecutorSet executors) {
  store::Store& store = options_.dry_run ? *copy_ : *real_;
  core::Planner planner(planner_options(config_, session), zones_, clock_.now());
  const StoreLane lane{store, store_thread_};
  const StoreLane outcomes = outcomes_ ? StoreLane{*outcomes_, outcomes_thread_} : lane;
  Caretaker caretaker(io_.get_executor(), lane, zones_, clock_, log_, supervision_);
  trackers_ = std::make_unique<Trackers>(io_.get_executor(), lane, clock_, caretaker, log_);
  if (!options_.dry_run) trackers_->begin(config_, executors);
  Driver driver(io_.get_executor(), clock_, lane, outcomes, planner, session, std::move(executors),
                caretaker);
  Retention retention(io_.get_executor(), lane, clock_, config_.retention, log_);
  Backfiller backfiller(io_.get_executor(), lane, zones_, clock_, log_);
  const auto hear = [&](auto& found) { metrics_.set_survey(found, planner.full_executors()); };
  Surveyor surveyor(io_.get_executor(), survey_opener(config_.store), clock_, log_, hear);
  Reloader reloader({live_, config_, context_, driver, planner, retention, metrics_, tracer_,
                     supervision_, clock_, *log_, [this] { return companion_.get(); },
                     [this](const ExecutorSet& taken) { reloaded_ = taken; }, options_.dry_run},
                    options_.reload);
  reloader_ = &reloader;
  asio::co_spawn(io_, listen_to_signals(driver, planner, reloader), asio::detached);
  if (mirror_) asio::co_spawn(io_, follow_real_store(), asio::detached);
  std::unique_ptr<store::ChangeListener> listener;
  if (!options_.dry_run) {
    refresher_ = std::make_unique<Refresher>(lane, zones_, clock_, log_);
    asio::co_spawn(io_, refresher_->run(false), asio::detached);
    notifier_.begin();
    asio::co_spawn(io_, caretaker.run(), asio::detached);
    asio::co_spawn(io_, retention.run(), asio::detached);
    asio::co_spawn(io_, backfiller.run(), asio::detached);
    asio::co_spawn(io_, surveyor.run(), asio::detached);
    listener = store::listen_to_store(
        config_.store.location, [this, &driver] { asio::post(io_, [&driver] { driver.look(); }); });
  }
  int exit_code = kOk;
  const auto ended = [&](const std::exception_ptr& failure) {
    if (failure) exit_code = kFailed;
    done_ = true;
    drain_limit_.ended(failure, exit_code);
    asio::co_spawn(io_, end_companion(caretaker), asio::detached);
  };
  make_companion(planner);
  asio::co_spawn(io_, driver.run(), ended);
  io_.run();
  for (const int signal : {SIGINT, SIGTERM}) signals_.remove(signal);  // ends it at once again
  companion_.reset();
  trackers_.reset();
  reloader_ = nullptr;
  store_thread_.join();
  outcomes_thread_.join();
  reloader.end(exit_code);
  return exit_code;
}

int Service::run() {
  // From here on a signal waits for the loop instead of ending the process half-way.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) signals_.add(signal);
  metrics_.set_per_schedule(config_.metrics.per_schedule);
  const auto refuse = [this](const SettingError& error) {
    log_->error("configuration: {}: {}", error.setting, error.detail);
    return kBadConfiguration;
  };
  if (auto url = tracer_.set_url(config_.tracing.otlp_url); !url) return refuse(url.error());
  auto executors = make_executors(config_, context_);
  if (!executors) return refuse(executors.error());
  if (options_.dry_run) executors = dry(std::move(*executors), context_);
  if (!options_.dry_run)
    if (const auto error = notifier_.configure(config_.notify)) return refuse(*error);
  try {
    if (!open_store()) return kOk;
    store::Store& store = options_.dry_run ? *copy_ : *real_;
    const auto now = clock_.now();
    const auto session = store.begin_session(store::OwnerId{store::random_uuid_v7(now)}, now);
    greet(session, *executors);
    if (const int code = drive(session, std::move(*executors)); code != kOk) return code;
  } catch (const std::exception& error) {
    log_->critical("{}", error.what());
    return kFailed;
  }
  journal_.sum_up();
  return kOk;
}

}  // namespace

int run_service(const Config& config, const ServiceOptions& options) {
  std::shared_ptr<spdlog::logger> log;
  try {
    log = make_logger(config.log);
  } catch (const std::runtime_error& error) {  // there is no log to say it in
    std::fprintf(stderr, "rruled: %s\n", error.what());
    return kBadConfiguration;
  }
  return Service(config, options, std::move(log)).run();
}

}  // namespace rruled::io
