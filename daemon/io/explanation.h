#pragma once

#include "daemon/core/explain.h"
#include "daemon/core/schedule_json.h"
#include "store/directory.h"

#include <cstddef>
#include <vector>

namespace rruled::io {

struct Explanation {
  std::vector<core::Explained> occurrences;
  std::vector<store::AuditEntry> edits;  // of the schedule in that time, newest first
};

// Reads what core::explain() needs. `around`: see core::explain_span. A schedule whose times cannot
// be read is the error that Timetable::compile gives.
[[nodiscard]] boost::system::result<Explanation, core::Timetable::Error> explain_schedule(
    store::Store& store,
    store::Directory& directory,
    const core::ScheduleRules& rules,
    const store::Schedule& schedule,
    store::Timestamp at,
    std::size_t around,
    store::Timestamp now);

}  // namespace rruled::io
