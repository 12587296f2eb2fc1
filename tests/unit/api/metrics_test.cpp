// What became of a flow's runs, over time.
#include "tests/unit/api/api_home.h"

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using store::RunStatus;

// The clock of a test stands at 2026-01-05 09:00, a Monday.
store::Run a_run(const std::string& flow, store::Timestamp due) {
  store::Run run;
  run.id.value = store::random_uuid_v7(due);
  run.flow_id = *store::parse_id<store::FlowId>(flow);
  run.origin = store::RunOrigin::manual;
  run.due_at = run.created_at = due;
  run.body = "{}";
  return run;
}

// Runs that were due so many hours before now and ended like this.
std::string flow_with(ApiHome& home, const std::vector<std::pair<int, RunStatus>>& runs) {
  const std::string flow = home.make_flow();
  auto& store = *home.backend().store;
  store::ChangeSet changes;
  for (const auto& [hours, status] : runs)
    changes.runs.push_back(a_run(flow, home.clock.at - std::chrono::hours(hours)));
  REQUIRE_FALSE(store.write(changes, home.clock.at));
  const auto claimant = store.begin_session(store::OwnerId{}, home.clock.at).claimant;
  const auto claimed = store.claim({claimant, {"default"}}, home.clock.at).runs;
  REQUIRE(claimed.size() == runs.size());
  std::vector<store::Finish> ends;
  for (const auto& run : claimed) {
    const auto hours = std::chrono::floor<std::chrono::hours>(home.clock.at - run.due_at).count();
    const auto found = std::find_if(runs.begin(), runs.end(),
                                    [&](const auto& each) { return each.first == hours; });
    if (found->second == RunStatus::dispatching) continue;
    store::Finish finish;
    finish.run_id = run.id;
    finish.fence = run.fence;
    finish.status = found->second;
    finish.attempt.run_id = run.id;
    finish.attempt.number = run.attempts;
    finish.attempt.started_at = home.clock.at;
    finish.attempt.finished_at = home.clock.at;
    finish.attempt.outcome = "completed";
    ends.push_back(finish);
  }
  for (const auto& result : store.finish(ends, claimant, home.clock.at)) REQUIRE(result.written);
  return flow;
}

std::string metrics(ApiHome& home, const std::string& flow, const std::string& query) {
  return boost::json::serialize(
      home.json(200, "GET", ApiHome::kFlows + flow + "/metrics/" + query));
}

}  // namespace

TEST_CASE("metrics count what was due in each step, zeros too") {
  ApiHome home(either_store());
  const auto flow = flow_with(home, {{1, RunStatus::completed},
                                     {2, RunStatus::failed},
                                     {26, RunStatus::completed},
                                     {27, RunStatus::dead},
                                     {28, RunStatus::dispatching},
                                     {400, RunStatus::completed}});
  CHECK(metrics(home, flow, "?after=-2d") ==
        R"({"labels":["2026-01-03","2026-01-04","2026-01-05"],"series":[)"
        R"({"name":"failure","values":[0,1,1]},{"name":"other","values":[0,2,2]},)"
        R"({"name":"success","values":[0,1,1]}]})");
  CHECK(metrics(home, flow, "?after=-3h&interval=hour&breakdown_by=name") ==
        R"({"labels":["2026-01-05T06:00","2026-01-05T07:00","2026-01-05T08:00",)"
        R"("2026-01-05T09:00"],"series":[{"name":"failed","values":[0,1,0,0]},)"
        R"({"name":"succeeded","values":[0,0,1,0]},{"name":"triggered","values":[0,1,1,0]}]})");
  // Weeks begin on Monday.
  CHECK(metrics(home, flow, "?after=-20d&interval=week&kind=success") ==
        R"({"labels":["2025-12-15","2025-12-22","2025-12-29","2026-01-05"],"series":[)"
        R"({"name":"success","values":[1,0,1,1]}]})");
  CHECK(metrics(home, flow, "?name=failed,%20skipped&breakdown_by=name&before=-1d") ==
        R"({"labels":["2025-12-29","2025-12-30","2025-12-31","2026-01-01","2026-01-02",)"
        R"("2026-01-03","2026-01-04"],"series":[{"name":"failed","values":[0,0,0,0,0,0,1]}]})");
  CHECK(metrics(home, flow, "totals/") == R"({"totals":{"other":4,"success":2,"failure":2}})");
  // As in filters, m is a month.
  CHECK(metrics(home, flow, "totals/?after=-1m&kind=success") == R"({"totals":{"success":3}})");
  CHECK(metrics(home, flow, "totals/?instance_id=0190f6a2-0000-7000-8000-000000000000") ==
        R"({"totals":{}})");
  CHECK(
      metrics(home, flow, "totals/?after=2025-01-01T00:00:00Z&breakdown_by=name&name=succeeded") ==
      R"({"totals":{"succeeded":3}})");
}

TEST_CASE("a chart counted what was due before it, in its first step") {
  ApiHome home(either_store());
  const auto flow = flow_with(home, {{1, RunStatus::completed},
                                     {26, RunStatus::completed},
                                     {32, RunStatus::completed},
                                     {400, RunStatus::completed}});
  // 32 hours ago it was the first day already, but 30 are asked for.
  CHECK(metrics(home, flow, "?after=-30h&kind=success") ==
        R"({"labels":["2026-01-04","2026-01-05"],"series":[{"name":"success","values":[1,1]}]})");
  CHECK(metrics(home, flow, "totals/?after=-30h&kind=success") == R"({"totals":{"success":2}})");
  CHECK(metrics(home, flow, "?after=-3w&interval=week&kind=success&before=-1d") ==
        R"({"labels":["2025-12-15","2025-12-22","2025-12-29"],"series":[)"
        R"({"name":"success","values":[1,0,2]}]})");
  // Nothing is both before and after.
  CHECK(metrics(home, flow, "?after=-25h&before=-27h") ==
        R"({"labels":["2026-01-04"],"series":[]})");
  CHECK(metrics(home, flow, "totals/?after=-25h&before=-27h") == R"({"totals":{}})");
}

TEST_CASE("no runs: labels alone") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  CHECK(metrics(home, flow, "?after=-1d") ==
        R"({"labels":["2026-01-04","2026-01-05"],"series":[]})");
  CHECK(metrics(home, flow, "?after=-1d&before=-2d").starts_with(R"({"labels":[])"));
  CHECK(metrics(home, flow, "totals/") == R"({"totals":{}})");
}

TEST_CASE("the week in which 1970 began was one of 2838") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  CHECK(metrics(home, flow, "?after=1970-01-01&before=1970-01-06&interval=week") ==
        R"({"labels":["1969-12-29","1970-01-05"],"series":[]})");
}

TEST_CASE("metrics of a wrong question are refused by name") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const auto [query, attr] = GENERATE(table<std::string, std::string>({
      {"?interval=month", "interval"},
      {"?breakdown_by=flow", "breakdown_by"},
      {"?after=-7x", "after"},
      {"?before=yesterday", "before"},
      {"?after=-99999999999999999999d", "after"},
      {"?after=1970-01-01T00:00:00Z&interval=hour", "after"},
      {"?after=1969-12-30T00:00:00Z&before=1970-01-02T00:00:00Z", "after"},
      {"?instance_id=7", "instance_id"},
  }));
  CAPTURE(query);
  const auto answer = home.json(400, "GET", ApiHome::kFlows + flow + "/metrics/" + query);
  CHECK(ApiHome::text(answer, "attr") == attr);
}

TEST_CASE("every write through the API has a line in the audit log") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const auto schedule = home.make_schedule(flow);
  const std::string path = ApiHome::kFlows + flow + "/schedules/" + schedule + "/";
  home.json(200, "PATCH", path, R"({"rrule":"FREQ=DAILY"})");
  home.json(200, "PATCH", path, R"({"rrule":"FREQ=DAILY"})");  // nothing to change
  home.json(400, "PATCH", path, R"({"rrule":"FREQ=DAYLY"})");
  home.json(403, "DELETE", path, "", {.token = home.read});
  const auto run = home.json(200, "POST", path + "run/", "{}");
  home.json(200, "POST", ApiHome::kProject + "runs/" + ApiHome::text(run, "id") + "/cancel/");
  home.json(204, "DELETE", path);
  const auto page = home.backend().directory->audit({.project_id = 1}, {});
  std::string lines;
  for (const auto& each : page.rows) {
    lines += each.action + " " + each.kind + "\n";
    CHECK(each.actor.starts_with("token "));
    CHECK(each.at == home.clock.at);
  }
  CHECK(lines ==
        "delete schedule\ncancel run\ncreate run\nupdate schedule\ncreate schedule\ncreate flow\n");
  // What a run carries goes with the run, not 400 days later.
  const auto made = boost::json::parse(page.rows.at(2).after).as_object();
  CHECK(made.at("status") == "pending");
  const auto cancelled = boost::json::parse(page.rows.at(1).before).as_object();
  CHECK(cancelled.at("status") == "pending");
  for (const auto& shown : {made, cancelled}) {
    CHECK_FALSE(shown.contains("body"));
    CHECK_FALSE(shown.contains("variables"));
  }
  CHECK(page.rows.at(3).object_id == schedule);
  CHECK(boost::json::parse(page.rows.at(3).before).at("rrule") == "FREQ=HOURLY");
  CHECK(boost::json::parse(page.rows.at(3).after).at("rrule") == "FREQ=DAILY");
}

}  // namespace rruled::test
