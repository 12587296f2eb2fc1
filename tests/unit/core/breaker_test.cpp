#include "daemon/core/breaker.h"

#include <catch2/catch.hpp>

namespace rruled::core {
namespace {

using std::chrono::milliseconds;
using State = Breaker::State;
using Answer = Breaker::Answer;

constexpr BreakerOptions kOptions{
    .failures = 3, .open_min = milliseconds(5'000), .open_max = milliseconds(12'000)};

store::Timestamp at_ms(int ms) { return store::Timestamp(milliseconds(1'000'000'000 + ms)); }

// One that has just opened, at 0.
Breaker an_open_breaker() {
  Breaker breaker(kOptions);
  for (int i = 0; i < 3; ++i) (void)breaker.take(breaker.sent(), Answer::unreachable, at_ms(0));
  REQUIRE(breaker.state() == State::open);
  return breaker;
}

}  // namespace

TEST_CASE("a breaker opens after so many failures in a row") {
  Breaker breaker(kOptions);
  CHECK_FALSE(breaker.take(breaker.sent(), Answer::unreachable, at_ms(0)));
  CHECK_FALSE(breaker.take(breaker.sent(), Answer::unreachable, at_ms(1)));
  CHECK_FALSE(breaker.take(breaker.sent(), Answer::answered, at_ms(2)));  // not in a row
  CHECK_FALSE(breaker.take(breaker.sent(), Answer::unreachable, at_ms(3)));
  CHECK_FALSE(breaker.take(breaker.sent(), Answer::unreachable, at_ms(4)));
  CHECK_FALSE(breaker.take(breaker.sent(), Answer::unknown, at_ms(5)));  // tells nothing
  CHECK(breaker.may_send());
  CHECK(breaker.take(breaker.sent(), Answer::unreachable, at_ms(6)));
  CHECK(breaker.state() == State::open);
  CHECK(breaker.opens_until() == at_ms(5'006));
  CHECK_FALSE(breaker.may_send());
}

TEST_CASE("one without a limit never opens") {
  Breaker breaker({.failures = 0});
  int taken = 0;
  for (; taken < 1'000; ++taken)
    REQUIRE_FALSE(breaker.take(breaker.sent(), Answer::unreachable, at_ms(taken)));
  CHECK(taken == 1'000);
  CHECK(breaker.may_send());
}

TEST_CASE("when its time is over one probe goes, and an answer closes it") {
  Breaker breaker = an_open_breaker();
  CHECK_FALSE(breaker.advance(at_ms(4'999)));
  CHECK(breaker.advance(at_ms(5'000)));
  CHECK(breaker.state() == State::half_open);
  CHECK_FALSE(breaker.opens_until());
  REQUIRE(breaker.may_send());
  const auto probe = breaker.sent();
  CHECK_FALSE(breaker.may_send());
  CHECK(breaker.take(probe, Answer::answered, at_ms(5'100)));
  CHECK(breaker.state() == State::closed);
  CHECK(breaker.may_send());
  // The count begins anew.
  CHECK_FALSE(breaker.take(breaker.sent(), Answer::unreachable, at_ms(5'200)));
  CHECK_FALSE(breaker.take(breaker.sent(), Answer::unreachable, at_ms(5'200)));
  CHECK(breaker.take(breaker.sent(), Answer::unreachable, at_ms(5'200)));
  CHECK(breaker.opens_until() == at_ms(10'200));
}

TEST_CASE("each probe that fails doubles the pause, up to the longest") {
  Breaker breaker = an_open_breaker();
  int now = 5'000;
  for (const int pause : {10'000, 12'000, 12'000}) {
    REQUIRE(breaker.advance(at_ms(now)));
    CHECK(breaker.take(breaker.sent(), Answer::unreachable, at_ms(now)));
    CHECK(breaker.opens_until() == at_ms(now + pause));
    now += pause;
  }
  CHECK(now == 39'000);
}

TEST_CASE("a probe that was not sent leaves its place to another") {
  Breaker breaker = an_open_breaker();
  REQUIRE(breaker.advance(at_ms(5'000)));
  CHECK_FALSE(breaker.take(breaker.sent(), Answer::unknown, at_ms(5'001)));
  CHECK(breaker.state() == State::half_open);
  CHECK(breaker.may_send());
}

TEST_CASE("attempts that were under way when it opened fail without counting") {
  Breaker breaker(kOptions);
  const auto early = breaker.sent();
  for (int i = 0; i < 3; ++i) (void)breaker.take(breaker.sent(), Answer::unreachable, at_ms(0));
  CHECK_FALSE(breaker.take(early, Answer::unreachable, at_ms(3'000)));
  CHECK(breaker.opens_until() == at_ms(5'000));
  REQUIRE(breaker.advance(at_ms(5'000)));
  const auto probe = breaker.sent();
  CHECK_FALSE(breaker.take(early, Answer::unreachable, at_ms(5'001)));
  CHECK(breaker.state() == State::half_open);
  CHECK(breaker.take(probe, Answer::unreachable, at_ms(5'002)));
  // But an answer is an answer.
  CHECK(breaker.take(early, Answer::answered, at_ms(5'003)));
  CHECK(breaker.state() == State::closed);
  // And what failed before that is of the time before.
  for (int i = 0; i < 3; ++i) CHECK_FALSE(breaker.take(early, Answer::unreachable, at_ms(5'004)));
  CHECK(breaker.state() == State::closed);
}

TEST_CASE("a clock that is set back does not keep it open") {
  Breaker breaker = an_open_breaker();
  CHECK_FALSE(breaker.advance(at_ms(0)));
  CHECK(breaker.advance(at_ms(-3'600'000)));
}

}  // namespace rruled::core
