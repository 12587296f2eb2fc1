#include "store/sqlite_rows.h"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <utility>

namespace rruled::store {

std::string due_schedule_sql() {
  return "SELECT " + column_list<Schedule>("s.") +
         ", f.name, f.status, f.version, f.trigger_type, f.variables, " +
         column_list<Project>("p.") +
         " FROM schedules s JOIN flows f ON f.id = s.flow_id"
         " LEFT JOIN projects p ON p.id = s.project_id";
}

namespace {

DueSchedule read_due_schedule(Query& query) {
  DueSchedule row;
  row.schedule = read_row<Schedule>(query);
  row.flow_name = query.read<std::optional<std::string>>();
  row.flow_status = query.read<FlowStatus>();
  row.flow_version = query.read<std::int64_t>();
  row.trigger_type = query.read<std::string>();
  row.flow_variables = query.read<std::string>();
  if (const auto project = query.read<std::optional<std::int64_t>>()) {
    row.project.emplace().id = *project;
    row.project->paused_at = query.read<std::optional<Timestamp>>();
    row.project->resumed_at = query.read<std::optional<Timestamp>>();
    row.project->catch_up = query.read<bool>();
    row.project->resume_catchup = query.read<std::optional<CatchupPolicy>>();
    row.project->note = query.read<std::string>();
  }
  return row;
}

}  // namespace

std::vector<DueSchedule> read_due_schedules(Connection& connection, Query& query) {
  static const std::string kDays = "SELECT days FROM calendars WHERE project_id = ? AND name = ?";
  std::vector<DueSchedule> rows;
  while (query.step()) rows.push_back(read_due_schedule(query));
  // Each once: it may be large, and named by many.
  std::map<std::pair<std::int64_t, std::string>, std::shared_ptr<const std::string>> known;
  for (auto& row : rows) {
    const auto& [project, name] = std::pair(row.schedule.project_id, row.schedule.calendar);
    if (name.empty()) continue;
    const auto [found, is_new] = known.try_emplace({project, name});
    if (is_new) {
      Query days(connection, kDays);
      if (days.bind(project).bind(name).step())
        found->second = std::make_shared<const std::string>(days.read<std::string>());
    }
    row.calendar_days = found->second;
  }
  return rows;
}

std::int64_t as_limit(std::size_t limit) {
  constexpr auto kMax = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(std::min(limit, kMax));
}

}  // namespace rruled::store
