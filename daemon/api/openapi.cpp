#include "daemon/api/openapi_examples.h"
#include "daemon/api/routes.h"
#include "daemon/core/json_text.h"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <array>

namespace rruled::api {
namespace {

namespace json = boost::json;

// Every schema that a route names.
constexpr std::string_view kSchemas = R"json({
"Anything":{"type":"object"},
"Id":{"type":"string","format":"uuid"},
"Time":{"type":"string","format":"date-time"},
"NullableTime":{"type":["string","null"],"format":"date-time"},
"Error":{"type":"object","required":["type","code","detail","attr"],"properties":{
 "type":{"type":"string"},"code":{"type":"string"},"detail":{"type":"string"},
 "attr":{"type":["string","null"]}}},
"Flow":{"type":"object","properties":{
 "id":{"$ref":"#/components/schemas/Id","readOnly":true},"name":{"type":["string","null"],
 "maxLength":400},
 "description":{"type":"string"},"version":{"type":"integer","readOnly":true},
 "status":{"enum":["draft","active","archived"]},
 "created_at":{"$ref":"#/components/schemas/Time","readOnly":true},"created_by":{"readOnly":true},
 "updated_at":{"$ref":"#/components/schemas/Time","readOnly":true},
 "trigger":{"type":"object"},"trigger_masking":{"type":["object","null"]},
 "conversion":{"type":["object","null"]},
 "exit_condition":{"enum":["exit_on_conversion","exit_on_trigger_not_matched",
 "exit_on_trigger_not_matched_or_conversion","exit_only_at_end"]},
 "edges":{},"actions":{"type":"array","items":{"type":"object"}},"abort_action":{"readOnly":true},
 "variables":{"type":"array","items":{"type":"object"}},
 "billable_action_types":{"type":"array","items":{"type":"string"},"readOnly":true}}},
"Schedule":{"type":"object","properties":{
 "id":{"$ref":"#/components/schemas/Id","readOnly":true},"rrule":{"type":"string"},
 "starts_at":{"$ref":"#/components/schemas/Time"},
 "starts_at_local":{"type":"string","writeOnly":true},
 "timezone":{"type":"string","maxLength":64,
 "default":"UTC"},
 "variables":{"type":"object"},"status":{"enum":["active","paused","completed","error"]},
 "next_run_at":{"$ref":"#/components/schemas/NullableTime","readOnly":true},
 "created_at":{"$ref":"#/components/schemas/Time","readOnly":true},
 "updated_at":{"$ref":"#/components/schemas/Time","readOnly":true},"note":{"type":"string"},
 "paused_until":{"$ref":"#/components/schemas/NullableTime"},"dst_gap":{"enum":["shift","skip"]},
 "dst_fold":{"enum":["auto","first","second","both"]},"catchup":{"enum":["last","none","all"]},
 "catchup_grace":{"type":"string"},"catchup_window":{"type":"string"},
 "overlap":{"enum":["allow","skip","buffer_one","buffer_all","cancel_other"]},
 "max_running":{"type":"integer","minimum":1},"jitter":{"type":"string"},
 "late_after":{"type":"string"},
 "retry":{"$ref":"#/components/schemas/Retry"},"timeout":{"type":["string","null"]},
 "executor":{"type":"string"},
 "pause_after_failures":{"type":["integer","null"]},"calendar":{"type":["string","null"]},
 "calendar_action":{"enum":["skip","next","previous"]},
 "project_paused":{"type":"boolean","readOnly":true},
 "status_reason":{"type":"string","readOnly":true},
 "last_run":{"type":["object","null"],"readOnly":true}}},
"Overdue":{"allOf":[{"$ref":"#/components/schemas/Schedule"}],"properties":{
 "hog_flow":{"$ref":"#/components/schemas/Id"},"late_by_ms":{"type":"integer"}}},
"Variables":{"type":"object","properties":{"variables":{"type":"object"}}},
"JobRequest":{"type":"object","properties":{"variables":{"type":"object"},
 "filters":{"type":"object"}}},
"Job":{"type":"object","properties":{
 "id":{"$ref":"#/components/schemas/Id"},
 "status":{"enum":["waiting","queued","active","completed","cancelled","failed"]},
 "hog_flow":{"$ref":"#/components/schemas/Id"},"filters":{"type":"object"},
 "variables":{"type":"object"},
 "created_at":{"$ref":"#/components/schemas/Time"},"created_by":{},
 "updated_at":{"$ref":"#/components/schemas/Time"},
 "schedule":{"type":["string","null"],"format":"uuid"},
 "scheduled_for":{"$ref":"#/components/schemas/NullableTime"},
 "due_at":{"$ref":"#/components/schemas/Time"},
 "started_at":{"$ref":"#/components/schemas/NullableTime"},
 "finished_at":{"$ref":"#/components/schemas/NullableTime"},"attempts":{"type":"integer"},
 "error":{"type":"string"},"progress":{"type":["object","null"],"properties":{
 "total":{"type":["integer","null"]},"enqueued":{"type":"integer"},"done":{"type":"integer"},
 "failed":{"type":"integer"},"truncated":{"type":"boolean"}}}}},
"Person":{"type":"object","required":["distinct_id"],"properties":{
 "id":{"$ref":"#/components/schemas/Id","readOnly":true},
 "distinct_id":{"type":"string","maxLength":400},"properties":{"type":"object"},
 "created_at":{"$ref":"#/components/schemas/Time","readOnly":true},
 "updated_at":{"$ref":"#/components/schemas/Time","readOnly":true}}},
"PersonsPut":{"oneOf":[{"$ref":"#/components/schemas/Person"},{"type":"object","properties":{
 "created":{"type":"integer"},"updated":{"type":"integer"}}}]},
"BlastRadiusRequest":{"type":"object","required":["filters"],"properties":{
 "filters":{"type":"object"},"group_type_index":{"type":["integer","null"]}}},
"BlastRadius":{"type":"object","properties":{"affected":{"type":"integer"},
 "total":{"type":"integer"}}},
"Run":{"type":"object","properties":{"id":{"$ref":"#/components/schemas/Id"},
 "project_id":{"type":"integer"},"flow":{"$ref":"#/components/schemas/Id"},
 "flow_name":{"type":"string"},"schedule":{"type":["string","null"],"format":"uuid"},
 "kind":{"enum":["batch_job","invocation"]},
 "origin":{"enum":["schedule","manual","backfill","child"]},
 "status":{"enum":["waiting","pending","dispatching","running","retrying","completed","failed",
 "dead","cancelled","skipped"]},"reason":{"type":"string"},
 "scheduled_for":{"$ref":"#/components/schemas/NullableTime"},
 "due_at":{"$ref":"#/components/schemas/Time"},
 "created_at":{"$ref":"#/components/schemas/Time"},
 "started_at":{"$ref":"#/components/schemas/NullableTime"},
 "finished_at":{"$ref":"#/components/schemas/NullableTime"},
 "lateness_ms":{"type":["integer","null"]},"late":{"type":"boolean"},
 "start_before":{"$ref":"#/components/schemas/NullableTime"},"executor":{"type":"string"},
 "timeout":{"type":["string","null"]},"retry":{"$ref":"#/components/schemas/Retry"},
 "attempts":{"type":"integer"},"available_at":{"$ref":"#/components/schemas/NullableTime"},
 "owner":{"type":["string","null"],"format":"uuid"},"fence":{"type":"integer"},
 "error":{"type":"string"},"remote_id":{"type":"string"},"cancel_reason":{"type":"string"},
 "variables":{"type":"object"},"idempotency_key":{"type":"string"},"body":{},
 "attempt_list":{"type":"array","items":{"$ref":"#/components/schemas/Attempt"}}}},
"Retry":{"type":"object","properties":{"max_attempts":{"type":"integer","minimum":1},
 "min_backoff":{"type":"string"},"max_backoff":{"type":"string"},"max_age":{"type":"string"}}},
"Attempt":{"type":"object","properties":{"run":{"$ref":"#/components/schemas/Id"},
 "number":{"type":"integer"},"started_at":{"$ref":"#/components/schemas/Time"},
 "finished_at":{"$ref":"#/components/schemas/NullableTime"},"outcome":{"type":"string"},
 "status_code":{"type":["integer","null"]},"error":{"type":"string"}}},
"Gap":{"type":"object","properties":{"schedule":{"$ref":"#/components/schemas/Id"},
 "hog_flow":{"$ref":"#/components/schemas/Id"},
 "reason":{"enum":["missed","paused","flow_inactive","error","skipped_by_operator","calendar"]},
 "from":{"$ref":"#/components/schemas/Time"},"to":{"$ref":"#/components/schemas/Time"},
 "count":{"type":"integer"}}},
"Log":{"type":"object","properties":{"log_source_id":{"type":"string"},
 "instance_id":{"type":"string"},
 "timestamp":{"$ref":"#/components/schemas/Time"},"level":{"enum":["DEBUG","INFO","WARN",
 "ERROR"]},
 "message":{"type":"string"}}},
"Ids":{"type":"object","required":["ids"],"properties":{"ids":{"type":"array",
 "items":{"$ref":"#/components/schemas/Id"}}}},
"Metrics":{"type":"object","properties":{"labels":{"type":"array","items":{"type":"string"}},
 "series":{"type":"array","items":{"type":"object","properties":{"name":{"type":"string"},
 "values":{"type":"array","items":{"type":"integer"}}}}}}},
"MetricTotals":{"type":"object","properties":{"totals":{"type":"object",
 "additionalProperties":{"type":"integer"}}}},
"Deleted":{"type":"object","properties":{"deleted":{"type":"integer"}}},
"Occurrence":{"type":"object","properties":{"scheduled_for":{"$ref":"#/components/schemas/Time"},
 "due_at":{"$ref":"#/components/schemas/Time"},"local":{"type":"string"},
 "offset":{"type":"string"},
 "note":{"enum":["gap_shifted","fold_first","fold_second","calendar_moved"]},
 "moved_from":{"type":"string"},"schedule":{"type":"string"},"hog_flow":{"type":"string"}}},
"Excluded":{"type":"object","properties":{"scheduled_for":{"$ref":"#/components/schemas/Time"},
 "local":{"type":"string"},"offset":{"type":"string"}}},
"Preview":{"type":"object","properties":{"occurrences":{"type":"array",
 "items":{"$ref":"#/components/schemas/Occurrence"}},"excluded":{"type":"array",
 "items":{"$ref":"#/components/schemas/Excluded"}},"excluded_before":{"type":"integer"},
 "count":{"type":"integer"}}},
"Upcoming":{"$ref":"#/components/schemas/Preview"},
"PreviewRequest":{"type":"object","required":["rrule"],"properties":{"rrule":{"type":"string"},
 "starts_at":{"type":"string"},"starts_at_local":{"type":"string"},"timezone":{"type":"string"},
 "dst_gap":{"enum":["shift","skip"]},"dst_fold":{"enum":["auto","first","second","both"]},
 "calendar":{"type":["string","null"]},"calendar_action":{"enum":["skip","next","previous"]},
 "after":{"type":"string"},"until":{"type":"string"},"count":{"type":"integer","maximum":1000}}},
"Calendar":{"type":"object","properties":{
 "name":{"type":"string","maxLength":200},
 "note":{"type":"string"},"dates":{"type":"array","items":{"type":"string","format":"date"}},
 "rules":{"type":"array","items":{"type":["object","string"]}},
 "created_at":{"$ref":"#/components/schemas/Time","readOnly":true},
 "updated_at":{"$ref":"#/components/schemas/Time","readOnly":true},
 "version":{"type":"integer","readOnly":true}}},
"BackfillRequest":{"type":"object","required":["from","to"],"properties":{
 "from":{"$ref":"#/components/schemas/Time"},"to":{"$ref":"#/components/schemas/Time"},
 "dry_run":{"type":"boolean"},"note":{"type":"string"}}},
"BackfillMade":{"type":"object","properties":{"backfill_id":{"$ref":"#/components/schemas/Id"},
 "count":{"type":"integer"}}},
"Backfill":{"type":"object","properties":{"id":{"$ref":"#/components/schemas/Id"},
 "schedule":{"$ref":"#/components/schemas/Id"},"hog_flow":{"$ref":"#/components/schemas/Id"},
 "from":{"$ref":"#/components/schemas/Time"},"to":{"$ref":"#/components/schemas/Time"},
 "count":{"type":"integer"},"made":{"type":"integer"},
 "status":{"enum":["running","done","cancelled"]},"note":{"type":"string"},
 "created_at":{"$ref":"#/components/schemas/Time"},
 "ended_at":{"$ref":"#/components/schemas/NullableTime"},"runs":{"type":"object"}}},
"PauseRequest":{"type":"object","properties":{"note":{"type":"string"},
 "catch_up":{"enum":["none","policy","last","all",true,false]}}},
"Pause":{"type":"object","properties":{"paused":{"type":"boolean"},
 "paused_at":{"$ref":"#/components/schemas/NullableTime"},
 "resumed_at":{"$ref":"#/components/schemas/NullableTime"},
 "catch_up":{"enum":["none","policy","last","all",null]},"note":{"type":"string"}}},
"Explained":{"type":"object","properties":{"scheduled_for":{"$ref":"#/components/schemas/Time"},
 "due_at":{"$ref":"#/components/schemas/Time"},"local":{"type":"string"},
 "offset":{"type":"string"},"outcome":{"enum":["ran","failed","cancelled","under_way","skipped",
 "gap","due","ahead","never","unknown"]},"text":{"type":"string"},
 "run":{"type":["string","null"],"format":"uuid"},"moved":{"type":["string","null"]}}},
"Explanation":{"type":"object","properties":{"at":{"$ref":"#/components/schemas/Time"},
 "timezone":{"type":"string"},"occurrences":{"type":"array",
 "items":{"$ref":"#/components/schemas/Explained"}},
 "edits":{"type":"array","items":{"type":"object","properties":{
 "at":{"$ref":"#/components/schemas/Time"},"actor":{"type":"string"},
 "action":{"type":"string"}}}}}},
"Health":{"type":"object","properties":{"status":{"type":"string"},"reason":{"type":"string"},
 "warnings":{"type":"array","items":{"type":"string"}}}}
})json";

json::object reference(std::string_view schema) {
  return {{"$ref", "#/components/schemas/" + std::string(schema)}};
}

json::object content(json::value schema) {
  return {{"content", {{"application/json", {{"schema", std::move(schema)}}}}}};
}

json::value page_of(std::string_view schema) {
  json::object page{{"type", "object"}};
  page["properties"] = {{"count", {{"type", json::array{"integer", "null"}}}},
                        {"next", {{"type", json::array{"string", "null"}}}},
                        {"previous", {{"type", json::array{"string", "null"}}}},
                        {"results", {{"type", "array"}, {"items", reference(schema)}}}};
  return page;
}

json::value schema_of(std::string_view name) {
  constexpr std::string_view kPage = "Page";
  if (name.ends_with(kPage)) return page_of(name.substr(0, name.size() - kPage.size()));
  return reference(name);
}

// What an object must have that is made, though not one that is changed.
json::array required_to_make(std::string_view schema) {
  if (schema == "Schedule") return {"rrule"};
  if (schema == "Calendar") return {"name"};
  return {};
}

// All of these may be left out, and so may the body.
bool may_be_absent(std::string_view request) {
  return request == "Variables" || request == "JobRequest" || request == "PauseRequest";
}

json::object request_body(const Route& route) {
  const auto name = route.text.request;
  json::value schema = schema_of(name);
  if (auto required = required_to_make(name); route.verb == Verb::post && !required.empty())
    schema = json::object{{"allOf", json::array{std::move(schema)}}, {"required", required}};
  json::object body = content(std::move(schema));
  auto& types = body["content"].get_object();
  types["application/json"].get_object()["example"] = example_of(name);
  if (name == "Person")
    types["application/x-ndjson"] = {
        {"schema", {{"type", "string"}, {"description", "a person in each line"}}}};
  body["required"] = !may_be_absent(name);
  return body;
}

// It makes something once for one Idempotency-Key.
bool takes_key(const Route& route) {
  constexpr std::array<std::string_view, 5> kMakers{"Flow", "Schedule", "Variables", "JobRequest",
                                                    "BackfillRequest"};
  return route.verb == Verb::post &&
         std::ranges::find(kMakers, route.text.request) != kMakers.end();
}

bool has_etag(std::string_view response) {
  return response == "Flow" || response == "Schedule" || response == "Calendar";
}

json::object header(std::string_view description) {
  return {{"description", description}, {"schema", {{"type", "string"}}}};
}

json::object success(const Route& route, std::string_view response) {
  json::object success{{"description", "done"}};
  json::object headers;
  if (has_etag(response)) headers["ETag"] = header("for If-Match");
  if (takes_key(route))
    headers["Idempotency-Replayed"] = header("true: made by an earlier request");
  if (!headers.empty()) success["headers"] = std::move(headers);
  if (!response.empty())
    success["content"] = content(schema_of(response))["content"];
  else if (route.text.produces != "application/json")
    success["content"] = {{route.text.produces, {{"schema", {{"type", "string"}}}}}};
  return success;
}

std::string_view type_of_query(std::string_view name) {
  return name == "limit" || name == "offset" || name == "count" ? "integer" : "string";
}

json::array parameters(const Route& route) {
  json::array all;
  std::string_view rest = route.pattern;
  for (auto at = rest.find('{'); at != std::string_view::npos; at = rest.find('{')) {
    const auto end = rest.find('}', at);
    const auto name = rest.substr(at + 1, end - at - 1);
    json::object schema{{"type", name == "project_id" ? "integer" : "string"}};
    all.push_back(json::object{
        {"name", name}, {"in", "path"}, {"required", true}, {"schema", std::move(schema)}});
    rest.remove_prefix(end);
  }
  for (const auto& name : route.text.query)
    all.push_back(
        json::object{{"name", name}, {"in", "query"}, {"schema", {{"type", type_of_query(name)}}}});
  const auto add_header = [&](std::string_view name, std::string_view description) {
    json::object parameter = header(description);
    parameter["name"] = name;
    parameter["in"] = "header";
    all.push_back(std::move(parameter));
  };
  if (takes_key(route))
    add_header("Idempotency-Key",
               "with the same body again: what the first request made; else 422");
  if (route.verb == Verb::patch || route.verb == Verb::del)
    add_header("If-Match", "an ETag; 412 when it was changed since");
  return all;
}

std::string_view verb_key(Verb verb) {
  switch (verb) {
    case Verb::get:
      return "get";
    case Verb::post:
      return "post";
    case Verb::patch:
      return "patch";
    case Verb::del:
      break;
  }
  return "delete";
}

json::object operation(const Route& route) {
  json::object object{{"summary", route.text.summary}};
  auto all = parameters(route);
  if (!all.empty()) object["parameters"] = std::move(all);
  const RouteText& text = route.text;
  if (!text.request.empty()) object["requestBody"] = request_body(route);
  json::object responses{{std::to_string(text.status), success(route, text.response)}};
  if (text.other_status != 0)
    responses[std::to_string(text.other_status)] =
        success(route, text.other_response.empty() ? text.response : text.other_response);
  json::object failure = content(reference("Error"));
  failure["description"] = "refused";
  responses["default"] = std::move(failure);
  object["responses"] = std::move(responses);
  if (route.scope == Scope::open)
    object["security"] = json::array{};
  else
    object["security"] = json::array{
        {{"token", json::array{route.scope == Scope::write ? "hog_flow:write" : "hog_flow:read"}}}};
  return object;
}

std::string describe(const ApiContext& context) {
  json::object paths;
  for (const Route& route : context.routes) {
    auto& path = paths[route.pattern];
    if (path.is_null()) path = json::object();
    path.get_object()[verb_key(route.verb)] = operation(route);
  }
  json::object document{{"openapi", "3.1.0"}};
  document["info"] = {{"title", "rruled"}, {"version", context.version}};
  document["paths"] = std::move(paths);
  document["components"] = {
      {"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}},
      {"schemas", json::parse(json::string_view(kSchemas.data(), kSchemas.size()))}};
  return core::json_text(document);
}

}  // namespace

Response openapi(Call& call) {
  const ApiContext& context = call.context;
  std::call_once(context.described, [&] { context.description = describe(context); });
  return {.body = context.description};
}

}  // namespace rruled::api
