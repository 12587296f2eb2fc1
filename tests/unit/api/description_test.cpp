// /openapi.json, tested against the server.
#include "tests/unit/api/route_rows.h"

#include <map>
#include <set>
#include <vector>

namespace rruled::test {
namespace {

using api::Route;

// What the description says of the route.
const json::object& operation_of(const json::object& document, const Route& route) {
  std::string verb(word(route.verb));
  for (char& c : verb) c = static_cast<char>(c - 'A' + 'a');
  return document.at("paths").at(route.pattern).at(verb).as_object();
}

std::string percent_encoded(const std::string& text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out.append({'%', kDigits[byte >> 4U], kDigits[byte & 0xfU]});
  }
  return out;
}

// How a parameter's schema is told: its type, or the name of what it refers to.
std::string kind_of(const json::object& schema) {
  if (const auto* name = schema.if_contains("$ref")) {
    const std::string text(name->as_string());
    return text.substr(text.rfind('/') + 1);
  }
  return schema.contains("enum") ? "enum" : ApiHome::text(schema, "type");
}

// Values for a parameter, with the status that the schema promises.
std::vector<std::pair<std::string, int>> tries(const json::object& schema) {
  const auto kind = kind_of(schema);
  std::vector<std::pair<std::string, int>> all;
  if (kind == "Id") return {{"01900000-0000-7000-8000-000000000000", 200}, {"x", 400}};
  if (kind == "TimeOrAgo")
    return {{"2026-01-01T00:00:00Z", 200}, {"2026-01-01", 200}, {"-7d", 200}, {"soon", 400}};
  if (kind == "enum" || kind == "array") {
    const auto& words = kind == "enum" ? schema : schema.at("items").as_object();
    std::string list;
    for (const auto& each : words.at("enum").as_array()) {
      all.emplace_back(each.as_string().c_str(), 200);
      list += (list.empty() ? "" : ",") + all.back().first;
    }
    if (kind == "array") all.emplace_back(list, 200);
    all.emplace_back("nonsense", 400);
  }
  if (kind == "integer") {
    const auto min = schema.at("minimum").to_number<std::int64_t>();
    all = {{std::to_string(min), 200}, {std::to_string(min - 1), 400}, {"x", 400}};
    const auto max = schema.at("maximum").to_number<std::int64_t>();
    all.emplace_back(std::to_string(max), 200);
    all.emplace_back(std::to_string(max + 1), schema.contains("description") ? 200 : 400);
  }
  return all;
}

// How many rows an answer has.
std::size_t shown(const api::Response& response) {
  const auto object = json::parse(response.body).as_object();
  for (const char* list : {"results", "occurrences"})
    if (const auto* rows = object.if_contains(list)) return rows->as_array().size();
  return 0;
}

}  // namespace

TEST_CASE("the description names every route, and nothing that is not there") {
  ApiHome home(StoreKind::memory);
  const auto text = home.ask("GET", "/openapi.json", "", {.anonymous = true}).body;
  const auto document = json::parse(text).as_object();
  CHECK(document.at("openapi") == "3.1.0");
  std::size_t operations = 0;
  for (const auto& [path, verbs] : document.at("paths").as_object())
    operations += verbs.as_object().size();
  CHECK(operations == api::api_routes().size());
  const auto& schemas = document.at("components").at("schemas").as_object();
  std::size_t references = 0;
  const std::string mark = "\"#/components/schemas/";
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
    const auto from = at + mark.size();
    const auto name = text.substr(from, text.find('"', from) - from);
    INFO(name);
    CHECK(schemas.contains(name));
    ++references;
  }
  CHECK(references > 50);
  // What the objects have is what it says.
  const auto flow = home.json(200, "GET", ApiHome::kFlows + home.make_flow()).as_object();
  for (const auto& [key, value] : flow)
    CHECK(schemas.at("Flow").at("properties").as_object().contains(key));
  const auto id = ApiHome::text(flow, "id");
  const auto schedule =
      home.json(200, "GET", ApiHome::kFlows + id + "/schedules/" + home.make_schedule(id));
  for (const auto& [key, value] : schedule.as_object())
    CHECK(schemas.at("Schedule").at("properties").as_object().contains(key));
  const auto job = home.json(200, "POST", ApiHome::kFlows + id + "/invocations");
  for (const auto& [key, value] : job.as_object())
    CHECK(schemas.at("Job").at("properties").as_object().contains(key));
  const auto run =
      home.json(200, "GET", "/api/projects/1/runs/" + ApiHome::text(job.as_object(), "id"));
  for (const auto& [key, value] : run.as_object())
    CHECK(schemas.at("Run").at("properties").as_object().contains(key));
}

TEST_CASE("the description says what must be sent, and each way to succeed") {
  ApiHome home(StoreKind::memory);
  const auto document =
      json::parse(home.ask("GET", "/openapi.json", "", {.anonymous = true}).body).as_object();
  const auto operation = [&](std::string_view verb, std::string_view path) -> const json::object& {
    return document.at("paths").at(path).at(verb).as_object();
  };
  const std::string project = "/api/projects/{project_id}/";
  const auto body = [&](std::string_view verb, const std::string& path) -> const json::object& {
    return operation(verb, project + path).at("requestBody").as_object();
  };
  CHECK(body("post", "calendars/").at("required") == true);
  CHECK(body("post", "pause/").at("required") == false);
  const auto schema_of = [](const json::object& sent) -> const json::object& {
    return sent.at("content").at("application/json").at("schema").as_object();
  };
  CHECK(schema_of(body("post", "calendars/")).at("required") == json::array{"name"});
  CHECK_FALSE(schema_of(body("patch", "calendars/{name}/")).contains("required"));
  CHECK(body("post", "persons/").at("content").as_object().contains("application/x-ndjson"));
  const auto& backfill = operation("post", project + "hog_flows/{id}/schedules/{sid}/backfill/");
  CHECK(backfill.at("responses").as_object().contains("200"));
  CHECK(backfill.at("responses").as_object().contains("202"));
  const auto& metrics = operation("get", "/metrics").at("responses").at("200");
  CHECK(metrics.at("content").as_object().contains("text/plain"));
  for (const auto& each : operation("get", project + "runs/").at("parameters").as_array())
    if (each.at("name") == "limit") CHECK(each.at("schema").at("type") == "integer");
}

TEST_CASE("the description tells the headers that requests and answers have") {
  ApiHome home(StoreKind::memory);
  const auto document =
      json::parse(home.ask("GET", "/openapi.json", "", {.anonymous = true}).body).as_object();
  std::map<std::string, std::set<std::string>> takes, gives;
  for (const auto& [path, verbs] : document.at("paths").as_object())
    for (const auto& [verb, operation] : verbs.as_object()) {
      const std::string name =
          std::string(verb) + " " + replaced(path, "/api/projects/{project_id}/", "");
      const auto* parameters = operation.as_object().if_contains("parameters");
      for (const auto& each : parameters ? parameters->as_array() : json::array())
        if (each.at("in") == "header") takes[ApiHome::text(each, "name")].insert(name);
      for (const auto& [status, response] : operation.at("responses").as_object())
        if (const auto* headers = response.as_object().if_contains("headers"))
          for (const auto& [header, text] : headers->as_object()) gives[header].insert(name);
    }
  const std::string schedules = "hog_flows/{id}/schedules/";
  const std::set<std::string> by_key{"post hog_flows/",
                                     "post " + schedules,
                                     "post " + schedules + "{sid}/run/",
                                     "post " + schedules + "{sid}/backfill/",
                                     "post hog_flows/{id}/batch_jobs/",
                                     "post hog_flows/{id}/invocations/"};
  CHECK(takes["Idempotency-Key"] == by_key);
  CHECK(gives["Idempotency-Replayed"] == by_key);
  std::set<std::string> tagged{"post hog_flows/", "post " + schedules, "post calendars/"};
  std::set<std::string> guarded;
  for (const std::string& one :
       {std::string("hog_flows/{id}/"), schedules + "{sid}/", std::string("calendars/{name}/")}) {
    tagged.insert({"get " + one, "patch " + one});
    guarded.insert({"patch " + one, "delete " + one});
  }
  CHECK(takes["If-Match"] == guarded);
  guarded.insert({"get hog_flows/{id}/", "get calendars/{name}/"});
  CHECK(takes["If-None-Match"] == guarded);
  CHECK(gives["ETag"] == tagged);
}

TEST_CASE("previews, explanations and overdue schedules have what the description says") {
  ApiHome home(StoreKind::memory);
  const auto document =
      json::parse(home.ask("GET", "/openapi.json", "", {.anonymous = true}).body).as_object();
  std::set<std::string> seen;
  const auto check = [&](const json::value& value, const std::string& name) {
    const auto& properties =
        document.at("components").at("schemas").at(name).at("properties").as_object();
    for (const auto& [key, member] : value.as_object()) {
      INFO(name << " has " << key);
      CHECK(properties.contains(key));
      seen.insert(key);
    }
  };
  home.json(201, "POST", ApiHome::kProject + "calendars/",
            R"({"name":"days","dates":["2026-12-24"]})");
  for (const char* action : {"skip", "next"}) {
    const auto preview = home.json(200, "POST", ApiHome::kProject + "schedules/preview/",
                                   std::string(R"({"rrule":"FREQ=WEEKLY","calendar":"days",)") +
                                       R"("starts_at":"2026-12-24T00:00:00Z","count":3,)" +
                                       R"("calendar_action":")" + action + "\"}");
    check(preview, "Preview");
    for (const auto& each : preview.at("occurrences").as_array()) check(each, "Occurrence");
    if (const auto* excluded = preview.as_object().if_contains("excluded"))
      for (const auto& each : excluded->as_array()) check(each, "Excluded");
  }
  const auto id = home.make_flow();
  const auto path = ApiHome::kFlows + id + "/schedules/" + home.make_schedule(id);
  const auto explanation = home.json(200, "GET", path + "/explain/");
  check(explanation, "Explanation");
  for (const auto& each : explanation.at("occurrences").as_array()) check(each, "Explained");
  home.clock.at += std::chrono::hours(3);
  const auto late = home.json(200, "GET", ApiHome::kProject + "schedules/overdue/");
  for (const auto& each : late.at("results").as_array())
    for (const char* key : {"hog_flow", "late_by_ms"}) {
      CHECK(each.as_object().contains(key));
      check(json::object{{key, each.at(key)}}, "Overdue");
    }
  for (const char* key : {"excluded", "moved_from", "late_by_ms", "outcome"}) {
    INFO(key);
    CHECK(seen.contains(key));
  }
}

TEST_CASE("an operation had no name for those who make clients from the description") {
  ApiHome home(StoreKind::memory);
  std::set<std::string> names;
  std::size_t operations = 0;
  const auto document = description_of(home);
  for (const auto& [path, verbs] : document.at("paths").as_object())
    for (const auto& [verb, operation] : verbs.as_object()) {
      const auto name = ApiHome::text(operation, "operationId");
      INFO(name);
      CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos);
      names.insert(name);
      ++operations;
    }
  CHECK(operations > 40);
  CHECK(names.size() == operations);
  // They stay.
  for (const char* name : {"get_hog_flows", "post_hog_flows", "patch_hog_flows_by_id",
                           "post_hog_flows_by_id_schedules_by_sid_run", "get_runs_gaps",
                           "get_runs_by_rid", "get_openapi_json", "get_readyz"})
    CHECK(names.contains(name));
}

TEST_CASE("the description did not know that a body may be a form") {
  ApiHome describing(StoreKind::memory);
  const auto document = description_of(describing);
  std::size_t sent = 0;
  for (const Route& route : api::api_routes()) {
    const auto& operation = operation_of(document, route);
    CHECK(operation.contains("requestBody") == !route.text.request.empty());
    if (route.text.request.empty()) continue;
    INFO(word(route.verb) << " " << route.pattern);
    const auto& content = operation.at("requestBody").at("content").as_object();
    REQUIRE(content.contains("application/x-www-form-urlencoded"));
    const auto& form = content.at("application/x-www-form-urlencoded").as_object();
    CHECK(form.at("schema") == content.at("application/json").at("schema"));
    ApiHome home(StoreKind::memory);
    Rows rows(home, route);
    rows.prepare(home, route);
    std::string body;
    const auto good = json::parse(good_body(document, route)).as_object();
    for (const auto& [name, value] : good) {
      // A list or an object is JSON, and the description says so.
      if (value.is_structured())
        CHECK(form.at("encoding").at(name).at("contentType") == "application/json");
      const auto* text = value.if_string();
      body += (body.empty() ? "" : "&") + std::string(name) + "=" +
              percent_encoded(text ? std::string(*text) : json::serialize(value));
    }
    const std::string method(word(route.verb));
    CHECK(home.ask(method, rows.path(route), body, {.form = true}).status == route.text.status);
    ++sent;
  }
  CHECK(sent > 12);
}

TEST_CASE("a probe that fails answers what the description did not have") {
  ApiHome home(StoreKind::memory);
  const auto document = description_of(home);
  const auto& health =
      document.at("components").at("schemas").at("Health").at("properties").as_object();
  for (const bool well : {true, false}) {
    if (!well) home.fail_health("the store is away");
    for (const char* path : {"/livez", "/readyz", "/healthz", "/readyz?verbose"}) {
      const auto response = home.ask("GET", path, "", {.anonymous = true});
      INFO(path << " " << response.status);
      CHECK(response.status == (well || std::string_view(path) == "/livez" ? 200 : 503));
      const std::string plain = std::string(path).substr(0, std::string(path).find('?'));
      const auto& known = document.at("paths").at(plain).at("get").at("responses").as_object();
      REQUIRE(known.contains(std::to_string(response.status)));
      const auto& content = known.at(std::to_string(response.status)).at("content").as_object();
      const auto type = response.content_type.substr(0, response.content_type.find(';'));
      CHECK(content.contains(type));
      if (type != "application/json") continue;
      CHECK(content.at(type).at("schema").at("$ref") == "#/components/schemas/Health");
      const auto body = json::parse(response.body).as_object();
      for (const auto& [key, value] : body) CHECK(health.contains(key));
    }
  }
}

TEST_CASE("what a query takes is what the description says") {
  ApiHome describing(StoreKind::memory);
  const auto document = description_of(describing);
  std::map<std::string, std::size_t> asked;
  for (const Route& route : api::api_routes()) {
    const auto* parameters = operation_of(document, route).if_contains("parameters");
    if (parameters == nullptr || route.text.query.empty()) continue;
    ApiHome home(StoreKind::memory);
    Rows rows(home, route);
    for (const auto& each : parameters->as_array()) {
      if (each.at("in") != "query") continue;
      const auto name = ApiHome::text(each, "name");
      const auto answer = [&](const std::string& value) {
        const auto query = value.empty() ? value : "?" + name + "=" + percent_encoded(value);
        return home.ask("GET", rows.path(route) + query);
      };
      const auto& schema = each.at("schema").as_object();
      for (const auto& [value, status] : tries(schema)) {
        INFO(route.pattern << " " << name << "=" << value);
        CHECK(answer(value).status == status);
        ++asked[kind_of(schema)];
      }
      if (!schema.contains("default")) continue;
      const auto& fallback = schema.at("default");
      const auto text =
          fallback.is_string() ? ApiHome::text(schema, "default") : json::serialize(fallback);
      INFO(route.pattern << " " << name << " is " << text << " by itself");
      CHECK(answer(text).body == answer("").body);
      if (name == "offset" || !schema.contains("maximum")) continue;
      const auto max = schema.at("maximum").to_number<std::size_t>();
      if (schema.contains("description"))
        CHECK(shown(answer(std::to_string(max + 1))) == shown(answer(std::to_string(max))));
      if (name == "count") CHECK(shown(answer(std::to_string(max + 1))) == max);
    }
  }
  for (const char* kind : {"integer", "enum", "array", "Id", "TimeOrAgo"}) {
    INFO(kind);
    CHECK(asked[kind] > 3);
  }
}

}  // namespace rruled::test
