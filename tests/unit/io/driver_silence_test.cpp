// A store that neither answers nor fails, and one whose clock is set while others hold claims.
#include "store/memory_store.h"
#include "tests/support/hooked_store.h"
#include "tests/unit/io/driven.h"

#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

#include <atomic>
#include <future>
#include <string>
#include <utility>
#include <vector>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// Lets time pass while the store hangs, and lets the store go after some turns.
class HearsSilence final : public io::Observer {
 public:
  explicit HearsSilence(Driven& driven) : driven_(driven) {}
  void on_store_silence(std::string_view asked, std::chrono::nanoseconds out_for) override {
    heard.emplace_back(asked);
    out_long = out_for >= 35s;
  }
  void on_turn(const core::Planner::Load& load) override {
    boost::asio::post(driven_.io, [this] { driven_.driver->wake(); });
    away.push_back(load.store_away);
    if (away.size() == 3) driven_.machine.pass(34s);
    if (away.size() == 6) driven_.machine.pass(2s);
    if (away.size() == 9) let_go.set_value();
    if (away.size() > 9 && !load.store_away) driven_.driver->stop();
  }
  std::vector<std::string> heard{};
  std::vector<bool> away{};  // at each turn
  bool out_long = false;
  std::promise<void> let_go{};

 private:
  Driven& driven_;
};

// A server on another machine, with a clock of its own.
class ServerWithClock final : public HookedStore {
 public:
  explicit ServerWithClock(store::Store& real) : HookedStore(real, [](When, int) {}) {}
  std::optional<store::Timestamp> clock() override { return time.now(); }
  std::size_t recover(std::size_t limit, store::Timestamp now) override {
    ++recoveries;
    return HookedStore::recover(limit, now);
  }
  MovableClock time{};
  std::atomic<int> recoveries = 0;
};

// Sets the store's clock forward just before what has lapsed is asked for again, and again.
class SetsItForward final : public io::Observer {
 public:
  SetsItForward(Driven& driven, ServerWithClock& store) : driven_(driven), store_(store) {}
  void on_clock_step(io::WhoseClock whose, milliseconds step) override {
    steps.emplace_back(whose, step > 80s);
  }
  void on_store_answer(core::StoreFailed::What asked, std::chrono::nanoseconds) override {
    if (asked != core::StoreFailed::What::recover) return;
    recovered.push_back(store_.recoveries);
    if (recovered.size() == 3) return driven_.driver->stop();
    if (recovered.size() == 1) store_.time.set(90s);
    store_.time.pass(16s);
    driven_.machine.pass(16s);
  }
  std::vector<std::pair<io::WhoseClock, bool>> steps{};
  std::vector<int> recovered{};  // how often by each answer

 private:
  Driven& driven_;
  ServerWithClock& store_;
};

}  // namespace

TEST_CASE("a store that hung was up, and nothing was said of it") {
  store::MemoryStore store;
  Driven here(store);
  HearsSilence observer(here);
  boost::asio::post(here.store_thread, [&] { observer.let_go.get_future().wait(); });
  here.begin({}, observer);
  here.run();
  REQUIRE(here.ended);
  CHECK(observer.heard.size() == 1);
  CHECK(observer.out_long);
  REQUIRE(observer.away.size() > 9);
  for (std::size_t turn = 0; turn < 9; ++turn) CHECK(observer.away[turn] == (turn >= 6));
  CHECK_FALSE(observer.away.back());
}

TEST_CASE("a clock of the store that was set forward took from the living what they held") {
  store::MemoryStore memory({.claim_ttl = 45s});
  ServerWithClock store(memory);
  Driven here(store, 45s);
  SetsItForward observer(here, store);
  here.begin({}, observer);
  here.run();
  REQUIRE(here.ended);
  // Not at the heartbeat after it, when the others have yet to extend what they hold.
  CHECK(observer.recovered == std::vector{1, 1, 2});
  CHECK(observer.steps == std::vector{std::pair(io::WhoseClock::store, true)});
}

}  // namespace rruled::test
