#include "daemon/core/alarm.h"
#include "daemon/core/planner.h"

#include <utility>

// Executors that nobody answers for: what is due to them stays in the store, unclaimed, so that it
// takes no slot and uses up no attempt, and a daemon that reaches them may have it.
namespace rruled::core {
namespace {

constexpr std::size_t kExpireMax = 20;  // a transaction each
// Times expire_every, while no executor is away.
constexpr int kRareExpiry = 6;
constexpr std::chrono::minutes kOutageMin{1};

Breaker::Answer answer_of(const Report& report, bool broken_off) {
  if (report.unreachable && !broken_off) return Breaker::Answer::unreachable;
  const bool answered = report.kind == Report::Kind::completed || report.status_code.has_value();
  return answered && !report.unreachable ? Breaker::Answer::answered : Breaker::Answer::unknown;
}

}  // namespace

void Planner::tell(const std::string& executor, const Breaker& breaker) {
  Notice notice{.kind = Notice::Kind::breaker, .text = executor, .breaker = breaker.state()};
  notice.again_at = breaker.opens_until();
  notify(std::move(notice));
}

void Planner::look_at_breakers(Timestamp now, Actions& actions) {
  std::vector<std::string> stopped;
  for (auto& [name, lane] : lanes_) {
    if (lane.breaker.advance(now)) {
      tell(name, lane.breaker);
      claim_by(name, now);
    }
    if (lane.breaker.state() == Breaker::State::closed) continue;
    stopped.push_back(name);
    if (lane.breaker.may_send() || lane.queue.empty()) continue;
    give_back(lane.queue, now);
    claim_by(name, now);
  }
  expire_runs(std::move(stopped), now, actions);
}

// What is never tried, nothing would end: runs that nobody could send in their time, retries of
// executors that are away or gone, and what was accepted by one that nobody tracks.
void Planner::expire_runs(std::vector<std::string> executors, Timestamp now, Actions& actions) {
  const auto every = (executors.empty() ? kRareExpiry : 1) * options_.expire_every;
  if (!expire_at_) expire_at_ = now;
  // Once a breaker has opened, what was set before is too far ahead, too.
  if (!Alarm{*expire_at_}.is_due(now, every) || expiring_ || draining_ || store_rests(now)) return;
  if (failures_.rests(StoreFailed::What::expire, now)) return;
  expiring_ = true;
  expire_at_ = now + every;
  store::LookedAfter own{.tracked = {options_.tracked.begin(), options_.tracked.end()},
                         .since = looks_after_since(now),
                         .alone = !options_.claim_ttl};
  for (const auto& [name, lane] : lanes_) own.executors.push_back(name);
  ExpireRuns action;
  if (std::exchange(correct_waits_, false)) action.executors = own.executors;
  action.request = {std::move(executors), kExpireMax, std::move(own)};
  actions.emplace_back(std::move(action));
}

// A store that was away for long was so for others, too, which could not say what they look after.
Timestamp Planner::looks_after_since(Timestamp now) const {
  const auto since = failures_.away_since();
  const bool was_away = since && now - *since >= kOutageMin;
  return was_away ? now : looks_after_since_;
}

void Planner::take(Expired expired, Timestamp now) {
  expiring_ = false;
  if (!expired.runs.empty()) expire_at_ = now;  // until there is none
  if (expired.corrected) claim_by(now);
  for (auto& run : expired.runs) {
    if (run.origin == store::RunOrigin::child) jobs_.child_ended(now);
    const auto status = run.status;
    notify({.kind = Notice::Kind::run_ended, .run = std::move(run), .status = status});
  }
}

void Planner::note_answer(const InFlight& flight, const Report& report, Timestamp now) {
  auto& [executor, lane] = *lanes_.find(flight.run.executor);
  const bool broken_off = flight.cancelled || flight.lost;
  if (!lane.breaker.take(flight.ticket, answer_of(report, broken_off), now)) return;
  tell(executor, lane.breaker);
  claim_by(executor, now);
}

}  // namespace rruled::core
