#pragma once

#include "store/store.h"

#include <boost/json/object.hpp>

#include <string>
#include <string_view>
#include <vector>

// Lines of the audit log: who did what, and what was there before and after.
namespace rruled::core {

struct AuditSubject {
  std::optional<std::int64_t> project_id;
  std::string_view kind;  // "flow", "schedule", "run", "token", ..
  std::string id;
};

// `before` and `after`: null for what was not there and what is there no more.
[[nodiscard]] store::AuditEntry audit_line(store::Timestamp at,
                                           std::string actor,
                                           std::string_view action,
                                           const AuditSubject& subject,
                                           const boost::json::object* before,
                                           const boost::json::object* after);

// A run as the lines show it: without its variables and its body, which may be large, and go with
// the run itself.
[[nodiscard]] boost::json::object audited(const store::Run& run);
// The line of what is done to `run`, which is as it was before.
[[nodiscard]] store::AuditEntry audit_line(store::Timestamp at,
                                           std::string actor,
                                           std::string_view action,
                                           const store::Run& run);

// Adds a line for each flow, schedule and manual run that `changes` create, update or delete; what
// goes with a flow that is deleted has no line of its own. Reads from `store` what is there now:
// the stamps in `changes` see to it that it is so when it is written.
void add_audit(store::ChangeSet& changes,
               store::Store& store,
               const std::string& actor,
               store::Timestamp now);

// Writes `changes`, unless they are empty, with these lines.
[[nodiscard]] std::optional<store::Conflict> write_with_audit(store::ChangeSet changes,
                                                              store::Store& store,
                                                              const std::string& actor,
                                                              store::Timestamp now);

}  // namespace rruled::core
