#pragma once

#include "store/types.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

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

}  // namespace rruled::core
