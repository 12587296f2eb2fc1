#include "daemon/api/jobs.h"
#include "daemon/api/routes.h"
#include "daemon/core/run_json.h"
#include "daemon/io/run_verbs.h"

namespace rruled::api {
namespace {

namespace json = boost::json;

using store::Run;

store::Run run_of(const Call& call) {
  const auto id = store::parse_id<store::RunId>(call.argument("rid"));
  auto run = id ? call.store().run(*id) : std::nullopt;
  if (!run || run->project_id != call.project()) throw Refused{not_found()};
  return std::move(*run);
}

// "1767603600000.0190..": the last run of the page before.
std::string cursor_text(const Run& run) {
  return std::to_string(run.due_at.time_since_epoch().count()) + "." + to_string(run.id);
}

std::optional<store::RunCursor> cursor_parameter(const Call& call) {
  const std::string* parameter = call.parameter("cursor");
  if (parameter == nullptr) return std::nullopt;
  const std::string_view text = *parameter;
  if (const auto dot = text.find('.'); dot != std::string_view::npos) {
    const auto due = cursor_time(text.substr(0, dot));
    const auto id = store::parse_id<store::RunId>(text.substr(dot + 1));
    if (due && id) return store::RunCursor{*due, *id};
  }
  refuse_cursor();
}

std::vector<store::LogLevel> levels_parameter(const Call& call) {
  std::vector<store::LogLevel> levels;
  // A list with commas, or the parameter several times.
  for (const auto& [name, text] : call.query) {
    if (name != "level") continue;
    for (const auto& each : list_elements(text)) {
      std::string upper(each);
      for (char& c : upper)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
      const auto level = store::parse_word<store::LogLevel>(upper);
      if (!level) refuse_words("level", store::kWords<store::LogLevel>);
      levels.push_back(*level);
    }
  }
  return levels;
}

}  // namespace

Response list_runs(Call& call) {
  store::RunFilter filter{.project_id = call.project()};
  filter.flow_id = id_parameter<store::FlowId>(call, "flow");
  filter.schedule_id = id_parameter<store::ScheduleId>(call, "schedule");
  if (const auto status = word_parameter<store::RunStatus>(call, "status"))
    filter.statuses = {*status};
  filter.due_from = time_parameter(call, "from");
  filter.due_to = time_parameter(call, "to");
  filter.before = cursor_parameter(call);
  const auto limit = cursor_limit(call);
  const auto rows = call.directory().runs(filter, {limit + 1, 0}, false).rows;
  return cursor_page(call, rows, limit, [](const Run& run) { return cursor_text(run); });
}

Response get_run(Call& call) {
  const Run run = run_of(call);
  json::object object = core::to_json(run);
  json::array attempts;
  for (const auto& each : call.store().attempts(run.id)) attempts.push_back(core::to_json(each));
  object["attempt_list"] = std::move(attempts);
  return json_response(object);
}

Response cancel_run(Call& call) {
  const int status = end_run(call, run_of(call).id);
  Response response = get_run(call);
  response.status = status;
  return response;
}

Response retry_run(Call& call) {
  const Run run = run_of(call);
  const std::string status(store::word(run.status));
  switch (io::retry_run(call.store(), call.directory(), run, call.grant.who, call.now)) {
    case store::RetryResult::retried:
      return get_run(call);
    case store::RetryResult::missing:
      throw Refused{not_found()};
    case store::RetryResult::under_way:
      throw Refused{problem(409, "The run has not ended yet: it is " + status + ".")};
    case store::RetryResult::not_failed:
      throw Refused{
          problem(409, "Only failed and dead runs are tried again; this one is " + status + ".")};
    case store::RetryResult::has_children:
      break;
  }
  throw Refused{problem(
      409, "A batch job that fanned out is not tried again: retry its invocations that failed.")};
}

Response list_logs(Call& call) {
  const store::Flow flow = flow_of(call);
  store::LogFilter filter{.flow_id = flow.id};
  filter.run_id = id_parameter<store::RunId>(call, "instance_id");
  filter.after = time_parameter(call, "after");
  filter.before = time_parameter(call, "before");
  filter.levels = levels_parameter(call);
  if (const auto* search = call.parameter("search")) filter.search = *search;
  const auto range = page_range(call, kLogLimit);
  const auto page = call.directory().logs(filter, range);
  PageRows results(call.context.page_bytes_max);
  for (const auto& each : page.rows) {
    if (results.is_full()) break;
    json::object entry = core::to_json(each);
    results.add({{"log_source_id", to_string(each.flow_id)},
                 {"instance_id", each.run_id ? to_string(*each.run_id) : std::string()},
                 {"timestamp", entry["timestamp"]},
                 {"level", store::word(each.level)},
                 {"message", each.message}});
  }
  return page_response(call, std::move(results), page.count, range);
}

}  // namespace rruled::api
