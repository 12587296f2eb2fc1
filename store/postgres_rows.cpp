#include "store/postgres_rows.h"

#include <limits>
#include <map>

namespace rruled::store {

std::string pg_due_schedule() {
  return "SELECT " + pg_columns<Schedule>("s.") +
         ", f.name, f.status, f.version, f.trigger_type, f.variables"
         " FROM schedules s JOIN flows f ON f.id = s.flow_id";
}

std::vector<DueSchedule> read_due_schedules(const pqxx::result& result) {
  std::vector<DueSchedule> rows;
  for_each_row(result, [&](PgReader& row) {
    auto& due = rows.emplace_back();
    due.schedule = row.read_row<Schedule>();
    due.flow_name = row.read<std::optional<std::string>>();
    due.flow_status = row.read<FlowStatus>();
    due.flow_version = row.read<std::int64_t>();
    due.trigger_type = row.read<std::string>();
    due.flow_variables = row.read<std::string>();
  });
  return rows;
}

std::int64_t pg_limit(std::size_t limit) {
  constexpr auto kMax = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(std::min(limit, kMax));
}

std::vector<RunId> insert_runs(Tx& tx,
                               const std::vector<const Run*>& runs,
                               milliseconds claim_ttl) {
  static const std::string kInsert = [] {
    const auto columns = pg_column_count<Run>();
    return "INSERT INTO runs (" + pg_columns<Run>() +
           ", claimed_at, claimed_until) SELECT r.*,"
           " CASE WHEN r.status = 'dispatching' THEN $" +
           std::to_string(columns + 1) + "::bigint END, CASE WHEN r.status = 'dispatching' THEN $" +
           std::to_string(columns + 2) + "::bigint END FROM " + pg_unnest<Run>() + " AS r(" +
           pg_columns<Run>() + ") ON CONFLICT DO NOTHING RETURNING id";
  }();
  if (runs.empty()) return {};
  Params params;
  params.add_rows(runs).add(tx.now()).add(tx.now() + claim_ttl);
  return read_values<RunId>(tx.exec(kInsert, params));
}

void insert_logs(Tx& tx, const std::vector<const LogEntry*>& lines) {
  static const std::string kInsert = pg_insert<LogEntry>();
  if (!lines.empty()) tx.exec(kInsert, Params().add_rows(lines));
}

void put_gaps(Tx& tx, const std::vector<const Gap*>& gaps) {
  static const std::string kPut =
      "INSERT INTO gaps (schedule_id, from_at, to_at, reason, count, flow_id)"
      " SELECT s.id, g.from_at, g.to_at, g.reason, g.count, s.flow_id FROM"
      " unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[])"
      " AS g(id, from_at, to_at, reason, count) JOIN schedules s ON s.id = g.id"
      " ON CONFLICT (schedule_id, from_at) DO UPDATE SET to_at = excluded.to_at,"
      " reason = excluded.reason, count = excluded.count, flow_id = excluded.flow_id";
  if (gaps.empty()) return;
  std::map<std::pair<ScheduleId, Instant>, const Gap*> last;
  for (const auto* gap : gaps) last[{gap->schedule_id, gap->from}] = gap;
  std::vector<const Gap*> rows;
  for (const auto& [key, gap] : last) rows.push_back(gap);
  Params params;
  params.add_each(rows, [](const Gap* gap) { return gap->schedule_id; });
  params.add_each(rows, [](const Gap* gap) { return gap->from; });
  params.add_each(rows, [](const Gap* gap) { return gap->to; });
  params.add_each(rows, [](const Gap* gap) { return gap->reason; });
  params.add_each(rows, [](const Gap* gap) { return gap->count; });
  tx.exec(kPut, params);
}

void cancel_runs(Tx& tx, const std::vector<RunId>& ids, const std::string& reason) {
  static const std::string kCancel =
      "UPDATE runs SET status = 'cancelled', reason = $2, available_at = NULL,"
      " finished_at = $3::bigint WHERE id = ANY($1::uuid[]) AND " +
      std::string(kPgPlainStatus) + " IN ('waiting', 'pending', 'retrying')";
  if (!ids.empty()) tx.exec(kCancel, Params().add_all(ids).add(reason).add(tx.now()));
}

void release_runs(Tx& tx, const std::vector<RunId>& ids) {
  static const std::string kRelease =
      "UPDATE runs SET status = 'pending', available_at = $2::bigint"
      " WHERE id = ANY($1::uuid[]) AND " +
      std::string(kPgPlainStatus) + " = 'waiting'";
  if (!ids.empty()) tx.exec(kRelease, Params().add_all(ids).add(tx.now()));
}

}  // namespace rruled::store
