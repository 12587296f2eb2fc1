#pragma once

#include "store/sqlite_connection.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// Whole rows in SQL texts, by the one list of names in columns.h.
namespace rruled::store {

// Conditions of partial indexes. SQLite uses such an index where a query repeats its condition, or
// one of the alternatives in it.
inline constexpr char kIsHolding[] =
    "(status = 'pending' OR status = 'dispatching' OR status = 'running' OR status = 'retrying')";
inline constexpr char kIsClaimable[] = "(status = 'pending' OR status = 'retrying')";
inline constexpr char kIsUnhappy[] =
    "(status = 'failed' OR status = 'dead' OR status = 'cancelled' OR status = 'skipped')";

// "id, project_id, ..", each with `prefix` before it.
template <class Row>
[[nodiscard]] std::string column_list(const std::string& prefix = {}) {
  std::string list;
  const Row row{};
  visit_columns(row, [&](std::string_view column, const auto&) {
    if (!list.empty()) list += ", ";
    list.append(prefix).append(column);
  });
  return list;
}

// "?, ?, .."
template <class Row>
[[nodiscard]] std::string parameter_list() {
  std::string list;
  const Row row{};
  visit_columns(row, [&](std::string_view, const auto&) { list += list.empty() ? "?" : ", ?"; });
  return list;
}

// "INSERT INTO flows (..) VALUES (..)"
template <class Row>
[[nodiscard]] std::string insert_sql() {
  return "INSERT INTO " + std::string(kTable<Row>) + " (" + column_list<Row>() + ") VALUES (" +
         parameter_list<Row>() + ")";
}

// The same, replacing every column of a row that has this key.
template <class Row>
[[nodiscard]] std::string put_sql(const std::string& key = "id") {
  std::string list;
  const Row row{};
  visit_columns(row, [&](std::string_view column, const auto&) {
    if (column == key) return;
    if (!list.empty()) list += ", ";
    list.append(column).append(" = excluded.").append(column);
  });
  return insert_sql<Row>() + " ON CONFLICT (" + key + ") DO UPDATE SET " + list;
}

template <class Row>
void bind_row(Query& query, const Row& row) {
  visit_columns(row, [&](std::string_view, const auto& member) { query.bind(member); });
}

template <class Row>
[[nodiscard]] Row read_row(Query& query) {
  Row row;
  visit_columns(row, [&](std::string_view, auto& member) {
    member = query.read<std::remove_cvref_t<decltype(member)>>();
  });
  return row;
}

template <class Row>
[[nodiscard]] std::vector<Row> read_rows(Query& query) {
  std::vector<Row> rows;
  while (query.step()) rows.push_back(read_row<Row>(query));
  return rows;
}

// A schedule with its flow: FROM schedules s JOIN flows f ON f.id = s.flow_id.
[[nodiscard]] std::string due_schedule_sql();
// What such a text finds.
[[nodiscard]] std::vector<DueSchedule> read_due_schedules(Connection& connection, Query& query);

// For LIMIT and OFFSET.
[[nodiscard]] std::int64_t as_limit(std::size_t limit);

}  // namespace rruled::store
