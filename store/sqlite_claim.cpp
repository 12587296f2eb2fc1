#include "store/run_rules.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_runs.h"
#include "store/sqlite_store.h"
#include "store/validate.h"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>

namespace rruled::store {
namespace {

// A project's first claimable run; in the order in which they are taken.
struct Head {
  Timestamp available_at;
  RunId id;
  std::int64_t project_id = 0;

  friend auto operator<=>(const Head&, const Head&) = default;
};

std::optional<Timestamp> first_available(Connection& connection, const std::string& executor) {
  static const std::string kFirst =
      "SELECT available_at FROM runs INDEXED BY runs_claimable WHERE executor = ? AND " +
      std::string(kIsClaimable) + " ORDER BY available_at LIMIT 1";
  Query query(connection, kFirst);
  if (!query.bind(executor).step()) return std::nullopt;
  return query.read<Timestamp>();
}

Head head_of(Query& query) {
  Head head;
  head.project_id = query.read<std::int64_t>();
  head.available_at = query.read<Timestamp>();
  head.id = query.read<RunId>();
  return head;
}

// One step down the index for each project, not one for each run.
std::set<Head> read_heads(Connection& connection, const std::string& executor) {
  static const std::string kNextProject =
      "SELECT project_id, available_at, id FROM runs INDEXED BY runs_claimable_by_project"
      " WHERE executor = ? AND project_id > ? AND " +
      std::string(kIsClaimable) + " ORDER BY project_id, available_at, id LIMIT 1";
  std::set<Head> heads;
  for (auto project = std::numeric_limits<std::int64_t>::min();;) {
    Query query(connection, kNextProject);
    if (!query.bind(executor).bind(project).step()) return heads;
    const Head head = head_of(query);
    project = head.project_id;
    heads.insert(head);
  }
}

std::optional<Head> read_head(Connection& connection,
                              const std::string& executor,
                              std::int64_t project) {
  static const std::string kHead =
      "SELECT project_id, available_at, id FROM runs INDEXED BY runs_claimable_by_project"
      " WHERE executor = ? AND project_id = ? AND " +
      std::string(kIsClaimable) + " ORDER BY available_at, id LIMIT 1";
  Query query(connection, kHead);
  if (!query.bind(executor).bind(project).step()) return std::nullopt;
  return head_of(query);
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

// Takes the first run of each project, then the second of each, .., until the limit is reached.
std::vector<Run> claim_fairly(Connection& connection, const ClaimRequest& request, Timestamp now) {
  std::vector<Run> claimed;
  auto turn = read_heads(connection, request.executor);
  while (!turn.empty() && claimed.size() < request.limit) {
    std::set<Head> next_turn;
    for (const auto& head : turn) {
      if (head.available_at > now || claimed.size() == request.limit) break;
      claimed.push_back(claim_run(connection, head.id, request.claimant, now));
      // The claimed one is no longer in the index.
      if (const auto next = read_head(connection, request.executor, head.project_id))
        next_turn.insert(*next);
    }
    turn = std::move(next_turn);
  }
  std::sort(claimed.begin(), claimed.end(), [](const Run& a, const Run& b) {
    return std::tie(*a.available_at, a.id) < std::tie(*b.available_at, b.id);
  });
  return claimed;
}

struct HeldRow {
  std::int64_t number = 0;
  std::optional<ScheduleId> schedule_id;
  FlowId flow_id;
  HeldRun held;
};

std::optional<HeldRow> read_held(Connection& connection, RunId id) {
  static const std::string kRun =
      "SELECT number, schedule_id, flow_id, status, owner, fence, released, cancel_reason"
      " FROM runs WHERE id = ?";
  Query query(connection, kRun);
  if (!query.bind(id).step()) return std::nullopt;
  HeldRow run;
  run.number = query.read<std::int64_t>();
  run.schedule_id = query.read<std::optional<ScheduleId>>();
  run.flow_id = query.read<FlowId>();
  run.held.status = query.read<RunStatus>();
  run.held.owner = query.read<std::optional<OwnerId>>();
  run.held.fence = query.read<std::int64_t>();
  run.held.released = query.read<bool>();
  run.held.cancel_reason = query.read<std::string>();
  return run;
}

void put_attempt(Connection& connection, std::int64_t run_number, const Finish& finish) {
  static const std::string kPut =
      "INSERT OR REPLACE INTO attempts"
      " (run, number, started_at, finished_at, outcome, status_code, error)"
      " VALUES (?, ?, ?, ?, ?, ?, ?)";
  static const std::string kNone = "DELETE FROM attempts WHERE run = ? AND number = ?";
  const auto& attempt = finish.attempt;
  if (!finish.sent) {
    Query(connection, kNone).bind(run_number).bind(attempt.number).run();
    return;
  }
  Query query(connection, kPut);
  query.bind(run_number).bind(attempt.number).bind(attempt.started_at).bind(attempt.finished_at);
  query.bind(attempt.outcome).bind(attempt.status_code).bind(attempt.error);
  query.run();
}

void end_attempt(Connection& connection,
                 std::int64_t run_number,
                 const Finish& finish,
                 const RunEnd& end) {
  static const std::string kEnd =
      "UPDATE runs SET status = ?2, reason = ?3, error = ?4, available_at = ?5, finished_at = ?6,"
      " started_at = coalesce(started_at, ?7), remote_id = CASE WHEN ?8 = '' THEN remote_id ELSE ?8"
      " END, attempts = attempts - ?9 WHERE number = ?1";
  Query query(connection, kEnd);
  query.bind(run_number).bind(end.status).bind(end.reason).bind(finish.attempt.error);
  query.bind(end.available_at).bind(end.finished_at);
  query.bind(finish.sent ? std::optional(finish.attempt.started_at) : std::nullopt);
  query.bind(finish.remote_id).bind(finish.sent ? 0 : 1);
  query.run();
  put_attempt(connection, run_number, finish);
  insert_logs(connection, finish.logs);
}

struct FinishedOne {
  FinishResult result{};
  bool changed = false;
};

FinishedOne finish_one(Connection& connection,
                       const Finish& finish,
                       const Claimant& claimant,
                       Timestamp now) {
  const auto run = read_held(connection, finish.run_id);
  if (!run) return {{.written = false}};
  validate_flow(finish, run->flow_id);
  auto [result, end] = judge_end(run->held, finish, claimant, now);
  if (!end) return {std::move(result)};
  end_attempt(connection, run->number, finish, *end);
  if (is_final(end->status))
    result.released = release_after(connection, finish.run_id, run->schedule_id, now);
  return {std::move(result), true};
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
    result.next_available = first_available(*connection_, request.executor);
    if (request.limit == 0 || !result.next_available || *result.next_available > now) return result;
    result.runs = claim_fairly(*connection_, request, now);
    result.next_available = first_available(*connection_, request.executor);
    saw(*connection_, now);
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
    for (const auto& finish : batch) {
      auto one = finish_one(*connection_, finish, claimant, now);
      changed = changed || one.changed;
      results.push_back(std::move(one.result));
    }
    if (changed) saw(*connection_, now);
    return results;
  });
}

void SqliteStore::hand_back(const std::vector<HandBack>& batch, const Claimant& claimant) {
  static const std::string kHandBack =
      "UPDATE runs SET attempts = attempts - 1,"
      " status = CASE WHEN attempts = 1 THEN 'pending' ELSE 'retrying' END,"
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

// ---- Claims here last as long as the session ----------------------------------------------------

std::vector<HeldClaim> SqliteStore::extend(const Claimant& claimant, Timestamp) {
  static const std::string kHeld =
      "SELECT id, fence FROM runs INDEXED BY runs_holding"
      " WHERE status = 'dispatching' AND owner = ? ORDER BY id";
  return connection_->read([&] {
    check_epoch(*connection_, claimant);
    std::vector<HeldClaim> claims;
    Query query(*connection_, kHeld);
    query.bind(claimant.owner);
    while (query.step()) {
      const auto id = query.read<RunId>();
      claims.push_back({id, query.read<std::int64_t>()});
    }
    return claims;
  });
}

std::size_t SqliteStore::recover(std::size_t, Timestamp) { return 0; }

std::optional<Timestamp> SqliteStore::clock() { return std::nullopt; }

std::string SqliteStore::zones_version() {
  static const std::string kVersion = "SELECT zones_version FROM meta";
  return connection_->guarded([&] {
    Query query(*connection_, kVersion);
    query.step();
    return query.read<std::string>();
  });
}

void SqliteStore::set_zones_version(const std::string& version) {
  static const std::string kSet = "UPDATE meta SET zones_version = ?";
  connection_->write([&] { Query(*connection_, kSet).bind(version).run(); });
}

}  // namespace rruled::store
