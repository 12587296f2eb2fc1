#include "daemon/api/openapi_examples.h"
#include "daemon/api/openapi_schemas.h"
#include "daemon/api/routes.h"
#include "daemon/core/json_text.h"

#include <boost/json/array.hpp>

#include <algorithm>
#include <array>

namespace rruled::api {
namespace {

namespace json = boost::json;

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

bool is_structured(const json::object& schema) {
  if (const auto* name = schema.if_contains("$ref")) {
    const std::string_view text = name->as_string();
    return is_structured(openapi_schemas().at(text.substr(text.rfind('/') + 1)).as_object());
  }
  const auto* type = schema.if_contains("type");
  if (type == nullptr) return false;
  const auto named = [](const json::value& word) { return word == "object" || word == "array"; };
  const auto* several = type->if_array();
  return several == nullptr ? named(*type) : std::ranges::any_of(*several, named);
}

// The same members as a form: lists and objects in it are JSON.
json::object form_of(std::string_view request, const json::value& schema) {
  json::object encoding;
  for (const auto& [name, member] : openapi_schemas().at(request).at("properties").as_object())
    if (is_structured(member.as_object()))
      encoding[name] = json::object{{"contentType", "application/json"}};
  json::object form{{"schema", schema}};
  if (!encoding.empty()) form["encoding"] = std::move(encoding);
  return form;
}

json::object request_body(const Route& route) {
  const auto name = route.text.request;
  json::value schema = schema_of(name);
  if (auto required = required_to_make(name); route.verb == Verb::post && !required.empty())
    schema = json::object{{"allOf", json::array{std::move(schema)}}, {"required", required}};
  json::object body = content(schema);
  auto& types = body["content"].get_object();
  types["application/json"].get_object()["example"] = example_of(name);
  types["application/x-www-form-urlencoded"] = form_of(name, schema);
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

// Of what changes by writes alone: see get_schedule().
bool may_be_unchanged(const Route& route) {
  return route.verb == Verb::get &&
         (route.text.response == "Flow" || route.text.response == "Calendar");
}

json::object header(std::string_view description) {
  return {{"description", description}, {"schema", {{"type", "string"}}}};
}

json::object answer(const Route& route, int status, std::string_view response) {
  json::object object{{"description", status < 400 ? "done" : "not so"}};
  json::object headers;
  if (has_etag(response)) headers["ETag"] = header("for If-Match");
  if (takes_key(route))
    headers["Idempotency-Replayed"] = header("true: made by an earlier request");
  if (!headers.empty()) object["headers"] = std::move(headers);
  if (!response.empty())
    object["content"] = content(schema_of(response))["content"];
  else if (route.text.produces != "application/json")
    object["content"] = {{route.text.produces, {{"schema", {{"type", "string"}}}}}};
  if (!route.text.also_produces.empty())
    object["content"].get_object()[route.text.also_produces] = {{"schema", {{"type", "string"}}}};
  return object;
}

json::object size_schema(const SizeRange& range) {
  json::object schema{{"type", "integer"}, {"minimum", range.min}, {"default", range.fallback}};
  if (range.max == 0) return schema;
  schema["maximum"] = range.max;
  if (range.is_cut) schema["description"] = "more is taken for the maximum";
  return schema;
}

json::object query_schema(const QueryParameter& parameter) {
  using Kind = QueryParameter::Kind;
  const json::array words(parameter.words.begin(), parameter.words.end());
  json::object schema{{"type", "string"}};
  switch (parameter.kind) {
    case Kind::id:
      schema = reference("Id");
      break;
    case Kind::time:
      schema = reference("TimeOrAgo");
      break;
    case Kind::size:
      return size_schema(parameter.range);
    case Kind::word:
      schema["enum"] = words;
      break;
    case Kind::words:
      schema = {{"type", "array"}, {"items", {{"type", "string"}, {"enum", words}}}};
      break;
    case Kind::text:
    case Kind::flag:
      break;
  }
  if (!parameter.fallback.empty()) schema["default"] = parameter.fallback;
  return schema;
}

json::object query_parameter(const QueryParameter& parameter) {
  json::object object{
      {"name", parameter.name}, {"in", "query"}, {"schema", query_schema(parameter)}};
  if (parameter.kind == QueryParameter::Kind::flag) object["allowEmptyValue"] = true;
  return object;
}

json::array parameters(const Route& route) {
  json::array all;
  std::string_view rest = route.pattern;
  for (auto at = rest.find('{'); at != std::string_view::npos; at = rest.find('{')) {
    const auto end = rest.find('}', at);
    const auto name = rest.substr(at + 1, end - at - 1);
    json::object schema{{"type", name == "project_id" ? "integer" : "string"}};
    if (name != "project_id" && name != "name") schema["format"] = "uuid";
    all.push_back(json::object{
        {"name", name}, {"in", "path"}, {"required", true}, {"schema", std::move(schema)}});
    rest.remove_prefix(end);
  }
  for (const auto& each : route.text.query) all.push_back(query_parameter(each));
  const auto add_header = [&](std::string_view name, std::string_view description) {
    json::object parameter = header(description);
    parameter["name"] = name;
    parameter["in"] = "header";
    all.push_back(std::move(parameter));
  };
  if (takes_key(route))
    add_header("Idempotency-Key",
               "with the same body again: what the first request made; else 422");
  if (route.verb == Verb::patch || route.verb == Verb::del) {
    add_header("If-Match", "an ETag; 412 when it was changed since");
    add_header("If-None-Match", "an ETag, or *; 412 when it is that still");
  }
  if (may_be_unchanged(route))
    add_header("If-None-Match", "an ETag; 304 when it is the same still");
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

// "get_hog_flows_by_id_schedules": the verb and the path below the project. What clients are made
// from it calls its functions so: it stays while the path does.
std::string operation_id(const Route& route) {
  constexpr std::string_view kProject = "/api/projects/{project_id}/";
  std::string_view path = route.pattern;
  path.remove_prefix(path.starts_with(kProject) ? kProject.size() : 1);
  std::string id(verb_key(route.verb));
  id += '_';
  for (const char c : path) {
    if (c == '{')
      id += "by_";
    else if (c != '}')
      id += c == '/' || c == '.' ? '_' : c;
  }
  if (id.back() == '_') id.pop_back();
  return id;
}

json::object operation(const Route& route) {
  json::object object{{"operationId", operation_id(route)}, {"summary", route.text.summary}};
  auto all = parameters(route);
  if (!all.empty()) object["parameters"] = std::move(all);
  const RouteText& text = route.text;
  if (!text.request.empty()) object["requestBody"] = request_body(route);
  json::object responses{{std::to_string(text.status), answer(route, text.status, text.response)}};
  if (text.other_status != 0)
    responses[std::to_string(text.other_status)] =
        answer(route, text.other_status,
               text.other_response.empty() ? text.response : text.other_response);
  if (may_be_unchanged(route)) responses["304"] = {{"description", "the same as before"}};
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
      {"schemas", openapi_schemas()}};
  return core::json_text(document);
}

}  // namespace

Response openapi(Call& call) {
  const ApiContext& context = call.context;
  std::call_once(context.described, [&] { context.description = describe(context); });
  return {.body = context.description};
}

}  // namespace rruled::api
