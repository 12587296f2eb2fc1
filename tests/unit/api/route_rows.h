#pragma once

#include "daemon/api/openapi_examples.h"
#include "daemon/api/routes.h"
#include "tests/unit/api/api_home.h"

#include <string>

// What routes need to be asked, each by what the table and the description say of it.
namespace rruled::test {

namespace json = boost::json;

inline json::object description_of(ApiHome& home) {
  return json::parse(home.ask("GET", "/openapi.json", "", {.anonymous = true}).body).as_object();
}

// The body that the description shows as an example; every route with a body has one.
inline std::string good_body(const json::object& description, const api::Route& route) {
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

inline std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  return at == std::string::npos ? text : text.replace(at, what.size(), by);
}

// A store with what the paths name.
struct Rows {
  explicit Rows(ApiHome& home, const api::Route& route) {
    const bool invokes = route.pattern.ends_with("invocations/");
    flow = home.make_flow(invokes ? "schedule" : "batch");
    schedule = home.make_schedule(flow);
    run = ApiHome::text(
        home.json(200, "POST", ApiHome::kFlows + flow + (invokes ? "/invocations" : "/batch_jobs")),
        "id");
  }
  // What the route acts on is in a state in which it can.
  void prepare(ApiHome& home, const api::Route& route) {
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
  [[nodiscard]] std::string path(const api::Route& route, const std::string& project = "1") const {
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

}  // namespace rruled::test
