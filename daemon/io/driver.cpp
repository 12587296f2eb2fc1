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
// How soon a write by another process is seen: where looking costs nothing, and where a daemon is
// told by notification and looks only in case one was lost.
constexpr milliseconds kWatchEvery{200};
constexpr milliseconds kPollEvery{5'000};

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
      store_(store.store),
      store_thread_(store.thread),
      audience_(store.store.audience()),
      desk_(store.store.run_desk()),
      outcomes_(outcomes),
      planner_(planner),
      observer_(observer),
      claimant_(session.claimant),
      shared_(session.claim_ttl.has_value()),
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

void Driver::look_at_clocks() {
  // Not the store's: that one is only as right as it was last measured.
  const auto wall = clock_.machine().now();
  const auto steady = clock_.steady();
  const auto step = std::chrono::duration_cast<milliseconds>(wall - wall_) -
                    std::chrono::duration_cast<milliseconds>(steady - steady_);
  wall_ = wall;
  steady_ = steady;
  if (std::chrono::abs(step) <= kClockStepMin) return;
  observer_.on_clock_step(WhoseClock::machine, step);
  look();  // how far it is from the store's clock now
}

void Driver::look() {
  look_now_ = true;
  watch_timer_.cancel();
}

// Daemons that share a store do not look in the same moment.
milliseconds Driver::until_next_look() const {
  if (look_now_) return milliseconds(0);
  if (!shared_) return kWatchEvery;
  const auto mixed = std::hash<store::OwnerId>()(claimant_.owner) + looks_ * 0x9E3779B97F4A7C15ULL;
  return kPollEvery * 4 / 5 + kPollEvery * static_cast<int>(mixed >> 56U) / 640;  // 80 to 120 %
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
  try {
    auto look = [this, since = revision_] {
      const milliseconds step = clock_.measure(store_);
      return std::pair(step, store_.changes_since(since));
    };
    auto seen = co_await run_on(store_thread_, std::move(look));
    if (seen.first != milliseconds(0)) observer_.on_clock_step(WhoseClock::store, seen.first);
    store::Changes& changes = seen.second;
    const bool news = changes.revision != revision_;
    // The server is one that has not got all that the last one had.
    if (changes.revision < revision_) changes.many = true;
    revision_ = changes.revision;
    if (news) complete(core::Changed{std::move(changes)});
  } catch (const store::StoreError& error) {
    if (fatal(error)) fail(std::current_exception());
    // Anything else shows at the next settle, and a missed change at the next look.
  } catch (const std::exception&) {
    fail(std::current_exception());
  }
}

template <class Function>
awaitable<void> Driver::ask_store(asio::thread_pool& thread, What what, Function function) {
  const auto asked = claims_.asking();
  const auto began = clock_.steady();
  try {
    core::Completion completion = co_await run_on(thread, std::move(function));
    observer_.on_store_answer(what, clock_.steady() - began);
    note_claims(completion, asked);
    complete(std::move(completion));
  } catch (const store::StoreError& error) {
    observer_.on_store_answer(what, clock_.steady() - began);
    if (fatal(error)) fail(std::current_exception());
    complete(
        core::StoreFailed{what, error.what(), error.kind() == store::StoreError::Kind::invalid});
  } catch (const std::exception&) {
    fail(std::current_exception());
  }
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

template <class Function>
void Driver::spawn_store(What what, Function function) {
  ++under_way_;
  asio::co_spawn(io_, ask_store(store_thread_, what, std::move(function)), asio::detached);
}

template <class Function>
void Driver::spawn_outcomes(What what, Function function) {
  ++under_way_;
  asio::co_spawn(io_, ask_store(outcomes_.thread, what, std::move(function)), asio::detached);
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

// Of a run that is not in flight here. On the store's thread.
void Driver::keep_wish(store::RunId id) {
  using Result = store::CancelResult;
  const auto now = clock_.now();
  const bool is_job = audience_->cancel_job(id, "overlap", {}, now) != Result::missing;
  if (!is_job) (void)desk_->ask_to_cancel(id, "overlap", now);
}

// On the store's thread.
core::Expired Driver::expire(const core::ExpireRuns& action) {
  const auto now = clock_.now();
  const bool corrected = desk_->correct_waits(action.executors, now);
  return {desk_->expire_runs(action.request, now), corrected};
}

void Driver::perform_job(core::OpenJob& open) {
  spawn_store(What::spread, [this, open]() -> core::Completion {
    return core::JobOpened{audience_->open_job({open.run_id, open.fence, claimant_}, clock_.now())};
  });
}

void Driver::perform_job(core::FanOutPage& page) {
  page.request.claim = {page.run_id, page.fence, claimant_};
  spawn_store(What::spread, [this, page = std::move(page)]() mutable -> core::Completion {
    page.request.go_on = time_left(clock_, milliseconds(200));  // others wait
    return core::FannedOut{audience_->fan_out(page.request, page.make_child, clock_.now())};
  });
}

void Driver::perform_job(core::LookAtJobs& look) {
  spawn_store(What::end_jobs, [this, request = look.request]() -> core::Completion {
    return core::JobsEnded{audience_->end_jobs(request, clock_.now())};
  });
}

void Driver::perform_job(core::CancelJob& cancel) {
  spawn_store(What::cancel_job, [this, id = cancel.run_id]() -> core::Completion {
    keep_wish(id);
    return core::JobCancelled{};
  });
}

void Driver::perform_job(core::ExpireRuns& runs) {
  spawn_store(What::expire,
              [this, runs = std::move(runs)]() -> core::Completion { return expire(runs); });
}

void Driver::perform(core::Action action) {
  using Done = core::Completion;
  std::visit(
      core::Overloaded{
          [this](core::LoadDue& load) {
            // Beside what is being settled: that would wait for page after page.
            spawn_outcomes(What::load, [this, load = std::move(load)]() -> Done {
              return core::Loaded{outcomes_.store.load_due(load.after, load.before, load.limit)};
            });
          },
          [this](core::Settle& settle) {
            auto batch = std::make_shared<std::vector<store::Settlement>>(std::move(settle.batch));
            spawn_store(What::settle, [this, batch]() -> Done {
              return core::Settled{store_.settle(std::move(*batch), claimant_, clock_.now())};
            });
          },
          [this](core::Claim& claim) {
            store::ClaimRequest request{claimant_, std::move(claim.executor), claim.limit};
            spawn_store(What::claim, [this, request = std::move(request)]() -> Done {
              return core::Claimed{store_.claim(request, clock_.now())};
            });
          },
          [this](core::ReviewHeld&) {
            spawn_store(What::review, [this]() -> Done {
              if (shared_) (void)store_.extend(claimant_, clock_.now());
              return core::Held{store_.held(claimant_)};
            });
          },
          [this](core::ExtendClaims&) {
            spawn_store(What::extend, [this]() -> Done {
              return core::Extended{store_.extend(claimant_, clock_.now())};
            });
          },
          [this](core::RecoverClaims& recover) {
            spawn_store(What::recover, [this, limit = recover.limit]() -> Done {
              return core::Recovered{store_.recover(limit, clock_.now())};
            });
          },
          [this](core::Deliver& deliver) { spawn_delivery(std::move(deliver.run)); },
          [this](core::CancelDelivery& cancel) {
            const auto found = deliveries_.find(cancel.run_id);
            if (found != deliveries_.end())
              found->second.signal.emit(asio::cancellation_type::terminal);
          },
          [this](core::FinishRuns& finish) {
            spawn_outcomes(What::finish, [this, batch = std::move(finish.batch)]() -> Done {
              return core::Finished{outcomes_.store.finish(batch, claimant_, clock_.now())};
            });
          },
          [this](core::HandBackRuns& back) {
            spawn_outcomes(What::hand_back, [this, batch = std::move(back.batch)]() -> Done {
              outcomes_.store.hand_back(batch, claimant_);
              return core::HandedBack{};
            });
          },
          [this](core::Notice& notice) { observer_.on(notice); },
          [this](auto& of_jobs) { perform_job(of_jobs); }},
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
