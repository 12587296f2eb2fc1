#pragma once

#include "store/audience.h"
#include "store/columns.h"

// The columns of the tables of audience.h; see columns.h.
namespace rruled::store {

template <>
inline constexpr std::string_view kTable<Person> = "persons";
template <>
inline constexpr std::string_view kTable<Job> = "jobs";

template <class Row, class Visitor>
requires RowOf<Row, Person>
void visit_columns(Row& row, Visitor&& column) {
  column("id", row.id);
  column("project_id", row.project_id);
  column("distinct_id", row.distinct_id);
  column("properties", row.properties);
  column("created_at", row.created_at);
  column("updated_at", row.updated_at);
}

// Of table person_values, after person_id.
template <class Row, class Visitor>
requires RowOf<Row, PersonValue>
void visit_columns(Row& row, Visitor&& column) {
  column("key", row.key);
  column("value", row.value);
  column("folded", row.folded);
  column("number", row.number);
  column("at", row.at);
}

template <class Row, class Visitor>
requires RowOf<Row, Job>
void visit_columns(Row& row, Visitor&& column) {
  column("run_id", row.run_id);
  column("state", row.state);
  column("trigger_config", row.trigger_config);
  column("opened_at", row.opened_at);
  column("cursor", row.cursor);
  column("enqueued", row.enqueued);
  column("truncated", row.truncated);
  column("ending", row.ending);
  column("reason", row.reason);
  column("done", row.done);
  column("failed", row.failed);
}

}  // namespace rruled::store
