#pragma once

#include "store/postgres_connection.h"
#include "store/run_rules.h"

#include <cstddef>
#include <string>
#include <vector>

// SQL texts by the one list of names in columns.h, and steps that several transactions share.
namespace rruled::store {

// Conditions of partial indexes, which are used where a query repeats them.
inline constexpr char kPgClaimable[] = "status IN ('pending', 'retrying')";
inline constexpr char kPgLive[] =
    "status IN ('waiting', 'pending', 'dispatching', 'running', 'retrying')";
inline constexpr char kPgUnhappy[] = "status IN ('failed', 'dead', 'cancelled', 'skipped')";

// A status as no index has it: for rows that are found by their key. PostgreSQL would rather read a
// whole partial index, with all the dead entries in it, when it takes that for empty.
inline constexpr char kPgPlainStatus[] = "(status || '')";

// "id, project_id, ..", each with `prefix` before it.
template <class Row>
[[nodiscard]] std::string pg_columns(const std::string& prefix = {}) {
  std::string list;
  const Row row{};
  visit_columns(row, [&](std::string_view column, const auto&) {
    if (!list.empty()) list += ", ";
    list.append(prefix).append(column);
  });
  return list;
}

// "unnest($1::uuid[], $2::bigint[], ..)": what Params::add_rows() gives, beginning with $first.
template <class Row>
[[nodiscard]] std::string pg_unnest(int first = 1) {
  std::string list;
  const Row row{};
  visit_columns(row, [&]<class Member>(std::string_view, const Member&) {
    if (!list.empty()) list += ", ";
    list.append("$").append(std::to_string(first++)).append("::");
    list.append(pg_type<Member>()).append("[]");
  });
  return "unnest(" + list + ")";
}

template <class Row>
[[nodiscard]] std::size_t pg_column_count() {
  std::size_t count = 0;
  const Row row{};
  visit_columns(row, [&](std::string_view, const auto&) { ++count; });
  return count;
}

// "INSERT INTO flows (..) SELECT * FROM unnest(..)"
template <class Row>
[[nodiscard]] std::string pg_insert() {
  return "INSERT INTO " + std::string(kTable<Row>) + " (" + pg_columns<Row>() + ") SELECT * FROM " +
         pg_unnest<Row>();
}

// The same, replacing every column of a row that has this id.
template <class Row>
[[nodiscard]] std::string pg_put() {
  std::string list;
  const Row row{};
  visit_columns(row, [&](std::string_view column, const auto&) {
    if (column == "id") return;
    if (!list.empty()) list += ", ";
    list.append(column).append(" = excluded.").append(column);
  });
  return pg_insert<Row>() + " ON CONFLICT (id) DO UPDATE SET " + list;
}

// A schedule with its flow: FROM schedules s JOIN flows f.
[[nodiscard]] std::string pg_due_schedule();
[[nodiscard]] std::vector<DueSchedule> read_due_schedules(const pqxx::result& result);

// For LIMIT and OFFSET.
[[nodiscard]] std::int64_t pg_limit(std::size_t limit);

// Inserts those that the ledger does not have; gives their ids. A dispatching run is claimed until
// the end of the claim time.
[[nodiscard]] std::vector<RunId> insert_runs(Tx& tx,
                                             const std::vector<const Run*>& runs,
                                             milliseconds claim_ttl);
void insert_logs(Tx& tx, const std::vector<const LogEntry*>& lines);
// In order: of those of a schedule that begin at one time, the last stays. The schedules exist.
void put_gaps(Tx& tx, const std::vector<const Gap*>& gaps);
// They are waiting, pending or retrying, and their schedules locked.
void cancel_runs(Tx& tx, const std::vector<RunId>& ids, const std::string& reason);
// They are waiting, and their schedules locked.
void release_runs(Tx& tx, const std::vector<RunId>& ids);

}  // namespace rruled::store
