// Bodies that curl -d makes.
#include "tests/unit/api/api_home.h"

namespace rruled::test {
namespace {

namespace json = boost::json;

constexpr ApiAsk kForm{.form = true};

}  // namespace

TEST_CASE("a text in a form that looks like a number was refused") {
  ApiHome home(either_store());
  const auto person = home.json(201, "POST", kProject + "persons/", "distinct_id=31", kForm);
  CHECK(person.at("distinct_id") == "31");
  home.json(200, "POST", kProject + "persons/", "distinct_id=31&properties=%7B%22age%22%3A5%7D",
            kForm);
  CHECK(home.json(200, "GET", kProject + "persons/?distinct_id=31")
            .at("results")
            .at(0)
            .at("properties") == json::object{{"age", 5}});
  const auto flow = home.make_flow();
  const auto path = kFlows + flow + "/schedules/" + home.make_schedule(flow) + "/backfill/";
  const std::string day = "from=2026-01-04T00:00:00Z&to=2026-01-05T00:00:00Z";
  CHECK(home.json(200, "POST", path, day + "&note=5&dry_run=true", kForm).at("count") == 24);
  const auto made = home.json(202, "POST", path, day + "&note=5", kForm);
  CHECK(home.json(200, "GET", kProject + "backfills/" + ApiHome::text(made, "backfill_id") + "/")
            .at("note") == "5");
}

TEST_CASE("a form could not take away what a schedule may be without") {
  ApiHome home(either_store());
  home.json(201, "POST", kProject + "calendars/", "name=2026", kForm);
  const auto flow = home.make_flow();
  const auto made = home.json(201, "POST", kFlows + flow + "/schedules/",
                              "rrule=FREQ=HOURLY&starts_at=2026-01-01T00:00:00Z&timeout=5m"
                              "&calendar=2026&pause_after_failures=3",
                              kForm);
  const auto path = kFlows + flow + "/schedules/" + ApiHome::text(made, "id") + "/";
  const auto paused =
      home.json(200, "PATCH", path, "status=paused&paused_until=2026-01-06T00:00:00Z", kForm);
  CHECK(made.at("timeout") == "5m");
  CHECK(made.at("calendar") == "2026");
  CHECK(paused.at("paused_until").is_string());
  const auto cleared = home.json(200, "PATCH", path,
                                 "timeout=&calendar=&paused_until=&pause_after_failures=", kForm);
  for (const char* key : {"timeout", "calendar", "paused_until", "pause_after_failures"}) {
    CAPTURE(key);
    CHECK_FALSE(paused.at(key).is_null());
    CHECK(cleared.at(key).is_null());
  }
  // What may not be null is not: an empty text is one.
  CHECK(attr(home.json(400, "PATCH", path, "overlap=", kForm)) == "overlap");
  CHECK(home.json(200, "PATCH", path, "note=", kForm).at("note") == "");
}

}  // namespace rruled::test
