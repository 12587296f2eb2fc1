#pragma once

#include "store/postgres_connection.h"
#include "store/run_rules.h"

#include <cstddef>
#include <exception>
#include <string>
#include <vector>

// SQL texts by the one list of names in columns.h, and steps that several transactions share.
namespace rruled::store {

// Conditions of the partial indexes of incomplete_runs, which are used where a query repeats them;
// each begins with the name of the column, for a prefix before it.
inline constexpr char kPgClaimable[] = "status IN ('pending', 'retrying')";
inline constexpr char kPgLive[] =
    "status IN ('waiting', 'pending', 'dispatching', 'running', 'retrying')";
inline constexpr char kPgUnhappy[] = "status IN ('failed', 'dead', 'cancelled', 'skipped')";

// A status as no index has it: for rows that are found by their key. PostgreSQL would rather read a
// whole partial index, with all the dead entries in it, when it takes that for empty.
inline constexpr char kPgPlainStatus[] = "(status || '')";

// Where whole rows are read from, with the names of columns.h: "flows".
template <class Row>
[[nodiscard]] std::string pg_rows() {
  return std::same_as<Row, Run> ? "run_rows" : std::string(kTable<Row>);
}

// "id, project_id, ..", each with `prefix` before it.
template <class Row>
[[nodiscard]] std::string pg_columns(const std::string& prefix = {},
                                     PgWanted wanted = every_column) {
  std::string list;
  const Row row{};
  visit_columns(row, [&](std::string_view column, const auto&) {
    if (!wanted(column)) return;
    if (!list.empty()) list += ", ";
    list.append(prefix).append(column);
  });
  return list;
}

// "$1::uuid[], $2::bigint[], ..": what Params::add_rows() gives, beginning with $first.
template <class Row>
[[nodiscard]] std::string pg_arrays(int first = 1, PgWanted wanted = every_column) {
  std::string list;
  const Row row{};
  visit_columns(row, [&]<class Member>(std::string_view column, const Member&) {
    if (!wanted(column)) return;
    if (!list.empty()) list += ", ";
    list.append("$").append(std::to_string(first++)).append("::");
    list.append(pg_type<Member>()).append("[]");
  });
  return list;
}

// "unnest(..)" of them.
template <class Row>
[[nodiscard]] std::string pg_unnest(int first = 1, PgWanted wanted = every_column) {
  return "unnest(" + pg_arrays<Row>(first, wanted) + ")";
}

template <class Row>
[[nodiscard]] int pg_column_count(PgWanted wanted = every_column) {
  int count = 0;
  const Row row{};
  visit_columns(row,
                [&](std::string_view column, const auto&) { count += wanted(column) ? 1 : 0; });
  return count;
}

// "INSERT INTO flows (..) SELECT * FROM unnest(..)"
template <class Row>
[[nodiscard]] std::string pg_insert(std::string_view table = kTable<Row>,
                                    PgWanted wanted = every_column) {
  return "INSERT INTO " + std::string(table) + " (" + pg_columns<Row>("", wanted) +
         ") SELECT * FROM " + pg_unnest<Row>(1, wanted);
}

// The same, replacing every column of a row that has this key.
template <class Row>
[[nodiscard]] std::string pg_put(std::string_view table = kTable<Row>,
                                 PgWanted wanted = every_column,
                                 const std::string& key = "id") {
  std::string list;
  const Row row{};
  visit_columns(row, [&](std::string_view column, const auto&) {
    if (column == key || !wanted(column)) return;
    if (!list.empty()) list += ", ";
    list.append(column).append(" = excluded.").append(column);
  });
  return pg_insert<Row>(table, wanted) + " ON CONFLICT (" + key + ") DO UPDATE SET " + list;
}

// A schedule with its flow: FROM schedules s JOIN flows f.
[[nodiscard]] std::string pg_due_schedule();
// What such a text finds.
[[nodiscard]] std::vector<DueSchedule> read_due_schedules(Tx& tx,
                                                          const std::string& sql,
                                                          const Params& params);

// For LIMIT and OFFSET.
[[nodiscard]] std::int64_t pg_limit(std::size_t limit);

// The columns of schedule_rules, and of schedule_states.
[[nodiscard]] bool is_rule_column(std::string_view name);
[[nodiscard]] bool is_state_column(std::string_view name);
// Of a run: of the table runs; the others are in run_bodies.
[[nodiscard]] bool is_run_column(std::string_view name);

// A new version and revision for schedules that do not have this revision yet: of these flows, or
// of a project. They are locked.
void bump_schedules(Tx& tx, const std::vector<FlowId>& flows, std::int64_t revision);
void bump_schedules_of_project(Tx& tx, std::int64_t project, std::int64_t revision);
// Rules and states.
void delete_schedules(Tx& tx, const std::vector<ScheduleId>& ids);

// Thrown by insert_runs(), out of the transaction: the ledger has one of the runs.
struct RunsExist : std::exception {
  [[nodiscard]] const char* what() const noexcept override { return "a run is there already"; }
};
enum class Known {
  skip,   // leave runs that the ledger has as they are
  refuse  // throw RunsExist: what is expected not to happen costs nothing then
};
// Inserts those that the ledger does not have; gives their ids. A dispatching run is claimed until
// the end of the claim time.
[[nodiscard]] std::vector<RunId> insert_runs(Tx& tx,
                                             const std::vector<const Run*>& runs,
                                             milliseconds claim_ttl,
                                             Known known = Known::skip);
// With what belongs to them: bodies and attempts. By runs.number; the rows are gone already.
void delete_parts_of_runs(Tx& tx, const std::vector<std::int64_t>& numbers);
void insert_logs(Tx& tx, const std::vector<const LogEntry*>& lines);
// Tells the daemons that something was written, unless the store shall not.
void notify_daemons(Tx& tx, const PostgresOptions& options);
void insert_audit(Tx& tx, const std::vector<const AuditEntry*>& entries);
// In order: of those of a schedule that begin at one time, the last stays. The schedules exist.
void put_gaps(Tx& tx, const std::vector<const Gap*>& gaps);
// They are waiting, pending or retrying, and their schedules locked.
void cancel_runs(Tx& tx, const std::vector<RunId>& ids, std::string_view reason);
// They are waiting, and their schedules locked.
void release_runs(Tx& tx, const std::vector<RunId>& ids);

}  // namespace rruled::store
