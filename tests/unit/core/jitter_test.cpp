#include "daemon/core/jitter.h"

#include <catch2/catch.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

namespace rruled::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using store::Instant;
using store::ScheduleId;

constexpr Instant kNine{seconds(1'767'258'000)};

ScheduleId schedule(std::uint8_t n) {
  ScheduleId id;
  id.value.data[0] = n;
  return id;
}

TEST_CASE("the offset is spread evenly over [0, jitter]") {
  std::array<int, 4> thirds{};
  int drawn = 0;
  for (int n = 0; n < 200; ++n) {
    for (int day = 0; day < 30; ++day) {
      const auto offset = jitter_offset(schedule(static_cast<std::uint8_t>(n)),
                                        kNine + std::chrono::days(day), milliseconds(2), {});
      REQUIRE(offset >= milliseconds(0));
      REQUIRE(offset <= milliseconds(2));
      ++thirds.at(static_cast<std::size_t>(offset.count()));
      ++drawn;
    }
  }
  CHECK(drawn == 6'000);
  for (std::size_t n = 0; n < 3; ++n) CHECK(thirds.at(n) > 1'800);
}

TEST_CASE("the offset is the same for the same schedule and occurrence, in every build") {
  const auto offset = [](std::uint8_t id, Instant at) {
    return jitter_offset(schedule(id), at, minutes(10), std::nullopt);
  };
  CHECK(offset(1, kNine) == milliseconds(500'444));
  CHECK(offset(2, kNine) == milliseconds(143'523));
  CHECK(offset(1, kNine + seconds(1)) == milliseconds(289));
  CHECK(offset(1, Instant(seconds(-1))) == milliseconds(254'300));
}

TEST_CASE("the due time is before the next occurrence") {
  int met = 0;
  for (int n = 0; n < 256; ++n) {
    const auto id = schedule(static_cast<std::uint8_t>(n));
    const auto offset = jitter_offset(id, kNine, minutes(10), kNine + seconds(1));
    CHECK(offset < seconds(1));
    met += offset > milliseconds(900) ? 1 : 0;
    CHECK(jitter_offset(id, kNine, minutes(10), kNine + minutes(11)) ==
          jitter_offset(id, kNine, minutes(10), std::nullopt));
  }
  CHECK(met > 5);
}

TEST_CASE("no jitter is no offset") {
  const auto jitter = GENERATE(milliseconds(0), milliseconds(-1));
  CHECK(jitter_offset(schedule(1), kNine, jitter, std::nullopt) == milliseconds(0));
  CHECK(jitter_offset(schedule(1), kNine, jitter, kNine + seconds(1)) == milliseconds(0));
}

}  // namespace
}  // namespace rruled::core
