#include "daemon/io/backfiller.h"

#include "daemon/core/backfill.h"
#include "daemon/core/run_identity.h"
#include "daemon/io/calendar_finder.h"
#include "daemon/io/run_on.h"

#include <utility>

namespace rruled::io {
namespace {

namespace asio = boost::asio;
using store::RunStatus;

constexpr std::chrono::seconds kBackfillEvery{1};
constexpr const char* kNotMovedOn = "does not go on, tried again each minute";

std::optional<store::DueSchedule> due_schedule(store::Store& store,
                                               store::Directory& directory,
                                               store::ScheduleId id) {
  auto schedule = store.schedule(id);
  const auto flow = schedule ? store.flow(schedule->flow_id) : std::nullopt;
  if (!flow) return std::nullopt;
  auto due = core::due_schedule(std::move(*schedule), *flow);
  due.project = directory.project(due.schedule.project_id);
  return due;
}

std::size_t live_runs(store::Directory& directory, const store::Backfill& backfill) {
  store::RunFilter filter{.project_id = backfill.project_id};
  filter.parent_id = backfill.id;
  filter.statuses = {RunStatus::waiting, RunStatus::pending, RunStatus::dispatching,
                     RunStatus::running, RunStatus::retrying};
  return directory.runs(filter, {core::kBackfillLive, 0}, false).rows.size();
}

// How many runs were added: none where another daemon, or a person, moved it on.
std::size_t move_on(store::Store& store,
                    store::Directory& directory,
                    const rrule::ZoneDatabase& zones,
                    const core::CalendarFinder& calendars,
                    const store::Backfill& backfill,
                    store::Timestamp now,
                    spdlog::logger& log) {
  const auto due = due_schedule(store, directory, backfill.schedule_id);
  std::optional<core::Timetable> timetable;
  if (due)
    if (auto compiled = core::Timetable::compile(due->schedule, zones, calendars))
      timetable = std::move(*compiled);
  auto step = core::backfill_step(backfill, due, timetable ? &*timetable : nullptr,
                                  live_runs(directory, backfill), now);
  if (!step) return 0;
  const std::size_t runs = step->runs.size();
  const bool ends = step->backfill.ended_at.has_value();
  store::ChangeSet changes;
  changes.runs = std::move(step->runs);
  changes.backfills.push_back({std::move(step->backfill), backfill.version});
  if (store.write(changes, now)) return 0;
  if (ends) log.info("backfill {}: all {} runs are made", to_string(backfill.id), backfill.count);
  return runs;
}

}  // namespace

std::size_t step_backfills(store::Store& store,
                           store::Directory& directory,
                           const rrule::ZoneDatabase& zones,
                           store::Timestamp now,
                           RefusedRows& refused,
                           spdlog::logger& log) {
  std::size_t added = 0;
  const auto open = directory.open_backfills();
  if (open.empty()) return added;
  const auto calendars = calendar_finder(directory, zones);
  for (const store::Backfill& backfill : open)
    refused.attempt("backfill " + to_string(backfill.id), kNotMovedOn, [&] {
      added += move_on(store, directory, zones, calendars, backfill, now, log);
    });
  return added;
}

Backfiller::Backfiller(asio::any_io_executor io,
                       StoreLane lane,
                       const rrule::ZoneDatabase& zones,
                       const Clock& clock,
                       std::shared_ptr<spdlog::logger> log)
    : lane_(lane),
      zones_(zones),
      clock_(clock),
      log_(std::move(log)),
      directory_(lane.store.directory()),
      refused_(clock, *log_),
      pacer_(std::move(io)) {}

asio::awaitable<void> Backfiller::run() {
  while (!pacer_.stopped()) {
    try {
      auto step = [this, now = clock_.now()] {
        return step_backfills(lane_.store, *directory_, zones_, now, refused_, *log_);
      };
      co_await run_on(lane_.thread, std::move(step));
      trouble_.over();
    } catch (const std::exception& error) {
      if (!is_away(error) && trouble_.is_news(error.what(), clock_.steady()))
        log_->error("backfills could not go on: {}", error.what());
    }
    co_await pacer_.rest(kBackfillEvery);
  }
}

}  // namespace rruled::io
