#include "store/postgres_run_desk.h"

#include "store/postgres_runs.h"
#include "store/run_rules.h"

#include <algorithm>

namespace rruled::store {
namespace {

// Those that another daemon takes at this moment are its.
std::vector<TrackedRun> take_due(Tx& tx, const TakeTracked& request) {
  static const std::string kTake =
      "WITH due AS (SELECT r.id FROM incomplete_runs o JOIN runs r ON r.id = o.id"
      "  WHERE o.status = 'running' AND o.available_at IS NOT NULL AND o.executor = $1"
      "  AND o.available_at <= $2::bigint AND r.status || '' = 'running'"
      "  AND r.available_at <= $2::bigint ORDER BY o.available_at LIMIT $3::bigint"
      "  FOR UPDATE OF r SKIP LOCKED),"
      " taken AS (UPDATE runs r SET available_at = $2::bigint + least(greatest("
      "   $2::bigint - coalesce(r.claimed_at, r.due_at), $4::bigint), $5::bigint)"
      "  FROM due WHERE r.id = due.id RETURNING r.*)"
      " SELECT coalesce(claimed_at, due_at), " +
      pg_columns<Run>() + " FROM taken JOIN run_bodies ON run = number";
  Params params;
  params.add(request.executor).add(tx.now()).add(pg_limit(request.limit));
  params.add(request.wait_min).add(std::max(request.wait_min, request.wait_max));
  std::vector<TrackedRun> taken;
  for_each_row(tx.exec(kTake, params), [&](PgReader& row) {
    const auto since = row.read<Timestamp>();
    taken.push_back({row.read_row<Run>(), since});
  });
  std::ranges::sort(taken, {}, [](const TrackedRun& each) {
    return std::pair(each.run.available_at, each.run.id);
  });
  return taken;
}

bool any_due(Tx& tx, const TakeTracked& request) {
  static const std::string kAny =
      "SELECT 1 FROM incomplete_runs WHERE status = 'running' AND available_at IS NOT NULL"
      " AND executor = $1 AND available_at <= $2::bigint LIMIT 1";
  return !tx.exec(kAny, Params().add(request.executor).add(tx.now())).empty();
}

bool was_released(Tx& tx, RunId id) {
  static const std::string kReleased = "SELECT released FROM runs WHERE id = $1::uuid";
  return PgReader(tx.exec(kReleased, Params().add(id)), 0).read<bool>();
}

void end_run(
    Tx& tx, Run& run, RunStatus status, const std::string& reason, const std::string& error) {
  static const std::string kEnd =
      "UPDATE runs SET status = $2, reason = $3, error = $4, available_at = NULL,"
      " finished_at = $5::bigint WHERE id = $1::uuid";
  run.status = status;
  run.reason = reason;
  run.error = error;
  run.available_at.reset();
  run.finished_at = tx.now();
  tx.exec(kEnd, Params().add(run.id).add(status).add(reason).add(error).add(tx.now()));
}

struct EndedOne {
  EndedTracked result{};
  bool by_this_call = false;
};

EndedOne end_one(Tx& tx, const EndTracked& end) {
  const auto max_running = lock_schedule_of(tx, end.run_id);
  auto run = lock_run(tx, end.run_id);
  if (!run || run->fence != end.fence || run->remote_id.empty()) return {};
  if (run->status == end.status) return {{true, was_released(tx, run->id), run}};
  if (!is_tracked(*run)) return {};
  end_run(tx, *run, end.status, end.reason, end.error);
  std::vector<const LogEntry*> lines;
  for (const auto& line : end.logs) lines.push_back(&line);
  insert_logs(tx, lines);
  const bool released = max_running && release_after(tx, *run, *max_running);
  return {{true, released, std::move(run)}, true};
}

// Keeps that somebody does this `work` for the executors, and adds those for which somebody has
// within kForgottenAfter.
void share_names(Tx& tx, const std::string& work, std::vector<std::string>& executors) {
  constexpr std::chrono::minutes kEvery{1};
  static const std::string kSay =
      "INSERT INTO served_executors (work, executor, seen_at)"
      " SELECT $1, e, $3::bigint FROM unnest($2::text[]) AS e WHERE NOT EXISTS"
      "  (SELECT 1 FROM served_executors s WHERE s.work = $1 AND s.executor = e"
      "   AND s.seen_at > $4::bigint)"
      " ORDER BY e ON CONFLICT (work, executor) DO UPDATE"
      " SET seen_at = greatest(served_executors.seen_at, excluded.seen_at)";
  static const std::string kServed =
      "SELECT executor FROM served_executors WHERE work = $1 AND seen_at > $2::bigint";
  Params say;
  say.add(work).add_all(executors).add(tx.now()).add(tx.now() - kEvery);
  tx.exec(kSay, say);
  for_each_row(tx.exec(kServed, Params().add(work).add(tx.now() - kForgottenAfter)),
               [&](PgReader& row) { executors.push_back(row.read<std::string>()); });
}

std::vector<RunId> read_expired(Tx& tx, const ExpireRuns& request) {
  static const std::string kNeverSent =
      "SELECT r.id FROM incomplete_runs o JOIN runs r ON r.id = o.id"
      " WHERE o.status = 'pending' AND o.start_before IS NOT NULL AND o.start_before <= $1::bigint"
      " AND r.attempts = 0 AND r.start_before IS NOT NULL"
      " ORDER BY o.start_before LIMIT $2::bigint";
  static const std::string kTriedEnough =
      "SELECT id FROM incomplete_runs WHERE status = 'retrying' AND retry_until <= $1::bigint"
      " AND (executor = ANY($2::text[])"
      "  OR retry_until <= $3::bigint AND NOT executor = ANY($4::text[]))"
      " ORDER BY retry_until LIMIT $5::bigint";
  static const std::string kForgotten =
      "SELECT r.id FROM incomplete_runs o JOIN runs r ON r.id = o.id"
      " WHERE o.status = 'running' AND o.available_at IS NOT NULL"
      " AND (o.available_at <= $1::bigint"
      "  OR o.available_at <= $2::bigint AND r.cancel_reason <> '')"
      " AND NOT o.executor = ANY($3::text[]) LIMIT $4::bigint";
  const Timestamp now = tx.now();
  auto ids =
      read_values<RunId>(tx.exec(kNeverSent, Params().add(now).add(pg_limit(request.limit))));
  const auto add = [&](const std::string& sql, Params params) {
    params.add(pg_limit(request.limit - ids.size()));
    const auto more = read_values<RunId>(tx.exec(sql, params));
    ids.insert(ids.end(), more.begin(), more.end());
  };
  const auto own = request.own.value_or(LookedAfter{});
  Params retries;
  retries.add(now).add_all(request.away);
  retries.add(forgotten_by(request, false, now));
  add(kTriedEnough, std::move(retries.add_all(own.executors)));
  if (!request.own) return ids;
  Params tracked;
  tracked.add(forgotten_by(request, false, now)).add(forgotten_by(request, true, now));
  tracked.add_all(own.tracked);
  add(kForgotten, std::move(tracked));
  return ids;
}

struct ShortenedWaits {
  std::int64_t last = 0;   // incomplete_runs.run; the next stretch is after it
  std::size_t looked = 0;  // below kWaitsAtOnce: there are no more
  std::size_t corrected = 0;
};
constexpr std::size_t kWaitsAtOnce = 1'000;

// latest_wait() in SQL, for the next stretch of those that may be beyond it. Those that another
// daemon takes at this moment it sees.
std::string shortening_waits(const std::string& waiting, const std::string& waits) {
  static const std::string kLatest =
      "CASE r.status || '' WHEN 'pending' THEN $2::bigint"
      " ELSE $2::bigint + greatest($3::bigint, r.retry_max_backoff) END";
  return "WITH far AS (SELECT o.run, o.id FROM incomplete_runs o WHERE o." + waiting +
         " AND o.executor = ANY($1::text[]) AND o.run > $4::bigint AND o.available_at > $2::bigint"
         " + CASE o.status WHEN 'pending' THEN 0 ELSE $3::bigint END"
         "  ORDER BY o.run LIMIT $5::bigint),"
         " ahead AS (SELECT r.id FROM far JOIN runs r ON r.id = far.id WHERE r.status || '' " +
         waits + " AND r.available_at > " + kLatest +
         "  ORDER BY r.id FOR UPDATE OF r SKIP LOCKED),"
         " corrected AS (UPDATE runs r SET available_at = " +
         kLatest +
         " FROM ahead WHERE r.id = ahead.id RETURNING 1)"
         " SELECT coalesce(max(run), 0), count(*), (SELECT count(*) FROM corrected) FROM far";
}

// Each stretch in its own transaction: a long backlog would take longer than a statement may.
bool shorten_waits(PgConnection& connection,
                   const std::string& sql,
                   const std::vector<std::string>& executors,
                   Timestamp now) {
  bool corrected = false;
  ShortenedWaits stretch{.looked = kWaitsAtOnce};
  while (stretch.looked == kWaitsAtOnce) {
    stretch = connection.write(now, [&](Tx& tx) {
      Params params;
      params.add_all(executors).add(tx.now()).add(kWaitMax);
      params.add(stretch.last).add(pg_limit(kWaitsAtOnce));
      const auto result = tx.exec(sql, params);
      PgReader row(result, 0);
      ShortenedWaits done;
      done.last = row.read<std::int64_t>();
      done.looked = row.read<std::size_t>();
      done.corrected = row.read<std::size_t>();
      return done;
    });
    corrected = corrected || stretch.corrected > 0;
  }
  return corrected;
}

// Of daemons that died, or that have yet to extend what they hold: they will within a third of it.
void correct_claims(Tx& tx, milliseconds claim_ttl) {
  static const std::string kCorrect =
      "WITH ahead AS (SELECT r.id FROM incomplete_runs o JOIN runs r ON r.id = o.id"
      "  WHERE o.status = 'dispatching' AND r.status || '' = 'dispatching'"
      "  AND r.claimed_until > $1::bigint ORDER BY r.id FOR UPDATE OF r SKIP LOCKED)"
      " UPDATE runs r SET claimed_until = $2::bigint FROM ahead WHERE r.id = ahead.id";
  Params params;
  params.add(tx.now() + kClaimAheadMax).add(tx.now() + claim_ttl);
  tx.exec(kCorrect, params);
}

// Else those that are gone would be thought there.
void correct_seen(Tx& tx) {
  static const std::string kDaemons =
      "UPDATE daemons SET seen_at = $1::bigint WHERE seen_at > $2::bigint";
  static const std::string kServed =
      "UPDATE served_executors SET seen_at = $1::bigint WHERE seen_at > $2::bigint";
  for (const auto* sql : {&kDaemons, &kServed})
    tx.exec(*sql, Params().add(tx.now()).add(tx.now() + kClaimAheadMax));
}

struct ExpiredOne {
  std::optional<Run> run;
  bool released = false;
};

// One that is still as it was found.
ExpiredOne expire_one(Tx& tx, RunId id, const ExpireRuns& request) {
  const auto max_running = lock_schedule_of(tx, id);
  auto run = lock_run(tx, id);
  if (!run || !expire(*run, request, tx.now())) return {};
  end_run(tx, *run, run->status, run->reason, run->error);
  const LogEntry line = expired_line(*run, tx.now());
  insert_logs(tx, {&line});
  const bool released = max_running && release_after(tx, *run, *max_running);
  return {std::move(run), released};
}

}  // namespace

std::unique_ptr<RunDesk> PostgresStore::run_desk() {
  return std::make_unique<PostgresRunDesk>(*this);
}

std::vector<TrackedRun> PostgresRunDesk::take_tracked(const TakeTracked& request, Timestamp now) {
  // Nothing is due mostly.
  return connection_.write(now, [&](Tx& tx) {
    return any_due(tx, request) ? take_due(tx, request) : std::vector<TrackedRun>();
  });
}

EndedTracked PostgresRunDesk::end_tracked(const EndTracked& end, Timestamp now) {
  validate(end);
  auto ended = connection_.write(now, [&](Tx& tx) { return end_one(tx, end); });
  if (ended.by_this_call && ended.result.released) tell_afterwards(connection_, now);
  return std::move(ended.result);
}

bool PostgresRunDesk::ask_to_cancel(RunId id, const std::string& reason, Timestamp now) {
  return connection_.write(now, [&](Tx& tx) {
    lock_meta(tx);
    return keep_wish(tx, id, reason, connection_.options());
  });
}

std::vector<Run> PostgresRunDesk::expire_runs(const ExpireRuns& request, Timestamp now) {
  auto all = request;
  const auto ids = connection_.write(now, [&](Tx& tx) {
    all = request;
    if (all.own) {
      share_names(tx, "send", all.own->executors);
      share_names(tx, "track", all.own->tracked);
    }
    return read_expired(tx, all);
  });
  std::vector<Run> ended;
  bool released = false;
  for (const auto id : ids) {
    auto one = connection_.write(now, [&](Tx& tx) { return expire_one(tx, id, all); });
    released = released || one.released;
    if (one.run) ended.push_back(std::move(*one.run));
  }
  if (released) tell_afterwards(connection_, now);
  return ended;
}

bool PostgresRunDesk::correct_waits(const std::vector<std::string>& executors, Timestamp now) {
  static const std::string kClaimable =
      shortening_waits(kPgClaimable, "IN ('pending', 'retrying')");
  static const std::string kTracked =
      shortening_waits("status = 'running' AND o.available_at IS NOT NULL", "= 'running'");
  if (executors.empty()) return false;
  connection_.write(now, [&](Tx& tx) {
    correct_claims(tx, connection_.options().claim_ttl);
    correct_seen(tx);
  });
  bool corrected = false;
  for (const auto* sql : {&kClaimable, &kTracked})
    corrected = shorten_waits(connection_, *sql, executors, now) || corrected;
  return corrected;
}

std::size_t PostgresRunDesk::purge_dead(const std::vector<RunId>& ids,
                                        const PurgeLine& line,
                                        Timestamp now) {
  static const std::string kRuns =
      "DELETE FROM runs WHERE id IN (SELECT r.id FROM runs r WHERE r.id = ANY($1::uuid[]) AND r." +
      std::string("status || '' = 'dead' AND NOT ") + kIsCounted + " AND NOT " + kIsOpenJob +
      "  ORDER BY r.id FOR UPDATE OF r SKIP LOCKED) RETURNING id, number";
  static const std::string kLogs =
      "DELETE FROM log_lines WHERE run_id IS NOT NULL AND run_id = ANY($1::uuid[])";
  return connection_.write(now, [&](Tx& tx) {
    std::vector<RunId> gone;
    std::vector<std::int64_t> numbers;
    for_each_row(tx.exec(kRuns, Params().add_all(ids)), [&](PgReader& row) {
      gone.push_back(row.read<RunId>());
      numbers.push_back(row.read<std::int64_t>());
    });
    if (gone.empty()) return gone.size();
    delete_parts_of_runs(tx, numbers);
    tx.exec(kLogs, Params().add_all(gone));
    const auto entry = line(gone);
    insert_audit(tx, {&entry});
    return gone.size();
  });
}

}  // namespace rruled::store
