#include "daemon/core/timer_wheel.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace rruled::core {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using Wheel = TimerWheel<std::uint64_t>;
using Fires = std::vector<Wheel::Fired>;

constexpr Timestamp at(std::int64_t ms) { return Timestamp(milliseconds(ms)); }

Fires advance(Wheel& wheel, Timestamp now) {
  Fires fired;
  wheel.advance(now, fired);
  return fired;
}

TEST_CASE("a timer fires at its due, not before, at every edge of every level") {
  const std::int64_t start = GENERATE(0, 1, 255, 256, 65'535, 65'536, -1, -256, 1'767'225'600'000);
  int checked = 0;
  for (int level = 0; level < 6; ++level) {
    const std::int64_t edge = std::int64_t{1} << (8 * level);
    for (const std::int64_t base : {edge, 2 * edge, 255 * edge, 256 * edge}) {
      for (const std::int64_t delta : {base - 1, base, base + 1}) {
        if (delta == 0) continue;
        Wheel wheel(at(start));
        wheel.arm(7, at(start + delta));
        CAPTURE(start, delta);
        CHECK(wheel.next_due() == at(start + delta));
        CHECK(advance(wheel, at(start + delta - 1)).empty());
        CHECK(wheel.next_due() == at(start + delta));
        CHECK(advance(wheel, at(start + delta)) == Fires{{7, at(start + delta)}});
        CHECK(wheel.empty());
        CHECK(wheel.next_due() == std::nullopt);
        ++checked;
      }
    }
  }
  CHECK(checked == 6 * 4 * 3 - 1);
}

TEST_CASE("every tick around the first edges fires alone and in order") {
  Wheel wheel(at(0));
  for (std::uint64_t tick = 1; tick <= 600; ++tick) wheel.arm(tick, at(601 - std::int64_t(tick)));
  std::int64_t now = 0;
  while (!wheel.empty()) {
    ++now;
    CHECK(wheel.next_due() == at(now));
    CHECK(advance(wheel, at(now)) == Fires{{std::uint64_t(601 - now), at(now)}});
  }
  CHECK(now == 600);
}

TEST_CASE("what is due together comes out by due, then by id") {
  Wheel wheel(at(1'000));
  wheel.arm(3, at(1'300));
  wheel.arm(1, at(1'300));
  wheel.arm(2, at(1'300));
  wheel.arm(9, at(1'299));
  wheel.arm(8, at(900'000));
  wheel.arm(5, at(800));  // passed already
  wheel.arm(4, at(800));
  wheel.arm(6, at(1'000));
  wheel.arm(2, at(1'300));  // the same id twice
  CHECK(advance(wheel, at(900'000)) == Fires{{4, at(800)},
                                             {5, at(800)},
                                             {6, at(1'000)},
                                             {9, at(1'299)},
                                             {1, at(1'300)},
                                             {2, at(1'300)},
                                             {2, at(1'300)},
                                             {3, at(1'300)},
                                             {8, at(900'000)}});
}

TEST_CASE("advance appends, and orders only what it appends") {
  Wheel wheel(at(0));
  Fires fired{{99, at(50)}};
  wheel.arm(2, at(10));
  wheel.arm(1, at(10));
  wheel.advance(at(10), fired);
  CHECK(fired == Fires{{99, at(50)}, {1, at(10)}, {2, at(10)}});
}

TEST_CASE("a due that has passed fires at the next advance, even at the same now") {
  Wheel wheel(at(5'000));
  const std::int64_t due = GENERATE(5'000, 4'999, 4'000, 0, -7);
  wheel.arm(1, at(due));
  CHECK(wheel.next_due() == at(due));
  CHECK(advance(wheel, at(5'000)) == Fires{{1, at(due)}});
  CHECK(advance(wheel, at(5'000)).empty());
}

TEST_CASE("timers armed while the fired ones are handled fire in their turn") {
  Wheel wheel(at(0));
  wheel.arm(1, at(10));
  std::vector<std::int64_t> dues;
  for (std::int64_t now = 10; now <= 100; now += 10) {
    for (const auto& fired : advance(wheel, at(now))) {
      dues.push_back(fired.due.time_since_epoch().count());
      wheel.arm(fired.id, fired.due + milliseconds(20));
      wheel.arm(fired.id + 1, fired.due);  // already due: the next advance
      if (fired.id > 1) break;
    }
  }
  CHECK(dues.size() >= 10);
  CHECK(std::ranges::is_sorted(dues));
}

TEST_CASE("fires nothing twice and loses nothing when the clock steps back") {
  const std::int64_t step = GENERATE(1, 5, 255, 256, 257, 70'000, 3'600'000, 40'000'000'000);
  const std::int64_t now = 50'000'000'000;
  Wheel wheel(at(now - step - 1'000));
  wheel.arm(1, at(now));
  wheel.arm(2, at(now + 1));
  wheel.arm(3, at(now + 300));
  wheel.arm(4, at(now + 10'000'000));
  CHECK(advance(wheel, at(now)) == Fires{{1, at(now)}});
  wheel.arm(5, at(now - step));      // passed by the old time, due by the new one
  wheel.arm(6, at(now - step + 1));  // ahead again
  wheel.arm(7, at(now));

  CHECK(advance(wheel, at(now - step)) == Fires{{5, at(now - step)}});
  wheel.arm(8, at(now - step + 1));
  CHECK(wheel.next_due() == at(now - step + 1));
  CHECK(advance(wheel, at(now - step)).empty());
  if (step == 1) {
    CHECK(advance(wheel, at(now)) == Fires{{6, at(now)}, {7, at(now)}, {8, at(now)}});
  } else {
    CHECK(advance(wheel, at(now - step + 1)) ==
          Fires{{6, at(now - step + 1)}, {8, at(now - step + 1)}});
    CHECK(advance(wheel, at(now - 1)).empty());
    CHECK(advance(wheel, at(now)) == Fires{{7, at(now)}});
  }
  CHECK(advance(wheel, at(now + 300)) == Fires{{2, at(now + 1)}, {3, at(now + 300)}});
  CHECK(wheel.next_due() == at(now + 10'000'000));
  CHECK(wheel.size() == 1);
}

TEST_CASE("a timer armed before the wheel's position, ahead of a clock that stepped back") {
  Wheel wheel(at(1'000'000));
  wheel.arm(1, at(999'000));  // the clock is back at 998'000 already, the wheel has not heard
  CHECK(wheel.next_due() == at(999'000));
  CHECK(advance(wheel, at(998'000)).empty());
  CHECK(wheel.next_due() == at(999'000));
  CHECK(advance(wheel, at(998'999)).empty());
  CHECK(advance(wheel, at(999'000)) == Fires{{1, at(999'000)}});
}

TEST_CASE("a clock that steps forward by years fires all, in order") {
  Wheel wheel(at(0));
  for (std::uint64_t n = 0; n < 5'000; ++n) {
    wheel.arm(n, at(0) + hours(24) * (n * 7'919 % 5'000) + milliseconds(n % 3));
  }
  const auto fired = advance(wheel, at(0) + days(365 * 20));
  CHECK(fired.size() == 5'000);
  CHECK(std::ranges::is_sorted(fired, {}, &Wheel::Fired::due));
  CHECK(wheel.empty());
}

TEST_CASE("a jump costs the slots it meets, not its length") {
  Wheel wheel(at(0));
  Timestamp now = at(0);
  std::size_t fires = 0;
  for (int jump = 0; jump < 10'000; ++jump) {  // 10,000 years: a walk by ticks would not end today
    wheel.arm(1, now + days(365));
    now += days(365);
    fires += advance(wheel, now).size();
  }
  CHECK(fires == 10'000);
}

TEST_CASE("a timer armed just inside a slot that the clock has come to keeps its turn") {
  for (const std::int64_t edge : {256, 65'536, 16'777'216}) {
    Wheel wheel(at(0));
    wheel.arm(1, at(edge + 5));
    CHECK(advance(wheel, at(edge - 1)).empty());
    wheel.arm(2, at(edge + 7));
    wheel.arm(3, at(edge + 3));
    CHECK(wheel.next_due() == at(edge + 3));
    CHECK(advance(wheel, at(edge + 6)) == Fires{{3, at(edge + 3)}, {1, at(edge + 5)}});
    CHECK(advance(wheel, at(edge + 7)) == Fires{{2, at(edge + 7)}});
  }
}

TEST_CASE("the first and the last Timestamp can be armed and fire") {
  Wheel wheel(at(0));
  wheel.arm(1, Timestamp::max());
  CHECK(wheel.next_due() == Timestamp::max());
  wheel.arm(2, Timestamp::min());
  CHECK(wheel.next_due() == Timestamp::min());
  CHECK(advance(wheel, at(1)) == Fires{{2, Timestamp::min()}});
  CHECK(advance(wheel, Timestamp::max() - milliseconds(1)).empty());
  CHECK(advance(wheel, Timestamp::max()) == Fires{{1, Timestamp::max()}});
  wheel.arm(3, Timestamp::max());
  CHECK(advance(wheel, at(5)).empty());
  CHECK(advance(wheel, Timestamp::max()) == Fires{{3, Timestamp::max()}});

  Wheel from_the_first(Timestamp::min());
  from_the_first.arm(4, Timestamp::min() + milliseconds(1));
  CHECK(advance(from_the_first, Timestamp::min()).empty());
  CHECK(advance(from_the_first, Timestamp::max()).size() == 1);
}

TEST_CASE("a cancelled timer does not fire, and the others of its slot do") {
  const std::size_t timers = GENERATE(1, 2, 63, 64, 65, 200);  // a chunk holds 64
  for (const std::int64_t due : {5, 300, 100'000}) {
    for (std::size_t victim = 0; victim < timers; victim += 9) {
      Wheel wheel(at(0));
      std::vector<Wheel::Handle> handles;
      for (std::size_t n = 0; n < timers; ++n) handles.push_back(wheel.arm(n, at(due)));
      CHECK(wheel.cancel(handles[victim]));
      CHECK(wheel.size() == timers - 1);
      const auto fired = advance(wheel, at(due));
      CHECK(fired.size() == timers - 1);
      CHECK(std::ranges::none_of(fired, [&](const auto& f) { return f.id == victim; }));
    }
  }
}

TEST_CASE("stale handles match nothing") {
  Wheel wheel(at(0));
  CHECK_FALSE(wheel.cancel({}));
  const auto cancelled = wheel.arm(1, at(10));
  CHECK_FALSE(wheel.cancel({}));
  CHECK(wheel.cancel(cancelled));
  CHECK_FALSE(wheel.cancel(cancelled));
  const auto fired = wheel.arm(2, at(10));  // in the same place
  CHECK_FALSE(wheel.cancel(cancelled));
  CHECK_FALSE(wheel.rearm(cancelled, at(20)));
  CHECK(advance(wheel, at(10)) == Fires{{2, at(10)}});
  CHECK_FALSE(wheel.cancel(fired));
  const auto cleared = wheel.arm(3, at(20));
  wheel.clear();
  CHECK(wheel.empty());
  CHECK(wheel.next_due() == std::nullopt);
  CHECK_FALSE(wheel.cancel(cleared));
  wheel.arm(4, at(30));
  CHECK_FALSE(wheel.cancel(cleared));
  CHECK(advance(wheel, at(40)) == Fires{{4, at(30)}});
}

TEST_CASE("a moved timer fires at its new due only and keeps its handle") {
  Wheel wheel(at(0));
  const auto handle = wheel.arm(1, at(100));
  wheel.arm(2, at(5'000));
  CHECK(wheel.rearm(handle, at(90'000)));
  CHECK(wheel.next_due() == at(5'000));
  CHECK(wheel.rearm(handle, at(50)));
  CHECK(wheel.next_due() == at(50));
  CHECK(wheel.rearm(handle, at(60)));
  CHECK(wheel.next_due() == at(60));
  CHECK(advance(wheel, at(5'000)) == Fires{{1, at(60)}, {2, at(5'000)}});
  CHECK_FALSE(wheel.rearm(handle, at(6'000)));
}

TEST_CASE("a storm of moves and cancels leaves what was armed last") {
  Wheel wheel(at(0));
  std::vector<Wheel::Handle> handles;
  for (std::uint64_t n = 0; n < 1'000; ++n) handles.push_back(wheel.arm(n, at(1)));
  int moves = 0;
  for (std::int64_t round = 0; round < 200; ++round) {
    for (std::size_t n = 0; n < handles.size(); ++n) {
      const Timestamp due = at(2 + (round * 7'919 + std::int64_t(n) * 104'729) % 100'000'000);
      if (n % 2 == 0) {
        moves += wheel.rearm(handles[n], due) ? 1 : 0;
      } else {
        moves += wheel.cancel(handles[n]) ? 1 : 0;
        handles[n] = wheel.arm(n, due);
      }
    }
  }
  CHECK(moves == 200'000);
  CHECK(wheel.size() == 1'000);
  const auto fired = advance(wheel, at(100'000'002));
  CHECK(fired.size() == 1'000);
  for (const auto& f : fired) {
    CHECK(f.due == at(2 + (199 * 7'919 + std::int64_t(f.id) * 104'729) % 100'000'000));
  }
}

TEST_CASE("next_due stays exact while the soonest are cancelled one by one, and others armed") {
  const bool rising = GENERATE(true, false);
  Wheel wheel(at(0));
  constexpr std::int64_t kTimers = 3'000;
  constexpr std::int64_t kSoonest = 10'000'000'000;
  std::vector<Wheel::Handle> handles(kTimers);
  for (std::int64_t n = 0; n < kTimers; ++n) {
    const std::int64_t place = rising ? n : kTimers - 1 - n;
    handles[std::size_t(place)] = wheel.arm(1, at(kSoonest + place / 3));  // three of each due
  }
  for (std::int64_t n = 0; n < kTimers; ++n) {
    REQUIRE(wheel.next_due() == at(kSoonest + n / 3));
    if (n % 100 == 0) {
      const auto sooner = wheel.arm(2, at(kSoonest - 1));
      REQUIRE(wheel.next_due() == at(kSoonest - 1));
      REQUIRE(wheel.cancel(sooner));
    }
    REQUIRE(wheel.cancel(handles[std::size_t(n)]));
  }
  CHECK(wheel.empty());
}

TEST_CASE("a copy goes its own way") {
  Wheel wheel(at(0));
  const auto handle = wheel.arm(1, at(10));
  Wheel copy = wheel;
  CHECK(copy.cancel(handle));
  CHECK(copy.empty());
  CHECK(advance(wheel, at(10)) == Fires{{1, at(10)}});
}

}  // namespace
}  // namespace rruled::core
