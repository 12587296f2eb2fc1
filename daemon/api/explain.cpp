#include "daemon/core/explain.h"

#include "daemon/api/routes.h"
#include "daemon/core/run_json.h"
#include "daemon/core/time_text.h"
#include "daemon/io/explanation.h"

namespace rruled::api {
namespace {

namespace json = boost::json;

constexpr std::size_t kOverduePage = 500;

json::object edit_json(const store::AuditEntry& entry) {
  return {
      {"at", core::iso_microseconds(entry.at)}, {"actor", entry.actor}, {"action", entry.action}};
}

}  // namespace

Response explain_schedule(Call& call) {
  const store::Schedule schedule = schedule_of(call, flow_of(call));
  const auto at = time_parameter(call, "at").value_or(call.now);
  const auto around = size_parameter(call, "around", kAround);
  const auto explanation = io::explain_schedule(call.store(), call.directory(), rules_of(call),
                                                schedule, at, around, call.now);
  if (!explanation)
    refuse(std::string(explanation.error().field), explanation.error().error.detail + ".");
  json::array occurrences;
  for (const auto& each : explanation->occurrences) occurrences.push_back(core::to_json(each));
  json::array edits;
  for (const auto& each : explanation->edits) edits.push_back(edit_json(each));
  return json_response(json::object{{"at", core::iso_microseconds(at)},
                                    {"timezone", schedule.timezone},
                                    {"occurrences", std::move(occurrences)},
                                    {"edits", std::move(edits)}});
}

Response overdue(Call& call) {
  PageRows results(call.context.page_bytes_max);
  const auto project = call.directory().project(call.project());
  const auto range = page_range(call);
  std::size_t count = 0;
  store::ScheduleFilter filter{.project_id = call.project()};
  filter.status = store::ScheduleStatus::active;
  filter.due_before = call.now;
  // A project that is paused is late by intent.
  for (std::size_t offset = 0; !(project && project->paused()); offset += kOverduePage) {
    const auto page = call.directory().schedules(filter, {kOverduePage, offset});
    for (const auto& each : page.rows) {
      const auto late = core::overdue_by(each, call.now);
      if (!late || count++ < range.offset || results.size() >= range.limit || results.is_full())
        continue;
      json::object object = core::to_json(each);
      object["hog_flow"] = to_string(each.flow_id);
      object["late_by_ms"] = late->count();
      results.add(std::move(object));
    }
    if (page.rows.size() < kOverduePage) break;
  }
  return page_response(call, std::move(results), count, range);
}

}  // namespace rruled::api
