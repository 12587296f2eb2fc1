// Whose series there are when there are more schedules than places.
#include "daemon/io/schedule_series.h"

#include "tests/unit/io/io_fixture.h"

#include <catch2/catch.hpp>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace rruled::test {
namespace {

using std::chrono::days;
using std::chrono::milliseconds;

struct Places {
  prometheus::Registry registry;
  io::ScheduleSeries series{registry};

  void run(std::uint8_t schedule, store::Timestamp now) {
    store::Run run;
    run.schedule_id.emplace().value.data[15] = schedule;
    series.count(run, store::RunStatus::completed, now, milliseconds(0));
  }
  // The last digits of the schedules that have series.
  [[nodiscard]] std::string shown() const {
    const std::string text = prometheus::TextSerializer().Serialize(registry.Collect());
    const std::string name = "rruled_schedule_last_success_timestamp_seconds{schedule=\"";
    std::string digits;
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + 1))
      digits += text[at + name.size() + 35];
    std::ranges::sort(digits);
    return digits;
  }
};

}  // namespace

TEST_CASE("a place goes to another after a week without a run, the longest idle first") {
  Places places;
  places.series.set_cap(3);
  places.run(1, kStart + milliseconds(2));
  places.run(2, kStart);
  places.run(3, kStart + days(1));
  for (int i = 0; i < 5; ++i) places.run(4, kStart + days(7));
  CHECK(places.shown() == "123");
  places.run(4, kStart + days(7) + milliseconds(3));
  CHECK(places.shown() == "134");
  // 1 runs again after the week, before anybody asks for its place.
  places.run(1, kStart + days(7) + milliseconds(4));
  places.run(5, kStart + days(8));
  CHECK(places.shown() == "134");
  places.run(5, kStart + days(8) + milliseconds(1));
  CHECK(places.shown() == "145");
  places.run(6, kStart + days(8) + milliseconds(1));
  CHECK(places.shown() == "145");
}

TEST_CASE("a smaller cap begins anew") {
  Places places;
  places.series.set_cap(2);
  for (const std::uint8_t schedule : std::vector<std::uint8_t>{1, 2, 3})
    places.run(schedule, kStart);
  places.series.set_cap(1);
  places.run(3, kStart);
  places.run(4, kStart);
  CHECK(places.shown() == "3");
}

}  // namespace rruled::test
