#include "daemon/io/companion.h"

#include <algorithm>

namespace rruled::io {

core::ScheduleRules schedule_rules(const Config& config, const rrule::ZoneDatabase& zones) {
  const auto may_use = [&executors = config.executors](std::string_view name,
                                                       std::int64_t project) {
    const auto found = std::find_if(executors.begin(), executors.end(),
                                    [&](const auto& each) { return each.name == name; });
    if (found == executors.end()) return false;
    const auto& projects = found->projects;
    return projects.empty() ||
           std::find(projects.begin(), projects.end(), project) != projects.end();
  };
  return {zones, config.limits.min_interval, may_use};
}

}  // namespace rruled::io
