// Values that break other programs: stored as they are, or refused by name; nothing else happens.
#include "tests/unit/api/api_home.h"

namespace rruled::test {
namespace {

namespace json = boost::json;

const std::vector<std::string> kTexts = {
    "'; DROP TABLE flows; --",
    "\" OR 1=1 --",
    "$1::bigint; SELECT pg_sleep(10)",
    "%s%n{}{{ run.id }}",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "\xE2\x80\xAE\xF0\x9F\x92\xA3 \xC3\x89",
    "\\u0000 ",
    std::string(400, '\''),
};

}  // namespace

TEST_CASE("SQL and the like in every text is only text") {
  ApiHome home(either_store());
  for (const auto& text : kTexts) {
    CAPTURE(text);
    const json::object body{
        {"name", text},
        {"description", text},
        {"status", "active"},
        {"trigger", {{"type", "schedule"}, {"note", text}}},
        {"variables", json::array{{{"key", text}, {"type", text}, {"default", text}}}}};
    const auto flow = home.json(201, "POST", ApiHome::kFlows, json::serialize(body));
    CHECK(ApiHome::text(flow, "name") == text);
    CHECK(ApiHome::text(flow, "description") == text);
    CHECK(ApiHome::text(flow.at("trigger"), "note") == text);
    CHECK(ApiHome::text(flow.at("variables").at(0), "default") == text);
    const auto id = ApiHome::text(flow, "id");
    const json::object schedule{{"rrule", "FREQ=DAILY"},
                                {"starts_at", "2026-01-01T00:00:00Z"},
                                {"note", text},
                                {"variables", {{text, text}}}};
    const auto made =
        home.json(201, "POST", ApiHome::kFlows + id + "/schedules/", json::serialize(schedule));
    CHECK(ApiHome::text(made, "note") == text);
    CHECK(ApiHome::text(made.at("variables"), text.c_str()) == text);
    // In a query, %-encoded.
    std::string query;
    for (const char c : text) {
      constexpr char kDigits[] = "0123456789ABCDEF";
      const auto byte = static_cast<unsigned char>(c);
      query += '%';
      query += kDigits[byte >> 4U];
      query += kDigits[byte & 15U];
    }
    CHECK(home.json(200, "GET", ApiHome::kFlows + "?search=" + query).at("count").as_int64() >= 1);
    for (const std::string parameter : {"id", "status", "created_at", "limit"})
      home.json(400, "GET", ApiHome::kFlows + "?" + parameter + "=" + query);
    home.json(200, "GET", ApiHome::kFlows + id + "/logs/?search=" + query);
    home.json(404, "GET", ApiHome::kFlows + query);
  }
  CHECK(home.json(200, "GET", ApiHome::kFlows).at("count") == kTexts.size());
}

TEST_CASE("what is no zone, no rule and no time is refused by name") {
  ApiHome home(either_store());
  const auto path = ApiHome::kFlows + home.make_flow() + "/schedules/";
  const auto refused = [&](const std::string& field, const std::string& value) {
    CAPTURE(field, value);
    json::object body{{"rrule", "FREQ=DAILY"}, {"starts_at", "2026-01-01T00:00:00Z"}};
    body[field] = value;
    const auto answer = home.json(400, "POST", path, json::serialize(body));
    CHECK(ApiHome::text(answer, "attr") == field);
    return ApiHome::text(answer, "detail");
  };
  for (const std::string zone :
       {"../../etc/passwd", "/etc/localtime", "TZ=0", "", " ", "UTC\n", "Europe/Prague/..",
        "posix/Europe/Prague/../../../../etc/passwd", "EST5EDT4,M3.2.0,M11.1.0", ":UTC", "utc0"})
    CHECK(refused("timezone", zone).size() < 200);
  for (const std::string rule : {"FREQ=DAILY;COUNT=99999999999999999999", "FREQ=DAILY;INTERVAL=0",
                                 "DTSTART:20260101T000000\nFREQ=DAILY", "FREQ=DAILY;X=$(id)"})
    CHECK(refused("rrule", rule).starts_with("Invalid RRULE."));
  CHECK(refused("rrule", std::string(70'000, 'A')).size() < 200);
  for (const std::string time : {"now", "2026-13-01T00:00:00Z", "0000-01-01T00:00:00Z",
                                 "99999-01-01T00:00:00Z", "2026-01-01T00:00:00+99:99"})
    (void)refused("starts_at", time);
  CHECK(home.json(200, "GET", path).at("count") == 0);
}

TEST_CASE("variables of a run had no limit but the body's") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const auto schedule = home.make_schedule(flow);
  const std::string body = R"({"variables":{"a":")" + std::string(70'000, 'x') + "\"}}";
  for (const auto& path : {ApiHome::kFlows + flow + "/invocations/",
                           ApiHome::kFlows + flow + "/schedules/" + schedule + "/run/"}) {
    const auto refused =
        home.json(400, "POST", path, body, {.headers = {{"Idempotency-Key", "k"}}});
    CHECK(attr(refused) == "variables");
    CHECK(ApiHome::text(refused, "code") == "max_length");
    // The key is still free.
    home.json(200, "POST", path, "{}", {.headers = {{"Idempotency-Key", "k"}}});
  }
}

TEST_CASE("a calendar was made under a name that no address could have") {
  ApiHome home(either_store());
  const auto path = ApiHome::kProject + "calendars/";
  for (const std::string name : {R"(a\\b)", R"(a\u000ab)", R"(\u007f)", R"(a\u0085)"}) {
    INFO(name);
    CHECK(attr(home.json(400, "POST", path, R"({"name":")" + name + "\"}")) == "name");
  }
  CHECK(home.json(200, "GET", path).at("count") == 0);
  home.json(201, "POST", path, R"({"name":"a b\u00a0Ž"})");
}

TEST_CASE("a calendar whose name came before the rule for names can be changed") {
  ApiHome home(either_store());
  store::ChangeSet changes;
  store::Calendar calendar;
  calendar.name = "a\nb";
  calendar.days = R"({"dates":[],"rules":[]})";
  changes.calendars.push_back({calendar, std::nullopt});
  REQUIRE_FALSE(home.backend().store->write(changes, home.clock.at));
  const auto path = ApiHome::kProject + "calendars/a%0Ab/";
  const auto changed = home.json(200, "PATCH", path, R"({"dates":["2026-12-25"]})");
  CHECK(changed.at("dates") == json::array{"2026-12-25"});
}

TEST_CASE("a person's distinct_id could break the lines of a log") {
  ApiHome home(either_store());
  const auto path = ApiHome::kProject + "persons/";
  for (const std::string id : {R"(a\nb)", R"(\u001b[2Ja)", R"(a\u007f)", R"(a\u009bb)"}) {
    INFO(id);
    const auto refused = home.json(400, "POST", path, R"({"distinct_id":")" + id + "\"}");
    CHECK(attr(refused) == "distinct_id");
    CHECK(detail(refused) == "Control characters are not allowed.");
  }
  CHECK(home.json(200, "GET", path).at("count") == 0);
  home.json(201, "POST", path, R"({"distinct_id":"Ž é\u00a0"})");
}

TEST_CASE("a project had several addresses: 1, 01, 001") {
  ApiHome home(either_store());
  home.json(200, "GET", "/api/projects/1/hog_flows/");
  for (const std::string project : {"01", "001", "%301", "0", "-1", "+1", "1.0", "0x1"}) {
    INFO(project);
    home.json(404, "GET", "/api/projects/" + project + "/hog_flows/");
  }
}

TEST_CASE("bodies that are no texts are refused whole") {
  ApiHome home(either_store());
  const auto code = [&](const std::string& body) {
    return ApiHome::text(home.json(400, "POST", ApiHome::kFlows, body), "code");
  };
  CHECK(code("{\"name\":\"\xff\"}") == "parse_error");
  CHECK(code("{\"name\":\"\xed\xa0\x80\"}") == "parse_error");  // half of a surrogate pair
  CHECK(code(R"({"name":"\ud800"})") == "parse_error");
  CHECK(code(std::string("{\"name\":\"\0\"}", 12)) == "parse_error");
  CHECK(code(std::string(100'000, '[')) == "parse_error");
  std::string deep = "1";
  for (int i = 0; i < 40; ++i) deep = R"({"a":)" + deep + "}";
  CHECK(code(deep) == "parse_error");
  // NUL is UTF-8, but no database keeps it.
  const auto answer = home.json(400, "POST", ApiHome::kFlows, R"({"name":"a\u0000b"})");
  CHECK(ApiHome::text(answer, "attr") == "name");
  CHECK(home.json(200, "GET", ApiHome::kFlows).at("count") == 0);
}

}  // namespace rruled::test
