#include "daemon/core/audit.h"

#include "daemon/core/json_text.h"
#include "daemon/core/run_json.h"
#include "store/utf8.h"

#include <utility>

namespace rruled::core {

namespace json = boost::json;

namespace {

// A row may hold what is not UTF-8, written past the store's checks; its line must not be refused
// for it, or nothing could mend the row. U+FFFD stands for such bytes.
std::string line_text(const json::object& object) {
  const std::string text = json_text(object);
  std::string_view rest = text;
  std::string line;
  while (const auto bad = store::first_bad_byte(rest)) {
    line.append(rest.substr(0, *bad)).append("\ufffd");
    rest.remove_prefix(*bad + 1);
  }
  line.append(rest);
  return line;
}

}  // namespace

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
  if (before != nullptr) entry.before = line_text(*before);
  if (after != nullptr) entry.after = line_text(*after);
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
