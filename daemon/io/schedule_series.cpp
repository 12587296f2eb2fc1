#include "daemon/io/schedule_series.h"

#include "daemon/io/series.h"

#include <algorithm>
#include <chrono>

namespace rruled::io {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr std::chrono::days kIdle{7};

}  // namespace

ScheduleSeries::ScheduleSeries(prometheus::Registry& registry)
    : runs_(prometheus::BuildCounter()
                .Name("rruled_schedule_runs_total")
                .Help("Runs of single schedules that have ended, by outcome.")
                .Register(registry)),
      last_success_(gauges(registry,
                           "rruled_schedule_last_success_timestamp_seconds",
                           "When a run of the schedule was completed last.")),
      lateness_(gauges(registry,
                       "rruled_schedule_last_lateness_seconds",
                       "How late the last run of the schedule began.")),
      without_(prometheus::BuildCounter()
                   .Name("rruled_runs_without_series_total")
                   .Help("Ended runs of schedules beyond metrics.per_schedule.")
                   .Register(registry)
                   .Add({})) {}

void ScheduleSeries::set_cap(std::size_t cap) {
  cap_ = cap;
  if (series_.size() <= cap) return;
  for (auto& [id, series] : series_) remove(series);
  series_.clear();
  none_idle_until_ = {};
}

void ScheduleSeries::remove(Series& series) {
  for (const auto& [status, counter] : series.runs) runs_.Remove(counter);
  if (series.last_success != nullptr) last_success_.Remove(series.last_success);
  if (series.lateness != nullptr) lateness_.Remove(series.lateness);
}

ScheduleSeries::Series* ScheduleSeries::series_of(store::ScheduleId id, store::Timestamp now) {
  const auto found = series_.find(id);
  if (found != series_.end()) return &found->second;
  if (series_.size() >= cap_) {
    if (now <= none_idle_until_) return nullptr;
    const auto idle =
        std::ranges::min_element(series_, {}, [](const auto& each) { return each.second.used_at; });
    none_idle_until_ = idle->second.used_at + kIdle;
    if (now <= none_idle_until_) return nullptr;
    remove(idle->second);
    series_.erase(idle);
  }
  return &series_[id];
}

void ScheduleSeries::count(const store::Run& run,
                           store::RunStatus status,
                           store::Timestamp now,
                           std::chrono::milliseconds late) {
  if (cap_ == 0 || !run.schedule_id) return;
  Series* series = series_of(*run.schedule_id, now);
  if (series == nullptr) {
    without_.Increment();
    return;
  }
  const std::string id = to_string(*run.schedule_id);
  series->used_at = now;
  auto& counter = series->runs[status];
  if (counter == nullptr)
    counter = &runs_.Add({{"schedule", id}, {"outcome", std::string(store::word(status))}});
  counter->Increment();
  if (run.started_at) {
    if (series->lateness == nullptr) series->lateness = &lateness_.Add({{"schedule", id}});
    series->lateness->Set(Seconds(late).count());
  }
  if (status != store::RunStatus::completed) return;
  if (series->last_success == nullptr)
    series->last_success = &last_success_.Add({{"schedule", id}});
  series->last_success->Set(Seconds(now.time_since_epoch()).count());
}

}  // namespace rruled::io
