#include "daemon/api/jobs.h"

#include "daemon/api/routes.h"
#include "daemon/core/lifecycle.h"
#include "daemon/core/run_identity.h"
#include "daemon/core/run_json.h"
#include "daemon/core/time_text.h"

#include <algorithm>

namespace rruled::api {
namespace {

namespace json = boost::json;
using store::Run;
using store::RunKind;
using store::RunStatus;

template <class Time>
json::value time_or_null(const std::optional<Time>& time) {
  return time ? json::value(core::iso_microseconds(*time)) : json::value(nullptr);
}

json::value trigger_filters(const store::Flow& flow) {
  const auto trigger = core::stored_json(flow.trigger, json::object());
  const auto* object = trigger.if_object();
  const auto* filters = object == nullptr ? nullptr : object->if_contains("filters");
  return filters == nullptr ? json::value(json::object()) : *filters;
}

json::object job_json(const Run& run, const store::Flow& flow) {
  const auto updated = std::max({run.created_at, run.started_at.value_or(run.created_at),
                                 run.finished_at.value_or(run.created_at)});
  return {
      {"id", to_string(run.id)},
      {"status", job_word(run.status)},
      {"hog_flow", to_string(run.flow_id)},
      {"filters", trigger_filters(flow)},
      {"variables", core::stored_json(run.variables, json::object())},
      {"created_at", core::iso_microseconds(run.created_at)},
      {"created_by", nullptr},
      {"updated_at", core::iso_microseconds(updated)},
      {"schedule",
       run.schedule_id ? json::value(to_string(*run.schedule_id)) : json::value(nullptr)},
      {"scheduled_for", time_or_null(run.scheduled_for)},
      {"due_at", core::iso_microseconds(run.due_at)},
      {"started_at", time_or_null(run.started_at)},
      {"finished_at", time_or_null(run.finished_at)},
      {"attempts", run.attempts},
      {"error", run.error},
      {"progress", nullptr},
  };
}

Response list_jobs(Call& call, RunKind kind) {
  const store::Flow flow = flow_of(call);
  store::RunFilter filter{.project_id = call.project(), .flow_id = flow.id};
  filter.schedule_id = id_parameter<store::ScheduleId>(call, "schedule");
  filter.kind = kind;
  const std::string* status = call.parameter("status");
  filter.statuses = status == nullptr ? job_statuses() : statuses_of(*status);
  if (filter.statuses.empty())
    refuse("status", "Not one of waiting, queued, active, completed, cancelled, failed.");
  const auto range = page_range(call);
  const auto page = call.directory().runs(filter, range, true);
  json::array results;
  for (const auto& each : page.rows) results.push_back(job_json(each, flow));
  return page_response(call, std::move(results), page.count, range);
}

// A text of JSON: the `variables` of a body.
std::string variables_of(const json::object& body) {
  const auto* value = body.if_contains("variables");
  if (value == nullptr) return "{}";
  if (!value->is_object()) refuse("variables", "Expected an object of variables.");
  return core::json_text(*value);
}

void check_fires(const store::Flow& flow, std::string_view trigger) {
  if (flow.status != store::FlowStatus::active)
    refuse("", "The flow is " + std::string(store::word(flow.status)) + ": only active ones run.");
  const bool fits = trigger.empty() ? core::can_fire(flow.status, flow.trigger_type)
                                    : flow.trigger_type == trigger;
  if (!fits)
    refuse("", "The flow's trigger is \"" + flow.trigger_type + "\": only " +
                   (trigger.empty() ? std::string("batch and schedule") : std::string(trigger)) +
                   " ones run so.");
}

struct Order {
  const json::object& body;
  const store::Flow& flow;
  const store::Schedule* schedule = nullptr;
};

// Writes the run that the daemon then delivers.
Run order_run(Call& call, const Order& order) {
  const Made made = made_by(call, order.schedule ? order.schedule->id.value : order.flow.id.value);
  const store::RunId id{made.id};
  if (auto existing = made.by_key ? call.store().run(id) : std::nullopt) {
    remember(call, made, order.body);
    call.headers.push_back({std::string(kReplayed), "true"});
    return std::move(*existing);
  }
  store::Schedule schedule;
  schedule.flow_id = order.flow.id;
  schedule.project_id = order.flow.project_id;
  if (order.schedule) schedule = *order.schedule;
  const auto& may_use = call.context.rules.may_use_executor;
  if (may_use && !may_use(schedule.executor, schedule.project_id))
    refuse("", "There is no executor \"" + schedule.executor + "\" for this project.");
  const store::Flow& flow = order.flow;
  const store::DueSchedule due{schedule,     flow.name,         flow.status,
                               flow.version, flow.trigger_type, flow.variables};
  const Run run =
      core::manual_run(due, order.schedule != nullptr, id, variables_of(order.body), call.now);
  remember(call, made, order.body);
  write_changes(call, [&] {
    store::ChangeSet changes;
    if (!call.store().run(id)) changes.runs.push_back(run);
    return changes;
  });
  return call.store().run(id).value_or(run);
}

Response order_response(Call& call, const json::object& object) {
  Response response = json_response(object);
  response.headers = call.headers;
  return response;
}

}  // namespace

std::string_view job_word(RunStatus status) {
  switch (status) {
    case RunStatus::waiting:
      return "waiting";
    case RunStatus::pending:
    case RunStatus::dispatching:
    case RunStatus::retrying:
      return "queued";
    case RunStatus::running:
      return "active";
    case RunStatus::completed:
      return "completed";
    case RunStatus::cancelled:
    case RunStatus::skipped:
      return "cancelled";
    case RunStatus::failed:
    case RunStatus::dead:
      break;
  }
  return "failed";
}

std::vector<RunStatus> job_statuses() {
  std::vector<RunStatus> all;
  for (std::size_t i = 0; i < store::kWords<RunStatus>.size(); ++i)
    if (static_cast<RunStatus>(i) != RunStatus::skipped) all.push_back(static_cast<RunStatus>(i));
  return all;
}

std::vector<RunStatus> statuses_of(std::string_view word) {
  auto all = job_statuses();
  std::erase_if(all, [&](RunStatus status) { return job_word(status) != word; });
  return all;
}

Response list_batch_jobs(Call& call) { return list_jobs(call, RunKind::batch_job); }
Response list_invocations(Call& call) { return list_jobs(call, RunKind::invocation); }

Response create_batch_job(Call& call) {
  const store::Flow flow = flow_of(call);
  const json::object body = body_object(call);
  check_fires(flow, "batch");
  // They confirm whom it will reach; they never choose.
  if (const auto* filters = body.if_contains("filters");
      filters != nullptr && *filters != trigger_filters(flow))
    refuse("filters", "They differ from the filters of the flow's trigger.");
  return order_response(call, job_json(order_run(call, {body, flow}), flow));
}

Response create_invocation(Call& call) {
  const store::Flow flow = flow_of(call);
  const json::object body = body_object(call);
  check_fires(flow, "schedule");
  return order_response(call, job_json(order_run(call, {body, flow}), flow));
}

Response run_schedule(Call& call) {
  const store::Flow flow = flow_of(call);
  const store::Schedule schedule = schedule_of(call, flow);
  const json::object body = body_object(call);
  check_fires(flow, "");
  return order_response(call, core::to_json(order_run(call, {body, flow, &schedule})));
}

Response cancel_batch_job(Call& call) {
  const store::Flow flow = flow_of(call);
  const auto id = store::parse_id<store::RunId>(call.argument("jid"));
  auto run = id ? call.store().run(*id) : std::nullopt;
  if (!run || run->flow_id != flow.id || run->kind != RunKind::batch_job)
    throw Refused{not_found()};
  end_run(call, *id);
  return json_response(job_json(call.store().run(*id).value_or(*run), flow));
}

void end_run(const Call& call, store::RunId id) {
  switch (call.directory().cancel_run(id, "cancelled_by_operator", call.now)) {
    case store::CancelResult::cancelled:
    case store::CancelResult::ended:
      return;
    case store::CancelResult::missing:
      throw Refused{not_found()};
    case store::CancelResult::under_way:
      break;
  }
  throw Refused{problem(409,
                        "It is being delivered now and cannot be taken back; try again when "
                        "the attempt has ended.")};
}

}  // namespace rruled::api
