#pragma once

#include "store/columns.h"
#include "store/store.h"

#include <sstream>
#include <string>

// Rows to test stores with, and rows as text: compared whole, and readable when they differ.
namespace rruled::test {

using namespace store;
using namespace std::chrono_literals;

inline constexpr Instant kStart{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};

// Seconds after kStart.
[[nodiscard]] constexpr Instant nominal(int seconds) {
  return kStart + std::chrono::seconds(seconds);
}
[[nodiscard]] constexpr Timestamp at(int seconds) { return nominal(seconds); }

template <class AnyId>
[[nodiscard]] AnyId id_of(int n) {
  AnyId id;
  id.value.data[14] = static_cast<std::uint8_t>(n >> 8);
  id.value.data[15] = static_cast<std::uint8_t>(n & 0xff);
  return id;
}
[[nodiscard]] inline FlowId flow_id(int n) { return id_of<FlowId>(n); }
[[nodiscard]] inline ScheduleId schedule_id(int n) { return id_of<ScheduleId>(n); }
[[nodiscard]] inline RunId run_id(int n) { return id_of<RunId>(n); }

[[nodiscard]] Flow a_flow(int n = 1);
// Of flow 1, next at kStart.
[[nodiscard]] Schedule a_schedule(int n = 1, int flow = 1);
// Of the schedule, with the id that its scheduled_for makes.
[[nodiscard]] Run a_run(const Schedule& schedule,
                        Instant scheduled_for,
                        RunStatus status = RunStatus::dispatching);
// Of flow 1 alone, due at kStart.
[[nodiscard]] Run a_manual_run(int n, int flow = 1);
[[nodiscard]] LogEntry a_log_line(const std::string& message, int flow = 1);

// Takes the schedule's row to `then`, with these runs.
[[nodiscard]] Settlement a_settlement(const Schedule& schedule,
                                      std::vector<Run> runs,
                                      Instant then);
[[nodiscard]] Finish a_finish(const Run& run, RunStatus status, Timestamp ended);

[[nodiscard]] ChangeSet put(Flow flow);
[[nodiscard]] ChangeSet put(Schedule schedule);
[[nodiscard]] ScheduleStamp stamp_of(const Schedule& schedule);

// At kStart, without a conflict.
void write(Store& store, const ChangeSet& changes);
// Flow 1 with so many schedules, from 1 on, and a session.
Claimant begin_with_schedules(Store& store, int schedules);

// Every column set to something that no other column holds.
template <class Row>
[[nodiscard]] Row filled();

// "status: active; name: -; .."
[[nodiscard]] std::string show(const Flow& row);
[[nodiscard]] std::string show(const Schedule& row);
[[nodiscard]] std::string show(const DueSchedule& row);
[[nodiscard]] std::string show(const Run& row);
[[nodiscard]] std::string show(const Attempt& row);
[[nodiscard]] std::string show(const LogEntry& row);
[[nodiscard]] std::string show(const Gap& row);
[[nodiscard]] std::string show(const Conflict& conflict);
[[nodiscard]] std::string show(const Changes& changes);
[[nodiscard]] std::string show(const SettleResult& result);
[[nodiscard]] std::string show(const ClaimResult& result);
[[nodiscard]] std::string show(const FinishResult& result);
[[nodiscard]] std::string show(const Counts& counts);
template <class Row>
[[nodiscard]] std::string show(const std::optional<Row>& row) {
  return row ? show(*row) : "none";
}
template <class Row>
[[nodiscard]] std::string show(const std::vector<Row>& rows) {
  std::string text;
  for (const auto& row : rows) text += show(row) + "\n";
  return text;
}

// The last byte of each id, in order: "3 1 2".
template <class Row>
[[nodiscard]] std::string numbers(const std::vector<Row>& rows) {
  std::string text;
  for (const auto& row : rows)
    text += (text.empty() ? "" : " ") + std::to_string(row.id.value.data[15]);
  return text;
}

// Everything in the store that can be read, as one text.
[[nodiscard]] std::string dump(Store& store);

}  // namespace rruled::test
