// What the resources do, on both stores.
#include "tests/unit/api/api_home.h"

#include <set>

namespace rruled::test {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

std::vector<std::string> ids(const json::value& page) {
  std::vector<std::string> all;
  for (const auto& each : page.at("results").as_array()) all.push_back(ApiHome::text(each, "id"));
  return all;
}

// Follows `next` from page to page.
std::vector<std::string> all_ids(ApiHome& home, std::string target) {
  std::vector<std::string> all;
  while (!target.empty()) {
    const auto page = home.json(200, "GET", target);
    for (auto& each : ids(page)) all.push_back(std::move(each));
    target = ApiHome::text(page, "next");
    if (!target.empty()) {
      REQUIRE(target.starts_with("http://api.test/"));
      target.erase(0, std::string("http://api.test").size());
    }
  }
  return all;
}

}  // namespace

TEST_CASE("a new schedule is active: another status is passed over, and said so") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const auto made =
      home.ask("POST", kFlows + flow + "/schedules/",
               R"({"rrule":"FREQ=DAILY","starts_at":"2026-01-01T12:00:00Z","status":"paused"})");
  CHECK(made.status == 201);
  CHECK(header(made, "Warning") == "299 rruled \"ignored unknown fields: status\"");
}

TEST_CASE("flows are made, listed, changed and deleted") {
  ApiHome home(either_store());
  const auto made = home.json(201, "POST", kFlows, R"({"name":"a","nmae":"x","description":"d"})");
  const auto id = ApiHome::text(made, "id");
  CHECK(made.at("status") == "draft");
  CHECK(made.at("version") == 1);
  const auto unknown = home.ask("PATCH", kFlows + id, R"({"nmae":"x","id":"y"})");
  CHECK(header(unknown, "Warning") == "299 rruled \"ignored unknown fields: nmae\"");
  CHECK(home.json(200, "GET", kFlows + id) == made);

  const auto patched = home.json(200, "PATCH", kFlows + id + "/", "name=string", {.form = true});
  CHECK(patched.at("name") == "string");
  CHECK(home.json(400, "PATCH", kFlows + id, R"({"status":"active"})").at("type") ==
        "validation_error");
  home.clock.at += seconds(1);
  const auto second = home.make_flow("schedule", "Zweite");
  CHECK(all_ids(home, kFlows) == std::vector<std::string>{second, id});
  CHECK(all_ids(home, kFlows + "?limit=1") == std::vector<std::string>{second, id});
  CHECK(ids(home.json(200, "GET", kFlows + "?status=active")) == std::vector<std::string>{second});
  CHECK(ids(home.json(200, "GET", kFlows + "?search=zWEI")) == std::vector<std::string>{second});
  CHECK(ids(home.json(200, "GET", kFlows + "?search=D")) == std::vector<std::string>{id});
  CHECK(ids(home.json(200, "GET", kFlows + "?search=%25")).empty());
  CHECK(ids(home.json(200, "GET", kFlows + "?id=" + id)) == std::vector<std::string>{id});
  CHECK(ids(home.json(200, "GET", kFlows + "?created_at=2026-01-05T09:00:01Z")) ==
        std::vector<std::string>{second});
  CHECK(ids(home.json(200, "GET", kFlows + "?created_by=1")).empty());
  const auto page = home.json(200, "GET", kFlows + "?offset=1&limit=1&search=");
  CHECK(page.at("count") == 2);
  CHECK(page.at("next").is_null());
  CHECK(ApiHome::text(page, "previous") ==
        "http://api.test" + kFlows + "?search=&limit=1&offset=0");
  CHECK(attr(home.json(400, "GET", kFlows + "?status=lively")) == "status");
  CHECK(attr(home.json(400, "GET", kFlows + "?limit=x")) == "limit");
  CHECK(attr(home.json(400, "GET", kFlows + "?id=x")) == "id");

  CHECK(home.ask("DELETE", kFlows + id + "/").status == 204);
  CHECK(detail(home.json(404, "GET", kFlows + id)) == "Not found.");
  CHECK(home.ask("DELETE", kFlows + id).status == 404);
}

TEST_CASE("a trigger beside actions was dropped without a word") {
  ApiHome home(either_store());
  const auto path = kFlows + home.make_flow() + "/";
  const std::string actions =
      R"("actions":[{"id":"t","type":"trigger","config":{"type":"schedule","n":1}}])";
  const auto warning = [&](const std::string& method, const std::string& trigger) {
    const auto answer = home.ask(method, method == "POST" ? kFlows : path,
                                 R"({"trigger":)" + trigger + "," + actions + "}");
    CHECK(answer.status == (method == "POST" ? 201 : 200));
    CHECK(json::parse(answer.body).at("trigger").at("type") == "schedule");
    return header(answer, "Warning");
  };
  for (const char* method : {"POST", "PATCH"}) {
    CAPTURE(method);
    CHECK(warning(method, R"({"type":"batch","filters":{"properties":[]}})") ==
          "299 rruled \"ignored: trigger, as actions have another one\"");
    CHECK(warning(method, R"({"n":1.0,"type":"schedule"})").empty());
    CHECK(warning(method, "null").empty());
  }
}

TEST_CASE("the published POST example is no JSON, and is told so") {
  ApiHome home(StoreKind::memory);
  const auto problem = home.json(400, "POST", kFlows, "actions=\"array\"");
  CHECK(problem.at("type") == "invalid_request");
  CHECK(problem.at("code") == "parse_error");
  CHECK(detail(problem).starts_with("JSON parse error - "));
}

TEST_CASE("a change on condition") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const auto schedule = home.make_schedule(flow);
  for (const auto& path : {kFlows + flow, kFlows + flow + "/schedules/" + schedule}) {
    const auto tag = header(home.ask("GET", path), "ETag");
    REQUIRE(tag.size() > 2);
    const std::string body =
        path.find("schedules") == std::string::npos ? R"({"description":"n"})" : R"({"note":"n"})";
    const auto first = home.ask("PATCH", path, body, {.headers = {{"If-Match", "\"x\", " + tag}}});
    CHECK(first.status == 200);
    CHECK(header(first, "ETag") != tag);
    CHECK(home.ask("PATCH", path, body, {.headers = {{"If-Match", tag}}}).status == 412);
    CHECK(home.ask("DELETE", path, "", {.headers = {{"If-Match", tag}}}).status == 412);
    CHECK(home.ask("PATCH", path, body, {.headers = {{"If-Match", "*"}}}).status == 200);
    CHECK(home.ask("GET", path).status == 200);
  }
}

TEST_CASE("what must not be there was written to all the same, and what is known was sent again") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const auto schedule = kFlows + flow + "/schedules/" + home.make_schedule(flow);
  home.json(201, "POST", kProject + "calendars/", R"({"name":"days"})");
  for (const auto& path : {schedule, kProject + "calendars/days", kFlows + flow}) {
    CAPTURE(path);
    const auto asked = [&](const std::string& method, const std::string& tags) {
      const std::string body = method == "PATCH" ? R"({"note":"n","description":"n"})" : "";
      return home.ask(method, path, body, {.headers = {{"If-None-Match", tags}}});
    };
    const auto before = home.ask("GET", path);
    const auto tag = header(before, "ETag");
    for (const std::string& tags : {std::string("*"), tag, "\"x\", W/" + tag}) {
      CAPTURE(tags);
      for (const char* method : {"PATCH", "DELETE"}) CHECK(asked(method, tags).status == 412);
      // A schedule's times move without its ETag.
      const auto again = asked("GET", tags);
      if (path == schedule) {
        CHECK(again.body == before.body);
        continue;
      }
      CHECK(again.status == 304);
      CHECK(again.body.empty());
      CHECK(header(again, "ETag") == tag);
    }
    CHECK(home.ask("GET", path).body == before.body);
    CHECK(asked("GET", "\"x\"").status == 200);
    CHECK(asked("PATCH", "\"x\"").status == 200);
    CHECK(asked("GET", tag).status == 200);
    CHECK(asked("DELETE", tag).status == 204);
    CHECK(asked("GET", "*").status == 404);
  }
}

TEST_CASE("bulk delete takes archived flows of the project, and no others") {
  ApiHome home(either_store());
  const auto archived = home.make_flow();
  const auto active = home.make_flow();
  (void)home.json(200, "PATCH", kFlows + archived, R"({"status":"archived"})");
  const auto foreign = ApiHome::text(home.json(201, "POST", "/api/projects/2/hog_flows/",
                                               R"({"status":"archived"})", {.token = home.other}),
                                     "id");
  const auto body = [](const std::vector<std::string>& list) {
    return json::serialize(json::object{{"ids", json::value_from(list)}});
  };
  const std::string path = kFlows + "bulk_delete/";
  CHECK(home.json(200, "POST", path, body({archived, archived, active, foreign})) ==
        json::object{{"deleted", 1}});
  CHECK(home.ask("GET", kFlows + archived).status == 404);
  CHECK(home.ask("GET", kFlows + active).status == 200);
  CHECK(detail(home.json(400, "POST", path, body({"x"}))) == "One or more IDs are not valid UUIDs");
  CHECK(detail(home.json(400, "POST", path, "{}")) == "A non-empty list of 'ids' is required");
}

TEST_CASE("a schedule shows what comes next at once, is paused, resumed and deleted") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const std::string path = kFlows + flow + "/schedules/";
  const auto made =
      home.json(201, "POST", path, R"({"rrule":"FREQ=HOURLY","starts_at":"2026-01-01T00:30:00Z"})");
  CHECK(made.at("next_run_at") == "2026-01-05T09:30:00.000000Z");
  const std::string own = path + ApiHome::text(made, "id");
  const auto paused = home.json(200, "PATCH", own, R"({"status":"paused","note":"why"})");
  CHECK(paused.at("status") == "paused");
  CHECK(paused.at("next_run_at").is_null());
  CHECK(paused.at("note") == "why");
  home.clock.at += std::chrono::hours(2);
  const auto resumed = home.json(200, "PATCH", own, "status=active", {.form = true});
  CHECK(resumed.at("next_run_at") == "2026-01-05T11:30:00.000000Z");
  CHECK(home.json(200, "PATCH", own, R"({"variables":{"a":1}})").at("next_run_at") ==
        "2026-01-05T11:30:00.000000Z");
  CHECK(attr(home.json(400, "PATCH", own, R"({"timezone":"../../etc/passwd"})")) == "timezone");
  CHECK(detail(home.json(400, "PATCH", own, R"({"timezone":"TZ=0"})")) ==
        "Invalid or unknown timezone.");
  CHECK(detail(home.json(400, "PATCH", own, R"({"rrule":"FREQ=DAILY;UNTIL=20200101T000000Z"})")) ==
        "Schedule produces no future occurrences.");
  CHECK(attr(home.json(400, "POST", path, "{}")) == "rrule");
  CHECK(home.json(400, "POST", path, "{}").at("code") == "required");
  const auto another = home.make_schedule(flow);
  CHECK(all_ids(home, path + "?limit=1").size() == 2);
  CHECK(ids(home.json(200, "GET", path + "?id=" + another)) == std::vector<std::string>{another});
  CHECK(home.ask("DELETE", own).status == 204);
  CHECK(home.ask("GET", own).status == 404);
  // Of another flow of the same project.
  const auto stranger = home.make_flow();
  CHECK(home.ask("GET", kFlows + stranger + "/schedules/" + another).status == 404);
}

TEST_CASE("a batch job is a run that the daemon claims") {
  ApiHome home(either_store());
  const auto flow = home.make_flow("batch");
  (void)home.json(200, "PATCH", kFlows + flow,
                  R"({"variables":[{"key":"a","type":"string","default":"d"}]})");
  const std::string path = kFlows + flow + "/batch_jobs/";
  const auto job = home.json(200, "POST", path, R"({"variables":{"b":2}})");
  CHECK(job.at("status") == "queued");
  CHECK(job.at("variables") == json::object{{"a", "d"}, {"b", 2}});
  CHECK(job.at("schedule").is_null());
  auto& store = *home.backend().store;
  const auto session =
      store.begin_session(store::OwnerId{store::random_uuid_v7(home.clock.at)}, home.clock.at);
  const auto claimed = store.claim({session.claimant, {"default"}, 10}, home.clock.at);
  REQUIRE(claimed.runs.size() == 1);
  CHECK(to_string(claimed.runs[0].id) == ApiHome::text(job, "id"));
  CHECK(claimed.runs[0].body.find("\"variables\":{") != std::string::npos);
  // It is with an executor now, whose daemon is told.
  CHECK(home.json(202, "POST", path + ApiHome::text(job, "id") + "/cancel/").at("status") ==
        "queued");
  CHECK(store.run(claimed.runs[0].id)->cancel_reason == "cancelled_by_operator");
  CHECK(ids(home.json(200, "GET", path + "?status=queued")).size() == 1);
  CHECK(ids(home.json(200, "GET", path + "?status=failed")).empty());
  CHECK(attr(home.json(400, "GET", path + "?status=lively")) == "status");
  CHECK(ids(home.json(200, "GET", kFlows + flow + "/invocations")).empty());

  home.executors.clear();
  CHECK(detail(home.json(400, "POST", path)) ==
        "There is no executor \"default\" for this project.");
  (void)home.json(200, "PATCH", kFlows + flow, R"({"status":"archived"})");
  CHECK(detail(home.json(400, "POST", path)) ==
        "Workflow must be active to run a batch. Enable it first.");
  const auto other = home.make_flow("schedule");
  CHECK(home.json(400, "POST", kFlows + other + "/batch_jobs").at("type") == "validation_error");
}

TEST_CASE("the same key makes one thing, however often it comes") {
  ApiHome home(either_store());
  const auto flow = home.make_flow("schedule");
  const ApiHome::Ask keyed{.headers = {{"Idempotency-Key", "key-1"}}};
  struct Case {
    std::string path, body, other;
    int status;
  };
  const std::vector<Case> cases = {
      {kFlows, R"({"name":"k"})", R"({"name":"l"})", 201},
      {kFlows + flow + "/schedules/",
       R"({"rrule":"FREQ=DAILY","starts_at":"2026-01-01T00:00:00Z"})",
       R"({"rrule":"FREQ=HOURLY","starts_at":"2026-01-01T00:00:00Z"})", 201},
      {kFlows + flow + "/invocations/", R"({"variables":{"a":1}})", "{}", 200}};
  for (const auto& [path, body, other, status] : cases) {
    INFO(path);
    const auto first = home.json(status, "POST", path, body, keyed);
    home.clock.at += seconds(10);
    const auto again = home.ask("POST", path, body, keyed);
    CHECK(again.status == status);
    CHECK(header(again, "Idempotency-Replayed") == "true");
    CHECK(ApiHome::text(json::parse(again.body), "id") == ApiHome::text(first, "id"));
    CHECK(home.json(422, "POST", path, other, keyed).at("code") == "idempotency_mismatch");
    const auto page = home.json(200, "GET", path);
    CHECK(page.at("count") == (path == kFlows ? 2 : 1));
    const ApiHome::Ask another{.headers = {{"Idempotency-Key", "key-2"}}};
    CHECK(ApiHome::text(home.json(status, "POST", path, body, another), "id") !=
          ApiHome::text(first, "id"));
    CHECK(home.ask("POST", path, body, {.headers = {{"Idempotency-Key", "a b"}}}).status == 400);
    // What was refused is not remembered.
    const ApiHome::Ask third{.headers = {{"Idempotency-Key", "key-3"}}};
    CHECK(home.ask("POST", path, R"({"variables":3,"rrule":3,"name":3})", third).status == 400);
    CHECK(home.ask("POST", path, body, third).status == status);
  }
  // Gone with what it made.
  const auto made = ApiHome::text(home.json(201, "POST", kFlows, R"({"name":"k"})", keyed), "id");
  CHECK(home.ask("DELETE", kFlows + made).status == 204);
  if (dynamic_cast<store::SqliteStore*>(home.backend().store.get()) != nullptr)
    CHECK(home.ask("POST", kFlows, R"({"name":"new"})", keyed).status == 201);
}

TEST_CASE("cancelling a run lets the one that waits for it go") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const auto schedule = home.make_schedule(flow);
  const std::string run_now = kFlows + flow + "/schedules/" + schedule + "/run/";
  const auto first = ApiHome::text(home.json(200, "POST", run_now), "id");
  auto& store = *home.backend().store;
  // A second one that waits, as overlap = buffer_one leaves it.
  const auto row = *store.schedule(*store::parse_id<store::ScheduleId>(schedule));
  const auto session =
      store.begin_session(store::OwnerId{store::random_uuid_v7(home.clock.at)}, home.clock.at);
  home.clock.at = *row.next_due_at;
  store::Run due;
  due.id = store::RunId{store::random_uuid_v7(home.clock.at)};
  due.flow_id = row.flow_id;
  due.schedule_id = row.id;
  due.scheduled_for = row.next_run_at;
  due.due_at = *row.next_due_at;
  due.created_at = home.clock.at;
  store::Settlement settlement;
  settlement.schedule_id = row.id;
  settlement.version = row.version;
  settlement.next_run_at = *row.next_run_at;
  settlement.next_due_at = *row.next_due_at;
  settlement.runs = {due};
  settlement.overlap = store::OverlapPolicy::buffer_one;
  settlement.settled_to = row.next_run_at;
  settlement.then_run_at = *row.next_run_at + std::chrono::hours(1);
  settlement.then_due_at = *row.next_due_at + std::chrono::hours(1);
  REQUIRE(store.settle({settlement}, session.claimant, home.clock.at).at(0).kind ==
          store::SettleResult::Kind::settled);
  REQUIRE(store.run(due.id)->status == store::RunStatus::waiting);

  const auto before = store.changes_since(0).revision;
  const auto cancelled = home.json(200, "POST", kProject + "runs/" + first + "/cancel");
  CHECK(cancelled.at("status") == "cancelled");
  CHECK(cancelled.at("reason") == "cancelled_by_operator");
  CHECK(store.run(due.id)->status == store::RunStatus::pending);
  CHECK(store.changes_since(before).runs_added);  // so that the daemon looks
  // Again: it has ended, nothing changes.
  CHECK(home.json(200, "POST", kProject + "runs/" + first + "/cancel") == cancelled);
  CHECK(store.claim({session.claimant, {"default"}, 10}, home.clock.at).runs.size() == 1);
}

TEST_CASE("the ledger, page by page") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const auto other = home.make_flow();
  std::vector<std::string> newest_first;
  for (int i = 0; i < 7; ++i) {
    if (i % 2 == 0) home.clock.at += seconds(1);  // some are due at one time
    const auto& of = i == 3 ? other : flow;
    newest_first.insert(newest_first.begin(),
                        ApiHome::text(home.json(200, "POST", kFlows + of + "/invocations"), "id"));
  }
  const std::string path = kProject + "runs/";
  const auto listed = all_ids(home, path);
  CHECK(listed.size() == 7);
  CHECK(all_ids(home, path + "?limit=2") == listed);
  CHECK(all_ids(home, path + "?limit=3&flow=" + flow).size() == 6);
  CHECK(all_ids(home, path + "?limit=3&status=pending").size() == 7);
  CHECK(all_ids(home, path + "?status=completed").empty());
  CHECK(all_ids(home, path + "?from=2026-01-05T09:00:02Z&to=2026-01-05T09:00:03Z").size() == 2);
  CHECK(std::set<std::string>(listed.begin(), listed.end()) ==
        std::set<std::string>(newest_first.begin(), newest_first.end()));
  for (const char* bad : {"x", "1.x", ".", "1", "x.00000000-0000-7000-8000-000000000000"})
    CHECK(attr(home.json(400, "GET", path + "?cursor=" + bad)) == "cursor");
  const auto one = home.json(200, "GET", path + listed.front());
  CHECK(one.at("attempt_list").as_array().empty());
  CHECK(home.ask("GET", path + "x").status == 404);
}

TEST_CASE("logs of a flow") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const auto run = ApiHome::text(home.json(200, "POST", kFlows + flow + "/invocations"), "id");
  auto& store = *home.backend().store;
  const auto session =
      store.begin_session(store::OwnerId{store::random_uuid_v7(home.clock.at)}, home.clock.at);
  const auto claimed = store.claim({session.claimant, {"default"}, 10}, home.clock.at);
  REQUIRE(claimed.runs.size() == 1);
  store::Finish finish;
  finish.run_id = claimed.runs[0].id;
  finish.fence = claimed.runs[0].fence;
  finish.attempt = {finish.run_id, 1, home.clock.at, home.clock.at, "completed", 200, ""};
  const store::FlowId flow_id{*store::parse_uuid(flow)};
  for (int i = 0; i < 4; ++i)
    finish.logs.push_back(
        {flow_id, i < 3 ? std::optional(finish.run_id) : std::nullopt, home.clock.at + seconds(i),
         i % 2 == 0 ? store::LogLevel::info : store::LogLevel::error, "Line " + std::to_string(i)});
  (void)store.finish({finish}, session.claimant, home.clock.at);
  const std::string path = kFlows + flow + "/logs/";
  const auto lines = [&](const std::string& query) {
    std::string all;
    const auto page = home.json(200, "GET", path + query);
    for (const auto& each : page.at("results").as_array())
      all += ApiHome::text(each, "message").substr(5);
    return all;
  };
  CHECK(lines("") == "3210");
  CHECK(lines("?limit=2") == "32");
  CHECK(lines("?limit=2&offset=2") == "10");
  CHECK(lines("?level=error") == "31");
  CHECK(lines("?level=ERROR,info") == "3210");
  CHECK(lines("?search=LINE%202") == "2");
  CHECK(lines("?instance_id=" + run) == "210");
  CHECK(lines("?after=2026-01-05T09:00:00Z&before=2026-01-05T09:00:03Z") == "21");
  CHECK(lines("?after=-1h") == "3210");  // so long ago
  CHECK(lines("?before=-1h").empty());
  CHECK(attr(home.json(400, "GET", path + "?after=-1x")) == "after");
  const auto first = home.json(200, "GET", path).at("results").at(1);
  CHECK(ApiHome::text(first, "log_source_id") == flow);
  CHECK(ApiHome::text(first, "instance_id") == run);
  CHECK(first.at("level") == "INFO");
  CHECK(attr(home.json(400, "GET", path + "?level=loud")) == "level");
  CHECK(lines("?level=ERROR&level=INFO") == "3210");
  for (const char* limit : {"0", "501", "x"})
    CHECK(attr(home.json(400, "GET", path + "?limit=" + limit)) == "limit");
  CHECK(lines("?limit=1&level=&search=") == "3");  // what is empty is not asked for
  CHECK(home.json(200, "GET", kProject + "runs/" + run).at("attempt_list").as_array().size() == 1);
}

}  // namespace rruled::test
