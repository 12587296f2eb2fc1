#include "daemon/core/property_filter.h"

#include "daemon/core/person_json.h"
#include "filter_table.h"

#include <catch2/catch.hpp>

#include <string>

namespace rruled::test {

namespace json = boost::json;

namespace {

std::string refusal_of(const std::string& filters) {
  const auto value = core::parse_json(filters);
  REQUIRE(value.has_value());
  const auto filter = core::filter_from_json(*value, "filters", table_now());
  return filter ? "taken" : filter.error().attr + ": " + filter.error().detail;
}

std::string nested(int depth) {
  std::string text = R"({"key":"a","value":1})";
  for (int i = 0; i < depth; ++i) text = R"({"type":"OR","values":[)" + text + "]}";
  return R"({"properties":[)" + text + "]}";
}

std::string repeated(const std::string& text, int times) {
  std::string list;
  for (int i = 0; i < times; ++i) list += (i == 0 ? "" : ",") + text;
  return list;
}

}  // namespace

TEST_CASE("what a filter cannot mean is refused with its path") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {R"([])", "filters: Filters must be a dictionary."},
      {R"({"properties":1})", "filters__properties: Properties must be an array."},
      {R"({"properties":{"type":"AND"}})", "filters__properties: Properties must be an array."},
      {R"({"properties":[1]})", "filters__properties__0: A filter must be an object."},
      {R"({"properties":[{"value":1}]})", "filters__properties__0__key: A filter needs a key."},
      {R"({"properties":[{"key":"","value":1}]})",
       "filters__properties__0__key: A filter needs a key."},
      {R"({"properties":[{"key":"a","value":1,"operator":"like"}]})",
       "filters__properties__0__operator: \"like\" is not a known operator."},
      {R"({"properties":[{"key":"a","value":1,"type":"cohort"}]})",
       "filters__properties__0__type: \"cohort\" is not known: only \"person\" properties can be "
       "filtered."},
      {R"({"properties":[{"key":"a","value":1,"negation":true}]})",
       "filters__properties__0__negation: Not known here: the filter would mean other persons."},
      {R"({"properties":[{"key":"a"}]})", "filters__properties__0__value: A value is required."},
      {R"({"properties":[{"key":"a","value":null}]})",
       "filters__properties__0__value: A value is required."},
      {R"({"properties":[{"key":"a","value":[]}]})",
       "filters__properties__0__value: A list of values must not be empty."},
      {R"({"properties":[{"key":"a","value":["b",{}]}]})",
       "filters__properties__0__value__1: A value must be a text, a number, true or false."},
      {R"({"properties":[{"key":"a","operator":"gt","value":[1]}]})",
       "filters__properties__0__value: This operator takes one value."},
      {R"({"properties":[{"key":"a","operator":"regex","value":"("}]})",
       "filters__properties__0__value: Not a regular expression of RE2: missing ): (."},
      {R"({"properties":[{"key":"a","operator":"is_date_after","value":"soon"}]})",
       "filters__properties__0__value: A date is like 2026-01-31, 2026-01-31T09:00:00Z, or -7d."},
      {R"({"properties":[{"type":"XOR","values":[]}]})",
       "filters__properties__0__type: A group of filters is AND or OR."},
      {R"({"properties":[{"type":"OR","values":1}]})",
       "filters__properties__0__values: Must be an array."},
      {R"({"properties":[{"type":"OR","values":[]}]})",
       "filters__properties__0__values: A group must not be empty."},
      {R"({"properties":[{"type":"OR","values":[{"key":"a","value":"\u0000"}]}]})",
       "filters__properties__0__values__0__value: No property has such a value: too long, or with "
       "NUL."},
      {R"({"type":"OR","values":[{"key":"a","value":1}],"source":"x","events":[]})", "taken"},
      {R"({"properties":{"type":"OR","values":[{"key":"a","value":1}]}})", "taken"},
      {R"({"type":"OR","values":[{"key":"a"}]})",
       "filters__values__0__value: A value is required."},
      {R"({"type":"XOR","values":[1]})", "filters__type: A group of filters is AND or OR."},
      {R"({"type":"OR","values":[],"properties":null})",
       "filters__values: A group must not be empty."},
      {R"({"type":"OR","values":[{"key":"a","value":1}],"properties":[]})",
       "filters__values: Filters have properties or a group, not both."},
      {R"({"type":"OR","values":[{"key":"a","value":1}],"events":[{}]})",
       "filters__events: Not known here: an audience is chosen by properties of persons alone."},
      {R"({"type":"OR"})",
       "filters__type: Not known here: an audience is chosen by properties of persons alone."},
      {R"({"properties":[{"type":"OR","values":[{"key":"a","value":1}],"negation":true}]})",
       "filters__properties__0__negation: Not known here: the filter would mean other persons."},
      {R"({"events":[{}],"properties":[]})",
       "filters__events: Not known here: an audience is chosen by properties of persons alone."},
      {R"({"filter_test_accounts":true})",
       "filters__filter_test_accounts: Not known here: an audience is chosen by properties of "
       "persons alone."},
      {R"({"events":[],"actions":null,"filter_test_accounts":false,"bytecode":[1]})", "taken"},
      {nested(8), "taken"},
      {nested(9),
       "filters__properties__0__values__0__values__0__values__0__values__0__values__0__"
       "values__0__values__0__values__0: Groups are nested deeper than 8."},
      {R"({"properties":[)" + repeated(R"({"key":"a","value":1})", 200) + "]}", "taken"},
      {R"({"properties":[)" + repeated(R"({"key":"a","value":1})", 201) + "]}",
       "filters__properties__200: More than 200 conditions."},
      {R"({"properties":[{"key":"a","value":[)" + repeated("1", 5'001) + "]}]}",
       "filters__properties__0__value__5000: More than 5000 values."},
  };
  for (const auto& [filters, expected] : cases) {
    INFO(filters.substr(0, 200));
    CHECK(refusal_of(filters) == expected);
  }
}

TEST_CASE("a relative time is so long before now") {
  const auto at = [](const char* text) { return core::property_time(text); };
  const auto now = *at("2026-03-31T12:34:56.789Z");
  const std::vector<std::pair<const char*, const char*>> cases{
      {"-7d", "2026-03-24T12:34:56.789Z"},  {"7d", "2026-03-24T12:34:56.789Z"},
      {"-24h", "2026-03-30T12:34:56.789Z"}, {"-1w", "2026-03-24T12:34:56.789Z"},
      {"-1m", "2026-02-28T12:34:56.789Z"},  {"-2y", "2024-03-31T12:34:56.789Z"},
      {"-0d", "2026-03-31T12:34:56.789Z"},
  };
  for (const auto& [text, expected] : cases) {
    INFO(text);
    CHECK(core::relative_time(text, now) == at(expected));
  }
  for (const auto* none : {"", "-", "d", "-d", "--7d", "-7", "-7s", "-10000d", "-7 d", "-1.5d"}) {
    INFO(none);
    CHECK_FALSE(core::relative_time(none, now));
  }
}

TEST_CASE("properties as filters compare them") {
  const auto values = person_of(1, R"({"distinct_id":"a","properties":{"n":1.0,"big":1e300,
    "neg":-0.25,"text":"Ä","yes":true,"none":null,"list":[1,{"a":2}],"day":"2026-01-31",
    "max":18446744073709551615}})")
                          .values;
  REQUIRE(values.size() == 8);
  const auto value = [&](const std::string& key) {
    return *std::ranges::find(values, key, &store::PersonValue::key);
  };
  CHECK(value("n").value == "1");
  CHECK(value("n").number == store::order_of(1));
  CHECK(value("big").value == "1e+300");
  CHECK(value("neg").value == "-0.25");
  CHECK(value("text").folded == "ä");
  CHECK_FALSE(value("text").number);
  CHECK(value("yes").value == "true");
  CHECK_FALSE(value("yes").number);
  CHECK(value("list").value == R"([1,{"a":2}])");
  CHECK(value("day").at == core::property_time("2026-01-31T00:00:00Z"));
  CHECK(value("max").value == "18446744073709551615");
}

TEST_CASE("a person that cannot be kept is refused with its path") {
  const auto refusal = [](const std::string& text) {
    const auto person =
        core::person_from_json(core::parse_json(text)->get_object(), 1, store::PersonId{}, "3");
    return person ? "taken" : person.error().attr + ": " + person.error().code;
  };
  CHECK(refusal(R"({"distinct_id":"a"})") == "taken");
  CHECK(refusal(R"({"distinct_id":"a","id":5})") == "taken");
  CHECK(refusal(R"({})") == "3__distinct_id: required");
  CHECK(refusal(R"({"distinct_id":""})") == "3__distinct_id: blank");
  CHECK(refusal(R"({"distinct_id":7})") == "3__distinct_id: invalid_input");
  CHECK(refusal(R"({"distinct_id":")" + std::string(401, 'x') + "\"}") ==
        "3__distinct_id: max_length");
  CHECK(refusal(R"({"distinct_id":"a","properties":[]})") == "3__properties: invalid_input");
  CHECK(refusal(R"({"distinct_id":"a","properties":{"x":"\u0000"}})") ==
        "3__properties: invalid_input");
  CHECK(refusal(R"({"distinct_id":"a","properties":{"x":")" + std::string(70'000, 'x') + "\"}}") ==
        "3__properties: invalid_input");
}

}  // namespace rruled::test
