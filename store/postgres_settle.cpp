#include "store/postgres_settle.h"

#include "store/postgres_store.h"
#include "store/validate.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>

namespace rruled::store {
namespace {

// How soon a schedule that somebody else has locked is tried again.
constexpr milliseconds kLockedScheduleRetry{250};
// A caller whose clock is more than this ahead has just been set, and not yet been told by how
// much: by that clock it plans what is not due.
constexpr milliseconds kAheadMax{1'000};

// What settling compares, and the flow that the rows belong to.
struct LockedSchedule {
  ScheduleStamp stamp;
  FlowId flow_id;
  bool has_waiting = false;
};

// Takes the locks that are free, in order of id.
std::unordered_map<ScheduleId, LockedSchedule> lock_schedules(Tx& tx,
                                                              const std::vector<ScheduleId>& ids) {
  static const std::string kLock =
      "SELECT s.id, s.version, s.next_run_at, s.status, s.flow_id, EXISTS (SELECT 1"
      "  FROM incomplete_runs w WHERE w.schedule_id = s.id AND w.status = 'waiting')"
      " FROM schedule_states s WHERE s.id = ANY($1::uuid[]) ORDER BY s.id FOR"
      " UPDATE OF s SKIP LOCKED";
  std::unordered_map<ScheduleId, LockedSchedule> locked;
  for_each_row(tx.exec(kLock, Params().add_all(ids)), [&](PgReader& row) {
    auto& current = locked[row.read<ScheduleId>()];
    current.stamp.version = row.read<std::int64_t>();
    current.stamp.next_run_at = row.read<std::optional<Instant>>();
    current.stamp.status = row.read<ScheduleStatus>();
    current.flow_id = row.read<FlowId>();
    current.has_waiting = row.read<bool>();
  });
  return locked;
}

// Of those that could not be locked, the ones that are there.
std::unordered_set<ScheduleId> existing(Tx& tx, const std::vector<ScheduleId>& ids) {
  static const std::string kExisting = "SELECT id FROM schedule_states WHERE id = ANY($1::uuid[])";
  if (ids.empty()) return {};
  const auto found = read_values<ScheduleId>(tx.exec(kExisting, Params().add_all(ids)));
  return {found.begin(), found.end()};
}

void read_moved(Tx& tx, const std::vector<std::pair<ScheduleId, SettleResult*>>& moved) {
  static const std::string kMoved = pg_due_schedule() + " WHERE s.id = ANY($1::uuid[])";
  if (moved.empty()) return;
  Params params;
  params.add_each(moved, [](const auto& each) { return each.first; });
  const auto rows = read_due_schedules(tx, kMoved, params);
  for (const auto& [id, result] : moved) {
    const auto row = std::ranges::find(rows, id, [](auto& due) { return due.schedule.id; });
    if (row != rows.end()) result->current = *row;
  }
}

void move_on(Tx& tx, const std::vector<const Settlement*>& settled) {
  // By primary key: a plan by the index on next_due_at was 38 times slower when many share an
  // instant. greatest() ignores nulls.
  static const std::string kMoveOn =
      "UPDATE schedule_states s SET next_run_at = i.next_run_at, next_due_at = i.next_due_at,"
      " status = i.status, status_reason = i.reason,"
      " settled_to = greatest(s.settled_to, i.settled_to),"
      " settled_wall = CASE WHEN i.settled_to IS NULL OR s.settled_to >= i.settled_to"
      "  THEN s.settled_wall ELSE i.settled_wall END"
      " FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bigint[],"
      " $7::bigint[]) AS i(id, next_run_at, next_due_at, status, reason, settled_to, settled_wall)"
      " WHERE s.id = i.id";
  Params params;
  params.add_each(settled, [](auto* each) { return each->schedule_id; });
  params.add_each(settled, [](auto* each) { return each->then_run_at; });
  params.add_each(settled, [](auto* each) { return each->then_due_at; });
  params.add_each(settled, [](auto* each) { return each->then_status; });
  params.add_each(settled, [](auto* each) -> const std::string& { return each->then_reason; });
  params.add_each(settled, [](auto* each) { return each->settled_to; });
  params.add_each(settled, [](auto* each) { return each->settled_wall; });
  tx.exec(kMoveOn, params);
}

// Settlements of different schedules, within one transaction.
class Round {
 public:
  Round(Tx& tx, const Claimant& claimant, milliseconds claim_ttl, Known known)
      : tx_(tx), claimant_(claimant), claim_ttl_(claim_ttl), known_(known) {}

  void run(const std::vector<std::pair<const Settlement*, SettleResult*>>& asked);

 private:
  void judge(const std::vector<std::pair<const Settlement*, SettleResult*>>& asked);
  void finish_rows();
  void write_runs();

  Tx& tx_;
  const Claimant& claimant_;
  milliseconds claim_ttl_;
  Known known_;
  std::vector<Placement> placements_;
  std::vector<Placement*> by_overlap_;
};

bool may_meet_others(const Settlement& settlement, const LockedSchedule& current) {
  return settlement.overlap != OverlapPolicy::allow || current.has_waiting ||
         std::ranges::any_of(settlement.runs,
                             [](const Run& run) { return run.status == RunStatus::waiting; });
}

void Round::judge(const std::vector<std::pair<const Settlement*, SettleResult*>>& asked) {
  std::vector<ScheduleId> ids;
  for (const auto& [settlement, result] : asked) ids.push_back(settlement->schedule_id);
  const auto locked = lock_schedules(tx_, ids);
  std::erase_if(ids, [&](const ScheduleId& id) { return locked.contains(id); });
  const auto others = existing(tx_, ids);
  std::vector<std::pair<ScheduleId, SettleResult*>> moved;
  placements_.reserve(asked.size());
  for (const auto& [settlement, result] : asked) {
    *result = {};
    const auto current = locked.find(settlement->schedule_id);
    if (current == locked.end()) {
      const bool busy = others.contains(settlement->schedule_id);
      result->kind = busy ? SettleResult::Kind::not_yet : SettleResult::Kind::gone;
      if (busy) result->remaining = kLockedScheduleRetry;
      continue;
    }
    validate_flow(*settlement, current->second.flow_id);
    if (current->second.stamp !=
        ScheduleStamp{settlement->version, settlement->next_run_at, ScheduleStatus::active}) {
      result->kind = SettleResult::Kind::moved;
      moved.emplace_back(settlement->schedule_id, result);
    } else if (settlement->next_due_at > tx_.now()) {
      result->kind = SettleResult::Kind::not_yet;
      result->remaining = settlement->next_due_at - tx_.now();
    } else {
      auto& placement = placements_.emplace_back();
      placement.settlement = settlement;
      placement.result = result;
      placement.runs = settlement->runs;
      if (may_meet_others(*settlement, current->second)) by_overlap_.push_back(&placement);
    }
  }
  read_moved(tx_, moved);
}

// What the store sets of a run that is new.
void Round::finish_rows() {
  for (auto& placement : placements_) {
    for (auto& run : placement.runs) {
      if (run.status == RunStatus::dispatching) {
        run.attempts = 1;
        run.owner = claimant_.owner;
        run.fence = 1;
      }
      if (is_claimable(run.status) && !run.available_at) run.available_at = run.due_at;
    }
  }
}

void Round::write_runs() {
  std::vector<const Run*> rows;
  for (const auto& placement : placements_)
    for (const auto& run : placement.runs) rows.push_back(&run);
  const auto ids = insert_runs(tx_, rows, claim_ttl_, known_);
  const bool all = ids.size() == rows.size();
  std::unordered_set<RunId> inserted;
  if (!all) inserted.insert(ids.begin(), ids.end());
  for (auto& placement : placements_) {
    auto& result = *placement.result;
    for (auto& run : placement.runs) {
      if (!all && inserted.erase(run.id) == 0) {
        ++result.duplicates;
      } else if (run.status == RunStatus::dispatching) {
        result.claimed.push_back(std::move(run));
      } else if (run.status == RunStatus::skipped) {
        result.skipped.push_back(std::move(run));
      }
    }
  }
}

void Round::run(const std::vector<std::pair<const Settlement*, SettleResult*>>& asked) {
  judge(asked);
  if (placements_.empty()) return;
  if (!by_overlap_.empty()) place_by_overlap(tx_, by_overlap_);
  finish_rows();
  std::vector<RunId> cancelled;
  std::vector<RunId> released;
  std::vector<const Settlement*> settled;
  std::vector<const Gap*> gaps;
  std::vector<const LogEntry*> logs;
  for (const auto& placement : placements_) {
    cancelled.insert(cancelled.end(), placement.cancelled.begin(), placement.cancelled.end());
    released.insert(released.end(), placement.released.begin(), placement.released.end());
    settled.push_back(placement.settlement);
    for (const auto& gap : placement.settlement->gaps) gaps.push_back(&gap);
    for (const auto& line : placement.settlement->logs) logs.push_back(&line);
  }
  cancel_runs(tx_, cancelled, word(RunReason::overlap));
  release_runs(tx_, released);
  write_runs();
  put_gaps(tx_, gaps);
  insert_logs(tx_, logs);
  move_on(tx_, settled);
}

}  // namespace

std::vector<SettleResult> PostgresStore::settle(std::vector<Settlement> batch,
                                                const Claimant& claimant,
                                                Timestamp now) {
  validate(batch);
  if (batch.empty()) return {};
  const auto attempt = [&](Known known) {
    return connection_->write(now, [&](Tx& tx) {
      std::vector<SettleResult> results(batch.size());
      if (now > tx.now() + kAheadMax) {
        for (auto& result : results) {
          result.kind = SettleResult::Kind::not_yet;
          result.remaining = kLockedScheduleRetry;
        }
        return results;
      }
      // Of one schedule, the second settlement is judged by what the first one left.
      std::vector<std::size_t> left(batch.size());
      for (std::size_t i = 0; i < left.size(); ++i) left[i] = i;
      while (!left.empty()) {
        std::set<ScheduleId> seen;
        std::vector<std::pair<const Settlement*, SettleResult*>> round;
        std::vector<std::size_t> later;
        for (const auto i : left) {
          if (seen.insert(batch[i].schedule_id).second) {
            round.emplace_back(&batch[i], &results[i]);
          } else {
            later.push_back(i);
          }
        }
        Round(tx, claimant, connection_->options().claim_ttl, known).run(round);
        left = std::move(later);
      }
      return results;
    });
  };
  // That the ledger has a run of a schedule that is still to be settled is rare (a schedule made
  // anew, or one whose settled_to was taken back), and looking for it is a fifth of the work.
  try {
    return attempt(Known::refuse);
  } catch (const RunsExist&) {
    return attempt(Known::skip);
  }
}

}  // namespace rruled::store
