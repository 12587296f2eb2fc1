#include "daemon/io/driver.h"

#include "daemon/io/run_on.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace rruled::io {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::use_awaitable;
using std::chrono::milliseconds;
using What = core::StoreFailed::What;

// The wall clock can be set at any moment, so it is read again at least this often.
constexpr milliseconds kTurnMax{1'000};
// How soon a write by another process is seen.
constexpr milliseconds kWatchEvery{200};
constexpr milliseconds kStepMin{1'000};

bool fatal(const store::StoreError& error) {
  using Kind = store::StoreError::Kind;
  return error.kind() == Kind::fenced || error.kind() == Kind::corrupt ||
         error.kind() == Kind::schema;
}

template <class... Each>
struct Overloaded : Each... {
  using Each::operator()...;
};

}  // namespace

Driver::Driver(asio::any_io_executor io,
               const Clock& clock,
               store::Store& store,
               asio::thread_pool& store_thread,
               core::Planner& planner,
               const store::Session& session,
               std::map<std::string, std::unique_ptr<Executor>>& executors,
               Observer& observer)
    : io_(std::move(io)),
      clock_(clock),
      store_(store),
      store_thread_(store_thread),
      planner_(planner),
      executors_(executors),
      observer_(observer),
      claimant_(session.claimant),
      revision_(session.revision),
      turn_timer_(io_),
      watch_timer_(io_),
      wall_(clock.now()),
      steady_(clock.steady()) {}

awaitable<void> Driver::run() {
  watching_ = true;
  ++under_way_;
  asio::co_spawn(io_, watch_store(), asio::detached);
  while (!failure_ && !planner_.drained()) {
    look_at_clocks();
    woken_ = false;
    std::vector<core::Action> actions = planner_.step(clock_.now());
    for (core::Action& action : actions) perform(std::move(action));
    observer_.on_turn(planner_.load());
    if (!woken_ && !planner_.drained()) co_await wait_for_work();
  }
  watching_ = false;
  watch_timer_.cancel();
  if (failure_) cut_short();
  while (under_way_ > 0) co_await wait_for_work();
  if (failure_) std::rethrow_exception(failure_);
}

void Driver::stop() {
  stopping_ = true;
  planner_.drain();
  wake();
}

void Driver::cut_short() {
  std::vector<asio::cancellation_signal*> signals;
  for (auto& [id, signal] : deliveries_) signals.push_back(&signal);
  for (auto* signal : signals) signal->emit(asio::cancellation_type::terminal);
  wake();
}

void Driver::wake() {
  woken_ = true;
  turn_timer_.cancel();
}

awaitable<void> Driver::wait_for_work() {
  const auto now = clock_.now();
  milliseconds wait = kTurnMax;
  if (const auto at = planner_.next_wake(now))
    wait = std::clamp(std::chrono::duration_cast<milliseconds>(*at - now), milliseconds(0), wait);
  turn_timer_.expires_after(wait);
  boost::system::error_code ignored;  // cancelled: woken
  co_await turn_timer_.async_wait(asio::redirect_error(use_awaitable, ignored));
}

void Driver::look_at_clocks() {
  const auto wall = clock_.now();
  const auto steady = clock_.steady();
  const auto step = std::chrono::duration_cast<milliseconds>(wall - wall_) -
                    std::chrono::duration_cast<milliseconds>(steady - steady_);
  wall_ = wall;
  steady_ = steady;
  if (step > kStepMin || step < -kStepMin) observer_.on_clock_step(step);
}

awaitable<void> Driver::watch_store() {
  while (watching_) {
    watch_timer_.expires_after(kWatchEvery);
    boost::system::error_code ignored;
    co_await watch_timer_.async_wait(asio::redirect_error(use_awaitable, ignored));
    if (!watching_ || stopping_) break;
    try {
      auto look = [this, since = revision_] { return store_.changes_since(since); };
      store::Changes changes = co_await run_on(store_thread_, std::move(look));
      const bool news = changes.revision != revision_;
      revision_ = changes.revision;
      if (news) complete(core::Changed{std::move(changes)});
    } catch (const store::StoreError& error) {
      if (fatal(error)) fail(std::current_exception());
      // Anything else shows at the next settle, and a missed change at the next look.
    }
  }
  --under_way_;
  wake();
}

template <class Function>
awaitable<void> Driver::ask_store(What what, Function function) {
  try {
    core::Completion completion = co_await run_on(store_thread_, std::move(function));
    complete(std::move(completion));
  } catch (const store::StoreError& error) {
    if (fatal(error)) fail(std::current_exception());
    complete(
        core::StoreFailed{what, error.what(), error.kind() == store::StoreError::Kind::invalid});
  } catch (const std::exception&) {
    fail(std::current_exception());
  }
  --under_way_;
  wake();
}

template <class Function>
void Driver::spawn_store(What what, Function function) {
  ++under_way_;
  asio::co_spawn(io_, ask_store(what, std::move(function)), asio::detached);
}

awaitable<core::Report> Driver::deliver(store::Run run) {
  Executor& executor = *executors_.at(run.executor);
  core::Report report;
  try {
    report = co_await executor.deliver(std::move(run));
  } catch (const std::exception& error) {
    report.kind = core::Report::Kind::retry;
    report.error = std::string("the executor broke off: ") + error.what();
  }
  co_return report;
}

void Driver::spawn_delivery(store::Run run) {
  ++under_way_;
  const store::RunId id = run.id;
  auto slot = deliveries_[id].slot();
  // An exception comes from a coroutine that was cancelled before its first step: nothing was sent.
  auto ended = [this, id](std::exception_ptr error, core::Report report) {
    if (error) report.kind = core::Report::Kind::unsent;
    deliveries_.erase(id);
    --under_way_;
    complete(core::Delivered{id, std::move(report)});
  };
  asio::co_spawn(io_, deliver(std::move(run)),
                 asio::bind_cancellation_slot(slot, std::move(ended)));
}

void Driver::perform(core::Action action) {
  using Done = core::Completion;
  std::visit(
      Overloaded{
          [this](core::LoadDue& load) {
            spawn_store(What::load, [this, load = std::move(load)]() -> Done {
              return core::Loaded{store_.load_due(load.after, load.before, load.limit)};
            });
          },
          [this](core::Settle& settle) {
            auto batch = std::make_shared<std::vector<store::Settlement>>(std::move(settle.batch));
            spawn_store(What::settle, [this, batch]() -> Done {
              return core::Settled{store_.settle(std::move(*batch), claimant_, clock_.now())};
            });
          },
          [this](core::Claim& claim) {
            store::ClaimRequest request{claimant_, std::move(claim.executors), claim.limit};
            spawn_store(What::claim, [this, request = std::move(request)]() -> Done {
              return core::Claimed{store_.claim(request, clock_.now())};
            });
          },
          [this](core::ReviewHeld&) {
            spawn_store(What::review,
                        [this]() -> Done { return core::Held{store_.held(claimant_)}; });
          },
          [this](core::Deliver& deliver) { spawn_delivery(std::move(deliver.run)); },
          [this](core::CancelDelivery& cancel) {
            const auto found = deliveries_.find(cancel.run_id);
            if (found != deliveries_.end()) found->second.emit(asio::cancellation_type::terminal);
          },
          [this](core::FinishRuns& finish) {
            spawn_store(What::finish, [this, batch = std::move(finish.batch)]() -> Done {
              return core::Finished{store_.finish(batch, claimant_, clock_.now())};
            });
          },
          [this](core::HandBackRuns& back) {
            spawn_store(What::hand_back, [this, batch = std::move(back.batch)]() -> Done {
              store_.hand_back(batch, claimant_);
              return core::HandedBack{};
            });
          },
          [this](core::Notice& notice) { observer_.on(notice); }},
      action);
}

void Driver::complete(core::Completion completion) {
  planner_.complete(std::move(completion), clock_.now());
  wake();
}

void Driver::fail(std::exception_ptr error) {
  if (!failure_) failure_ = std::move(error);
  wake();
}

}  // namespace rruled::io
