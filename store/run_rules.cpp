#include "store/run_rules.h"

#include "store/run_reason.h"

#include <utility>

namespace rruled::store {

bool is_final(RunStatus status) {
  switch (status) {
    case RunStatus::completed:
    case RunStatus::failed:
    case RunStatus::dead:
    case RunStatus::cancelled:
    case RunStatus::skipped:
      return true;
    case RunStatus::waiting:
    case RunStatus::pending:
    case RunStatus::dispatching:
    case RunStatus::running:
    case RunStatus::retrying:
      return false;
  }
  return false;
}

bool is_claimable(RunStatus status) {
  return status == RunStatus::pending || status == RunStatus::retrying;
}

bool holds_slot(RunStatus status) { return !is_final(status) && status != RunStatus::waiting; }

bool may_finish(RunStatus from, RunStatus to) {
  switch (from) {
    case RunStatus::dispatching:
      return to == RunStatus::retrying || to == RunStatus::running ||
             (is_final(to) && to != RunStatus::skipped);
    case RunStatus::running:
      return to == RunStatus::completed || to == RunStatus::failed || to == RunStatus::cancelled;
    case RunStatus::retrying:
      return to == RunStatus::completed || to == RunStatus::running || to == RunStatus::dead ||
             to == RunStatus::cancelled;
    default:
      return false;
  }
}

JudgedEnd judge_end(const HeldRun& held,
                    const Finish& finish,
                    const Claimant& claimant,
                    Timestamp now) {
  const JudgedEnd refused{{.written = false}};
  if (held.owner != claimant.owner || held.fence != finish.fence) return refused;
  RunEnd end{finish.status, finish.reason, std::nullopt, std::nullopt};
  JudgedEnd judged{{.released = held.released}};
  const bool wished = !held.cancel_reason.empty();
  if (wished && (end.status == RunStatus::retrying || end.status == RunStatus::cancelled)) {
    judged.result.cancelled = end.status == RunStatus::retrying;
    end.status = RunStatus::cancelled;
    end.reason = held.cancel_reason;
    if (end.reason != finish.reason) judged.result.reason = end.reason;
  }
  if (held.status == end.status) return judged;
  if (!may_finish(held.status, end.status)) return refused;
  if (is_final(end.status))
    end.finished_at = now;
  else
    end.available_at = wished ? now : finish.available_at.value_or(now);
  judged.write = std::move(end);
  return judged;
}

std::optional<RetryResult> retry_refusal(RunStatus status) {
  if (!is_final(status)) return RetryResult::under_way;
  if (status != RunStatus::failed && status != RunStatus::dead) return RetryResult::not_failed;
  return std::nullopt;
}

void replay(Run& run, const RetryPolicy& fresh, Timestamp now) {
  run.status = RunStatus::pending;
  run.reason.clear();
  run.available_at = now;
  run.finished_at.reset();
  run.remote_id.clear();
  run.cancel_reason.clear();
  run.retry = fresh;
  run.retry.max_attempts += run.attempts;
  if (run.started_at) run.retry.max_age += now - *run.started_at;
}

OverlapDecision decide_overlap(OverlapPolicy policy, const LiveRuns& live, int max_running) {
  if (live.holding + live.waiting < static_cast<std::size_t>(max_running))
    return OverlapDecision::go;
  switch (policy) {
    case OverlapPolicy::allow:
      return OverlapDecision::go;
    case OverlapPolicy::skip:
      return OverlapDecision::skip;
    case OverlapPolicy::buffer_one:
      return live.waiting == 0 ? OverlapDecision::wait : OverlapDecision::skip;
    case OverlapPolicy::buffer_all:
      return live.waiting < kBufferMax ? OverlapDecision::wait : OverlapDecision::buffer_full;
    case OverlapPolicy::cancel_other:
      return OverlapDecision::cancel;
  }
  return OverlapDecision::go;
}

void apply(OverlapDecision decision, Run& run, Timestamp now) {
  switch (decision) {
    case OverlapDecision::go:
    case OverlapDecision::cancel:
      return;
    case OverlapDecision::wait:
      run.status = RunStatus::waiting;
      return;
    case OverlapDecision::skip:
    case OverlapDecision::buffer_full:
      run.status = RunStatus::skipped;
      run.reason =
          word(decision == OverlapDecision::skip ? RunReason::overlap : RunReason::buffer_full);
      run.finished_at = now;
      return;
  }
}

}  // namespace rruled::store
