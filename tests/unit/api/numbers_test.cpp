// Numbers that come in a body are the same wherever they are read again.
#include "tests/unit/api/api_home.h"

#include <bit>
#include <cmath>
#include <random>

namespace rruled::test {
namespace {

namespace json = boost::json;

// Of 16 and 17 digits, of every size, and some that are whole.
json::array many_doubles() {
  std::mt19937_64 random(20261129);
  json::array numbers{0.15838287025480557, 1700000000.4369655, -8.737863562245815e-10, 3.0, 19.99};
  while (numbers.size() < 500)
    numbers.emplace_back(std::uniform_real_distribution<double>(-1'000, 1'000)(random));
  while (numbers.size() < 1'000)
    if (const auto number = std::bit_cast<double>(random()); std::isfinite(number))
      numbers.emplace_back(number);
  return numbers;
}

// As a client with exact numbers reads the answer.
json::value exact(ApiHome& home,
                  int status,
                  const std::string& method,
                  const std::string& target,
                  const json::value& body = json::object()) {
  const auto response = home.ask(method, target, method == "GET" ? "" : core::json_text(body));
  INFO(method << " " << target << " -> " << response.body.substr(0, 200));
  REQUIRE(response.status == status);
  return core::parse_json(response.body).value();
}

}  // namespace

TEST_CASE("numbers of many digits were read back from the store as others") {
  ApiHome home(either_store());
  const json::array numbers = many_doubles();
  const json::object held{{"n", numbers}};
  const json::array actions{{{"id", "t"}, {"type", "trigger"}, {"config", {{"type", "schedule"}}}},
                            {{"id", "w"}, {"type", "function"}, {"config", held}}};
  const auto flow =
      exact(home, 201, "POST", kFlows,
            {{"name", "f"}, {"status", "active"}, {"conversion", held}, {"actions", actions}});
  const std::string path = kFlows + ApiHome::text(flow, "id") + "/";
  // A change of the trigger alone writes the other actions again.
  (void)exact(home, 200, "PATCH", path, {{"trigger", {{"type", "schedule"}, {"note", "n"}}}});
  const auto stored = exact(home, 200, "GET", path);
  CHECK(stored.at("conversion") == held);
  CHECK(stored.at("actions").at(1).at("config") == held);
  const auto schedule =
      exact(home, 201, "POST", path + "schedules/",
            {{"rrule", "FREQ=DAILY"}, {"starts_at", "2026-01-01T00:00:00Z"}, {"variables", held}});
  CHECK(schedule.at("variables") == held);
  const auto run =
      exact(home, 200, "POST", path + "schedules/" + ApiHome::text(schedule, "id") + "/run/");
  CHECK(run.at("variables") == held);
  CHECK(run.at("body").at("variables") == held);
  // What is sent.
  const auto kept = home.backend().store->runs({});
  REQUIRE(kept.size() == 1);
  CHECK(core::parse_json(kept.front().body).value().at("variables") == held);
  CHECK(kept.front().body.find(core::json_text(held)) != std::string::npos);
  const auto person = exact(home, 201, "POST", kProject + "persons/",
                            {{"distinct_id", "ann"}, {"properties", held}});
  CHECK(person.at("properties") == held);
}

TEST_CASE("a batch job reached nobody of those whom its filters had counted") {
  ApiHome home(either_store());
  json::array conditions;
  json::object properties;
  for (const auto& number : many_doubles()) {
    if (conditions.size() == 200) break;
    const std::string key = "k" + std::to_string(conditions.size());
    properties[key] = number;
    conditions.push_back(json::object{{"key", key}, {"operator", "exact"}, {"value", number}});
  }
  (void)exact(home, 201, "POST", kProject + "persons/",
              {{"distinct_id", "ann"}, {"properties", properties}});
  const json::object filters{{"properties", conditions}};
  const auto flow =
      exact(home, 201, "POST", kFlows,
            {{"status", "active"}, {"trigger", {{"type", "batch"}, {"filters", filters}}}});
  const auto shown = flow.at("trigger").at("filters");
  for (const auto& each : {json::value(filters), shown})
    CHECK(exact(home, 200, "POST", kFlows + "user_blast_radius/", {{"filters", each}})
              .at("affected") == 1);
  const auto jobs = kFlows + ApiHome::text(flow, "id") + "/batch_jobs/";
  for (const auto& each : {json::value(filters), shown})
    (void)exact(home, 200, "POST", jobs, {{"filters", each}});
}

TEST_CASE("a client that writes 18 for 18.0 could not confirm filters") {
  ApiHome home(either_store());
  const auto trigger = [](const std::string& number) {
    return R"({"type":"batch","filters":{"properties":[{"key":"age","operator":"gte","value":)" +
           number + "}]}}";
  };
  const auto flow =
      home.json(201, "POST", kFlows, R"({"status":"active","trigger":)" + trigger("18.0") + "}");
  const auto path = kFlows + ApiHome::text(flow, "id") + "/";
  const auto filters = [&](const std::string& number) {
    return R"({"filters":{"properties":[{"value":)" + number +
           R"(,"operator":"gte","key":"age"}]}})";
  };
  for (const char* number : {"18", "18.0", "1.8e1"})
    home.json(200, "POST", path + "batch_jobs/", filters(number));
  home.json(400, "POST", path + "batch_jobs/", filters("18.000000000000004"));
  const auto version = [&](const std::string& number) {
    return home.json(200, "PATCH", path, R"({"trigger":)" + trigger(number) + "}").at("version");
  };
  CHECK(version("18") == 1);
  CHECK(version("9007199254740991.0") == 2);
  CHECK(version("9007199254740991") == 2);
  CHECK(version("9007199254740992") == 3);
  CHECK(version("9007199254740993") == 4);
  // The same body again, from another client.
  const auto job = [&](const std::string& number) {
    return home.ask("POST", path + "batch_jobs/", R"({"variables":{"a":)" + number + "}}",
                    {.headers = {{"Idempotency-Key", "once"}}});
  };
  CHECK(job("1").status == 200);
  CHECK(header(job("1.0"), "Idempotency-Replayed") == "true");
  CHECK(job("2").status == 422);
}

TEST_CASE("filters were confirmed by others that reach other persons") {
  ApiHome home(either_store());
  const auto filters = [](const char* number) {
    return std::string(R"({"properties":[{"key":"id","operator":"exact","value":)") + number +
           "}]}";
  };
  const char* big = "10000000000000000000";
  home.json(201, "POST", kProject + "persons/",
            std::string(R"({"distinct_id":"ann","properties":{"id":)") + big + "}}");
  const auto flow =
      home.json(201, "POST", kFlows,
                R"({"status":"active","trigger":{"type":"batch","filters":)" + filters(big) + "}}");
  const auto ask = [&](int status, const std::string& path, const char* number) {
    return home.json(status, "POST", kFlows + path, R"({"filters":)" + filters(number) + "}");
  };
  CHECK(ask(200, "user_blast_radius/", big).at("affected") == 1);
  CHECK(ask(200, "user_blast_radius/", "1e19").at("affected") == 0);
  const auto jobs = ApiHome::text(flow, "id") + "/batch_jobs/";
  ask(200, jobs, big);
  CHECK(attr(ask(400, jobs, "1e19")) == "filters");
}

TEST_CASE("a change from 3 to 3.0 was answered and not written") {
  ApiHome home(either_store());
  const auto actions = [](const char* number) {
    return std::string(R"("actions":[{"id":"t","type":"trigger","config":{"type":"schedule"}},)") +
           R"({"id":"w","type":"function","config":{"a":)" + number + "}}]";
  };
  const auto flow =
      home.json(201, "POST", kFlows,
                R"({"name":"f","status":"active","conversion":{"a":3},)" + actions("3") + "}");
  const auto path = kFlows + ApiHome::text(flow, "id") + "/";
  const auto conversion = home.json(200, "PATCH", path, R"({"conversion":{"a":3.0}})");
  CHECK(conversion.at("conversion").at("a").is_double());
  CHECK(conversion.at("version") == 1);  // it runs the same
  const auto changed = home.json(200, "PATCH", path, "{" + actions("3.0") + "}");
  CHECK(changed.at("actions").at(1).at("config").at("a").is_double());
  CHECK(changed.at("version") == 1);
  const auto schedule =
      path + "schedules/" +
      ApiHome::text(home.json(201, "POST", path + "schedules/",
                              R"({"rrule":"FREQ=DAILY","starts_at":"2026-01-01T00:00:00Z",)"
                              R"("variables":{"a":3,"b":1}})"),
                    "id") +
      "/";
  const auto patched = [&](const char* variables) {
    (void)home.json(200, "PATCH", schedule, std::string(R"({"variables":)") + variables + "}");
    const auto shown = home.ask("GET", schedule);
    return std::pair(header(shown, "ETag"), json::parse(shown.body).at("variables"));
  };
  const auto [before, stored] = patched(R"({"b":1,"a":3})");
  CHECK(patched(R"({"a":3,"b":1})").first == before);  // no change
  const auto [after, written] = patched(R"({"a":3.0,"b":1})");
  CHECK(after != before);
  CHECK(written.at("a").is_double());
}

TEST_CASE("a key from before numbers were compared by value was refused for the same body") {
  ApiHome home(either_store());
  const auto flow = home.make_flow("batch");
  const auto path = kFlows + flow + "/batch_jobs/";
  const auto id = store::uuid_v5(store::parse_id<store::FlowId>(flow)->value,
                                 "/api/projects/{project_id}/hog_flows/{id}/batch_jobs/\nearlier");
  const auto kept = io::sha256_hex(R"({"variables":{"a":3.0,"b":1}})");
  REQUIRE(home.backend().directory->remember_request(id, kept) == kept);
  const auto status = [&](const std::string& variables) {
    return home
        .ask("POST", path, R"({"variables":)" + variables + "}",
             {.headers = {{"Idempotency-Key", "earlier"}}})
        .status;
  };
  CHECK(status(R"({"b":1,"a":4.0})") == 422);
  CHECK(status(R"({"b":1,"a":3.0})") == 200);
  CHECK(ApiHome::text(home.json(200, "GET", path).at("results").at(0), "id") ==
        to_string(store::RunId{id}));
  CHECK(status(R"({"a":3.0,"b":1})") == 200);
  CHECK(status(R"({"b":1,"a":4.0})") == 422);
  CHECK(home.json(200, "GET", path).at("count") == 1);
}

}  // namespace rruled::test
