#include "daemon/io/explanation.h"

#include "daemon/core/lifecycle.h"

#include <algorithm>

namespace rruled::io {
namespace {

constexpr std::size_t kRunsMax = 1'000;  // of the span; backfills may have more
constexpr std::size_t kEditsMax = 20;

// Runs of the schedule's own occurrences in the span. due_at is up to the jitter later.
std::vector<store::Run> runs_in(store::Directory& directory,
                                const store::Schedule& schedule,
                                core::Span span) {
  store::RunFilter filter{.project_id = schedule.project_id};
  filter.schedule_id = schedule.id;
  filter.due_from = span.from;
  filter.due_to = span.to + schedule.jitter + std::chrono::seconds(1);
  auto runs = directory.runs(filter, {kRunsMax, 0}, false).rows;
  std::erase_if(runs, [](const auto& run) { return run.origin != store::RunOrigin::schedule; });
  return runs;
}

}  // namespace

boost::system::result<Explanation, core::Timetable::Error> explain_schedule(
    store::Store& store,
    store::Directory& directory,
    const core::ScheduleRules& rules,
    const store::Schedule& schedule,
    store::Timestamp at,
    std::size_t around,
    store::Timestamp now) {
  const auto timetable = core::Timetable::compile(schedule, rules.zones, rules.calendars);
  if (!timetable) return timetable.error();
  const auto span =
      core::explain_span(*timetable, std::chrono::floor<std::chrono::seconds>(at), around);
  core::ExplainSource source{schedule};
  source.flow_silent = core::why_it_cannot_fire(store.flow(schedule.flow_id));
  if (rules.may_use_executor)
    source.has_executor = [&](std::string_view executor) {
      return rules.may_use_executor(executor, schedule.project_id);
    };
  source.project = directory.project(schedule.project_id);
  source.runs = runs_in(directory, schedule, span);
  for (const auto& run : source.runs)
    if (run.attempts > 0) source.attempts[run.id] = store.attempts(run.id);
  source.gaps = store.gaps(schedule.id);
  Explanation result;
  result.occurrences = core::explain(source, *timetable, span, now);
  result.edits = directory
                     .audit({.object_id = to_string(schedule.id),
                             .from = span.from,
                             .to = span.to + std::chrono::seconds(1)},
                            {kEditsMax, 0})
                     .rows;
  return result;
}

}  // namespace rruled::io
