#include "daemon/io/text.h"

#include <catch2/catch.hpp>

#include <string>

using rruled::io::clean_line;
using rruled::io::duration_text;
using namespace std::chrono_literals;

TEST_CASE("foreign bytes become one clean line") {
  struct Case {
    std::string text, expected;
  };
  const auto sample = GENERATE(values<Case>({
      {"", ""},
      {"plain", "plain"},
      {"  indented\t \r\n", "  indented"},
      {"a\nb\tc\x1b[31m\x7f!", "a b c [31m !"},
      {std::string("a\0b", 3), "a b"},
      {"gr\xC3\xBC\xC3\x9F", "grüß"},
      {"\xC2\x85next line", " next line"},                       // a C1 control
      {"a\u202Eb\u202Ac\u2066d\u2069e", "a b c d e"},            // they turn the direction
      {"\u2029\u202F\u2065\u206A", "\u2029\u202F\u2065\u206A"},  // their neighbours do not
      {"\xE2\x41 cut off",
       "\xEF\xBF\xBD"
       "A cut off"},                            // the A is kept
      {"\xC0\xAF\xED\xA0\x80", std::string() +  // overlong, surrogate: bytewise
                                   "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"end \xF0\x9F", "end \xEF\xBF\xBD\xEF\xBF\xBD"},
  }));
  CHECK(clean_line(sample.text, 100) == sample.expected);
}

TEST_CASE("a long line is cut at a character and says so") {
  CHECK(clean_line("12345678", 8) == "12345678");
  CHECK(clean_line("123456789", 8) == "12345\xE2\x80\xA6");
  CHECK(clean_line("1234üüü", 8) == "1234\xE2\x80\xA6");
  CHECK(clean_line(std::string(1'000'000, 'x'), 200).size() == 200);
}

TEST_CASE("durations are told exactly") {
  CHECK(duration_text(30s) == "30 s");
  CHECK(duration_text(1h) == "3600 s");
  CHECK(duration_text(1'250ms) == "1250 ms");
}
