#include "store/sqlite_rows.h"
#include "store/sqlite_runs.h"
#include "store/sqlite_store.h"
#include "store/validate.h"

namespace rruled::store {
namespace {

// What settling compares, and the flow that the rows belong to.
struct Current {
  ScheduleStamp stamp;
  FlowId flow_id;
};

std::optional<Current> read_current(Connection& connection, ScheduleId id) {
  static const std::string kCurrent =
      "SELECT version, next_run_at, status, flow_id FROM schedules WHERE id = ?";
  Query query(connection, kCurrent);
  if (!query.bind(id).step()) return std::nullopt;
  Current current;
  current.stamp.version = query.read<std::int64_t>();
  current.stamp.next_run_at = query.read<std::optional<Instant>>();
  current.stamp.status = query.read<ScheduleStatus>();
  current.flow_id = query.read<FlowId>();
  return current;
}

DueSchedule read_moved(Connection& connection, ScheduleId id) {
  static const std::string kMoved = due_schedule_sql() + " WHERE s.id = ?";
  Query query(connection, kMoved);
  query.bind(id);
  return std::move(read_due_schedules(connection, query).at(0));
}

bool in_ledger(Connection& connection, const Run& run) {
  static const std::string kKnown =
      "SELECT 1 FROM runs WHERE id = ?"
      " UNION ALL SELECT 1 FROM runs"
      "  WHERE schedule_id = ? AND scheduled_for = ? AND origin = 'schedule' AND ? = 'schedule'";
  Query query(connection, kKnown);
  return query.bind(run.id).bind(run.schedule_id).bind(run.scheduled_for).bind(run.origin).step();
}

// Gives the run the status that it gets under the schedule's overlap policy.
void apply_overlap(Connection& connection,
                   const Settlement& settlement,
                   Run& run,
                   Timestamp now,
                   SettleResult& result) {
  const auto decision = decide_overlap(
      settlement.overlap, live_runs(connection, settlement.schedule_id), settlement.max_running);
  if (decision != OverlapDecision::cancel) return apply(decision, run, now);
  result.cancel = cancel_unsent(connection, settlement.schedule_id, RunReason::overlap, now);
  for (const auto id : result.cancel) wish_replaced(connection, id);
  result.tell_claimed();
  if (!result.cancel.empty()) run.status = RunStatus::waiting;
}

void place(Connection& connection,
           const Settlement& settlement,
           Run& run,
           const Claimant& claimant,
           Timestamp now,
           SettleResult& result) {
  if (settlement.overlap != OverlapPolicy::allow && run.status != RunStatus::waiting &&
      run.status != RunStatus::skipped) {
    // Asked first: overlap must not cancel anything for a run that exists.
    if (in_ledger(connection, run)) {
      ++result.duplicates;
      return;
    }
    apply_overlap(connection, settlement, run, now, result);
  }
  if (run.status == RunStatus::dispatching) {
    run.attempts = 1;
    run.owner = claimant.owner;
    run.fence = 1;
  }
  if (is_claimable(run.status) && !run.available_at) run.available_at = run.due_at;
  if (!insert_run(connection, run, now)) {
    ++result.duplicates;
  } else if (run.status == RunStatus::dispatching) {
    result.claimed.push_back(std::move(run));
  } else if (run.status == RunStatus::skipped) {
    result.skipped.push_back(std::move(run));
  }
}

void move_on(Connection& connection, const Settlement& settlement) {
  static const std::string kMoveOn =
      "UPDATE schedules SET next_run_at = ?2, next_due_at = ?3, status = ?4, status_reason = ?5,"
      " settled_to = coalesce(max(settled_to, ?6), settled_to, ?6),"
      " settled_wall = CASE WHEN ?6 IS NULL OR settled_to >= ?6 THEN settled_wall ELSE ?7 END"
      " WHERE id = ?1";
  Query query(connection, kMoveOn);
  query.bind(settlement.schedule_id);
  query.bind(settlement.then_run_at).bind(settlement.then_due_at);
  query.bind(settlement.then_status).bind(settlement.then_reason);
  query.bind(settlement.settled_to).bind(settlement.settled_wall);
  query.run();
}

SettleResult settle_one(Connection& connection,
                        Settlement& settlement,
                        const Claimant& claimant,
                        Timestamp now) {
  SettleResult result;
  const auto current = read_current(connection, settlement.schedule_id);
  if (!current) {
    result.kind = SettleResult::Kind::gone;
    return result;
  }
  validate_flow(settlement, current->flow_id);
  if (current->stamp !=
      ScheduleStamp{settlement.version, settlement.next_run_at, ScheduleStatus::active}) {
    result.kind = SettleResult::Kind::moved;
    result.current = read_moved(connection, settlement.schedule_id);
    return result;
  }
  if (settlement.next_due_at > now) {
    result.kind = SettleResult::Kind::not_yet;
    result.remaining = settlement.next_due_at - now;
    return result;
  }
  for (auto& run : settlement.runs) place(connection, settlement, run, claimant, now, result);
  // A run that waits for nobody would wait for ever.
  result.released = release_if_alone(connection, settlement.schedule_id, now);
  for (const auto& gap : settlement.gaps) put_gap(connection, gap);
  insert_logs(connection, settlement.logs);
  move_on(connection, settlement);
  return result;
}

}  // namespace

std::vector<SettleResult> SqliteStore::settle(std::vector<Settlement> batch,
                                              const Claimant& claimant,
                                              Timestamp now) {
  validate(batch);
  return connection_->write([&] {
    check_epoch(*connection_, claimant);
    std::vector<SettleResult> results;
    results.reserve(batch.size());
    bool settled = false;
    std::size_t added = 0;
    for (auto& settlement : batch) {
      const auto& result =
          results.emplace_back(settle_one(*connection_, settlement, claimant, now));
      if (result.kind != SettleResult::Kind::settled) continue;
      settled = true;
      added += settlement.runs.size() - result.duplicates;
    }
    count_runs(*connection_, added);
    if (settled) saw(*connection_, now);
    return results;
  });
}

}  // namespace rruled::store
