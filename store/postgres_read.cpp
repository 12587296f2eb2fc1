#include "store/postgres_rows.h"
#include "store/postgres_store.h"
#include "store/run_rules.h"

namespace rruled::store {
namespace {

// A condition that an absent (null) parameter switches off.
template <class T>
std::string pg_optional_equals(const std::string& column, const std::string& parameter) {
  const auto typed = parameter + "::" + std::string(pg_type<T>());
  return " AND (" + typed + " IS NULL OR " + column + " = " + typed + ")";
}

constexpr char kPgLimitOffset[] = " LIMIT $1::bigint OFFSET $2::bigint";

// By the index that fits: the text says which one. What is not completed is found in
// incomplete_runs.
const std::string& pg_runs(const RunQuery& query) {
  const auto make = [](const std::string& from, const std::string& f, const std::string& first) {
    return "SELECT " + pg_columns<Run>("r.") + " FROM " + from + " WHERE " + f +
           "due_at >= $3::bigint AND " + f + "due_at < $4::bigint" + first +
           pg_optional_equals<ScheduleId>("r.schedule_id", "$5") +
           pg_optional_equals<FlowId>("r.flow_id", "$6") +
           pg_optional_equals<RunStatus>("r.status", "$7") + " ORDER BY " + f + "due_at DESC, " +
           f + "id DESC" + kPgLimitOffset;
  };
  static const std::string kAll = "run_rows r";
  static const std::string kIncomplete = "incomplete_runs f JOIN run_rows r ON r.id = f.id";
  static const std::string kBySchedule = make(kAll, "r.", " AND r.schedule_id = $5::uuid");
  static const std::string kByFlow = make(kAll, "r.", " AND r.flow_id = $6::uuid");
  static const std::string kUnhappy =
      make(kIncomplete, "f.", " AND f.status = $7::text AND f." + std::string(kPgUnhappy));
  static const std::string kLive = make(kIncomplete, "f.", " AND f." + std::string(kPgLive));
  static const std::string kByDue = make(kAll, "r.", "");
  if (query.schedule_id) return kBySchedule;
  if (query.flow_id) return kByFlow;
  if (!query.status || *query.status == RunStatus::completed) return kByDue;
  return is_final(*query.status) ? kUnhappy : kLive;
}

// Rows of status and count.
template <class Status>
void add_counts(const pqxx::result& result, CountsOf<Status>& all) {
  for_each_row(result, [&](PgReader& row) {
    const auto status = row.read<Status>();
    all[static_cast<std::size_t>(status)].second += row.read<std::uint64_t>();
  });
}

template <class Row, class RowId>
std::optional<Row> read_one(PgConnection& connection, const std::string& sql, const RowId& id) {
  return connection.read([&](Tx& tx) -> std::optional<Row> {
    const auto result = tx.exec(sql, Params().add(id));
    if (result.empty()) return std::nullopt;
    return PgReader(result, 0).read_row<Row>();
  });
}

template <class Row, class RowId>
std::vector<Row> read_from(PgConnection& connection, const RowId& first, std::size_t limit) {
  static const std::string kFrom = "SELECT " + pg_columns<Row>() + " FROM " + pg_rows<Row>() +
                                   " WHERE id >= $1::uuid ORDER BY id LIMIT $2::bigint";
  return connection.read([&](Tx& tx) {
    return read_table<Row>(tx.exec(kFrom, Params().add(first).add(pg_limit(limit))));
  });
}

}  // namespace

std::optional<Flow> PostgresStore::flow(FlowId id) {
  static const std::string kFlow =
      "SELECT " + pg_columns<Flow>() + " FROM flows WHERE id = $1::uuid";
  return read_one<Flow>(*connection_, kFlow, id);
}

std::optional<Schedule> PostgresStore::schedule(ScheduleId id) {
  static const std::string kSchedule =
      "SELECT " + pg_columns<Schedule>() + " FROM schedules WHERE id = $1::uuid";
  return read_one<Schedule>(*connection_, kSchedule, id);
}

std::optional<Run> PostgresStore::run(RunId id) {
  static const std::string kRun =
      "SELECT " + pg_columns<Run>() + " FROM " + pg_rows<Run>() + " WHERE id = $1::uuid";
  return read_one<Run>(*connection_, kRun, id);
}

std::vector<Flow> PostgresStore::flows(const FlowQuery& query) {
  static const std::string kFlows = "SELECT " + pg_columns<Flow>() + " FROM flows WHERE true" +
                                    pg_optional_equals<std::int64_t>("project_id", "$3") +
                                    pg_optional_equals<FlowStatus>("status", "$4") +
                                    " ORDER BY updated_at DESC, id DESC" + kPgLimitOffset;
  return connection_->read([&](Tx& tx) {
    Params params;
    params.add(pg_limit(query.limit)).add(pg_limit(query.offset));
    params.add(query.project_id).add(query.status);
    return read_table<Flow>(tx.exec(kFlows, params));
  });
}

std::vector<Schedule> PostgresStore::schedules(const ScheduleQuery& query) {
  const auto make = [](const std::string& first) {
    return "SELECT " + pg_columns<Schedule>() + " FROM schedules WHERE " + first +
           pg_optional_equals<FlowId>("flow_id", "$3") +
           pg_optional_equals<std::int64_t>("project_id", "$4") +
           pg_optional_equals<ScheduleStatus>("status", "$5") +
           " ORDER BY created_at DESC, id DESC" + kPgLimitOffset;
  };
  static const std::string kByFlow = make("flow_id = $3::uuid");
  static const std::string kAll = make("true");
  return connection_->read([&](Tx& tx) {
    Params params;
    params.add(pg_limit(query.limit)).add(pg_limit(query.offset));
    params.add(query.flow_id).add(query.project_id).add(query.status);
    return read_table<Schedule>(tx.exec(query.flow_id ? kByFlow : kAll, params));
  });
}

std::vector<Schedule> PostgresStore::schedules_from(ScheduleId first, std::size_t limit) {
  return read_from<Schedule>(*connection_, first, limit);
}

std::vector<Run> PostgresStore::runs(const RunQuery& query) {
  return connection_->read([&](Tx& tx) {
    Params params;
    params.add(pg_limit(query.limit)).add(pg_limit(query.offset));
    params.add(query.due_from.value_or(Timestamp::min()));
    params.add(query.due_to.value_or(Timestamp::max()));
    params.add(query.schedule_id).add(query.flow_id).add(query.status);
    return read_table<Run>(tx.exec(pg_runs(query), params));
  });
}

std::vector<Run> PostgresStore::runs_from(RunId first, std::size_t limit) {
  return read_from<Run>(*connection_, first, limit);
}

std::vector<Attempt> PostgresStore::attempts(RunId id) {
  // The open one is not stored: it is the claim. Nor is one that said no more than its run does.
  static const std::string kAttempts =
      "SELECT r.id, a.number, a.started_at, a.finished_at, a.outcome, a.status_code, a.error"
      " FROM runs r JOIN attempts a ON a.run = r.number WHERE r.id = $1::uuid"
      " UNION ALL SELECT id, attempts, claimed_at, NULL, '', NULL, ''"
      " FROM runs WHERE id = $1::uuid AND status = 'dispatching'"
      " UNION ALL SELECT id, 1, started_at, answered_at, 'completed', status_code, ''"
      " FROM runs WHERE id = $1::uuid AND answered_at IS NOT NULL ORDER BY 2";
  return connection_->read(
      [&](Tx& tx) { return read_table<Attempt>(tx.exec(kAttempts, Params().add(id))); });
}

std::vector<LogEntry> PostgresStore::logs(const LogQuery& query) {
  const auto make = [](const std::string& first) {
    return "SELECT " + pg_columns<LogEntry>() + " FROM log_lines WHERE " + first +
           pg_optional_equals<FlowId>("flow_id", "$2") + pg_optional_equals<RunId>("run_id", "$3") +
           " ORDER BY timestamp DESC, number DESC LIMIT $1::bigint";
  };
  static const std::string kByRun = make("run_id = $3::uuid");
  static const std::string kByFlow = make("flow_id = $2::uuid");
  static const std::string kAll = make("true");
  return connection_->read([&](Tx& tx) {
    Params params;
    params.add(pg_limit(query.limit)).add(query.flow_id).add(query.run_id);
    return read_table<LogEntry>(tx.exec(query.run_id    ? kByRun
                                        : query.flow_id ? kByFlow
                                                        : kAll,
                                        params));
  });
}

std::vector<Gap> PostgresStore::gaps(ScheduleId id) {
  static const std::string kGaps =
      "SELECT reason, from_at, to_at, count FROM gaps WHERE schedule_id = $1::uuid"
      " ORDER BY from_at";
  return connection_->read([&](Tx& tx) {
    std::vector<Gap> found;
    for_each_row(tx.exec(kGaps, Params().add(id)), [&](PgReader& row) {
      auto& gap = found.emplace_back();
      gap.schedule_id = id;
      gap.reason = row.read<GapReason>();
      gap.from = row.read<Instant>();
      gap.to = row.read<Instant>();
      gap.count = row.read<std::uint64_t>();
    });
    return found;
  });
}

Counts PostgresStore::counts() {
  static const std::string kSchedules =
      "SELECT status, count(*) FROM schedule_states GROUP BY status";
  static const std::string kLive = "SELECT status, count(*) FROM incomplete_runs WHERE " +
                                   std::string(kPgLive) + " GROUP BY status";
  static const std::string kIsSmall =
      "SELECT pg_relation_size('runs'::regclass) < 64 * 1024 * 1024";
  static const std::string kEnded =
      "SELECT status, count(*) FROM runs WHERE NOT (" + std::string(kPgLive) + ") GROUP BY status";
  // A ledger of a hundred million rows is not counted: the planner's statistics say about how many
  // there are of each status.
  static const std::string kEstimated =
      "SELECT v.status, (v.share * greatest(c.reltuples, 0))::bigint"
      " FROM pg_catalog.pg_stats s"
      " JOIN pg_catalog.pg_class c ON c.oid = 'runs'::regclass"
      " CROSS JOIN LATERAL unnest(s.most_common_vals::text::text[], s.most_common_freqs)"
      "  AS v(status, share)"
      " WHERE s.schemaname = $1 AND s.tablename = 'runs' AND s.attname = 'status'"
      " AND v.status NOT IN ('waiting', 'pending', 'dispatching', 'running', 'retrying')";
  return connection_->read([&](Tx& tx) {
    Counts counts{zeros<ScheduleStatus>(), zeros<RunStatus>()};
    add_counts(tx.exec(kSchedules), counts.schedules);
    add_counts(tx.exec(kLive), counts.runs);
    const auto size = tx.exec(kIsSmall);
    if (PgReader(size, 0).read<bool>()) {
      add_counts(tx.exec(kEnded), counts.runs);
    } else {
      add_counts(tx.exec(kEstimated, Params().add(connection_->options().schema)), counts.runs);
    }
    return counts;
  });
}

std::vector<DueSchedule> PostgresStore::load_due(std::optional<DueCursor> after,
                                                 Timestamp before,
                                                 std::size_t limit) {
  static const std::string kDue = pg_due_schedule() +
                                  " WHERE s.status = 'active' AND s.next_due_at IS NOT NULL"
                                  " AND s.next_due_at < $1::bigint"
                                  " AND (s.next_due_at, s.id) > ($2::bigint, $3::uuid)"
                                  " ORDER BY s.next_due_at, s.id LIMIT $4::bigint";
  const auto start = after.value_or(DueCursor{Timestamp::min(), {}});
  return connection_->read([&](Tx& tx) {
    Params params;
    params.add(before).add(start.due).add(start.id).add(pg_limit(limit));
    return read_due_schedules(tx, kDue, params);
  });
}

Changes PostgresStore::changes_since(std::int64_t revision, std::size_t limit) {
  static const std::string kMeta = "SELECT revision, runs_revision FROM meta";
  static const std::string kCount =
      "SELECT count(*) FROM"
      " (SELECT 1 FROM schedule_rules WHERE revision > $1::bigint LIMIT $2::bigint) r";
  static const std::string kChanged =
      pg_due_schedule() + " WHERE s.revision > $1::bigint ORDER BY s.revision, s.id";
  static const std::string kGone =
      "SELECT schedule_id FROM tombstones WHERE revision > $1::bigint"
      " ORDER BY revision, schedule_id";
  static const std::string kWished =
      "SELECT id FROM runs WHERE cancel_revision > $1::bigint AND " +
      std::string(kPgPlainStatus) + " = 'dispatching' ORDER BY id";
  auto read = [&](Tx& tx) {
    Changes changes;
    const auto meta = tx.exec(kMeta);
    PgReader row(meta, 0);
    changes.revision = row.read<std::int64_t>();
    // Another server may lack the last changes of the one before, and have others of these numbers.
    const int made = connection_->times_made();
    changes.many = revision > 0 && changes_read_by_.value_or(made) != made;
    if (changes.revision == revision && !changes.many) return changes;
    const std::int64_t from = changes.many ? 0 : revision;
    changes.runs_added = row.read<std::int64_t>() > from;
    const auto since = Params().add(from);
    const auto count = tx.exec(kCount, Params().add(from).add(pg_limit(limit + 1)));
    changes.many = changes.many || PgReader(count, 0).read<std::size_t>() > limit;
    if (!changes.many) changes.schedules = read_due_schedules(tx, kChanged, since);
    changes.deleted = read_values<ScheduleId>(tx.exec(kGone, since));
    changes.to_cancel = read_values<RunId>(tx.exec(kWished, since));
    return changes;
  };
  auto changes = connection_->read(read);
  changes_read_by_ = connection_->times_made();
  return changes;
}

}  // namespace rruled::store
