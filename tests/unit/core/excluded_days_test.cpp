#include "daemon/core/excluded_days.h"

#include "daemon/core/json_text.h"
#include "zones.h"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

namespace json = boost::json;
using core::ExcludedDays;

date::local_days day(const char* text) {
  std::istringstream in(text);
  date::local_days found;
  in >> date::parse("%F", found);
  REQUIRE(!in.fail());
  return found;
}

core::FieldResult<store::Calendar> read(const char* body, const store::Calendar& base = {}) {
  return core::calendar_from_json(json::parse(body).as_object(), base, true, zones(),
                                  store::Timestamp(std::chrono::milliseconds(5)));
}

std::shared_ptr<const ExcludedDays> days_of(const char* body) {
  const auto calendar = read(body);
  REQUIRE(calendar.has_value());
  return ExcludedDays::compile(calendar->days, zones()).value();
}

}  // namespace

TEST_CASE("dates and rules of a calendar exclude whole days") {
  const auto days = days_of(
      R"({"name":"n","dates":["2026-05-04"],"rules":["FREQ=WEEKLY;BYDAY=SA,SU",
          {"rrule":"FREQ=HOURLY","starts_on":"2026-06-01"},
          {"rrule":"FREQ=YEARLY;COUNT=2","starts_on":"2026-12-24"},
          {"rrule":"FREQ=YEARLY;COUNT=1","starts_on":"2025-12-24","days":3}]})");
  CHECK(days->has(day("2025-12-26")));
  CHECK_FALSE(days->has(day("2025-12-29")));  // a Monday
  CHECK(days->has(day("2026-05-04")));
  CHECK_FALSE(days->has(day("2026-05-05")));
  CHECK(days->has(day("2026-05-09")));  // a Saturday
  CHECK_FALSE(days->has(day("2026-05-29")));
  CHECK(days->has(day("2026-06-01")));
  CHECK(days->has(day("2026-06-02")));
  CHECK_FALSE(days->has(day("1969-12-28")));
  CHECK(days->open_from(day("2026-05-02")) == day("2026-05-05"));
  CHECK(days->open_to(day("2026-05-04")) == day("2026-05-01"));
  CHECK_FALSE(days->open_from(day("2026-06-01")));  // each day from then on
  CHECK(days->between(day("2026-05-01"), day("2026-05-31"), 3) ==
        std::vector{day("2026-05-02"), day("2026-05-03"), day("2026-05-04")});
}

TEST_CASE("a date with a zone of its own counts as the day of that zone") {
  const auto days = days_of(
      R"({"name":"n","rules":[{"rrule":"RDATE;TZID=Pacific/Auckland:20260504T000000",
          "starts_on":"2026-05-01","timezone":"Pacific/Auckland"}]})");
  CHECK(days->has(day("2026-05-04")));
  CHECK_FALSE(days->has(day("2026-05-03")));
}

TEST_CASE("what is wrong with a calendar is told by its place") {
  const auto [body, attr, part] = GENERATE(table<const char*, const char*, const char*>({
      {R"({})", "name", "required"},
      {R"({"name":"a/b"})", "name", "slash"},
      {R"({"name":"a\\b"})", "name", "slash"},
      {R"({"name":"a\tb"})", "name", "Control characters"},
      {R"({"name":"none"})", "name", "no calendar"},
      {R"({"name":"n","dates":"2026-01-01"})", "dates", "list"},
      {R"({"name":"n","dates":["2026-01-01","2026-02-30"]})", "dates__1", "a date"},
      {R"({"name":"n","dates":["2026-01-01T00:00:00"]})", "dates__0", "a date"},
      {R"({"name":"n","dates":["1969-12-31"]})", "dates__0", "between 1970 and 2200"},
      {R"({"name":"n","rules":["FREQ=NEVER"]})", "rules__0__rrule", "Invalid RRULE."},
      {R"({"name":"n","rules":["FREQ=DAILY",7]})", "rules__1", "rule"},
      {R"({"name":"n","rules":[{"rrule":"FREQ=DAILY","start":"x"}]})", "rules__0__start",
       "Unknown"},
      {R"({"name":"n","rules":[{"rrule":"FREQ=DAILY","starts_on":"x"}]})", "rules__0__starts_on",
       "a date"},
      {R"({"name":"n","rules":[{"rrule":"FREQ=DAILY","timezone":"Mars/Base"}]})",
       "rules__0__timezone", "timezone"},
  }));
  CAPTURE(body);
  const auto calendar = read(body);
  REQUIRE(calendar.has_error());
  CHECK(calendar.error().attr == attr);
  CHECK_THAT(calendar.error().detail, Catch::Contains(part));
}

TEST_CASE("a calendar that takes too long to go through is refused when it is written") {
  const auto with_rules = [](int count, const char* rule) {
    std::string body = R"({"name":"n","rules":[)";
    for (int i = 0; i < count; ++i) body += (i == 0 ? "" : ",") + std::string(rule);
    return read((body + "]}").c_str());
  };
  const auto [count, rule, attr] = GENERATE(table<int, const char*, const char*>({
      {1'000, R"({"rrule":"FREQ=DAILY","starts_on":"2030-01-01","days":366})", "rules__16"},
      // What EXRULE leaves out costs, too.
      {1'000, R"("RRULE:FREQ=DAILY\nEXRULE:FREQ=DAILY;COUNT=40000")", "rules__6"},
      {1, R"("RRULE:FREQ=MINUTELY\nEXRULE:FREQ=MINUTELY;BYMINUTE=1")", "rules__0"},
  }));
  CAPTURE(rule);
  const auto refused = with_rules(count, rule);
  REQUIRE(refused.has_error());
  CHECK(refused.error().attr == attr);
  CHECK_THAT(refused.error().detail, Catch::Contains("too many days"));
  // What a person would write.
  CHECK(with_rules(5, R"("FREQ=WEEKLY;BYDAY=SA,SU")").has_value());
  CHECK(with_rules(1'000, R"("FREQ=YEARLY")").has_value());
  CHECK(with_rules(1, R"("RRULE:FREQ=WEEKLY\nEXRULE:FREQ=MONTHLY")").has_value());
  const auto* ends = R"("RRULE:FREQ=WEEKLY;BYHOUR=0,12;UNTIL=20301231\nEXRULE:FREQ=MONTHLY")";
  CHECK(with_rules(1, ends).has_value());
}

TEST_CASE("the COUNTs of all rules of a calendar are counted down in so many steps together") {
  const auto with_rules = [](int count, const std::string& rule) {
    std::string body = R"({"name":"n","rules":[)";
    for (int i = 0; i < count; ++i) body += (i == 0 ? "" : ",") + rule;
    return read((body + "]}").c_str());
  };
  const std::string sparse =
      R"({"rrule":"FREQ=SECONDLY;INTERVAL=86401;BYHOUR=1;COUNT=1000","starts_on":"1970-01-01"})";
  CHECK(with_rules(1, sparse).has_value());
  const auto refused = with_rules(1'000, sparse);
  REQUIRE(refused.has_error());
  CHECK_THAT(refused.error().attr, Catch::StartsWith("rules__") && Catch::EndsWith("__rrule"));
  CHECK_THAT(refused.error().detail, Catch::Contains("takes too long to count down"));
  // What a person would write.
  CHECK(with_rules(1'000, R"("FREQ=YEARLY;COUNT=30")").has_value());
  CHECK(with_rules(1'000, R"("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=100")").has_value());
}

TEST_CASE("a calendar with as many rules as it may have was refused for their COUNTs") {
  const std::string rule = GENERATE(
      as<std::string>{}, "FREQ=YEARLY;INTERVAL=4;COUNT=16", "FREQ=YEARLY;INTERVAL=10;COUNT=16",
      "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=60", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;COUNT=30",
      "FREQ=MONTHLY;BYMONTH=12;BYMONTHDAY=25;COUNT=40", "FREQ=YEARLY;INTERVAL=4;BYWEEKNO=7;COUNT=9",
      "FREQ=DAILY;BYMONTH=12;BYMONTHDAY=25;COUNT=40",
      "FREQ=WEEKLY;INTERVAL=26;BYDAY=MO,TU;COUNT=60", "FREQ=DAILY;INTERVAL=10;COUNT=60",
      "FREQ=YEARLY;BYMONTH=5;BYDAY=MO;BYSETPOS=-1;COUNT=20");
  CAPTURE(rule);
  json::array rules;
  for (std::size_t i = 0; i < core::kCalendarRulesMax; ++i)
    rules.push_back(json::object{{"rrule", rule}, {"timezone", "America/New_York"}});
  const auto stored = json::serialize(json::object{{"rules", std::move(rules)}});
  CHECK(ExcludedDays::compile(stored, zones()).has_value());
}

TEST_CASE("days of a rule that overlap are excluded once, and up to the end of each") {
  const auto days = days_of(
      R"({"name":"n","rules":[{"rrule":"FREQ=DAILY;INTERVAL=2;COUNT=3","starts_on":"2026-06-01",
          "days":3},{"rrule":"FREQ=DAILY","starts_on":"2200-12-01","days":366}]})");
  CHECK_FALSE(days->has(day("2026-05-31")));
  CHECK(days->between(day("2026-05-01"), day("2026-06-30"), 100) ==
        std::vector{day("2026-06-01"), day("2026-06-02"), day("2026-06-03"), day("2026-06-04"),
                    day("2026-06-05"), day("2026-06-06"), day("2026-06-07")});
  CHECK(days->has(day("2200-12-31")));
  CHECK_FALSE(days->has(day("2201-01-01")));
}

TEST_CASE("a calendar is stored in order and printed as it was given") {
  const auto calendar = read(
      R"({"name":"n","note":"x","dates":["2026-12-24","2026-01-01","2026-12-24"],
          "rules":["freq=daily;count=1"]})");
  REQUIRE(calendar.has_value());
  const auto object = core::to_json(*calendar);
  CHECK(json::serialize(object.at("dates")) == R"(["2026-01-01","2026-12-24"])");
  CHECK(object.at("rules").at(0).at("rrule") == "FREQ=DAILY;COUNT=1");
  // What a change does not name stays.
  const auto changed = read(R"({"name":"n","dates":[]})", *calendar);
  REQUIRE(changed.has_value());
  CHECK(core::to_json(*changed).at("rules") == object.at("rules"));
  CHECK(core::to_json(*changed).at("dates").as_array().empty());
}

}  // namespace rruled::test
