#include "daemon/core/retry.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>

namespace rruled::core {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using store::RetryPolicy;
using store::RunId;
using store::Timestamp;

constexpr Timestamp kFirst{milliseconds(1'767'225'600'000)};

RunId run(std::uint8_t n) {
  RunId id;
  id.value.data[15] = n;
  return id;
}

std::optional<milliseconds> wait(const RetryPolicy& policy,
                                 int attempts,
                                 Timestamp now,
                                 std::optional<seconds> retry_after = std::nullopt,
                                 RunId id = run(1)) {
  const auto decision = decide_retry(policy, attempts, kFirst, now, retry_after, id);
  return decision.again_at ? std::optional(*decision.again_at - now) : std::nullopt;
}

TEST_CASE("the wait after an attempt is within a ceiling that doubles from 1 s to 5 min") {
  const auto [attempts, ceiling] = GENERATE(table<int, seconds>({{1, seconds(1)},
                                                                 {2, seconds(2)},
                                                                 {3, seconds(4)},
                                                                 {4, seconds(8)},
                                                                 {8, seconds(128)},
                                                                 {9, seconds(256)},
                                                                 {10, seconds(300)},
                                                                 {14, seconds(300)}}));
  milliseconds shortest = hours(1);
  milliseconds longest{0};
  for (int n = 0; n < 256; ++n) {
    const auto waited = wait({}, attempts, kFirst, std::nullopt, run(static_cast<std::uint8_t>(n)));
    REQUIRE(waited);
    shortest = std::min(shortest, *waited);
    longest = std::max(longest, *waited);
  }
  CHECK(shortest > milliseconds(0));
  CHECK(shortest < milliseconds(ceiling) / 10);
  CHECK(longest <= ceiling);
  CHECK(longest > milliseconds(ceiling) * 9 / 10);
}

TEST_CASE("the wait is the same for the same run and attempt, in every build") {
  CHECK(wait({}, 1, kFirst) == wait({}, 1, kFirst + hours(1)));
  CHECK(wait({}, 10, kFirst) == milliseconds(182'565));
  CHECK(wait({}, 11, kFirst) == milliseconds(83'699));
  CHECK(wait({}, 10, kFirst, std::nullopt, run(2)) == milliseconds(251'197));
}

TEST_CASE("a run is dead when its attempts are used up or its age would be passed") {
  const RetryPolicy policy{.max_attempts = 3};
  CHECK(wait(policy, 2, kFirst));
  CHECK_FALSE(wait(policy, 3, kFirst));
  CHECK_FALSE(wait(policy, 4, kFirst));
  CHECK_FALSE(wait({.max_attempts = 1}, 1, kFirst));

  CHECK(wait({}, 2, kFirst + hours(2) - seconds(2)));
  CHECK_FALSE(wait({}, 2, kFirst + hours(2)));
  CHECK_FALSE(wait({}, 2, kFirst + hours(3)));
  CHECK(wait({}, 2, kFirst + hours(1), seconds(3'600)));  // just at max_age
  CHECK_FALSE(wait({}, 2, kFirst + hours(1) + milliseconds(1), seconds(3'600)));
  CHECK(wait({}, 2, kFirst - hours(5)));  // the clock stepped back
}

TEST_CASE("a run was dead without a word why it was given up") {
  const auto why = [](const RetryPolicy& policy, int attempts, Timestamp now) {
    store::Run dead;
    dead.retry = policy;
    const auto decision = decide_retry(policy, attempts, kFirst, now, std::nullopt, run(1));
    if (decision.reason) dead.reason = store::word(*decision.reason);
    return why_given_up(dead);
  };
  CHECK(why({.max_attempts = 2}, 1, kFirst).empty());
  CHECK(why({.max_attempts = 2}, 2, kFirst) == "its 2 attempts are used up");
  CHECK(why({.max_attempts = 1}, 1, kFirst) == "its one attempt is used up");
  CHECK(why({}, 2, kFirst + hours(3)) == "its time for retries (2h) ends before the next attempt");
  store::Run lost;
  lost.reason = "tracking_ended";
  CHECK(why_given_up(lost).empty());
}

TEST_CASE("Retry-After takes the place of the backoff, held within a second and an hour") {
  const auto [given, waited] = GENERATE(table<seconds, seconds>({
      {seconds(-5), seconds(1)},
      {seconds(0), seconds(1)},
      {seconds(1), seconds(1)},
      {seconds(120), seconds(120)},
      {seconds(3'600), seconds(3'600)},
      {seconds(3'601), seconds(3'600)},
      {seconds::max(), seconds(3'600)},
      {seconds::min(), seconds(1)},
  }));
  CHECK(wait({}, 1, kFirst, given) == waited);
}

TEST_CASE("a policy of any numbers gives a wait or an end, within a Timestamp") {
  const milliseconds huge = milliseconds::max();
  const auto min_backoff = GENERATE_COPY(milliseconds(-1), milliseconds(0), milliseconds(7), huge);
  const auto max_backoff = GENERATE_COPY(milliseconds(0), milliseconds(5), huge);
  for (const int attempts : {1, 2, 60, 1'000'000}) {
    const RetryPolicy policy{std::numeric_limits<int>::max(), min_backoff, max_backoff, huge};
    const auto waited = wait(policy, attempts, kFirst);
    if (!waited) {
      CHECK(max_backoff == huge);
      continue;
    }
    CHECK(*waited > milliseconds(0));
    CHECK(*waited <= hours(24 * 3'650));
  }
}

TEST_CASE("the verdict on an HTTP status") {
  using enum HttpVerdict;
  const auto [status, verdict] = GENERATE(table<int, HttpVerdict>({
      {200, completed}, {201, completed}, {202, completed}, {204, completed}, {299, completed},
      {300, failed},    {301, failed},    {304, failed},    {307, failed},    {399, failed},
      {400, failed},    {401, failed},    {403, failed},    {404, failed},    {407, failed},
      {408, retry},     {409, retry},     {410, failed},    {422, failed},    {424, failed},
      {425, retry},     {426, failed},    {428, failed},    {429, retry},     {451, failed},
      {499, failed},    {500, retry},     {501, retry},     {503, retry},     {504, retry},
      {599, retry},     {600, retry},     {999, retry},     {100, retry},     {101, retry},
      {199, retry},     {0, retry},       {-1, retry},
  }));
  CAPTURE(status);
  CHECK(classify_http(status) == verdict);
}

}  // namespace
}  // namespace rruled::core
