#include "daemon/api/audience.h"

#include "api_home.h"
#include "daemon/core/child_run.h"

#include <chrono>
#include <future>
#include <mutex>

namespace rruled::test {
namespace {

using Home = ApiHome;

const std::string kPersons = Home::kProject + "persons/";
const std::string kRadius = Home::kFlows + "user_blast_radius/";

api::Response put_lines(Home& home, const std::string& lines, const char* type) {
  // The one Content-Type that counts is the first.
  return home.ask("POST", kPersons, lines, {.headers = {{"Content-Type", type}}});
}

std::int64_t number(const boost::json::value& object, const char* key) {
  return object.at(key).as_int64();
}

}  // namespace

TEST_CASE("a person is made, replaced and found") {
  Home home(either_store());
  const auto ann =
      home.json(201, "POST", kPersons, R"({"distinct_id":"ann","properties":{"age":31,"a":"Ž"}})");
  CHECK(Home::text(ann, "distinct_id") == "ann");
  CHECK(ann.at("properties") == boost::json::parse(R"({"age":31,"a":"Ž"})"));
  CHECK(Home::text(ann, "created_at") == "2026-01-05T09:00:00.000000Z");
  home.clock.at += std::chrono::seconds(5);
  const auto again = home.json(200, "POST", kPersons, R"({"distinct_id":"ann"})");
  CHECK(again.at("id") == ann.at("id"));
  CHECK(again.at("properties") == ann.at("properties"));
  CHECK(Home::text(again, "updated_at") == "2026-01-05T09:00:05.000000Z");
  home.json(201, "POST", kPersons, R"({"distinct_id":"bob"})");
  const auto page = home.json(200, "GET", kPersons + "?limit=1");
  CHECK(number(page, "count") == 2);
  CHECK(page.at("results").as_array().size() == 1);
  CHECK(page.at("next").is_string());
  const auto found = home.json(200, "GET", kPersons + "?distinct_id=bob");
  CHECK(number(found, "count") == 1);
  CHECK(number(home.json(200, "GET", "/api/projects/2/persons/", "", {.token = home.other}),
               "count") == 0);
}

TEST_CASE("persons come in bulk, a line each, all or none") {
  Home home(either_store());
  const std::string three =
      "{\"distinct_id\":\"a\"}\r\n\n{\"distinct_id\":\"b\",\"properties\":{\"x\":1}}\n"
      "{\"distinct_id\":\"a\",\"properties\":{\"x\":2}}";
  for (const auto* type : {"application/x-ndjson", "application/jsonl; charset=utf-8"}) {
    const auto response = put_lines(home, three, type);
    CHECK(response.status == 200);
    const bool first = std::string(type).find("x-ndjson") != std::string::npos;
    CHECK(response.body ==
          (first ? R"({"created":2,"updated":0})" : R"({"created":0,"updated":2})"));
  }
  // A name that is misspelt does not take the properties away in silence.
  const auto typo =
      put_lines(home, "{\"distinct_id\":\"a\",\"propertis\":{\"x\":3}}\n", "application/x-ndjson");
  CHECK(typo.status == 200);
  CHECK(header(typo, "Warning").find("propertis") != std::string::npos);
  struct Bad {
    const char* lines;
    const char* said;
  };
  for (const auto& [lines, said] : std::vector<Bad>{
           {"{\"distinct_id\":\"c\"}\n{\"distinct_id\":\"\"}", R"("attr":"1__distinct_id")"},
           {"{\"distinct_id\":\"c\"}\n[]", R"("attr":"1")"},
           {"{\"distinct_id\":\"c\"}\n{", "(line 2, column 2)"},
           {"\n\n", "Expected a JSON object on each line"},
       }) {
    INFO(lines);
    const auto response = put_lines(home, lines, "application/x-ndjson");
    CHECK(response.status == 400);
    CHECK(response.body.find(said) != std::string::npos);
  }
  CHECK(number(home.json(200, "GET", kPersons), "count") == 2);
  const auto elsewhere = home.ask("POST", Home::kFlows, "{}\n{}",
                                  {.headers = {{"Content-Type", "application/x-ndjson"}}});
  CHECK(elsewhere.status == 415);
}

TEST_CASE("a person put without properties lost those it had") {
  Home home(either_store());
  const auto lines = [&](const std::string& text) {
    return put_lines(home, text, "application/jsonl").body;
  };
  const auto is = [&](const std::string& properties) {
    const auto radius =
        home.json(200, "POST", kRadius, R"({"filters":{"properties":[{"key":"age","value":31}]}})");
    const bool matches = properties.find("31") != std::string::npos;
    CHECK(number(radius, "affected") == (matches ? 1 : 0));
    const auto ann = home.json(200, "GET", kPersons + "?distinct_id=ann").at("results").at(0);
    CHECK(ann.at("properties") == boost::json::parse(properties));
  };
  home.json(201, "POST", kPersons, R"({"distinct_id":"ann","properties":{"age":31}})");
  home.json(200, "POST", kPersons, "distinct_id=ann", {.form = true});
  is(R"({"age":31})");
  CHECK(lines(R"({"distinct_id":"ann","propertis":{"age":3}})") == R"({"created":0,"updated":1})");
  is(R"({"age":31})");
  home.json(200, "POST", kPersons, R"({"distinct_id":"ann","properties":{}})");
  is("{}");
  // Of one that comes twice the last with properties counts.
  CHECK(lines("{\"distinct_id\":\"ann\",\"properties\":{\"age\":31}}\n{\"distinct_id\":\"ann\"}\n"
              "{\"distinct_id\":\"new\"}") == R"({"created":1,"updated":1})");
  is(R"({"age":31})");
  CHECK(lines("{\"distinct_id\":\"ann\"}\n{\"distinct_id\":\"ann\",\"properties\":{}}") ==
        R"({"created":0,"updated":1})");
  is("{}");
}

TEST_CASE("the blast radius counts who filters match") {
  Home home(either_store());
  put_lines(home,
            "{\"distinct_id\":\"a\",\"properties\":{\"age\":17}}\n"
            "{\"distinct_id\":\"b\",\"properties\":{\"age\":31}}\n{\"distinct_id\":\"c\"}",
            "application/jsonl");
  const auto radius = [&](const std::string& filters) {
    const auto answer = home.json(200, "POST", kRadius, R"({"filters":)" + filters + "}");
    return std::pair(number(answer, "affected"), number(answer, "total"));
  };
  CHECK(radius(R"({"properties":[]})") == std::pair<std::int64_t, std::int64_t>(3, 3));
  CHECK(radius(R"({})") == std::pair<std::int64_t, std::int64_t>(3, 3));
  CHECK(radius(R"({"properties":[{"key":"age","operator":"gte","value":18}]})") ==
        std::pair<std::int64_t, std::int64_t>(1, 3));
  const auto told = home.ask("POST", kRadius, R"({"filters":{},"typo":1})");
  CHECK(header(told, "Warning").find("typo") != std::string::npos);
  const auto refused = [&](const std::string& body) {
    const auto answer = home.json(400, "POST", kRadius, body);
    return Home::text(answer, "attr") + ": " + Home::text(answer, "detail");
  };
  CHECK(refused("{}") == ": Missing filters for which to get blast radius");
  CHECK(refused(R"({"filters":{},"group_type_index":0})") ==
        "group_type_index: Groups are not supported: an audience is made of persons.");
  CHECK(refused(R"({"filters":{"properties":[{"key":"a","operator":"~","value":1}]}})") ==
        "filters__properties__0__operator: \"~\" is not a known operator.");
}

TEST_CASE("a question about an audience ends after ten seconds, and has the turn after a moment") {
  using namespace std::chrono_literals;
  api::LongWork work;
  std::chrono::steady_clock::time_point at{};
  const api::Question::Now now = [&] { return at; };
  // Asked on another thread: a mutex must not be tried by the one that has it.
  const auto is_free = [&] {
    const auto take = [&] { return std::unique_lock(work.turn, std::try_to_lock).owns_lock(); };
    return std::async(std::launch::async, take).get();
  };
  {
    api::Question first(work, now);
    api::Question second(work, now);
    CHECK(first.goes_on());
    CHECK(is_free());
    at += 499ms;
    CHECK(first.goes_on());
    CHECK(second.goes_on());
    CHECK(is_free());
    at += 1ms;
    CHECK(first.goes_on());
    CHECK_FALSE(is_free());
    at += 9'499ms;
    CHECK(first.goes_on());
    at += 1ms;
    CHECK_FALSE(first.goes_on());
    const auto told = first.refusal();
    CHECK(told.status == 400);
    CHECK(told.body.find("use fewer conditions") != std::string::npos);
  }
  CHECK(is_free());
}

TEST_CASE("of two long questions about an audience one is refused") {
  api::LongWork work;
  std::chrono::steady_clock::time_point at{};
  api::Question question(work, [&] { return at; });
  std::unique_lock other(work.turn);
  CHECK(question.goes_on());
  at += api::kBriefQuestion;
  // On another thread, as a backend's is: this one has the turn already.
  CHECK_FALSE(std::async(std::launch::async, [&] { return question.goes_on(); }).get());
  CHECK(question.refusal().status == 503);
}

TEST_CASE("a question about an audience was counted to its end whatever happened") {
  Home home(either_store());
  put_lines(home, "{\"distinct_id\":\"a\",\"properties\":{\"x\":1}}\n{\"distinct_id\":\"b\"}",
            "application/jsonl");
  const std::string filters = R"({"filters":{"properties":[{"key":"x","value":1}]}})";
  (void)home.json(200, "POST", kRadius, filters);
  home.stop();
  const auto ended = home.ask("POST", kRadius, filters);
  CHECK(ended.status == 503);
  CHECK(ended.body.find("The daemon stops") != std::string::npos);
}

TEST_CASE("a question that costs too much for one person says what to do") {
  Home home(either_store());
  put_lines(home, R"({"distinct_id":"a","properties":{"t":")" + std::string(60'000, 'a') + R"("}})",
            "application/jsonl");
  std::string patterns;
  for (int i = 0; i < 50; ++i)
    patterns +=
        std::string(i == 0 ? "" : ",") + R"({"key":"t","operator":"regex","value":"a|x{900}"})";
  const auto refused =
      home.json(400, "POST", kRadius, R"({"filters":{"properties":[)" + patterns + "]}}");
  CHECK(Home::text(refused, "attr") == "filters");
  CHECK(Home::text(refused, "detail").find("use fewer and simpler ones") != std::string::npos);
}

TEST_CASE("a flow with filters that mean nothing cannot become active") {
  Home home(either_store());
  const std::string trigger = R"("trigger":{"type":"batch","filters":{"properties":[)"
                              R"({"key":"a","operator":"regex","value":"("}]}})";
  const auto draft = home.json(201, "POST", Home::kFlows, R"({"name":"d",)" + trigger + "}");
  const auto refused = home.json(400, "PATCH", Home::kFlows + Home::text(draft, "id") + "/",
                                 R"({"status":"active"})");
  CHECK(Home::text(refused, "attr") == "actions__0__filters__properties__0__value");
  CHECK(Home::text(refused, "detail").starts_with("Not a regular expression of RE2"));
}

TEST_CASE("an audience that could be sized could not be saved") {
  Home home(either_store());
  put_lines(home,
            "{\"distinct_id\":\"a\",\"properties\":{\"age\":17}}\n"
            "{\"distinct_id\":\"b\",\"properties\":{\"age\":31}}\n{\"distinct_id\":\"c\"}",
            "application/jsonl");
  const std::string group =
      R"({"type":"OR","values":[{"key":"age","value":17},{"key":"age","value":31}]})";
  for (const auto& filters :
       {group, R"({"properties":)" + group + "}", R"({"properties":[)" + group + "]}"}) {
    CAPTURE(filters);
    const auto sized = home.json(200, "POST", kRadius, R"({"filters":)" + filters + "}");
    CHECK(number(sized, "affected") == 2);
    const std::string trigger = R"({"trigger":{"type":"batch","filters":)" + filters + "}";
    const auto draft = home.json(201, "POST", Home::kFlows, trigger + "}");
    const auto path = Home::kFlows + Home::text(draft, "id") + "/";
    const auto active = home.json(200, "PATCH", path, R"({"status":"active"})");
    CHECK(active.at("trigger").at("filters") == boost::json::parse(filters));  // as sent
    (void)home.json(201, "POST", Home::kFlows, trigger + R"(,"status":"active"})");
    const auto jobs = path + "batch_jobs/";
    (void)home.json(200, "POST", jobs, R"({"filters":)" + filters + "}");
    const auto other = home.json(400, "POST", jobs, R"({"filters":{"properties":[]}})");
    CHECK(Home::text(other, "detail") == "They differ from the filters of the flow's trigger.");
  }
}

TEST_CASE("a batch job shows its progress, and is cancelled half way") {
  Home home(either_store());
  std::string lines;
  for (int i = 0; i < 5; ++i) lines += "{\"distinct_id\":\"p" + std::to_string(i) + "\"}\n";
  put_lines(home, lines, "application/jsonl");
  const auto flow = home.make_flow("batch");
  const auto jobs = Home::kFlows + flow + "/batch_jobs/";
  const auto ordered = home.json(200, "POST", jobs, "{}");
  CHECK(ordered.at("progress").is_null());
  const auto id = *store::parse_id<store::RunId>(Home::text(ordered, "id"));

  // What the daemon does meanwhile.
  auto& store = *home.backend().store;
  const auto audience = store.audience();
  const auto claimant = store.begin_session({store::random_uuid_v7(home.clock.at)}, home.clock.at);
  const auto claim = [&] {
    const auto runs = store.claim({claimant.claimant, {"default"}, 1}, home.clock.at).runs;
    REQUIRE(runs.size() == 1);
    return runs.front();
  };
  const auto run = claim();
  REQUIRE(audience->open_job({id, run.fence, claimant.claimant}, home.clock.at));
  store::FanOut page;
  page.claim = {id, run.fence, claimant.claimant};
  page.page = 2;
  while (audience->fan_out(page, core::ChildMaker(run), home.clock.at).kind ==
         store::FannedOut::Kind::more) {
  }
  const auto child = claim();
  // It goes on with the filters it began with.
  (void)home.json(200, "PATCH", Home::kFlows + flow,
                  R"({"trigger":{"type":"batch","filters":{"properties":[)"
                  R"({"key":"age","type":"person","operator":"exact","value":1}]}}})");
  const auto active = home.json(200, "GET", jobs + "?status=active");
  REQUIRE(number(active, "count") == 1);
  CHECK(active.at("results").at(0).at("progress") ==
        boost::json::parse(R"({"total":5,"enqueued":5,"done":0,"failed":0,"truncated":false})"));

  CHECK(active.at("results").at(0).at("filters") == boost::json::parse(R"({"properties":[]})"));

  const auto stopped = home.json(202, "POST", jobs + to_string(id) + "/cancel/");
  CHECK(Home::text(stopped, "status") == "active");  // one child is with its executor
  std::size_t cancelled = 0;
  for (const auto& each : store.runs({.status = store::RunStatus::cancelled})) {
    CHECK(each.origin == store::RunOrigin::child);
    ++cancelled;
  }
  CHECK(cancelled == 4);
  store::Finish finish;
  finish.run_id = child.id;
  finish.fence = child.fence;
  finish.attempt.run_id = child.id;
  finish.attempt.started_at = home.clock.at;
  REQUIRE(store.finish({finish}, claimant.claimant, home.clock.at).front().written);
  (void)audience->end_jobs({}, home.clock.at);
  const auto ended = home.json(200, "POST", jobs + to_string(id) + "/cancel/");
  CHECK(Home::text(ended, "status") == "cancelled");
  CHECK(number(ended.at("progress"), "done") == 1);
}

}  // namespace rruled::test
