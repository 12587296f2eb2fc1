#include "store/sqlite_run_desk.h"

#include "store/run_rules.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_runs.h"

namespace rruled::store {
namespace {

constexpr std::size_t kRetriesLookedAt = 10'000;
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
      "SELECT id, executor, started_at + retry_max_age FROM runs INDEXED BY runs_retrying"
      " WHERE status = 'retrying' AND started_at + retry_max_age <= ?"
      " ORDER BY started_at + retry_max_age LIMIT ?";
  static const std::string kForgotten =
      "SELECT id, executor, available_at, cancel_reason <> '' FROM runs INDEXED BY runs_tracked"
      " WHERE " +
      std::string(kIsTracked) + " AND available_at <= ?";
  std::vector<RunId> ids;
  Query never_sent(connection, kNeverSent);
  never_sent.bind(now).bind(request.limit);
  while (never_sent.step()) ids.push_back(never_sent.read<RunId>());
  Query tried(connection, kTriedEnough);
  tried.bind(now).bind(kRetriesLookedAt);
  while (ids.size() < request.limit && tried.step()) {
    const auto id = tried.read<RunId>();
    const auto executor = tried.read<std::string>();
    if (ends_retries(request, executor, tried.read<Timestamp>(), now)) ids.push_back(id);
  }
  if (!request.own) return ids;
  Query forgotten(connection, kForgotten);
  forgotten.bind(now - kWishForgottenAfter);
  while (ids.size() < request.limit && forgotten.step()) {
    const auto id = forgotten.read<RunId>();
    const auto executor = forgotten.read<std::string>();
    const auto ask_at = forgotten.read<Timestamp>();
    if (ends_tracking(request, executor, ask_at, forgotten.read<bool>(), now)) ids.push_back(id);
  }
  return ids;
}

// One that is still as it was found.
std::optional<Run> expire_one(Connection& connection,
                              RunId id,
                              const ExpireRuns& request,
                              Timestamp now) {
  static const std::string kExpire =
      "UPDATE runs SET status = ?, reason = ?, error = ?, available_at = NULL, finished_at = ?"
      " WHERE id = ?";
  auto run = find_run(connection, id);
  if (!run || !expire(*run, request, now)) return std::nullopt;
  Query(connection, kExpire)
      .bind(run->status)
      .bind(run->reason)
      .bind(run->error)
      .bind(now)
      .bind(id)
      .run();
  insert_logs(connection, {expired_line(*run, now)});
  if (release_after(connection, id, run->schedule_id, now)) tell_of_runs(connection);
  saw(connection, now);
  return run;
}

}  // namespace

std::unique_ptr<RunDesk> SqliteStore::run_desk() { return std::make_unique<SqliteRunDesk>(*this); }

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
    if (auto run = connection.write([&] { return expire_one(connection, id, request, now); }))
      ended.push_back(std::move(*run));
  return ended;
}

// latest_wait() in SQL.
bool SqliteRunDesk::correct_waits(const std::vector<std::string>& executors, Timestamp now) {
  const auto make = [](const std::string& index, const std::string& which) {
    static const std::string kLatest =
        "CASE status WHEN 'pending' THEN ?2 ELSE ?2 + max(?3, retry_max_backoff) END";
    return "UPDATE runs INDEXED BY " + index + " SET available_at = " + kLatest + " WHERE " +
           which + " AND executor = ?1 AND available_at > ?2 AND available_at > " + kLatest;
  };
  static const std::string kClaimable = make("runs_claimable", kIsClaimable);
  static const std::string kTracked = make("runs_tracked", kIsTracked);
  if (executors.empty()) return false;
  auto& connection = store_.connection();
  return connection.write([&] {
    int corrected = 0;
    for (const auto& executor : executors)
      for (const auto* sql : {&kClaimable, &kTracked})
        corrected += Query(connection, *sql).bind(executor).bind(now).bind(kWaitMax).run();
    return corrected > 0;
  });
}

std::size_t SqliteRunDesk::purge_dead(const std::vector<RunId>& ids,
                                      const PurgeLine& line,
                                      Timestamp) {
  // Attempts go by the foreign key.
  static const std::string kRun =
      "DELETE FROM runs AS r WHERE id = ?1 AND status = 'dead' AND NOT " + std::string(kIsCounted) +
      " AND NOT " + kIsOpenJob;
  static const std::string kLogs = "DELETE FROM log_lines WHERE run_id = ?";
  auto& connection = store_.connection();
  return connection.write([&] {
    std::vector<RunId> gone;
    for (const auto id : ids) {
      if (Query(connection, kRun).bind(id).run() == 0) continue;
      Query(connection, kLogs).bind(id).run();
      gone.push_back(id);
    }
    if (!gone.empty()) insert_audit(connection, line(gone));
    return gone.size();
  });
}

}  // namespace rruled::store
