#include "store/conflicts.h"
#include "store/memory_store.h"

namespace rruled::store {
namespace {

template <class Map, class Key>
std::optional<std::int64_t> version_in(const Map& rows, const Key& key) {
  const auto found = rows.find(key);
  return found == rows.end() ? std::nullopt : std::optional(found->second.version);
}

}  // namespace

std::optional<Conflict> MemoryStore::find_object_conflict(const ChangeSet& changes) const {
  std::set<CalendarName> there;
  for (const auto& [name, calendar] : calendars_) there.insert(name);
  for (const auto& put : changes.calendars) {
    const CalendarName name{put.calendar.project_id, put.calendar.name};
    if (const auto kind = conflict_between(version_in(calendars_, name), put.expected_version))
      return conflict_of(*kind, name);
    there.insert(name);
  }
  std::map<ScheduleId, CalendarName> named;
  for (const auto& [id, schedule] : schedules_)
    if (!schedule.calendar.empty()) named[id] = {schedule.project_id, schedule.calendar};
  for (const auto& put : changes.schedules) {
    const CalendarName name{put.schedule.project_id, put.schedule.calendar};
    if (!name.name.empty() && !there.contains(name))
      return conflict_of(Conflict::Kind::missing, name);
    named[put.schedule.id] = name;
  }
  for (const auto& each : changes.delete_schedules) named.erase(each.id);
  for (const auto& name : changes.delete_calendars) {
    if (there.erase(name) == 0) return conflict_of(Conflict::Kind::missing, name);
    for (const auto& [id, each] : named)
      if (each == name) return conflict_of(Conflict::Kind::in_use, name);
  }
  for (const auto& put : changes.backfills)
    if (const auto kind =
            conflict_between(version_in(backfills_, put.backfill.id), put.expected_version))
      return conflict_of(*kind, put.backfill.id);
  for (const auto& put : changes.projects)
    if (const auto kind = conflict_between(project(put.project.id), put.expected))
      return conflict_of(*kind, put.project);
  return std::nullopt;
}

void MemoryStore::write_objects(const ChangeSet& changes) {
  for (const auto& put : changes.calendars) {
    auto& row = calendars_[{put.calendar.project_id, put.calendar.name}] = put.calendar;
    row.version = put.expected_version.value_or(0) + 1;
  }
  for (const auto& name : changes.delete_calendars) calendars_.erase(name);
  for (const auto& put : changes.backfills) {
    auto& row = backfills_[put.backfill.id] = put.backfill;
    row.version = put.expected_version.value_or(0) + 1;
  }
  for (const auto& put : changes.projects) {
    projects_[put.project.id] = put.project;
    bump_schedules_of(put.project.id);
  }
}

void MemoryStore::bump_schedules_of(std::int64_t project) {
  for (auto& [id, schedule] : schedules_) {
    if (schedule.project_id != project || schedule.revision == revision_) continue;
    ++schedule.version;
    schedule.revision = revision_;
  }
}

RetryResult MemoryStore::retry_run(RunId id, const RetryPolicy& fresh, Timestamp now) {
  const auto found = runs_.find(id);
  if (found == runs_.end()) return RetryResult::missing;
  RunRow& row = found->second;
  if (const auto refusal = retry_refusal(row.run.status)) return *refusal;
  for (const auto& [child, each] : runs_)
    if (each.run.parent_id == ParentId{id.value}) return RetryResult::has_children;
  change(row, [&](Run& run) { replay(run, fresh, now); });
  row.released = false;
  row.cancel_revision = {};
  runs_revision_ = ++revision_;
  return RetryResult::retried;
}

std::optional<Calendar> MemoryStore::calendar(const CalendarName& name) const {
  const auto found = calendars_.find(name);
  return found == calendars_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Calendar> MemoryStore::calendars(std::int64_t project) const {
  std::vector<Calendar> rows;
  for (const auto& [name, calendar] : calendars_)
    if (name.project_id == project) rows.push_back(calendar);
  return rows;
}

std::optional<Backfill> MemoryStore::backfill(ParentId id) const {
  const auto found = backfills_.find(id);
  return found == backfills_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Backfill> MemoryStore::open_backfills() const {
  std::vector<Backfill> rows;
  for (const auto& [id, backfill] : backfills_)
    if (!backfill.ended_at) rows.push_back(backfill);
  return rows;
}

std::vector<std::pair<RunStatus, std::uint64_t>> MemoryStore::counts_of(ParentId id) const {
  std::map<RunStatus, std::uint64_t> counts;
  for (const auto& [run_id, row] : runs_)
    if (row.run.parent_id == id) ++counts[row.run.status];
  return {counts.begin(), counts.end()};
}

std::optional<Project> MemoryStore::project(std::int64_t id) const {
  const auto found = projects_.find(id);
  return found == projects_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Project> MemoryStore::paused_projects() const {
  std::vector<Project> rows;
  for (const auto& [id, project] : projects_)
    if (project.paused()) rows.push_back(project);
  return rows;
}

}  // namespace rruled::store
