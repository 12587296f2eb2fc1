#include "sample.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

std::string show_value(const std::string& value) { return value; }
template <class Tag>
std::string show_value(const Id<Tag>& id) {
  return to_string(id);
}
template <class Rep, class Period>
std::string show_value(const std::chrono::duration<Rep, Period>& value) {
  return std::to_string(std::chrono::duration_cast<milliseconds>(value).count());
}
template <class Duration>
std::string show_value(const std::chrono::sys_time<Duration>& time) {
  return show_value(time.time_since_epoch());
}
template <class Value>
requires std::is_enum_v<Value> std::string show_value(Value value) {
  return std::string(word(value));
}
template <class Value>
requires std::is_integral_v<Value> std::string show_value(Value value) {
  return std::to_string(value);
}
template <class Value>
std::string show_value(const std::optional<Value>& value) {
  return value ? show_value(*value) : "-";
}

template <class Row>
std::string show_columns(const Row& row) {
  std::string text;
  visit_columns(row, [&](std::string_view name, const auto& member) {
    text.append(name).append(": ").append(show_value(member)).append("; ");
  });
  return text;
}

// Gives each column the next number, or a text with its name, or the last word.
class Filler {
 public:
  void operator()(std::string_view column, std::string& member) const {
    member = "\xc3\xa9 " + std::string(column);
  }
  template <class Tag>
  void operator()(std::string_view, Id<Tag>& member) {
    member = id_of<Id<Tag>>(++number_);
  }
  template <class Value>
  requires std::is_integral_v<Value>
  void operator()(std::string_view, Value& member) { member = ++number_; }
  template <class Value>
  requires std::is_enum_v<Value>
  void operator()(std::string_view, Value& member) const {
    member = static_cast<Value>(kWords<Value>.size() - 1);
  }
  void operator()(std::string_view, milliseconds& member) { member = milliseconds(++number_); }
  void operator()(std::string_view, Timestamp& member) {
    ++number_;
    member = at(number_) + milliseconds(number_);
  }
  void operator()(std::string_view, Instant& member) { member = nominal(++number_); }
  template <class Value>
  void operator()(std::string_view column, std::optional<Value>& member) {
    (*this)(column, member.emplace());
  }

 private:
  int number_ = 0;
};

}  // namespace

Flow a_flow(int n) {
  Flow flow;
  flow.id = flow_id(n);
  flow.name = "flow " + std::to_string(n);
  flow.status = FlowStatus::active;
  flow.trigger_type = "schedule";
  flow.created_at = flow.updated_at = at(n);
  return flow;
}

Schedule a_schedule(int n, int flow) {
  Schedule schedule;
  schedule.id = schedule_id(n);
  schedule.flow_id = flow_id(flow);
  schedule.rrule = "RRULE:FREQ=SECONDLY";
  schedule.starts_at = kStart;
  schedule.next_run_at = kStart;
  schedule.next_due_at = kStart;
  schedule.created_at = schedule.updated_at = at(n);
  return schedule;
}

Run a_run(const Schedule& schedule, Instant scheduled_for, RunStatus status) {
  Run run;
  run.id.value =
      uuid_v5(schedule.id.value, std::to_string(scheduled_for.time_since_epoch().count()));
  run.flow_id = schedule.flow_id;
  run.schedule_id = schedule.id;
  run.status = status;
  run.scheduled_for = scheduled_for;
  run.due_at = run.created_at = scheduled_for;
  run.body = "{}";
  return run;
}

Run a_manual_run(int n, int flow) {
  Run run;
  run.id = run_id(n);
  run.flow_id = flow_id(flow);
  run.origin = RunOrigin::manual;
  run.due_at = run.created_at = kStart;
  return run;
}

LogEntry a_log_line(const std::string& message, int flow) {
  return {.flow_id = flow_id(flow), .run_id = {}, .timestamp = kStart, .message = message};
}

Settlement a_settlement(const Schedule& schedule, std::vector<Run> runs, Instant then) {
  Settlement settlement;
  settlement.schedule_id = schedule.id;
  settlement.version = schedule.version;
  settlement.next_run_at = schedule.next_run_at.value_or(Instant{});
  settlement.next_due_at = schedule.next_due_at.value_or(Timestamp{});
  settlement.overlap = schedule.overlap;
  settlement.max_running = schedule.max_running;
  settlement.settled_to = runs.empty() ? settlement.next_run_at : *runs.back().scheduled_for;
  settlement.runs = std::move(runs);
  settlement.then_run_at = then;
  settlement.then_due_at = then;
  return settlement;
}

Finish a_finish(const Run& run, RunStatus status, Timestamp ended) {
  Finish finish;
  finish.run_id = run.id;
  finish.fence = run.fence;
  finish.status = status;
  finish.attempt.run_id = run.id;
  finish.attempt.number = run.attempts;
  finish.attempt.started_at = ended - 1s;
  finish.attempt.finished_at = ended;
  finish.attempt.outcome = std::string(word(status));
  return finish;
}

ChangeSet put(Flow flow) {
  ChangeSet changes;
  changes.flows.push_back({std::move(flow), {}});
  return changes;
}

ChangeSet put(Schedule schedule) {
  ChangeSet changes;
  changes.schedules.push_back({std::move(schedule), {}});
  return changes;
}

void write(Store& store, const ChangeSet& changes) {
  const auto conflict = store.write(changes, at(0));
  INFO(show(conflict));
  REQUIRE_FALSE(conflict);
}

Claimant begin_with_schedules(Store& store, int schedules) {
  ChangeSet changes = put(a_flow());
  for (int n = 1; n <= schedules; ++n) changes.schedules.push_back({a_schedule(n), {}});
  write(store, changes);
  return store.begin_session(id_of<OwnerId>(1), at(0)).claimant;
}

ScheduleStamp stamp_of(const Schedule& schedule) {
  return {schedule.version, schedule.next_run_at, schedule.status};
}

template <class Row>
Row filled() {
  Row row;
  visit_columns(row, Filler{});
  return row;
}
template Flow filled<Flow>();
template Schedule filled<Schedule>();
template Run filled<Run>();
template Attempt filled<Attempt>();
template LogEntry filled<LogEntry>();

std::string show(const Flow& row) { return show_columns(row); }
std::string show(const Schedule& row) { return show_columns(row); }
std::string show(const Run& row) { return show_columns(row); }
std::string show(const Attempt& row) { return show_columns(row); }
std::string show(const LogEntry& row) { return show_columns(row); }

std::string show(const DueSchedule& row) {
  return show(row.schedule) + "flow " + show_value(row.flow_name) + "; " +
         show_value(row.flow_status) + "; " + show_value(row.flow_version) + "; " +
         row.trigger_type + "; " + row.flow_variables;
}

std::string show(const Gap& row) {
  return to_string(row.schedule_id) + " " + show_value(row.reason) + " " + show_value(row.from) +
         ".." + show_value(row.to) + " x" + std::to_string(row.count);
}

std::string show(const Conflict& conflict) {
  constexpr const char* kKinds[] = {"exists", "missing", "changed"};
  return kKinds[static_cast<int>(conflict.kind)] + std::string(" flow ") +
         show_value(conflict.flow_id) + " schedule " + show_value(conflict.schedule_id) + " run " +
         show_value(conflict.run_id);
}

std::string show(const Changes& changes) {
  std::string text = std::to_string(changes.revision) + (changes.runs_added ? " runs\n" : "\n");
  text += show(changes.schedules);
  for (const auto id : changes.deleted) text += "gone " + to_string(id) + "\n";
  for (const auto id : changes.to_cancel) text += "to cancel " + to_string(id) + "\n";
  return text;
}

std::string show(const SettleResult& result) {
  constexpr const char* kKinds[] = {"settled", "moved", "not_yet", "gone"};
  std::string text = kKinds[static_cast<int>(result.kind)];
  text += " current " + show(result.current) + " remaining " + show_value(result.remaining);
  text += "\nclaimed " + show(result.claimed) + "skipped " + show(result.skipped);
  text += "duplicates " + std::to_string(result.duplicates) + " cancel";
  for (const auto id : result.cancel) text += " " + to_string(id);
  return text;
}

std::string show(const ClaimResult& result) {
  return show(result.runs) + "next " + show_value(result.next_available);
}

std::string show(const FinishResult& result) {
  return std::string(result.written ? "written" : "lost") + (result.released ? " released" : "") +
         (result.cancelled ? " cancelled " : "") + result.reason;
}

std::string show(const Counts& counts) {
  std::string text;
  for (const auto& [status, n] : counts.schedules)
    text += show_value(status) + " " + std::to_string(n) + " ";
  for (const auto& [status, n] : counts.runs)
    text += show_value(status) + " " + std::to_string(n) + " ";
  return text;
}

std::string dump(Store& store) {
  constexpr std::size_t kAll = 100'000;
  std::string text = show(store.flows({.limit = kAll}));
  const auto schedules = store.schedules({.limit = kAll});
  text += show(schedules);
  for (const auto& schedule : schedules) text += show(store.gaps(schedule.id));
  const auto runs = store.runs({.limit = kAll});
  text += show(runs);
  for (const auto& run : runs) text += show(store.attempts(run.id));
  return text + show(store.logs({.limit = kAll})) + show(store.counts()) +
         show(store.changes_since(0));
}

}  // namespace rruled::test
