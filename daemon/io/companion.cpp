#include "daemon/io/companion.h"

#include <algorithm>

namespace rruled::io {

namespace {

bool may_use(const Config& config, std::string_view name, std::int64_t project) {
  const auto& executors = config.executors;
  const auto found = std::find_if(executors.begin(), executors.end(),
                                  [&](const auto& each) { return each.name == name; });
  if (found == executors.end()) return false;
  const auto& projects = found->projects;
  return projects.empty() || std::find(projects.begin(), projects.end(), project) != projects.end();
}

}  // namespace

core::ScheduleRules schedule_rules(const Config& config, const rrule::ZoneDatabase& zones) {
  return {zones, config.limits.min_interval,
          [&config](std::string_view name, std::int64_t project) {
            return may_use(config, name, project);
          }};
}

core::ScheduleRules schedule_rules(const LiveConfig& config, const rrule::ZoneDatabase& zones) {
  return {zones, config.get()->limits.min_interval,
          [&config](std::string_view name, std::int64_t project) {
            return may_use(*config.get(), name, project);
          }};
}

}  // namespace rruled::io
