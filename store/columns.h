#pragma once

#include "store/types.h"

#include <concepts>
#include <string_view>
#include <type_traits>

// The columns of the tables, each with the member that it holds: one list for writing, reading and
// checking a row, so that none of them can forget one.
//
//   visit_columns(flow, [&](std::string_view name, auto& member) { .. });   // const or not
namespace rruled::store {

template <class Row, class Plain>
concept RowOf = std::same_as<std::remove_const_t<Row>, Plain>;

template <class Row>
inline constexpr std::string_view kTable{};
template <>
inline constexpr std::string_view kTable<Flow> = "flows";
template <>
inline constexpr std::string_view kTable<Schedule> = "schedules";
template <>
inline constexpr std::string_view kTable<Run> = "runs";
template <>
inline constexpr std::string_view kTable<Attempt> = "attempts";
template <>
inline constexpr std::string_view kTable<LogEntry> = "log_lines";
template <>
inline constexpr std::string_view kTable<AuditEntry> = "audit";
template <>
inline constexpr std::string_view kTable<KeptGap> = "gaps";
template <>
inline constexpr std::string_view kTable<Calendar> = "calendars";
template <>
inline constexpr std::string_view kTable<Backfill> = "backfills";
template <>
inline constexpr std::string_view kTable<Project> = "projects";

template <class Row, class Visitor>
requires RowOf<Row, Flow>
void visit_columns(Row& row, Visitor&& column) {
  column("id", row.id);
  column("project_id", row.project_id);
  column("name", row.name);
  column("description", row.description);
  column("version", row.version);
  column("status", row.status);
  column("trigger_type", row.trigger_type);
  column("trigger_config", row.trigger);
  column("trigger_masking", row.trigger_masking);
  column("conversion", row.conversion);
  column("exit_condition", row.exit_condition);
  column("edges", row.edges);
  column("actions", row.actions);
  column("variables", row.variables);
  column("created_by", row.created_by);
  column("created_at", row.created_at);
  column("updated_at", row.updated_at);
  column("revision", row.revision);
}

template <class Row, class Visitor>
requires RowOf<Row, RetryPolicy>
void visit_columns(Row& row, Visitor&& column) {
  column("retry_max_attempts", row.max_attempts);
  column("retry_min_backoff", row.min_backoff);
  column("retry_max_backoff", row.max_backoff);
  column("retry_max_age", row.max_age);
}

template <class Row, class Visitor>
requires RowOf<Row, Schedule>
void visit_columns(Row& row, Visitor&& column) {
  column("id", row.id);
  column("flow_id", row.flow_id);
  column("project_id", row.project_id);
  column("rrule", row.rrule);
  column("starts_at", row.starts_at);
  column("timezone", row.timezone);
  column("variables", row.variables);
  column("status", row.status);
  column("status_reason", row.status_reason);
  column("note", row.note);
  column("paused_until", row.paused_until);
  column("resumed_at", row.resumed_at);
  column("resume_catchup", row.resume_catchup);
  column("dst_gap", row.dst_gap);
  column("dst_fold", row.dst_fold);
  column("catchup", row.catchup);
  column("catchup_grace", row.catchup_grace);
  column("catchup_window", row.catchup_window);
  column("overlap", row.overlap);
  column("max_running", row.max_running);
  column("jitter", row.jitter);
  column("late_after", row.late_after);
  visit_columns(row.retry, column);
  column("timeout", row.timeout);
  column("executor", row.executor);
  column("calendar", row.calendar);
  column("calendar_action", row.calendar_action);
  column("pause_after_failures", row.pause_after_failures);
  column("next_run_at", row.next_run_at);
  column("next_due_at", row.next_due_at);
  column("settled_to", row.settled_to);
  column("settled_wall", row.settled_wall);
  column("created_at", row.created_at);
  column("updated_at", row.updated_at);
  column("version", row.version);
  column("revision", row.revision);
}

template <class Row, class Visitor>
requires RowOf<Row, Run>
void visit_columns(Row& row, Visitor&& column) {
  column("id", row.id);
  column("project_id", row.project_id);
  column("flow_id", row.flow_id);
  column("schedule_id", row.schedule_id);
  column("parent_id", row.parent_id);
  column("kind", row.kind);
  column("origin", row.origin);
  column("status", row.status);
  column("reason", row.reason);
  column("scheduled_for", row.scheduled_for);
  column("due_at", row.due_at);
  column("created_at", row.created_at);
  column("started_at", row.started_at);
  column("finished_at", row.finished_at);
  column("executor", row.executor);
  column("timeout", row.timeout);
  column("late_after", row.late_after);
  column("start_before", row.start_before);
  visit_columns(row.retry, column);
  column("flow_name", row.flow_name);
  column("variables", row.variables);
  column("body", row.body);
  column("attempts", row.attempts);
  column("available_at", row.available_at);
  column("owner", row.owner);
  column("fence", row.fence);
  column("error", row.error);
  column("remote_id", row.remote_id);
  column("cancel_reason", row.cancel_reason);
}

template <class Row, class Visitor>
requires RowOf<Row, Attempt>
void visit_columns(Row& row, Visitor&& column) {
  column("run_id", row.run_id);
  column("number", row.number);
  column("started_at", row.started_at);
  column("finished_at", row.finished_at);
  column("outcome", row.outcome);
  column("status_code", row.status_code);
  column("error", row.error);
}

template <class Row, class Visitor>
requires RowOf<Row, LogEntry>
void visit_columns(Row& row, Visitor&& column) {
  column("flow_id", row.flow_id);
  column("run_id", row.run_id);
  column("timestamp", row.timestamp);
  column("level", row.level);
  column("message", row.message);
}

template <class Row, class Visitor>
requires RowOf<Row, AuditEntry>
void visit_columns(Row& row, Visitor&& column) {
  column("at", row.at);
  column("project_id", row.project_id);
  column("actor", row.actor);
  column("action", row.action);
  column("kind", row.kind);
  column("object_id", row.object_id);
  column("before", row.before);
  column("after", row.after);
}

template <class Row, class Visitor>
requires RowOf<Row, KeptGap>
void visit_columns(Row& row, Visitor&& column) {
  column("schedule_id", row.gap.schedule_id);
  column("reason", row.gap.reason);
  column("from_at", row.gap.from);
  column("to_at", row.gap.to);
  column("count", row.gap.count);
  column("flow_id", row.flow_id);
}

template <class Row, class Visitor>
requires RowOf<Row, Calendar>
void visit_columns(Row& row, Visitor&& column) {
  column("project_id", row.project_id);
  column("name", row.name);
  column("note", row.note);
  column("days", row.days);
  column("created_at", row.created_at);
  column("updated_at", row.updated_at);
  column("version", row.version);
}

template <class Row, class Visitor>
requires RowOf<Row, Backfill>
void visit_columns(Row& row, Visitor&& column) {
  column("id", row.id);
  column("project_id", row.project_id);
  column("flow_id", row.flow_id);
  column("schedule_id", row.schedule_id);
  column("from_at", row.from);
  column("to_at", row.to);
  column("made_to", row.made_to);
  column("count", row.count);
  column("made", row.made);
  column("note", row.note);
  column("created_at", row.created_at);
  column("ended_at", row.ended_at);
  column("cancelled", row.cancelled);
  column("version", row.version);
}

template <class Row, class Visitor>
requires RowOf<Row, Project>
void visit_columns(Row& row, Visitor&& column) {
  column("id", row.id);
  column("paused_at", row.paused_at);
  column("resumed_at", row.resumed_at);
  column("catch_up", row.catch_up);
  column("resume_catchup", row.resume_catchup);
  column("note", row.note);
}

}  // namespace rruled::store
