// The recurrence engine alone: what one question costs, from near and far, and what a stream of
// answers costs. bench-rules.txt of the shared vectors names the thirteen rules.
#include "bench_rules.h"
#include "rrule/occurrence.h"
#include "rrule/parse.h"
#include "rrule/recurrence.h"
#include "rrule/zone_database.h"

#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

namespace rruled::rrule {
namespace {

using bench::at;
using bench::kRules;

std::shared_ptr<const TimeZone> new_york() {
  static const ZoneDatabase database;
  static const auto zone = database.find("America/New_York").value();
  return zone;
}

Recurrence compiled(const std::string& rule, sys_seconds start) {
  return Recurrence::compile(rule, start, new_york(), {}).value();
}

// 1,000 instants: no answer can be remembered from the last turn by the caches of a branch
// predictor alone.
std::vector<sys_seconds> random_instants(sys_seconds from, sys_seconds to) {
  std::mt19937_64 random(1);
  std::uniform_int_distribution<std::int64_t> seconds_after(0, (to - from).count());
  std::vector<sys_seconds> instants;
  for (int i = 0; i < 1'000; ++i) instants.push_back(from + seconds{seconds_after(random)});
  return instants;
}

void next_after(benchmark::State& state, sys_seconds start) {
  const std::string& rule = kRules[static_cast<std::size_t>(state.range(0))];
  const Recurrence recurrence = compiled(rule, start);
  const auto instants = random_instants(at("2015-01-01T09:00:00Z"), at("2026-11-24T00:00:00Z"));
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(recurrence.next(instants[i]));
    if (++i == instants.size()) i = 0;
  }
  state.SetLabel(rule);
}

void BM_next_from_2015(benchmark::State& state) { next_after(state, at("2015-01-01T14:00:00Z")); }
BENCHMARK(BM_next_from_2015)->DenseRange(0, 12);

void BM_next_from_1976(benchmark::State& state) { next_after(state, at("1976-01-01T14:00:00Z")); }
BENCHMARK(BM_next_from_1976)->DenseRange(0, 12);

void BM_next_from_yesterday(benchmark::State& state) {
  const std::string& rule = kRules[static_cast<std::size_t>(state.range(0))];
  const auto start = at("2026-11-23T14:00:00Z");
  const Recurrence recurrence = compiled(rule, start);
  const auto instants = random_instants(start, start + std::chrono::hours{24 * 365 * 11});
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(recurrence.next(instants[i]));
    if (++i == instants.size()) i = 0;
  }
  state.SetLabel(rule);
}
BENCHMARK(BM_next_from_yesterday)->DenseRange(0, 12);

void BM_previous(benchmark::State& state) {
  const std::string& rule = kRules[static_cast<std::size_t>(state.range(0))];
  const Recurrence recurrence = compiled(rule, at("2015-01-01T14:00:00Z"));
  const auto instants = random_instants(at("2015-06-01T09:00:00Z"), at("2026-11-24T00:00:00Z"));
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(recurrence.previous(instants[i]));
    if (++i == instants.size()) i = 0;
  }
  state.SetLabel(rule);
}
BENCHMARK(BM_previous)->DenseRange(0, 12);

void BM_parse(benchmark::State& state) {
  const std::string& rule = kRules[static_cast<std::size_t>(state.range(0))];
  for (auto _ : state) benchmark::DoNotOptimize(parse_recurrence(rule));
  state.SetLabel(rule);
}
BENCHMARK(BM_parse)->DenseRange(0, 12);

void BM_parse_and_compile(benchmark::State& state) {
  const std::string& rule = kRules[static_cast<std::size_t>(state.range(0))];
  const auto zone = new_york();
  const auto start = at("2015-01-01T14:00:00Z");
  for (auto _ : state) benchmark::DoNotOptimize(Recurrence::compile(rule, start, zone, {}));
  state.SetLabel(rule + ", bytes " + std::to_string(compiled(rule, start).memory_bytes()));
}
BENCHMARK(BM_parse_and_compile)->DenseRange(0, 12);

void BM_iterate(benchmark::State& state) {
  const std::string& rule = kRules[static_cast<std::size_t>(state.range(0))];
  const Recurrence recurrence = compiled(rule, at("2015-01-01T14:00:00Z"));
  OccurrenceIterator iterator(recurrence);
  for (auto _ : state) {
    auto next = iterator.next();
    if (!next) {
      iterator.seek(recurrence.starts_at());
      next = iterator.next();
    }
    benchmark::DoNotOptimize(next);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
  state.SetLabel(rule);
}
BENCHMARK(BM_iterate)->DenseRange(0, 12);

void BM_count_a_year(benchmark::State& state) {
  const std::string& rule = kRules[static_cast<std::size_t>(state.range(0))];
  const Recurrence recurrence = compiled(rule, at("2015-01-01T14:00:00Z"));
  const auto from = at("2025-01-01T00:00:00Z");
  const auto to = at("2026-01-01T00:00:00Z");
  for (auto _ : state) benchmark::DoNotOptimize(recurrence.count(from, to));
  state.SetLabel(rule);
}
BENCHMARK(BM_count_a_year)->DenseRange(0, 12);

// A restart: every schedule of a large installation finds its next run.
void BM_million_schedules(benchmark::State& state) {
  std::vector<RecurrenceSet> sets;
  for (const auto& rule : kRules) sets.push_back(parse_recurrence(rule).value());
  const auto zone = new_york();
  const auto now = at("2026-11-24T00:00:00Z");
  const auto first_start = at("2015-01-01T00:00:00Z");
  constexpr std::size_t kSchedules = 1'000'000;
  for (auto _ : state) {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < kSchedules; ++i) {
      const auto start = first_start + seconds{static_cast<std::int64_t>(i) * 307};
      const auto recurrence = Recurrence::compile(sets[i % sets.size()], start, zone, {});
      if (const auto next = recurrence->next(now)) sum += next->instant.time_since_epoch().count();
    }
    benchmark::DoNotOptimize(sum);
  }
}
BENCHMARK(BM_million_schedules)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rruled::rrule

BENCHMARK_MAIN();
