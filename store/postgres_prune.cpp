#include "store/postgres_rows.h"
#include "store/postgres_store.h"
#include "store/run_rules.h"

#include <algorithm>

namespace rruled::store {
namespace {

// What the end of a row is compared with: null for one that may go whatever its schedule says.
constexpr char kPgKeptFrom[] = "$1::bigint - s.catchup_window - s.retry_max_age";

// Rows that were looked at, oldest first.
template <class Key>
struct OldRows {
  std::vector<Key> going;
  std::optional<Key> last;
  std::size_t size = 0;
};

using PgOldRun = PostgresStore::PrunedRun;
using PgOldGap = PostgresStore::PrunedGap;
using PgOldLine = PostgresStore::PrunedLine;

// In the order in which they were due: no index has a column that changes, as their end does. So
// one that was cancelled before its time stays until that.
OldRows<PgOldRun> read_old_runs(Tx& tx, const PruneRequest& request, const PgOldRun& after) {
  static const std::string kOld =
      "SELECT r.due_at, r.number, r.id, r.status, coalesce(r.finished_at < $2::bigint, false)"
      " AND coalesce(r.finished_at < " +
      std::string(kPgKeptFrom) + ", true) AND NOT " + kIsCounted + " AND NOT " + kIsOpenJob +
      " FROM runs r LEFT JOIN schedule_rules s ON s.id = r.schedule_id"
      " WHERE r.due_at < $2::bigint AND (r.due_at, r.number) > ($3::bigint, $4::bigint)"
      " ORDER BY r.due_at, r.number LIMIT $5::bigint";
  Params params;
  params.add(tx.now()).add(request.runs_before).add(after.due).add(after.number);
  params.add(pg_limit(request.limit));
  OldRows<PgOldRun> page;
  for_each_row(tx.exec(kOld, params), [&](PgReader& row) {
    PgOldRun run;
    run.due = row.read<Timestamp>();
    run.number = row.read<std::int64_t>();
    run.id = row.read<RunId>();
    // A run that is replayed has ended before, and lives.
    const bool ended = is_final(row.read<RunStatus>());
    if (row.read<bool>() && ended) page.going.push_back(run);
    page.last = run;
    ++page.size;
  });
  return page;
}

// Those that nobody else removes at this moment.
std::size_t delete_runs(Tx& tx, const std::vector<PgOldRun>& runs) {
  static const std::string kRuns =
      "DELETE FROM runs WHERE id IN (SELECT id FROM runs WHERE id = ANY($1::uuid[])"
      "  AND NOT (" +
      std::string(kPgLive) + ") ORDER BY id FOR UPDATE SKIP LOCKED) RETURNING id, number";
  static const std::string kLogs =
      "DELETE FROM log_lines WHERE run_id IS NOT NULL AND run_id = ANY($1::uuid[])";
  if (runs.empty()) return 0;
  Params params;
  params.add_each(runs, [](const PgOldRun& run) { return run.id; });
  std::vector<RunId> ids;
  std::vector<std::int64_t> numbers;
  for_each_row(tx.exec(kRuns, params), [&](PgReader& row) {
    ids.push_back(row.read<RunId>());
    numbers.push_back(row.read<std::int64_t>());
  });
  delete_parts_of_runs(tx, numbers);
  tx.exec(kLogs, Params().add_all(ids));
  return ids.size();
}

OldRows<PgOldGap> read_old_gaps(Tx& tx, const PruneRequest& request, const PgOldGap& after) {
  static const std::string kOld =
      "SELECT g.to_at, g.schedule_id, g.from_at, coalesce(g.to_at < " + std::string(kPgKeptFrom) +
      ", true) FROM gaps g LEFT JOIN schedule_rules s ON s.id = g.schedule_id"
      " WHERE g.to_at < $2::bigint"
      " AND (g.to_at, g.schedule_id, g.from_at) > ($3::bigint, $4::uuid, $5::bigint)"
      " ORDER BY g.to_at, g.schedule_id, g.from_at LIMIT $6::bigint";
  Params params;
  params.add(tx.now()).add(request.runs_before);
  params.add(after.end).add(after.schedule_id).add(after.from).add(pg_limit(request.limit));
  OldRows<PgOldGap> page;
  for_each_row(tx.exec(kOld, params), [&](PgReader& row) {
    PgOldGap gap;
    gap.end = row.read<Timestamp>();
    gap.schedule_id = row.read<ScheduleId>();
    gap.from = row.read<Timestamp>();
    if (row.read<bool>()) page.going.push_back(gap);
    page.last = gap;
    ++page.size;
  });
  return page;
}

std::size_t delete_gaps(Tx& tx, const std::vector<PgOldGap>& gaps) {
  static const std::string kGaps =
      "DELETE FROM gaps g USING (SELECT g.schedule_id, g.from_at FROM gaps g"
      "  JOIN unnest($1::uuid[], $2::bigint[]) AS i(schedule_id, from_at)"
      "  ON g.schedule_id = i.schedule_id AND g.from_at = i.from_at"
      "  ORDER BY g.schedule_id, g.from_at FOR UPDATE OF g SKIP LOCKED) AS i"
      " WHERE g.schedule_id = i.schedule_id AND g.from_at = i.from_at RETURNING 1";
  if (gaps.empty()) return 0;
  Params params;
  params.add_each(gaps, [](const PgOldGap& gap) { return gap.schedule_id; });
  params.add_each(gaps, [](const PgOldGap& gap) { return gap.from; });
  return tx.exec(kGaps, params).size();
}

// All of them go: those that are dead already are not walked again.
OldRows<PgOldLine> delete_logs(Tx& tx, const PruneRequest& request, const PgOldLine& after) {
  static const std::string kLogs =
      "DELETE FROM log_lines WHERE (timestamp, number) IN"
      " (SELECT timestamp, number FROM log_lines WHERE timestamp < $1::bigint"
      "  AND (timestamp, number) > ($2::bigint, $3::bigint)"
      "  ORDER BY timestamp, number LIMIT $4::bigint FOR UPDATE SKIP LOCKED)"
      " RETURNING timestamp, number";
  Params params;
  params.add(request.logs_before).add(after.at).add(after.number).add(pg_limit(request.limit));
  OldRows<PgOldLine> page;
  for_each_row(tx.exec(kLogs, params), [&](PgReader& row) {
    PgOldLine line;
    line.at = row.read<Timestamp>();
    line.number = row.read<std::int64_t>();
    page.last = std::max(page.last.value_or(line), line);
    ++page.size;
  });
  return page;
}

// No index goes by the time of a line, and none is needed: they are written in its order, but for
// those of a clock that was ahead. Those that stay are not locked.
std::size_t delete_audit(Tx& tx, const PruneRequest& request) {
  static const std::string kAudit =
      "DELETE FROM audit WHERE number IN (SELECT number FROM audit WHERE number IN"
      "  (SELECT number FROM (SELECT number, at FROM audit WHERE at <= $2::bigint"
      "    ORDER BY number LIMIT $3::bigint) AS oldest WHERE at < $1::bigint)"
      "  ORDER BY number FOR UPDATE SKIP LOCKED) RETURNING 1";
  Params params;
  params.add(request.audit_before).add(tx.now()).add(pg_limit(request.limit));
  return tx.exec(kAudit, params).size();
}

}  // namespace

// Rows that are kept for their schedule's sake lie among those that go: each call looks at `limit`
// rows at most, and the next one goes on behind them.
Pruned PostgresStore::prune(const PruneRequest& request, Timestamp now) {
  if (request.limit == 0) return {};
  PrunedRun runs_to;
  PrunedGap gaps_to;
  PrunedLine logs_to;
  const auto pruned = connection_->write(now, [&](Tx& tx) {
    Pruned done;
    const auto runs = read_old_runs(tx, request, runs_pruned_to_);
    done.runs = delete_runs(tx, runs.going);
    const auto gaps = read_old_gaps(tx, request, gaps_pruned_to_);
    done.gaps = delete_gaps(tx, gaps.going);
    const auto logs = delete_logs(tx, request, logs_pruned_to_);
    done.logs = logs.size;
    done.audit = delete_audit(tx, request);
    runs_to = runs.size == request.limit ? *runs.last : PrunedRun{};
    gaps_to = gaps.size == request.limit ? *gaps.last : PrunedGap{};
    logs_to = logs.size == request.limit ? *logs.last : PrunedLine{};
    done.more = runs.size == request.limit || gaps.size == request.limit ||
                done.logs == request.limit || done.audit == request.limit;
    return done;
  });
  runs_pruned_to_ = runs_to;
  gaps_pruned_to_ = gaps_to;
  logs_pruned_to_ = logs_to;
  return pruned;
}

}  // namespace rruled::store
