#pragma once

#include "store/directory.h"

#include <algorithm>

// The filters of directory.h as conditions of SQL, by names of columns: one list for every
// database. `Conditions` has equals(column, optional), compare(column, sign, value), one_of(column,
// values), search(columns, text), in_project(project, flow), before(cursor) and add(condition). It
// may keep references to the filter.
namespace rruled::store {

// "'INFO', 'ERROR'": the words of a set, which are literals of ours. One text for each set, in
// whatever order and however often its words are named: each text is kept as a statement.
template <class Enum>
std::string word_list(std::vector<Enum> values) {
  std::ranges::sort(values);
  const auto again = std::ranges::unique(values);
  values.erase(again.begin(), again.end());
  std::string list;
  for (const Enum value : values)
    list.append(list.empty() ? "'" : ", '").append(word(value)).append("'");
  return list;
}

template <class Conditions>
void add_conditions(Conditions& to, const FlowFilter& filter) {
  to.compare("project_id", "=", filter.project_id);
  to.equals("id", filter.id);
  to.equals("status", filter.status);
  to.equals("created_at", filter.created_at);
  to.equals("updated_at", filter.updated_at);
  to.search({"name", "description"}, filter.search);
}

template <class Conditions>
void add_conditions(Conditions& to, const ScheduleFilter& filter) {
  to.in_project(filter.project_id, filter.flow_id);
  to.equals("id", filter.id);
  to.equals("status", filter.status);
  to.equals("created_at", filter.created_at);
  to.equals("updated_at", filter.updated_at);
  to.equals("calendar", filter.calendar);
  if (filter.calendar) to.add("calendar <> ''");  // as the partial index has it
  if (filter.due_before) to.compare("next_due_at", "<", *filter.due_before);
  if (filter.resumes_before) {
    to.add("status = 'paused'");
    to.compare("paused_until", "<", *filter.resumes_before);
  }
}

inline const char* order_of(const ScheduleFilter& filter) {
  if (filter.due_before) return "next_due_at, id";
  return filter.resumes_before ? "paused_until, id" : "created_at DESC, id DESC";
}

// What the runs are.
template <class Conditions>
void add_kind_and_status(Conditions& to, const RunFilter& filter) {
  if (filter.kind) to.one_of("kind", std::vector{*filter.kind});
  to.one_of("status", filter.statuses);
}

// Where they lie in the order of due_at.
template <class Conditions>
void add_place(Conditions& to, const RunFilter& filter) {
  if (filter.due_from) to.compare("due_at", ">=", *filter.due_from);
  if (filter.due_to) to.compare("due_at", "<", *filter.due_to);
  if (filter.before) to.before(*filter.before);
}

template <class Conditions>
void add_conditions(Conditions& to, const RunFilter& filter) {
  to.in_project(filter.project_id, filter.flow_id);
  to.equals("schedule_id", filter.schedule_id);
  to.equals("parent_id", filter.parent_id);
  add_kind_and_status(to, filter);
  add_place(to, filter);
}

template <class Conditions>
void add_conditions(Conditions& to, const GapFilter& filter) {
  if (filter.project_id)
    to.in_project(*filter.project_id, filter.flow_id);
  else
    to.equals("flow_id", filter.flow_id);
  to.equals("schedule_id", filter.schedule_id);
  to.equals("reason", filter.reason);
  if (filter.from) to.compare("to_at", ">=", *filter.from);
  if (filter.to) to.compare("from_at", "<", *filter.to);
  if (filter.before) to.before(*filter.before);
}

template <class Conditions>
void add_conditions(Conditions& to, const LogFilter& filter) {
  to.equals("flow_id", filter.flow_id);
  to.equals("run_id", filter.run_id);
  if (filter.after) to.compare("timestamp", ">", *filter.after);
  if (filter.before) to.compare("timestamp", "<", *filter.before);
  to.one_of("level", filter.levels);
  to.search({"message"}, filter.search);
}

template <class Conditions>
void add_conditions(Conditions& to, const AuditFilter& filter) {
  to.equals("project_id", filter.project_id);
  if (!filter.object_id.empty()) to.compare("object_id", "=", filter.object_id);
  if (filter.from) to.compare("at", ">=", *filter.from);
  if (filter.to) to.compare("at", "<", *filter.to);
}

}  // namespace rruled::store
