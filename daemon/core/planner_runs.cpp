#include "daemon/core/duration.h"
#include "daemon/core/planner.h"
#include "daemon/core/retry.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

// Runs: claiming, delivering and finishing them.
namespace rruled::core {
namespace {

using std::chrono::milliseconds;
using store::RunReason;
using store::RunStatus;

constexpr std::size_t kBatchesOfEndsMax = 10;
constexpr milliseconds kShortageToldEvery{60'000};
constexpr milliseconds kShortageRest{1'000};
// The store's thread writes about so much in a tenth of a second: what is due waits for it.
constexpr std::size_t kFinishLinesMax = 2'000;
constexpr std::size_t kFinishTextBytesMax = 4 * 1024 * 1024;

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

// What the run comes to.
void set_status(store::Finish& finish,
                const store::Run& run,
                const Report& report,
                bool cancelled,
                Timestamp now) {
  switch (report.kind) {
    case Report::Kind::completed:
      finish.status = RunStatus::completed;
      if (report.remote_id.empty() || run.kind != store::RunKind::batch_job) return;
      finish.status = RunStatus::running;
      finish.remote_id = report.remote_id;
      finish.available_at = now + report.ask_after;
      return;
    case Report::Kind::failed:
      finish.status = RunStatus::failed;
      break;
    case Report::Kind::retry:
    case Report::Kind::unsent: {
      const RetryDecision decision = decide_retry(
          run.retry, run.attempts, run.started_at.value_or(now), now, report.retry_after, run.id);
      finish.status = decision.again_at ? RunStatus::retrying : RunStatus::dead;
      finish.available_at = decision.again_at;
      if (decision.reason) finish.reason = store::word(*decision.reason);
      if (decision.again_at && !report.started_at && is_first_to_leave(run))
        finish.reason = store::word(RunReason::unreached);
      break;
    }
  }
  if (!cancelled) return;
  finish.status = RunStatus::cancelled;
  finish.reason = store::word(RunReason::overlap);  // unless the store knows of a wish
  finish.available_at.reset();
}

// Only the executor needs it, and it may be large.
store::Run without_body(store::Run& run) {
  std::string body = std::exchange(run.body, {});
  store::Run copy = run;
  run.body = std::move(body);
  return copy;
}

}  // namespace

std::size_t Planner::free_slots(const Lane& lane) const {
  // Ends that are not written are memory, and runs that are sent again after a crash.
  if (endings_.size() >= kBatchesOfEndsMax * options_.finish_batch ||
      unwritten_bytes_ >= options_.unwritten_bytes_max)
    return 0;
  std::size_t all = 0;
  for (const auto& [name, each] : lanes_) all += each.taken();
  const std::size_t of_all = options_.max_in_flight - std::min(options_.max_in_flight, all);
  const std::size_t room = std::min(of_all, lane.cap - std::min(lane.cap, lane.taken()));
  if (lane.breaker.state() == Breaker::State::closed) return room;
  const bool probe_is_coming = lane.taken() > lane.in_flight;
  return lane.breaker.may_send() && !probe_is_coming ? std::min<std::size_t>(room, 1) : 0;
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
  // By a claim that lapsed it is being delivered still: that one is broken off, and this one waits
  // for its end.
  if (in_flight_.contains(run.id)) lost_.push_back(run.id);
  const auto lane = lanes_.find(run.executor);
  if (lane == lanes_.end()) {
    strays_.push_back(std::move(run));
  } else {
    lane->second.queue.push_back(std::move(run));
  }
}

void Planner::claim(Timestamp now, Actions& actions) {
  if (claiming_ || lanes_.empty() || failures_.rests(StoreFailed::What::claim, now)) return;
  auto lane = lanes_.upper_bound(claimed_last_);
  for (std::size_t tried = 0; tried < lanes_.size(); ++tried, ++lane) {
    if (lane == lanes_.end()) lane = lanes_.begin();
    if (lane->second.claims_at().value_or(Timestamp::max()) > now) continue;
    std::size_t room = free_slots(lane->second);
    if (ready_count() > 0) room = (room + 1) / 2;  // what is due now gets its share too
    if (room == 0) continue;
    claimed_last_ = lane->first;
    claiming_ = &lane->second;
    claiming_->claim_at.reset();
    claiming_->reserved_to_claim = room;
    actions.emplace_back(Claim{lane->first, room});
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

std::set<std::pair<store::RunId, std::int64_t>> Planner::known_claims() const {
  std::set<std::pair<store::RunId, std::int64_t>> known;
  const auto know = [&known](const store::Run& run) { known.emplace(run.id, run.fence); };
  for (const auto& [id, flight] : in_flight_) know(flight.run);
  for (const auto& [name, lane] : lanes_) std::ranges::for_each(lane.queue, know);
  std::ranges::for_each(strays_, know);
  jobs_.each_run(know);
  for (const auto& ending : endings_) know(ending.run);
  for (const auto& ending : finishing_) know(ending.run);
  for (const auto& back : to_hand_back_) known.emplace(back.run_id, back.fence);
  for (const auto& back : handing_back_) known.emplace(back.run_id, back.fence);
  return known;
}

void Planner::take(Held held, Timestamp now) {
  reviewing_ = false;
  in_doubt_ = false;
  const auto known = known_claims();
  unknown_.clear();
  for (const auto& claim : held.not_extended)
    if (!known.contains({claim.run_id, claim.fence})) unknown_.emplace(claim.run_id, claim.fence);
  if (!held.not_extended.empty()) extend_soon(now);
  for (store::Run& run : held.runs)
    if (!known.contains({run.id, run.fence})) enqueue(std::move(run));
}

void Planner::start_deliveries(Timestamp now, Actions& actions) {
  cancel_deliveries(actions);
  if (draining_) return;
  for (auto& [name, lane] : lanes_) {
    // Runs are large: a vector that grows would move them again and again.
    actions.reserve(actions.size() +
                    std::min(lane.queue.size(), lane.cap - std::min(lane.cap, lane.in_flight)));
    std::vector<store::Run> behind;  // their own older delivery
    while (!lane.queue.empty() && lane.in_flight < lane.cap && lane.breaker.may_send()) {
      store::Run run = std::move(lane.queue.front());
      lane.queue.pop_front();
      if (in_flight_.contains(run.id)) {
        behind.push_back(std::move(run));
        continue;
      }
      if (end_too_old(run, now)) continue;
      if (run.attempts == 1) note_lateness(run, now);
      if (jobs_.takes(run)) {  // goes on where it was, however many daemons ended over it
        ++lane.jobs_waiting;
        jobs_.add(std::move(run));
        continue;
      }
      if (end_unsent(run, now)) continue;
      ++lane.in_flight;
      in_flight_.emplace(run.id, InFlight{.run = without_body(run), .ticket = lane.breaker.sent()});
      actions.emplace_back(Deliver{std::move(run)});
    }
    lane.queue.insert(lane.queue.begin(), std::move_iterator(behind.begin()),
                      std::move_iterator(behind.end()));
  }
}

Planner::Ending Planner::ending_of(InFlight&& flight, Report&& report, Timestamp now) const {
  store::Run& run = flight.run;
  if (!run.started_at) run.started_at = report.started_at;
  store::Finish finish;
  finish.sent = report.kind != Report::Kind::unsent;
  finish.run_id = run.id;
  finish.fence = run.fence;
  finish.attempt.run_id = run.id;
  finish.attempt.number = run.attempts;
  finish.attempt.started_at = report.started_at.value_or(now);
  finish.attempt.finished_at = report.finished_at.value_or(now);
  finish.attempt.outcome = outcome_word(report.kind, flight.cancelled);
  finish.attempt.status_code = report.status_code;
  finish.attempt.error = report.error;
  set_status(finish, run, report, flight.cancelled, now);
  std::size_t text_bytes = 0;
  finish.logs.reserve(report.output.size() + 1);
  for (store::LogEntry& line : report.output) {
    text_bytes += line.message.size();
    line.flow_id = run.flow_id;
    line.run_id = run.id;
    finish.logs.push_back(std::move(line));
  }
  report.output = {};
  store::LogEntry summary{run.flow_id, run.id, now, store::LogLevel::info, ""};
  if (finish.sent) summary.message = "attempt " + std::to_string(run.attempts) + ": ";
  summary.message += store::word(finish.status);
  // What was tried before reached nobody: it starts now.
  const bool starts = finish.sent && is_first_to_leave(run) && report.started_at;
  if (starts) run.started_at = report.started_at;
  if (starts && *run.started_at - run.due_at > run.late_after) {
    const milliseconds late = *run.started_at - run.due_at;
    summary.message += "; started " + duration_text(late) + " late, and more than " +
                       duration_text(run.late_after) + " counts as late";
    summary.level = store::LogLevel::warn;
  }
  if (finish.status == RunStatus::dead) {
    run.reason = finish.reason;
    if (finish.sent) summary.message += ": " + why_given_up(run);
  }
  if (!report.error.empty()) {
    summary.message += ": " + report.error;
    summary.level =
        finish.status == RunStatus::retrying ? store::LogLevel::warn : store::LogLevel::error;
  }
  if (finish.status == RunStatus::running)
    summary.message += ": accepted as batch job " + finish.remote_id;
  finish.logs.push_back(std::move(summary));
  if (!finish.sent) --run.attempts;
  return {std::move(finish), std::move(run), std::move(report), flight.cancelled, text_bytes};
}

// Why nothing could be sent, if it says so: not once for each run.
void Planner::tell_shortage(const std::string& error, Timestamp now) {
  if (error.empty() || (now >= shortage_told_at_ && now < shortage_told_at_ + kShortageToldEvery))
    return;
  shortage_told_at_ = now;
  notify({.kind = Notice::Kind::shortage, .text = error});
}

void Planner::take(Delivered delivered, Timestamp now) {
  const auto found = in_flight_.find(delivered.run_id);
  if (found == in_flight_.end()) return;
  InFlight flight = std::move(found->second);
  in_flight_.erase(found);
  const auto lane = lanes_.find(flight.run.executor);
  if (lane != lanes_.end()) {
    --lane->second.in_flight;
    note_answer(flight, delivered.report, now);
  }
  if (flight.run.attempts > 1 && is_first_to_leave(flight.run) && delivered.report.started_at)
    note_lateness(flight.run, *delivered.report.started_at);
  if (flight.lost && delivered.report.kind != Report::Kind::completed) {
    notify({.kind = Notice::Kind::run_fenced, .run = std::move(flight.run)});
    return;
  }
  if (delivered.report.kind == Report::Kind::unsent && !flight.cancelled) {
    if (!delivered.report.error.empty() && lane != lanes_.end())
      lane->second.rests_until = now + kShortageRest;
    tell_shortage(delivered.report.error, now);
    to_hand_back_.push_back({flight.run.id, flight.run.fence});
  } else {
    endings_.push_back(ending_of(std::move(flight), std::move(delivered.report), now));
    unwritten_bytes_ += endings_.back().text_bytes;
  }
}

// Not while in doubt: what is held is read in another thread, and would have what ends meanwhile.
// The batch is a copy: one that could not be written is written again.
void Planner::finish(Timestamp now, Actions& actions) {
  if (in_doubt_ || !finishing_.empty() || endings_.empty()) return;
  if (failures_.rests(StoreFailed::What::finish, now)) return;
  FinishRuns request;
  const std::size_t count = std::min(endings_.size(), finish_limit_);
  request.batch.reserve(count);
  finishing_.reserve(count);
  std::size_t lines = 0;
  std::size_t bytes = 0;
  while (!endings_.empty() && request.batch.size() < finish_limit_) {
    Ending& ending = endings_.front();
    lines += ending.finish.logs.size();
    bytes += ending.text_bytes;
    const bool too_much = lines > kFinishLinesMax || bytes > kFinishTextBytesMax;
    if (too_much && !request.batch.empty()) break;
    request.batch.push_back(ending.finish);
    finishing_.push_back(std::move(ending));
    endings_.pop_front();
  }
  actions.emplace_back(std::move(request));
}

void Planner::take(Finished finished, Timestamp now) {
  auto endings = std::exchange(finishing_, {});
  finish_limit_ = std::min(options_.finish_batch, finish_limit_ * 2);
  for (std::size_t i = 0; i < endings.size(); ++i) {
    Ending& ending = endings[i];
    unwritten_bytes_ -= ending.text_bytes;
    const store::FinishResult& result = finished.results.at(i);
    const std::string executor = ending.run.executor;
    if (result.released) claim_by(now);  // it may have another executor
    if (result.cancelled) ending.finish.status = RunStatus::cancelled;
    if (ending.finish.status == RunStatus::cancelled)
      ending.run.reason = result.reason.empty() ? ending.finish.reason : result.reason;
    const RunStatus status = ending.finish.status;
    if (result.written && ending.run.origin == store::RunOrigin::child &&
        status != RunStatus::retrying)
      jobs_.child_ended(now);
    if (result.written && status == RunStatus::retrying)
      claim_by(executor, *ending.finish.available_at);
    // Accepted elsewhere while it was being broken off here: it is to be cancelled there.
    if (result.written && status == RunStatus::running && ending.cancelled)
      to_cancel_.push_back(ending.run.id);
    notify(notice_of(std::move(ending), result));
  }
}

Notice Planner::notice_of(Ending ending, const store::FinishResult& result) const {
  const RunStatus status = ending.finish.status;
  Notice notice{.kind = Notice::Kind::run_ended,
                .run = std::move(ending.run),
                .report = std::move(ending.report),
                .status = status};
  if (!result.written) {
    notice.kind = Notice::Kind::run_fenced;
  } else if (status == RunStatus::retrying) {
    notice.kind = Notice::Kind::run_retrying;
    notice.again_at = ending.finish.available_at;
  } else if (status == RunStatus::running) {
    notice.kind = Notice::Kind::run_tracked;
  }
  return notice;
}

// One that is wished cancelled ends here: given back it would wait for somebody to claim it. Not so
// a batch job, which may be half spread.
void Planner::give_back(std::deque<store::Run>& runs, Timestamp now) {
  for (auto& run : runs) {
    const bool is_wished = !run.cancel_reason.empty() && !jobs_.takes(run);
    if (!is_wished || !end_unsent(run, now)) to_hand_back_.push_back({run.id, run.fence});
  }
  runs.clear();
}

void Planner::hand_back(Timestamp now, Actions& actions) {
  give_back(strays_, now);
  if (draining_) {
    for (auto& [name, lane] : lanes_) give_back(lane.queue, now);
    for (const auto& run : jobs_.give_back()) to_hand_back_.push_back({run.id, run.fence});
  }
  if (in_doubt_ || to_hand_back_.empty() || !handing_back_.empty()) return;
  if (failures_.rests(StoreFailed::What::hand_back, now)) return;
  handing_back_ = std::exchange(to_hand_back_, {});
  actions.emplace_back(HandBackRuns{handing_back_});
}

}  // namespace rruled::core
