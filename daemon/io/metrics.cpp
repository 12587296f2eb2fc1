#include "daemon/io/metrics.h"

#include "daemon/io/process_stats.h"
#include "daemon/io/schedule_series.h"
#include "daemon/io/series.h"
#include "daemon/io/store_series.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace rruled::io {
namespace {

using core::Notice;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

double in_seconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

// In the order of Breaker::State.
constexpr std::array<const char*, 3> kBreakerStates{"closed", "half_open", "open"};

// Of answers from near: 0.1 ms to a minute.
const Histogram::BucketBoundaries& answer_buckets() {
  static const Histogram::BucketBoundaries kBuckets{
      0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60};
  return kBuckets;
}

const Histogram::BucketBoundaries& lateness_buckets() {
  static const Histogram::BucketBoundaries kBuckets{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
                                                    2.5,   5,    10,    30,   60,  300,  3600};
  return kBuckets;
}

// "1xx" .. "9xx", "exit", or "none" where there was no answer.
std::string code_class(const core::Report& report) {
  if (!report.status_code) return report.kind == core::Report::Kind::completed ? "ok" : "none";
  return report.exited ? "exit" : std::to_string(*report.status_code / 100) + "xx";
}

// The counters of a family by the values of its labels: to look one up in the family makes a map of
// texts, each time.
class Counters {
 public:
  Counters(Family<Counter>& family, std::string first, std::string second = {})
      : family_(family), names_(std::move(first), std::move(second)) {}

  Counter& of(const std::string& first, const std::string& second = {}) {
    auto& counter = known_[{first, second}];
    if (counter == nullptr) {
      prometheus::Labels labels{{names_.first, first}};
      if (!names_.second.empty()) labels.emplace(names_.second, second);
      counter = &family_.Add(labels);
    }
    return *counter;
  }

 private:
  Family<Counter>& family_;
  const std::pair<std::string, std::string> names_;
  std::map<std::pair<std::string, std::string>, Counter*> known_;
};

Family<Counter>& counter(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

}  // namespace

struct Metrics::Families {
  prometheus::Registry registry;
  Histogram& lateness =
      prometheus::BuildHistogram()
          .Name("rruled_fire_lateness_seconds")
          .Help("From due_at to the first byte of a run, in whichever attempt it left.")
          .Register(registry)
          .Add({}, lateness_buckets());
  Histogram& dispatch = prometheus::BuildHistogram()
                            .Name("rruled_dispatch_seconds")
                            .Help("From the first byte of an attempt to its outcome.")
                            .Register(registry)
                            .Add({}, lateness_buckets());
  Counters fires{counter(registry, "rruled_fires_total", "Runs that have ended, by outcome."),
                 "outcome"};
  Family<Counter>& skipped = counter(
      registry, "rruled_occurrences_skipped_total", "Occurrences that did not run, by reason.");
  Counters attempts{counter(registry,
                            "rruled_dispatch_attempts_total",
                            "Attempts that have ended, by executor and class of their answer."),
                    "executor", "code"};
  Counter& fenced = counter(registry,
                            "rruled_fenced_outcomes_total",
                            "Outcomes dropped because another daemon had taken the run over.")
                        .Add({});
  Counter& unserved =
      counter(
          registry, "rruled_unserved_runs_total", "Runs left for a daemon that has their executor.")
          .Add({});
  Counter& quarantined = counter(registry,
                                 "rruled_schedules_quarantined_total",
                                 "Schedules set aside because their row cannot be used.")
                             .Add({});
  Counter& late =
      counter(registry, "rruled_late_runs_total", "Runs that started later than late_after.")
          .Add({});
  Counter& paused = counter(registry,
                            "rruled_schedules_paused_total",
                            "Schedules that the daemon paused, after failures in a row.")
                        .Add({});
  Family<Counter>& notifications = counter(registry,
                                           "rruled_notifications_total",
                                           "Webhooks, pings and heartbeats,"
                                           " by what became of them.");
  Counter& store_failures =
      counter(registry, "rruled_store_failures_total", "Store operations that failed.").Add({});
  Family<Gauge>& breakers =
      gauges(registry,
             "rruled_breaker_state",
             "Whether runs are sent to an executor: 0 closed (yes), 1 half open, 2 open (no).");
  Family<Counter>& breaker_changes = counter(registry,
                                             "rruled_breaker_transitions_total",
                                             "Changes of a breaker, by the state it came to.");
  std::map<std::string, core::BreakerOptions> breakers_now;
  Family<Counter>& jumps =
      counter(registry, "rruled_clock_jumps_total", "Steps of the wall clock, by direction.");
  Gauge& in_flight = gauge(registry, "rruled_inflight_runs", "Runs being delivered.");
  Gauge& queued = gauge(registry, "rruled_queued_runs", "Claimed runs that are not sent yet.");
  Gauge& armed = gauge(registry, "rruled_wheel_timers", "Schedules armed in the timer wheel.");
  Gauge& due = gauge(registry,
                     "rruled_due_schedules",
                     "Schedules due and not yet settled, but for those that are held.");
  Gauge& held = gauge(registry,
                      "rruled_held_schedules",
                      "Schedules due that wait for a free slot before they are settled.");
  Gauge& store_up = gauge(registry, "rruled_store_up", "1 unless the store's last answer failed.");
  Gauge& ready =
      gauge(registry, "rruled_horizon_loaded", "1 once what is due soon has been loaded.");
  Gauge& skew = gauge(registry,
                      "rruled_clock_skew_seconds",
                      "How far the store's clock is ahead of this machine's.");
  Family<Histogram>& store_answers = prometheus::BuildHistogram()
                                         .Name("rruled_store_seconds")
                                         .Help(
                                             "From asking the store to its answer,"
                                             " by what was asked.")
                                         .Register(registry);
  Histogram& steps = prometheus::BuildHistogram()
                         .Name("rruled_planner_step_seconds")
                         .Help("One turn of the planner, in which rules are computed.")
                         .Register(registry)
                         .Add({}, answer_buckets());
  StoreSeries of_store{registry};
  Family<Counter>& reloads =
      counter(registry, "rruled_config_reloads_total", "Reloads of the configuration, by result.");
  Family<Counter>& spans =
      counter(registry, "rruled_spans_total", "Trace spans, by what became of them.");
  Gauge& resident =
      gauge(registry, "process_resident_memory_bytes", "Resident memory of this process.");
  Gauge& virtual_memory =
      gauge(registry, "process_virtual_memory_bytes", "Virtual memory of this process.");
  Gauge& open_fds = gauge(registry, "process_open_fds", "Open file descriptors.");
  Gauge& max_fds = gauge(registry, "process_max_fds", "Most file descriptors that may be open.");
  Gauge& start =
      gauge(registry, "process_start_time_seconds", "When this process started, since 1970.");
  Counter& cpu =
      counter(registry, "process_cpu_seconds_total", "User and system CPU time of this process.")
          .Add({});
  ScheduleSeries of_schedules{registry};
  std::optional<store::Survey> survey;
  Family<Gauge>& zones =
      gauges(registry, "rruled_tzdata_info", "The version of the time zones in use.");
  Gauge* zones_now = nullptr;
};

Metrics::Metrics(Observer& next, const StoreClock& clock, const std::string& version)
    : Listener(next), clock_(clock), families_(std::make_unique<Families>()) {
  gauges(families_->registry, "rruled_build_info", "The version of this program.")
      .Add({{"version", version}})
      .Set(1);
  // There from the start, so that a rate over them never misses the first one.
  for (const char* outcome : {"completed", "failed", "dead", "cancelled"})
    families_->fires.of(outcome);
  for (const char* direction : {"forward", "back"})
    families_->jumps.Add({{"direction", direction}});
  for (const char* result : {"taken", "refused"}) families_->reloads.Add({{"result", result}});
  for (const char* result : {"sent", "failed", "dropped"})
    families_->notifications.Add({{"result", result}});
  for (const char* result : {"sent", "dropped"}) families_->spans.Add({{"result", result}});
}

Metrics::~Metrics() = default;

void Metrics::on(const Notice& notice) {
  Families& all = *families_;
  // Without a report, or with one of nothing sent, it was not an attempt that ended the run.
  const bool of_attempt = notice.kind == Notice::Kind::run_ended ||
                          notice.kind == Notice::Kind::run_retrying ||
                          notice.kind == Notice::Kind::run_tracked;
  if (of_attempt && notice.report && notice.report->kind != core::Report::Kind::unsent) {
    all.attempts.of(notice.run->executor, code_class(*notice.report)).Increment();
    if (const auto begun = notice.report->started_at; begun && notice.report->finished_at)
      all.dispatch.Observe(std::max(0.0, in_seconds(*notice.report->finished_at - *begun)));
  }
  switch (notice.kind) {
    case Notice::Kind::run_ended:
      all.fires.of(std::string(store::word(*notice.status))).Increment();
      all.of_schedules.count(
          *notice.run, *notice.status, clock_.now(),
          std::max(std::chrono::milliseconds(0),
                   notice.run->started_at.value_or(clock_.now()) - notice.run->due_at));
      break;
    case Notice::Kind::run_skipped:
      all.skipped.Add({{"reason", notice.run->reason}}).Increment();
      break;
    case Notice::Kind::gap:
      all.skipped.Add({{"reason", std::string(store::word(notice.gap->reason))}})
          .Increment(static_cast<double>(notice.gap->count));
      break;
    case Notice::Kind::run_fenced:
      all.fenced.Increment();
      break;
    case Notice::Kind::run_unserved:
      all.unserved.Increment();
      break;
    case Notice::Kind::run_late:
      all.late.Increment();
      break;
    case Notice::Kind::paused:
      all.paused.Increment();
      break;
    case Notice::Kind::quarantined:
      all.quarantined.Increment();
      break;
    case Notice::Kind::breaker:
      count_breaker(notice.text, *notice.breaker);
      break;
    case Notice::Kind::store_failed:
      all.store_failures.Increment();
      break;
    default:
      break;
  }
  next().on(notice);
}

void Metrics::set_breakers(const std::map<std::string, core::BreakerOptions>& breakers) {
  Families& all = *families_;
  for (const auto& [executor, options] : all.breakers_now) {
    if (breakers.contains(executor)) continue;
    all.breakers.Remove(&all.breakers.Add({{"executor", executor}}));
    for (const char* state : kBreakerStates)
      all.breaker_changes.Remove(
          &all.breaker_changes.Add({{"executor", executor}, {"state", state}}));
  }
  for (const auto& [executor, options] : breakers) {
    const auto known = all.breakers_now.find(executor);
    if (known != all.breakers_now.end() && known->second == options) continue;
    all.breakers.Add({{"executor", executor}}).Set(0);
    for (const char* state : kBreakerStates)
      all.breaker_changes.Add({{"executor", executor}, {"state", state}});
  }
  all.breakers_now = breakers;
}

void Metrics::count_breaker(const std::string& executor, core::Breaker::State state) {
  if (!families_->breakers_now.contains(executor)) return;
  const auto index = static_cast<std::size_t>(state);
  families_->breakers.Add({{"executor", executor}}).Set(static_cast<double>(index));
  families_->breaker_changes.Add({{"executor", executor}, {"state", kBreakerStates.at(index)}})
      .Increment();
}

void Metrics::on_clock_step(WhoseClock whose, std::chrono::milliseconds step) {
  families_->jumps.Add({{"direction", step.count() < 0 ? "back" : "forward"}}).Increment();
  next().on_clock_step(whose, step);
}

void Metrics::on_start(std::chrono::milliseconds late_by) {
  families_->lateness.Observe(std::max(0.0, in_seconds(late_by)));
  next().on_start(late_by);
}

void Metrics::on_turn(const core::Planner::Load& load) {
  Families& all = *families_;
  all.in_flight.Set(static_cast<double>(load.in_flight));
  all.queued.Set(static_cast<double>(load.queued));
  all.armed.Set(static_cast<double>(load.armed));
  all.due.Set(static_cast<double>(load.ready));
  all.held.Set(static_cast<double>(load.held));
  all.store_up.Set(load.store_away ? 0 : 1);
  all.ready.Set(load.horizon_loaded ? 1 : 0);
  next().on_turn(load);
}

void Metrics::count_notification(const char* result) {
  families_->notifications.Add({{"result", result}}).Increment();
}

void Metrics::on_store_answer(core::StoreFailed::What asked, std::chrono::nanoseconds took) {
  families_->store_answers.Add({{"asked", std::string(store::word(asked))}}, answer_buckets())
      .Observe(in_seconds(took));
  next().on_store_answer(asked, took);
}

void Metrics::on_step(std::chrono::nanoseconds took) {
  families_->steps.Observe(in_seconds(took));
  next().on_step(took);
}

void Metrics::set_survey(const store::Survey& survey, const std::map<std::string, bool>& full) {
  families_->of_store.show(survey, full, clock_.now());
  families_->survey = survey;
}

const store::Survey* Metrics::survey() const {
  return families_->survey ? &*families_->survey : nullptr;
}

void Metrics::count_reload(bool taken) {
  families_->reloads.Add({{"result", taken ? "taken" : "refused"}}).Increment();
}

void Metrics::count_spans(std::size_t sent, std::size_t dropped) {
  families_->spans.Add({{"result", "sent"}}).Increment(static_cast<double>(sent));
  families_->spans.Add({{"result", "dropped"}}).Increment(static_cast<double>(dropped));
}

void Metrics::set_per_schedule(std::size_t cap) { families_->of_schedules.set_cap(cap); }

void Metrics::set_zones(const std::string& version) {
  Families& all = *families_;
  if (all.zones_now != nullptr) all.zones.Remove(all.zones_now);
  all.zones_now = &all.zones.Add({{"version", version}});
  all.zones_now->Set(1);
}

std::string Metrics::text() const {
  Families& all = *families_;
  all.skew.Set(in_seconds(clock_.offset()));
  const ProcessStats process = process_stats();
  all.resident.Set(static_cast<double>(process.resident_bytes));
  all.virtual_memory.Set(static_cast<double>(process.virtual_bytes));
  all.open_fds.Set(static_cast<double>(process.open_fds));
  all.max_fds.Set(static_cast<double>(process.max_fds));
  all.start.Set(process.start_seconds);
  all.cpu.Increment(std::max(0.0, process.cpu_seconds - all.cpu.Value()));
  return prometheus::TextSerializer().Serialize(families_->registry.Collect());
}

}  // namespace rruled::io
