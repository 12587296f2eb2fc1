// What will be, asked of the API.
#include "daemon/core/flow_change.h"
#include "daemon/core/lifecycle.h"
#include "daemon/core/timetable.h"
#include "tests/unit/api/api_home.h"

#include <algorithm>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;

namespace json = boost::json;

}  // namespace

TEST_CASE("previews, stored and not") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const auto schedule = home.make_schedule(flow, "FREQ=DAILY");
  const auto times = [&](const json::value& answer, const char* key = "scheduled_for") {
    std::string all;
    for (const auto& each : answer.at("occurrences").as_array())
      all += ApiHome::text(each, key).substr(5, 8) + " ";
    return all;
  };
  const std::string path = kFlows + flow + "/schedules/" + schedule + "/preview/";
  CHECK(times(home.json(200, "GET", path + "?count=2")) == "01-06T00 01-07T00 ");
  CHECK(times(home.json(200, "GET",
                        path + "?after=2026-02-01T00:00:00Z&until=2026-02-03T00:00:00Z")) ==
        "02-02T00 02-03T00 ");
  const std::string unsaved = kProject + "schedules/preview/";
  const auto night = home.json(200, "POST", unsaved,
                               R"({"rrule":"FREQ=DAILY","starts_at_local":"2026-03-28T02:30",)"
                               R"("timezone":"Europe/Prague","count":3})");
  CHECK(times(night, "local") == "03-28T02 03-29T03 03-30T02 ");
  CHECK(night.at("occurrences").at(1).as_object().contains("note"));
  CHECK(attr(home.json(400, "POST", unsaved, R"({"rrule":"FREQ=DAILY","starts_at":"x"})")) ==
        "starts_at");
  CHECK(home.json(400, "POST", unsaved, R"({"rrule":"X","starts_at":"2026-01-01T00:00:00Z"})")
            .at("code") == "invalid_input");
  // A whole schedule may be asked about: from now on, unless it says from when.
  const auto whole = home.ask("POST", unsaved,
                              R"({"rrule":"FREQ=DAILY","starts_at":"2020-01-01T00:00:00Z",)"
                              R"("note":"x","overlap":"skip","colour":1,"count":2})");
  CHECK(times(json::parse(whole.body)) == "01-06T00 01-07T00 ");
  CHECK(header(whole, "Warning").find("colour") != std::string::npos);
  CHECK(header(whole, "Warning").find("overlap") == std::string::npos);
  CHECK(ApiHome::text(home.json(400, "POST", unsaved,
                                R"({"rrule":"FREQ=DAILY","starts_at":"2020-01-01T00:00:00Z",)"
                                R"("timezone":"Mars"})"),
                      "detail") == "Invalid or unknown timezone.");
  CHECK(attr(home.json(400, "POST", unsaved,
                       R"({"rrule":"FREQ=DAILY","starts_at":"2020-01-01T00:00:00Z",)"
                       R"("calendar":5})")) == "calendar");
  CHECK(home.json(200, "GET", kFlows).at("count") == 1);
}

// The clock stands where each has an occurrence, which its jitter makes due later.
TEST_CASE("what is due later than it is scheduled is previewed, and in one of two windows") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const std::string schedules = kFlows + flow + "/schedules/";
  for (int i = 0; i < 20; ++i) {
    const auto made = home.json(201, "POST", schedules,
                                R"({"rrule":"FREQ=HOURLY","starts_at":"2026-01-01T00:00:00Z",)"
                                R"("jitter":"55m"})");
    const auto preview =
        home.json(200, "GET", schedules + ApiHome::text(made, "id") + "/preview/?count=1");
    CHECK(preview.at("occurrences").at(0).at("scheduled_for") == made.at("next_run_at"));
  }
  const auto listed = [&](const std::string& query) {
    std::string all;
    const auto answer = home.json(200, "GET", kProject + "schedules/upcoming/?limit=1000&" + query);
    for (const auto& each : answer.at("occurrences").as_array())
      all += ApiHome::text(each, "schedule") + " " + ApiHome::text(each, "due_at") + "\n";
    return all;
  };
  const std::string whole = listed("from=2026-01-05T09:00:00Z&to=2026-01-05T12:00:00Z");
  CHECK(std::count(whole.begin(), whole.end(), '\n') == 60);
  CHECK(listed("from=2026-01-05T09:00:00Z&to=2026-01-05T10:20:00.5Z") +
            listed("from=2026-01-05T10:20:00.5Z&to=2026-01-05T12:00:00Z") ==
        whole);
}

TEST_CASE("nothing comes next of a project that is paused") {
  ApiHome home(either_store());
  (void)home.make_schedule(home.make_flow());
  const auto next = [&] {
    return home.json(200, "GET", kProject + "schedules/upcoming/").at("occurrences").as_array();
  };
  CHECK(next().size() == 100);
  (void)home.json(200, "POST", kProject + "pause/");
  CHECK(next().empty());
  (void)home.json(200, "POST", kProject + "resume/");
  CHECK(next().size() == 100);
}

TEST_CASE("what comes next, of all schedules of the project") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const auto daily = home.make_schedule(flow, "FREQ=DAILY");
  const auto hourly = home.make_schedule(flow, "FREQ=HOURLY;INTERVAL=7");
  const auto paused = home.make_schedule(flow, "FREQ=MINUTELY");
  (void)home.json(200, "PATCH", kFlows + flow + "/schedules/" + paused, R"({"status":"paused"})");
  const auto listed = [&](const std::string& query) {
    std::string all;
    const auto answer = home.json(200, "GET", kProject + "schedules/upcoming/" + query);
    for (const auto& each : answer.at("occurrences").as_array())
      all += (ApiHome::text(each, "schedule") == daily ? "d" : "h") +
             ApiHome::text(each, "scheduled_for").substr(8, 5) + " ";
    return all;
  };
  // Every 7 hours from the first of January 00:00.
  CHECK(listed("?limit=5") == "h05T16 h05T23 d06T00 h06T06 h06T13 ");
  CHECK(listed("?to=2026-01-06T00:00:00Z") == "h05T16 h05T23 ");
  CHECK(listed("?to=2026-01-06T00:00:00.001Z&limit=9") == "h05T16 h05T23 d06T00 ");
  CHECK(listed("?from=2026-01-06T06:00:00Z&to=2026-01-07T00:00:01Z") ==
        "h06T06 h06T13 h06T20 d07T00 ");
}

TEST_CASE("what comes next is cut short where the search of a schedule gives up") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  (void)home.make_schedule(flow, "FREQ=DAILY");
  // In February, March and April 64,080 in a row are excluded.
  (void)home.json(201, "POST", kFlows + flow + "/schedules/",
                  R"({"starts_at":"2026-01-01T00:00:00Z","rrule":"RRULE:FREQ=MINUTELY;INTERVAL=2\n)"
                  R"(EXRULE:FREQ=MINUTELY;INTERVAL=2;BYMONTH=2,3,4"})");
  const auto ask = [&](const std::string& more) {
    return home
        .json(200, "GET", kProject + "schedules/upcoming/?from=2026-01-31T23:50:00Z&limit=9" + more)
        .as_object();
  };
  const auto all = ask("");
  CHECK(all.at("occurrences").as_array().size() == 9);
  REQUIRE(all.contains("cut_short"));
  CHECK(all.at("cut_short") == true);
  const auto window = ask("&to=2026-02-01T00:00:00Z");
  CHECK(window.at("occurrences").as_array().size() == 5);
  CHECK_FALSE(window.contains("cut_short"));
}

TEST_CASE("what comes next of a schedule that is paused until a time comes after it") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const auto daily = home.make_schedule(flow, "FREQ=DAILY");
  const auto path = kFlows + flow + "/schedules/" + daily;
  (void)home.json(200, "PATCH", path,
                  R"({"status":"paused","paused_until":"2026-01-09T00:00:00Z"})");
  const auto first = [&](const std::string& target) {
    const auto answer = home.json(200, "GET", target);
    const auto& list = answer.at("occurrences").as_array();
    return list.empty() ? std::string()
                        : ApiHome::text(list.front(), "scheduled_for").substr(0, 10);
  };
  // What is due at that time is not the pause's any more.
  CHECK(first(path + "/preview/") == "2026-01-09");
  CHECK(first(path + "/preview/?after=2026-01-07T12:00:00Z") == "2026-01-08");
  CHECK(first(kProject + "schedules/upcoming/") == "2026-01-09");
  CHECK(first(kProject + "schedules/upcoming/?from=2026-01-12T00:00:00Z") == "2026-01-12");
  CHECK(first(kProject + "schedules/upcoming/?to=2026-01-10T00:00:00Z") == "2026-01-09");
  CHECK(first(kProject + "schedules/upcoming/?to=2026-01-09T00:00:00Z").empty());
  (void)home.json(200, "PATCH", kFlows + flow, R"({"status":"draft"})");
  CHECK(first(kProject + "schedules/upcoming/").empty());
}

TEST_CASE("a rule that is too dense to be moved to other days is not previewed, nor stored") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  (void)home.json(201, "POST", kProject + "calendars/",
                  R"({"name":"c","rules":["FREQ=WEEKLY;BYDAY=SA,SU"]})");
  const auto body = [](const char* rule, const char* action) {
    return R"({"rrule":")" + std::string(rule) +
           R"(","starts_at":"2026-01-01T00:00:00Z","count":1000,"calendar":"c",)"
           R"("calendar_action":")" +
           action + R"("})";
  };
  const auto action = GENERATE("next", "previous");
  const std::string unsaved = kProject + "schedules/preview/";
  CHECK(attr(home.json(400, "POST", unsaved, body("FREQ=SECONDLY", action))) == "calendar_action");
  CHECK(attr(home.json(400, "POST", kFlows + flow + "/schedules/",
                       body("FREQ=SECONDLY", action))) == "calendar_action");
  CHECK(attr(home.json(400, "POST", unsaved,
                       body("RRULE:FREQ=DAILY\\nRRULE:FREQ=SECONDLY;BYMONTH=6", action))) ==
        "calendar_action");
  CHECK(home.json(200, "POST", unsaved, body("FREQ=HOURLY", action))
            .at("occurrences")
            .as_array()
            .size() == 1'000);
  CHECK(home.json(200, "POST", unsaved, body("FREQ=SECONDLY", "skip"))
            .at("occurrences")
            .as_array()
            .size() == 1'000);
}

TEST_CASE("a preview whose search gives up does not look like one that has ended") {
  ApiHome home(either_store());
  const std::string unsaved = kProject + "schedules/preview/";
  const auto body = [](int count) {
    return R"({"rrule":"RRULE:FREQ=MINUTELY;INTERVAL=45;BYHOUR=2\nEXRULE:FREQ=MINUTELY;)"
           R"(INTERVAL=45\nRDATE:20370122T143209Z","starts_at":"2037-01-01T05:25:38Z",)"
           R"("timezone":"Pacific/Kwajalein","count":)" +
           std::to_string(count) + "}";
  };
  CHECK(home.json(200, "POST", unsaved, body(1)).at("occurrences").as_array().size() == 1);
  const auto refused = home.json(400, "POST", unsaved, body(2));
  CHECK(attr(refused) == "rrule");
  CHECK(ApiHome::text(refused, "detail") ==
        "Invalid RRULE. " + std::string(core::kExhaustedRule) + ".");
}

TEST_CASE("what a person skipped is not previewed, nor what passed in a paused project") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const auto hourly = home.make_schedule(flow, "FREQ=HOURLY");
  const std::string path = kFlows + flow + "/schedules/" + hourly;
  const auto first = [&] {
    const auto answer = home.json(200, "GET", path + "/preview/?count=1");
    return ApiHome::text(answer.at("occurrences").at(0), "scheduled_for").substr(8, 5);
  };
  CHECK(first() == "05T10");
  const auto& store = home.backend().store;
  const auto row = *store->schedule(*store::parse_id<store::ScheduleId>(hourly));
  const rrule::ZoneDatabase zones;
  const auto timetable = core::Timetable::compile(row, zones).value();
  const auto until = std::chrono::floor<std::chrono::seconds>(home.clock.at) + 9h;
  store::ChangeSet changes;
  core::put(changes, core::skipped(row, timetable, until, true, home.clock.at), &row);
  REQUIRE_FALSE(store->write(changes, home.clock.at));
  CHECK(first() == "05T18");
  SECTION("as the project was paused then") {
    (void)home.json(200, "POST", kProject + "pause/");
    CHECK(first() == "05T18");
    home.clock.at += 12h;
    CHECK(first() == "05T22");
  }
  SECTION("whatever becomes of the schedule") {
    (void)home.json(200, "PATCH", path, R"({"status":"paused"})");
    CHECK(first() == "05T18");
  }
}

// Whatever has become of the flow since: the request was accepted, and its answer stays.
TEST_CASE("a replayed request is answered after its flow was archived") {
  ApiHome home(either_store());
  const auto flow = home.make_flow("batch");
  const std::string path = kFlows + flow + "/batch_jobs/";
  const ApiHome::Ask keyed{.headers = {{"Idempotency-Key", "k"}}};
  const auto first = home.json(200, "POST", path,
                               R"({"variables":{"a":1,"b":2},"filters":{"properties":[]}})", keyed);
  (void)home.json(200, "PATCH", kFlows + flow, R"({"status":"archived"})");
  // The order of its members says nothing.
  const auto again = home.json(200, "POST", path,
                               R"({"filters":{"properties":[]},"variables":{"b":2,"a":1}})", keyed);
  CHECK(ApiHome::text(again, "id") == ApiHome::text(first, "id"));
  CHECK(attr(home.json(400, "POST", path)).empty());
}

TEST_CASE("what is not read of a job's body is named, null is refused") {
  ApiHome home(either_store());
  const std::string path = kFlows + home.make_flow("batch") + "/batch_jobs/";
  CHECK(header(home.ask("POST", path, R"({"variabels":{}})"), "Warning").find("variabels") !=
        std::string::npos);
  for (const char* key : {"variables", "filters"}) {
    const auto refused = home.json(400, "POST", path, std::string("{\"") + key + "\":null}");
    CHECK(attr(refused) == key);
    CHECK(ApiHome::text(refused, "code") == "null");
  }
}

}  // namespace rruled::test
