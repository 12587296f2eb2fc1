#include "store/directory_filter.h"

#include <algorithm>
#include <tuple>

namespace rruled::store {
namespace {

template <class T, class U>
bool agrees(const std::optional<T>& wanted, const U& value) {
  return !wanted || *wanted == value;
}

template <class T>
bool is_one_of(const std::vector<T>& wanted, T value) {
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), value) != wanted.end();
}

bool contains(std::string_view text, const std::string& search) {
  return search.empty() || lower_ascii(text).find(lower_ascii(search)) != std::string::npos;
}

}  // namespace

std::string lower_ascii(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

void sort(Tallies& tallies) {
  std::ranges::sort(tallies.runs, {}, [](const Tally& tally) {
    return std::tuple(tally.step, tally.status, tally.started);
  });
  std::ranges::sort(tallies.gaps, {},
                    [](const GapTally& tally) { return std::pair(tally.step, tally.reason); });
}

bool matches(const FlowFilter& filter, const Flow& flow) {
  return flow.project_id == filter.project_id && agrees(filter.id, flow.id) &&
         agrees(filter.status, flow.status) && agrees(filter.created_at, flow.created_at) &&
         agrees(filter.updated_at, flow.updated_at) &&
         (contains(flow.name.value_or(""), filter.search) ||
          contains(flow.description, filter.search));
}

bool matches(const ScheduleFilter& filter, const Schedule& schedule) {
  return schedule.project_id == filter.project_id && agrees(filter.flow_id, schedule.flow_id) &&
         agrees(filter.id, schedule.id) && agrees(filter.status, schedule.status) &&
         agrees(filter.created_at, schedule.created_at) &&
         agrees(filter.updated_at, schedule.updated_at) &&
         agrees(filter.calendar, schedule.calendar) &&
         (!filter.due_before ||
          (schedule.next_due_at && *schedule.next_due_at < *filter.due_before)) &&
         (!filter.resumes_before ||
          (schedule.status == ScheduleStatus::paused && schedule.paused_until &&
           *schedule.paused_until < *filter.resumes_before));
}

bool matches(const RunFilter& filter, const Run& run) {
  return run.project_id == filter.project_id && agrees(filter.flow_id, run.flow_id) &&
         (!filter.schedule_id || run.schedule_id == filter.schedule_id) &&
         (!filter.parent_id || run.parent_id == filter.parent_id) &&
         agrees(filter.kind, run.kind) && is_one_of(filter.statuses, run.status) &&
         (!filter.due_from || run.due_at >= *filter.due_from) &&
         (!filter.due_to || run.due_at < *filter.due_to) &&
         (!filter.before ||
          std::tie(run.due_at, run.id) < std::tie(filter.before->due_at, filter.before->id));
}

bool matches(const GapFilter& filter, const KeptGap& row) {
  const Gap& gap = row.gap;
  return agrees(filter.flow_id, row.flow_id) && agrees(filter.schedule_id, gap.schedule_id) &&
         agrees(filter.reason, gap.reason) && (!filter.from || gap.to >= *filter.from) &&
         (!filter.to || gap.from < *filter.to) &&
         (!filter.before || place_of(gap) < *filter.before);
}

bool matches(const LogFilter& filter, const LogEntry& entry) {
  return agrees(filter.flow_id, entry.flow_id) &&
         (!filter.run_id || entry.run_id == filter.run_id) &&
         (!filter.after || entry.timestamp > *filter.after) &&
         (!filter.before || entry.timestamp < *filter.before) &&
         is_one_of(filter.levels, entry.level) && contains(entry.message, filter.search);
}

bool matches(const AuditFilter& filter, const AuditEntry& entry) {
  return (!filter.project_id || entry.project_id == filter.project_id) &&
         (filter.object_id.empty() || entry.object_id == filter.object_id) &&
         (!filter.from || entry.at >= *filter.from) && (!filter.to || entry.at < *filter.to);
}

bool matches(const TallyFilter& filter, const Run& run) {
  if (run.flow_id != filter.flow_id || run.due_at < filter.from || run.due_at >= filter.to)
    return false;
  if (!filter.of_run) return run.origin != RunOrigin::child;
  return run.id == *filter.of_run ||
         (run.parent_id && run.parent_id->value == filter.of_run->value);
}

}  // namespace rruled::store
