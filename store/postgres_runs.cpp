#include "store/postgres_runs.h"

#include "store/errors.h"

namespace rruled::store {

void lock_meta(Tx& tx) {
  static const std::string kLock = "SELECT 1 FROM meta WHERE one = 1 FOR UPDATE";
  tx.exec(kLock);
}

std::optional<Run> lock_run(Tx& tx, RunId id) {
  static const std::string kRun =
      "SELECT " + pg_columns<Run>() + " FROM " + pg_rows<Run>() + " WHERE id = $1::uuid FOR UPDATE";
  auto rows = read_table<Run>(tx.exec(kRun, Params().add(id)));
  return rows.empty() ? std::nullopt : std::optional(std::move(rows.front()));
}

std::optional<std::size_t> lock_schedule_of(Tx& tx, RunId id) {
  static const std::string kLock =
      "SELECT max_running FROM schedules WHERE id ="
      " (SELECT schedule_id FROM runs WHERE id = $1::uuid) FOR UPDATE";
  const auto found = tx.exec(kLock, Params().add(id));
  return found.empty() ? std::nullopt : std::optional(PgReader(found, 0).read<std::size_t>());
}

std::optional<RunId> next_waiting(Tx& tx, ScheduleId id, std::size_t max_running) {
  static const std::string kHolding =
      "SELECT count(*) FROM incomplete_runs r WHERE r.schedule_id = $1::uuid AND r." +
      std::string(kPgLive) + " AND " + kPgHoldsBack;
  static const std::string kWaiting =
      "SELECT id FROM incomplete_runs WHERE schedule_id = $1::uuid AND status = 'waiting'"
      " ORDER BY due_at, id LIMIT 1";
  const auto holding = PgReader(tx.exec(kHolding, Params().add(id)), 0).read<std::size_t>();
  if (holding >= max_running) return std::nullopt;
  const auto waiting = read_values<RunId>(tx.exec(kWaiting, Params().add(id)));
  return waiting.empty() ? std::nullopt : std::optional(waiting.front());
}

bool release_after(Tx& tx, const Run& run, std::size_t max_running) {
  static const std::string kReleased = "UPDATE runs SET released = true WHERE id = $1::uuid";
  const auto waiting = next_waiting(tx, run.schedule_id.value(), max_running);
  if (!waiting) return false;
  release_runs(tx, {*waiting});
  tx.exec(kReleased, Params().add(run.id));
  return true;
}

void tell_of_runs(Tx& tx, const PostgresOptions& options) {
  static const std::string kTell =
      "UPDATE meta SET revision = revision + 1, runs_revision = revision + 1 WHERE one = 1";
  tx.exec(kTell);
  notify_daemons(tx, options);
}

void tell_afterwards(PgConnection& connection, Timestamp now) {
  try {
    connection.write(now, [&](Tx& tx) { tell_of_runs(tx, connection.options()); });
  } catch (const StoreError&) {
  }
}

bool keep_wish(Tx& tx, RunId id, const std::string& reason, const PostgresOptions& options) {
  static const std::string kKeep =
      "UPDATE runs SET cancel_revision = (SELECT revision + 1 FROM meta),"
      " cancel_reason = CASE WHEN cancel_reason = '' THEN $2 ELSE cancel_reason END,"
      " available_at = CASE WHEN status = 'running' THEN $3::bigint ELSE available_at END"
      " WHERE id = $1::uuid AND (" +
      std::string(kPgPlainStatus) + " = 'dispatching' OR " + kPgPlainStatus +
      " = 'running' AND available_at IS NOT NULL) RETURNING 1";
  static const std::string kTell = "UPDATE meta SET revision = revision + 1 WHERE one = 1";
  if (tx.exec(kKeep, Params().add(id).add(reason).add(tx.now())).empty()) return false;
  tx.exec(kTell);
  notify_daemons(tx, options);
  return true;
}

bool is_open_job(Tx& tx, RunId id) {
  static const std::string kOpen =
      "SELECT 1 FROM jobs WHERE run_id = $1::uuid AND state <> 'ended'";
  return !tx.exec(kOpen, Params().add(id)).empty();
}

}  // namespace rruled::store
