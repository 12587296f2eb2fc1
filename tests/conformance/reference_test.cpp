// What the hog_flows server answers, where semantics say the same.
#include "vectors.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

namespace rruled::rrule {
namespace {

using namespace vectors;

// Where we answer otherwise on purpose.
const std::set<std::string> kOurs{
    // It drops the second 01:00 of the autumn night; no hourly rule of ours has a silent hour.
    "FREQ=HOURLY 2030-11-03T04:00:00Z",
    // It ignores the Z of UNTIL.
    "FREQ=DAILY;UNTIL=20300103T180000Z 2030-01-01T22:00:00Z",
};

}  // namespace

TEST_CASE("next runs of the reference") {
  const auto file = whole("reference.json");
  if (!file) return;
  Report report;
  std::size_t compared = 0;
  for (const auto& value : file->at("next_runs").as_array()) {
    const auto& vector = value.as_object();
    const std::string rule = text(vector, "rrule");
    const std::string start = text(vector, "starts_at");
    const auto place = zone(text(vector, "timezone"));
    const auto recurrence = Recurrence::compile(rule, instant(start), place, {}).value();
    auto expected = texts(vector.at("listing"));
    // It lists what a spring gap moves together twice.
    expected.erase(std::unique(expected.begin(), expected.end()), expected.end());
    const auto found = instants(recurrence, instant(text(vector, "after")), expected.size());
    ++compared;
    if ((found == expected) == kOurs.contains(rule + " " + start)) {
      report.differs(rule + " from " + start + " " + text(vector, "timezone") + " after " +
                     text(vector, "after") + "\n  expected " + join(expected) + "\n  found    " +
                     join(found));
    }
  }
  INFO(report.text());
  CHECK(report.size() == 0);
  CHECK(compared > 40);
}

}  // namespace rruled::rrule
