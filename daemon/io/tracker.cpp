#include "daemon/io/tracker.h"

#include "daemon/io/run_on.h"
#include "daemon/io/text.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <map>
#include <set>
#include <utility>

namespace rruled::io {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using core::RemoteState;
using store::RunStatus;
using store::TrackedRun;

constexpr std::size_t kErrorBytesMax = 500;

store::EndTracked an_end(const TrackedRun& tracked, RunStatus status) {
  store::EndTracked end;
  end.run_id = tracked.run.id;
  end.fence = tracked.run.fence;
  end.status = status;
  return end;
}

}  // namespace

Tracker::Tracker(asio::any_io_executor io,
                 StoreLane store,
                 RemoteJobs& jobs,
                 const Clock& clock,
                 TrackerOptions options,
                 Observer& observer,
                 std::shared_ptr<spdlog::logger> log)
    : io_(std::move(io)),
      store_(store),
      jobs_(jobs),
      clock_(clock),
      options_(std::move(options)),
      observer_(observer),
      log_(std::move(log)),
      desk_(store.store.run_desk()),
      timer_(io_) {}

awaitable<void> Tracker::rest(std::chrono::milliseconds wait) {
  timer_.expires_after(wait);
  boost::system::error_code cancelled;
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
}

awaitable<void> Tracker::run() {
  running_ = true;
  while (!stopped_) {
    try {
      if (groups_.empty() && under_way_.size() < options_.asked_at_once) {
        co_await take();
        trouble_.clear();
      }
    } catch (const store::StoreError& error) {
      say_once(std::string("the store failed: ") + error.what());
    } catch (const std::exception& error) {
      say_once(std::string("taking them from the store failed: ") + error.what());
    }
    while (!stopped_ && !groups_.empty() && under_way_.size() < options_.asked_at_once) {
      spawn(std::move(groups_.front()));
      groups_.pop_front();
    }
    if (!stopped_) co_await rest(options_.look_every);
  }
  while (!under_way_.empty()) co_await rest(options_.look_every);
  running_ = false;
}

awaitable<void> Tracker::stop() {
  stopped_ = true;
  groups_.clear();
  for (auto& signal : under_way_) signal.emit(asio::cancellation_type::terminal);
  timer_.cancel();
  asio::steady_timer turn(io_);
  while (running_) {
    turn.expires_after(std::chrono::milliseconds(1));
    co_await turn.async_wait(asio::use_awaitable);
    timer_.cancel();
  }
}

awaitable<void> Tracker::take() {
  store::TakeTracked request;
  request.executor = options_.executor;
  request.wait_min = options_.poll_min;
  request.wait_max = options_.poll_max;
  auto take = [this, request, now = clock_.now()] { return desk_->take_tracked(request, now); };
  auto taken = co_await run_on(store_.thread, std::move(take));
  std::map<std::pair<std::int64_t, store::FlowId>, Group> by_flow;
  for (auto& each : taken) {
    const bool with_wish = !each.run.cancel_reason.empty();
    const auto [asking, fresh] = asking_.try_emplace(each.run.id, Asking{with_wish});
    if (fresh)
      by_flow[{each.run.project_id, each.run.flow_id}].push_back(std::move(each));
    else if (with_wish && !asking->second.with_wish)
      asking->second.next = std::move(each);
  }
  for (auto& [flow, group] : by_flow) groups_.push_back(std::move(group));
}

void Tracker::spawn(Group group) {
  std::vector<store::RunId> ids;
  for (const auto& each : group) ids.push_back(each.run.id);
  const auto signal = under_way_.emplace(under_way_.end());
  auto done = [this, signal, ids = std::move(ids),
               run = group.front().run](std::exception_ptr error) {
    under_way_.erase(signal);
    ended(ids);
    if (!error || stopped_) return;
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& trouble) {
      say_once(run, trouble.what());
    }
  };
  asio::co_spawn(io_, ask(std::move(group)),
                 asio::bind_cancellation_slot(signal->slot(), std::move(done)));
}

// A wish that came meanwhile goes next.
void Tracker::ended(const std::vector<store::RunId>& ids) {
  for (const auto id : ids) {
    auto known = asking_.extract(id);
    if (known.empty() || !known.mapped().next || stopped_) continue;
    asking_.try_emplace(id, Asking{.with_wish = true});
    groups_.push_front({std::move(*known.mapped().next)});
  }
  timer_.cancel();
}

// With a flow's jobs: of any of its runs.
void Tracker::say_once(const store::Run& run, const std::string& trouble) {
  std::string& said = troubles_[run.flow_id];
  if (trouble == said) return;
  said = trouble;
  log_->warn(
      "executor {}: batch jobs of {} there cannot be followed at the moment, asking again: {}",
      options_.executor, run.flow_name.empty() ? to_string(run.flow_id) : run.flow_name, trouble);
}

void Tracker::say_once(const std::string& trouble) {
  if (trouble == std::exchange(trouble_, trouble)) return;
  log_->warn("executor {}: batch jobs there cannot be followed at the moment, asking again: {}",
             options_.executor, trouble);
}

bool Tracker::is_too_old(const TrackedRun& tracked) const {
  return clock_.now() - tracked.since >= options_.track_for;
}

awaitable<void> Tracker::ask(Group group) {
  std::map<std::string, TrackedRun> left;
  std::map<std::string, std::string> not_cancelled;  // and why
  const store::Run any = group.front().run;
  for (auto& each : group) {
    if (!each.run.cancel_reason.empty()) {
      const Cancelling wish = co_await cancel(each);
      if (wish.ended) continue;
      if (!wish.error.empty())
        not_cancelled[each.run.remote_id] =
            "batch job " + each.run.remote_id + " could not be cancelled: " + wish.error;
    }
    left.emplace(each.run.remote_id, each);
  }
  if (stopped_) co_return;
  if (!not_cancelled.empty()) say_once(any, not_cancelled.begin()->second);
  if (left.empty()) {
    troubles_.erase(any.flow_id);
    co_return;
  }
  std::set<std::string> wanted;
  for (const auto& [id, tracked] : left) wanted.insert(id);
  RemoteJobs::Look look = co_await jobs_.look(left.begin()->second.run, std::move(wanted));
  if (stopped_) co_return;
  if (!look.error.empty())
    say_once(any, look.error);
  else if (not_cancelled.empty())
    troubles_.erase(any.flow_id);
  for (auto& job : look.jobs) {
    const auto found = left.find(job.id);
    if (found == left.end()) continue;
    const bool ended = co_await end_as(found->second, job);
    if (ended) left.erase(found);
  }
  std::size_t live = left.size();
  for (const auto& [id, tracked] : left) {
    if (!is_too_old(tracked)) continue;
    --live;
    auto end = an_end(tracked, RunStatus::failed);
    end.reason = store::word(store::RunReason::tracking_ended);
    end.error = "batch job " + id + " had not ended " + duration_text(options_.track_for) +
                " after it was accepted";
    if (!look.error.empty()) end.error += "; the last question: " + look.error;
    if (const auto why = not_cancelled.find(id); why != not_cancelled.end())
      end.error += "; " + why->second;
    co_await this->end(tracked, std::move(end));
  }
  if (live == 0) troubles_.erase(any.flow_id);
}

awaitable<Tracker::Cancelling> Tracker::cancel(TrackedRun tracked) {
  RemoteJobs::CancelAnswer answer = co_await jobs_.cancel(tracked.run);
  if (stopped_) co_return Cancelling{};
  // It may have ended before the wish came there.
  const bool ended_there = answer.job && answer.job->state != RemoteState::live;
  if (ended_there) {
    const bool ended = co_await end_as(tracked, *answer.job);
    co_return Cancelling{ended};
  }
  auto end = an_end(tracked, RunStatus::cancelled);
  end.reason = tracked.run.cancel_reason;
  switch (answer.kind) {
    case RemoteJobs::CancelAnswer::Kind::accepted:
      break;
    case RemoteJobs::CancelAnswer::Kind::refused:
      end.error = "batch job " + tracked.run.remote_id +
                  " could not be cancelled on the other side, where it may go on: " + answer.error;
      break;
    case RemoteJobs::CancelAnswer::Kind::failed:
      co_return Cancelling{false, std::move(answer.error)};
  }
  co_await this->end(std::move(tracked), std::move(end));
  co_return Cancelling{true};
}

// False: the job has not ended.
awaitable<bool> Tracker::end_as(TrackedRun tracked, core::RemoteJob job) {
  if (job.state == RemoteState::live) co_return false;
  auto end = an_end(tracked, RunStatus::completed);
  if (job.state == RemoteState::failed) {
    end.status = RunStatus::failed;
    end.reason = store::word(store::RunReason::remote_failed);
    end.error = job.error.empty() ? "the other side says no more than failed"
                                  : clean_line(job.error, kErrorBytesMax);
  } else if (job.state == RemoteState::cancelled) {
    end.status = RunStatus::cancelled;
    const auto& wish = tracked.run.cancel_reason;
    end.reason = wish.empty() ? store::word(store::RunReason::cancelled_remotely) : wish;
  }
  co_await this->end(std::move(tracked), std::move(end));
  co_return true;
}

awaitable<void> Tracker::end(TrackedRun tracked, store::EndTracked end) {
  store::LogEntry line{tracked.run.flow_id, tracked.run.id, clock_.now(), store::LogLevel::info,
                       ""};
  line.message = "batch job " + tracked.run.remote_id + ": " + std::string(store::word(end.status));
  if (!end.error.empty()) {
    line.message += ": " + end.error;
    line.level = store::LogLevel::error;
  }
  end.logs.push_back(std::move(line));
  auto write = [this, end = std::move(end), now = clock_.now()] {
    return desk_->end_tracked(end, now);
  };
  auto ended = co_await run_on(store_.thread, std::move(write));
  if (!ended.written || !ended.run) co_return;
  const RunStatus status = ended.run->status;
  observer_.on(
      {.kind = core::Notice::Kind::run_ended, .run = std::move(ended.run), .status = status});
}

}  // namespace rruled::io
