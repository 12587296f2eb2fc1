#include "daemon/io/mirror.h"

#include <utility>

namespace rruled::io {
namespace {

constexpr std::size_t kCopyPage = 1'000;

}  // namespace

void Mirror::copy_flow(store::FlowId id, store::Timestamp now) {
  auto flow = real_.flow(id);
  if (!flow) return;
  const auto known = copy_.flow(id);
  store::ChangeSet changes;
  changes.flows.push_back(
      {std::move(*flow), known ? std::optional(known->revision) : std::nullopt});
  (void)copy_.write(changes, now);  // nobody else writes to the copy
}

void Mirror::copy_calendar(const store::CalendarName& name, store::Timestamp now) {
  auto calendar = real_directory_->calendar(name);
  if (!calendar) return;
  const auto known = copy_.calendar(name);
  store::ChangeSet changes;
  changes.calendars.push_back(
      {std::move(*calendar), known ? std::optional(known->version) : std::nullopt});
  (void)copy_.write(changes, now);
}

void Mirror::copy_project(std::int64_t id, store::Timestamp now) {
  const auto project = real_directory_->project(id);
  const auto known = copy_.project(id);
  if (!project || project == known) return;
  store::ChangeSet changes;
  changes.projects.push_back({*project, known});
  (void)copy_.write(changes, now);
}

void Mirror::copy_schedule(const store::Schedule& schedule, store::Timestamp now) {
  copy_flow(schedule.flow_id, now);
  copy_project(schedule.project_id, now);
  store::ChangeSet changes;
  std::optional<store::ScheduleStamp> stamp;
  if (const auto known = copy_.schedule(schedule.id))
    stamp = {known->version, known->next_run_at, known->status};
  if (!schedule.calendar.empty()) copy_calendar({schedule.project_id, schedule.calendar}, now);
  changes.schedules.push_back({schedule, stamp});
  (void)copy_.write(changes, now);
}

void Mirror::copy_schedules(store::Timestamp now) {
  for (std::size_t offset = 0;; offset += kCopyPage) {
    const auto page = real_.schedules({.limit = kCopyPage, .offset = offset});
    for (const auto& schedule : page) copy_schedule(schedule, now);
    if (page.size() < kCopyPage) break;
  }
}

void Mirror::copy_all(store::Timestamp now) {
  revision_ = real_.changes_since(0).revision;
  copy_schedules(now);
  for (const auto status : {store::RunStatus::pending, store::RunStatus::retrying}) {
    for (std::size_t offset = 0;; offset += kCopyPage) {
      auto page = real_.runs({.status = status, .limit = kCopyPage, .offset = offset});
      store::ChangeSet changes;
      for (auto& run : page) {
        copy_flow(run.flow_id, now);
        run.status = store::RunStatus::pending;
        changes.runs.push_back(std::move(run));
      }
      (void)copy_.write(changes, now);
      if (page.size() < kCopyPage) break;
    }
  }
}

std::string Mirror::follow(store::Timestamp now) try {
  const store::Changes changes = real_.changes_since(revision_);
  if (changes.many) copy_schedules(now);
  for (const auto& row : changes.schedules) copy_schedule(row.schedule, now);
  store::ChangeSet gone;
  for (const auto id : changes.deleted) gone.delete_schedules.push_back({id});
  if (!changes.deleted.empty()) (void)copy_.write(gone, now);
  revision_ = changes.revision;
  return {};
} catch (const std::exception& error) {
  return error.what();
}

}  // namespace rruled::io
