#include "store/run_desk.h"

#include "store/validate.h"

#include <algorithm>

namespace rruled::store {
namespace {

bool names(const std::vector<std::string>& executors, const std::string& executor) {
  return std::ranges::find(executors, executor) != executors.end();
}

}  // namespace

void validate(const EndTracked& end) {
  check_text("runs", "reason", end.reason);
  check_text("runs", "error", end.error);
  for (const auto& line : end.logs) check_text("log_lines", "message", line.message);
  if (end.status != RunStatus::completed && end.status != RunStatus::failed &&
      end.status != RunStatus::cancelled)
    refuse("runs", "status", "a tracked run ends completed, failed or cancelled");
}

Timestamp next_question(const TakeTracked& request, Timestamp since, Timestamp now) {
  const milliseconds most = std::max(request.wait_min, request.wait_max);
  return now + std::clamp<milliseconds>(now - since, request.wait_min, most);
}

bool is_tracked(const Run& run) {
  return run.status == RunStatus::running && run.available_at.has_value();
}

Timestamp latest_wait(const Run& run, Timestamp now) {
  if (run.status == RunStatus::pending) return now;
  return now + std::max(kWaitMax, run.retry.max_backoff);
}

std::optional<Timestamp> forgotten_by(const ExpireRuns& request, bool wished, Timestamp now) {
  if (!request.own) return std::nullopt;
  if (wished && request.own->alone) return now - kWishForgottenAfter;
  if (request.own->since + kForgottenAfter > now) return std::nullopt;
  return now - kForgottenAfter;
}

bool ends_retries(const ExpireRuns& request,
                  const std::string& executor,
                  Timestamp over,
                  Timestamp now) {
  if (over > now) return false;
  if (names(request.away, executor)) return true;
  const auto forgotten = forgotten_by(request, false, now);
  return forgotten && over <= *forgotten && !names(request.own->executors, executor);
}

bool ends_tracking(const ExpireRuns& request,
                   const std::string& executor,
                   Timestamp ask_at,
                   bool wished,
                   Timestamp now) {
  const auto forgotten = forgotten_by(request, wished, now);
  return forgotten && ask_at <= *forgotten && !names(request.own->tracked, executor);
}

bool expire(Run& run, const ExpireRuns& request, Timestamp now) {
  const bool wished = !run.cancel_reason.empty();
  if (run.status == RunStatus::pending && run.attempts == 0 && run.start_before &&
      *run.start_before <= now) {
    run.status = RunStatus::cancelled;
    run.reason = word(RunReason::catchup_window);
  } else if (run.status == RunStatus::retrying && run.started_at &&
             ends_retries(request, run.executor, *run.started_at + run.retry.max_age, now)) {
    run.status = RunStatus::dead;
    run.reason = word(RunReason::retry_time_over);
  } else if (is_tracked(run) &&
             ends_tracking(request, run.executor, *run.available_at, wished, now)) {
    run.status = wished ? RunStatus::cancelled : RunStatus::failed;
    run.reason = wished ? run.cancel_reason : std::string(word(RunReason::tracking_ended));
    run.error = "batch job " + run.remote_id + " may go on: no executor " + run.executor +
                " asks about it any more; look there";
  } else {
    return false;
  }
  run.available_at.reset();
  run.finished_at = now;
  return true;
}

LogEntry expired_line(const Run& run, Timestamp now) {
  if (run.reason == word(RunReason::catchup_window))
    return {run.flow_id, run.id, now, LogLevel::warn,
            "not sent: its catch-up window was over before its executor could take it"};
  if (run.status != RunStatus::dead)
    return {run.flow_id, run.id, now, LogLevel::error, "given up: " + run.error};
  return {run.flow_id, run.id, now, LogLevel::error,
          "given up: its time for retries is over, and its executor cannot be reached,"
          " or is none of a daemon"};
}

}  // namespace rruled::store
