// What the driver does with claims that lapse.
#include "daemon/io/run_on.h"
#include "store/memory_store.h"
#include "tests/support/hooked_store.h"
#include "tests/unit/io/driven.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>

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

// Its first settle is done, but who asked hears of a failure.
class LosesAnAnswer : public HookedStore {
 public:
  LosesAnAnswer(store::Store& real, std::function<void()> meanwhile)
      : HookedStore(real, [](When, int) {}), meanwhile_(std::move(meanwhile)) {}
  std::vector<store::SettleResult> settle(std::vector<store::Settlement> batch,
                                          const store::Claimant& claimant,
                                          store::Timestamp now) override {
    auto results = HookedStore::settle(std::move(batch), claimant, now);
    if (!meanwhile_) return results;
    std::exchange(meanwhile_, {})();
    throw store::StoreError(store::StoreError::Kind::unavailable, "the connection was lost");
  }

 private:
  std::function<void()> meanwhile_;
};

// All that is held is locked at first, as while another daemon takes it over.
class LocksRows final : public LosesAnAnswer {
 public:
  using LosesAnAnswer::LosesAnAnswer;
  std::vector<store::HeldClaim> extend(const store::Claimant& claimant,
                                       store::Timestamp now) override {
    if (!std::exchange(locked_, false)) return LosesAnAnswer::extend(claimant, now);
    std::vector<store::HeldClaim> claims;
    for (const auto& run : held(claimant)) claims.push_back({run.id, run.fence, false});
    return claims;
  }

 private:
  bool locked_ = true;
};

class StopsAtEnd : public io::Observer {
 public:
  explicit StopsAtEnd(Driven& driven) : driven_(driven) {}
  void on(const core::Notice& notice) override {
    if (notice.kind == core::Notice::Kind::run_ended) driven_.driver->stop();
  }

 private:
  Driven& driven_;
};

// Asks the store whether the claim would last for so long, and whether it may be acted on here.
class ClaimedExecutor : public io::Executor {
 public:
  ClaimedExecutor(Driven& driven, store::Store& store, milliseconds lasts)
      : driven_(driven), store_(store), lasts_(lasts) {}
  asio::awaitable<core::Report> deliver(store::Run, io::SendPermit permit) override {
    ++deliveries;
    co_await before_asking();
    auto recover = [this] { return store_.recover(10, driven_.clock.now() + lasts_); };
    lapsed = co_await io::run_on(driven_.store_thread, std::move(recover));
    permitted = io::may_send(permit);
    co_return core::Report{};
  }
  std::string destination(const store::Run&) const override { return "nowhere"; }
  std::string payload(const store::Run& run) const override { return run.body; }
  int deliveries = 0;
  std::size_t lapsed = 0;
  bool permitted = false;

 protected:
  virtual asio::awaitable<void> before_asking() { co_return; }
  Driven& driven_;

 private:
  store::Store& store_;
  milliseconds lasts_;
};

// Takes longer than a claim lasts.
class LongExecutor final : public ClaimedExecutor {
 public:
  using ClaimedExecutor::ClaimedExecutor;
  void extended() { extended_.cancel(); }

 private:
  asio::awaitable<void> before_asking() override {
    for (int i = 0; i < 4; ++i) {
      driven_.machine.pass(20s);
      driven_.driver->wake();
      extended_.expires_at(std::chrono::steady_clock::time_point::max());
      boost::system::error_code ignored;
      co_await extended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }
  asio::steady_timer extended_{driven_.io};
};

class TellsOfExtension final : public StopsAtEnd {
 public:
  using StopsAtEnd::StopsAtEnd;
  void on_store_answer(core::StoreFailed::What asked, std::chrono::nanoseconds) override {
    if (asked == core::StoreFailed::What::extend) executor->extended();
  }
  std::shared_ptr<LongExecutor> executor;
};

// Lets as much time pass after the first look at what is held.
class PassesTime final : public StopsAtEnd {
 public:
  PassesTime(Driven& driven, milliseconds time) : StopsAtEnd(driven), here_(driven), time_(time) {}
  void on_store_answer(core::StoreFailed::What asked, std::chrono::nanoseconds) override {
    looked_ = looked_ || asked == core::StoreFailed::What::review;
  }
  void on_turn(const core::Planner::Load&) override {
    if (looked_) here_.machine.pass(std::exchange(time_, 0s));
  }

 private:
  Driven& here_;
  milliseconds time_;
  bool looked_ = false;
};

// Delivered once, by a claim that lasted to the end.
void check_kept(const Driven& here, const ClaimedExecutor& executor, store::Store& memory) {
  CHECK(here.ended);
  CHECK(executor.deliveries == 1);
  CHECK(executor.permitted);
  CHECK(executor.lapsed == 0);
  const auto run = memory.runs({}).at(0);
  CHECK(run.status == store::RunStatus::completed);
  CHECK(run.fence == 1);
}

}  // namespace

// The claims found then are older than the answer that says so.
TEST_CASE("claims of a settle whose answer was lost are extended before they are acted on") {
  store::MemoryStore memory({.claim_ttl = 45s});
  std::optional<Driven> here;
  LosesAnAnswer store(memory, [&] { here->machine.pass(30s); });
  here.emplace(store, 45s);
  here->add_run_to(memory);
  const auto executor = std::make_shared<ClaimedExecutor>(*here, memory, 30s);
  StopsAtEnd observer(*here);
  here->begin({{"default", executor}}, observer);
  here->run();
  check_kept(*here, *executor, memory);
}

TEST_CASE("a claim found in doubt while its row was locked was acted on as if it were extended") {
  store::MemoryStore memory({.claim_ttl = 45s});
  std::optional<Driven> here;
  LocksRows store(memory, [&] { here->machine.pass(30s); });
  here.emplace(store, 45s);
  here->add_run_to(memory);
  const auto executor = std::make_shared<ClaimedExecutor>(*here, memory, 30s);
  PassesTime observer(*here, 5s);
  here->begin({{"default", executor}}, observer);
  here->run();
  check_kept(*here, *executor, memory);
}

TEST_CASE("a claim is extended, here and in the store, while its run is under way") {
  store::MemoryStore memory({.claim_ttl = 45s});
  Driven here(memory, 45s);
  here.add_run();
  const auto executor = std::make_shared<LongExecutor>(here, memory, 0s);
  TellsOfExtension observer(here);
  observer.executor = executor;
  here.begin({{"default", executor}}, observer);
  here.run();
  check_kept(here, *executor, memory);
}

}  // namespace rruled::test
