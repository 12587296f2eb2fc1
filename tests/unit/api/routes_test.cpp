// Every route, by the table itself: who may, with which body, on both stores.
#include "daemon/api/routes.h"

#include "daemon/api/openapi_examples.h"
#include "tests/unit/api/api_home.h"

#include <map>
#include <set>

namespace rruled::test {
namespace {

namespace json = boost::json;
using api::Route;
using api::Scope;

// The body that the description shows as an example; every route with a body has one.
std::string good_body(const json::object& description, const Route& route) {
  if (route.text.request.empty()) return {};
  std::string verb(word(route.verb));
  for (char& c : verb) c = static_cast<char>(c - 'A' + 'a');
  const auto& operation = description.at("paths").at(route.pattern).at(verb);
  const auto& example =
      operation.at("requestBody").at("content").at("application/json").at("example");
  INFO(route.pattern << " needs an example of " << route.text.request);
  REQUIRE(example.is_object());
  return json::serialize(example);
}
// One that is JSON, but wrong; empty: nothing can be wrong with it.
const std::map<std::string_view, std::string> kBad = {
    {"", ""},
    {"Flow", R"({"status":"lively"})"},
    {"Schedule", R"({"rrule":"FREQ=NEVER","starts_at":"2026-01-01T00:00:00Z"})"},
    {"Variables", R"({"variables":[]})"},
    {"JobRequest", R"({"filters":{"properties":[{}]}})"},
    {"Ids", R"({"ids":[]})"},
    {"PreviewRequest", R"({"rrule":"FREQ=NEVER"})"},
    {"Calendar", R"({"dates":["soon"]})"},
    {"BackfillRequest", R"({"from":"2026-01-04T00:00:00Z"})"},
    {"PauseRequest", R"({"catch_up":1})"},
    {"Person", R"({"distinct_id":7})"},
    {"BlastRadiusRequest", R"({"filters":[]})"},
};

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  return at == std::string::npos ? text : text.replace(at, what.size(), by);
}

// A store with what the paths name.
struct Rows {
  explicit Rows(ApiHome& home, const Route& route) {
    const bool invokes = route.pattern.ends_with("invocations/");
    flow = home.make_flow(invokes ? "schedule" : "batch");
    schedule = home.make_schedule(flow);
    run = ApiHome::text(
        home.json(200, "POST", ApiHome::kFlows + flow + (invokes ? "/invocations" : "/batch_jobs")),
        "id");
  }
  // What the route acts on is in a state in which it can.
  void prepare(ApiHome& home, const Route& route) {
    auto& store = *home.backend().store;
    if (route.pattern.ends_with("retry/")) {
      const auto claimant =
          store.begin_session(store::OwnerId{store::random_uuid_v7(home.clock.at)}, home.clock.at)
              .claimant;
      for (const auto& each : store.claim({claimant, {"default"}, 10}, home.clock.at).runs) {
        store::Finish end;
        end.run_id = each.id;
        end.fence = each.fence;
        end.status = store::RunStatus::dead;
        end.attempt = {each.id, each.attempts, home.clock.at, home.clock.at, "failed", {}, "no"};
        (void)store.finish({end}, claimant, home.clock.at);
      }
    }
    if (route.pattern.find("calendars/") != std::string_view::npos)
      home.json(201, "POST", ApiHome::kProject + "calendars/",
                json::serialize(api::example_of("Calendar")));
    if (route.pattern.find("backfills/") != std::string_view::npos && backfill.empty())
      backfill = ApiHome::text(
          home.json(202, "POST", ApiHome::kFlows + flow + "/schedules/" + schedule + "/backfill/",
                    json::serialize(api::example_of("BackfillRequest"))),
          "backfill_id");
  }
  [[nodiscard]] std::string path(const Route& route, const std::string& project = "1") const {
    std::string path(route.pattern);
    path = replaced(path, "{project_id}", project);
    path = replaced(path, "{id}", flow);
    path = replaced(path, "{sid}", schedule);
    path = replaced(path, "{jid}", run);
    path = replaced(path, "{name}", "holidays");
    path = replaced(path, "{bid}", backfill);
    return replaced(path, "{rid}", run);
  }
  std::string flow, schedule, run, backfill;
};

}  // namespace

TEST_CASE("every route: who may, and with which body") {
  const auto kind = either_store();
  std::size_t asked = 0;
  ApiHome describing(StoreKind::memory);
  const auto description =
      json::parse(describing.ask("GET", "/openapi.json", "", {.anonymous = true}).body).as_object();
  for (const Route& route : api::api_routes()) {
    ApiHome home(kind);
    Rows rows(home, route);
    rows.prepare(home, route);
    const std::string method(word(route.verb));
    const std::string path = rows.path(route);
    const std::string without_slash = path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
    const std::string good = good_body(description, route);
    const auto status = [&](const std::string& target, const std::string& body,
                            const ApiHome::Ask& how) {
      ++asked;
      const auto response = home.ask(method, target, body, how);
      if (response.status >= 400) {
        const auto problem = json::parse(response.body).as_object();
        CHECK(problem.size() == 4);
      }
      return response.status;
    };
    INFO(method << " " << path);
    const bool open = route.scope == Scope::open;
    const bool writes = route.scope == Scope::write;
    const auto expected = [&](int refused) { return open ? route.text.status : refused; };
    CHECK(status(path, good, {.anonymous = true}) == expected(401));
    CHECK(status(path, good, {.token = "rru_wrong"}) == expected(401));
    CHECK(status(path, good, {.token = "rru_" + std::string(64, 'a')}) == expected(401));
    CHECK(status(path, good, {.token = home.expired}) == expected(401));
    CHECK(status(path, good, {.token = home.revoked}) == expected(401));
    CHECK(status(path, good, {.token = home.nothing}) == expected(403));
    CHECK(status(path, good, {.token = home.other}) == expected(403));
    if (writes) CHECK(status(path, good, {.token = home.read}) == 403);
    if (!open) CHECK(status(replaced(path, "/1/", "/x/"), good, {}) == 404);
    // Rows of another project are not there.
    if (path.find(rows.flow) != std::string::npos || path.find(rows.run) != std::string::npos)
      CHECK(status(rows.path(route, "2"), good, {.token = home.all}) == 404);
    if (!route.text.request.empty()) {
      CHECK(status(path, kBad.at(route.text.request), {}) == 400);
      for (const char* broken : {"{", "[1]", "{\"a\":1,\"a\":2}", "{\"a\":\"\xff\"}", "{}x"})
        CHECK(status(path, broken, {}) == 400);
      CHECK(status(path, "a=%", {.form = true}) == 400);
      CHECK(status(path, good, {.headers = {{"Content-Encoding", "gzip"}}}) == 415);
    }
    CHECK(status(path, good, {.headers = {{"Accept", "text/html"}}}) ==
          (api::is_health_route(route) ? 200 : 406));
    const auto token = writes ? home.write : home.read;
    CHECK(status(path, good, {.token = token}) == route.text.status);
    if (route.verb != api::Verb::del) rows.prepare(home, route);
    if (route.verb != api::Verb::del)
      // The same person again is not made, but replaced.
      CHECK(status(without_slash, good, {.token = token}) ==
            (route.text.request == "Person" ? 200 : route.text.status));
    else
      CHECK(status(without_slash, good, {.token = token}) == 404);  // it is gone
  }
  CHECK(asked > 300);
}

TEST_CASE("methods that a path does not have") {
  ApiHome home(StoreKind::memory);
  std::map<std::string_view, std::set<std::string_view>> verbs;
  for (const Route& route : api::api_routes()) verbs[route.pattern].insert(word(route.verb));
  for (const auto& [pattern, known] : verbs) {
    const std::string path = replaced(std::string(pattern), "{project_id}", "1");
    for (const char* method :
         {"GET", "POST", "PATCH", "DELETE", "PUT", "TRACE", "get", "OPTIONS"}) {
      if (known.contains(method)) continue;
      INFO(method << " " << path);
      const auto response = home.ask(method, path);
      CHECK(response.status == (std::string_view(method) == "OPTIONS" ? 204 : 405));
      for (const auto& each : known)
        CHECK(header(response, "Allow").find(each) != std::string::npos);
    }
  }
  CHECK(home.ask("GET", "/nothing").status == 404);
  CHECK(home.ask("GET", "/api/projects/1/hog_flows/%2e%2e/").status == 404);
  CHECK(home.ask("GET", ApiHome::kFlows + "?search=%").status == 400);
}

TEST_CASE("an API without tokens answers programs of this machine alone") {
  ApiHome home(StoreKind::memory, io::ApiAuth::none);
  CHECK(home.ask("GET", ApiHome::kFlows, "", {.anonymous = true}).status == 403);
  CHECK(home.ask("GET", "/livez", "", {.anonymous = true}).status == 403);
  ApiHome::Ask local{.headers = {{"Host", "127.0.0.1:8480"}}, .anonymous = true};
  CHECK(home.ask("GET", ApiHome::kFlows, "", local).status == 200);
  CHECK(home.ask("POST", ApiHome::kFlows, "{}", local).status == 201);
  local.headers.push_back({"Origin", "http://example.com"});
  CHECK(home.ask("POST", ApiHome::kFlows, "{}", local).status == 403);
}

TEST_CASE("when a token was used is known, to a few minutes") {
  ApiHome home(either_store());
  const auto used = [&] {
    for (const auto& token : home.backend().directory->tokens())
      if (token.hash == *io::api_token_hash(home.read)) return token.last_used_at;
    return std::optional<store::Timestamp>();
  };
  CHECK(!used());
  const auto first = home.clock.at;
  (void)home.ask("GET", ApiHome::kFlows, "", {.token = home.read});
  CHECK(used() == first);
  home.clock.at += std::chrono::minutes(4);
  (void)home.ask("GET", ApiHome::kFlows, "", {.token = home.read});
  CHECK(used() == first);
  home.clock.at += std::chrono::minutes(1);
  (void)home.ask("GET", ApiHome::kFlows, "", {.token = home.read});
  CHECK(used() == home.clock.at);
}

TEST_CASE("what anybody may ask is not waited for with a body") {
  ApiHome home(StoreKind::memory);
  for (const char* path : {"/livez", "/readyz", "/openapi.json"})
    CHECK(home.refused("GET", path) == 413);
  CHECK(home.refused("POST", ApiHome::kFlows) == 0);
}

TEST_CASE("a probe failed by what it said it would read") {
  ApiHome home(StoreKind::memory);
  for (const char* path : {"/livez", "/readyz", "/readyz?verbose", "/healthz", "/metrics"})
    for (const char* accept : {"text/plain", "application/json", "text/html", "*/*;q=0"}) {
      INFO(path << " " << accept);
      const ApiHome::Ask probe{.headers = {{"Accept", accept}}, .anonymous = true};
      CHECK(home.ask("GET", path, "", probe).status == 200);
      CHECK(home.ask("HEAD", path, "", probe).status == 200);
    }
  CHECK(home.ask("GET", "/openapi.json", "", {.headers = {{"Accept", "text/plain"}}}).status ==
        406);
}

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

}  // namespace rruled::test
