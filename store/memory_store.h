#pragma once

#include "store/audience.h"
#include "store/cancel_result.h"
#include "store/directory.h"
#include "store/retry_result.h"
#include "store/run_rules.h"
#include "store/store.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace rruled::store {

struct MemoryStoreOptions {
  // Absent: one daemon at a time, a new session fences the one before and its claims last as long
  // as the session. Present: any number of daemons, as on PostgreSQL; a claim lasts so long.
  std::optional<milliseconds> claim_ttl{};
};

// The contract in plain containers: what the other stores are compared with, and what a simulation
// and a dry run write to. Keeps everything for its life; nothing is durable.
class MemoryStore final : public Store {
  friend class MemoryAudience;
  friend class MemoryDirectory;
  friend class MemoryRunDesk;

 public:
  explicit MemoryStore(const MemoryStoreOptions& options = {}) : claim_ttl_(options.claim_ttl) {}

  [[nodiscard]] std::unique_ptr<Directory> directory() override;
  [[nodiscard]] std::unique_ptr<Audience> audience() override;
  [[nodiscard]] std::unique_ptr<RunDesk> run_desk() override;

  [[nodiscard]] std::optional<Conflict> write(const ChangeSet& changes, Timestamp now) override;

  [[nodiscard]] std::optional<Flow> flow(FlowId id) override;
  [[nodiscard]] std::vector<Flow> flows(const FlowQuery& query) override;
  [[nodiscard]] std::optional<Schedule> schedule(ScheduleId id) override;
  [[nodiscard]] std::vector<Schedule> schedules(const ScheduleQuery& query) override;
  [[nodiscard]] std::vector<Schedule> schedules_from(ScheduleId first, std::size_t limit) override;
  [[nodiscard]] std::optional<Run> run(RunId id) override;
  [[nodiscard]] std::vector<Run> runs(const RunQuery& query) override;
  [[nodiscard]] std::vector<Run> runs_from(RunId first, std::size_t limit) override;
  [[nodiscard]] std::vector<Attempt> attempts(RunId id) override;
  [[nodiscard]] std::vector<LogEntry> logs(const LogQuery& query) override;
  [[nodiscard]] std::vector<Gap> gaps(ScheduleId id) override;
  [[nodiscard]] Counts counts() override;

  [[nodiscard]] Session begin_session(OwnerId owner, Timestamp now) override;
  [[nodiscard]] std::vector<DueSchedule> load_due(std::optional<DueCursor> after,
                                                  Timestamp before,
                                                  std::size_t limit) override;
  [[nodiscard]] Changes changes_since(std::int64_t revision,
                                      std::size_t limit = kChangesMax) override;
  [[nodiscard]] std::vector<SettleResult> settle(std::vector<Settlement> batch,
                                                 const Claimant& claimant,
                                                 Timestamp now) override;
  [[nodiscard]] ClaimResult claim(const ClaimRequest& request, Timestamp now) override;
  [[nodiscard]] std::vector<Run> held(const Claimant& claimant) override;
  [[nodiscard]] std::vector<FinishResult> finish(const std::vector<Finish>& batch,
                                                 const Claimant& claimant,
                                                 Timestamp now) override;
  void hand_back(const std::vector<HandBack>& batch, const Claimant& claimant) override;
  [[nodiscard]] std::vector<HeldClaim> extend(const Claimant& claimant, Timestamp now) override;
  [[nodiscard]] std::size_t recover(std::size_t limit, Timestamp now) override;
  [[nodiscard]] std::optional<Timestamp> clock() override;
  [[nodiscard]] std::string zones_version() override;
  void set_zones_version(const std::string& version) override;
  [[nodiscard]] Pruned prune(const PruneRequest& request, Timestamp now) override;

  // See Directory::cancel_run.
  [[nodiscard]] CancelResult cancel_run(RunId id, const std::string& reason, Timestamp now);
  // memory_cancel.cpp: see RunDesk.
  [[nodiscard]] bool ask_to_cancel(RunId id, const std::string& reason, Timestamp now);
  // memory_objects.cpp: see Directory.
  [[nodiscard]] RetryResult retry_run(RunId id, const RetryPolicy& fresh, Timestamp now);
  [[nodiscard]] std::optional<Calendar> calendar(const CalendarName& name) const;
  [[nodiscard]] std::vector<Calendar> calendars(std::int64_t project) const;  // by name
  [[nodiscard]] std::optional<Backfill> backfill(ParentId id) const;
  [[nodiscard]] std::vector<Backfill> open_backfills() const;  // by id
  [[nodiscard]] std::optional<Project> project(std::int64_t id) const;
  [[nodiscard]] std::vector<Project> paused_projects() const;  // by id
  [[nodiscard]] std::vector<std::pair<RunStatus, std::uint64_t>> counts_of(ParentId id) const;

  [[nodiscard]] std::vector<KeptGap> all_gaps() const;  // in no order
  [[nodiscard]] std::int64_t project_of(FlowId id) const { return flows_.at(id).project_id; }
  void add_audit(const AuditEntry& entry) { audit_.push_back(entry); }
  [[nodiscard]] const std::vector<AuditEntry>& audit() const { return audit_; }  // oldest first

 private:
  struct RunRow {
    Run run;
    Timestamp claimed_at;
    Timestamp claimed_until = Timestamp::max();
    bool released = false;             // what its final Finish answered
    std::int64_t cancel_revision = 0;  // of the wish to cancel it
    std::vector<Attempt> attempts;
  };
  // The live runs of one schedule.
  struct Slots {
    std::map<RunId, Timestamp> holding;             // due_at
    std::set<std::pair<Timestamp, RunId>> waiting;  // by due_at
  };
  struct Tombstone {
    std::int64_t revision = 0;
    std::int64_t version = 0;  // the last one: a schedule that comes back goes on from it
  };
  using Occurrence = std::pair<ScheduleId, Instant>;
  using Available = std::pair<Timestamp, RunId>;
  struct OccurrenceHash {
    std::size_t operator()(const Occurrence& occurrence) const noexcept;
  };

  // memory_write.cpp
  class Rehearsal;
  void delete_flow(FlowId id);
  void delete_schedule(ScheduleId id, Timestamp now);
  void forget_schedule(ScheduleId id);
  void put(const Flow& flow);
  void put(const Schedule& schedule);
  void bump_schedules_of(FlowId id);

  // memory_objects.cpp
  [[nodiscard]] std::optional<Conflict> find_object_conflict(const ChangeSet& changes) const;
  void write_objects(const ChangeSet& changes);
  void bump_schedules_of(std::int64_t project);

  // memory_claim.cpp
  void check_epoch(const Claimant& claimant) const;
  [[nodiscard]] Timestamp lapse_of_claim(Timestamp now) const;
  [[nodiscard]] std::vector<RunId> lapsed(Timestamp now) const;
  void interrupt(RunId id, Timestamp now);
  [[nodiscard]] std::set<Available> fair_share(const ClaimRequest& request, Timestamp now) const;
  void check_flows(const std::vector<Finish>& batch) const;
  FinishResult finish_one(const Finish& finish, const Claimant& claimant, Timestamp now);

  // memory_prune.cpp
  // Whether it is a child of a batch job that has not ended.
  [[nodiscard]] bool is_counted(const Run& run) const;
  [[nodiscard]] bool is_open_job(RunId id) const;
  [[nodiscard]] bool is_kept(std::optional<ScheduleId> id, Timestamp end, Timestamp now) const;
  void prune_runs(const PruneRequest& request, Timestamp now, Pruned& pruned);
  void prune_gaps(const PruneRequest& request, Timestamp now, Pruned& pruned);
  void prune_logs(const PruneRequest& request, Pruned& pruned);
  void prune_audit(const PruneRequest& request, Timestamp now, Pruned& pruned);

  // memory_store.cpp
  void saw(Timestamp now) { high_water_ = std::max(high_water_, now); }
  void check_flows(const std::vector<Settlement>& batch) const;
  [[nodiscard]] DueSchedule due_schedule(const Schedule& schedule) const;
  SettleResult settle_one(Settlement& settlement, const Claimant& claimant, Timestamp now);
  void place(const Settlement& settlement,
             Run& run,
             const Claimant& claimant,
             Timestamp now,
             SettleResult& result);
  void wish_replaced(RunId id);
  // Returns the live ones that are with an executor and cannot be cancelled here.
  std::vector<RunId> cancel_unsent(ScheduleId id, RunReason reason, Timestamp now);
  bool release_one(ScheduleId id, std::size_t max_running, Timestamp now);
  // Whether the end of this run let another one of its schedule go.
  bool release_after(RunRow& row, Timestamp now);
  void move_on(Schedule& schedule, const Settlement& settlement);

  // What a run of the schedule itself is unique on.
  [[nodiscard]] static std::optional<Occurrence> occurrence_of(const Run& run);
  // The run of the ledger with this id or for this occurrence; null when there is none.
  [[nodiscard]] const Run* stored_run(const Run& run) const;
  void add_run(Run run, Timestamp now);
  void add_gap(const Gap& gap);
  // Every change of a run goes through here: keeps the indexes true.
  template <class Change>
  void change(RunRow& row, Change change_run) {
    unindex(row.run);
    change_run(row.run);
    index(row.run);
  }
  void index(const Run& run);
  void unindex(const Run& run);
  void index(const Schedule& schedule);
  void unindex(const Schedule& schedule);

  std::map<FlowId, Flow> flows_;
  std::map<ScheduleId, Schedule> schedules_;
  std::unordered_map<RunId, RunRow> runs_;
  std::vector<LogEntry> logs_;                             // oldest written first
  std::map<ScheduleId, std::map<Instant, KeptGap>> gaps_;  // outlive their schedule
  std::map<ScheduleId, Tombstone> tombstones_;
  std::vector<AuditEntry> audit_;  // oldest first
  std::map<CalendarName, Calendar> calendars_;
  std::map<ParentId, Backfill> backfills_;
  std::map<std::int64_t, Project> projects_;
  std::vector<Token> tokens_;
  std::map<boost::uuids::uuid, std::string> requests_;              // by what they made
  std::map<std::pair<std::int64_t, PersonId>, PersonPut> persons_;  // by project
  std::map<std::pair<std::int64_t, std::string>, PersonId> person_ids_;
  std::map<RunId, Job> jobs_;
  std::map<ParentId, std::map<RunStatus, std::int64_t>> children_;

  std::set<DueCursor> due_;  // active schedules
  std::map<std::string, std::map<std::int64_t, std::set<Available>>>
      claimable_;              // by executor and project
  std::set<Available> ended_;  // final runs, by finished_at
  std::map<ScheduleId, Slots> slots_;
  std::set<RunId> dispatching_;
  std::map<std::string, std::set<Available>> tracked_;  // running elsewhere, by executor
  std::unordered_map<Occurrence, RunId, OccurrenceHash> occurrences_;  // of origin `schedule`

  std::int64_t revision_ = 0;
  std::int64_t runs_revision_ = 0;  // of the last write that added runs
  std::optional<milliseconds> claim_ttl_;
  Claimant claimant_;  // of the last session
  Timestamp high_water_;
  std::string zones_version_;
};

}  // namespace rruled::store
