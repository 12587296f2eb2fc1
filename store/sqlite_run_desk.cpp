#include "store/sqlite_run_desk.h"

#include "store/run_rules.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_runs.h"

namespace rruled::store {
namespace {

constexpr char kIsTracked[] = "status = 'running' AND available_at IS NOT NULL";

struct Due {
  RunId id;
  Timestamp since;
};

std::vector<Due> read_due(Connection& connection, const TakeTracked& request, Timestamp now) {
  static const std::string kDue =
      "SELECT id, coalesce(claimed_at, due_at) FROM runs INDEXED BY runs_tracked WHERE " +
      std::string(kIsTracked) +
      " AND executor = ? AND available_at <= ? ORDER BY available_at LIMIT ?";
  std::vector<Due> due;
  Query query(connection, kDue);
  query.bind(request.executor).bind(now).bind(request.limit);
  while (query.step()) {
    auto& each = due.emplace_back();
    each.id = query.read<RunId>();
    each.since = query.read<Timestamp>();
  }
  return due;
}

std::optional<Run> find_run(Connection& connection, RunId id) {
  static const std::string kRun = "SELECT " + column_list<Run>() + " FROM runs WHERE id = ?";
  Query query(connection, kRun);
  if (!query.bind(id).step()) return std::nullopt;
  return read_row<Run>(query);
}

bool was_released(Connection& connection, RunId id) {
  static const std::string kReleased = "SELECT released FROM runs WHERE id = ?";
  Query query(connection, kReleased);
  return query.bind(id).step() && query.read<bool>();
}

std::vector<RunId> read_expired(Connection& connection, const ExpireRuns& request, Timestamp now) {
  static const std::string kNeverSent =
      "SELECT id FROM runs INDEXED BY runs_to_expire WHERE status = 'pending'"
      " AND start_before IS NOT NULL AND start_before <= ? AND attempts = 0"
      " ORDER BY start_before LIMIT ?";
  static const std::string kTriedEnough =
      "SELECT id FROM runs INDEXED BY runs_claimable WHERE executor = ? AND " +
      std::string(kIsClaimable) +
      " AND status = 'retrying' AND started_at + retry_max_age <= ? ORDER BY available_at LIMIT ?";
  std::vector<RunId> ids;
  Query never_sent(connection, kNeverSent);
  never_sent.bind(now).bind(request.limit);
  while (never_sent.step()) ids.push_back(never_sent.read<RunId>());
  for (const auto& executor : request.executors) {
    Query query(connection, kTriedEnough);
    query.bind(executor).bind(now).bind(request.limit - ids.size());
    while (query.step()) ids.push_back(query.read<RunId>());
  }
  return ids;
}

// One that is still as it was found.
std::optional<Run> expire_one(Connection& connection, RunId id, Timestamp now) {
  static const std::string kExpire =
      "UPDATE runs SET status = ?, reason = ?, available_at = NULL, finished_at = ? WHERE id = ?";
  auto run = find_run(connection, id);
  if (!run || !expire(*run, now)) return std::nullopt;
  Query(connection, kExpire).bind(run->status).bind(run->reason).bind(now).bind(id).run();
  insert_logs(connection, {expired_line(*run, now)});
  if (release_after(connection, id, run->schedule_id, now)) tell_of_runs(connection);
  saw(connection, now);
  return run;
}

}  // namespace

std::vector<TrackedRun> SqliteRunDesk::take_tracked(const TakeTracked& request, Timestamp now) {
  static const std::string kMove =
      "UPDATE runs SET available_at = ? WHERE id = ? RETURNING " + column_list<Run>();
  auto& connection = store_.connection();
  // Nothing is due mostly, and a read costs no commit.
  if (connection.guarded([&] { return read_due(connection, request, now).empty(); })) return {};
  return connection.write([&] {
    std::vector<TrackedRun> taken;
    for (const auto& [id, since] : read_due(connection, request, now)) {
      Query query(connection, kMove);
      query.bind(next_question(request, since, now)).bind(id).step();
      taken.push_back({read_row<Run>(query), since});
    }
    return taken;
  });
}

EndedTracked SqliteRunDesk::end_tracked(const EndTracked& end, Timestamp now) {
  static const std::string kEnd =
      "UPDATE runs SET status = ?, reason = ?, error = ?, available_at = NULL, finished_at = ?"
      " WHERE id = ?";
  validate(end);
  auto& connection = store_.connection();
  return connection.write([&]() -> EndedTracked {
    const auto run = find_run(connection, end.run_id);
    if (!run || run->fence != end.fence || run->remote_id.empty()) return {};
    if (run->status == end.status) return {true, was_released(connection, run->id), run};
    if (!is_tracked(*run)) return {};
    Query query(connection, kEnd);
    query.bind(end.status).bind(end.reason).bind(end.error).bind(now).bind(end.run_id).run();
    insert_logs(connection, end.logs);
    EndedTracked result{.written = true};
    result.released = release_after(connection, run->id, run->schedule_id, now);
    if (result.released) tell_of_runs(connection);
    saw(connection, now);
    result.run = find_run(connection, end.run_id);
    return result;
  });
}

bool SqliteRunDesk::ask_to_cancel(RunId id, const std::string& reason, Timestamp now) {
  auto& connection = store_.connection();
  return connection.write([&] { return keep_wish(connection, id, reason, now); });
}

std::vector<Run> SqliteRunDesk::expire_runs(const ExpireRuns& request, Timestamp now) {
  auto& connection = store_.connection();
  const auto ids = connection.guarded([&] { return read_expired(connection, request, now); });
  std::vector<Run> ended;
  for (const auto id : ids)
    if (auto run = connection.write([&] { return expire_one(connection, id, now); }))
      ended.push_back(std::move(*run));
  return ended;
}

std::size_t SqliteRunDesk::purge_dead(const std::vector<RunId>& ids,
                                      const AuditEntry& entry,
                                      Timestamp) {
  // Attempts go by the foreign key.
  static const std::string kRun =
      "DELETE FROM runs AS r WHERE id = ?1 AND status = 'dead' AND NOT " + std::string(kIsCounted) +
      " AND NOT " + kIsOpenJob;
  static const std::string kLogs = "DELETE FROM log_lines WHERE run_id = ?";
  auto& connection = store_.connection();
  return connection.write([&] {
    std::size_t purged = 0;
    for (const auto id : ids) {
      if (Query(connection, kRun).bind(id).run() == 0) continue;
      Query(connection, kLogs).bind(id).run();
      ++purged;
    }
    if (purged > 0) insert_audit(connection, entry);
    return purged;
  });
}

}  // namespace rruled::store
