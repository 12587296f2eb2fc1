#include "daemon/core/duration.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <random>
#include <string>

namespace rruled::core {
namespace {

using rrule::ErrorCode;
using std::chrono::milliseconds;

TEST_CASE("durations are read in both forms") {
  const auto [text, ms] = GENERATE(table<std::string, std::int64_t>({
      {"90s", 90'000},
      {"5m", 300'000},
      {"24h", 86'400'000},
      {"1d", 86'400'000},
      {"500ms", 500},
      {"1h30m", 5'400'000},
      {"1d2h3m4s5ms", 93'784'005},
      {"1h5ms", 3'600'005},
      {"0s", 0},
      {"007m", 420'000},
      {"9223372036854775807ms", INT64_MAX},
      {"PT90S", 90'000},
      {"PT1H30M", 5'400'000},
      {"P1D", 86'400'000},
      {"P2W", 1'209'600'000},
      {"P1DT2H3M4S", 93'784'000},
      {"PT0.5S", 500},
      {"PT1,25S", 1'250},
      {"PT1M0.001S", 60'001},
      {"PT0S", 0},
  }));
  CAPTURE(text);
  const auto parsed = parse_duration(text);
  REQUIRE(parsed.has_value());
  CHECK(parsed->count() == ms);
}

TEST_CASE("what is no duration is refused with the place") {
  const auto [text, code, offset] = GENERATE(table<std::string, ErrorCode, std::size_t>({
      {"", ErrorCode::empty, 0},
      {"90", ErrorCode::syntax, 0},
      {"s", ErrorCode::syntax, 0},
      {"-5m", ErrorCode::syntax, 0},
      {"+5m", ErrorCode::syntax, 0},
      {" 5m", ErrorCode::syntax, 0},
      {"5m ", ErrorCode::syntax, 2},
      {"5 m", ErrorCode::syntax, 0},
      {"5M", ErrorCode::syntax, 0},
      {"5w", ErrorCode::syntax, 0},
      {"5min", ErrorCode::syntax, 0},
      {"1.5h", ErrorCode::syntax, 0},
      {"30m1h", ErrorCode::syntax, 3},
      {"1s1s", ErrorCode::syntax, 2},
      {"1h30", ErrorCode::syntax, 2},
      {"1hT1m", ErrorCode::syntax, 0},
      {std::string("5m\0", 3), ErrorCode::syntax, 2},
      {"P", ErrorCode::syntax, 1},
      {"PT", ErrorCode::syntax, 2},
      {"P1DT", ErrorCode::syntax, 4},
      {"P1H", ErrorCode::syntax, 1},
      {"PT1D", ErrorCode::syntax, 2},
      {"PT1S1M", ErrorCode::syntax, 4},
      {"PT1HT1M", ErrorCode::syntax, 4},
      {"PT1.5M", ErrorCode::syntax, 2},
      {"PT1.S", ErrorCode::syntax, 2},
      {"PT1.0005S", ErrorCode::syntax, 2},
      {"PT90s", ErrorCode::syntax, 2},
      {"pt90s", ErrorCode::syntax, 0},
      {"-PT5M", ErrorCode::syntax, 0},
      {"P1Y", ErrorCode::unsupported, 1},
      {"P3M", ErrorCode::unsupported, 1},
      {"P1Y2M", ErrorCode::unsupported, 1},
      {"9223372036854775808ms", ErrorCode::bad_value, 0},
      {"9223372036854775807s", ErrorCode::bad_value, 0},
      {"1s9223372036854775807ms", ErrorCode::bad_value, 2},
      {"P106751991168D", ErrorCode::bad_value, 1},
      {std::string(65, '0'), ErrorCode::too_long, 64},
  }));
  CAPTURE(text);
  const auto parsed = parse_duration(text);
  REQUIRE_FALSE(parsed.has_value());
  CHECK(parsed.error().code == code);
  CHECK(parsed.error().offset == offset);
  CHECK_FALSE(parsed.error().detail.empty());
}

TEST_CASE("the canonical text has the largest unit that divides") {
  const auto [ms, text] = GENERATE(table<std::int64_t, std::string>({
      {0, "0s"},
      {1, "1ms"},
      {1'500, "1500ms"},
      {90'000, "90s"},
      {300'000, "5m"},
      {5'400'000, "90m"},
      {7'200'000, "2h"},
      {86'400'000, "1d"},
      {86'401'000, "86401s"},
      {604'800'000, "7d"},
      {INT64_MAX, "9223372036854775807ms"},
      {-90'000, "-90s"},
      {INT64_MIN, "-9223372036854775808ms"},
  }));
  CHECK(duration_text(milliseconds(ms)) == text);
}

TEST_CASE("a unit that is none was refused without those that there are") {
  CHECK(core::parse_duration("30min").error().detail ==
        "\"min\" is no unit that may come here: d, h, m, s, ms, in this order");
  CHECK(core::parse_duration("5s1h").error().detail ==
        "\"h\" is no unit that may come here: d, h, m, s, ms, in this order");
  CHECK(core::parse_duration("PT5X").error().detail ==
        "\"X\" is no unit that may come here: W and D, then T and H, M, S");
}

TEST_CASE("the canonical text reads back to the same duration") {
  std::mt19937_64 random(1);
  int checked = 0;
  for (; checked < 20'000; ++checked) {
    const auto bits = static_cast<std::int64_t>(random() >> (1 + random() % 63));
    const milliseconds duration(random() % 2 == 0 ? bits : bits / 86'400'000 * 60'000);
    const auto parsed = parse_duration(duration_text(duration));
    REQUIRE(parsed.has_value());
    REQUIRE(*parsed == duration);
  }
  CHECK(checked == 20'000);
}

TEST_CASE("any text gives a duration or an error, never more") {
  std::mt19937_64 random(2);
  const std::string alphabet("0159dhmsPTDHMSWY.,- \0", 21);
  int read = 0;
  for (int n = 0; n < 50'000; ++n) {
    std::string text;
    for (auto length = random() % 8; length > 0; --length) text += alphabet[random() % 21];
    const auto parsed = parse_duration(text);
    if (parsed.has_value()) {
      ++read;
      REQUIRE(parsed->count() >= 0);
    } else {
      REQUIRE(parsed.error().offset <= text.size());
    }
  }
  CHECK(read > 200);
}

}  // namespace
}  // namespace rruled::core
