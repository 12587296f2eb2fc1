#pragma once

#include "store/errors.h"
#include "store/run_reason.h"
#include "store/types.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

// The contract that every store keeps; tests/unit/store/conformance.h is its executable form.
//
// Each method is one transaction: on a StoreError nothing was written. `now` is the caller's clock;
// a store with a clock of its own (PostgreSQL) judges what is due by that one instead.
// A Store is used from one thread at a time.
namespace rruled::store {

// ---- Written by people: command line, API, files ------------------------------------------------

// What the writer read before it decided. A row that has another stamp now is a conflict.
struct FlowPut {
  Flow flow;
  std::optional<std::int64_t> expected_revision;  // absent: the flow must not exist
};
struct ScheduleStamp {
  std::int64_t version = 1;
  std::optional<Instant> next_run_at;
  ScheduleStatus status = ScheduleStatus::active;

  friend bool operator==(const ScheduleStamp&, const ScheduleStamp&) = default;
};
struct SchedulePut {
  Schedule schedule;  // version and revision are set by the store; a deleted id goes on counting
  std::optional<ScheduleStamp> expected;  // absent: the schedule must not exist
};
struct FlowDelete {
  FlowId id;
  std::optional<std::int64_t> expected_revision{};  // absent: as it is by now
  bool without_schedules = false;                   // a conflict `changed` when it has one
};
struct ScheduleDelete {
  ScheduleId id;
  // Absent: as it is by now. That it fired meanwhile is none of a deletion's business.
  std::optional<std::int64_t> expected_version{};
};

// All of it or nothing. Applied in the order of the members. A flow whose name, status, version,
// trigger type or variables differ afterwards moves its schedules: those that are not in the same
// ChangeSet get a new version and revision, too, so that nothing is settled with the flow of
// before.
struct ChangeSet {
  std::vector<FlowDelete> delete_flows{};  // their schedules, runs, attempts and logs go with them
  std::vector<ScheduleDelete> delete_schedules{};  // unsent runs are cancelled, the ledger stays
  std::vector<FlowPut> flows{};
  std::vector<SchedulePut> schedules{};
  std::vector<Gap> gaps{};  // one that begins where one of the schedule begins takes its place
  std::vector<Run> runs{};  // manual ones; `pending`, available at due_at unless they say when
  std::vector<AuditEntry> audit{};
  // Written before the schedules, deleted after them: a calendar that a schedule names stays.
  std::vector<CalendarPut> calendars{};
  std::vector<CalendarName> delete_calendars{};
  std::vector<BackfillPut> backfills{};
  // Moves every schedule of the project: each gets a new version and revision.
  std::vector<ProjectPut> projects{};
};

// Why a ChangeSet was not written: the row exists although it must not, is missing (to be changed,
// to be deleted, or referred to), has another stamp, or is to be deleted and in use (a calendar).
// Exactly one of the ids is set.
struct Conflict {
  enum class Kind { exists, missing, changed, in_use };
  Kind kind = Kind::changed;
  std::optional<FlowId> flow_id;
  std::optional<ScheduleId> schedule_id;
  std::optional<RunId> run_id;
  std::optional<CalendarName> calendar{};
  std::optional<ParentId> backfill_id{};
  std::optional<std::int64_t> project_id{};
};

// ---- Read by people -----------------------------------------------------------------------------

struct FlowQuery {
  std::optional<std::int64_t> project_id{};
  std::optional<FlowStatus> status{};
  std::size_t limit = 100;
  std::size_t offset = 0;
};
struct ScheduleQuery {
  std::optional<std::int64_t> project_id{};
  std::optional<FlowId> flow_id{};
  std::optional<ScheduleStatus> status{};
  std::size_t limit = 100;
  std::size_t offset = 0;
};
struct RunQuery {
  std::optional<FlowId> flow_id{};
  std::optional<ScheduleId> schedule_id{};
  std::optional<RunStatus> status{};
  std::optional<Timestamp> due_from{};  // inclusive
  std::optional<Timestamp> due_to{};    // exclusive
  std::size_t limit = 100;
  std::size_t offset = 0;
};
struct LogQuery {
  std::optional<FlowId> flow_id{};
  std::optional<RunId> run_id{};
  std::size_t limit = 50;
};

// ---- The daemon ---------------------------------------------------------------------------------

// Who writes on behalf of a daemon: new at each start. Writes of an older epoch are refused
// (fenced).
struct Claimant {
  OwnerId owner;
  std::int64_t epoch = 0;
};

struct Session {
  Claimant claimant;
  std::int64_t revision = 0;  // changes_since() from here on
  // The latest `now` with which a daemon changed something here, before this session; epoch 0 when
  // none did.
  Timestamp high_water;
  std::size_t recovered = 0;  // runs that an earlier owner had claimed: retrying, available at once
  // How long a claim lasts, from when the store granted or extended it. Absent: as long as the
  // session (one daemon at a time).
  std::optional<milliseconds> claim_ttl{};
};

// Position in the order (next_due_at, id). Exclusive when used as a start.
struct DueCursor {
  Timestamp due;
  ScheduleId id;
  friend auto operator<=>(const DueCursor&, const DueCursor&) = default;
};

// A store may forget all but so many of the latest deletions.
inline constexpr int kTombstonesMax = 10'000;

// Of more schedules than that, written at one time (a project paused, a calendar changed), changes
// do not tell which.
inline constexpr std::size_t kChangesMax = 10'000;

// In order of revision and id.
struct Changes {
  std::int64_t revision = 0;
  std::vector<DueSchedule> schedules;  // written since, whatever their status
  bool many = false;                   // too many to name: read again what is needed of them
  // Gone since, but for what is forgotten (kTombstonesMax): settle() says `gone` in any case.
  std::vector<ScheduleId> deleted;
  bool runs_added = false;         // claim() may find something new
  std::vector<RunId> to_cancel{};  // dispatching ones that somebody wished cancelled since, by id
};

// Settles occurrences of one schedule and moves it on.
struct Settlement {
  ScheduleId schedule_id;
  std::int64_t version = 1;  // compared, with next_run_at; the schedule must be active
  Instant next_run_at;
  // Not after `now`, or the result is not_yet. So is all that a caller asks whose `now` is more
  // than a second ahead of the clock of a shared store, which judges.
  Timestamp next_due_at;

  // In order of scheduled_for. Status asks for what shall be: `dispatching` claims the run for the
  // claimant (attempt 1), `pending` leaves it to claim(), `waiting` to the end of the one before,
  // `skipped` only writes it down, with a reason and finished_at.
  // `overlap` may turn pending and dispatching into waiting or skipped, when `max_running` runs of
  // the schedule are live (waiting ones count). When none is left that could let a waiting run go,
  // the oldest one goes at once.
  // A run whose id is in the ledger already is left as it is.
  std::vector<Run> runs;
  std::vector<Gap> gaps;
  std::vector<LogEntry> logs;
  OverlapPolicy overlap = OverlapPolicy::allow;
  int max_running = 1;

  // The row afterwards.
  std::optional<Instant> settled_to;    // absent: unchanged (quarantine)
  std::optional<Instant> settled_wall;  // of settled_to; see Schedule
  std::optional<Instant> then_run_at;
  std::optional<Timestamp> then_due_at;
  ScheduleStatus then_status = ScheduleStatus::active;
  std::string then_reason;
};

struct SettleResult {
  enum class Kind {
    settled,
    moved,    // somebody else settled or edited it: `current` is the row now
    not_yet,  // not due by the store's clock: `remaining` until it is
    gone      // deleted
  };
  Kind kind = Kind::settled;
  std::optional<DueSchedule> current;
  milliseconds remaining{0};
  std::vector<Run> claimed;    // now dispatching, with owner, fence and attempts set
  std::vector<Run> skipped;    // by overlap: status skipped, reason set
  std::size_t duplicates = 0;  // were in the ledger already
  // cancel_other: dispatching or running ones that must be stopped. Each has the wish already: a
  // daemon that ends before it could stop them leaves none to be sent again.
  std::vector<RunId> cancel;
  bool released = false;  // a run that waited for nobody became pending

  // Writes the wish into `claimed`, too: what the same settlement claims and replaces.
  void tell_claimed() {
    for (Run& run : claimed)
      if (std::ranges::find(cancel, run.id) != cancel.end())
        run.cancel_reason = word(RunReason::overlap);
  }
};

// Projects that have runs share `limit` evenly; of one project, the first in order (available_at,
// id).
struct ClaimRequest {
  Claimant claimant;
  std::string executor;  // only runs of this one
  std::size_t limit = 100;
};
struct ClaimResult {
  std::vector<Run>
      runs;  // dispatching, with owner, fence and attempts set; order (available_at, id)
  std::optional<Timestamp> next_available;  // of what was left, for this executor
};

// The end of one attempt. Of a run with a cancel_reason `retrying` becomes `cancelled`, and
// `cancelled` has that reason; every other end stays as it is.
struct Finish {
  RunId run_id;
  std::int64_t fence = 0;
  // completed, failed, retrying, dead, cancelled; `running`: it goes on elsewhere, as `remote_id`,
  // until RunDesk::end_tracked().
  RunStatus status = RunStatus::completed;
  std::string reason;
  std::optional<Timestamp> available_at;  // retrying: when again; running: when to ask about it
  Attempt attempt;
  std::vector<LogEntry> logs;
  std::string remote_id{};
  // false: no byte left. The claim was no attempt: it is not counted and not kept, and is no start.
  // Of final statuses only.
  bool sent = true;
};
struct FinishResult {
  bool written = true;     // false: the claim was lost, or no such end is left; nothing changed
  bool released = false;   // a waiting run of the same schedule became pending
  bool cancelled = false;  // instead of tried again: somebody had wished it
  std::string reason{};    // a wish's, where it is written instead of the request's
};

// A claim given back unsent: the attempt is not counted, the run is pending again, or retrying when
// there were attempts before.
struct HandBack {
  RunId run_id;
  std::int64_t fence = 0;
};

struct HeldClaim {
  RunId run_id;
  std::int64_t fence = 0;
  bool extended = true;  // false: still held, but locked by another transaction: it lasts no longer

  friend bool operator==(const HeldClaim&, const HeldClaim&) = default;
};

// What may go. Runs that have ended, their attempts, and gaps are kept at least as long as their
// schedule's catchup_window and retry age together, whatever is asked; `settled_to` keeps what was
// pruned from firing again.
struct PruneRequest {
  Timestamp runs_before;  // runs by finished_at, gaps by `to`; exclusive
  Timestamp logs_before;  // exclusive
  // Exclusive. In the order of writing: one that stays keeps those after it, unless it is of a time
  // to come, by a clock that was ahead.
  Timestamp audit_before = Timestamp::min();
  std::size_t limit = 1000;  // rows of each kind that one call looks at
};
struct Pruned {
  std::size_t runs = 0;
  std::size_t gaps = 0;
  std::size_t logs = 0;  // but for those of the runs
  std::size_t audit = 0;
  bool more = false;  // ask again, even if nothing was removed

  friend bool operator==(const Pruned&, const Pruned&) = default;
};

// Each status with its count, in the order of the enumerators; zeros(): each with none.
template <class Status>
using CountsOf = std::vector<std::pair<Status, std::uint64_t>>;
template <class Status>
[[nodiscard]] CountsOf<Status> zeros() {
  CountsOf<Status> all;
  for (std::size_t i = 0; i < kWords<Status>.size(); ++i)
    all.emplace_back(static_cast<Status>(i), 0);
  return all;
}
struct Counts {
  CountsOf<ScheduleStatus> schedules;
  CountsOf<RunStatus> runs;
};

class Directory;  // directory.h
class Audience;   // audience.h
class RunDesk;    // run_desk.h

class Store {
 public:
  virtual ~Store() = default;
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // What stands beside this contract, on the same rows. Each time a new one, never null; the store
  // must outlive it, and both are used from one thread at a time.
  [[nodiscard]] virtual std::unique_ptr<Directory> directory() = 0;
  [[nodiscard]] virtual std::unique_ptr<Audience> audience() = 0;
  [[nodiscard]] virtual std::unique_ptr<RunDesk> run_desk() = 0;

  // Empty when written. The first conflict found otherwise, and nothing changed.
  [[nodiscard]] virtual std::optional<Conflict> write(const ChangeSet& changes, Timestamp now) = 0;

  [[nodiscard]] virtual std::optional<Flow> flow(FlowId id) = 0;
  // Latest updated first.
  [[nodiscard]] virtual std::vector<Flow> flows(const FlowQuery& query) = 0;
  [[nodiscard]] virtual std::optional<Schedule> schedule(ScheduleId id) = 0;
  // Newest first.
  [[nodiscard]] virtual std::vector<Schedule> schedules(const ScheduleQuery& query) = 0;
  // From `first`, inclusive, in the order of id.
  [[nodiscard]] virtual std::vector<Schedule> schedules_from(ScheduleId first,
                                                             std::size_t limit) = 0;
  [[nodiscard]] virtual std::optional<Run> run(RunId id) = 0;
  // Latest due first.
  [[nodiscard]] virtual std::vector<Run> runs(const RunQuery& query) = 0;
  // From `first`, inclusive, in the order of id.
  [[nodiscard]] virtual std::vector<Run> runs_from(RunId first, std::size_t limit) = 0;
  // By number. Of a dispatching run the last one is open: started when it was claimed.
  [[nodiscard]] virtual std::vector<Attempt> attempts(RunId id) = 0;
  // Newest first.
  [[nodiscard]] virtual std::vector<LogEntry> logs(const LogQuery& query) = 0;
  // In order of `from`.
  [[nodiscard]] virtual std::vector<Gap> gaps(ScheduleId id) = 0;
  [[nodiscard]] virtual Counts counts() = 0;

  // Starts a new epoch for `owner`. Runs left dispatching by earlier ones become retrying,
  // available at once, their attempt closed as "interrupted": it may have been sent, so the run
  // began when that was claimed, unless it had begun before.
  [[nodiscard]] virtual Session begin_session(OwnerId owner, Timestamp now) = 0;
  // Active schedules with next_due_at < `before`, in order of (next_due_at, id), after `after`.
  [[nodiscard]] virtual std::vector<DueSchedule> load_due(std::optional<DueCursor> after,
                                                          Timestamp before,
                                                          std::size_t limit) = 0;
  // What write() changed after `revision`, with at most `limit` schedules. Cheap when nothing did.
  [[nodiscard]] virtual Changes changes_since(std::int64_t revision,
                                              std::size_t limit = kChangesMax) = 0;
  // One result for each settlement, in order; one that cannot be settled does not stop the others.
  [[nodiscard]] virtual std::vector<SettleResult> settle(std::vector<Settlement> batch,
                                                         const Claimant& claimant,
                                                         Timestamp now) = 0;
  [[nodiscard]] virtual ClaimResult claim(const ClaimRequest& request, Timestamp now) = 0;
  // Every run that this claimant holds now (dispatching), in order of id. For the daemon that
  // cannot know whether its last settle() or claim() was committed: what it does not know yet was
  // never sent.
  [[nodiscard]] virtual std::vector<Run> held(const Claimant& claimant) = 0;
  // Idempotent: the same Finish again answers the same. Ends a run that its claimant holds, or
  // takes back its own `retrying` (a late success) while nobody has claimed the run again. A final
  // run does not change.
  [[nodiscard]] virtual std::vector<FinishResult> finish(const std::vector<Finish>& batch,
                                                         const Claimant& claimant,
                                                         Timestamp now) = 0;
  virtual void hand_back(const std::vector<HandBack>& batch, const Claimant& claimant) = 0;

  // Claims that lapse (Session::claim_ttl). The heartbeat: every claim that the claimant holds,
  // lapsed or not, lasts the whole time again, but for those that it says were not extended. Gives
  // them all, in order of id: a run that is not among them was taken over, or has ended.
  [[nodiscard]] virtual std::vector<HeldClaim> extend(const Claimant& claimant, Timestamp now) = 0;
  // At most `limit` runs whose claim has lapsed, whoever held it, become retrying, available at
  // once, their attempt closed as by begin_session(); fence and owner stay. Gives how many.
  [[nodiscard]] virtual std::size_t recover(std::size_t limit, Timestamp now) = 0;
  // The clock by which the store judges what is due; absent when that is the caller's `now`.
  [[nodiscard]] virtual std::optional<Timestamp> clock() = 0;
  // The version of the time zones by which every next_run_at was last computed; empty: unknown.
  [[nodiscard]] virtual std::string zones_version() = 0;
  virtual void set_zones_version(const std::string& version) = 0;
  // Removes the oldest first.
  [[nodiscard]] virtual Pruned prune(const PruneRequest& request, Timestamp now) = 0;
};

}  // namespace rruled::store
