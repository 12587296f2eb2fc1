#include "daemon/core/planner.h"
#include "daemon/core/retry.h"

#include <algorithm>
#include <utility>

// Runs: claiming, delivering and finishing them.
namespace rruled::core {
namespace {

using store::RunStatus;

const char* outcome_word(Report::Kind kind, bool cancelled) {
  if (cancelled) return "cancelled";
  switch (kind) {
    case Report::Kind::completed:
      return "completed";
    case Report::Kind::failed:
      return "failed";
    case Report::Kind::retry:
    case Report::Kind::unsent:
      return "retry";
  }
  return "retry";
}

}  // namespace

std::size_t Planner::free_slots(const Lane& lane) const {
  std::size_t all = 0;
  for (const auto& [name, each] : lanes_) all += each.taken();
  const std::size_t of_all = options_.max_in_flight - std::min(options_.max_in_flight, all);
  return std::min(of_all, lane.cap - std::min(lane.cap, lane.taken()));
}

void Planner::claim_by(Timestamp at) {
  for (const auto& [name, lane] : lanes_) claim_by(name, at);
}

void Planner::claim_by(const std::string& executor, Timestamp at) {
  const auto lane = lanes_.find(executor);
  if (lane == lanes_.end()) return;
  auto& claim_at = lane->second.claim_at;
  if (!claim_at || at < *claim_at) claim_at = at;
}

void Planner::enqueue(store::Run run) {
  const auto lane = lanes_.find(run.executor);
  if (lane == lanes_.end()) {
    strays_.push_back(std::move(run));
  } else {
    lane->second.queue.push_back(std::move(run));
  }
}

void Planner::claim(Timestamp now, Actions& actions) {
  if (claiming_ || lanes_.empty()) return;
  auto lane = lanes_.upper_bound(claimed_last_);
  for (std::size_t tried = 0; tried < lanes_.size(); ++tried, ++lane) {
    if (lane == lanes_.end()) lane = lanes_.begin();
    if (!lane->second.claim_at || *lane->second.claim_at > now) continue;
    std::size_t room = free_slots(lane->second);
    if (ready_count() > 0) room = (room + 1) / 2;  // what is due now gets its share too
    if (room == 0) continue;
    claimed_last_ = lane->first;
    claiming_ = &lane->second;
    claiming_->claim_at.reset();
    claiming_->reserved_to_claim = room;
    actions.emplace_back(Claim{{lane->first}, room});
    return;
  }
}

void Planner::take(Claimed claimed, Timestamp now) {
  claiming_->reserved_to_claim = 0;
  claiming_ = nullptr;
  // Other daemons leave runs behind without saying so: retries, runs for which they had no room.
  if (options_.claim_ttl) claim_by(claimed_last_, now + options_.claim_poll);
  if (claimed.result.next_available) claim_by(claimed_last_, *claimed.result.next_available);
  for (store::Run& run : claimed.result.runs) enqueue(std::move(run));
}

void Planner::take(Held held) {
  reviewing_ = false;
  in_doubt_ = false;
  std::unordered_set<store::RunId> known;
  for (const auto& [id, flight] : in_flight_) known.insert(id);
  for (const auto& [name, lane] : lanes_)
    for (const auto& run : lane.queue) known.insert(run.id);
  for (const auto& run : strays_) known.insert(run.id);
  jobs_.each_run([&](const store::Run& run) { known.insert(run.id); });
  for (const auto& ending : endings_) known.insert(ending.run.id);
  for (const auto& ending : finishing_) known.insert(ending.run.id);
  for (const auto& back : to_hand_back_) known.insert(back.run_id);
  for (const auto& back : handing_back_) known.insert(back.run_id);
  for (store::Run& run : held.runs)
    if (!known.contains(run.id)) enqueue(std::move(run));
}

void Planner::start_deliveries(Timestamp now, Actions& actions) {
  for (const auto id : std::exchange(to_cancel_, {})) {
    const auto flight = in_flight_.find(id);
    if (flight == in_flight_.end()) actions.emplace_back(CancelJob{id});  // if it is one
    if (flight == in_flight_.end() || flight->second.cancelled || flight->second.lost) continue;
    flight->second.cancelled = true;
    actions.emplace_back(CancelDelivery{id});
  }
  for (const auto id : std::exchange(lost_, {})) {
    const auto flight = in_flight_.find(id);
    if (flight == in_flight_.end() || flight->second.lost) continue;
    flight->second.lost = true;
    actions.emplace_back(CancelDelivery{id});
  }
  if (draining_) return;
  for (auto& [name, lane] : lanes_) {
    while (!lane.queue.empty() && lane.in_flight < lane.cap) {
      store::Run run = std::move(lane.queue.front());
      lane.queue.pop_front();
      if (jobs_.takes(run)) {  // goes on where it was, however many daemons ended over it
        ++lane.jobs_waiting;
        jobs_.add(std::move(run));
        continue;
      }
      if (run.attempts > run.retry.max_attempts) {  // daemons ended during those before
        Report report;
        report.kind = Report::Kind::retry;
        report.error = "not sent: the attempts are used up";
        endings_.push_back(ending_of({std::move(run)}, std::move(report), now));
        continue;
      }
      ++lane.in_flight;
      in_flight_.emplace(run.id, InFlight{run});
      actions.emplace_back(Deliver{std::move(run)});
    }
  }
}

Planner::Ending Planner::ending_of(InFlight flight, Report report, Timestamp now) const {
  store::Run run = std::move(flight.run);
  if (!run.started_at) run.started_at = report.started_at;
  store::Finish finish;
  finish.run_id = run.id;
  finish.fence = run.fence;
  finish.attempt.run_id = run.id;
  finish.attempt.number = run.attempts;
  finish.attempt.started_at = report.started_at.value_or(now);
  finish.attempt.finished_at = report.finished_at.value_or(now);
  finish.attempt.outcome = outcome_word(report.kind, flight.cancelled);
  finish.attempt.status_code = report.status_code;
  finish.attempt.error = report.error;
  if (flight.cancelled && report.kind != Report::Kind::completed) {
    finish.status = RunStatus::cancelled;
    finish.reason = "overlap";
  } else if (report.kind == Report::Kind::completed) {
    finish.status = RunStatus::completed;
  } else if (report.kind == Report::Kind::failed) {
    finish.status = RunStatus::failed;
  } else {
    const RetryDecision decision = decide_retry(
        run.retry, run.attempts, run.started_at.value_or(now), now, report.retry_after, run.id);
    finish.status = decision.again_at ? RunStatus::retrying : RunStatus::dead;
    finish.available_at = decision.again_at;
  }
  for (store::LogEntry& line : report.output) {
    line.flow_id = run.flow_id;
    line.run_id = run.id;
    finish.logs.push_back(line);
  }
  store::LogEntry summary{run.flow_id, run.id, now, store::LogLevel::info, ""};
  summary.message =
      "attempt " + std::to_string(run.attempts) + ": " + std::string(store::word(finish.status));
  if (!report.error.empty()) {
    summary.message += ": " + report.error;
    summary.level =
        finish.status == RunStatus::retrying ? store::LogLevel::warn : store::LogLevel::error;
  }
  finish.logs.push_back(std::move(summary));
  return {std::move(finish), std::move(run), std::move(report)};
}

void Planner::take(Delivered delivered, Timestamp now) {
  const auto found = in_flight_.find(delivered.run_id);
  if (found == in_flight_.end()) return;
  InFlight flight = std::move(found->second);
  in_flight_.erase(found);
  const auto lane = lanes_.find(flight.run.executor);
  if (lane != lanes_.end()) --lane->second.in_flight;
  if (flight.lost && delivered.report.kind != Report::Kind::completed) {
    notify({.kind = Notice::Kind::run_fenced, .run = std::move(flight.run)});
    return;
  }
  if (delivered.report.kind == Report::Kind::unsent && !flight.cancelled) {
    to_hand_back_.push_back({flight.run.id, flight.run.fence});
  } else {
    endings_.push_back(ending_of(std::move(flight), std::move(delivered.report), now));
  }
}

void Planner::finish(Actions& actions) {
  if (!finishing_.empty() || endings_.empty()) return;
  FinishRuns request;
  while (!endings_.empty() && request.batch.size() < finish_limit_) {
    request.batch.push_back(endings_.front().finish);
    finishing_.push_back(std::move(endings_.front()));
    endings_.pop_front();
  }
  actions.emplace_back(std::move(request));
}

void Planner::take(Finished finished, Timestamp now) {
  auto endings = std::exchange(finishing_, {});
  finish_limit_ = std::min(options_.finish_batch, finish_limit_ * 2);
  for (std::size_t i = 0; i < endings.size(); ++i) {
    Ending& ending = endings[i];
    const store::FinishResult& result = finished.results.at(i);
    const std::string executor = ending.run.executor;
    if (result.released) claim_by(executor, now);
    if (result.written && ending.run.origin == store::RunOrigin::child &&
        ending.finish.status != RunStatus::retrying)
      jobs_.child_ended(now);
    Notice notice{.kind = Notice::Kind::run_ended,
                  .run = std::move(ending.run),
                  .report = std::move(ending.report),
                  .status = ending.finish.status};
    if (!result.written) {
      notice.kind = Notice::Kind::run_fenced;
    } else if (ending.finish.status == RunStatus::retrying) {
      notice.kind = Notice::Kind::run_retrying;
      notice.again_at = ending.finish.available_at;
      claim_by(executor, *ending.finish.available_at);
    }
    notify(std::move(notice));
  }
}

void Planner::hand_back(Actions& actions) {
  const auto give_back = [this](std::deque<store::Run>& runs) {
    for (const auto& run : runs) to_hand_back_.push_back({run.id, run.fence});
    runs.clear();
  };
  give_back(strays_);
  if (draining_) {
    for (auto& [name, lane] : lanes_) give_back(lane.queue);
    for (const auto& run : jobs_.give_back()) to_hand_back_.push_back({run.id, run.fence});
  }
  if (to_hand_back_.empty() || !handing_back_.empty()) return;
  handing_back_ = std::exchange(to_hand_back_, {});
  actions.emplace_back(HandBackRuns{handing_back_});
}

}  // namespace rruled::core
