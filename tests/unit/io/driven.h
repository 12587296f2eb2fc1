#pragma once

#include "daemon/io/driver.h"
#include "store/memory_store.h"
#include "tests/support/simulation.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace rruled::test {

// The machine's clocks, as if the wall clock had been set or time had passed.
class MovableClock final : public io::Clock {
 public:
  [[nodiscard]] store::Timestamp now() const override {
    return real_.now() + set_by_.load() + passed_.load();
  }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return real_.steady() + passed_.load();
  }
  [[nodiscard]] std::chrono::nanoseconds since_boot() const override {
    return real_.since_boot() + passed_.load();
  }
  void set(std::chrono::milliseconds by) { set_by_ = set_by_.load() + by; }
  void pass(std::chrono::milliseconds time) { passed_ = passed_.load() + time; }

 private:
  const io::SystemClock real_{};
  std::atomic<std::chrono::milliseconds> set_by_{std::chrono::milliseconds(0)};
  std::atomic<std::chrono::milliseconds> passed_{std::chrono::milliseconds(0)};
};

// A driver over a store, on a thread of its own, until it ends.
struct Driven {
  explicit Driven(store::Store& the_store, std::optional<std::chrono::milliseconds> ttl = {})
      : store(the_store), claim_ttl(ttl) {}

  // One run, due in a second.
  void add_run() { add_run_to(dynamic_cast<store::MemoryStore&>(store)); }
  void add_run_to(store::MemoryStore& memory, const std::string& rule = "FREQ=SECONDLY;COUNT=1") {
    Simulation(memory, now, {})
        .add(rule, std::chrono::floor<std::chrono::seconds>(now) + std::chrono::seconds(1), "UTC");
  }
  void begin(std::map<std::string, std::shared_ptr<io::Executor>> executors,
             io::Observer& observer,
             std::int64_t revisions_ahead = 0) {
    auto session = store.begin_session({store::random_uuid_v7(now)}, now);
    session.revision += revisions_ahead;
    driver.emplace(io.get_executor(), clock, io::StoreLane{store, store_thread},
                   io::StoreLane{store, store_thread}, planner, session, std::move(executors),
                   observer);
  }
  void run() {
    boost::asio::co_spawn(io, driver->run(), [this](std::exception_ptr error) {
      ended = !error;
      failure = error;
    });
    io.run_for(std::chrono::seconds(20));
    store_thread.join();
  }

  store::Store& store;
  const std::optional<std::chrono::milliseconds> claim_ttl;
  MovableClock machine{};
  io::StoreClock clock{machine};
  const store::Timestamp now = clock.now();
  boost::asio::io_context io{1};
  boost::asio::thread_pool store_thread{1};
  rrule::ZoneDatabase zones{};
  core::Planner planner{{.executors = {{"default", 10}}, .claim_ttl = claim_ttl}, zones, now};
  std::optional<io::Driver> driver{};
  bool ended = false;
  std::exception_ptr failure{};  // with which it ended, if it did
};

}  // namespace rruled::test
