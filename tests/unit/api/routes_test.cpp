// Every route, by the table itself: who may, with which body, on both stores.
#include "daemon/api/routes.h"

#include "tests/unit/api/route_rows.h"

#include <map>
#include <set>

namespace rruled::test {
namespace {

namespace json = boost::json;
using api::Route;
using api::Scope;

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

}  // namespace rruled::test
