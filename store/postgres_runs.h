#pragma once

#include "store/postgres_rows.h"

#include <cstddef>
#include <optional>
#include <string>

// Steps about one run that several transactions of the PostgreSQL store have in common. Locks are
// taken in this order: meta, the schedule, the run.
namespace rruled::store {

// SQL, of a live row `r` of incomplete_runs: the oldest waiting run of its schedule waits for it.
// Where runs overlap, one in turn waits for those before it alone: there may always be others.
inline constexpr char kPgHoldsBack[] =
    "r.status <> 'waiting' AND (r.due_at < (SELECT min(w.due_at) FROM incomplete_runs w"
    "  WHERE w.schedule_id = r.schedule_id AND w.status = 'waiting')"
    " OR EXISTS (SELECT 1 FROM schedule_rules o"
    "  WHERE o.id = r.schedule_id AND o.overlap <> 'allow'))";

// Before the schedule and the run of a transaction that may write the revision: see tell_of_runs()
// and keep_wish().
void lock_meta(Tx& tx);
// Locks the schedule of a run; gives its max_running.
[[nodiscard]] std::optional<std::size_t> lock_schedule_of(Tx& tx, RunId id);
[[nodiscard]] std::optional<Run> lock_run(Tx& tx, RunId id);
// The oldest run of the schedule, whose row is locked, that waits, when it may be let go.
[[nodiscard]] std::optional<RunId> next_waiting(Tx& tx, ScheduleId id, std::size_t max_running);
// Lets a run of the schedule, whose row is locked, go that waited for this one.
bool release_after(Tx& tx, const Run& run, std::size_t max_running);
// The daemons claim what became pending once they see that runs were added. Locks meta.
void tell_of_runs(Tx& tx, const PostgresOptions& options);
// The same after transactions that locked schedules or runs, by itself: meta is locked before them.
// What they did stands, and its caller must hear of it, so a fault of the server is passed over: a
// daemon that is not told looks in a few seconds.
void tell_afterwards(PgConnection& connection, Timestamp now);
// See RunDesk::ask_to_cancel. Meta is locked; the daemons are told.
bool keep_wish(Tx& tx, RunId id, const std::string& reason, const PostgresOptions& options);
// Whether it is a batch job that is spread here, and has not ended.
[[nodiscard]] bool is_open_job(Tx& tx, RunId id);

}  // namespace rruled::store
