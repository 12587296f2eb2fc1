#include "store/run_rules.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_store.h"

namespace rruled::store {
namespace {

// A condition that an absent (null) parameter switches off.
std::string optional_equals(const std::string& column, const std::string& parameter) {
  return " AND (" + parameter + " IS NULL OR " + column + " = " + parameter + ")";
}

constexpr char kLimitOffset[] = " LIMIT ?1 OFFSET ?2";

// By the index that fits: an equality must stand alone for SQLite to use one.
const std::string& runs_sql(const RunQuery& query) {
  const auto make = [](const std::string& first, const std::string& index = "") {
    return "SELECT " + column_list<Run>() + " FROM runs" +
           (index.empty() ? "" : " INDEXED BY " + index) + " WHERE due_at >= ?3 AND due_at < ?4" +
           first + optional_equals("schedule_id", "?5") + optional_equals("flow_id", "?6") +
           optional_equals("status", "?7") + " ORDER BY due_at DESC, id DESC" + kLimitOffset;
  };
  static const std::string kBySchedule = make(" AND schedule_id = ?5");
  static const std::string kByFlow = make(" AND flow_id = ?6");
  static const std::string kUnhappy = make(std::string(" AND status = ?7 AND ") + kIsUnhappy);
  static const std::string kWaiting = make(" AND status = 'waiting'", "runs_waiting");
  static const std::string kHolding = make(std::string(" AND ") + kIsHolding, "runs_holding");
  static const std::string kByDue = make("");
  if (query.schedule_id) return kBySchedule;
  if (query.flow_id) return kByFlow;
  if (!query.status || *query.status == RunStatus::completed) return kByDue;
  if (*query.status == RunStatus::waiting) return kWaiting;
  return is_final(*query.status) ? kUnhappy : kHolding;
}

// Adds "SELECT status, count"; returns the sum of what was added.
template <class Status>
std::uint64_t add_counts(Connection& connection, const std::string& sql, CountsOf<Status>& all) {
  std::uint64_t sum = 0;
  Query query(connection, sql);
  while (query.step()) {
    const auto status = query.read<Status>();
    const auto count = query.read<std::uint64_t>();
    all[static_cast<std::size_t>(status)].second += count;
    sum += count;
  }
  return sum;
}

template <class Row, class RowId>
std::optional<Row> read_one(Connection& connection, const std::string& sql, const RowId& id) {
  return connection.guarded([&]() -> std::optional<Row> {
    Query query(connection, sql);
    if (!query.bind(id).step()) return std::nullopt;
    return read_row<Row>(query);
  });
}

template <class Row, class RowId>
std::vector<Row> read_from(Connection& connection, const RowId& first, std::size_t limit) {
  static const std::string kFrom = "SELECT " + column_list<Row>() + " FROM " +
                                   std::string(kTable<Row>) +
                                   " WHERE id >= ?1 ORDER BY id LIMIT ?2";
  return connection.guarded([&] {
    Query query(connection, kFrom);
    query.bind(first).bind(as_limit(limit));
    return read_rows<Row>(query);
  });
}

}  // namespace

std::optional<Flow> SqliteStore::flow(FlowId id) {
  static const std::string kFlow = "SELECT " + column_list<Flow>() + " FROM flows WHERE id = ?";
  return read_one<Flow>(*connection_, kFlow, id);
}

std::optional<Schedule> SqliteStore::schedule(ScheduleId id) {
  static const std::string kSchedule =
      "SELECT " + column_list<Schedule>() + " FROM schedules WHERE id = ?";
  return read_one<Schedule>(*connection_, kSchedule, id);
}

std::optional<Run> SqliteStore::run(RunId id) {
  static const std::string kRun = "SELECT " + column_list<Run>() + " FROM runs WHERE id = ?";
  return read_one<Run>(*connection_, kRun, id);
}

std::vector<Flow> SqliteStore::flows(const FlowQuery& query) {
  static const std::string kFlows = "SELECT " + column_list<Flow>() + " FROM flows WHERE TRUE" +
                                    optional_equals("project_id", "?3") +
                                    optional_equals("status", "?4") +
                                    " ORDER BY updated_at DESC, id DESC" + kLimitOffset;
  return connection_->guarded([&] {
    Query sql(*connection_, kFlows);
    sql.bind(as_limit(query.limit)).bind(as_limit(query.offset));
    sql.bind(query.project_id).bind(query.status);
    return read_rows<Flow>(sql);
  });
}

std::vector<Schedule> SqliteStore::schedules(const ScheduleQuery& query) {
  const auto make = [](const std::string& first) {
    return "SELECT " + column_list<Schedule>() + " FROM schedules WHERE " + first +
           optional_equals("flow_id", "?3") + optional_equals("project_id", "?4") +
           optional_equals("status", "?5") + " ORDER BY created_at DESC, id DESC" + kLimitOffset;
  };
  static const std::string kByFlow = make("flow_id = ?3");
  static const std::string kAll = make("TRUE");
  return connection_->guarded([&] {
    Query sql(*connection_, query.flow_id ? kByFlow : kAll);
    sql.bind(as_limit(query.limit)).bind(as_limit(query.offset));
    sql.bind(query.flow_id).bind(query.project_id).bind(query.status);
    return read_rows<Schedule>(sql);
  });
}

std::vector<Schedule> SqliteStore::schedules_from(ScheduleId first, std::size_t limit) {
  return read_from<Schedule>(*connection_, first, limit);
}

std::vector<Run> SqliteStore::runs(const RunQuery& query) {
  return connection_->guarded([&] {
    Query sql(*connection_, runs_sql(query));
    sql.bind(as_limit(query.limit)).bind(as_limit(query.offset));
    sql.bind(query.due_from.value_or(Timestamp::min()));
    sql.bind(query.due_to.value_or(Timestamp::max()));
    sql.bind(query.schedule_id).bind(query.flow_id).bind(query.status);
    return read_rows<Run>(sql);
  });
}

std::vector<Run> SqliteStore::runs_from(RunId first, std::size_t limit) {
  return read_from<Run>(*connection_, first, limit);
}

std::vector<Run> SqliteStore::held(const Claimant& claimant) {
  // Said, because SQLite would rather read the whole ledger in the order of id than sort a few.
  static const std::string kHeld =
      "SELECT " + column_list<Run>() +
      " FROM runs INDEXED BY runs_holding WHERE status = 'dispatching' AND owner = ? ORDER BY id";
  return connection_->guarded([&] {
    Query query(*connection_, kHeld);
    query.bind(claimant.owner);
    return read_rows<Run>(query);
  });
}

std::vector<Attempt> SqliteStore::attempts(RunId id) {
  // The open one is not stored: it is the claim.
  static const std::string kAttempts =
      "SELECT r.id, a.number, a.started_at, a.finished_at, a.outcome, a.status_code, a.error"
      " FROM runs r JOIN attempts a ON a.run = r.number WHERE r.id = ?1"
      " UNION ALL SELECT id, attempts, claimed_at, NULL, '', NULL, ''"
      " FROM runs WHERE id = ?1 AND status = 'dispatching' ORDER BY 2";
  return connection_->guarded([&] {
    Query query(*connection_, kAttempts);
    query.bind(id);
    return read_rows<Attempt>(query);
  });
}

std::vector<LogEntry> SqliteStore::logs(const LogQuery& query) {
  const auto make = [](const std::string& first) {
    return "SELECT " + column_list<LogEntry>() + " FROM log_lines WHERE " + first +
           optional_equals("flow_id", "?2") + optional_equals("run_id", "?3") +
           " ORDER BY timestamp DESC, number DESC LIMIT ?1";
  };
  static const std::string kByRun = make("run_id = ?3");
  static const std::string kByFlow = make("flow_id = ?2");
  static const std::string kAll = make("TRUE");
  return connection_->guarded([&] {
    Query sql(*connection_, query.run_id ? kByRun : query.flow_id ? kByFlow : kAll);
    sql.bind(as_limit(query.limit)).bind(query.flow_id).bind(query.run_id);
    return read_rows<LogEntry>(sql);
  });
}

std::vector<Gap> SqliteStore::gaps(ScheduleId id) {
  static const std::string kGaps =
      "SELECT reason, from_at, to_at, count FROM gaps WHERE schedule_id = ? ORDER BY from_at";
  return connection_->guarded([&] {
    std::vector<Gap> found;
    Query query(*connection_, kGaps);
    query.bind(id);
    while (query.step()) {
      auto& gap = found.emplace_back();
      gap.schedule_id = id;
      gap.reason = query.read<GapReason>();
      gap.from = query.read<Instant>();
      gap.to = query.read<Instant>();
      gap.count = query.read<std::uint64_t>();
    }
    return found;
  });
}

Counts SqliteStore::counts() {
  static const std::string kSchedules = "SELECT status, count(*) FROM schedules GROUP BY status";
  static const std::string kRunsWhere = "SELECT status, count(*) FROM runs WHERE ";
  static const std::string kWaiting = kRunsWhere + "status = 'waiting' GROUP BY status";
  static const std::string kHolding = kRunsWhere + kIsHolding + " GROUP BY status";
  static const std::string kUnhappy = kRunsWhere + kIsUnhappy + " GROUP BY status";
  // The completed ones are the rest of all: the only status that has no index, for its length.
  static const std::string kAll = "SELECT runs FROM meta";
  return connection_->read([&] {
    Counts counts{zeros<ScheduleStatus>(), zeros<RunStatus>()};
    add_counts(*connection_, kSchedules, counts.schedules);
    std::uint64_t others = 0;
    for (const auto* sql : {&kWaiting, &kHolding, &kUnhappy})
      others += add_counts(*connection_, *sql, counts.runs);
    Query all(*connection_, kAll);
    all.step();
    counts.runs[static_cast<std::size_t>(RunStatus::completed)].second =
        all.read<std::uint64_t>() - others;
    return counts;
  });
}

std::vector<DueSchedule> SqliteStore::load_due(std::optional<DueCursor> after,
                                               Timestamp before,
                                               std::size_t limit) {
  static const std::string kDue =
      due_schedule_sql() +
      " WHERE s.status = 'active' AND s.next_due_at IS NOT NULL AND s.next_due_at < ?1"
      " AND (s.next_due_at, s.id) > (?2, ?3) ORDER BY s.next_due_at, s.id LIMIT ?4";
  const auto start = after.value_or(DueCursor{Timestamp::min(), {}});
  return connection_->read([&] {
    Query query(*connection_, kDue);
    query.bind(before).bind(start.due).bind(start.id).bind(as_limit(limit));
    return read_due_schedules(*connection_, query);
  });
}

Changes SqliteStore::changes_since(std::int64_t revision, std::size_t limit) {
  static const std::string kDataVersion = "PRAGMA data_version";
  static const std::string kMeta = "SELECT revision, runs_revision FROM meta";
  static const std::string kCount =
      "SELECT count(*) FROM (SELECT 1 FROM schedules WHERE revision > ? LIMIT ?)";
  static const std::string kChanged =
      due_schedule_sql() + " WHERE s.revision > ? ORDER BY s.revision, s.id";
  static const std::string kGone =
      "SELECT schedule_id FROM tombstones WHERE revision > ? ORDER BY revision, schedule_id";
  static const std::string kWished =
      "SELECT id FROM runs INDEXED BY runs_to_cancel WHERE cancel_revision > ?"
      " AND status = 'dispatching' ORDER BY id";
  if (lock_) check_place();
  Changes changes;
  changes.revision = revision;
  // Asked before the rows: a commit in between shows next time.
  const auto data_version = connection_->guarded([&] {
    Query query(*connection_, kDataVersion);
    query.step();
    return query.read<std::int64_t>();
  });
  if (data_version == watched_.data_version && revision == watched_.revision) return changes;
  connection_->read([&] {
    Query meta(*connection_, kMeta);
    meta.step();
    changes.revision = meta.read<std::int64_t>();
    changes.runs_added = meta.read<std::int64_t>() > revision;
    Query count(*connection_, kCount);
    count.bind(revision).bind(as_limit(limit + 1)).step();
    changes.many = count.read<std::size_t>() > limit;
    if (!changes.many) {
      Query changed(*connection_, kChanged);
      changed.bind(revision);
      changes.schedules = read_due_schedules(*connection_, changed);
    }
    Query gone(*connection_, kGone);
    gone.bind(revision);
    while (gone.step()) changes.deleted.push_back(gone.read<ScheduleId>());
    Query wished(*connection_, kWished);
    wished.bind(revision);
    while (wished.step()) changes.to_cancel.push_back(wished.read<RunId>());
  });
  watched_ = {data_version, changes.revision};
  return changes;
}

}  // namespace rruled::store
