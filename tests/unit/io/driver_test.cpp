#include "daemon/io/driver.h"

#include "store/memory_store.h"
#include "tests/support/hooked_store.h"
#include "tests/unit/io/driven.h"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rruled::test {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

class CountingExecutor final : public io::Executor {
 public:
  asio::awaitable<core::Report> deliver(store::Run, io::SendPermit) override {
    ++deliveries;
    co_return core::Report{};
  }
  std::string destination(const store::Run&) const override { return "nowhere"; }
  std::string payload(const store::Run& run) const override { return run.body; }
  int deliveries = 0;
};

// Stops and breaks off in the very turn in which a delivery is started.
class CutAtOnce final : public io::Observer {
 public:
  void on_turn(const core::Planner::Load& load) override {
    if (load.in_flight == 0 || cut) return;
    cut = true;
    driver->stop();
    driver->cut_short();
  }
  io::Driver* driver = nullptr;
  bool cut = false;
};

class CountedLoads final : public HookedStore {
 public:
  explicit CountedLoads(store::Store& real) : HookedStore(real, [](When, int) {}) {}
  std::vector<store::DueSchedule> load_due(std::optional<store::DueCursor> after,
                                           store::Timestamp before,
                                           std::size_t limit) override {
    if (!after) ++from_the_beginning;
    return HookedStore::load_due(after, before, limit);
  }
  std::atomic<int> from_the_beginning = 0;
};

class StopAfterLoads final : public io::Observer {
 public:
  void on_turn(const core::Planner::Load&) override {
    if (store->from_the_beginning >= 2) driver->stop();
  }
  io::Driver* driver = nullptr;
  CountedLoads* store = nullptr;
};

// Ends when it is broken off.
class EndlessExecutor : public io::Executor {
 public:
  asio::awaitable<core::Report> deliver(store::Run, io::SendPermit) override {
    asio::steady_timer timer(co_await asio::this_coro::executor,
                             std::chrono::steady_clock::time_point::max());
    boost::system::error_code broken_off;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, broken_off));
    core::Report report;
    report.kind = core::Report::Kind::retry;
    co_return report;
  }
  std::string destination(const store::Run&) const override { return "nowhere"; }
  std::string payload(const store::Run& run) const override { return run.body; }
};

// Sends twice, as over a connection that turns out stale, and ends when it is broken off.
class SendingExecutor final : public EndlessExecutor {
 public:
  asio::awaitable<core::Report> deliver(store::Run run, io::SendPermit permit) override {
    sent = io::may_send(permit) && io::may_send(permit);
    return EndlessExecutor::deliver(std::move(run), {});
  }
  bool sent = false;
};

// Breaks off what has started.
class CutOnceStarted final : public io::Observer {
 public:
  void on(const core::Notice& notice) override {
    if (notice.report && late_by.empty()) ended_first = true;
  }
  void on_start(std::chrono::milliseconds late) override {
    late_by.push_back(late);
    driver->wake();
  }
  void on_turn(const core::Planner::Load&) override {
    if (late_by.empty() || std::exchange(cut, true)) return;
    driver->stop();
    driver->cut_short();
  }
  io::Driver* driver = nullptr;
  std::vector<std::chrono::milliseconds> late_by;
  bool ended_first = false;
  bool cut = false;
};

// Reaches nobody for three attempts, the third a minute and a half after the first; sends from the
// fourth on, and is answered well at the fifth.
class ReachesAtLast final : public EndlessExecutor {
 public:
  explicit ReachesAtLast(MovableClock& clock) : clock_(clock) {}
  asio::awaitable<core::Report> deliver(store::Run run, io::SendPermit permit) override {
    reasons.push_back(run.reason);
    core::Report report;
    if (run.attempts < 5) report.kind = core::Report::Kind::retry;
    if (run.attempts == 2) clock_.pass(90s);
    if (run.attempts > 3 && io::may_send(permit)) report.started_at = clock_.now();
    co_return report;
  }
  std::vector<std::string> reasons;

 private:
  MovableClock& clock_;
};

// Hears of starts, and stops the driver at the end of a run.
class HearsLateness final : public io::Observer {
 public:
  void on(const core::Notice& notice) override {
    notices.push_back(notice);
    if (notice.kind == core::Notice::Kind::run_ended) driver->stop();
  }
  void on_start(milliseconds late) override { late_by.push_back(late); }
  [[nodiscard]] auto count(core::Notice::Kind kind) const {
    return std::ranges::count(notices, kind, &core::Notice::kind);
  }
  io::Driver* driver = nullptr;
  std::vector<core::Notice> notices;
  std::vector<milliseconds> late_by;
};

// Throws what nobody expects of a store.
class ThrowsANumber final : public HookedStore {
 public:
  explicit ThrowsANumber(store::Store& real) : HookedStore(real, [](When, int) {}) {}
  std::vector<store::SettleResult> settle(std::vector<store::Settlement>,
                                          const store::Claimant&,
                                          store::Timestamp) override {
    throw 42;
  }
};

class WishOnceStopped final : public io::Observer {
 public:
  void on_turn(const core::Planner::Load& load) override {
    if (load.in_flight > 0) std::exchange(stop_and_wish, [] {})();
  }
  std::function<void()> stop_and_wish;
};

// Hears how attempts end; the driver is stopped while the first is under way.
class HearsTheLast final : public io::Observer {
 public:
  void on(const core::Notice& notice) override { heard.push_back(notice.kind); }
  void on_turn(const core::Planner::Load& load) override {
    if (load.in_flight == 0 || std::exchange(cut_, true)) return;
    driver->stop();
    driver->cut_short();
  }
  io::Driver* driver = nullptr;
  std::vector<core::Notice::Kind> heard;

 private:
  bool cut_ = false;
};

// A server on another machine, whose clock can be set.
class DistantStore final : public HookedStore {
 public:
  explicit DistantStore(store::Store& real) : HookedStore(real, [](When, int) {}) {}
  std::optional<store::Timestamp> clock() override {
    ++asked;
    return time.now();
  }
  std::vector<store::SettleResult> settle(std::vector<store::Settlement> batch,
                                          const store::Claimant& claimant,
                                          store::Timestamp now) override {
    if (asked == 0) ++settled_before;
    return HookedStore::settle(std::move(batch), claimant, now);
  }
  MovableClock time{};
  std::atomic<int> asked = 0;
  int settled_before = 0;  // store's thread
};

// Sets a clock, and stops the driver when the store has been asked for its time since.
class SetsClock final : public io::Observer {
 public:
  SetsClock(Driven& driven, const DistantStore& store, std::function<void()> set)
      : driven_(driven), store_(store), set_(std::move(set)) {}
  void on_clock_step(io::WhoseClock whose, milliseconds step) override {
    steps.emplace_back(whose, step);
  }
  void on_turn(const core::Planner::Load&) override {
    if (set_) {
      std::exchange(set_, {})();
      asked_then_ = store_.asked;
    } else if (store_.asked >= asked_then_ + enough) {
      driven_.driver->stop();
    }
  }
  std::vector<std::pair<io::WhoseClock, milliseconds>> steps{};
  int enough = 3;  // the first may have been under way, the last may be

 private:
  Driven& driven_;
  const DistantStore& store_;
  std::function<void()> set_;
  int asked_then_ = 0;
};

}  // namespace

// A wish that comes while the daemon drains: of a command of an hour, say.
TEST_CASE("a run that is wished cancelled during a drain is broken off") {
  store::MemoryStore store;
  Driven here(store);
  here.add_run();
  WishOnceStopped observer;
  here.begin({{"default", std::make_shared<EndlessExecutor>()}}, observer);
  observer.stop_and_wish = [&] {
    here.driver->stop();
    asio::post(here.store_thread, [&] {
      const auto id = store.runs({}).at(0).id;
      (void)store.run_desk()->ask_to_cancel(id, "enough", here.clock.now());
    });
  };
  here.run();
  CHECK(here.ended);
  const auto run = store.runs({}).at(0);
  CHECK(run.status == store::RunStatus::cancelled);
  CHECK(run.reason == "enough");
}

TEST_CASE("nothing fired any more, and nobody was told, after a store threw no std::exception") {
  store::MemoryStore memory;
  ThrowsANumber store(memory);
  Driven here(store);
  here.add_run_to(memory);
  io::Observer observer;
  here.begin({{"default", std::make_shared<EndlessExecutor>()}}, observer);
  here.run();
  CHECK_FALSE(here.ended);
  REQUIRE(here.failure);
  CHECK_THROWS_AS(std::rethrow_exception(here.failure), int);
}

TEST_CASE("nobody heard of the end of the last run of a drain: no line, no webhook, no ping") {
  store::MemoryStore store;
  Driven here(store);
  here.add_run();
  HearsTheLast observer;
  here.begin({{"default", std::make_shared<EndlessExecutor>()}}, observer);
  observer.driver = &*here.driver;
  here.run();
  CHECK(here.ended);
  CHECK(observer.heard == std::vector{core::Notice::Kind::run_retrying});
  CHECK(store.runs({}).at(0).status == store::RunStatus::retrying);
}

TEST_CASE("nobody heard that a run had started before it had ended") {
  store::MemoryStore store;
  Driven here(store);
  here.add_run();
  const auto executor = std::make_shared<SendingExecutor>();
  CutOnceStarted observer;
  here.begin({{"default", executor}}, observer);
  observer.driver = &*here.driver;
  here.run();
  CHECK(here.ended);
  CHECK(executor->sent);
  REQUIRE(observer.late_by.size() == 1);
  CHECK(observer.late_by.front() >= 0ms);
  CHECK_FALSE(observer.ended_first);
}

TEST_CASE("a run that reached nobody at first was never late, however late it was sent") {
  store::MemoryStore store;
  Driven here(store);
  const auto soon = std::chrono::floor<std::chrono::seconds>(here.now) + 1s;
  Simulation(store, here.now, {}).add("FREQ=SECONDLY;COUNT=1", soon, "UTC", [](auto& row) {
    row.retry.min_backoff = row.retry.max_backoff = 1ms;
  });
  const auto executor = std::make_shared<ReachesAtLast>(here.machine);
  HearsLateness observer;
  here.begin({{"default", executor}}, observer);
  observer.driver = &*here.driver;
  here.run();
  CHECK(here.ended);
  CHECK(executor->reasons ==
        std::vector<std::string>{"", "unreached", "unreached", "unreached", ""});
  REQUIRE(observer.late_by.size() == 1);
  CHECK(observer.late_by.front() >= 90s);
  CHECK(observer.count(core::Notice::Kind::run_late) == 1);
  const auto run = store.runs({}).at(0);
  CHECK(run.status == store::RunStatus::completed);
  CHECK(run.reason.empty());
  CHECK(*run.started_at < soon + 60s);  // the time for retries counts from the first attempt
  const auto lines = store.logs({.run_id = run.id});
  const auto is_late = [](const auto& line) {
    return line.message.find("; started ") != std::string::npos;
  };
  CHECK(std::ranges::count_if(lines, is_late) == 1);
  const auto tried = std::ranges::find(observer.notices, 4, [](const auto& notice) {
    return notice.kind == core::Notice::Kind::run_retrying ? notice.run->attempts : 0;
  });
  REQUIRE(tried != observer.notices.end());
  CHECK(*tried->run->started_at - tried->run->due_at >= 90s);
}

// Which parts stand beside a store was known of three kinds alone.
TEST_CASE("a daemon failed at each look at its jobs when its store had a hook") {
  store::MemoryStore memory;
  HookedStore store(memory, [](HookedStore::When, int) {});
  Driven here(store);
  here.add_run_to(memory);
  HearsLateness observer;
  here.begin({{"default", std::make_shared<CountingExecutor>()}}, observer);
  observer.driver = &*here.driver;
  here.run();
  CHECK(here.ended);
  CHECK(observer.count(core::Notice::Kind::run_ended) == 1);
  CHECK(observer.count(core::Notice::Kind::store_failed) == 0);
}

// Another server took its place, without the last commits.
TEST_CASE("a store that has less than it had is read from its beginning") {
  store::MemoryStore memory;
  CountedLoads store(memory);
  Driven here(store);
  StopAfterLoads observer;
  here.begin({}, observer, 100);
  observer.driver = &*here.driver;
  observer.store = &store;
  here.run();
  CHECK(here.ended);
  CHECK(store.from_the_beginning == 2);
}

TEST_CASE("a delivery cut off in the turn it began neither hangs the drain nor loses the run") {
  store::MemoryStore store;
  Driven here(store);
  here.add_run();
  const auto executor = std::make_shared<CountingExecutor>();
  CutAtOnce observer;
  here.begin({{"default", executor}}, observer);
  observer.driver = &*here.driver;
  here.run();

  CHECK(observer.cut);
  REQUIRE(here.ended);
  const auto runs = store.runs({});
  REQUIRE(runs.size() == 1);
  const bool sent = executor->deliveries == 1;
  CHECK(runs.front().status == (sent ? store::RunStatus::completed : store::RunStatus::pending));
  CHECK(runs.front().attempts == executor->deliveries);
}

// The second time by the correction that followed, as a step the other way; the first one, of the
// store's, was right.
TEST_CASE("a step of the machine's clock was reported again when the store's had been asked") {
  const bool machines = GENERATE(true, false);
  CAPTURE(machines);
  store::MemoryStore memory;
  DistantStore store(memory);
  Driven here(store);
  SetsClock observer(here, store, [&] {
    if (machines)
      here.machine.set(-1h);
    else
      store.time.set(1h);
  });
  here.begin({}, observer);
  here.run();
  CHECK(here.ended);
  REQUIRE(observer.steps.size() == 1);
  const auto [whose, step] = observer.steps.front();
  CHECK(whose == (machines ? io::WhoseClock::machine : io::WhoseClock::store));
  CHECK((step < 0ms) == machines);
}

// Its turn to be asked comes after four seconds.
TEST_CASE("the store is asked for its time as soon as the machine's clock was set") {
  store::MemoryStore memory({.claim_ttl = 45s});
  DistantStore store(memory);
  Driven here(store, 45s);
  here.add_run_to(memory, "FREQ=SECONDLY;COUNT=20");
  SetsClock observer(here, store, [&] { here.machine.set(2s); });
  observer.enough = 1;
  here.begin({{"default", std::make_shared<CountingExecutor>()}}, observer);
  here.run();
  CHECK(here.ended);
  CHECK(observer.steps.size() == 1);
  CHECK(store.settled_before <= 2);  // one is due each second
}

}  // namespace rruled::test
