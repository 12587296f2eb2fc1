#include "store/validate.h"

#include "store/columns.h"
#include "store/run_rules.h"
#include "store/utf8.h"

#include <string>

namespace rruled::store {
namespace {

std::optional<std::string> bad_text(const std::string& text) {
  const auto at = first_bad_byte(text);
  if (!at) return std::nullopt;
  return "not UTF-8, or NUL, at byte " + std::to_string(*at);
}

// Of many rows that are written together, the one to correct.
template <class Row>
std::string which(const Row& row) {
  if constexpr (requires { to_string(row.id); }) return " of row " + to_string(row.id);
  return {};
}

template <class Row>
void check_texts(const Row& row) {
  const auto check = [&row](std::string_view column, const std::string& text) {
    if (const auto why = bad_text(text)) refuse(kTable<Row>, column, *why + which(row));
  };
  visit_columns(row, [&check](std::string_view column, const auto& member) {
    using Member = std::remove_cvref_t<decltype(member)>;
    if constexpr (std::same_as<Member, std::string>) {
      check(column, member);
    } else if constexpr (std::same_as<Member, std::optional<std::string>>) {
      if (member) check(column, *member);
    }
  });
}

void check_next(bool has_run_at, bool has_due_at) {
  if (has_run_at != has_due_at)
    refuse("schedules", "next_due_at", "must be set exactly when next_run_at is");
}

void check_max_running(int max_running) {
  if (max_running < 1) refuse("schedules", "max_running", "must be 1 or more");
}

void check(const Schedule& schedule) {
  check_texts(schedule);
  check_next(schedule.next_run_at.has_value(), schedule.next_due_at.has_value());
  check_max_running(schedule.max_running);
}

void check(const Gap& gap) {
  if (gap.to < gap.from) refuse("gaps", "to_at", "must not be before from_at");
}

void check_settled(const Run& run, ScheduleId schedule) {
  check_texts(run);
  if (run.schedule_id != schedule) refuse("runs", "schedule_id", "must be the settled schedule's");
  if (run.status != RunStatus::dispatching && run.status != RunStatus::pending &&
      run.status != RunStatus::waiting && run.status != RunStatus::skipped)
    refuse("runs", "status", "a new run is dispatching, pending, waiting or skipped");
  if (run.status == RunStatus::skipped && !run.finished_at)
    refuse("runs", "finished_at", "a skipped run has ended");
}

}  // namespace

void refuse(std::string_view table, std::string_view column, std::string_view why) {
  std::string what = "refused to write ";
  what.append(table).append(".").append(column).append(": ").append(why);
  what += "; nothing was written: correct the value and try again";
  throw StoreError(StoreError::Kind::invalid, what);
}

void check_text(std::string_view table, std::string_view column, const std::string& text) {
  if (const auto why = bad_text(text)) refuse(table, column, *why);
}

void validate(const ChangeSet& changes) {
  for (const auto& put : changes.flows) check_texts(put.flow);
  for (const auto& put : changes.schedules) check(put.schedule);
  for (const auto& gap : changes.gaps) check(gap);
  for (const auto& entry : changes.audit) check_texts(entry);
  for (const auto& put : changes.calendars) check_texts(put.calendar);
  for (const auto& put : changes.backfills) {
    check_texts(put.backfill);
    if (put.backfill.to <= put.backfill.from) refuse("backfills", "to_at", "must be after from_at");
  }
  for (const auto& put : changes.projects) check_texts(put.project);
  for (const auto& run : changes.runs) {
    check_texts(run);
    if (run.status != RunStatus::pending) refuse("runs", "status", "a manual run is pending");
  }
}

void validate(const std::vector<Settlement>& batch) {
  for (const auto& settlement : batch) {
    check_text("schedules", "status_reason", settlement.then_reason);
    check_next(settlement.then_run_at.has_value(), settlement.then_due_at.has_value());
    check_max_running(settlement.max_running);
    for (const auto& run : settlement.runs) check_settled(run, settlement.schedule_id);
    for (const auto& gap : settlement.gaps) {
      check(gap);
      if (gap.schedule_id != settlement.schedule_id)
        refuse("gaps", "schedule_id", "must be the settled schedule's");
    }
    for (const auto& line : settlement.logs) check_texts(line);
  }
}

void validate(const std::vector<Finish>& batch) {
  for (const auto& finish : batch) {
    check_text("runs", "reason", finish.reason);
    check_text("runs", "remote_id", finish.remote_id);
    if ((finish.status == RunStatus::running) == finish.remote_id.empty())
      refuse("runs", "remote_id", "must be set exactly when the run goes on elsewhere");
    check_texts(finish.attempt);
    if (finish.attempt.run_id != finish.run_id)
      refuse("attempts", "run_id", "must be the finished run's");
    if (finish.attempt.number < 1) refuse("attempts", "number", "counts from 1");
    if (!finish.sent && !is_final(finish.status))
      refuse("runs", "status", "must be final when nothing was sent");
    for (const auto& line : finish.logs) check_texts(line);
  }
}

void validate_flow(const Settlement& settlement, FlowId flow) {
  for (const auto& run : settlement.runs)
    if (run.flow_id != flow) refuse("runs", "flow_id", "must be the schedule's flow");
  for (const auto& line : settlement.logs)
    if (line.flow_id != flow) refuse("log_lines", "flow_id", "must be the schedule's flow");
}

void validate_flow(const Finish& finish, FlowId flow) {
  for (const auto& line : finish.logs)
    if (line.flow_id != flow) refuse("log_lines", "flow_id", "must be the run's flow");
}

}  // namespace rruled::store
