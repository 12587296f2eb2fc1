#pragma once

#include "store/run_rules.h"
#include "store/sqlite_connection.h"
#include "store/store.h"

#include <string>
#include <vector>

// Steps that several transactions of the SQLite store have in common. Each needs an open one.
namespace rruled::store {

// StoreError fenced unless the claimant is the daemon of this moment.
void check_epoch(Connection& connection, const Claimant& claimant);
// Moves the high-water mark.
void saw(Connection& connection, Timestamp now);

// Adds to the count of runs, which insert_run() leaves as it is.
void count_runs(Connection& connection, std::size_t added);
// False when the ledger has it already. `claimed_at` counts when the run is dispatching.
bool insert_run(Connection& connection, const Run& run, Timestamp claimed_at);
// False when the schedule does not exist. Replaces a gap with the same beginning.
bool put_gap(Connection& connection, const Gap& gap);
void insert_logs(Connection& connection, const std::vector<LogEntry>& lines);
void insert_audit(Connection& connection, const AuditEntry& entry);

[[nodiscard]] LiveRuns live_runs(Connection& connection, ScheduleId id);
// Cancels the waiting, pending and retrying runs; returns the live ones that are left.
std::vector<RunId> cancel_unsent(Connection& connection,
                                 ScheduleId id,
                                 RunReason reason,
                                 Timestamp now);
// Keeps the wish that a run that was sent ends for the one after it: in the run, or in its job when
// it is a batch job that is open here.
void wish_replaced(Connection& connection, RunId id);
// Lets the oldest waiting run go when fewer than `max_running` hold a slot.
bool release_one(Connection& connection, ScheduleId id, std::size_t max_running, Timestamp now);
// Lets it go when none holds a slot. False: there is none, or it still waits.
bool release_if_alone(Connection& connection, ScheduleId id, Timestamp now);
// The same after the end of `run`, if that has a schedule.
bool release_after(Connection& connection,
                   RunId run,
                   std::optional<ScheduleId> schedule,
                   Timestamp now);
// The daemon claims what became pending once it sees that runs were added.
void tell_of_runs(Connection& connection);
// See RunDesk::ask_to_cancel.
bool keep_wish(Connection& connection, RunId id, const std::string& reason, Timestamp now);
// Whether it is a batch job that is spread here, and has not ended.
[[nodiscard]] bool is_open_job(Connection& connection, RunId id);
// Makes every dispatching run retrying, available at once, its attempt closed as "interrupted";
// gives how many.
std::size_t recover_runs(Connection& connection, Timestamp now);

}  // namespace rruled::store
