#include "store/postgres_rows.h"
#include "store/postgres_run_desk.h"
#include "store/run_rules.h"

#include <algorithm>

namespace rruled::store {
namespace {

using Stage = HistoryPlace::Stage;

struct PastRuns {
  std::vector<RunId> ids;
  std::vector<std::int64_t> numbers;
  Timestamp last_due = Timestamp::min();
};

// Locks them, but for those that somebody else has locked. Again from the time of the last one on:
// no index has the order of rows of one time, and many children of a job may have the same.
PastRuns lock_runs(Tx& tx, const HistoryPlace& after, std::size_t limit) {
  static const std::string kRuns =
      "SELECT r.id, r.number, r.due_at FROM runs r WHERE r.flow_id = $1::uuid"
      " AND r.due_at >= $2::bigint AND NOT (r." +
      std::string(kPgLive) + ") AND NOT " + kIsCounted +
      " ORDER BY r.due_at LIMIT $3::bigint FOR UPDATE OF r SKIP LOCKED";
  PastRuns runs;
  Params params;
  params.add(after.flow).add(after.at).add(pg_limit(limit));
  for_each_row(tx.exec(kRuns, params), [&](PgReader& row) {
    runs.ids.push_back(row.read<RunId>());
    runs.numbers.push_back(row.read<std::int64_t>());
    runs.last_due = row.read<Timestamp>();
  });
  return runs;
}

std::size_t delete_lines_of(Tx& tx, const std::vector<RunId>& runs, std::size_t limit) {
  static const std::string kLines =
      "DELETE FROM log_lines WHERE (timestamp, number) IN (SELECT timestamp, number FROM log_lines"
      "  WHERE run_id IS NOT NULL AND run_id = ANY($1::uuid[]) LIMIT $2::bigint) RETURNING 1";
  return tx.exec(kLines, Params().add_all(runs).add(pg_limit(limit))).size();
}

// A run may have thousands of lines: all go after the last of them.
HistoryBatch remove_runs(Tx& tx, const HistoryPlace& after, std::size_t limit) {
  static const std::string kRuns = "DELETE FROM runs WHERE id = ANY($1::uuid[])";
  const auto runs = lock_runs(tx, after, limit);
  if (runs.ids.empty()) return {};
  const auto lines = delete_lines_of(tx, runs.ids, kLinesOfRun * limit);
  if (lines == kLinesOfRun * limit) return {.removed = lines, .full = true, .at = after.at};
  tx.exec(kRuns, Params().add_all(runs.ids));
  delete_parts_of_runs(tx, runs.numbers);
  return {
      .removed = lines + runs.ids.size(), .full = runs.ids.size() == limit, .at = runs.last_due};
}

HistoryBatch remove_lines(Tx& tx, const HistoryPlace& after, std::size_t limit) {
  static const std::string kLines =
      "DELETE FROM log_lines WHERE (timestamp, number) IN (SELECT timestamp, number FROM log_lines"
      "  WHERE flow_id = $1::uuid AND timestamp >= $2::bigint AND run_id IS NULL"
      "  ORDER BY timestamp LIMIT $3::bigint FOR UPDATE SKIP LOCKED) RETURNING timestamp";
  HistoryBatch batch;
  Params params;
  params.add(after.flow).add(after.at).add(pg_limit(limit));
  for_each_row(tx.exec(kLines, params), [&](PgReader& row) {
    batch.at = std::max(batch.at, row.read<Timestamp>());
    ++batch.removed;
  });
  batch.full = batch.removed == limit;
  return batch;
}

HistoryBatch remove_gaps(Tx& tx, FlowId flow, std::size_t limit) {
  static const std::string kGaps =
      "DELETE FROM gaps WHERE (schedule_id, from_at) IN (SELECT schedule_id, from_at FROM gaps"
      "  WHERE flow_id = $1::uuid LIMIT $2::bigint FOR UPDATE SKIP LOCKED) RETURNING 1";
  return {.removed = tx.exec(kGaps, Params().add(flow).add(pg_limit(limit))).size()};
}

}  // namespace

RemovedHistory PostgresRunDesk::remove_history(FlowId flow, std::size_t limit) {
  if (limit == 0) return {};
  history_.turn_to(flow);
  return history_.move_on(connection_.write(Timestamp{}, [&](Tx& tx) {
    switch (history_.stage) {
      case Stage::runs:
        return remove_runs(tx, history_, limit);
      case Stage::lines:
        return remove_lines(tx, history_, limit);
      case Stage::gaps:
        break;
    }
    return remove_gaps(tx, flow, limit);
  }));
}

}  // namespace rruled::store
