#include "store/run_desk.h"

#include "store/memory_run_desk.h"
#include "store/postgres_run_desk.h"
#include "store/sqlite_run_desk.h"
#include "store/validate.h"

#include <algorithm>

namespace rruled::store {

std::unique_ptr<RunDesk> run_desk_of(Store& store) {
  if (auto* file = dynamic_cast<SqliteStore*>(&store))
    return std::make_unique<SqliteRunDesk>(*file);
  if (auto* memory = dynamic_cast<MemoryStore*>(&store))
    return std::make_unique<MemoryRunDesk>(*memory);
  if (auto* server = dynamic_cast<PostgresStore*>(&store))
    return std::make_unique<PostgresRunDesk>(*server);
  return nullptr;
}

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

bool expire(Run& run, Timestamp now) {
  const bool never_sent = run.status == RunStatus::pending && run.attempts == 0 &&
                          run.start_before && *run.start_before <= now;
  const bool tried_enough = run.status == RunStatus::retrying && run.started_at &&
                            *run.started_at + run.retry.max_age <= now;
  if (!never_sent && !tried_enough) return false;
  run.status = never_sent ? RunStatus::cancelled : RunStatus::dead;
  if (never_sent) run.reason = kWindowOver;
  run.available_at.reset();
  run.finished_at = now;
  return true;
}

LogEntry expired_line(const Run& run, Timestamp now) {
  if (run.status == RunStatus::cancelled)
    return {run.flow_id, run.id, now, LogLevel::warn,
            "not sent: its catch-up window was over before its executor could take it"};
  return {run.flow_id, run.id, now, LogLevel::error,
          "given up: its time for retries is over, and its executor cannot be reached"};
}

}  // namespace rruled::store
