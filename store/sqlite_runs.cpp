#include "store/sqlite_runs.h"

#include "store/sqlite_rows.h"

namespace rruled::store {

void check_epoch(Connection& connection, const Claimant& claimant) {
  static const std::string kInstance = "SELECT epoch, owner FROM instance";
  Query query(connection, kInstance);
  if (query.step() && query.read<std::int64_t>() == claimant.epoch &&
      query.read<std::optional<OwnerId>>() == claimant.owner)
    return;
  throw StoreError(StoreError::Kind::fenced,
                   "another daemon took the store over: this one must stop");
}

void saw(Connection& connection, Timestamp now) {
  static const std::string kSaw = "UPDATE instance SET high_water = max(high_water, ?)";
  Query(connection, kSaw).bind(now).run();
}

void count_runs(Connection& connection, std::size_t added) {
  static const std::string kCount = "UPDATE meta SET runs = runs + ?";
  if (added > 0) Query(connection, kCount).bind(added).run();
}

bool insert_run(Connection& connection, const Run& run, Timestamp claimed_at) {
  static const std::string kInsert = "INSERT INTO runs (" + column_list<Run>() +
                                     ", claimed_at) VALUES (" + parameter_list<Run>() +
                                     ", ?) ON CONFLICT DO NOTHING";
  Query query(connection, kInsert);
  bind_row(query, run);
  query.bind(claimed_at);
  return query.run() == 1;
}

bool put_gap(Connection& connection, const Gap& gap) {
  static const std::string kPut =
      "INSERT OR REPLACE INTO gaps (from_at, to_at, reason, count, schedule_id, flow_id,"
      " project_id)"
      " SELECT ?, ?, ?, ?, id, flow_id, project_id FROM schedules WHERE id = ?";
  Query query(connection, kPut);
  query.bind(gap.from).bind(gap.to).bind(gap.reason).bind(gap.count).bind(gap.schedule_id);
  return query.run() == 1;
}

void insert_logs(Connection& connection, const std::vector<LogEntry>& lines) {
  static const std::string kInsert = insert_sql<LogEntry>();
  for (const auto& line : lines) {
    Query query(connection, kInsert);
    bind_row(query, line);
    query.run();
  }
}

void insert_audit(Connection& connection, const AuditEntry& entry) {
  static const std::string kInsert = insert_sql<AuditEntry>();
  Query query(connection, kInsert);
  bind_row(query, entry);
  query.run();
}

// The indexes are said here and below: left to choose, SQLite goes through all that the schedule
// ever ran, since that index fits as well.
LiveRuns live_runs(Connection& connection, ScheduleId id) {
  static const std::string kLive =
      "SELECT (SELECT count(*) FROM runs INDEXED BY runs_holding WHERE schedule_id = ?1 AND " +
      std::string(kIsHolding) +
      "), (SELECT count(*) FROM runs INDEXED BY runs_waiting WHERE schedule_id = ?1"
      " AND status = 'waiting')";
  Query query(connection, kLive);
  query.bind(id).step();
  LiveRuns live;
  live.holding = query.read<std::size_t>();
  live.waiting = query.read<std::size_t>();
  return live;
}

std::vector<RunId> cancel_unsent(Connection& connection,
                                 ScheduleId id,
                                 RunReason reason,
                                 Timestamp now) {
  static const std::string kSets =
      " SET status = 'cancelled', reason = ?, available_at = NULL, finished_at = ?"
      " WHERE schedule_id = ? AND ";
  static const std::string kCancelWaiting =
      "UPDATE runs INDEXED BY runs_waiting" + kSets + "status = 'waiting'";
  static const std::string kCancelHolding =
      "UPDATE runs INDEXED BY runs_holding" + kSets + kIsHolding + " AND " + kIsClaimable;
  static const std::string kLeft =
      "SELECT id FROM runs INDEXED BY runs_holding WHERE schedule_id = ? AND " +
      std::string(kIsHolding) + " ORDER BY id";
  for (const auto* sql : {&kCancelWaiting, &kCancelHolding}) {
    Query query(connection, *sql);
    query.bind(reason).bind(now).bind(id).run();
  }
  std::vector<RunId> left;
  Query query(connection, kLeft);
  query.bind(id);
  while (query.step()) left.push_back(query.read<RunId>());
  return left;
}

void wish_replaced(Connection& connection, RunId id) {
  static const std::string kJob =
      "UPDATE jobs SET ending = 'cancelled', reason = ? WHERE run_id = ? AND state <> 'ended'";
  static const std::string kRun =
      "UPDATE runs SET cancel_reason = ? WHERE id = ? AND cancel_reason = ''";
  constexpr auto kWhy = RunReason::overlap;
  if (Query(connection, kJob).bind(kWhy).bind(id).run() == 0)
    Query(connection, kRun).bind(kWhy).bind(id).run();
}

namespace {

struct Waiting {
  RunId id;
  Timestamp due;
};

std::optional<Waiting> oldest_waiting(Connection& connection, ScheduleId id) {
  static const std::string kOldest =
      "SELECT id, due_at FROM runs INDEXED BY runs_waiting WHERE schedule_id = ?"
      " AND status = 'waiting' ORDER BY due_at, id LIMIT 1";
  Query query(connection, kOldest);
  if (!query.bind(id).step()) return std::nullopt;
  Waiting oldest{query.read<RunId>(), {}};
  oldest.due = query.read<Timestamp>();
  return oldest;
}

void let_go(Connection& connection, RunId id, Timestamp now) {
  static const std::string kRelease =
      "UPDATE runs SET status = 'pending', available_at = ?, start_before = NULL WHERE id = ?";
  Query(connection, kRelease).bind(now).bind(id).run();
}

}  // namespace

bool release_one(Connection& connection, ScheduleId id, std::size_t max_running, Timestamp now) {
  // Where runs overlap, one in turn waits for those before it alone: there may always be others.
  static const std::string kBefore =
      "SELECT count(*) FROM runs INDEXED BY runs_holding WHERE schedule_id = ?1 AND " +
      std::string(kIsHolding) +
      " AND (due_at < ?2 OR (SELECT overlap FROM schedules WHERE id = ?1) <> 'allow')";
  const auto oldest = oldest_waiting(connection, id);
  if (!oldest) return false;
  {
    Query query(connection, kBefore);
    query.bind(id).bind(oldest->due).step();
    if (query.read<std::size_t>() >= max_running) return false;
  }
  let_go(connection, oldest->id, now);
  return true;
}

bool release_if_alone(Connection& connection, ScheduleId id, Timestamp now) {
  const auto oldest = oldest_waiting(connection, id);
  if (!oldest || live_runs(connection, id).holding > 0) return false;
  let_go(connection, oldest->id, now);
  return true;
}

bool release_after(Connection& connection,
                   RunId run,
                   std::optional<ScheduleId> schedule,
                   Timestamp now) {
  static const std::string kMaxRunning = "SELECT max_running FROM schedules WHERE id = ?";
  static const std::string kReleased = "UPDATE runs SET released = 1 WHERE id = ?";
  if (!schedule) return false;
  std::size_t max_running = 0;
  {
    Query query(connection, kMaxRunning);
    if (!query.bind(*schedule).step()) return false;
    max_running = query.read<std::size_t>();
  }
  if (!release_one(connection, *schedule, max_running, now)) return false;
  Query(connection, kReleased).bind(run).run();
  return true;
}

void tell_of_runs(Connection& connection) {
  static const std::string kTell =
      "UPDATE meta SET revision = revision + 1, runs_revision = revision + 1";
  Query(connection, kTell).run();
}

bool keep_wish(Connection& connection, RunId id, const std::string& reason, Timestamp now) {
  static const std::string kKeep =
      "UPDATE runs SET cancel_revision = (SELECT revision + 1 FROM meta),"
      " cancel_reason = CASE WHEN cancel_reason = '' THEN ?2 ELSE cancel_reason END,"
      " available_at = CASE WHEN status = 'running' THEN ?3 ELSE available_at END"
      " WHERE id = ?1"
      " AND (status = 'dispatching' OR status = 'running' AND available_at IS NOT NULL)";
  static const std::string kTell = "UPDATE meta SET revision = revision + 1";
  Query query(connection, kKeep);
  if (query.bind(id).bind(reason).bind(now).run() == 0) return false;
  Query(connection, kTell).run();
  return true;
}

bool is_open_job(Connection& connection, RunId id) {
  static const std::string kOpen = "SELECT 1 FROM jobs WHERE run_id = ? AND state <> 'ended'";
  return Query(connection, kOpen).bind(id).step();
}

std::size_t recover_runs(Connection& connection, Timestamp now) {
  static const std::string kInterrupt =
      "INSERT OR REPLACE INTO attempts (run, number, started_at, finished_at, outcome, error)"
      " SELECT number, attempts, claimed_at, ?, 'interrupted', ''"
      " FROM runs WHERE status = 'dispatching'";
  static const std::string kRecover =
      "UPDATE runs SET status = 'retrying', reason = '', available_at = ?,"
      " started_at = coalesce(started_at, claimed_at) WHERE status = 'dispatching'";
  Query(connection, kInterrupt).bind(now).run();
  return static_cast<std::size_t>(Query(connection, kRecover).bind(now).run());
}

}  // namespace rruled::store
