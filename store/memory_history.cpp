#include "store/history_place.h"
#include "store/memory_run_desk.h"

namespace rruled::store {

void MemoryRunDesk::remove(const std::set<RunId>& gone) {
  for (const auto id : gone) {
    const Run run = store_.runs_.at(id).run;
    store_.unindex(run);
    if (const auto occurrence = MemoryStore::occurrence_of(run))
      store_.occurrences_.erase(*occurrence);
    store_.runs_.erase(id);
  }
}

RemovedHistory MemoryRunDesk::remove_history(FlowId flow, std::size_t limit) {
  if (limit == 0) return {};
  std::set<RunId> gone;
  for (const auto& [id, row] : store_.runs_) {
    if (gone.size() == limit) break;
    if (row.run.flow_id == flow && is_final(row.run.status) && !store_.is_counted(row.run))
      gone.insert(id);
  }
  const std::size_t lines_max = gone.empty() ? limit : kLinesOfRun * limit;
  std::size_t lines = 0;
  std::erase_if(store_.logs_, [&](const LogEntry& line) {
    const bool goes = gone.empty() ? line.flow_id == flow && !line.run_id
                                   : line.run_id && gone.contains(*line.run_id);
    return goes && lines < lines_max && ++lines > 0;
  });
  // Their runs wait until they have no lines.
  if (lines == lines_max) return {lines, true};
  remove(gone);
  if (lines > 0 || !gone.empty()) return {lines + gone.size(), true};
  std::size_t gaps = 0;
  for (auto& [schedule, rows] : store_.gaps_)
    std::erase_if(rows, [&](const auto& each) {
      return each.second.flow_id == flow && gaps < limit && ++gaps > 0;
    });
  return {gaps, gaps > 0};
}

}  // namespace rruled::store
