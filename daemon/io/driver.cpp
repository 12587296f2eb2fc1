#include "daemon/io/driver.h"

#include "daemon/core/overloaded.h"
#include "daemon/core/retry.h"
#include "daemon/io/run_on.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <type_traits>
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
// How long one page of a job may take: others wait.
constexpr milliseconds kPageMax{200};

bool fatal(const store::StoreError& error) {
  using enum store::StoreError::Kind;
  return error.kind() == fenced || error.kind() == corrupt || error.kind() == schema;
}

}  // namespace

Driver::Driver(asio::any_io_executor io,
               StoreClock& clock,
               StoreLane store,
               StoreLane outcomes,
               core::Planner& planner,
               const store::Session& session,
               std::map<std::string, std::shared_ptr<Executor>> executors,
               Observer& observer)
    : io_(std::move(io)),
      clock_(clock),
      planner_(planner),
      observer_(observer),
      claimant_(session.claimant),
      shared_(session.claim_ttl.has_value()),
      heartbeat_(session.claim_ttl.value_or(milliseconds(0)) / 3),
      store_{store, {store.store, session}},
      outcomes_{outcomes, {outcomes.store, session}},
      executors_(std::move(executors)),
      revision_(session.revision),
      turn_timer_(io_),
      watch_timer_(io_),
      claims_(clock, session.claim_ttl),
      wall_(clock.machine().now()),
      steady_(clock.steady()) {}

awaitable<void> Driver::run() {
  watching_ = true;
  ++under_way_;
  asio::co_spawn(io_, watch_store(), asio::detached);
  while (!failure_ && !planner_.drained()) {
    look_at_clocks();
    listen_to_silence();
    woken_ = false;
    const auto began = clock_.steady();
    std::vector<core::Action> actions = planner_.step(clock_.now());
    observer_.on_step(clock_.steady() - began);
    for (core::Action& action : actions) perform(std::move(action));
    observer_.on_turn(planner_.load());
    if (!woken_ && !planner_.drained()) co_await wait_for_work();
  }
  watching_ = false;
  watch_timer_.cancel();
  if (failure_) cut_short();
  while (under_way_ > 0) co_await rest(kTurnMax);  // the planner has nothing to say any more
  if (failure_) std::rethrow_exception(failure_);
}

void Driver::stop() {
  if (std::exchange(stopping_, true)) return;
  planner_.drain();
  wake();
}

void Driver::cut_short(milliseconds time_to_end) {
  std::vector<asio::cancellation_signal*> signals;
  for (auto& [id, delivery] : deliveries_)
    if (delivery.time_to_end >= time_to_end) signals.push_back(&delivery.signal);
  for (auto* signal : signals) signal->emit(asio::cancellation_type::terminal);
  wake();
}

milliseconds Driver::time_to_end() const {
  milliseconds longest{};
  for (const auto& [id, delivery] : deliveries_) longest = std::max(longest, delivery.time_to_end);
  return longest;
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
  co_await rest(wait);
}

// Until woken, at the longest.
awaitable<void> Driver::rest(milliseconds wait) {
  turn_timer_.expires_after(wait);
  boost::system::error_code ignored;  // cancelled: woken
  co_await turn_timer_.async_wait(asio::redirect_error(use_awaitable, ignored));
}

// To the end of a drain: what is in flight then may still be wished cancelled.
awaitable<void> Driver::watch_store() {
  while (watching_) {
    watch_timer_.expires_after(until_next_look());
    look_now_ = false;
    boost::system::error_code ignored;
    co_await watch_timer_.async_wait(asio::redirect_error(use_awaitable, ignored));
    if (!watching_) break;
    co_await look_at_store();
  }
  --under_way_;
  wake();
}

awaitable<void> Driver::look_at_store() {
  ++looks_;
  const auto out = out_.emplace(clock_.steady(), "look");
  try {
    auto look = [this, since = revision_] {
      const milliseconds step = clock_.measure(store_.store);
      return std::pair(step, store_.store.changes_since(since));
    };
    auto seen = co_await run_on(store_.thread, std::move(look));
    if (seen.first != milliseconds(0)) note_clock_step(WhoseClock::store, seen.first);
    store::Changes& changes = seen.second;
    const bool news = changes.revision != revision_ || changes.many;
    // The server is one that has not got all that the last one had.
    if (changes.revision < revision_) changes.many = true;
    revision_ = changes.revision;
    if (news) complete(core::Changed{std::move(changes)});
  } catch (const store::StoreError& error) {
    if (fatal(error)) fail(std::current_exception());
    // Anything else shows at the next settle, and a missed change at the next look.
  } catch (...) {
    fail(std::current_exception());
  }
  out_.erase(out);
}

template <class Function>
awaitable<void> Driver::ask_store(asio::thread_pool& thread, What what, Function function) {
  const auto asked = claims_.asking();
  const auto began = clock_.steady();
  const auto out = out_.emplace(began, store::word(what));
  try {
    core::Completion completion = co_await run_on(thread, std::move(function));
    observer_.on_store_answer(what, clock_.steady() - began);
    note_claims(completion, asked);
    complete(std::move(completion));
  } catch (const store::StoreError& error) {
    observer_.on_store_answer(what, clock_.steady() - began);
    if (fatal(error)) fail(std::current_exception());
    complete(failure_of(what, error));
  } catch (...) {  // this coroutine has no other listener
    fail(std::current_exception());
  }
  out_.erase(out);
  --under_way_;
  wake();
}

void Driver::note_claims(const core::Completion& completion, std::chrono::nanoseconds asked) {
  if (const auto* settled = std::get_if<core::Settled>(&completion)) {
    for (const auto& result : settled->results) claims_.granted(result.claimed, asked);
  } else if (const auto* claimed = std::get_if<core::Claimed>(&completion)) {
    claims_.granted(claimed->result.runs, asked);
  } else if (const auto* held = std::get_if<core::Held>(&completion)) {
    claims_.granted(held->runs, asked);
  } else if (const auto* extended = std::get_if<core::Extended>(&completion)) {
    claims_.extended(extended->claims, asked);
  }
}

template <class Asking>
void Driver::spawn_work(Lane& lane, Asking action) {
  ++under_way_;
  const What what = what_of(action);
  auto perform = [this, &lane, action = std::move(action)]() mutable -> core::Completion {
    if constexpr (std::is_same_v<Asking, core::FanOutPage>)
      action.request.go_on = time_left(clock_, kPageMax);
    if constexpr (std::is_same_v<Asking, core::RecoverClaims>)
      if (was_set_forward()) return core::Recovered{};
    return lane.work.perform(action, clock_.now());
  };
  asio::co_spawn(io_, ask_store(lane.thread, what, std::move(perform)), asio::detached);
}

awaitable<core::Report> Driver::deliver(std::shared_ptr<Executor> executor, store::Run run) {
  SendPermit permit = [this, id = run.id, fence = run.fence, due_at = run.due_at,
                       first = core::is_first_to_leave(run)]() mutable {
    const bool may_act = claims_.may_act(id, fence);
    if (may_act && std::exchange(first, false)) observer_.on_start(clock_.now() - due_at);
    return may_act;
  };
  core::Report report;
  try {
    report = co_await executor->deliver(std::move(run), std::move(permit));
  } catch (const std::exception& error) {
    report.kind = core::Report::Kind::retry;
    report.error = std::string("the executor broke off: ") + error.what();
  }
  co_return report;
}

void Driver::spawn_delivery(store::Run run) {
  ++under_way_;
  const store::RunId id = run.id;
  auto executor = executors_.at(run.executor);
  Delivery& delivery = deliveries_[id];
  delivery.time_to_end = executor->time_to_end();
  auto slot = delivery.signal.slot();
  // An exception comes from a coroutine that was cancelled before its first step: nothing was sent.
  auto ended = [this, id, fence = run.fence](std::exception_ptr error, core::Report report) {
    if (error) report.kind = core::Report::Kind::unsent;
    deliveries_.erase(id);
    claims_.ended(id, fence);
    --under_way_;
    complete(core::Delivered{id, std::move(report)});
  };
  asio::co_spawn(io_, deliver(std::move(executor), std::move(run)),
                 asio::bind_cancellation_slot(slot, std::move(ended)));
}

void Driver::perform(core::Action action) {
  std::visit(
      core::Overloaded{[this](core::Deliver& deliver) { spawn_delivery(std::move(deliver.run)); },
                       [this](core::CancelDelivery& cancel) {
                         const auto found = deliveries_.find(cancel.run_id);
                         if (found != deliveries_.end())
                           found->second.signal.emit(asio::cancellation_type::terminal);
                       },
                       [this](core::Notice& notice) { observer_.on(notice); },
                       // Beside what is being settled: that would wait for page after page.
                       [this](core::LoadDue& load) { spawn_work(outcomes_, std::move(load)); },
                       [this](core::FinishRuns& ends) { spawn_work(outcomes_, std::move(ends)); },
                       [this](core::HandBackRuns& back) { spawn_work(outcomes_, std::move(back)); },
                       [this](auto& other) { spawn_work(store_, std::move(other)); }},
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
