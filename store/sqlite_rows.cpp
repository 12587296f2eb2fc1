#include "store/sqlite_rows.h"

#include <algorithm>
#include <limits>

namespace rruled::store {

std::string due_schedule_sql() {
  return "SELECT " + column_list<Schedule>("s.") +
         ", f.name, f.status, f.version, f.trigger_type, f.variables, coalesce(c.days, ''), " +
         column_list<Project>("p.") +
         " FROM schedules s JOIN flows f ON f.id = s.flow_id"
         " LEFT JOIN calendars c ON c.project_id = s.project_id AND c.name = s.calendar"
         " LEFT JOIN projects p ON p.id = s.project_id";
}

DueSchedule read_due_schedule(Query& query) {
  DueSchedule row;
  row.schedule = read_row<Schedule>(query);
  row.flow_name = query.read<std::optional<std::string>>();
  row.flow_status = query.read<FlowStatus>();
  row.flow_version = query.read<std::int64_t>();
  row.trigger_type = query.read<std::string>();
  row.flow_variables = query.read<std::string>();
  row.calendar_days = query.read<std::string>();
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

std::int64_t as_limit(std::size_t limit) {
  constexpr auto kMax = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(std::min(limit, kMax));
}

}  // namespace rruled::store
