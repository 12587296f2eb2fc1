#pragma once

#include "daemon/core/planner.h"
#include "daemon/io/claim_deadlines.h"
#include "daemon/io/executor.h"
#include "daemon/io/store_clock.h"
#include "daemon/io/store_lane.h"
#include "daemon/io/store_work.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace rruled::io {

enum class WhoseClock { machine, store };

// Hears what the engine did, for logs and metrics; nothing of what it does not override. Called on
// the io thread; must not throw.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on(const core::Notice& /*notice*/) {}
  // A wall clock was set, or the machine slept: by so much more (or less) than the steady clock. A
  // step of the machine's and of its store's together is one of the machine's.
  virtual void on_clock_step(WhoseClock /*whose*/, std::chrono::milliseconds /*step*/) {}
  // The first byte of a run leaves, whichever attempt that is: so long after its due_at (negative:
  // the clock was set back since).
  virtual void on_start(std::chrono::milliseconds /*late_by*/) {}
  // One turn of the loop is done; what feeds a watchdog.
  virtual void on_turn(const core::Planner::Load& /*load*/) {}
  // The store answered, in whichever way, so long after it was asked.
  virtual void on_store_answer(core::StoreFailed::What /*asked*/,
                               std::chrono::nanoseconds /*took*/) {}
  // It has not answered for so long, and is away until it does. Said once.
  virtual void on_store_silence(std::string_view /*asked*/, std::chrono::nanoseconds /*out_for*/) {}
  // The planner thought so long: rules are computed there.
  virtual void on_step(std::chrono::nanoseconds /*took*/) {}
};

// Hears something and passes everything on to the next one, which outlives it.
class Listener : public Observer {
 public:
  explicit Listener(Observer& next) : next_(next) {}
  void on(const core::Notice& notice) override { next_.on(notice); }
  void on_clock_step(WhoseClock whose, std::chrono::milliseconds step) override {
    next_.on_clock_step(whose, step);
  }
  void on_start(std::chrono::milliseconds late_by) override { next_.on_start(late_by); }
  void on_turn(const core::Planner::Load& load) override { next_.on_turn(load); }
  void on_store_answer(core::StoreFailed::What asked, std::chrono::nanoseconds took) override {
    next_.on_store_answer(asked, took);
  }
  void on_store_silence(std::string_view asked, std::chrono::nanoseconds out_for) override {
    next_.on_store_silence(asked, out_for);
  }
  void on_step(std::chrono::nanoseconds took) override { next_.on_step(took); }

 protected:
  [[nodiscard]] Observer& next() const { return next_; }

 private:
  Observer& next_;
};

// Performs the planner's actions with sockets and threads: deliveries as coroutines on the io
// thread, the store on its own thread, one wait for what is due next.
//
//   Driver driver{io, clock, lane, lane, planner, session, executors, observer};
//   co_spawn(io, driver.run(), ..);     // ends when drained, throws when the store cannot go on
//   driver.stop();                      // drains
//
// Io thread only. Everything given must outlive run(). `outcomes` is where ends of runs are
// written: where the store is a server, a connection of its own, so that neither waits for the
// other; else the same.
class Driver {
 public:
  Driver(boost::asio::any_io_executor io,
         StoreClock& clock,
         StoreLane store,
         StoreLane outcomes,
         core::Planner& planner,
         const store::Session& session,
         std::map<std::string, std::shared_ptr<Executor>> executors,
         Observer& observer);

  [[nodiscard]] boost::asio::awaitable<void> run();

  // No new work; run() returns when what is in flight has ended.
  void stop();
  // Breaks off deliveries: those that take so long to end then, or longer.
  void cut_short(std::chrono::milliseconds time_to_end = {});
  // Of what is in flight: see Executor::time_to_end().
  [[nodiscard]] std::chrono::milliseconds time_to_end() const;
  // Deliveries that begin from now on are these executors'; those under way go on with theirs.
  void set_executors(std::map<std::string, std::shared_ptr<Executor>> executors) {
    executors_ = std::move(executors);
  }
  // Has the loop turn now.
  void wake();
  // Has it see now what others wrote to the store; it would by itself within 0.2 s (a file of its
  // own) or about 5 s (a store that several daemons share).
  void look();

 private:
  [[nodiscard]] boost::asio::awaitable<void> wait_for_work();
  [[nodiscard]] boost::asio::awaitable<void> rest(std::chrono::milliseconds wait);
  [[nodiscard]] boost::asio::awaitable<void> watch_store();
  [[nodiscard]] boost::asio::awaitable<void> look_at_store();
  [[nodiscard]] std::chrono::milliseconds until_next_look() const;
  [[nodiscard]] boost::asio::awaitable<core::Report> deliver(std::shared_ptr<Executor> executor,
                                                             store::Run run);
  void note_claims(const core::Completion& completion, std::chrono::nanoseconds asked);
  template <class Function>
  [[nodiscard]] boost::asio::awaitable<void> ask_store(boost::asio::thread_pool& thread,
                                                       core::StoreFailed::What what,
                                                       Function function);
  struct Lane : StoreLane {
    StoreWork work;  // on the thread
  };
  template <class Asking>
  void spawn_work(Lane& lane, Asking action);
  void spawn_delivery(store::Run run);
  void perform(core::Action action);
  void complete(core::Completion completion);
  void fail(std::exception_ptr error);
  void look_at_clocks();
  void note_clock_step(WhoseClock whose, std::chrono::milliseconds step);
  [[nodiscard]] bool was_set_forward();
  void listen_to_silence();

  // Constant after construction.
  boost::asio::any_io_executor io_;
  StoreClock& clock_;
  core::Planner& planner_;
  Observer& observer_;
  const store::Claimant claimant_;
  const bool shared_;                          // several daemons have this store
  const std::chrono::milliseconds heartbeat_;  // with which each extends its claims there

  Lane store_;
  Lane outcomes_;

  std::map<std::string, std::shared_ptr<Executor>> executors_;

  std::int64_t revision_;
  boost::asio::steady_timer turn_timer_;
  boost::asio::steady_timer watch_timer_;
  bool woken_ = false;
  bool watching_ = false;
  bool look_now_ = false;
  std::uint64_t looks_ = 0;
  ClaimDeadlines claims_;
  // What the store was asked and has not answered, by when: a server that hangs fails nothing.
  std::multimap<std::chrono::steady_clock::time_point, std::string_view> out_;
  bool silent_ = false;
  // A third of claim_ttl after a clock was set forward, when all that live have extended what they
  // hold. Read by the store's thread, too.
  std::atomic<std::chrono::steady_clock::time_point> recover_from_{};
  bool stopping_ = false;
  std::exception_ptr failure_;  // the store can never work again
  std::size_t under_way_ = 0;   // coroutines that refer to this
  struct Delivery {
    boost::asio::cancellation_signal signal;
    std::chrono::milliseconds time_to_end{};
  };
  std::unordered_map<store::RunId, Delivery> deliveries_;
  store::Timestamp wall_;  // the machine's
  std::chrono::steady_clock::time_point steady_;
};

}  // namespace rruled::io
