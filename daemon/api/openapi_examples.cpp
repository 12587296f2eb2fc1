#include "daemon/api/openapi_examples.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

namespace rruled::api {
namespace {

namespace json = boost::json;

constexpr std::string_view kExamples = R"json({
"Flow":{"name":"Welcome mails","status":"active","trigger":{"type":"batch","filters":
 {"properties":[]}},"variables":[{"key":"greeting","type":"string","default":"Hello"}]},
"Schedule":{"rrule":"FREQ=WEEKLY;BYDAY=MO","starts_at":"2030-01-07T09:00:00Z",
 "timezone":"Europe/Prague","variables":{"greeting":"Hi"}},
"Calendar":{"name":"holidays","note":"of the office","dates":["2030-12-24"],
 "rules":["FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=25,26"]},
"BackfillRequest":{"from":"2026-01-04T00:00:00Z","to":"2026-01-05T00:00:00Z",
 "note":"the lost day"},
"PauseRequest":{"note":"until the move is done"},
"Variables":{"variables":{"greeting":"Hi"}},
"JobRequest":{"variables":{"greeting":"Hi"},"filters":{"properties":[]}},
"Person":{"distinct_id":"ann","properties":{"email":"ann@example.com","age":31}},
"BlastRadiusRequest":{"filters":{"properties":[{"key":"age","type":"person","operator":"gte",
 "value":18}]}},
"Ids":{"ids":["01900000-0000-7000-8000-000000000000"]},
"PreviewRequest":{"rrule":"FREQ=DAILY;BYHOUR=2;BYMINUTE=30","starts_at":"2030-03-01T00:00:00Z",
 "timezone":"America/New_York","count":5}
})json";

}  // namespace

json::value example_of(std::string_view schema) {
  static const json::object examples =
      json::parse(json::string_view(kExamples.data(), kExamples.size())).as_object();
  const auto* found = examples.if_contains(schema);
  return found == nullptr ? json::value() : *found;
}

}  // namespace rruled::api
