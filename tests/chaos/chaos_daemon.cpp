// A daemon that dies and stops at random steps between two writes, for chaos_test.
//
//   chaos_daemon STORE_URL RECEIVER_URL CLAIM_TTL_MS SEED DISTURB [MUTANT [STOP_AT]]
//
// DISTURB: of 10,000 steps, how many kill it (-9); half as many stop it (SIGSTOP) until somebody
// continues it. STOP_AT: it stops once, before its first outcome is written ("finish") or before
// its first byte leaves ("send"), and prints "passed" when that is done; or it dies before or after
// a call to the store ("step N", from 1; "settled": its first settle). With any of them, "never"
// too, it waits 30 s for an answer instead of one. Ends at SIGTERM by draining.
#include "daemon/io/driver.h"
#include "daemon/io/http_executor.h"
#include "store/open.h"
#include "tests/chaos/mutants.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <random>
#include <utility>

namespace rruled::test {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::milliseconds kAttemptTimeout{1'000};
// Outlasts the stop: then nothing but the claim's own end keeps an attempt from being sent late.
constexpr std::chrono::milliseconds kTimeoutOverStop{30'000};
constexpr std::size_t kInFlight = 64;

// Thread-safe enough: each thread has its own.
class Disturbance {
 public:
  // 0: dies at no certain step.
  Disturbance(unsigned seed, unsigned of_10000, int dies_at = 0)
      : random_(seed), of_10000_(of_10000), left_(dies_at) {}
  void step() {
    if (left_ > 0 && --left_ == 0) ::raise(SIGKILL);
    const auto dice = random_() % 10'000;
    if (dice < of_10000_) ::raise(SIGKILL);
    if (dice < of_10000_ + of_10000_ / 2) ::raise(SIGSTOP);
  }
  void maybe_stop(unsigned of_10000) {
    if (random_() % 10'000 < of_10000) ::raise(SIGSTOP);
  }

 private:
  std::mt19937 random_;
  unsigned of_10000_;
  int left_;
};

// Stops the process when a connection is there and the first byte is about to leave.
class StoppedBeforeSending final : public io::Executor {
 public:
  StoppedBeforeSending(std::unique_ptr<io::Executor> real, unsigned seed, unsigned of_10000)
      : real_(std::move(real)), disturbance_(seed, 0), of_10000_(of_10000) {}
  asio::awaitable<core::Report> deliver(store::Run run, io::SendPermit permit) override {
    io::SendPermit asked_late = [this, permit] {
      disturbance_.maybe_stop(of_10000_);
      return io::may_send(permit);
    };
    return real_->deliver(std::move(run), std::move(asked_late));
  }
  std::string destination(const store::Run& run) const override { return real_->destination(run); }
  std::string payload(const store::Run& run) const override { return real_->payload(run); }

 private:
  std::unique_ptr<io::Executor> real_;
  Disturbance disturbance_;
  unsigned of_10000_;
};

class StopsBeforeSending final : public io::Executor {
 public:
  explicit StopsBeforeSending(std::unique_ptr<io::Executor> real) : real_(std::move(real)) {}
  asio::awaitable<core::Report> deliver(store::Run run, io::SendPermit permit) override {
    const bool first = !std::exchange(begun_, true);
    io::SendPermit asked_late = [first, permit] {
      if (first) ::raise(SIGSTOP);
      return io::may_send(permit);
    };
    core::Report report = co_await real_->deliver(std::move(run), std::move(asked_late));
    if (first) std::cout << "passed" << std::endl;
    co_return report;
  }
  std::string destination(const store::Run& run) const override { return real_->destination(run); }
  std::string payload(const store::Run& run) const override { return real_->payload(run); }

 private:
  std::unique_ptr<io::Executor> real_;
  bool begun_ = false;
};

class StopsBeforeFinish final : public HookedStore {
 public:
  explicit StopsBeforeFinish(store::Store& real) : HookedStore(real, [](When, int) {}) {}
  std::vector<store::FinishResult> finish(const std::vector<store::Finish>& batch,
                                          const store::Claimant& claimant,
                                          store::Timestamp now) override {
    const bool first = !std::exchange(begun_, true);
    if (first) ::raise(SIGSTOP);
    auto results = HookedStore::finish(batch, claimant, now);
    if (first) std::cout << "passed" << std::endl;
    return results;
  }

 private:
  bool begun_ = false;
};

// Below a mutant, whose settling may go on after that.
class DiesOnceSettled final : public HookedStore {
 public:
  explicit DiesOnceSettled(store::Store& real) : HookedStore(real, [](When, int) {}) {}
  std::vector<store::SettleResult> settle(std::vector<store::Settlement> batch,
                                          const store::Claimant& claimant,
                                          store::Timestamp now) override {
    auto results = HookedStore::settle(std::move(batch), claimant, now);
    for (const auto& result : results)
      if (result.kind == store::SettleResult::Kind::settled) ::raise(SIGKILL);
    return results;
  }
};

int run(char** argv) {
  const unsigned seed = static_cast<unsigned>(std::atoi(argv[4]));
  const unsigned disturb = static_cast<unsigned>(std::atoi(argv[5]));
  const std::string mutant = argv[6] != nullptr ? argv[6] : "";
  const std::string stop_at = argv[6] != nullptr && argv[7] != nullptr ? argv[7] : "";
  io::SystemClock machine;
  io::StoreClock clock(machine);
  const store::OwnerId owner{store::random_uuid_v7(clock.now())};
  // The schema's audit knows who writes.
  const std::string url = std::string(argv[1]) +
                          (std::string(argv[1]).find('?') == std::string::npos ? "?" : "&") +
                          "application_name=" + store::to_string(owner);
  const auto real =
      store::open_store({.url = url, .claim_ttl = std::chrono::milliseconds(std::atoi(argv[3]))},
                        store::OpenMode::daemon);
  const int dies_at = stop_at.starts_with("step ") ? std::stoi(stop_at.substr(5)) : 0;
  Disturbance at_store(seed, disturb, dies_at);
  DiesOnceSettled dying(*real);
  const auto store =
      make_mutant(mutant, url, stop_at == "settled" ? static_cast<store::Store&>(dying) : *real,
                  [&](HookedStore::When, int) { at_store.step(); });
  asio::io_context io{1};
  asio::thread_pool store_thread{1};
  asio::thread_pool outcomes_thread{1};
  const rrule::ZoneDatabase zones;
  clock.measure(*store);
  const auto session = store->begin_session(owner, clock.now());
  core::PlannerOptions options;
  options.executors = {{"default", kInFlight}};
  // Not the session's: a mutant that has no deadline recovers what others held all the same.
  options.claim_ttl = std::chrono::milliseconds(std::atoi(argv[3]));
  options.claim_poll = std::chrono::milliseconds(500);
  options.seed = seed;
  core::Planner planner(options, zones, clock.now());
  auto http = io::HttpExecutor::create(
      io.get_executor(), clock,
      {.url = argv[2], .timeout = stop_at.empty() ? kAttemptTimeout : kTimeoutOverStop});
  if (!http) throw std::runtime_error(http.error().detail);
  std::map<std::string, std::shared_ptr<io::Executor>> executors;
  if (stop_at == "send")
    executors["default"] = std::make_unique<StopsBeforeSending>(std::move(*http));
  else
    executors["default"] = std::make_unique<StoppedBeforeSending>(std::move(*http), seed, disturb);
  // As the daemon has it: outcomes are written by another connection.
  const auto real_outcomes = store::open_store({.url = url}, store::OpenMode::command);
  Disturbance at_outcomes(seed + 1, disturb);
  const auto outcomes =
      make_mutant(mutant, url, *real_outcomes, [&](HookedStore::When, int) { at_outcomes.step(); });
  StopsBeforeFinish stopping(*outcomes);
  store::Store& ends = stop_at == "finish" ? static_cast<store::Store&>(stopping) : *outcomes;
  const io::StoreLane lane{*store, store_thread};
  io::Observer observer;
  io::Driver driver(io.get_executor(), clock, lane, {ends, outcomes_thread}, planner, session,
                    executors, observer);
  const auto listener =
      store::listen_to_store({.url = url}, [&] { asio::post(io, [&driver] { driver.look(); }); });
  asio::signal_set signals(io, SIGTERM);
  signals.async_wait([&](const boost::system::error_code&, int) { driver.stop(); });
  int exit_code = 0;
  asio::co_spawn(io, driver.run(), [&](std::exception_ptr error) {
    exit_code = error ? 1 : 0;
    io.stop();
  });
  io.run();
  store_thread.join();
  outcomes_thread.join();
  return exit_code;
}

}  // namespace
}  // namespace rruled::test

int main(int argc, char** argv) {
  if (argc < 6) return 2;
  // A database that is away at the start: the harness starts another one.
  try {
    return rruled::test::run(argv);
  } catch (const std::exception& error) {
    std::cerr << "chaos_daemon: " << error.what() << "\n";
    return 1;
  }
}
