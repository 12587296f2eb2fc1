#pragma once

#include "daemon/api/call.h"

#include <boost/json/object.hpp>

// What the handlers of calendars, backfills, pauses and retries share.
namespace rruled::api {

// A line of the audit log about an object of the path's project.
[[nodiscard]] store::AuditEntry audit_entry(const Call& call,
                                            std::string_view action,
                                            std::string_view kind,
                                            std::string id,
                                            const boost::json::object* before,
                                            const boost::json::object* after);
// {"paused","paused_at","resumed_at","note"}; of a project that was never paused, too.
[[nodiscard]] boost::json::object to_json(const std::optional<store::Project>& project);

}  // namespace rruled::api
