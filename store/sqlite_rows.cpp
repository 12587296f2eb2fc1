#include "store/sqlite_rows.h"

namespace rruled::store {

std::string due_schedule_sql() {
  return "SELECT " + column_list<Schedule>("s.") +
         ", f.name, f.status, f.version, f.trigger_type, f.variables"
         " FROM schedules s JOIN flows f ON f.id = s.flow_id";
}

DueSchedule read_due_schedule(Query& query) {
  DueSchedule row;
  row.schedule = read_row<Schedule>(query);
  row.flow_name = query.read<std::optional<std::string>>();
  row.flow_status = query.read<FlowStatus>();
  row.flow_version = query.read<std::int64_t>();
  row.trigger_type = query.read<std::string>();
  row.flow_variables = query.read<std::string>();
  return row;
}

}  // namespace rruled::store
