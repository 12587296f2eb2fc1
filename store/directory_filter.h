#pragma once

#include "store/directory.h"

#include <string>
#include <string_view>

// What the filters of directory.h mean, for rows in memory. Pure.
namespace rruled::store {

[[nodiscard]] std::string lower_ascii(std::string_view text);

// By step and then by status or reason.
void sort(Tallies& tallies);

[[nodiscard]] bool matches(const FlowFilter& filter, const Flow& flow);
[[nodiscard]] bool matches(const ScheduleFilter& filter, const Schedule& schedule);
[[nodiscard]] bool matches(const RunFilter& filter, const Run& run);
// All but the project, which the row does not name.
[[nodiscard]] bool matches(const GapFilter& filter, const KeptGap& row);
[[nodiscard]] bool matches(const LogFilter& filter, const LogEntry& entry);
[[nodiscard]] bool matches(const AuditFilter& filter, const AuditEntry& entry);
[[nodiscard]] bool matches(const TallyFilter& filter, const Run& run);

}  // namespace rruled::store
