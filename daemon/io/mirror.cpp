#include "daemon/io/mirror.h"

#include <optional>

namespace rruled::io {
namespace {

constexpr std::size_t kCopyPage = 1'000;
constexpr int kRestOfLook = 9;  // times what it took: the copy fires on the same thread

const char* left_out_because(store::Conflict::Kind kind) {
  switch (kind) {
    case store::Conflict::Kind::exists:
      return "the copy has it already";
    case store::Conflict::Kind::missing:
      return "what it belongs to is not there";
    case store::Conflict::Kind::changed:
      return "the copy of it has changed";
    case store::Conflict::Kind::in_use:
      return "the copy of it is in use";
  }
  return "";
}

}  // namespace

void Mirror::write(const store::ChangeSet& changes,
                   const std::string& row,
                   store::Timestamp now) try {
  if (const auto conflict = copy_.write(changes, now))
    log_->warn("{} is left out: {}", row, left_out_because(conflict->kind));
} catch (const store::StoreError& error) {
  if (!is_refused(error)) throw;
  log_->warn("{} is left out: {}", row, error.what());
}

void Mirror::copy_flow(store::FlowId id, store::Timestamp now) {
  auto flow = real_.flow(id);
  if (!flow) return;
  const auto known = copy_.flow(id);
  store::ChangeSet changes;
  changes.flows.push_back(
      {std::move(*flow), known ? std::optional(known->revision) : std::nullopt});
  write(changes, "flow " + to_string(id), now);
}

void Mirror::copy_calendar(const store::CalendarName& name, store::Timestamp now) {
  auto calendar = real_directory_->calendar(name);
  if (!calendar) return;
  const auto known = copy_.calendar(name);
  store::ChangeSet changes;
  changes.calendars.push_back(
      {std::move(*calendar), known ? std::optional(known->version) : std::nullopt});
  write(changes, "calendar " + name.name, now);
}

void Mirror::copy_project(std::int64_t id, store::Timestamp now) {
  const auto project = real_directory_->project(id);
  const auto known = copy_.project(id);
  if (!project || project == known) return;
  store::ChangeSet changes;
  changes.projects.push_back({*project, known});
  write(changes, "project " + std::to_string(id), now);
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
  write(changes, "schedule " + to_string(schedule.id), now);
}

void Mirror::copy_schedules(store::Timestamp now) {
  store::ScheduleId first{};
  for (;;) {
    const auto page = real_.schedules_from(first, kCopyPage);
    for (const auto& schedule : page) copy_schedule(schedule, now);
    if (page.size() < kCopyPage) break;
    first = page.back().id;
  }
}

void Mirror::copy_run(store::Run run, store::Timestamp now) {
  if (copy_.run(run.id)) return;  // nobody tells the real store that the copy has sent it
  if (!copy_.flow(run.flow_id)) copy_flow(run.flow_id, now);
  // One that was tried again after its schedule was deleted is sent all the same.
  if (run.schedule_id && !copy_.schedule(*run.schedule_id)) run.schedule_id.reset();
  run.status = store::RunStatus::pending;
  const std::string row = "run " + to_string(run.id);
  store::ChangeSet changes;
  changes.runs.push_back(std::move(run));
  write(changes, row, now);
}

void Mirror::copy_runs(store::Timestamp now) {
  for (const auto status : {store::RunStatus::pending, store::RunStatus::retrying}) {
    store::RunQuery query{.status = status, .limit = kCopyPage};
    for (;;) {
      auto page = real_.runs(query);
      const bool is_last = page.size() < query.limit;
      // Those due with the last one come again: no place is passed where others take rows away.
      const auto due_to = page.empty() ? now : page.back().due_at + std::chrono::milliseconds(1);
      for (auto& run : page) copy_run(std::move(run), now);
      if (is_last) break;
      query.limit = query.due_to == due_to ? 2 * query.limit : kCopyPage;
      query.due_to = due_to;
    }
  }
}

void Mirror::follow_runs(const Clock& clock, store::Timestamp now) {
  const auto began = clock.steady();
  if (!runs_added_ || began < runs_again_at_) return;
  copy_runs(now);
  const auto ended = clock.steady();
  runs_again_at_ = ended + kRestOfLook * (ended - began);
  runs_added_ = false;
}

void Mirror::copy_all(store::Timestamp now) {
  revision_ = real_.changes_since(0).revision;
  copy_schedules(now);
  copy_runs(now);
}

bool Mirror::follow(const Clock& clock) try {
  const auto now = clock.now();
  const store::Changes changes = real_.changes_since(revision_);
  if (changes.many) copy_schedules(now);
  for (const auto& row : changes.schedules) copy_schedule(row.schedule, now);
  for (const auto id : changes.deleted) {
    if (!copy_.schedule(id)) continue;  // came and went between two looks
    store::ChangeSet gone;
    gone.delete_schedules.push_back({id});
    write(gone, "the deletion of schedule " + to_string(id), now);
  }
  runs_added_ = runs_added_ || changes.runs_added;
  follow_runs(clock, now);
  revision_ = changes.revision;
  trouble_.over();
  return true;
} catch (const std::exception& error) {
  if (trouble_.is_news(error.what(), clock.steady()))
    log_->error("the real store could not be followed: {}", error.what());
  return false;
}

}  // namespace rruled::io
