// What a timer costs: firing and re-arming among a million, moving, cancelling, jumping.
// "each" is the time for one fire with its re-arm, or one move, or whatever else is repeated.

#include "daemon/core/timer_wheel.h"

#include <benchmark/benchmark.h>
#include <boost/heap/d_ary_heap.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <queue>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

namespace rruled::core {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr std::size_t kTimers = 1'000'000;
constexpr Timestamp kStart{milliseconds(1'767'225'600'000)};  // 2026-01-01T00:00:00Z

using Uuid = std::array<std::uint64_t, 2>;
template <class Id>
Id make_id(std::uint64_t n) {
  if constexpr (std::is_integral_v<Id>) {
    return n;
  } else {
    return {n * 0x9E3779B97F4A7C15U, n};
  }
}

std::vector<Timestamp> uniform_dues(milliseconds span) {
  std::mt19937_64 random(1);
  std::uniform_int_distribution<std::int64_t> offset(1, span.count());
  std::vector<Timestamp> dues(kTimers);
  for (auto& due : dues) due = kStart + milliseconds(offset(random));
  return dues;
}

void report(benchmark::State& state, std::size_t operations) {
  state.counters["each"] = benchmark::Counter(
      static_cast<double>(operations), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// Each timer fires at its due and is armed again one span later, as a periodic schedule is.
template <class Id>
void fire_and_rearm_wheel(benchmark::State& state) {
  const milliseconds span = hours(state.range(0));
  TimerWheel<Id> wheel(kStart);
  wheel.reserve(kTimers);
  std::uint64_t n = 0;
  for (const Timestamp due : uniform_dues(span)) wheel.arm(make_id<Id>(n++), due);
  std::vector<typename TimerWheel<Id>::Fired> fired;
  const auto turn = [&] {
    fired.clear();
    wheel.advance(*wheel.next_due(), fired);
    for (const auto& f : fired) wheel.arm(f.id, f.due + span);
    return fired.size();
  };
  for (std::size_t warm = 0; warm < kTimers;) warm += turn();
  std::size_t fires = 0;
  for (auto _ : state) fires += turn();
  report(state, fires);
}
BENCHMARK(fire_and_rearm_wheel<std::uint64_t>)->Arg(1)->Arg(24)->Iterations(2'000'000);
BENCHMARK(fire_and_rearm_wheel<Uuid>)->Arg(1)->Arg(24)->Iterations(2'000'000);

template <class Id>
struct Armed {
  Timestamp due;
  Id id;
  bool operator<(const Armed& other) const {  // the heaps put the greatest first
    return std::pair(due, id) > std::pair(other.due, other.id);
  }
};

template <class Heap, class Id>
void fire_and_rearm_heap(benchmark::State& state) {
  const milliseconds span = hours(state.range(0));
  Heap heap;
  std::uint64_t n = 0;
  for (const Timestamp due : uniform_dues(span)) heap.push({due, make_id<Id>(n++)});
  for (auto _ : state) {
    auto fired = heap.top();
    heap.pop();
    fired.due += span;
    heap.push(fired);
  }
  report(state, static_cast<std::size_t>(state.iterations()));
}
using Queue = std::priority_queue<Armed<std::uint64_t>>;
using QueueOfUuid = std::priority_queue<Armed<Uuid>>;
using Cancellable = boost::heap::
    d_ary_heap<Armed<std::uint64_t>, boost::heap::arity<4>, boost::heap::mutable_<true>>;
BENCHMARK(fire_and_rearm_heap<Queue, std::uint64_t>)->Arg(1)->Arg(24)->Iterations(2'000'000);
BENCHMARK(fire_and_rearm_heap<QueueOfUuid, Uuid>)->Arg(1)->Arg(24)->Iterations(2'000'000);
BENCHMARK(fire_and_rearm_heap<Cancellable, std::uint64_t>)->Arg(1)->Iterations(2'000'000);

// A timer out of a million moves to another time within the span.
void rearm_any(benchmark::State& state) {
  const auto dues = uniform_dues(hours(24));
  TimerWheel<std::uint64_t> wheel(kStart);
  std::vector<TimerHandle> handles;
  for (const Timestamp due : dues) handles.push_back(wheel.arm(handles.size(), due));
  std::size_t turn = 0;
  for (auto _ : state) {
    wheel.rearm(handles[turn * 7919 % kTimers], dues[turn % kTimers]);
    ++turn;
  }
  report(state, static_cast<std::size_t>(state.iterations()));
}
BENCHMARK(rearm_any);

// The soonest of many in one slot is cancelled, and the next one asked for, over and over.
void cancel_the_soonest(benchmark::State& state) {
  const auto timers = static_cast<std::size_t>(state.range(0));
  TimerWheel<std::uint64_t> wheel(kStart);
  std::vector<TimerHandle> handles;
  const Timestamp first = kStart + hours(24 * 365);
  for (std::size_t n = 0; n < timers; ++n) handles.push_back(wheel.arm(n, first + milliseconds(n)));
  std::size_t turn = 0;
  for (auto _ : state) {
    wheel.cancel(handles[turn++]);
    benchmark::DoNotOptimize(wheel.next_due());
  }
  report(state, turn);
}
BENCHMARK(cancel_the_soonest)->Arg(100'000)->Arg(1'000'000)->Iterations(2'000);

// The clock jumps a year to the only timer.
void jump_a_year(benchmark::State& state) {
  TimerWheel<std::uint64_t> wheel(kStart);
  std::vector<TimerWheel<std::uint64_t>::Fired> fired;
  Timestamp now = kStart;
  for (auto _ : state) {
    fired.clear();
    wheel.arm(1, now + hours(24 * 365));
    now += hours(24 * 365);
    wheel.advance(now, fired);
  }
  report(state, static_cast<std::size_t>(state.iterations()));
}
BENCHMARK(jump_a_year)->Iterations(100'000);

// The clock steps back by `range` ms among a million timers, and again reaches where it was.
void step_back(benchmark::State& state) {
  TimerWheel<std::uint64_t> wheel(kStart);
  std::vector<TimerWheel<std::uint64_t>::Fired> fired;
  for (const Timestamp due : uniform_dues(hours(24))) wheel.arm(0, due);
  const Timestamp now = kStart + hours(1);
  for (auto _ : state) {
    wheel.advance(now, fired);
    wheel.advance(now - milliseconds(state.range(0)), fired);
  }
  report(state, static_cast<std::size_t>(state.iterations()));
}
BENCHMARK(step_back)->Arg(10)->Arg(1'000)->Arg(3'600'000)->Iterations(1'000);

}  // namespace
}  // namespace rruled::core

BENCHMARK_MAIN();
