#include "rrule/parse.h"

#include <catch2/catch.hpp>

#include <string>
#include <tuple>

namespace rruled::rrule {
namespace {

std::string canonical(const std::string& text) {
  const auto set = parse_recurrence(text);
  REQUIRE(set.has_value());
  const std::string printed = to_string(*set);
  CHECK(parse_recurrence(printed).value() == *set);
  return printed;
}

}  // namespace

TEST_CASE("a recurrence has one canonical text") {
  const auto [text, expected] = GENERATE(table<std::string, std::string>({
      {"FREQ=DAILY", "FREQ=DAILY"},
      {"RRULE:FREQ=DAILY", "FREQ=DAILY"},
      {"rrule:count=3;freq=daily", "FREQ=DAILY;COUNT=3"},
      {"FREQ=DAILY;INTERVAL=1;WKST=MO", "FREQ=DAILY"},
      {"FREQ=WEEKLY;WKST=SU;BYDAY=we,mo,WE", "FREQ=WEEKLY;BYDAY=MO,WE;WKST=SU"},
      {"FREQ=MONTHLY;BYDAY=+1MO,-1FR", "FREQ=MONTHLY;BYDAY=-1FR,1MO"},
      {"FREQ=DAILY;BYHOUR=17,09,9", "FREQ=DAILY;BYHOUR=9,17"},
      {"FREQ=DAILY;BYSECOND=60,59,0", "FREQ=DAILY;BYSECOND=0,59"},
      {"FREQ=DAILY;UNTIL=20261231", "FREQ=DAILY;UNTIL=20261231"},
      {"FREQ=DAILY;UNTIL=20261231t090000z", "FREQ=DAILY;UNTIL=20261231T090000Z"},
      {"FREQ=DAILY;UNTIL=20261231T235960", "FREQ=DAILY;UNTIL=20261231T235959"},
      {"RSCALE=gregorian;FREQ=DAILY", "FREQ=DAILY"},
      {"RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=omit;BYMONTHDAY=31", "FREQ=MONTHLY;BYMONTHDAY=31"},
      {"SKIP=FORWARD;RSCALE=GREGORIAN;FREQ=MONTHLY", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD"},
      {"RRULE:FREQ=DAILY\r\nEXDATE:20260102T090000\r\n",
       "RRULE:FREQ=DAILY\nEXDATE:20260102T090000"},
      {"FREQ=DAILY\nEXDATE:20260102T090000", "RRULE:FREQ=DAILY\nEXDATE:20260102T090000"},
      {"\n\nRRULE:FREQ=DAILY\n\n", "FREQ=DAILY"},
      {"RRULE:FREQ=WEEKLY;BYD\r\n AY=MO", "FREQ=WEEKLY;BYDAY=MO"},
      {"RDATE:20260102T090000,20260101T090000\nRDATE:20260101T090000",
       "RDATE:20260101T090000,20260102T090000"},
      {"RDATE;VALUE=DATE:20260102\nrdate:20260102T090000Z",
       "RDATE;VALUE=DATE:20260102\nRDATE:20260102T090000Z"},
      {"RDATE;VALUE=PERIOD:20260102T090000/PT1H,20260103T090000Z/20260103T100000Z",
       "RDATE:20260102T090000,20260103T090000Z"},
      {"RDATE;TZID=Europe/Prague:20260102T090000", "RDATE;TZID=Europe/Prague:20260102T090000"},
      {"RDATE;TZID=\"Europe/Prague\";X-A=b:20260102T090000",
       "RDATE;TZID=Europe/Prague:20260102T090000"},
      {"EXRULE:FREQ=WEEKLY;BYDAY=SU\nRRULE:FREQ=DAILY",
       "RRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY;BYDAY=SU"},
      {"RRULE:FREQ=DAILY\nRRULE:FREQ=MONTHLY", "RRULE:FREQ=DAILY\nRRULE:FREQ=MONTHLY"},
  }));
  CHECK(canonical(text) == expected);
}

TEST_CASE("blanks around a rule are no part of it") {
  const auto [text, expected] = GENERATE(table<std::string, std::string>({
      {" FREQ=DAILY ", "FREQ=DAILY"},
      {"\t RRULE:FREQ=DAILY\t", "FREQ=DAILY"},
      {" \n FREQ=DAILY\n \n", "FREQ=DAILY"},
      {"RRULE:FREQ=DAILY \r\nEXDATE:20260102T090000\t\r\n \r\n",
       "RRULE:FREQ=DAILY\nEXDATE:20260102T090000"},
      {" FREQ=DAILY \nEXDATE:20260102T090000 ", "RRULE:FREQ=DAILY\nEXDATE:20260102T090000"},
      // A blank that begins a line goes on with the line before: RFC 5545 3.1.
      {" RRULE:FREQ=DAILY;COU\n NT=3 ", "FREQ=DAILY;COUNT=3"},
  }));
  INFO(text);
  CHECK(canonical(text) == expected);
}

TEST_CASE("what is wrong is named, with its place") {
  using Row = std::tuple<std::string, ErrorCode, std::size_t, std::string>;
  const auto [text, code, offset, word] =
      GENERATE(table<std::string, ErrorCode, std::size_t, std::string>({
          Row{"", ErrorCode::empty, 0, "FREQ=DAILY"},
          Row{"\n\n", ErrorCode::empty, 0, "FREQ=DAILY"},
          Row{" \t\n \n", ErrorCode::empty, 0, "FREQ=DAILY"},
          Row{"  FREQ=DAILY;BYHOUR=24 ", ErrorCode::bad_value, 20, "0 to 23"},
          Row{" FREQ=DAILY; COUNT=1 ", ErrorCode::unknown_part, 12, "COUNT"},
          Row{"FREQ=DAILY \nSUMMARY:x ", ErrorCode::unknown_part, 12, "SUMMARY"},
          Row{" RRULE ", ErrorCode::syntax, 1, "\"RRULE\""},
          Row{"COUNT=3", ErrorCode::missing_part, 0, "FREQ"},
          Row{"FREQ=DAILY;COUNT=3;COUNT=4", ErrorCode::repeated_part, 19, "COUNT"},
          Row{"FREQ=DAILY;", ErrorCode::syntax, 11, "NAME=VALUE"},
          Row{"FREQ=DAILY;BYHOUR=9,24", ErrorCode::bad_value, 20, "0 to 23"},
          Row{"FREQ=DAILY;FOO=1", ErrorCode::unknown_part, 11, "FOO"},
          Row{"FREQ=DAILY;INTERVAL=0", ErrorCode::bad_value, 20, "INTERVAL"},
          Row{"FREQ=DAILY;INTERVAL=9223372036854775808", ErrorCode::bad_value, 20, "INTERVAL"},
          Row{"FREQ=DAILY;COUNT=2;UNTIL=20260101", ErrorCode::forbidden, 19, "COUNT"},
          Row{"FREQ=WEEKLY;BYMONTHDAY=1", ErrorCode::forbidden, 12, "BYMONTHDAY"},
          Row{"FREQ=DAILY;BYDAY=1MO", ErrorCode::forbidden, 11, "BYDAY"},
          Row{"FREQ=MONTHLY;BYSETPOS=1", ErrorCode::forbidden, 13, "BYSETPOS"},
          Row{"FREQ=MONTHLY;SKIP=FORWARD", ErrorCode::forbidden, 13, "RSCALE"},
          Row{"RSCALE=HEBREW;FREQ=DAILY", ErrorCode::unsupported, 7, "GREGORIAN"},
          Row{"FREQ=DAILY;UNTIL=20260230", ErrorCode::bad_value, 17, "UNTIL"},
          Row{"DTSTART:20260101T000000\nRRULE:FREQ=DAILY", ErrorCode::unsupported, 0, "starts_at"},
          Row{"RRULE:FREQ=DAILY\nSUMMARY:x", ErrorCode::unknown_part, 17, "SUMMARY"},
          Row{"RRULE:FREQ=DAILY\nEXDATE:2026", ErrorCode::bad_value, 24, "2026"},
          Row{"RRULE:FREQ=DAILY\nEXDATE:20260101T000000/PT1H", ErrorCode::bad_value, 24, "date"},
          Row{"RDATE;VALUE=DATE:20260101T000000", ErrorCode::bad_value, 17, "VALUE"},
          Row{"RDATE;FOO=1:20260101", ErrorCode::unknown_part, 6, "FOO"},
          Row{"RDATE;TZID=\"x:20260101", ErrorCode::syntax, 10, "quote"},
          Row{"EXDATE:20260101T000000", ErrorCode::missing_part, 0, "RRULE"},
          Row{"FREQ=DAILY\nRRULE:FREQ=WEEKLY", ErrorCode::syntax, 11, "RRULE:"},
          Row{"RRULE:FREQ=DA\n ILY;BYHOUR=24", ErrorCode::bad_value, 26, "BYHOUR"},
          Row{std::string("FREQ=DAILY\0;COUNT=1", 19), ErrorCode::bad_value, 5, "FREQ"},
          Row{"FREQ=DAILY;BYDAY=\xED\xA0\x80", ErrorCode::bad_value, 17, "BYDAY"},
      }));
  INFO(text);
  const auto set = parse_recurrence(text);
  REQUIRE_FALSE(set.has_value());
  CHECK(set.error().code == code);
  CHECK(set.error().offset == offset);
  CHECK_THAT(set.error().detail, Catch::Contains(word));
}

TEST_CASE("long texts are refused, long lists within the limit are read") {
  CHECK(parse_recurrence(std::string(kTextMax + 1, 'A')).error().code == ErrorCode::too_long);
  CHECK(parse_rule(std::string(1'000'000, 'A')).error().code == ErrorCode::too_long);
  std::string list = "FREQ=DAILY;BYHOUR=0";
  while (list.size() < kTextMax - 2) list += ",1";
  CHECK(canonical(list) == "FREQ=DAILY;BYHOUR=0,1");
}

TEST_CASE("a recurrence has at most a hundred rules") {
  std::string text;
  for (std::size_t i = 0; i < kRulesMax; ++i) text += "RRULE:FREQ=DAILY\n";
  CHECK(parse_recurrence(text).value().rules.size() == kRulesMax);
  const auto error = parse_recurrence(text + "EXRULE:FREQ=DAILY").error();
  CHECK(error.code == ErrorCode::too_long);
  CHECK(error.offset == text.size() + 7);
}

TEST_CASE("Rule::make checks like the parser, and names the part") {
  RuleParts parts;
  parts.by_hour = {24};
  CHECK_THAT(Rule::make(parts).error().detail, Catch::Contains("BYHOUR"));
  parts.by_hour = {};
  parts.interval = 0;
  CHECK(Rule::make(parts).error().code == ErrorCode::bad_value);
  parts.interval = 1;
  parts.by_day = {{-54, Weekday::monday}};
  parts.frequency = Frequency::yearly;
  CHECK(Rule::make(parts).error().code == ErrorCode::bad_value);
  parts.by_day = {{-53, Weekday::monday}};
  CHECK(to_string(Rule::make(parts).value()) == "FREQ=YEARLY;BYDAY=-53MO");
  CHECK_THROWS_AS(Rule::make(RuleParts{.interval = 0}).value(), std::invalid_argument);
}

}  // namespace rruled::rrule
