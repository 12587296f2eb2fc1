#include "daemon/core/run_json.h"

#include "daemon/core/duration.h"
#include "daemon/core/json_text.h"
#include "daemon/core/run_identity.h"
#include "daemon/core/time_text.h"

namespace rruled::core {
namespace {

namespace json = boost::json;

template <class AnyId>
json::value id_or_null(const std::optional<AnyId>& id) {
  return id ? json::value(to_string(*id)) : json::value(nullptr);
}

json::object to_json(const store::RetryPolicy& retry) {
  return {{"max_attempts", retry.max_attempts},
          {"min_backoff", duration_text(retry.min_backoff)},
          {"max_backoff", duration_text(retry.max_backoff)},
          {"max_age", duration_text(retry.max_age)}};
}

}  // namespace

json::object to_json(const store::Run& run) {
  return {
      {"id", to_string(run.id)},
      {"project_id", run.project_id},
      {"flow", to_string(run.flow_id)},
      {"flow_name", run.flow_name},
      {"schedule", id_or_null(run.schedule_id)},
      {"kind", store::word(run.kind)},
      {"origin", store::word(run.origin)},
      {"status", store::word(run.status)},
      {"reason", run.reason},
      {"scheduled_for", time_or_null(run.scheduled_for)},
      {"due_at", iso_microseconds(run.due_at)},
      {"created_at", iso_microseconds(run.created_at)},
      {"started_at", time_or_null(run.started_at)},
      {"finished_at", time_or_null(run.finished_at)},
      {"lateness_ms",
       run.started_at ? json::value((*run.started_at - run.due_at).count()) : json::value(nullptr)},
      {"late", run.started_at && *run.started_at - run.due_at > run.late_after},
      {"start_before", time_or_null(run.start_before)},
      {"executor", run.executor},
      {"timeout", run.timeout ? json::value(duration_text(*run.timeout)) : json::value(nullptr)},
      {"retry", to_json(run.retry)},
      {"attempts", run.attempts},
      {"available_at", time_or_null(run.available_at)},
      {"owner", id_or_null(run.owner)},
      {"fence", run.fence},
      {"error", run.error},
      {"remote_id", run.remote_id},
      {"cancel_reason", run.cancel_reason},
      {"variables", stored_json(run.variables, json::object())},
      {"idempotency_key", idempotency_key(run.id)},
      {"body", stored_json(run.body, nullptr)},
  };
}

json::object to_json(const store::Attempt& attempt) {
  return {
      {"run", to_string(attempt.run_id)},
      {"number", attempt.number},
      {"started_at", iso_microseconds(attempt.started_at)},
      {"finished_at", time_or_null(attempt.finished_at)},
      {"outcome", attempt.outcome},
      {"status_code",
       attempt.status_code ? json::value(*attempt.status_code) : json::value(nullptr)},
      {"error", attempt.error},
  };
}

json::object to_json(const store::LogEntry& entry) {
  return {
      {"log_source_id", to_string(entry.flow_id)},
      {"instance_id", id_or_null(entry.run_id)},
      {"timestamp", iso_microseconds(entry.timestamp)},
      {"level", store::word(entry.level)},
      {"message", entry.message},
  };
}

json::object to_json(const store::Gap& gap) {
  return {
      {"schedule", to_string(gap.schedule_id)},
      {"reason", store::word(gap.reason)},
      {"from", iso_microseconds(gap.from)},
      {"to", iso_microseconds(gap.to)},
      {"count", gap.count},
  };
}

json::object to_json(const store::KeptGap& row) {
  json::object object = to_json(row.gap);
  object["hog_flow"] = to_string(row.flow_id);
  return object;
}

}  // namespace rruled::core
