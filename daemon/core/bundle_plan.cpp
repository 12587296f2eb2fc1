#include "daemon/core/bundle.h"
#include "daemon/core/flow_change.h"
#include "daemon/core/flow_json.h"

#include <set>
#include <utility>

namespace rruled::core {
namespace {

using store::Flow;
using store::Schedule;

template <class Row, class AnyId>
const Row* find_row(const std::map<AnyId, Row>& rows, const AnyId& id) {
  const auto found = rows.find(id);
  return found == rows.end() ? nullptr : &found->second;
}

// What a file does not say stays as it is only where a person or the daemon decides it.
Flow base_of(const Flow& before) {
  Flow base;
  base.id = before.id;
  base.project_id = before.project_id;
  base.version = before.version;
  base.created_by = before.created_by;
  base.created_at = before.created_at;
  return base;
}

Schedule base_of(const Schedule& before) {
  Schedule base;
  base.id = before.id;
  base.flow_id = before.flow_id;
  base.project_id = before.project_id;
  base.status = before.status;
  base.status_reason = before.status_reason;
  base.note = before.note;
  base.paused_until = before.paused_until;
  base.resumed_at = before.resumed_at;
  base.resume_catchup = before.resume_catchup;
  base.next_run_at = before.next_run_at;
  base.next_due_at = before.next_due_at;
  base.settled_to = before.settled_to;
  base.settled_wall = before.settled_wall;
  base.created_at = before.created_at;
  base.version = before.version;
  return base;
}

std::string label(const Flow& flow) {
  return "flow " + (flow.name && !flow.name->empty() ? *flow.name + " " : "") + to_string(flow.id);
}

std::string label(const Schedule& schedule) {
  std::string rule = schedule.rrule.substr(0, schedule.rrule.find('\n'));
  if (rule.size() < schedule.rrule.size()) rule += " ..";
  return "schedule " + to_string(schedule.id) + " (" + rule + ")";
}

FieldError below(const std::string& path, FieldError error) {
  error.attr = join_attr(path, error.attr);
  return error;
}

class Planning {
 public:
  Planning(const StoredRows& stored, BundleUse use, const ScheduleRules& rules, Timestamp now)
      : stored_(stored), use_(use), rules_(rules), now_(now) {}

  std::optional<FieldError> add(const BundleFlow& item) {
    const Flow* before = item.id ? find_row(stored_.flows, *item.id) : nullptr;
    Flow base = before ? base_of(*before) : Flow{};
    if (!before) {
      base.id = item.id.value_or(store::FlowId{store::random_uuid_v7(now_)});
      base.project_id = item.project_id;
      base.created_at = now_;
    } else if (before->project_id != item.project_id) {
      return FieldError{join_attr(item.path, "id"), "invalid_input",
                        "This flow is of project " + std::to_string(before->project_id) + "."};
    }
    auto flow = flow_from_json(item.fields, base, JsonUse::import, now_);
    if (!flow) return below(item.path, flow.error());
    if (before) flow->version = before->version + (same_content(*before, *flow) ? 0 : 1);
    put_flow(*flow, before);
    flows_.insert(flow->id);
    projects_.insert(flow->project_id);
    for (const auto& each : item.schedules)
      if (auto error = add(each, *flow, before)) return error;
    if (before) carry_along(*before, *flow);
    return std::nullopt;
  }

  // Flows and schedules that the bundle should have named.
  void delete_unnamed() {
    for (const auto& [id, flow] : stored_.flows) {
      if (use_ != BundleUse::prune || flows_.contains(id) || !projects_.contains(flow.project_id))
        continue;
      plan_.changes.delete_flows.push_back({id, flow.revision});
      plan_.lines.push_back("- " + label(flow));
    }
  }

  BundlePlan take() { return std::move(plan_); }

 private:
  std::optional<FieldError> add(const BundleSchedule& item,
                                const Flow& flow,
                                const Flow* flow_before) {
    const Schedule* before = item.id ? find_row(stored_.schedules, *item.id) : nullptr;
    if (before && before->flow_id != flow.id)
      return FieldError{join_attr(item.path, "id"), "invalid_input",
                        "This schedule is of flow " + to_string(before->flow_id) + "."};
    Schedule base = before ? base_of(*before) : Schedule{};
    if (!before) {
      base.id = item.id.value_or(store::ScheduleId{store::random_uuid_v7(now_)});
      base.flow_id = flow.id;
      base.project_id = flow.project_id;
      base.created_at = now_;
    }
    auto edit = schedule_from_json(item.fields, base, before, JsonUse::import, rules_, now_);
    if (!edit) return below(item.path, edit.error());
    const bool fires = can_fire(flow.status, flow.trigger_type);
    Change change = change_of(*edit, before, fires);
    if (before && flow_before)
      for (auto& carried : carried_by(*flow_before, flow, {change.schedule})) {
        // What the edit closed stays closed.
        if (!carried.gap) carried.gap = std::move(change.gap);
        if (!carried.excluded) carried.excluded = std::move(change.excluded);
        change = std::move(carried);
      }
    put_schedule(std::move(change), before);
    return std::nullopt;
  }

  void put_flow(const Flow& flow, const Flow* before) {
    if (before && same_settings(*before, flow)) return;
    plan_.changes.flows.push_back(
        {flow, before ? std::optional<std::int64_t>(before->revision) : std::nullopt});
    plan_.lines.push_back((before ? "~ " : "+ ") + label(flow));
  }

  [[nodiscard]] Change change_of(const ScheduleEdit& edit, const Schedule* before, bool fires) {
    std::optional<Timetable> old;
    if (before && (edit.timing || edit.status))
      if (auto compiled = Timetable::compile(*before, rules_.zones, rules_.calendars))
        old = std::move(*compiled);
    Change change = decided(edit, before, old ? &*old : nullptr, fires, now_);
    if (!before && edit.timetable) {
      // What came due before it was here was never promised, whatever created_at the file says.
      const auto last = edit.timetable->latest_due(std::nullopt, now_);
      if (last) {
        change.schedule.settled_to = last->scheduled_for;
        change.schedule.settled_wall = edit.timetable->wall(last->scheduled_for);
      }
    }
    return change;
  }

  void put_schedule(Change change, const Schedule* before) {
    const Schedule& row = change.schedule;
    named_.insert(row.id);
    const bool as_before = before && same_settings(*before, row);
    if (as_before && before->next_run_at == row.next_run_at) return;
    if (!as_before) {
      const auto completed = store::ScheduleStatus::completed;
      const bool ends = row.status == completed && !(before && before->status == completed);
      plan_.lines.push_back((before ? "~ " : "+ ") + label(row) +
                            (ends ? " (over: nothing comes any more)" : ""));
    }
    written_.insert(row.id);
    put(plan_.changes, std::move(change), before);
  }

  [[nodiscard]] std::vector<Change> carried_by(const Flow& before,
                                               const Flow& after,
                                               const std::vector<Schedule>& schedules) const {
    return flow_changes(before, after, schedules, rules_.zones, rules_.calendars, now_,
                        stored_.paused_projects.contains(before.project_id));
  }

  // The stored schedules of a flow that was named: the unnamed ones, and what the flow's own change
  // does to those that stay as they are.
  void carry_along(const Flow& before, const Flow& after) {
    std::vector<Schedule> kept;
    for (const auto& [id, schedule] : stored_.schedules) {
      if (schedule.flow_id != after.id || written_.contains(id)) continue;
      const bool goes = !named_.contains(id) &&
                        (use_ == BundleUse::prune || (use_ == BundleUse::apply && is_derived(id)));
      if (goes) {
        plan_.changes.delete_schedules.push_back({id, schedule.version});
        plan_.lines.push_back("- " + label(schedule));
      } else {
        kept.push_back(schedule);
      }
    }
    for (auto& change : carried_by(before, after, kept)) {
      const Schedule& row = stored_.schedules.at(change.schedule.id);
      put(plan_.changes, std::move(change), &row);
    }
  }

  const StoredRows& stored_;
  const BundleUse use_;
  const ScheduleRules& rules_;
  const Timestamp now_;
  std::set<store::FlowId> flows_;
  std::set<std::int64_t> projects_;
  std::set<store::ScheduleId> named_;
  std::set<store::ScheduleId> written_;
  BundlePlan plan_;
};

}  // namespace

FieldResult<BundlePlan> plan_bundle(const Bundle& bundle,
                                    const StoredRows& stored,
                                    BundleUse use,
                                    const ScheduleRules& rules,
                                    Timestamp now) {
  Planning planning(stored, use, rules, now);
  for (const auto& item : bundle)
    if (auto error = planning.add(item)) return *error;
  planning.delete_unnamed();
  return planning.take();
}

}  // namespace rruled::core
