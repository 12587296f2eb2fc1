// Schedules whose pause outlives their rule.
#include "tests/unit/api/api_home.h"

namespace rruled::test {
namespace {

using std::chrono::hours;

const std::string kGaps = kProject + "runs/gaps/";

// One that runs once, an hour from now.
std::string path_of_one(ApiHome& home) {
  const auto flow = home.make_flow();
  const auto made =
      home.json(201, "POST", kFlows + flow + "/schedules/",
                R"({"rrule":"FREQ=DAILY;COUNT=1","starts_at":"2026-01-05T10:00:00Z"})");
  return kFlows + flow + "/schedules/" + ApiHome::text(made, "id") + "/";
}

}  // namespace

TEST_CASE("a paused schedule whose last occurrence had passed could not be resumed") {
  ApiHome home(either_store());
  const auto path = path_of_one(home);
  home.json(200, "PATCH", path, R"({"status":"paused"})");
  home.clock.at += hours(2);
  SECTION("resumed, it is completed, and the gap is told") {
    const auto resumed = home.json(200, "PATCH", path, R"({"status":"active","note":"again"})");
    CHECK(resumed.at("status") == "completed");
    CHECK(resumed.at("next_run_at").is_null());
    CHECK(resumed.at("note") == "again");
    const auto gaps = home.json(200, "GET", kGaps).at("results").as_array();
    REQUIRE(gaps.size() == 1);
    CHECK(gaps.front().at("reason") == "paused");
    CHECK(gaps.front().at("from") == "2026-01-05T10:00:00.000000Z");
    CHECK(gaps.front().at("count") == 1);
    CHECK(detail(home.json(400, "PATCH", path, R"({"status":"active"})")) == core::kNoFuture);
  }
  SECTION("a new rule must have a future all the same") {
    const auto refused =
        home.json(400, "PATCH", path, R"({"status":"active","rrule":"FREQ=WEEKLY;COUNT=1"})");
    CHECK(detail(refused) == core::kNoFuture);
    CHECK(home.json(200, "GET", path).at("status") == "paused");
    CHECK(home.json(200, "GET", kGaps).at("results").as_array().empty());
  }
}

TEST_CASE("a completed schedule that was paused was stuck") {
  ApiHome home(either_store());
  const auto path = path_of_one(home);
  auto& store = *home.backend().store;
  store::Schedule row = store.schedules({}).at(0);
  const store::ScheduleStamp stamp{row.version, row.next_run_at, row.status};
  row.status = store::ScheduleStatus::completed;
  row.settled_to = *row.next_run_at;
  row.next_run_at.reset();
  row.next_due_at.reset();
  home.clock.at += hours(2);
  store::ChangeSet changes;
  changes.schedules.push_back({row, stamp});
  REQUIRE_FALSE(store.write(changes, home.clock.at));
  CHECK(home.json(200, "PATCH", path, R"({"status":"paused"})").at("status") == "paused");
  CHECK(home.json(200, "PATCH", path, R"({"status":"active"})").at("status") == "completed");
  CHECK(home.json(200, "GET", kGaps).at("results").as_array().empty());
}

TEST_CASE("a schedule that its calendar leaves nothing stays paused, and says why") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  home.json(201, "POST", kProject + "calendars/", R"({"name":"never"})");
  const auto made =
      home.json(201, "POST", kFlows + flow + "/schedules/",
                R"({"rrule":"FREQ=DAILY","starts_at":"2026-01-01T12:00:00Z","calendar":"never"})");
  const auto path = kFlows + flow + "/schedules/" + ApiHome::text(made, "id") + "/";
  home.json(200, "PATCH", path, R"({"status":"paused"})");
  home.json(200, "PATCH", kProject + "calendars/never/", R"({"rules":["FREQ=DAILY"]})");
  CHECK(attr(home.json(400, "PATCH", path, R"({"status":"active"})")) == "calendar");
  CHECK(home.json(200, "GET", path).at("status") == "paused");
}

}  // namespace rruled::test
