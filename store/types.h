#pragma once

#include "store/ids.h"
#include "store/objects.h"
#include "store/words.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// Rows, as plain values. JSON columns are texts that the store keeps and never reads.
namespace rruled::store {

using std::chrono::milliseconds;

enum class FlowStatus { draft, active, archived };
template <>
inline constexpr std::array<std::string_view, 3> kWords<FlowStatus>{"draft", "active", "archived"};

enum class ScheduleStatus { active, paused, completed, error };
template <>
inline constexpr std::array<std::string_view, 4> kWords<ScheduleStatus>{"active", "paused",
                                                                        "completed", "error"};

enum class DstGap { shift, skip };
template <>
inline constexpr std::array<std::string_view, 2> kWords<DstGap>{"shift", "skip"};

enum class DstFold { automatic, first, second, both };
template <>
inline constexpr std::array<std::string_view, 4> kWords<DstFold>{"auto", "first", "second", "both"};

enum class OverlapPolicy { allow, skip, buffer_one, buffer_all, cancel_other };
template <>
inline constexpr std::array<std::string_view, 5> kWords<OverlapPolicy>{
    "allow", "skip", "buffer_one", "buffer_all", "cancel_other"};

// The ends that a claim may have: may_finish() in run_rules.h.
enum class RunStatus {
  waiting,
  pending,
  dispatching,
  running,
  retrying,
  completed,
  failed,
  dead,
  cancelled,
  skipped
};
template <>
inline constexpr std::array<std::string_view, 10> kWords<RunStatus>{
    "waiting",   "pending", "dispatching", "running",   "retrying",
    "completed", "failed",  "dead",        "cancelled", "skipped"};

enum class RunKind { batch_job, invocation };
template <>
inline constexpr std::array<std::string_view, 2> kWords<RunKind>{"batch_job", "invocation"};

enum class RunOrigin { schedule, manual, backfill, child };
template <>
inline constexpr std::array<std::string_view, 4> kWords<RunOrigin>{"schedule", "manual", "backfill",
                                                                   "child"};

// What becomes of an occurrence on a day that the schedule's calendar excludes: it is left out, or
// moves to the next or the previous day that is not excluded, at the same wall-clock time.
enum class CalendarAction { skip, next, previous };
template <>
inline constexpr std::array<std::string_view, 3> kWords<CalendarAction>{"skip", "next", "previous"};

// Why occurrences have no run of their own.
enum class GapReason { missed, paused, flow_inactive, error, skipped_by_operator, calendar };
template <>
inline constexpr std::array<std::string_view, 6> kWords<GapReason>{
    "missed", "paused", "flow_inactive", "error", "skipped_by_operator", "calendar"};

enum class LogLevel { debug, info, warn, error };
template <>
inline constexpr std::array<std::string_view, 4> kWords<LogLevel>{"DEBUG", "INFO", "WARN", "ERROR"};

struct Flow {
  FlowId id;
  std::int64_t project_id = 1;
  std::optional<std::string> name;
  std::string description;
  std::int64_t version = 1;  // +1 when what runs changes
  FlowStatus status = FlowStatus::draft;
  std::string trigger_type;              // "batch", "schedule", or a type that no schedule fires
  std::string trigger = "{}";            // JSON: the config of the trigger action
  std::string trigger_masking = "null";  // JSON
  std::string conversion = "null";       // JSON
  std::string exit_condition = "exit_on_conversion";
  std::string edges = "[]";         // JSON
  std::string actions = "[]";       // JSON
  std::string variables = "[]";     // JSON: [{key, type, default}]
  std::string created_by = "null";  // JSON
  Timestamp created_at;
  Timestamp updated_at;
  std::int64_t revision = 0;  // of the last write; set by the store
};

struct RetryPolicy {
  int max_attempts = 15;
  milliseconds min_backoff{1'000};
  milliseconds max_backoff{300'000};
  milliseconds max_age{7'200'000};  // from the first attempt

  friend bool operator==(const RetryPolicy&, const RetryPolicy&) = default;
};

struct Schedule {
  ScheduleId id;
  FlowId flow_id;
  std::int64_t project_id = 1;
  std::string rrule;  // canonical text of rrule::RecurrenceSet
  Instant starts_at;
  std::string timezone = "UTC";
  std::string variables = "{}";  // JSON object
  ScheduleStatus status = ScheduleStatus::active;
  std::string status_reason;  // why `error`
  std::string note;
  std::optional<Timestamp> paused_until;
  // When it was last resumed with catch-up, and the policy for what was due by then; absent:
  // `catchup`.
  std::optional<Timestamp> resumed_at;
  std::optional<CatchupPolicy> resume_catchup;

  DstGap dst_gap = DstGap::shift;
  DstFold dst_fold = DstFold::automatic;
  CatchupPolicy catchup = CatchupPolicy::last;
  milliseconds catchup_grace{60'000};
  milliseconds catchup_window{86'400'000};
  OverlapPolicy overlap = OverlapPolicy::allow;
  int max_running = 1;  // live runs from which `overlap` decides
  milliseconds jitter{0};
  milliseconds late_after{60'000};
  RetryPolicy retry;
  std::optional<milliseconds> timeout;  // of one attempt; absent: the executor's
  std::string executor = "default";
  std::string calendar;  // name of a calendar of the project; empty: none
  CalendarAction calendar_action = CalendarAction::skip;
  int pause_after_failures = 0;  // runs in a row that failed or are dead; 0: never

  // Nominal and due time of the next occurrence; both null unless the schedule can fire.
  std::optional<Instant> next_run_at;
  std::optional<Timestamp> next_due_at;
  // Every occurrence at or before it is settled. Never moves back on its own.
  std::optional<Instant> settled_to;
  // What the schedule's zone showed at settled_to when it was settled, as seconds since 1970 of
  // that wall clock: with other zone rules, later, it tells which wall times have run.
  std::optional<Instant> settled_wall;

  Timestamp created_at;
  Timestamp updated_at;
  std::int64_t version = 1;   // +1 at each write by a person; set by the store
  std::int64_t revision = 0;  // of the last write by a person; set by the store
};

// A schedule with what its runs need of the flow.
struct DueSchedule {
  Schedule schedule;
  std::optional<std::string> flow_name;
  FlowStatus flow_status = FlowStatus::draft;
  std::int64_t flow_version = 1;
  std::string trigger_type;
  std::string flow_variables = "[]";  // JSON
  // Calendar::days of the schedule's calendar; one text for all rows that come together.
  std::shared_ptr<const std::string> calendar_days{};
  std::optional<Project> project{};  // where it was ever paused
};

struct Run {
  RunId id;
  std::int64_t project_id = 1;
  FlowId flow_id;
  std::optional<ScheduleId> schedule_id;
  std::optional<ParentId> parent_id;  // of a child its batch job, of a backfill's run the backfill
  RunKind kind = RunKind::invocation;
  RunOrigin origin = RunOrigin::schedule;
  RunStatus status = RunStatus::pending;
  std::string reason;  // why it did not complete, or was not sent so far: run_reason.h

  std::optional<Instant> scheduled_for;
  Timestamp due_at;
  Timestamp created_at;
  std::optional<Timestamp> started_at;   // first attempt: its first byte, or end if none left
  std::optional<Timestamp> finished_at;  // the outcome was written

  std::string executor = "default";
  std::optional<milliseconds> timeout;
  milliseconds late_after{60'000};  // frozen: starting later than this after due_at is late
  // Exclusive: a run that was never tried by then is not sent any more (catchup_window). Frozen,
  // but for one that has waited for the run before it, and a job that is being spread: they have
  // none.
  std::optional<Timestamp> start_before{};
  RetryPolicy retry;
  std::string flow_name;         // frozen, for people
  std::string variables = "{}";  // JSON object, frozen
  std::string body;              // JSON, frozen: the same bytes at every attempt

  int attempts = 0;                       // begun so far
  std::optional<Timestamp> available_at;  // when it may be claimed (pending, retrying)
  std::optional<OwnerId> owner;           // who claimed it last
  std::int64_t fence = 0;                 // of the last claim; grows
  std::string error;                      // of the last attempt
  // Of a run that a hog_flows API has accepted as a batch job of its own: that job's id. While it
  // is `running`, available_at is when to ask about it next.
  std::string remote_id{};
  // Somebody wished it cancelled, and why, while it was with its executor: it is not tried again.
  std::string cancel_reason{};
};

struct Attempt {
  RunId run_id;
  int number = 1;  // from 1
  Timestamp started_at;
  std::optional<Timestamp> finished_at;
  std::string outcome;             // "completed", "failed", "retry", "interrupted", "cancelled"
  std::optional<int> status_code;  // HTTP status, or a command's exit code
  std::string error;
};

struct LogEntry {
  FlowId flow_id;
  std::optional<RunId> run_id;
  Timestamp timestamp;
  LogLevel level = LogLevel::info;
  std::string message;
};

// One write by a person or a program on somebody's behalf: who did what to which object.
struct AuditEntry {
  Timestamp at;
  std::optional<std::int64_t> project_id;  // absent: of no project (a token for all of them)
  std::string actor;                       // "token <name> (<id>)", "cli <user>", ..
  std::string action;                      // "create", "update", "delete", "cancel", ..
  std::string kind;                        // "flow", "schedule", "run", "token", ..
  std::string object_id;
  std::string before;  // JSON; empty: there was none
  std::string after;   // JSON; empty: there is none

  friend bool operator==(const AuditEntry&, const AuditEntry&) = default;
};

// Occurrences of one schedule that have no run of their own: `count` of them in [from, to].
struct Gap {
  ScheduleId schedule_id;
  GapReason reason = GapReason::missed;
  Instant from;
  Instant to;
  std::uint64_t count = 0;

  friend bool operator==(const Gap&, const Gap&) = default;
};
// As it is kept: with the flow of its schedule, which it outlives.
struct KeptGap {
  Gap gap;
  FlowId flow_id;

  friend bool operator==(const KeptGap&, const KeptGap&) = default;
};

}  // namespace rruled::store
