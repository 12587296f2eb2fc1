#include "daemon/api/jobs.h"

#include "daemon/api/audience.h"
#include "daemon/api/routes.h"
#include "daemon/core/lifecycle.h"
#include "daemon/core/run_identity.h"
#include "daemon/core/run_json.h"
#include "daemon/core/time_text.h"
#include "daemon/io/run_verbs.h"
#include "store/run_rules.h"

#include <algorithm>

namespace rruled::api {
namespace {

namespace json = boost::json;
using store::Run;
using store::RunKind;
using store::RunStatus;

// Of jobs whose progress is read at a time: each comes with the trigger that it began with, which
// may be as large as a body.
constexpr std::size_t kJobsStep = 20;

json::value filters_of(const std::string& trigger_config) {
  const auto trigger = core::stored_json(trigger_config, json::object());
  const auto* object = trigger.if_object();
  const auto* filters = object == nullptr ? nullptr : object->if_contains("filters");
  return filters == nullptr ? json::value(json::object()) : *filters;
}

// When it last changed, as far as the run says: a retry by a person makes it available then.
store::Timestamp updated_at(const Run& run, store::Timestamp now) {
  const auto since = run.created_at;
  auto updated = std::max({since, run.started_at.value_or(since), run.finished_at.value_or(since)});
  if (!store::is_final(run.status) && run.available_at && *run.available_at <= now)
    updated = std::max(updated, *run.available_at);
  return updated;
}

// Of the runs of a flow, in the words of jobs. Most have the same filters, which may be large:
// those of one run serve the next one.
class JobWriter {
 public:
  JobWriter(const Call& call, const store::Flow& flow) : call_(call), flow_(flow) {}

  json::object json_of(const Run& run, const Progress& progress) {
    const auto job = job_of(run);
    const auto found = job ? progress.find(*job) : progress.end();
    const auto* begun = found == progress.end() || !found->second ? nullptr : &*found->second;
    const bool is_job = run.kind == RunKind::batch_job;
    return {
        {"id", to_string(run.id)},
        {"status", job_word(run.status)},
        {"hog_flow", to_string(run.flow_id)},
        {"filters", filters_of_run(run, begun)},
        {"variables", core::stored_json(run.variables, json::object())},
        {"created_at", core::iso_microseconds(run.created_at)},
        {"created_by", nullptr},
        {"updated_at", core::iso_microseconds(updated_at(run, call_.now))},
        {"schedule",
         run.schedule_id ? json::value(to_string(*run.schedule_id)) : json::value(nullptr)},
        {"scheduled_for", core::time_or_null(run.scheduled_for)},
        {"due_at", core::iso_microseconds(run.due_at)},
        {"started_at", core::time_or_null(run.started_at)},
        {"finished_at", core::time_or_null(run.finished_at)},
        {"attempts", run.attempts},
        {"error", run.error},
        {"progress", is_job && begun ? progress_json(*begun) : json::value(nullptr)},
    };
  }

 private:
  // Those that it began with; of a job that has not begun, those that it would begin with now.
  // Null: nobody has kept them, as of a job that was delivered whole.
  json::value filters_of_run(const Run& run, const store::JobProgress* begun) {
    if (begun != nullptr) return filters(begun->trigger_config);
    if (!job_of(run)) return json::object();
    const bool ahead = run.kind == RunKind::batch_job && !store::is_final(run.status) &&
                       run.status != RunStatus::running && run.remote_id.empty();
    return ahead ? filters(flow_.trigger) : json::value(nullptr);
  }
  const json::value& filters(const std::string& trigger) {
    if (trigger_ != trigger) {
      filters_ = filters_of(trigger);
      trigger_ = trigger;
    }
    return filters_;
  }

  const Call& call_;
  const store::Flow& flow_;
  std::optional<std::string> trigger_;  // that filters_ are of
  json::value filters_;
};

json::object job_json(const Call& call, const Run& run, const store::Flow& flow) {
  Progress progress;
  read_progress(call, {run}, progress);
  return JobWriter(call, flow).json_of(run, progress);
}

Response list_jobs(Call& call, RunKind kind) {
  const store::Flow flow = flow_of(call);
  store::RunFilter filter{.project_id = call.project(), .flow_id = flow.id};
  filter.schedule_id = id_parameter<store::ScheduleId>(call, "schedule");
  filter.kind = kind;
  const std::string* status = call.parameter("status");
  filter.statuses = status == nullptr ? job_statuses() : statuses_of(*status);
  if (filter.statuses.empty()) refuse_words("status", kJobWords);
  const auto range = page_range(call);
  auto page = call.directory().runs(filter, range, true);
  PageRows results(call.context.page_bytes_max);
  JobWriter writer(call, flow);
  Progress progress;
  add_in_parts(std::move(page.rows), kJobsStep, results, [&](const std::vector<Run>& runs) {
    read_progress(call, runs, progress);
    for (const auto& each : runs)
      if (!results.is_full()) results.add(writer.json_of(each, progress));
  });
  return page_response(call, std::move(results), page.count, range);
}

// A text of JSON: the `variables` of a body.
std::string variables_of(const json::object& body) {
  const auto* value = body.if_contains("variables");
  if (value == nullptr) return "{}";
  if (value->is_null()) refuse("variables", "This field may not be null.", "null");
  if (!value->is_object()) refuse("variables", "Expected an object of variables.");
  std::string text = core::json_text(*value);
  if (auto error = core::variables_too_long(text)) throw Refused{invalid(*error)};
  return text;
}

// What runs a flow: its trigger, and the words of those who may not.
struct Way {
  std::string_view trigger;  // empty: batch or schedule
  const char* inactive;
  const char* other_trigger;
};
constexpr Way kByBatch{"batch", "Workflow must be active to run a batch. Enable it first.",
                       "Only batch Workflows are supported for batch jobs"};
constexpr Way kByInvocation{"schedule", "Workflow must be active to run. Enable it first.",
                            "Workflow trigger must be of type \"schedule\""};
constexpr Way kBySchedule{"", "Workflow must be active to run. Enable it first.",
                          "Workflow trigger must be of type \"batch\" or \"schedule\""};

void check_fires(const store::Flow& flow, const Way& way) {
  if (flow.status != store::FlowStatus::active) refuse("", way.inactive);
  const bool fits = way.trigger.empty() ? core::can_fire(flow.status, flow.trigger_type)
                                        : flow.trigger_type == way.trigger;
  if (!fits) refuse("", way.other_trigger);
}

json::object job_body(Call& call, std::initializer_list<std::string_view> known) {
  json::object body = body_object(call);
  std::vector<std::string> unknown;
  for (const auto& each : body)
    if (std::find(known.begin(), known.end(), each.key()) == known.end())
      unknown.emplace_back(each.key());
  warn_unknown(call, unknown);
  return body;
}

// What the reference calls an invocation is a test of one action that runs nothing: nobody who asks
// for one shall get a real run.
void refuse_test(const json::object& body) {
  for (const char* key :
       {"configuration", "globals", "mock_async_functions", "current_action_id", "use_draft"})
    if (body.contains(key))
      refuse(key, "There are no test runs here: this runs for real. Send only variables.");
}

struct Order {
  const Made& made;
  const json::object& body;
  const store::Flow& flow;
  const store::Schedule* schedule = nullptr;
};

// What the same request made before, whatever has become of its flow since.
std::optional<Run> replayed(Call& call, const Made& made, const json::object& body) {
  auto existing = made.by_key ? call.store().run(store::RunId{made.id}) : std::nullopt;
  if (!existing) return std::nullopt;
  remember(call, made, body);
  say_replayed(call);
  return existing;
}

// Writes the run that the daemon then delivers.
Run order_run(Call& call, const Order& order) {
  const Made& made = order.made;
  const store::RunId id{made.id};
  store::Schedule schedule;
  schedule.flow_id = order.flow.id;
  schedule.project_id = order.flow.project_id;
  if (order.schedule) schedule = *order.schedule;
  const auto& rules = call.context.rules;
  if (const auto error = core::executor_error(rules, schedule)) refuse("", error->detail);
  const auto wall = core::wall_time(schedule.timezone, rules.zones, call.now);
  const auto due = core::due_schedule(std::move(schedule), order.flow);
  const Run run = core::manual_run(due, order.schedule != nullptr, id, variables_of(order.body),
                                   call.now, wall);
  remember(call, made, order.body);
  bool there = false;  // by the same request, which came twice at one time
  write_changes(call, [&] {
    store::ChangeSet changes;
    there = call.store().run(id).has_value();
    if (!there) changes.runs.push_back(run);
    return changes;
  });
  if (there) say_replayed(call);
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
  const json::object body = job_body(call, {"variables", "filters"});
  const Made made = made_by(call, flow.id.value);
  if (const auto run = replayed(call, made, body))
    return order_response(call, job_json(call, *run, flow));
  check_fires(flow, kByBatch);
  const auto* filters = body.if_contains("filters");
  if (filters != nullptr && filters->is_null())
    refuse("filters", "This field may not be null.", "null");
  // They confirm whom it will reach; they never choose.
  if (filters != nullptr &&
      core::canonical_json(*filters) != core::canonical_json(filters_of(flow.trigger)))
    refuse("filters", "They differ from the filters of the flow's trigger.");
  return order_response(call, job_json(call, order_run(call, {made, body, flow}), flow));
}

Response create_invocation(Call& call) {
  const store::Flow flow = flow_of(call);
  const json::object body = job_body(call, {"variables"});
  refuse_test(body);
  const Made made = made_by(call, flow.id.value);
  if (const auto run = replayed(call, made, body))
    return order_response(call, job_json(call, *run, flow));
  check_fires(flow, kByInvocation);
  return order_response(call, job_json(call, order_run(call, {made, body, flow}), flow));
}

Response run_schedule(Call& call) {
  const store::Flow flow = flow_of(call);
  const store::Schedule schedule = schedule_of(call, flow);
  const json::object body = job_body(call, {"variables"});
  const Made made = made_by(call, schedule.id.value);
  if (const auto run = replayed(call, made, body)) return order_response(call, core::to_json(*run));
  check_fires(flow, kBySchedule);
  return order_response(call, core::to_json(order_run(call, {made, body, flow, &schedule})));
}

Response cancel_batch_job(Call& call) {
  const store::Flow flow = flow_of(call);
  const auto id = store::parse_id<store::RunId>(call.argument("jid"));
  auto run = id ? call.store().run(*id) : std::nullopt;
  if (!run || run->flow_id != flow.id || run->kind != RunKind::batch_job)
    throw Refused{not_found()};
  const int status = end_run(call, *id);
  return json_response(job_json(call, call.store().run(*id).value_or(*run), flow), status);
}

int end_run(const Call& call, store::RunId id) {
  const auto run = call.store().run(id);
  if (!run) throw Refused{not_found()};
  switch (io::cancel_run(call.directory(), call.audience(), *run, call.grant.who, call.now)) {
    case store::CancelResult::cancelled:
    case store::CancelResult::ended:
      return 200;
    case store::CancelResult::asked:
      return 202;
    case store::CancelResult::missing:
      throw Refused{not_found()};
    case store::CancelResult::under_way:
      break;
  }
  throw Refused{problem(409, "It changed at this very moment: try again.")};
}

}  // namespace rruled::api
