#pragma once

#include "store/types.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <chrono>
#include <cstddef>
#include <map>

namespace rruled::io {

// Series of single schedules, for as many as were asked for: the first that run have them. One that
// has not run for a week gives its place up when another wants it, the longest idle first. Io
// thread only.
class ScheduleSeries {
 public:
  // `registry` must outlive it.
  explicit ScheduleSeries(prometheus::Registry& registry);

  // 0: none. Fewer than there are: all begin anew.
  void set_cap(std::size_t cap);
  // A run that ended.
  void count(const store::Run& run,
             store::RunStatus status,
             store::Timestamp now,
             std::chrono::milliseconds late);

 private:
  struct Series {
    std::map<store::RunStatus, prometheus::Counter*> runs;
    prometheus::Gauge* last_success = nullptr;
    prometheus::Gauge* lateness = nullptr;
    store::Timestamp used_at;
  };
  [[nodiscard]] Series* series_of(store::ScheduleId id, store::Timestamp now);
  void remove(Series& series);

  prometheus::Family<prometheus::Counter>& runs_;
  prometheus::Family<prometheus::Gauge>& last_success_;
  prometheus::Family<prometheus::Gauge>& lateness_;
  prometheus::Counter& without_;
  std::size_t cap_ = 0;
  std::map<store::ScheduleId, Series> series_;
  store::Timestamp none_idle_until_;  // until then no place can be had, so none is looked for
};

}  // namespace rruled::io
