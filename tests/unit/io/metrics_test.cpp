// What Prometheus is told.
#include "daemon/io/metrics.h"

#include "tests/support/process.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <vector>

namespace rruled::test {
namespace {

using core::Notice;
using std::chrono::milliseconds;

class CallCounter final : public io::Observer {
 public:
  void on(const Notice&) override { ++heard; }
  void on_clock_step(io::WhoseClock, milliseconds) override { ++heard; }
  void on_start(milliseconds) override { ++heard; }
  void on_turn(const core::Planner::Load&) override { ++heard; }
  int heard = 0;
};

const std::map<std::string, bool> kNoneFull{{"default", false}, {"crm", false}};
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

// Completed on time.
Notice of_schedule(std::uint8_t number) {
  Notice notice = attempt(Notice::Kind::run_ended, 1, milliseconds(40), 200);
  notice.run->schedule_id.emplace().value.data[15] = number;
  notice.run->started_at = kDue + milliseconds(40);
  return notice;
}

store::Survey found_in_store() {
  store::Survey survey;
  survey.schedules = {{store::ScheduleStatus::active, 7}, {store::ScheduleStatus::error, 2}};
  survey.dead = 3;
  survey.overdue = 4;
  survey.overdue_since = kDue;
  survey.overdue_runs = 5;
  survey.overdue_runs_since = kDue + milliseconds(1);
  survey.waiting = {{"crm", 70}, {"default", 80}, {"elsewhere", 90}};
  survey.next_due = kDue + milliseconds(500);
  survey.settled_ahead = 1;
  return survey;
}

// How a program reads the text: "name{label="v"}" -> value; HELP and TYPE by name.
struct Scrape {
  explicit Scrape(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("# HELP ")) {
        help.insert(line.substr(7, line.find(' ', 7) - 7));
      } else if (line.starts_with("# TYPE ")) {
        const auto end = line.find(' ', 7);
        type[line.substr(7, end - 7)] = line.substr(end + 1);
      } else {
        const auto end = line.rfind(' ');
        value[line.substr(0, end)] = std::stod(line.substr(end + 1));
      }
    }
  }
  std::set<std::string> help;
  std::map<std::string, std::string> type;
  std::map<std::string, double> value;
};

struct Told {
  Told() : metrics(calls, clock, "1.2.3") {}
  CallCounter calls;
  io::SystemClock machine;
  io::StoreClock clock{machine};
  io::Metrics metrics;
  [[nodiscard]] bool has(const std::string& line) const {
    INFO(metrics.text());
    return metrics.text().find(line + "\n") != std::string::npos;
  }
};

}  // namespace

TEST_CASE("a command's exit code is no HTTP status, and what was not sent is no attempt") {
  Told told;
  auto notice = attempt(Notice::Kind::run_ended, 1, milliseconds(20), 255);
  notice.report->exited = true;
  told.metrics.on(notice);
  CHECK(told.has("rruled_dispatch_attempts_total{code=\"exit\",executor=\"default\"} 1"));
  auto unsent = attempt(Notice::Kind::run_ended, 1, milliseconds(20), std::nullopt);
  unsent.report->kind = core::Report::Kind::unsent;
  told.metrics.on(unsent);
  CHECK_FALSE(told.has("rruled_dispatch_attempts_total{code=\"none\",executor=\"default\"} 1"));
}

TEST_CASE("what ended, was skipped or failed is counted") {
  Told told;
  CHECK(told.has("rruled_fires_total{outcome=\"dead\"} 0"));
  told.metrics.on(attempt(Notice::Kind::run_retrying, 1, milliseconds(20), 503));
  told.metrics.on(attempt(Notice::Kind::run_ended, 2, milliseconds(5'000), 200));
  told.metrics.on(attempt(Notice::Kind::run_ended, 1, milliseconds(-3), std::nullopt));
  told.metrics.on(
      {.kind = Notice::Kind::gap, .gap = store::Gap{{}, store::GapReason::missed, {}, {}, 7}});
  told.metrics.on({.kind = Notice::Kind::store_failed});
  told.metrics.on_clock_step(io::WhoseClock::machine, milliseconds(-5'000));
  core::Planner::Load load;
  load.in_flight = 3;
  load.armed = 12;
  load.store_away = true;
  told.metrics.on_turn(load);
  told.metrics.set_zones("2026a");
  told.metrics.set_zones("2026b");
  CHECK(told.calls.heard == 7);
  CHECK(told.has("rruled_fires_total{outcome=\"completed\"} 2"));
  CHECK(told.has("rruled_dispatch_attempts_total{code=\"5xx\",executor=\"default\"} 1"));
  CHECK(told.has("rruled_dispatch_attempts_total{code=\"2xx\",executor=\"default\"} 1"));
  CHECK(told.has("rruled_dispatch_attempts_total{code=\"none\",executor=\"default\"} 1"));
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

TEST_CASE("how late a command of an hour began was told an hour later") {
  Told told;
  told.metrics.on_start(milliseconds(20));
  told.metrics.on_start(milliseconds(-3));  // none is early
  CHECK(told.calls.heard == 2);
  CHECK(told.has("rruled_fire_lateness_seconds_count 2"));
  CHECK(told.has("rruled_fire_lateness_seconds_bucket{le=\"0.005\"} 1"));
  CHECK(told.has("rruled_fire_lateness_seconds_bucket{le=\"0.025\"} 2"));
  told.metrics.on(attempt(Notice::Kind::run_ended, 1, milliseconds(20), 200));
  CHECK(told.has("rruled_fire_lateness_seconds_count 2"));
}

TEST_CASE("the text is in Prometheus' format, each metric described, with base units") {
  Told told;
  told.metrics.set_per_schedule(5);
  told.metrics.on(of_schedule(1));
  told.metrics.set_survey(found_in_store(), kNoneFull);
  told.metrics.on_store_answer(core::StoreFailed::What::settle, milliseconds(3));
  told.metrics.on_step(milliseconds(1));
  told.metrics.set_zones("2026a");
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
      CHECK((name.starts_with("rruled_") || name.starts_with("process_")));
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

TEST_CASE("what the store holds is told by the last survey, and is not there before one") {
  Told told;
  CHECK(told.metrics.survey() == nullptr);
  CHECK(Scrape(told.metrics.text()).value.count("rruled_schedules{status=\"active\"}") == 0);
  told.metrics.set_survey(found_in_store(), kNoneFull);
  const Scrape scrape(told.metrics.text());
  CHECK(scrape.value.at("rruled_schedules{status=\"active\"}") == 7);
  CHECK(scrape.value.at("rruled_schedules{status=\"error\"}") == 2);
  CHECK(scrape.value.at("rruled_dead_letters") == 3);
  CHECK(scrape.value.at("rruled_overdue_schedules") == 4);
  CHECK(scrape.value.at("rruled_overdue_runs") == 5);
  CHECK(scrape.value.at("rruled_oldest_overdue_seconds") > 86'400);
  CHECK(scrape.value.at("rruled_next_fire_timestamp_seconds") == Approx(1'767'603'600.5));
  CHECK(scrape.value.at("rruled_schedules_settled_ahead") == 1);
  auto calm = found_in_store();
  calm.overdue = 0;
  calm.overdue_since.reset();
  told.metrics.set_survey(calm, kNoneFull);
  CHECK(Scrape(told.metrics.text()).value.at("rruled_oldest_overdue_seconds") > 86'400);
  calm.overdue_runs = 0;
  calm.overdue_runs_since.reset();
  told.metrics.set_survey(calm, kNoneFull);
  CHECK(Scrape(told.metrics.text()).value.at("rruled_oldest_overdue_seconds") == 0);
  CHECK(told.metrics.survey()->settled_ahead == 1);
}

TEST_CASE("no run was ever told to wait for a slot") {
  Told told;
  io::Metrics& metrics = told.metrics;
  metrics.set_survey(found_in_store(), {{"crm", true}, {"default", false}, {"idle", true}});
  CHECK(told.has("rruled_waiting_runs{executor=\"crm\"} 70"));
  CHECK(told.has("rruled_waiting_runs{executor=\"default\"} 0"));  // taken in a moment
  CHECK(told.has("rruled_waiting_runs{executor=\"idle\"} 0"));
  CHECK_THAT(metrics.text(), !Catch::Contains("executor=\"elsewhere\""));
  metrics.set_survey(found_in_store(), {{"default", true}});
  CHECK(told.has("rruled_waiting_runs{executor=\"default\"} 80"));
  CHECK_THAT(metrics.text(), !Catch::Contains("rruled_waiting_runs{executor=\"crm\""));
  core::Planner::Load load;
  load.ready = 2;
  load.held = 3;
  metrics.on_turn(load);
  CHECK(told.has("rruled_due_schedules 2"));
  CHECK(told.has("rruled_held_schedules 3"));
}

TEST_CASE("reloads, spans, answers of the store and what the process costs are counted") {
  Told told;
  told.metrics.count_reload(true);
  told.metrics.count_reload(false);
  told.metrics.count_spans(5, 2);
  told.metrics.on_store_answer(core::StoreFailed::What::finish, milliseconds(3));
  told.metrics.on_step(milliseconds(2));
  const Scrape scrape(told.metrics.text());
  CHECK(scrape.value.at("rruled_config_reloads_total{result=\"taken\"}") == 1);
  CHECK(scrape.value.at("rruled_config_reloads_total{result=\"refused\"}") == 1);
  CHECK(scrape.value.at("rruled_spans_total{result=\"sent\"}") == 5);
  CHECK(scrape.value.at("rruled_spans_total{result=\"dropped\"}") == 2);
  CHECK(scrape.value.at("rruled_store_seconds_sum{asked=\"finish\"}") == Approx(0.003));
  CHECK(scrape.value.at("rruled_planner_step_seconds_sum") == Approx(0.002));
  CHECK(scrape.value.at("process_resident_memory_bytes") > 1e6);
  CHECK(scrape.value.at("process_open_fds") >= 3);
  CHECK(scrape.value.at("process_max_fds") >= scrape.value.at("process_open_fds"));
  CHECK(scrape.value.at("process_start_time_seconds") > 1e9);
  CHECK(scrape.value.at("process_cpu_seconds_total") > 0);
}

TEST_CASE("single schedules have series up to a cap, and none without being asked for") {
  Told told;
  told.metrics.on(of_schedule(1));
  CHECK(told.metrics.text().find("rruled_schedule_runs_total{") == std::string::npos);
  told.metrics.set_per_schedule(2);
  for (const std::uint8_t number : std::vector<std::uint8_t>{1, 2, 3, 2, 4})
    told.metrics.on(of_schedule(number));
  const Scrape scrape(told.metrics.text());
  const std::string id = "{outcome=\"completed\",schedule=\"00000000-0000-0000-0000-00000000000";
  CHECK(scrape.value.at("rruled_schedule_runs_total" + id + "1\"}") == 1);
  CHECK(scrape.value.at("rruled_schedule_runs_total" + id + "2\"}") == 2);
  CHECK(scrape.value.count("rruled_schedule_runs_total" + id + "3\"}") == 0);
  CHECK(scrape.value.at("rruled_runs_without_series_total") == 2);
  CHECK(scrape.value.at("rruled_schedule_last_lateness_seconds"
                        "{schedule=\"00000000-0000-0000-0000-000000000001\"}") == Approx(0.04));
  told.metrics.set_per_schedule(0);
  CHECK(told.metrics.text().find("rruled_schedule_runs_total{") == std::string::npos);
}

TEST_CASE("every metric is described, once, and promtool has nothing against them") {
  Told told;
  told.metrics.set_per_schedule(5);
  told.metrics.on(of_schedule(1));
  told.metrics.set_survey(found_in_store(), kNoneFull);
  const std::string text = told.metrics.text();
  const Scrape scrape(text);
  CHECK(scrape.type.size() == scrape.help.size());
  CHECK(scrape.type.size() > 35);
  CHECK(scrape.value.size() > 60);
  if (::access("/usr/bin/promtool", X_OK) != 0) {
    WARN("left out: promtool is not installed");
    return;
  }
  const auto checked =
      testing::run_process({"/usr/bin/promtool", "check", "metrics"}, {.stdin_text = text});
  INFO(checked.out << checked.err);
  CHECK(checked.exit_code == 0);
}

TEST_CASE("a breaker of an executor that a reload took away stayed open for ever") {
  Told told;
  io::Metrics& metrics = told.metrics;
  const core::BreakerOptions options;
  const auto open = [&](const std::string& executor) {
    Notice notice{.kind = Notice::Kind::breaker};
    notice.text = executor;
    notice.breaker = core::Breaker::State::open;
    metrics.on(notice);
  };
  metrics.set_breakers({{"a", options}, {"b", options}});
  open("a");
  open("b");
  CHECK(told.has("rruled_breaker_state{executor=\"a\"} 2"));

  auto other = options;
  ++other.failures;
  metrics.set_breakers({{"b", options}, {"c", other}});
  CHECK_THAT(metrics.text(), !Catch::Contains("executor=\"a\""));
  CHECK(told.has("rruled_breaker_state{executor=\"b\"} 2"));
  CHECK(told.has("rruled_breaker_state{executor=\"c\"} 0"));
  CHECK(told.has("rruled_breaker_transitions_total{executor=\"c\",state=\"open\"} 0"));
  open("a");  // by a delivery that was under way
  CHECK_THAT(metrics.text(), !Catch::Contains("executor=\"a\""));
  metrics.set_breakers({{"b", other}, {"c", other}});  // the planner has a new one then
  CHECK(told.has("rruled_breaker_state{executor=\"b\"} 0"));
  CHECK(told.has("rruled_breaker_transitions_total{executor=\"b\",state=\"open\"} 1"));
}

TEST_CASE("the first notification that failed was no increase") {
  const Told told;
  for (const char* result : {"sent", "failed", "dropped"})
    CHECK(told.has("rruled_notifications_total{result=\"" + std::string(result) + "\"} 0"));
}

}  // namespace rruled::test
