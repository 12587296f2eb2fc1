// Retry, overdue, calendars, backfills, pauses and explain through the API, on each store.
#include "daemon/io/backfiller.h"
#include "tests/unit/api/api_home.h"

namespace rruled::test {
namespace {

namespace json = boost::json;
using std::chrono::hours;
using std::chrono::seconds;

std::string schedule_path(const std::string& flow, const std::string& schedule) {
  return kFlows + flow + "/schedules/" + schedule + "/";
}

// The store behind the API, as a daemon has it.
store::Store& rows(ApiHome& home) { return *home.backend().store; }

store::Claimant begin(ApiHome& home) {
  return rows(home)
      .begin_session(store::OwnerId{store::random_uuid_v7(home.clock.at)}, home.clock.at)
      .claimant;
}

// Claims all there is and ends it so.
std::size_t end_runs(ApiHome& home, const store::Claimant& claimant, store::RunStatus status) {
  const auto claimed = rows(home).claim({claimant, {"default"}, 100}, home.clock.at).runs;
  std::vector<store::Finish> ends;
  for (const auto& run : claimed) {
    store::Finish& end = ends.emplace_back();
    end.run_id = run.id;
    end.fence = run.fence;
    end.status = status;
    end.attempt = {run.id, run.attempts, home.clock.at, home.clock.at, "failed", 500, "no"};
  }
  (void)rows(home).finish(ends, claimant, home.clock.at);
  return claimed.size();
}

}  // namespace

TEST_CASE("a dead run is tried again with the same key; others are not") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const auto run = ApiHome::text(home.json(200, "POST", kFlows + flow + "/invocations/"), "id");
  const std::string path = kProject + "runs/" + run + "/";
  CHECK_THAT(detail(home.json(409, "POST", path + "retry/")), Catch::Contains("has not ended"));
  const auto claimant = begin(home);
  REQUIRE(end_runs(home, claimant, store::RunStatus::dead) == 1);
  const auto dead = home.json(200, "GET", path);
  REQUIRE(dead.at("status") == "dead");
  home.clock.at += std::chrono::minutes(1);
  const auto again = home.json(200, "POST", path + "retry/");
  CHECK(again.at("status") == "pending");
  CHECK(again.at("idempotency_key") == dead.at("idempotency_key"));
  CHECK(again.at("body") == dead.at("body"));
  CHECK(again.at("retry").at("max_attempts") == 16);
  const auto job = home.json(200, "GET", kFlows + flow + "/invocations/").at("results").at(0);
  CHECK(ApiHome::text(job, "updated_at") == "2026-01-05T09:01:00.000000Z");
  REQUIRE(end_runs(home, claimant, store::RunStatus::completed) == 1);
  CHECK_THAT(detail(home.json(409, "POST", path + "retry/")), Catch::Contains("is completed"));
  CHECK(home.json(404, "POST", kProject + "runs/0190f6a2-0000-7000-8000-000000000000/retry/")
            .at("code") == "not_found");
  CHECK(home.ask("POST", path + "retry/", {}, {.token = home.read}).status == 403);
  CHECK(home.ask("POST", path + "retry/", {}, {.token = home.other}).status == 403);
}

TEST_CASE("overdue schedules are listed with how late they are") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const auto id = home.make_schedule(flow);  // next at 10:00
  const auto list = [&] { return home.json(200, "GET", kProject + "schedules/overdue/"); };
  home.clock.at += hours(1) + seconds(60);
  CHECK(list().at("count") == 0);
  home.clock.at += seconds(1);
  const auto late = list();
  REQUIRE(late.at("count") == 1);
  CHECK(ApiHome::text(late.at("results").at(0), "id") == id);
  CHECK(late.at("results").at(0).at("late_by_ms") == 61'000);
  // Late by intent is not overdue.
  home.json(200, "POST", kProject + "pause/", R"({"note":"freeze"})");
  CHECK(list().at("count") == 0);
}

TEST_CASE("gaps of all schedules are listed, page by page") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const auto other = home.make_flow();
  const auto id = home.make_schedule(flow);
  const std::string path = kProject + "runs/gaps/";
  CHECK(home.json(200, "GET", path).at("results").as_array().empty());
  store::ChangeSet changes;
  const auto at = std::chrono::floor<seconds>(home.clock.at);
  for (const auto& of : {id, home.make_schedule(other)})
    for (int n = 1; n <= 3; ++n)
      changes.gaps.push_back({*store::parse_id<store::ScheduleId>(of),
                              n == 2 ? store::GapReason::paused : store::GapReason::missed,
                              at - hours(n), at - hours(n) + seconds(60), 2});
  REQUIRE_FALSE(home.backend().store->write(changes, home.clock.at));

  json::array pages;
  std::string next = path + "?limit=4";
  for (int page = 0; page < 2; ++page) {
    const auto shown = home.json(200, "GET", next);
    CHECK(shown.at("count").is_null());
    for (const auto& row : shown.at("results").as_array()) pages.push_back(row);
    if (page == 1) CHECK(shown.at("next").is_null());
    if (page == 0)
      next = ApiHome::text(shown, "next").substr(std::string("http://api.test").size());
  }
  CHECK(pages == home.json(200, "GET", path).at("results").as_array());
  REQUIRE(pages.size() == 6);
  const auto of_one = home.json(200, "GET", path + "?reason=paused&schedule=" + id).at("results");
  REQUIRE(of_one.as_array().size() == 1);
  CHECK(of_one.at(0) == json::value{{"schedule", id},
                                    {"reason", "paused"},
                                    {"from", "2026-01-05T07:00:00.000000Z"},
                                    {"to", "2026-01-05T07:01:00.000000Z"},
                                    {"count", 2},
                                    {"hog_flow", flow}});
  CHECK(home.json(200, "GET", path + "?limit=2&from=2026-01-05T08:00:00Z&flow=" + other)
            .at("results")
            .as_array()
            .size() == 1);
  // Of another project: none, whatever is asked for.
  const std::string theirs = "/api/projects/2/runs/gaps/";
  for (const auto& query : {std::string(), "?flow=" + flow, "?schedule=" + id})
    CHECK(home.json(200, "GET", theirs + query, "", {.token = home.other})
              .at("results")
              .as_array()
              .empty());
  const std::string some = ".00000000-0000-7000-8000-000000000000.";
  CHECK(home.json(200, "GET", path + "?cursor=-9223372036854775808" + some + "9223372036854775807")
            .at("results")
            .as_array()
            .empty());
  for (const std::string& bad :
       {"1" + some + "9223372036854775808", "x" + some + "1", std::string("1") + some})
    CHECK(attr(home.json(400, "GET", path + "?cursor=" + bad)) == "cursor");
  for (const char* bad : {"x", "1.x", "..", "1..1", "1.00000000-0000-7000-8000-000000000000",
                          "1.00000000-0000-7000-8000-000000000000.x"})
    CHECK(attr(home.json(400, "GET", path + "?cursor=" + bad)) == "cursor");
  CHECK(attr(home.json(400, "GET", path + "?reason=bored")) == "reason");
}

TEST_CASE("calendars are made, named by schedules, changed and deleted") {
  ApiHome home(either_store());
  const std::string calendars = kProject + "calendars/";
  const auto flow = home.make_flow();
  const std::string body =
      R"({"rrule":"FREQ=DAILY","starts_at":"2026-01-01T12:00:00Z","calendar":"holidays"})";
  const auto missing = home.json(400, "POST", kFlows + flow + "/schedules/", body);
  CHECK(attr(missing) == "calendar");
  CHECK_THAT(detail(missing), Catch::Contains("There is no calendar \"holidays\""));

  const auto made = home.json(201, "POST", calendars,
                              R"({"name":"holidays","dates":["2026-01-05"],"color":"red"})");
  CHECK(made.at("version") == 1);
  const auto made_tag = header(home.ask("GET", calendars + "holidays/"), "ETag");
  CHECK(home.json(409, "POST", calendars, R"({"name":"holidays"})").at("type") ==
        "invalid_request");
  CHECK(attr(home.json(400, "POST", calendars, R"({"name":"x","dates":["soon"]})")) == "dates__0");
  CHECK(home.json(200, "GET", calendars).at("count") == 1);
  CHECK(home.ask("GET", kProject + "calendars/others/").status == 404);

  // Today is 5 January, 09:00: noon is excluded.
  const auto schedule = home.json(201, "POST", kFlows + flow + "/schedules/", body);
  CHECK(schedule.at("calendar") == "holidays");
  CHECK(schedule.at("calendar_action") == "skip");
  CHECK(schedule.at("next_run_at") == "2026-01-06T12:00:00.000000Z");
  const auto path = schedule_path(flow, ApiHome::text(schedule, "id"));
  const auto preview = home.json(200, "GET", path + "preview/?count=1");
  CHECK(preview.at("occurrences").at(0).at("scheduled_for") == "2026-01-06T12:00:00.000000Z");
  CHECK(preview.at("excluded").at(0).at("scheduled_for") == "2026-01-05T12:00:00.000000Z");

  // 12 hours of minutes: the last hundred are listed.
  const auto minutes = home.json(200, "POST", kProject + "schedules/preview/",
                                 R"({"rrule":"FREQ=MINUTELY","starts_at":"2026-01-05T12:00:00Z",)"
                                 R"("calendar":"holidays","count":1})");
  CHECK(minutes.at("excluded").as_array().size() == 100);
  CHECK(minutes.at("excluded_before") == 620);
  const auto named = home.json(201, "POST", calendars, R"({"name":"\u00fa x"})");
  CHECK(home.json(200, "GET", calendars + "%C3%BA%20x/") == named);
  CHECK(home.ask("DELETE", calendars + "%C3%BA%20x/").status == 204);
  CHECK(attr(home.json(400, "POST", calendars, R"({"name":".."})")) == "name");

  // A change of the calendar moves its schedules at once.
  home.json(200, "PATCH", calendars + "holidays/", R"({"dates":["2026-01-06"]})");
  CHECK(home.json(200, "GET", path).at("next_run_at") == "2026-01-05T12:00:00.000000Z");
  home.json(200, "PATCH", calendars + "holidays/", R"({"dates":["2026-01-05"]})");
  CHECK(home.json(200, "GET", path).at("next_run_at") == "2026-01-06T12:00:00.000000Z");

  // Moved instead of left out.
  const auto moved =
      home.json(200, "PATCH", path, R"({"rrule":"FREQ=WEEKLY;BYDAY=MO","calendar_action":"next"})");
  CHECK(moved.at("next_run_at") == "2026-01-06T12:00:00.000000Z");
  const auto marked = home.json(200, "GET", path + "preview/?count=1").at("occurrences").at(0);
  CHECK(marked.at("note") == "calendar_moved");
  CHECK(marked.at("moved_from") == "2026-01-05T12:00:00");
  CHECK(attr(home.json(400, "PATCH", path, R"({"rrule":"FREQ=MINUTELY"})")) == "calendar_action");

  const auto used = home.json(409, "DELETE", calendars + "holidays/");
  CHECK_THAT(detail(used), Catch::Contains(ApiHome::text(schedule, "id")));
  CHECK(home.json(200, "PATCH", path, R"({"calendar":null})").at("calendar").is_null());
  CHECK(home.ask("DELETE", calendars + "holidays/", {}, {.token = home.read}).status == 403);
  CHECK(home.ask("DELETE", calendars + "holidays/").status == 204);
  CHECK(home.json(200, "GET", calendars).at("count") == 0);
  // Made anew it is another one.
  home.clock.at += std::chrono::seconds(1);
  REQUIRE(home.ask("POST", calendars, R"({"name":"holidays"})").status == 201);
  for (const auto& each : {std::string("\"1\""), made_tag})
    CHECK(home.ask("PATCH", calendars + "holidays/", R"({"note":"x"})",
                   {.headers = {{"If-Match", each}}})
              .status == 412);
}

TEST_CASE("a calendar that excludes all is refused where it is named") {
  ApiHome home(either_store());
  home.json(201, "POST", kProject + "calendars/", R"({"name":"never","rules":["FREQ=DAILY"]})");
  const auto flow = home.make_flow();
  const auto refused =
      home.json(400, "POST", kFlows + flow + "/schedules/",
                R"({"rrule":"FREQ=DAILY","starts_at":"2026-01-01T12:00:00Z","calendar":"never"})");
  CHECK(attr(refused) == "calendar");
  CHECK_THAT(detail(refused), Catch::Contains("produces no future occurrences"));
}

TEST_CASE("a backfill is previewed, made, carried out and cancelled") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const auto path = schedule_path(flow, home.make_schedule(flow)) + "backfill/";
  const std::string day = R"("from":"2026-01-04T00:00:00Z","to":"2026-01-05T00:00:00Z")";
  const auto dry = home.json(200, "POST", path, "{" + day + R"(,"dry_run":true})");
  CHECK(dry.at("count") == 24);
  CHECK(dry.at("occurrences").as_array().size() == 24);
  CHECK(attr(home.json(400, "POST", path, R"({"from":"2026-01-04T00:00:00Z"})")) == "to");
  CHECK(attr(home.json(400, "POST", path,
                       R"({"from":"2026-01-04T00:00:00Z","to":"2026-01-06T00:00:00Z"})")) == "to");

  const auto made =
      home.json(202, "POST", path, "{" + day + "}", {.headers = {{"Idempotency-Key", "once"}}});
  CHECK(made.at("count") == 24);
  CHECK(home.json(202, "POST", path, "{" + day + "}", {.headers = {{"Idempotency-Key", "once"}}}) ==
        made);
  const std::string backfill = kProject + "backfills/" + ApiHome::text(made, "backfill_id") + "/";
  CHECK(home.json(200, "GET", backfill).at("status") == "running");

  const rrule::ZoneDatabase zones;
  const auto claimant = begin(home);
  const auto log = quiet_log();
  io::RefusedRows refused(home.clock, *log);
  std::size_t ended = 0;
  const auto step = [&] {
    return io::step_backfills(rows(home), *home.backend().directory, zones, home.clock.at, refused,
                              *log);
  };
  CHECK(step() == 10);
  CHECK(step() == 0);  // those have not ended
  CHECK(home.json(200, "GET", backfill).at("runs").at("pending") == 10);
  ended += end_runs(home, claimant, store::RunStatus::completed);
  CHECK(step() == 10);

  SECTION("to its end") {
    ended += end_runs(home, claimant, store::RunStatus::completed);
    CHECK(step() == 4);
    ended += end_runs(home, claimant, store::RunStatus::completed);
    CHECK(step() == 0);
    CHECK(ended == 24);
    const auto done = home.json(200, "GET", backfill);
    CHECK(done.at("status") == "done");
    CHECK(done.at("made") == 24);
    CHECK(done.at("runs").at("completed") == 24);
    // It is done, and stays so.
    CHECK(home.json(200, "POST", backfill + "cancel/") == done);
  }
  SECTION("cancelled when all are made and not all are sent") {
    ended += end_runs(home, claimant, store::RunStatus::completed);
    CHECK(step() == 4);
    CHECK(step() == 0);
    const auto cancelled = home.json(200, "POST", backfill + "cancel/");
    CHECK(cancelled.at("status") == "cancelled");
    CHECK(cancelled.at("runs").at("cancelled") == 4);
    CHECK(home.json(200, "POST", backfill + "cancel/") == cancelled);
  }
  SECTION("asked for again when the flow can fire no more") {
    (void)home.json(200, "PATCH", kFlows + flow, R"({"status":"archived"})");
    const auto again =
        home.ask("POST", path, "{" + day + "}", {.headers = {{"Idempotency-Key", "once"}}});
    CHECK(again.status == 202);
    CHECK(header(again, "Idempotency-Replayed") == "true");
    CHECK(home.json(400, "POST", path, "{" + day + "}").at("type") == "validation_error");
    const auto told = home.ask("POST", path, "{" + day + R"(,"dry_run":true,"typo":1})");
    CHECK(header(told, "Warning").find("typo") != std::string::npos);
  }
  SECTION("cancelled half way") {
    const auto cancelled = home.json(200, "POST", backfill + "cancel/");
    CHECK(cancelled.at("status") == "cancelled");
    CHECK(cancelled.at("runs").at("cancelled") == 10);
    CHECK(cancelled.at("runs").at("completed") == 10);
    CHECK(step() == 0);
    CHECK(home.json(200, "POST", backfill + "cancel/") == cancelled);
  }
  CHECK(home.ask("GET", kProject + "backfills/x/").status == 404);
}

TEST_CASE("a project is paused and resumed, and its schedules say so") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const auto path = schedule_path(flow, home.make_schedule(flow));
  CHECK(home.json(200, "GET", kProject + "pause/").at("paused") == false);
  CHECK(home.json(200, "GET", path).at("project_paused") == false);
  const auto paused = home.json(200, "POST", kProject + "pause/", R"({"note":"freeze"})");
  CHECK(paused.at("paused") == true);
  CHECK(paused.at("note") == "freeze");
  CHECK(paused.at("paused_at") == "2026-01-05T09:00:00.000000Z");
  CHECK(home.json(200, "GET", path).at("project_paused") == true);
  home.clock.at += hours(3);
  // Again: nothing begins anew.
  CHECK(home.json(200, "POST", kProject + "pause/").at("paused_at") == paused.at("paused_at"));
  const auto explained = home.json(200, "GET", path + "explain/?around=1");
  CHECK_THAT(ApiHome::text(explained.at("occurrences").at(0), "text"),
             Catch::Contains("the project is paused (freeze)"));
  const auto [asked, answered] = GENERATE(table<std::string, std::string>(
      {{"true", "policy"}, {R"("last")", "last"}, {R"("all")", "all"}, {"false", "none"}}));
  const auto resumed =
      home.json(200, "POST", kProject + "resume/", R"({"catch_up":)" + asked + "}");
  CHECK(resumed.at("paused") == false);
  CHECK(ApiHome::text(resumed, "catch_up") == answered);
  CHECK(ApiHome::text(home.json(200, "GET", kProject + "pause/"), "catch_up") == answered);
  CHECK(resumed.at("resumed_at") == "2026-01-05T12:00:00.000000Z");
  CHECK(home.json(200, "GET", path).at("project_paused") == false);
  for (const auto* wrong :
       {R"({"catch_up":1})", R"({"catch_up":"newest"})", R"({"catch_up":null})"})
    CHECK(attr(home.json(400, "POST", kProject + "resume/", wrong)) == "catch_up");
}

TEST_CASE("explain tells what was, what is and what will be") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const auto path = schedule_path(flow, home.make_schedule(flow)) + "explain/";
  const auto around = home.json(200, "GET", path + "?at=2026-01-05T10:30:00Z&around=2");
  REQUIRE(around.at("occurrences").as_array().size() == 4);
  CHECK(around.at("occurrences").at(0).at("text") == "before the schedule was made");
  CHECK(around.at("occurrences").at(1).at("scheduled_for") == "2026-01-05T10:00:00.000000Z");
  CHECK(around.at("occurrences").at(1).at("outcome") == "ahead");
  CHECK(around.at("occurrences").at(3).at("text") == "will run at 2026-01-05T12:00:00.000Z");
  CHECK(attr(home.json(400, "GET", path + "?at=soon")) == "at");
}

TEST_CASE("a write that cannot pass is refused at once, by what is in its way") {
  using Kind = store::Conflict::Kind;
  const auto refused = [](Kind kind, std::optional<std::int64_t> project = {}) {
    int tries = 0;
    const store::Conflict conflict{
        .kind = kind, .flow_id = {}, .schedule_id = {}, .run_id = {}, .project_id = project};
    try {
      api::write_by([&]() -> std::optional<store::Conflict> {
        ++tries;
        return conflict;
      });
    } catch (const api::Refused& why) {
      return std::to_string(tries) + "x " + std::to_string(why.response.status) + " " +
             detail(boost::json::parse(why.response.body));
    }
    return std::string("written");
  };
  CHECK(refused(Kind::in_use) == "1x 409 Schedules name it now; nothing was written.");
  CHECK(refused(Kind::missing) == "1x 404 Not found.");
  CHECK(refused(Kind::exists) == "5x 409 It exists already; nothing was written.");
  const std::string busy =
      "5x 409 It is being changed by somebody else; nothing was written: try again.";
  CHECK(refused(Kind::changed) == busy);
  CHECK(refused(Kind::exists, 1) == busy);
}

}  // namespace rruled::test
