#include "daemon/core/audit.h"

#include "daemon/core/json_text.h"
#include "daemon/core/run_json.h"

#include <utility>

namespace rruled::core {

namespace json = boost::json;

json::object audited(const store::Run& run) {
  json::object object = to_json(run);
  object.erase("variables");
  object.erase("body");
  return object;
}

store::AuditEntry audit_line(store::Timestamp at,
                             std::string actor,
                             std::string_view action,
                             const AuditSubject& subject,
                             const json::object* before,
                             const json::object* after) {
  store::AuditEntry entry;
  entry.at = at;
  entry.project_id = subject.project_id;
  entry.actor = std::move(actor);
  entry.action = action;
  entry.kind = subject.kind;
  entry.object_id = subject.id;
  if (before != nullptr) entry.before = json_text(*before);
  if (after != nullptr) entry.after = json_text(*after);
  return entry;
}

store::AuditEntry audit_line(store::Timestamp at,
                             std::string actor,
                             std::string_view action,
                             const store::Run& run) {
  const json::object before = audited(run);
  return audit_line(at, std::move(actor), action, {run.project_id, "run", to_string(run.id)},
                    &before, nullptr);
}

}  // namespace rruled::core
