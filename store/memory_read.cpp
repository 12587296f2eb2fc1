#include "store/memory_store.h"

#include <algorithm>
#include <tuple>

namespace rruled::store {
namespace {

// Greatest `order` first, from `offset` on.
template <class Row, class Order>
std::vector<Row> page(std::vector<const Row*> found,
                      Order order,
                      std::size_t limit,
                      std::size_t offset = 0) {
  std::sort(found.begin(), found.end(),
            [&](const Row* a, const Row* b) { return order(*a) > order(*b); });
  std::vector<Row> rows;
  for (std::size_t i = offset; i < found.size() && rows.size() < limit; ++i)
    rows.push_back(*found[i]);
  return rows;
}

template <class Value, class Column>
bool fits(const std::optional<Value>& wanted, const Column& column) {
  return !wanted || column == *wanted;
}

}  // namespace

std::optional<Flow> MemoryStore::flow(FlowId id) {
  const auto it = flows_.find(id);
  return it == flows_.end() ? std::nullopt : std::optional(it->second);
}

std::vector<Flow> MemoryStore::flows(const FlowQuery& query) {
  std::vector<const Flow*> found;
  for (const auto& [id, flow] : flows_)
    if (fits(query.project_id, flow.project_id) && fits(query.status, flow.status))
      found.push_back(&flow);
  const auto order = [](const Flow& flow) { return std::tie(flow.updated_at, flow.id); };
  return page(std::move(found), order, query.limit, query.offset);
}

std::optional<Schedule> MemoryStore::schedule(ScheduleId id) {
  const auto it = schedules_.find(id);
  return it == schedules_.end() ? std::nullopt : std::optional(it->second);
}

std::vector<Schedule> MemoryStore::schedules(const ScheduleQuery& query) {
  std::vector<const Schedule*> found;
  for (const auto& [id, schedule] : schedules_)
    if (fits(query.project_id, schedule.project_id) && fits(query.flow_id, schedule.flow_id) &&
        fits(query.status, schedule.status))
      found.push_back(&schedule);
  const auto order = [](const Schedule& row) { return std::tie(row.created_at, row.id); };
  return page(std::move(found), order, query.limit, query.offset);
}

std::vector<Schedule> MemoryStore::schedules_from(ScheduleId first, std::size_t limit) {
  std::vector<Schedule> found;
  for (auto it = schedules_.lower_bound(first); it != schedules_.end() && found.size() < limit;
       ++it)
    found.push_back(it->second);
  return found;
}

std::optional<Run> MemoryStore::run(RunId id) {
  const auto it = runs_.find(id);
  return it == runs_.end() ? std::nullopt : std::optional(it->second.run);
}

std::vector<Run> MemoryStore::runs(const RunQuery& query) {
  std::vector<const Run*> found;
  for (const auto& [id, row] : runs_) {
    const auto& run = row.run;
    if (fits(query.flow_id, run.flow_id) && fits(query.schedule_id, run.schedule_id) &&
        fits(query.status, run.status) && (!query.due_from || run.due_at >= *query.due_from) &&
        (!query.due_to || run.due_at < *query.due_to))
      found.push_back(&run);
  }
  const auto order = [](const Run& run) { return std::tie(run.due_at, run.id); };
  return page(std::move(found), order, query.limit, query.offset);
}

std::vector<Run> MemoryStore::runs_from(RunId first, std::size_t limit) {
  std::map<RunId, const Run*> found;
  for (const auto& [id, row] : runs_)
    if (id >= first) found.emplace(id, &row.run);
  std::vector<Run> rows;
  for (auto it = found.begin(); it != found.end() && rows.size() < limit; ++it)
    rows.push_back(*it->second);
  return rows;
}

std::vector<Run> MemoryStore::held(const Claimant& claimant) {
  std::vector<Run> found;
  for (const auto id : dispatching_)
    if (const auto& run = runs_.at(id).run; run.owner == claimant.owner) found.push_back(run);
  return found;
}

std::vector<Attempt> MemoryStore::attempts(RunId id) {
  const auto it = runs_.find(id);
  if (it == runs_.end()) return {};
  auto all = it->second.attempts;
  const auto& run = it->second.run;
  if (run.status == RunStatus::dispatching)
    all.push_back({.run_id = id,
                   .number = run.attempts,
                   .started_at = it->second.claimed_at,
                   .finished_at = {},
                   .outcome = {},
                   .status_code = {},
                   .error = {}});
  return all;
}

std::vector<LogEntry> MemoryStore::logs(const LogQuery& query) {
  std::vector<const LogEntry*> found;
  for (const auto& line : logs_)
    if (fits(query.flow_id, line.flow_id) && fits(query.run_id, line.run_id))
      found.push_back(&line);
  // Lines of one moment: the last written first.
  const auto order = [](const LogEntry& line) { return std::pair(line.timestamp, &line); };
  return page(std::move(found), order, query.limit);
}

std::vector<Gap> MemoryStore::gaps(ScheduleId id) {
  std::vector<Gap> found;
  if (const auto it = gaps_.find(id); it != gaps_.end())
    for (const auto& [from, row] : it->second) found.push_back(row.gap);
  return found;
}

Counts MemoryStore::counts() {
  Counts counts{zeros<ScheduleStatus>(), zeros<RunStatus>()};
  for (const auto& [id, schedule] : schedules_)
    ++counts.schedules[static_cast<std::size_t>(schedule.status)].second;
  for (const auto& [id, row] : runs_)
    ++counts.runs[static_cast<std::size_t>(row.run.status)].second;
  return counts;
}

Changes MemoryStore::changes_since(std::int64_t revision, std::size_t limit) {
  Changes changes;
  changes.revision = revision_;
  if (revision >= revision_) return changes;
  std::vector<std::pair<std::int64_t, ScheduleId>> written;
  std::vector<std::pair<std::int64_t, ScheduleId>> gone;
  for (const auto& [id, schedule] : schedules_)
    if (schedule.revision > revision) written.emplace_back(schedule.revision, id);
  for (const auto& [id, tombstone] : tombstones_)
    if (tombstone.revision > revision) gone.emplace_back(tombstone.revision, id);
  changes.many = written.size() > limit;
  if (changes.many) written.clear();
  std::sort(written.begin(), written.end());
  std::sort(gone.begin(), gone.end());
  for (const auto& each : written)
    changes.schedules.push_back(due_schedule(schedules_.at(each.second)));
  for (const auto& each : gone) changes.deleted.push_back(each.second);
  changes.runs_added = runs_revision_ > revision;
  for (const auto id : dispatching_)
    if (runs_.at(id).cancel_revision > revision) changes.to_cancel.push_back(id);
  return changes;
}

std::vector<KeptGap> MemoryStore::all_gaps() const {
  std::vector<KeptGap> found;
  for (const auto& [schedule, rows] : gaps_)
    for (const auto& [from, row] : rows) found.push_back(row);
  return found;
}

}  // namespace rruled::store
