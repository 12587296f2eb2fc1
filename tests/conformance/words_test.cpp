// Which texts are rules: the shared verdicts.
#include "rrule/parse.h"
#include "vectors.h"

#include <catch2/catch.hpp>

namespace rruled::rrule {

using namespace vectors;

TEST_CASE("texts are refused or accepted as agreed") {
  const auto vectors = lines("invalid.jsonl");
  Report report;
  std::size_t accepted = 0;
  for (const auto& vector : vectors) {
    const std::string rule = text(vector, "rrule");
    const auto parsed = parse_rule(rule);
    if (parsed.has_value() != (text(vector, "verdict") == "accept")) {
      report.differs(rule + ": " + text(vector, "verdict") + ", " + text(vector, "why"));
    }
    if (!parsed) {
      CHECK(!parsed.error().detail.empty());
      CHECK(parsed.error().offset <= rule.size());
      continue;
    }
    ++accepted;
    CHECK(parse_rule(to_string(*parsed)).value() == *parsed);
  }
  INFO(report.text());
  CHECK(report.size() == 0);
  CHECK((vectors.empty() || (vectors.size() > 100 && accepted > 30)));
}

}  // namespace rruled::rrule
