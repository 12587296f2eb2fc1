#pragma once

#include "store/store.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// How a store is, for those who watch it: metrics, readyz, doctor.
namespace rruled::store {

struct Survey {
  // Every status, in the order of the enumerators.
  std::vector<std::pair<ScheduleStatus, std::uint64_t>> schedules{};
  std::uint64_t dead = 0;  // runs
  // Active schedules whose next_due_at is further back than their late_after; those of a paused
  // project apart.
  std::uint64_t overdue = 0;
  std::optional<Timestamp> overdue_since{};  // the first next_due_at among them
  // Runs that were due longer ago than their late_after and that nobody has begun: of the 10,000
  // that were due first. Those of a paused project, too: they go on.
  std::uint64_t overdue_runs = 0;
  std::optional<Timestamp> overdue_runs_since{};  // the first due_at among them
  std::map<std::string, std::uint64_t> overdue_runs_by_executor{};
  // Runs that were due and that nobody has begun, late or not, by executor: of the same 10,000.
  std::map<std::string, std::uint64_t> waiting{};
  std::optional<Timestamp> next_due{};  // the first of those that fire
  // Schedules settled to a time more than a day after `now`: nothing before it fires.
  std::uint64_t settled_ahead = 0;
  std::vector<ScheduleId> settled_ahead_ids{};  // a few of them
  // A file: the latest `now` with which a daemon changed it.
  std::optional<Timestamp> high_water{};
  // A server: statements that set right the sequences by which new rows would get the numbers of
  // others.
  std::vector<std::string> set_numbers{};
};

// On one state of the store. Looks at every schedule (a million: about half a second), so at a calm
// pace. From the thread that uses the store; throws StoreError.
[[nodiscard]] Survey survey(Store& store, Timestamp now);

// How many steps the schema of this program has; a store that could be opened has taken them all.
[[nodiscard]] std::size_t schema_steps(const std::string& url);

}  // namespace rruled::store
