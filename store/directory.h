#pragma once

#include "store/cancel_result.h"
#include "store/retry_result.h"
#include "store/store.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// What people look at and what the HTTP API keeps beside the daemon's own contract (store.h): pages
// with their whole count, tokens, the memory of idempotency keys, the end of a run that somebody
// gives up.
namespace rruled::store {

using TokenId = Id<struct TokenTag>;

// A credential of the API. The token itself is stored nowhere.
struct Token {
  TokenId id;
  std::optional<std::int64_t> project_id;  // absent: every project
  std::string name;
  std::string hash;    // SHA-256 of the token: 32 bytes
  std::string scopes;  // "hog_flow:read hog_flow:write"
  Timestamp created_at;
  std::optional<Timestamp> expires_at;  // exclusive
  std::optional<Timestamp> revoked_at;
  std::optional<Timestamp> last_used_at;

  friend bool operator==(const Token&, const Token&) = default;
};

struct PageRange {
  std::size_t limit = 100;
  std::size_t offset = 0;
};
template <class Row>
struct Page {
  std::vector<Row> rows;
  std::size_t count = 0;  // without the range
};

// An absent member does not filter.
struct FlowFilter {
  std::int64_t project_id = 1;
  std::optional<FlowId> id{};
  std::optional<FlowStatus> status{};
  std::string search{};  // in name or description, whatever the case of ASCII letters
  std::optional<Timestamp> created_at{};
  std::optional<Timestamp> updated_at{};
};
struct ScheduleFilter {
  std::int64_t project_id = 1;
  std::optional<FlowId> flow_id{};
  std::optional<ScheduleId> id{};
  std::optional<ScheduleStatus> status{};
  std::optional<Timestamp> created_at{};
  std::optional<Timestamp> updated_at{};
  std::optional<Timestamp> due_before{};      // exclusive: next_due_at is there and before it
  std::optional<Timestamp> resumes_before{};  // exclusive: paused, until a time before it
  std::optional<std::string> calendar{};      // that name this one
};
// Position in the order (due_at, id), descending. Exclusive as a start.
struct RunCursor {
  Timestamp due_at;
  RunId id;
};
struct RunFilter {
  std::int64_t project_id = 1;
  std::optional<FlowId> flow_id{};
  std::optional<ScheduleId> schedule_id{};
  std::optional<ParentId> parent_id{};
  std::optional<RunKind> kind{};
  std::vector<RunStatus> statuses{};    // any of them; empty: all
  std::optional<Timestamp> due_from{};  // inclusive
  std::optional<Timestamp> due_to{};    // exclusive
  std::optional<RunCursor> before{};
};
// Position in the order (to, schedule_id, from), descending. Exclusive as a start.
struct GapCursor {
  Timestamp to;
  ScheduleId schedule_id;
  Timestamp from;

  friend auto operator<=>(const GapCursor&, const GapCursor&) = default;
};
[[nodiscard]] inline GapCursor place_of(const Gap& gap) {
  return {gap.to, gap.schedule_id, gap.from};
}
struct GapFilter {
  std::optional<std::int64_t> project_id{};  // absent: all
  std::optional<FlowId> flow_id{};
  std::optional<ScheduleId> schedule_id{};
  std::optional<GapReason> reason{};
  // Those that reach into [from, to).
  std::optional<Timestamp> from{};
  std::optional<Timestamp> to{};
  std::optional<GapCursor> before{};
};
struct LogFilter {
  std::optional<FlowId> flow_id{};
  std::optional<RunId> run_id{};
  std::optional<Timestamp> after{};   // exclusive
  std::optional<Timestamp> before{};  // exclusive
  std::vector<LogLevel> levels{};     // any of them; empty: all
  std::string search{};               // in the message, whatever the case of ASCII letters
};

struct AuditFilter {
  std::optional<std::int64_t> project_id{};  // absent: all, those of no project too
  std::string object_id{};                   // empty: all
  std::optional<Timestamp> from{};           // inclusive
  std::optional<Timestamp> to{};             // exclusive
};
// Runs of a flow that are no children; with `of_run` that run and the runs that belong to it.
// A run counts in the step in which it was due: the n-th begins at `from` + n * `step`.
struct TallyFilter {
  FlowId flow_id;
  std::optional<RunId> of_run{};
  Timestamp from;  // inclusive
  Timestamp to;    // exclusive
  milliseconds step{86'400'000};
};
struct Tally {
  std::int64_t step = 0;
  RunStatus status = RunStatus::completed;
  bool started = false;  // an attempt was begun
  std::uint64_t count = 0;

  friend bool operator==(const Tally&, const Tally&) = default;
};
struct GapTally {
  std::int64_t step = 0;  // in which the gap begins
  GapReason reason = GapReason::missed;
  std::uint64_t count = 0;  // of occurrences

  friend bool operator==(const GapTally&, const GapTally&) = default;
};
struct Tallies {
  std::vector<Tally> runs;     // in order of (step, status, started)
  std::vector<GapTally> gaps;  // in order of (step, reason); none with `of_run`
};

// Used from one thread at a time. Faults are StoreErrors; each method is one transaction. What
// changes something for somebody takes the line of the audit log that says so.
class Directory {
 public:
  virtual ~Directory() = default;
  Directory() = default;
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  // Latest updated first.
  [[nodiscard]] virtual Page<Flow> flows(const FlowFilter& filter, PageRange range) = 0;
  // Newest first; with due_before in order of next_due_at.
  [[nodiscard]] virtual Page<Schedule> schedules(const ScheduleFilter& filter, PageRange range) = 0;
  // Latest due first. `count` is 0 when `counted` is false.
  [[nodiscard]] virtual Page<Run> runs(const RunFilter& filter, PageRange range, bool counted) = 0;
  // Latest end first; not counted.
  [[nodiscard]] virtual std::vector<KeptGap> gaps(const GapFilter& filter, PageRange range) = 0;
  // Of each schedule the run that was due last, if it has any that was not skipped; in no order.
  [[nodiscard]] virtual std::vector<Run> last_runs(const std::vector<ScheduleId>& schedules) = 0;
  // Newest first.
  [[nodiscard]] virtual Page<LogEntry> logs(const LogFilter& filter, PageRange range) = 0;

  // Newest first.
  [[nodiscard]] virtual Page<AuditEntry> audit(const AuditFilter& filter, PageRange range) = 0;
  [[nodiscard]] virtual Tallies tallies(const TallyFilter& filter) = 0;

  virtual void add_token(const Token& token, const AuditEntry& entry) = 0;
  [[nodiscard]] virtual std::optional<Token> token_by_hash(const std::string& hash) = 0;
  [[nodiscard]] virtual std::vector<Token> tokens() = 0;  // oldest first
  // False: there is no such token, and nothing is written. One that is revoked stays as it was.
  virtual bool revoke_token(TokenId id, Timestamp now, const AuditEntry& entry) = 0;
  virtual void touch_token(TokenId id, Timestamp now) = 0;

  // Keeps the digest of the request that made a run, a flow or a schedule with this id, as long as
  // that is there. Gives the one of whoever asked first.
  [[nodiscard]] virtual std::string remember_request(const boost::uuids::uuid& made,
                                                     const std::string& digest) = 0;

  // Ends a run that is not with an executor; lets a waiting one of its schedule go in its place.
  [[nodiscard]] virtual CancelResult cancel_run(RunId id,
                                                const std::string& reason,
                                                Timestamp now,
                                                const AuditEntry& entry) = 0;

  // Tries a failed or dead run again, with the same key and body; `fresh`: see replay() in
  // run_rules.h. Any other stays as it is.
  [[nodiscard]] virtual RetryResult retry_run(RunId id,
                                              const RetryPolicy& fresh,
                                              Timestamp now,
                                              const AuditEntry& entry) = 0;

  // Written by ChangeSets.
  [[nodiscard]] virtual std::optional<Calendar> calendar(const CalendarName& name) = 0;
  [[nodiscard]] virtual std::vector<Calendar> calendars(std::int64_t project) = 0;  // by name
  [[nodiscard]] virtual std::optional<Backfill> backfill(ParentId id) = 0;
  // Those to which runs are still added, by id.
  [[nodiscard]] virtual std::vector<Backfill> open_backfills() = 0;
  // Absent: it was never paused.
  [[nodiscard]] virtual std::optional<Project> project(std::int64_t id) = 0;
  [[nodiscard]] virtual std::vector<Project> paused_projects() = 0;  // now, by id
  // Paused ones whose paused_until is not after `now`, in order of (paused_until, id).
  [[nodiscard]] virtual std::vector<Schedule> schedules_to_resume(Timestamp now,
                                                                  std::size_t limit) = 0;
  // Those of `ids` that are active and have pause_after_failures, by id.
  [[nodiscard]] virtual std::vector<Schedule> schedules_that_pause(
      const std::vector<ScheduleId>& ids) = 0;
  // Runs that belong to it, by status; a status that none has is left out.
  [[nodiscard]] virtual std::vector<std::pair<RunStatus, std::uint64_t>> counts_of(ParentId id) = 0;
};

}  // namespace rruled::store
