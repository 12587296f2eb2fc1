#include "daemon/api/routes.h"
#include "daemon/core/flow_change.h"
#include "daemon/core/flow_json.h"
#include "daemon/io/flow_removal.h"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <mutex>
#include <utility>
#include <vector>

namespace rruled::api {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 5> kFlowTexts{"name", "description", "status",
                                                     "exit_condition", "abort_action"};
// Of flows that are read at a time: each may be as large as a body. Others may write meanwhile, as
// they may between two pages.
constexpr std::size_t kFlowsStep = 20;
// In the store of a project, so that a key of one project is none of another.
constexpr boost::uuids::uuid kFlowSpace{0x5e, 0x6f, 0x1b, 0x0a, 0x2c, 0x7d, 0x4e, 0x11,
                                        0x9a, 0x3b, 0x72, 0x68, 0x6f, 0x67, 0x66, 0x6c};

Response flow_response(Call& call, const store::Flow& flow, int status = 200) {
  Response response = json_response(core::to_json(flow), status);
  response.headers = call.headers;
  response.headers.push_back({"ETag", etag(flow.revision)});
  return response;
}

void warn_unused_trigger(Call& call, const json::object& body, const store::Flow& flow) {
  if (core::is_trigger_unused(body, flow))
    call.headers.push_back(
        {"Warning", "299 rruled \"ignored: trigger, as actions have another one\""});
}

std::vector<store::Schedule> schedules_of(const Call& call, store::FlowId id) {
  return call.store().schedules({.flow_id = id, .limit = std::numeric_limits<std::size_t>::max()});
}

store::ChangeSet changes_of(const Call& call, const store::Flow& before, const store::Flow& after) {
  store::ChangeSet changes;
  if (core::same_settings(before, after)) return changes;
  changes.flows.push_back({after, before.revision});
  const auto schedules = schedules_of(call, before.id);
  const auto project = call.directory().project(before.project_id);
  for (auto& change :
       core::flow_changes(before, after, schedules, call.context.rules.zones,
                          rules_of(call).calendars, call.now, project && project->paused())) {
    const auto row = std::find_if(schedules.begin(), schedules.end(),
                                  [&](const auto& each) { return each.id == change.schedule.id; });
    if (row != schedules.end()) core::put(changes, std::move(change), &*row);
  }
  return changes;
}

// Deletes the flows that `read` gives, which is asked anew when somebody else wrote in between.
// Gives how many of them were taken up again by somebody else before they were gone.
std::size_t remove_flows(const Call& call, const std::function<std::vector<store::Flow>()>& read) {
  auto& long_work = *call.backend->long_work;
  std::unique_lock turn(long_work.turn, std::defer_lock);
  io::FlowRemoval removal;
  write_by([&] {
    removal = io::plan_removal(call.store(), read());
    if (!removal.in_steps.empty() && !turn.owns_lock() && !turn.try_lock())
      throw Refused{unavailable(
          "Another flow with a long history is being deleted, or an audience counted; nothing was"
          " deleted: try again.")};
    return io::begin_removal(call.store(), removal, call.grant.who, call.now);
  });
  const auto end = io::finish_removal(call.store(), removal, call.now, long_work.stop.get_token());
  if (!end.is_whole)
    throw Refused{
        unavailable("The daemon stops; what it has not deleted yet is archived: delete it again.")};
  return end.kept.size();
}

// What bulk_delete takes.
std::vector<store::FlowId> ids_of(const json::object& body) {
  const auto* value = body.if_contains("ids");
  const auto* list = value == nullptr ? nullptr : value->if_array();
  if (list == nullptr || list->empty()) refuse("ids", "A non-empty list of 'ids' is required");
  std::vector<store::FlowId> ids;
  for (const auto& each : *list) {
    const auto* text = each.if_string();
    const auto id = text == nullptr ? std::nullopt : store::parse_id<store::FlowId>(*text);
    if (!id) refuse("ids", "One or more IDs are not valid UUIDs");
    ids.push_back(*id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace

Response list_flows(Call& call) {
  store::FlowFilter filter{.project_id = call.project()};
  filter.id = id_parameter<store::FlowId>(call, "id");
  filter.status = word_parameter<store::FlowStatus>(call, "status");
  filter.created_at = time_parameter(call, "created_at");
  filter.updated_at = time_parameter(call, "updated_at");
  if (const auto* search = call.parameter("search")) filter.search = *search;
  const auto range = page_range(call);
  PageRows results(call.context.page_bytes_max);
  // Nobody has made any of them: there are no users here.
  if (call.parameter("created_by") != nullptr) return page_response(call, results, 0, range);
  std::optional<std::size_t> count;
  for (bool more = true; !count || (more && results.size() < range.limit && !results.is_full());) {
    const store::PageRange part{std::min(kFlowsStep, range.limit - results.size()),
                                range.offset + results.size()};
    const auto page = call.directory().flows(filter, part);
    if (!count) count = page.count;
    more = page.rows.size() == part.limit;
    for (const auto& each : page.rows)
      if (!results.is_full()) results.add(core::to_json(each));
  }
  return page_response(call, std::move(results), *count, range);
}

Response create_flow(Call& call) {
  const json::object body = body_object(call, {.texts = kFlowTexts});
  const auto space = store::uuid_v5(kFlowSpace, std::to_string(call.project()));
  const Made made = made_by(call, space);
  store::Flow base;
  base.id = store::FlowId{made.id};
  base.project_id = call.project();
  base.created_at = call.now;
  const auto existing = made.by_key ? call.store().flow(base.id) : std::nullopt;
  if (existing) {
    remember(call, made, body);
    say_replayed(call);
    return flow_response(call, *existing, 201);
  }
  warn_unknown(call, core::unknown_flow_keys(body));
  const auto flow = core::flow_from_json(body, base, core::JsonUse::create, call.now);
  if (!flow) throw Refused{invalid(flow.error())};
  warn_unused_trigger(call, body, *flow);
  remember(call, made, body);
  bool there = false;  // by the same request, which came twice at one time
  write_changes(call, [&] {
    store::ChangeSet changes;
    there = call.store().flow(base.id).has_value();
    if (!there) changes.flows.push_back({*flow, std::nullopt});
    return changes;
  });
  if (there) say_replayed(call);
  return flow_response(call, call.store().flow(base.id).value_or(*flow), 201);
}

Response get_flow(Call& call) { return unless_known(call, flow_response(call, flow_of(call))); }

Response patch_flow(Call& call) {
  const json::object body = body_object(call, {.texts = kFlowTexts});
  warn_unknown(call, core::unknown_flow_keys(body));
  store::Flow written;
  write_changes(call, [&] {
    const store::Flow before = flow_of(call);
    check_conditions(call, etag(before.revision));
    const auto after = core::flow_from_json(body, before, core::JsonUse::patch, call.now);
    if (!after) throw Refused{invalid(after.error())};
    written = *after;
    return changes_of(call, before, *after);
  });
  warn_unused_trigger(call, body, written);
  return flow_response(call, flow_of(call));
}

Response delete_flow(Call& call) {
  const auto kept = remove_flows(call, [&] {
    store::Flow flow = flow_of(call);
    check_conditions(call, etag(flow.revision));
    return std::vector{std::move(flow)};
  });
  if (kept > 0)
    throw Refused{problem(409,
                          "It was taken up again by somebody else while it was being deleted:"
                          " it stays, without some or all of its history. If it must go all the"
                          " same, delete it again.")};
  return {.status = 204};
}

Response bulk_delete_flows(Call& call) {
  const json::object body = body_object(call);
  const auto ids = ids_of(body);
  std::vector<std::string> unknown;
  for (const auto& each : body)
    if (each.key() != "ids") unknown.emplace_back(each.key());
  warn_unknown(call, unknown);
  std::size_t deleted = 0;
  const auto kept = remove_flows(call, [&] {
    std::vector<store::Flow> flows;
    for (const auto& id : ids) {
      auto flow = call.store().flow(id);
      if (flow && flow->project_id == call.project() && flow->status == store::FlowStatus::archived)
        flows.push_back(std::move(*flow));
    }
    deleted = flows.size();
    return flows;
  });
  Response response = json_response(json::object{{"deleted", deleted - kept}});
  response.headers = call.headers;
  return response;
}

}  // namespace rruled::api
