#include "daemon/core/event.h"

#include "daemon/core/duration.h"
#include "daemon/core/run_identity.h"
#include "daemon/core/run_json.h"

#include <string>

namespace rruled::core {
namespace {

namespace json = boost::json;

std::string about(const store::Run& run) {
  const std::string name = run.flow_name.empty() ? to_string(run.flow_id) : run.flow_name;
  return name + (run.scheduled_for ? ", scheduled for " + rfc3339(*run.scheduled_for) : "");
}

std::string text_of(Event event, const Notice& notice) {
  switch (event) {
    case Event::run_failed:
    case Event::run_dead:
      return about(*notice.run) + ": " + std::string(store::word(*notice.status)) +
             (notice.report && !notice.report->error.empty() ? ": " + notice.report->error : "");
    case Event::run_late:
      return about(*notice.run) + ": starts " + duration_text(notice.late_by) + " late";
    case Event::run_recovered:
      return about(*notice.run) + ": in time again";
    case Event::occurrences_missed:
      if (notice.run) return about(*notice.run) + ": nobody could send it in time; it will not run";
      return notice.text + ": " + std::to_string(notice.gap->count) + " occurrences from " +
             rfc3339(notice.gap->from) + " to " + rfc3339(notice.gap->to) + " will not run";
    case Event::schedule_error:
    case Event::schedule_paused:
    case Event::schedule_resumed:
      break;
  }
  return notice.text;
}

// What a receiver needs to find the run again; not its variables, which may be private.
json::value run_of(const Notice& notice) {
  if (!notice.run) return nullptr;
  const json::object whole = to_json(*notice.run);
  json::object brief;
  for (const auto* key : {"id", "kind", "origin", "scheduled_for", "due_at", "started_at",
                          "lateness_ms", "executor", "attempts", "idempotency_key"})
    brief[key] = whole.at(key);
  brief["status"] = notice.status ? json::value(store::word(*notice.status)) : whole.at("status");
  brief["error"] = notice.report ? json::value(notice.report->error) : whole.at("error");
  if (notice.kind == Notice::Kind::run_late) brief["lateness_ms"] = notice.late_by.count();
  return brief;
}

}  // namespace

std::optional<Event> event_of(const Notice& notice) {
  switch (notice.kind) {
    case Notice::Kind::run_ended:
      if (notice.status == store::RunStatus::failed) return Event::run_failed;
      if (notice.status == store::RunStatus::dead) return Event::run_dead;
      if (notice.run->reason == store::word(store::RunReason::catchup_window))
        return Event::occurrences_missed;
      return std::nullopt;
    case Notice::Kind::run_late:
      return Event::run_late;
    case Notice::Kind::run_on_time:
      return Event::run_recovered;
    case Notice::Kind::gap:
      return notice.gap->reason == store::GapReason::missed
                 ? std::optional(Event::occurrences_missed)
                 : std::nullopt;
    case Notice::Kind::quarantined:
      return Event::schedule_error;
    case Notice::Kind::paused:
      return Event::schedule_paused;
    case Notice::Kind::resumed:
      return Event::schedule_resumed;
    default:
      return std::nullopt;
  }
}

json::object event_json(Event event, const Notice& notice, Timestamp at) {
  const auto schedule =
      notice.run && notice.run->schedule_id ? notice.run->schedule_id : notice.schedule_id;
  json::object object{{"event", store::word(event)}, {"at", rfc3339(at)}};
  object["project_id"] = notice.run ? json::value(notice.run->project_id) : json::value(nullptr);
  if (notice.run)
    object["flow"] = {{"id", to_string(notice.run->flow_id)}, {"name", notice.run->flow_name}};
  else
    object["flow"] = nullptr;
  object["schedule"] = schedule ? json::value(to_string(*schedule)) : json::value(nullptr);
  object["run"] = run_of(notice);
  object["text"] = text_of(event, notice);
  return object;
}

}  // namespace rruled::core
