#include "daemon/io/retry_after.h"

#include <catch2/catch.hpp>

#include <optional>
#include <string>

using rruled::io::parse_retry_after;
using std::chrono::milliseconds;

namespace {
// 1994-11-06T08:49:30.500Z
constexpr rruled::store::Timestamp kNow{milliseconds(784'111'770'500)};
}  // namespace

TEST_CASE("Retry-After is read in every form of RFC 9110") {
  struct Case {
    std::string text;
    std::optional<int> seconds;
  };
  const auto sample = GENERATE(values<Case>({
      {"0", 0},
      {"120", 120},
      {"Sun, 06 Nov 1994 08:49:37 GMT", 7},  // rounded up
      {"Sunday, 06-Nov-94 08:49:37 GMT", 7},
      {"Sun Nov  6 08:49:37 1994", 7},
      {"Sun, 06 Nov 1994 08:00:00 GMT", 0},  // past
      {"", {}},
      {"-1", {}},
      {"1.5", {}},
      {"12 s", {}},
      {"soon", {}},
      {"Sun, 06 Nov 1994 08:49:37 GMT!", {}},
      {"Sun, 31 Feb 1994 08:49:37 GMT", {}},
      {"Sun, 06 Nov 1994 08:49:37 CET", {}},
  }));
  CAPTURE(sample.text);
  const auto parsed = parse_retry_after(sample.text, kNow);
  REQUIRE(parsed.has_value() == sample.seconds.has_value());
  if (parsed) CHECK(parsed->count() == *sample.seconds);
}

TEST_CASE("a Retry-After beyond any number is a very long wait, not an error") {
  CHECK(parse_retry_after("99999999999999999999999", kNow) > std::chrono::hours(24 * 365));
}
