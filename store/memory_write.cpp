#include "store/conflicts.h"
#include "store/memory_store.h"
#include "store/validate.h"

#include <algorithm>

namespace rruled::store {
namespace {

ScheduleStamp stamp_of(const Schedule& schedule) {
  return {schedule.version, schedule.next_run_at, schedule.status};
}

// What runs of the flow are made of, as DueSchedule shows it.
bool runs_alike(const Flow& a, const Flow& b) {
  return a.name == b.name && a.status == b.status && a.version == b.version &&
         a.trigger_type == b.trigger_type && a.variables == b.variables;
}

}  // namespace

// Goes through a ChangeSet without writing it, and knows which rows there would be meanwhile.
class MemoryStore::Rehearsal {
 public:
  Rehearsal(const MemoryStore& store, const ChangeSet& changes)
      : store_(store), changes_(changes) {}

  [[nodiscard]] std::optional<Conflict> find_conflict() {
    std::optional<Conflict> found;
    const auto all = [&](const auto& rows, auto check) {
      for (const auto& row : rows)
        if (!found) found = check(row);
    };
    all(changes_.delete_flows, [&](const FlowDelete& row) { return remove(row); });
    all(changes_.delete_schedules, [&](const ScheduleDelete& row) { return remove(row); });
    all(changes_.flows, [&](const FlowPut& row) { return put(row); });
    all(changes_.schedules, [&](const SchedulePut& row) { return put(row); });
    all(changes_.gaps, [&](const Gap& gap) { return need_schedule(gap.schedule_id); });
    all(changes_.runs, [&](const Run& run) { return add(run); });
    return found;
  }

 private:
  using Kind = Conflict::Kind;

  [[nodiscard]] std::optional<std::int64_t> flow_revision(FlowId id) const {
    if (const auto it = flows_.find(id); it != flows_.end()) return it->second;
    const auto it = store_.flows_.find(id);
    return it == store_.flows_.end() ? std::nullopt : std::optional(it->second.revision);
  }
  // Empty, too, when its flow goes and takes it along.
  [[nodiscard]] std::optional<ScheduleStamp> schedule_stamp(ScheduleId id) const {
    if (const auto it = schedules_.find(id); it != schedules_.end()) return it->second;
    const auto it = store_.schedules_.find(id);
    if (it == store_.schedules_.end() || is_to_go(it->second.flow_id)) return std::nullopt;
    return stamp_of(it->second);
  }
  [[nodiscard]] bool is_to_go(FlowId id) const {
    return std::ranges::find(changes_.delete_flows, id, &FlowDelete::id) !=
           changes_.delete_flows.end();
  }
  std::optional<Conflict> remove(const FlowDelete& flow) {
    if (const auto kind = conflict_between(flow_revision(flow.id), flow))
      return conflict_of(*kind, flow.id);
    const auto is_of_it = [&](const auto& row) { return row.second.flow_id == flow.id; };
    if (flow.without_schedules && std::ranges::any_of(store_.schedules_, is_of_it))
      return conflict_of(Kind::changed, flow.id);
    flows_[flow.id] = std::nullopt;
    return std::nullopt;
  }
  std::optional<Conflict> remove(const ScheduleDelete& schedule) {
    if (const auto kind = conflict_between(schedule_stamp(schedule.id), schedule))
      return conflict_of(*kind, schedule.id);
    schedules_[schedule.id] = std::nullopt;
    return std::nullopt;
  }
  std::optional<Conflict> put(const FlowPut& put) {
    const auto id = put.flow.id;
    if (const auto kind = conflict_between(flow_revision(id), put.expected_revision))
      return conflict_of(*kind, id);
    flows_[id] = store_.revision_ + 1;
    return std::nullopt;
  }
  std::optional<Conflict> put(const SchedulePut& put) {
    const auto id = put.schedule.id;
    const auto stored = schedule_stamp(id);
    if (const auto kind = conflict_between(stored, put.expected)) return conflict_of(*kind, id);
    if (auto missing = need_flow(put.schedule.flow_id)) return missing;
    schedules_[id] = stamp_of(put.schedule);
    schedules_[id]->version = 1 + (stored ? stored->version : 0);
    return std::nullopt;
  }
  std::optional<Conflict> add(const Run& run) {
    if (auto missing = need_flow(run.flow_id)) return missing;
    if (run.schedule_id)
      if (auto missing = need_schedule(*run.schedule_id)) return missing;
    const auto* stored = store_.stored_run(run);
    const bool in_ledger = stored != nullptr && !is_to_go(stored->flow_id);
    const auto occurrence = occurrence_of(run);
    if (in_ledger || !runs_.insert(run.id).second ||
        (occurrence && !occurrences_.insert(*occurrence).second))
      return conflict_of(Kind::exists, run.id);
    return std::nullopt;
  }
  [[nodiscard]] std::optional<Conflict> need_flow(FlowId id) const {
    if (flow_revision(id)) return std::nullopt;
    return conflict_of(Kind::missing, id);
  }
  [[nodiscard]] std::optional<Conflict> need_schedule(ScheduleId id) const {
    if (schedule_stamp(id)) return std::nullopt;
    return conflict_of(Kind::missing, id);
  }

  const MemoryStore& store_;
  const ChangeSet& changes_;
  // Empty: deleted.
  std::map<FlowId, std::optional<std::int64_t>> flows_;
  std::map<ScheduleId, std::optional<ScheduleStamp>> schedules_;
  std::set<RunId> runs_;
  std::set<Occurrence> occurrences_;
};

std::optional<Conflict> MemoryStore::write(const ChangeSet& changes, Timestamp now) {
  validate(changes);
  if (auto conflict = Rehearsal(*this, changes).find_conflict()) return conflict;
  if (auto conflict = find_object_conflict(changes)) return conflict;
  ++revision_;
  for (const auto& each : changes.delete_flows) delete_flow(each.id);
  for (const auto& each : changes.delete_schedules) delete_schedule(each.id, now);
  std::vector<FlowId> to_bump;
  for (const auto& put_flow : changes.flows) {
    const auto stored = flows_.find(put_flow.flow.id);
    if (stored != flows_.end() && !runs_alike(stored->second, put_flow.flow))
      to_bump.push_back(put_flow.flow.id);
    put(put_flow.flow);
  }
  for (const auto& put_schedule : changes.schedules) put(put_schedule.schedule);
  for (const auto id : to_bump) bump_schedules_of(id);
  write_objects(changes);
  for (const auto& gap : changes.gaps) add_gap(gap);
  for (const auto& run : changes.runs) add_run(run, now);
  if (!changes.runs.empty()) runs_revision_ = revision_;
  audit_.insert(audit_.end(), changes.audit.begin(), changes.audit.end());
  return std::nullopt;
}

void MemoryStore::delete_flow(FlowId id) {
  std::vector<ScheduleId> schedules;
  for (const auto& [schedule_id, schedule] : schedules_)
    if (schedule.flow_id == id) schedules.push_back(schedule_id);
  for (const auto schedule_id : schedules) forget_schedule(schedule_id);
  for (auto it = runs_.begin(); it != runs_.end();) {
    const auto& run = it->second.run;
    if (run.flow_id != id) {
      ++it;
      continue;
    }
    unindex(run);
    if (const auto occurrence = occurrence_of(run)) occurrences_.erase(*occurrence);
    it = runs_.erase(it);
  }
  std::erase_if(logs_, [&](const LogEntry& line) { return line.flow_id == id; });
  std::erase_if(backfills_, [&](const auto& each) { return each.second.flow_id == id; });
  for (auto& [schedule_id, rows] : gaps_)
    std::erase_if(rows, [&](const auto& each) { return each.second.flow_id == id; });
  flows_.erase(id);
}

void MemoryStore::delete_schedule(ScheduleId id, Timestamp now) {
  (void)cancel_unsent(id, RunReason::schedule_deleted, now);
  forget_schedule(id);
}

void MemoryStore::forget_schedule(ScheduleId id) {
  const auto it = schedules_.find(id);
  tombstones_[id] = {revision_, it->second.version};
  unindex(it->second);
  schedules_.erase(it);
}

void MemoryStore::put(const Flow& flow) {
  auto& row = flows_[flow.id] = flow;
  row.revision = revision_;
}

void MemoryStore::put(const Schedule& schedule) {
  std::int64_t version = 0;
  if (const auto it = schedules_.find(schedule.id); it != schedules_.end()) {
    version = it->second.version;
    unindex(it->second);
  } else if (const auto tombstone = tombstones_.find(schedule.id); tombstone != tombstones_.end()) {
    version = tombstone->second.version;
    tombstones_.erase(tombstone);
  }
  auto& row = schedules_[schedule.id] = schedule;
  row.version = version + 1;
  row.revision = revision_;
  index(row);
}

void MemoryStore::bump_schedules_of(FlowId id) {
  for (auto& [schedule_id, schedule] : schedules_) {
    if (schedule.flow_id != id || schedule.revision == revision_) continue;
    ++schedule.version;
    schedule.revision = revision_;
  }
}

}  // namespace rruled::store
