// The RFC's own examples: the part of the conformance tests that needs nothing outside this
// repository.
#include "vectors.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>

namespace rruled::rrule {

using namespace vectors;

TEST_CASE("the examples of RFC 5545") {
  std::ifstream in(RRULED_SOURCE_DIR "/tests/data/rfc5545.cases");
  Report report;
  std::size_t cases = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    ++cases;
    std::istringstream words(line);
    std::string rule, bar, start, in_zone, word;
    words >> rule >> bar >> start >> in_zone >> bar;
    std::vector<std::string> expected;
    bool complete = true;
    const auto place = zone(in_zone);
    while (words >> word) {
      if (word == "...") {
        complete = false;
      } else {
        expected.push_back(print(start_instant(local(word), *place)));
      }
    }
    const auto recurrence =
        Recurrence::compile(rule, start_instant(local(start), *place), place, kVectorPolicy)
            .value();
    const auto found = instants(recurrence, expected.size() + (complete ? 1 : 0));
    if (found != expected) report.differs(line + "\n  found " + join(found));
  }
  INFO(report.text());
  CHECK(report.size() == 0);
  CHECK(cases > 30);
}

}  // namespace rruled::rrule
