#include "daemon/io/store_series.h"

#include "daemon/io/series.h"

#include <algorithm>
#include <chrono>

namespace rruled::io {
namespace {

using prometheus::Gauge;

double since_epoch(store::Timestamp at) {
  return std::chrono::duration<double>(at.time_since_epoch()).count();
}

}  // namespace

StoreSeries::StoreSeries(prometheus::Registry& registry)
    : schedules_(gauges(registry, "rruled_schedules", "Schedules in the store, by status.")),
      waiting_(gauges(registry,
                      "rruled_waiting_runs",
                      "Runs in the store that wait for a free slot of this daemon's executor.")),
      overdue_(gauge(registry,
                     "rruled_overdue_schedules",
                     "Schedules in the store that are late beyond their late_after.")),
      overdue_runs_(gauge(registry,
                          "rruled_overdue_runs",
                          "Runs in the store that are late and that nobody has begun.")),
      oldest_overdue_(gauge(registry,
                            "rruled_oldest_overdue_seconds",
                            "How late the latest of both is; 0 when none is.")),
      next_fire_(gauge(registry,
                       "rruled_next_fire_timestamp_seconds",
                       "When the next schedule in the store is due; 0 when none is.")),
      dead_(gauge(registry, "rruled_dead_letters", "Runs in the store that are dead.")),
      settled_ahead_(
          gauge(registry,
                "rruled_schedules_settled_ahead",
                "Schedules settled to more than a day ahead of now: silent until then.")),
      surveyed_(gauge(registry,
                      "rruled_store_survey_timestamp_seconds",
                      "When the store was looked at for the numbers of all of it.")) {}

void StoreSeries::show(const store::Survey& survey,
                       const std::map<std::string, bool>& full,
                       store::Timestamp now) {
  for (const auto& [status, count] : survey.schedules)
    schedules_.Add({{"status", std::string(store::word(status))}}).Set(static_cast<double>(count));
  std::erase_if(waiting_now_, [&](const auto& each) {
    if (full.contains(each.first)) return false;
    waiting_.Remove(each.second);
    return true;
  });
  for (const auto& [executor, is_full] : full) {
    Gauge*& gauge = waiting_now_[executor];
    if (gauge == nullptr) gauge = &waiting_.Add({{"executor", executor}});
    const auto found = survey.waiting.find(executor);
    const bool waits = is_full && found != survey.waiting.end();
    gauge->Set(waits ? static_cast<double>(found->second) : 0);
  }
  overdue_.Set(static_cast<double>(survey.overdue));
  overdue_runs_.Set(static_cast<double>(survey.overdue_runs));
  const auto since =
      std::min(survey.overdue_since.value_or(now), survey.overdue_runs_since.value_or(now));
  oldest_overdue_.Set(std::chrono::duration<double>(now - since).count());
  next_fire_.Set(survey.next_due ? since_epoch(*survey.next_due) : 0);
  dead_.Set(static_cast<double>(survey.dead));
  settled_ahead_.Set(static_cast<double>(survey.settled_ahead));
  surveyed_.Set(since_epoch(now));
}

}  // namespace rruled::io
