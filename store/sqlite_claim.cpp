#include "store/sqlite_rows.h"
#include "store/sqlite_runs.h"
#include "store/sqlite_store.h"
#include "store/validate.h"

#include <set>

namespace rruled::store {
namespace {

using Available = std::pair<Timestamp, RunId>;

// The first `limit` claimable runs of each executor.
std::set<Available> first_available(Connection& connection, const ClaimRequest& request) {
  static const std::string kAvailable =
      "SELECT available_at, id FROM runs WHERE executor = ?"
      " AND " +
      std::string(kIsClaimable) + " ORDER BY available_at, id LIMIT ?";
  std::set<Available> all;
  for (const auto& executor : request.executors) {
    Query query(connection, kAvailable);
    query.bind(executor).bind(request.limit + 1);  // one more, so that what is left shows
    while (query.step()) {
      const auto available_at = query.read<Timestamp>();
      all.emplace(available_at, query.read<RunId>());
    }
  }
  return all;
}

Run claim_run(Connection& connection, RunId id, const Claimant& claimant, Timestamp now) {
  static const std::string kClaim =
      "UPDATE runs SET status = 'dispatching', attempts = attempts + 1, owner = ?,"
      " fence = fence + 1, claimed_at = ? WHERE id = ? RETURNING " +
      column_list<Run>();
  Query query(connection, kClaim);
  query.bind(claimant.owner).bind(now).bind(id).step();
  return read_row<Run>(query);
}

// What a Finish is judged by.
struct Held {
  std::int64_t number = 0;
  RunStatus status = RunStatus::pending;
  std::optional<OwnerId> owner;
  std::int64_t fence = 0;
  std::optional<ScheduleId> schedule_id;
  FlowId flow_id;
  bool released = false;
};

std::optional<Held> read_held(Connection& connection, RunId id) {
  static const std::string kHeld =
      "SELECT number, status, owner, fence, schedule_id, flow_id, released"
      " FROM runs WHERE id = ?";
  Query query(connection, kHeld);
  if (!query.bind(id).step()) return std::nullopt;
  Held held;
  held.number = query.read<std::int64_t>();
  held.status = query.read<RunStatus>();
  held.owner = query.read<std::optional<OwnerId>>();
  held.fence = query.read<std::int64_t>();
  held.schedule_id = query.read<std::optional<ScheduleId>>();
  held.flow_id = query.read<FlowId>();
  held.released = query.read<bool>();
  return held;
}

void put_attempt(Connection& connection, std::int64_t run_number, const Attempt& attempt) {
  static const std::string kPut =
      "INSERT OR REPLACE INTO attempts"
      " (run, number, started_at, finished_at, outcome, status_code, error)"
      " VALUES (?, ?, ?, ?, ?, ?, ?)";
  Query query(connection, kPut);
  query.bind(run_number).bind(attempt.number).bind(attempt.started_at).bind(attempt.finished_at);
  query.bind(attempt.outcome).bind(attempt.status_code).bind(attempt.error);
  query.run();
}

void end_attempt(Connection& connection,
                 std::int64_t run_number,
                 const Finish& finish,
                 Timestamp now) {
  static const std::string kEnd =
      "UPDATE runs SET status = ?2, reason = ?3, error = ?4, available_at = ?5, finished_at = ?6,"
      " started_at = coalesce(started_at, ?7) WHERE number = ?1";
  const bool final = is_final(finish.status);
  Query query(connection, kEnd);
  query.bind(run_number).bind(finish.status).bind(finish.reason).bind(finish.attempt.error);
  query.bind(final ? std::nullopt : std::optional(finish.available_at.value_or(now)));
  query.bind(final ? std::optional(now) : std::nullopt);
  query.bind(finish.attempt.started_at);
  query.run();
  put_attempt(connection, run_number, finish.attempt);
  insert_logs(connection, finish.logs);
}

bool release_after(Connection& connection, std::int64_t run_number, ScheduleId id, Timestamp now) {
  static const std::string kMaxRunning = "SELECT max_running FROM schedules WHERE id = ?";
  static const std::string kReleased = "UPDATE runs SET released = 1 WHERE number = ?";
  std::size_t max_running = 0;
  {
    Query query(connection, kMaxRunning);
    if (!query.bind(id).step()) return false;
    max_running = query.read<std::size_t>();
  }
  if (!release_one(connection, id, max_running, now)) return false;
  Query(connection, kReleased).bind(run_number).run();
  return true;
}

FinishResult finish_one(Connection& connection,
                        const Finish& finish,
                        const Claimant& claimant,
                        Timestamp now,
                        bool& changed) {
  const auto held = read_held(connection, finish.run_id);
  if (!held) return {.written = false};
  validate_flow(finish, held->flow_id);
  if (held->owner != claimant.owner || held->fence != finish.fence) return {.written = false};
  if (held->status == finish.status) return {.written = true, .released = held->released};
  if (!may_finish(held->status, finish.status)) return {.written = false};
  changed = true;
  end_attempt(connection, held->number, finish, now);
  if (!is_final(finish.status) || !held->schedule_id) return {};
  return {.written = true,
          .released = release_after(connection, held->number, *held->schedule_id, now)};
}

std::size_t recover_runs(Connection& connection, Timestamp now) {
  static const std::string kInterrupt =
      "INSERT OR REPLACE INTO attempts (run, number, started_at, finished_at, outcome, error)"
      " SELECT number, attempts, claimed_at, ?, 'interrupted', ''"
      " FROM runs WHERE status = 'dispatching'";
  static const std::string kRecover =
      "UPDATE runs SET status = 'retrying', available_at = ? WHERE status = 'dispatching'";
  Query(connection, kInterrupt).bind(now).run();
  return static_cast<std::size_t>(Query(connection, kRecover).bind(now).run());
}

}  // namespace

Session SqliteStore::begin_session(OwnerId owner, Timestamp now) {
  static const std::string kBefore = "SELECT high_water, epoch, revision FROM instance, meta";
  static const std::string kBegin = "UPDATE instance SET epoch = ?, owner = ?, started_at = ?";
  return connection_->write([&] {
    Session session;
    {
      Query query(*connection_, kBefore);
      query.step();
      session.high_water = query.read<Timestamp>();
      session.claimant = {owner, query.read<std::int64_t>() + 1};
      session.revision = query.read<std::int64_t>();
    }
    Query(*connection_, kBegin).bind(session.claimant.epoch).bind(owner).bind(now).run();
    saw(*connection_, now);
    session.recovered = recover_runs(*connection_, now);
    return session;
  });
}

ClaimResult SqliteStore::claim(const ClaimRequest& request, Timestamp now) {
  return connection_->write([&] {
    check_epoch(*connection_, request.claimant);
    ClaimResult result;
    for (const auto& [available_at, id] : first_available(*connection_, request)) {
      if (available_at > now || result.runs.size() == request.limit) {
        result.next_available = available_at;
        break;
      }
      result.runs.push_back(claim_run(*connection_, id, request.claimant, now));
    }
    if (!result.runs.empty()) saw(*connection_, now);
    return result;
  });
}

std::vector<FinishResult> SqliteStore::finish(const std::vector<Finish>& batch,
                                              const Claimant& claimant,
                                              Timestamp now) {
  validate(batch);
  return connection_->write([&] {
    check_epoch(*connection_, claimant);
    std::vector<FinishResult> results;
    results.reserve(batch.size());
    bool changed = false;
    for (const auto& finish : batch)
      results.push_back(finish_one(*connection_, finish, claimant, now, changed));
    if (changed) saw(*connection_, now);
    return results;
  });
}

void SqliteStore::hand_back(const std::vector<HandBack>& batch, const Claimant& claimant) {
  static const std::string kHandBack =
      "UPDATE runs SET status = 'pending', attempts = attempts - 1,"
      " available_at = coalesce(available_at, due_at)"
      " WHERE id = ? AND status = 'dispatching' AND owner = ? AND fence = ?";
  connection_->write([&] {
    check_epoch(*connection_, claimant);
    for (const auto& each : batch) {
      Query query(*connection_, kHandBack);
      query.bind(each.run_id).bind(claimant.owner).bind(each.fence).run();
    }
  });
}

}  // namespace rruled::store
