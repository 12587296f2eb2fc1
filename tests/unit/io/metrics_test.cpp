// What Prometheus is told.
#include "daemon/io/metrics.h"

#include <catch2/catch.hpp>

#include <regex>
#include <set>
#include <sstream>

namespace rruled::test {
namespace {

using core::Notice;
using std::chrono::milliseconds;

class Deaf final : public io::Observer {
 public:
  void on(const Notice&) override { ++heard; }
  void on_clock_step(milliseconds) override { ++heard; }
  void on_turn(const core::Planner::Load&) override { ++heard; }
  int heard = 0;
};

constexpr store::Timestamp kDue{milliseconds(1'767'603'600'000)};

Notice attempt(Notice::Kind kind, int number, milliseconds late, std::optional<int> code) {
  Notice notice{.kind = kind};
  notice.run.emplace();
  notice.run->due_at = kDue;
  notice.run->attempts = number;
  notice.status = store::RunStatus::completed;
  notice.report.emplace();
  notice.report->status_code = code;
  notice.report->started_at = kDue + late;
  notice.report->finished_at = kDue + late + milliseconds(30);
  if (!code) notice.report->kind = core::Report::Kind::retry;
  return notice;
}

struct Told {
  Told() : metrics(deaf, clock, "1.2.3") {}
  Deaf deaf;
  io::SystemClock machine;
  io::StoreClock clock{machine};
  io::Metrics metrics;
  [[nodiscard]] bool has(const std::string& line) const {
    INFO(metrics.text());
    return metrics.text().find(line + "\n") != std::string::npos;
  }
};

}  // namespace

TEST_CASE("what ended, was skipped or failed is counted") {
  Told told;
  CHECK(told.has("rruled_fires_total{outcome=\"dead\"} 0"));
  told.metrics.on(attempt(Notice::Kind::run_retrying, 1, milliseconds(20), 503));
  told.metrics.on(attempt(Notice::Kind::run_ended, 2, milliseconds(5'000), 200));
  told.metrics.on(attempt(Notice::Kind::run_ended, 1, milliseconds(-3), std::nullopt));
  told.metrics.on(
      {.kind = Notice::Kind::gap, .gap = store::Gap{{}, store::GapReason::missed, {}, {}, 7}});
  told.metrics.on({.kind = Notice::Kind::store_failed});
  told.metrics.on_clock_step(milliseconds(-5'000));
  core::Planner::Load load;
  load.in_flight = 3;
  load.armed = 12;
  load.store_away = true;
  told.metrics.on_turn(load);
  told.metrics.set_zones("2026a");
  told.metrics.set_zones("2026b");
  CHECK(told.deaf.heard == 7);
  CHECK(told.has("rruled_fires_total{outcome=\"completed\"} 2"));
  CHECK(told.has("rruled_dispatch_attempts_total{code=\"5xx\",executor=\"default\"} 1"));
  CHECK(told.has("rruled_dispatch_attempts_total{code=\"2xx\",executor=\"default\"} 1"));
  CHECK(told.has("rruled_dispatch_attempts_total{code=\"none\",executor=\"default\"} 1"));
  // The first attempt alone says how late a run was; none is early.
  CHECK(told.has("rruled_fire_lateness_seconds_count 2"));
  CHECK(told.has("rruled_fire_lateness_seconds_bucket{le=\"0.005\"} 1"));
  CHECK(told.has("rruled_fire_lateness_seconds_bucket{le=\"0.025\"} 2"));
  CHECK(told.has("rruled_dispatch_seconds_count 3"));
  CHECK(told.has("rruled_occurrences_skipped_total{reason=\"missed\"} 7"));
  CHECK(told.has("rruled_store_failures_total 1"));
  CHECK(told.has("rruled_clock_jumps_total{direction=\"back\"} 1"));
  CHECK(told.has("rruled_inflight_runs 3"));
  CHECK(told.has("rruled_wheel_timers 12"));
  CHECK(told.has("rruled_store_up 0"));
  CHECK(told.has("rruled_tzdata_info{version=\"2026b\"} 1"));
  CHECK_FALSE(told.has("rruled_tzdata_info{version=\"2026a\"} 1"));
  CHECK(told.has("rruled_build_info{version=\"1.2.3\"} 1"));
}

TEST_CASE("the text is in Prometheus' format, each metric described, with base units") {
  Told told;
  told.metrics.on(attempt(Notice::Kind::run_ended, 1, milliseconds(1), 200));
  const std::regex sample(
      R"re(([a-z_]+?)(_bucket|_sum|_count)?(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})?)re"
      R"re( [-+0-9.e]+(Inf)?)re");
  std::set<std::string> described;
  std::istringstream lines(told.metrics.text());
  std::string line;
  int samples = 0;
  while (std::getline(lines, line)) {
    CAPTURE(line);
    if (line.starts_with("# ")) {
      const auto name = line.substr(7, line.find(' ', 7) - 7);
      CHECK(name.starts_with("rruled_"));
      if (line.ends_with(" counter")) CHECK(name.ends_with("_total"));
      if (line.ends_with(" histogram")) CHECK(name.ends_with("_seconds"));
      described.insert(name);
      continue;
    }
    std::smatch parts;
    REQUIRE(std::regex_match(line, parts, sample));
    CHECK((described.contains(parts[1]) || described.contains(parts[1].str() + parts[2].str())));
    ++samples;
  }
  CHECK(samples > 50);
}

}  // namespace rruled::test
