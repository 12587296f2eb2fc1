#include "store/postgres_settle.h"

#include <algorithm>
#include <set>

namespace rruled::store {
namespace {

// A live run of a schedule: of the ledger, or one that is about to be written.
struct Live {
  RunId id;
  RunStatus status = RunStatus::pending;
  Timestamp due_at;
  Run* fresh = nullptr;
};

bool is_unsent(RunStatus status) { return status == RunStatus::waiting || is_claimable(status); }

using LiveRows = std::map<ScheduleId, std::vector<Live>>;

// Locked in order of id, as finish() does: it waits for an end that is being written now, whose
// transaction would not see the run that is to wait for it, or comes after this transaction and
// sees it.
LiveRows lock_live(Tx& tx, std::span<Placement* const> placements) {
  static const std::string kLive =
      "SELECT r.schedule_id, r.id, r.status, r.due_at FROM incomplete_runs o"
      " JOIN runs r ON r.id = o.id WHERE o.schedule_id = ANY($1::uuid[]) AND o." +
      std::string(kPgLive) + " AND r." + kPgLive + " ORDER BY r.id FOR UPDATE OF r";
  Params params;
  params.add_each(placements, [](Placement* each) { return each->settlement->schedule_id; });
  LiveRows live;
  for_each_row(tx.exec(kLive, params), [&](PgReader& row) {
    auto& rows = live[row.read<ScheduleId>()];
    auto& each = rows.emplace_back();
    each.id = row.read<RunId>();
    each.status = row.read<RunStatus>();
    each.due_at = row.read<Timestamp>();
  });
  return live;
}

// Which of the runs the ledger has: by id, or by occurrence.
struct KnownRuns {
  std::set<RunId> ids;
  std::set<std::pair<ScheduleId, Instant>> occurrences;

  [[nodiscard]] bool has(const Run& run) const {
    return ids.contains(run.id) || (run.origin == RunOrigin::schedule && run.scheduled_for &&
                                    occurrences.contains({*run.schedule_id, *run.scheduled_for}));
  }
  void add(const Run& run) {
    ids.insert(run.id);
    if (run.origin == RunOrigin::schedule && run.scheduled_for)
      occurrences.insert({*run.schedule_id, *run.scheduled_for});
  }
};

KnownRuns read_known(Tx& tx, std::span<Placement* const> placements) {
  static const std::string kIds = "SELECT id FROM runs WHERE id = ANY($1::uuid[])";
  static const std::string kOccurrences =
      "SELECT r.schedule_id, r.scheduled_for FROM unnest($1::uuid[], $2::bigint[])"
      " AS i(schedule_id, scheduled_for) JOIN runs r ON r.schedule_id = i.schedule_id"
      " AND r.scheduled_for = i.scheduled_for AND r.origin = 'schedule'";
  std::vector<const Run*> runs;
  for (const auto* placement : placements)
    for (const auto& run : placement->runs) runs.push_back(&run);
  KnownRuns known;
  if (runs.empty()) return known;
  Params by_id;
  by_id.add_each(runs, [](const Run* run) { return run->id; });
  for (const auto& id : read_values<RunId>(tx.exec(kIds, by_id))) known.ids.insert(id);
  Params by_occurrence;
  by_occurrence.add_each(runs, [](const Run* run) { return run->schedule_id; });
  by_occurrence.add_each(runs, [](const Run* run) { return run->scheduled_for; });
  for_each_row(tx.exec(kOccurrences, by_occurrence), [&](PgReader& row) {
    const auto schedule = row.read<ScheduleId>();
    known.occurrences.insert({schedule, row.read<Instant>()});
  });
  return known;
}

// The runs of one settlement among the live ones of its schedule.
class Desk {
 public:
  Desk(Placement& placement, std::vector<Live> live, Timestamp now)
      : placement_(placement), live_(std::move(live)), now_(now) {}

  void place(KnownRuns& known);

 private:
  void decide(Run& run);
  void cancel_unsent();
  void release_oldest();
  [[nodiscard]] LiveRuns count() const;

  Placement& placement_;
  std::vector<Live> live_;
  Timestamp now_;
};

LiveRuns Desk::count() const {
  LiveRuns count;
  for (const auto& each : live_) {
    count.holding += holds_slot(each.status) ? 1 : 0;
    count.waiting += each.status == RunStatus::waiting ? 1 : 0;
  }
  return count;
}

void Desk::cancel_unsent() {
  for (auto& each : live_) {
    if (!is_unsent(each.status)) continue;
    each.status = RunStatus::cancelled;
    if (each.fresh == nullptr) {
      placement_.cancelled.push_back(each.id);
      continue;
    }
    each.fresh->status = RunStatus::cancelled;
    each.fresh->reason = word(RunReason::overlap);
    each.fresh->available_at.reset();
    each.fresh->finished_at = now_;
  }
  auto& left = placement_.result->cancel;
  left.clear();
  for (const auto& each : live_) {
    if (!holds_slot(each.status)) continue;
    left.push_back(each.id);
    if (each.fresh != nullptr) each.fresh->cancel_reason = word(RunReason::overlap);
  }
  std::ranges::sort(left);
}

// Gives the run the status that it gets under the schedule's overlap policy.
void Desk::decide(Run& run) {
  const auto& settlement = *placement_.settlement;
  const auto decision = decide_overlap(settlement.overlap, count(), settlement.max_running);
  if (decision != OverlapDecision::cancel) {
    apply(decision, run, now_);
    return;
  }
  cancel_unsent();
  if (!placement_.result->cancel.empty()) run.status = RunStatus::waiting;
}

// A run that waits for nobody would wait for ever.
void Desk::release_oldest() {
  if (count().holding > 0) return;
  Live* oldest = nullptr;
  for (auto& each : live_)
    if (each.status == RunStatus::waiting &&
        (oldest == nullptr ||
         std::pair(each.due_at, each.id) < std::pair(oldest->due_at, oldest->id)))
      oldest = &each;
  if (oldest == nullptr) return;
  placement_.result->released = true;
  if (oldest->fresh == nullptr) {
    placement_.released.push_back(oldest->id);
    return;
  }
  oldest->fresh->status = RunStatus::pending;
  oldest->fresh->available_at = now_;
  oldest->fresh->start_before.reset();
}

void Desk::place(KnownRuns& known) {
  // A run that exists is left to the insert, which counts it; nothing is cancelled for it.
  for (auto& run : placement_.runs) {
    if (known.has(run)) continue;
    known.add(run);
    if (placement_.settlement->overlap != OverlapPolicy::allow &&
        run.status != RunStatus::waiting && run.status != RunStatus::skipped)
      decide(run);
    if (!is_final(run.status)) live_.push_back({run.id, run.status, run.due_at, &run});
  }
  release_oldest();
}

// Of runs that are locked: in the run, or in its job when it is a batch job that is open here.
void wish_replaced(Tx& tx, const std::vector<RunId>& ids) {
  static const std::string kJobs =
      "UPDATE jobs SET ending = 'cancelled', reason = $2"
      " WHERE run_id = ANY($1::uuid[]) AND state <> 'ended'";
  static const std::string kRuns =
      std::string(
          "UPDATE runs r SET cancel_reason = $2 WHERE r.id = ANY($1::uuid[])"
          " AND r.cancel_reason = '' AND NOT ") +
      kIsOpenJob;
  if (ids.empty()) return;
  tx.exec(kJobs, Params().add_all(ids).add(RunReason::overlap));
  tx.exec(kRuns, Params().add_all(ids).add(RunReason::overlap));
}

}  // namespace

void place_by_overlap(Tx& tx, std::span<Placement* const> placements) {
  auto live = lock_live(tx, placements);
  auto known = read_known(tx, placements);
  std::vector<RunId> replaced;
  for (auto* placement : placements) {
    Desk(*placement, std::move(live[placement->settlement->schedule_id]), tx.now()).place(known);
    const auto& sent = placement->result->cancel;
    replaced.insert(replaced.end(), sent.begin(), sent.end());
  }
  wish_replaced(tx, replaced);
}

}  // namespace rruled::store
