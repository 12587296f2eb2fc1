// TimerWheel against a sorted map, by random operations from a printed seed.

#include "daemon/core/timer_wheel.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <unordered_map>
#include <utility>
#include <vector>

namespace rruled::core {
namespace {

using std::chrono::milliseconds;
using Wheel = TimerWheel<std::uint64_t>;

class Pair {
 public:
  Pair(std::uint64_t seed, std::size_t population)
      : random_(seed), population_(population), now_(start()), wheel_(now_) {}

  void step() {
    const auto kind = below(100);
    if (live_.size() < population_ && kind < 45) {
      arm();
    } else if (kind < 55) {
      cancel();
    } else if (kind < 70) {
      rearm();
    } else if (kind < 72) {
      expect(!wheel_.cancel(stale_));
    } else {
      advance();
    }
    const auto expected = model_.empty() ? std::nullopt : std::optional(model_.begin()->first);
    expect(wheel_.next_due() == expected);
    expect(wheel_.size() == model_.size());
  }

  [[nodiscard]] std::size_t failures() const { return failures_; }
  [[nodiscard]] std::size_t fires() const { return fires_; }
  [[nodiscard]] std::size_t back_steps() const { return back_steps_; }

 private:
  using Model = std::multimap<Timestamp, std::uint64_t>;
  struct Live {
    std::uint64_t id;
    Wheel::Handle handle;
    Model::iterator entry;
  };

  // Catch's own macro would take most of the time of millions of checks.
  void expect(bool holds) { failures_ += holds ? 0 : 1; }

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  Timestamp start() { return Timestamp(milliseconds(below(1ULL << 41))); }

  // Of any order of magnitude, often right at an edge between slots.
  milliseconds distance() {
    const auto bits = below(38);
    const auto size = static_cast<std::int64_t>(below(1ULL << bits));
    if (below(4) != 0) return milliseconds(size);
    const auto edge = std::int64_t{1} << (8 * below(5));
    const std::int64_t to_edge = edge - now_.time_since_epoch().count() % edge;
    return milliseconds(to_edge + static_cast<std::int64_t>(below(3)) - 1);
  }

  Timestamp due() {
    const auto kind = below(40);
    if (kind == 0) return Timestamp::max() - milliseconds(below(3));
    if (kind == 1) return Timestamp::min() + milliseconds(below(3));
    if (kind < 5) return now_ - distance();
    if (kind < 12 && !model_.empty()) return model_.begin()->first;
    return now_ + distance();
  }

  void arm() {
    const std::uint64_t id = ++ids_ * 0x9E3779B97F4A7C15U;  // unique, in no order
    const Timestamp when = due();
    at_[id] = live_.size();
    live_.push_back({id, wheel_.arm(id, when), model_.emplace(when, id)});
  }

  void cancel() {
    if (live_.empty()) return;
    const Live victim = live_[below(live_.size())];
    expect(wheel_.cancel(victim.handle));
    expect(!wheel_.cancel(victim.handle));
    model_.erase(victim.entry);
    drop(victim.id);
  }

  void rearm() {
    if (live_.empty()) return;
    Live& moved = live_[below(live_.size())];
    const Timestamp when = due();
    expect(wheel_.rearm(moved.handle, when));
    model_.erase(moved.entry);
    moved.entry = model_.emplace(when, moved.id);
  }

  void advance() {
    const auto kind = below(20);
    if (kind == 0) {
      now_ -= distance();
      ++back_steps_;
    } else if (kind == 1) {
      now_ += distance();
    } else if (kind < 12 || model_.empty()) {
      now_ += milliseconds(below(40));
    } else if (const Timestamp next = model_.begin()->first; next > now_ && next < kFarthest) {
      now_ = next - milliseconds(below(2));
    }
    std::vector<Wheel::Fired> fired;
    wheel_.advance(now_, fired);

    std::vector<Wheel::Fired> expected;
    while (!model_.empty() && model_.begin()->first <= now_) {
      expected.push_back({model_.begin()->second, model_.begin()->first});
      drop(model_.begin()->second);
      model_.erase(model_.begin());
    }
    std::ranges::sort(expected, {}, [](auto& f) { return std::pair(f.due, f.id); });
    expect(fired == expected);
    fires_ += fired.size();
    if (now_ > kFarthest) now_ = start();  // a step back of years
  }

  void drop(std::uint64_t id) {
    const std::size_t index = at_.at(id);
    stale_ = live_[index].handle;
    live_[index] = live_.back();
    at_[live_[index].id] = index;
    live_.pop_back();
    at_.erase(id);
  }

  static constexpr Timestamp kFarthest{milliseconds(1LL << 45)};

  std::mt19937_64 random_;
  std::size_t population_;
  Timestamp now_;
  Wheel wheel_;
  Model model_;
  std::vector<Live> live_;
  std::unordered_map<std::uint64_t, std::size_t> at_;  // id -> index in live_
  Wheel::Handle stale_;
  std::uint64_t ids_ = 0;
  std::size_t failures_ = 0;
  std::size_t fires_ = 0;
  std::size_t back_steps_ = 0;
};

TEST_CASE("the wheel does what a sorted map does, for millions of random operations") {
  const auto seed = GENERATE(range(1, 7));
  const std::size_t population = GENERATE(3, 60, 2'000);
  CAPTURE(seed, population);
  Pair pair(static_cast<std::uint64_t>(seed), population);
  for (int n = 0; n < 400'000; ++n) pair.step();
  CHECK(pair.failures() == 0);
  CHECK(pair.fires() > 10'000);
  CHECK(pair.back_steps() > 1'000);
}

}  // namespace
}  // namespace rruled::core
