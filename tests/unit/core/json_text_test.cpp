#include "daemon/core/json_text.h"

#include "daemon/core/time_text.h"
#include "rrule/zone_database.h"

#include <catch2/catch.hpp>

using namespace rruled::core;

TEST_CASE("JSON that two parsers read differently is refused with its place") {
  struct Case {
    std::string text;
    std::size_t line;
    const char* detail;
  };
  const auto cases = std::vector<Case>{
      {"", 1, "there is no value"},
      {"{\"a\":1,\n\"a\":2}", 2, "a key that this object already has"},
      {"{\"a\":{\"b\":1},\n\"c\":{\"b\":1,\"\\u0062\":2}}", 2,
       "a key that this object already has"},
      {"{\"a\":\n1", 2, "the text ends in the middle of a value"},
      {"[1] 2", 1, "something follows the value"},
      {"[\n\"\xff\"]", 2, "not UTF-8"},
      {"\"\xed\xa0\x80\"", 1, "not UTF-8"},
      {"1e999", 1, "a number too large: write it as a string"},
      {"[1,\n18446744073709551616]", 2, "a number too large: write it as a string"},
      {"{\"a\":1,\n\"b\":[{\"c\":2},-9223372036854775809]}", 2,
       "a number too large in \"b\": write it as a string"},
      {"{\"a\\n\":1e999}", 1, "a number too large in \"a\\n\": write it as a string"},
      {"{\"" + std::string(65, 'k') + "\":1e999}", 1, "a number too large: write it as a string"},
      {std::string(33, '[') + std::string(33, ']'), 1, "nested deeper than 32 levels"},
  };
  for (const auto& each : cases) {
    CAPTURE(each.text);
    const auto value = parse_json(each.text);
    REQUIRE_FALSE(value.has_value());
    CHECK(value.error().detail == each.detail);
    CHECK(value.error().line == each.line);
  }
  CHECK(cases.size() == 13);
  CHECK(parse_json(std::string(32, '[') + std::string(32, ']')).has_value());
  CHECK(parse_json(R"([{"a":1},{"a":1}])").has_value());
}

TEST_CASE("a number of many digits reads back as the same") {
  const auto* text = GENERATE("99999999999999999999999999999999999999999999999999.0", "0.1",
                              "123456789012345678.9e-3", "-2.2250738585072014e-308", "1e-400");
  CAPTURE(text);
  const auto value = parse_json(text).value();
  CHECK(value.as_double() == std::strtod(text, nullptr));
  CHECK(parse_json(json_text(value)).value().to_number<double>() == value.as_double());
}

TEST_CASE("an integer of more than 64 bits became another number") {
  const auto refused = [](const std::string& text) { return parse_json(text).has_error(); };
  const std::string text = "{\"x\":\n123456789012345678901234567890}";
  REQUIRE(refused(text));
  const auto error = parse_json(text).error();
  CHECK(error.detail == "a number too large in \"x\": write it as a string");
  CHECK(error.line == 2);
  CHECK(error.column == 31);  // behind its last digit
  CHECK(refused(std::string(1'000'000, '9')));
  for (const auto* fits : {"18446744073709551615", "-9223372036854775808", "-0", "0"}) {
    CAPTURE(fits);
    CHECK(parse_json(fits).value().is_int64() != parse_json(fits).value().is_uint64());
  }
  // With a point or an exponent it is written as one that is rounded.
  for (const auto* rounded : {"123456789012345678901234567890.0", "1e30", "1E+30"}) {
    CAPTURE(rounded);
    CHECK(parse_json(rounded).value().is_double());
    CHECK_FALSE(refused(json_text(parse_json(rounded).value())));
  }
  CHECK(parse_json(text, LongIntegers::rounded).value().at("x").as_double() ==
        123456789012345678901234567890.0);
}

TEST_CASE("JSON is printed as people write it") {
  const auto value =
      parse_json(R"({ "b" : [1, 1.0, 1.5, -0.25, "\u00e9\n"], "a":{}, "c":[] })").value();
  CHECK(json_text(value) == "{\"b\":[1,1.0,1.5,-0.25,\"\u00e9\\n\"],\"a\":{},\"c\":[]}");
  CHECK(json_pretty(parse_json(R"({"a":[1],"b":{}})").value()) ==
        "{\n  \"a\": [\n    1\n  ],\n  \"b\": {}\n}");
  CHECK(parse_json(json_text(value)).value() == value);
  for (const auto numbers : {Numbers::as_written, Numbers::by_value}) {
    CHECK(same_json(R"({"a":1,"b":2})", R"({"b":2,"a":1})", numbers));
    CHECK_FALSE(same_json(R"({"a":1})", R"({"a":2})", numbers));
  }
}

TEST_CASE("18 and 18.0 were different numbers") {
  struct Case {
    const char* a;
    const char* b;
    bool same;
  };
  const auto cases = std::vector<Case>{
      {"18", "18.0", true},
      {"1e3", "1000", true},
      {"0", "-0.0", true},
      {R"({"a":[1,{"b":2.0}],"c":null})", R"({"c":null,"a":[1.0,{"b":2}]})", true},
      {"18", "18.5", false},
      {"18", "\"18\"", false},
      {"1", "true", false},
      {"[1,2]", "[2,1]", false},
      {R"({"a":null})", "{}", false},
      // 2^53 + 1 is no double: as one it would be 2^53.
      {"9007199254740993", "9007199254740992.0", false},
      // From 2^53 on several integers are the same double.
      {"9007199254740991", "9007199254740991.0", true},
      {"-9007199254740991", "-9007199254740991.0", true},
      {"9007199254740992", "9007199254740992.0", false},
      {"-9007199254740992", "-9007199254740992.0", false},
      {"9007199254740993", "9007199254740992", false},
      {"-9223372036854775808", "-9223372036854775808.0", false},
      {"9223372036854775807", "9223372036854775808.0", false},
      {"9223372036854775808", "9223372036854775808.0", false},
      {"18446744073709551615", "18446744073709551616.0", false},
      {"1e19", "10000000000000000000", false},
      {"1e19", "1.0e19", true},
      {"1e30", "1e30", true},
      {"1e30", "1.0000000000000001e30", false},
  };
  for (const auto& each : cases) {
    CAPTURE(each.a, each.b);
    CHECK(same_json(each.a, each.b, Numbers::by_value) == each.same);
    CHECK(same_json(each.b, each.a, Numbers::by_value) == each.same);
    const auto text = [](const char* json) {
      return json_text(canonical_json(parse_json(json).value()));
    };
    CHECK((text(each.a) == text(each.b)) == each.same);
  }
  CHECK(cases.size() == 23);
  CHECK_FALSE(same_json("18", "18.0", Numbers::as_written));
  CHECK_FALSE(same_json("0.0", "-0.0", Numbers::as_written));
  CHECK(same_json(R"({"a":3.0,"b":1})", R"({"b":1,"a":30e-1})", Numbers::as_written));
}

TEST_CASE("times are read in the forms people write") {
  struct Case {
    const char* text;
    const char* utc;  // in New York; null: refused
  };
  const auto cases = std::vector<Case>{
      {"2026-01-31T09:00:00Z", "2026-01-31T09:00:00.000000Z"},
      {"2026-01-31T09:00:00.123456789Z", "2026-01-31T09:00:00.123000Z"},
      {"2026-01-31 09:00z", "2026-01-31T09:00:00.000000Z"},
      {"2026-01-31T09:00:00+01:30", "2026-01-31T07:30:00.000000Z"},
      {"2026-01-31T09:00:00-0500", "2026-01-31T14:00:00.000000Z"},
      {"2026-01-31T09:00:00+02", "2026-01-31T07:00:00.000000Z"},
      {"2026-01-31T09:00:00", "2026-01-31T14:00:00.000000Z"},
      {"2026-01-31", "2026-01-31T05:00:00.000000Z"},
      {"2026-03-08T02:30", "2026-03-08T07:30:00.000000Z"},  // gap: the offset before it
      {"2026-11-01T01:30", "2026-11-01T05:30:00.000000Z"},  // fold: the first
      {"2026-02-29", nullptr},
      {"2026-01-31T24:00:00Z", nullptr},
      {"2026-01-31T23:59:60Z", nullptr},
      {"2026-1-31", nullptr},
      {"2026-01-31T09:00:00Zx", nullptr},
      {"2026-01-31T09:00:00.", nullptr},
      {"2026-01-31T09:00:00+25:00", nullptr},
      {"20260131T090000Z", nullptr},
      {"", nullptr},
  };
  const rruled::rrule::ZoneDatabase zones;
  const auto zone = zones.find("America/New_York").value();
  for (const auto& each : cases) {
    CAPTURE(each.text);
    const auto time = parse_time(each.text);
    REQUIRE(time.has_value() == (each.utc != nullptr));
    if (time) CHECK(iso_microseconds(instant_of(*time, *zone)) == each.utc);
  }
  CHECK(cases.size() == 19);
  CHECK(iso_offset(std::chrono::minutes(-210)) == "-03:30");
  CHECK(iso_offset(std::chrono::seconds(1'172)) == "+00:19:32");
}
