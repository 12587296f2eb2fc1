#pragma once

#include "store/survey.h"

#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <map>
#include <string>

namespace rruled::io {

// Series of what is in the store, as the last survey found it. Io thread only.
class StoreSeries {
 public:
  // `registry` must outlive it.
  explicit StoreSeries(prometheus::Registry& registry);

  // Found at `now`. `full`: Planner::full_executors() then; an executor that is no more in it has
  // no series any more.
  void show(const store::Survey& survey,
            const std::map<std::string, bool>& full,
            store::Timestamp now);

 private:
  prometheus::Family<prometheus::Gauge>& schedules_;
  prometheus::Family<prometheus::Gauge>& waiting_;
  prometheus::Gauge& overdue_;
  prometheus::Gauge& overdue_runs_;
  prometheus::Gauge& oldest_overdue_;
  prometheus::Gauge& next_fire_;
  prometheus::Gauge& dead_;
  prometheus::Gauge& settled_ahead_;
  prometheus::Gauge& surveyed_;
  std::map<std::string, prometheus::Gauge*> waiting_now_;  // by executor
};

}  // namespace rruled::io
