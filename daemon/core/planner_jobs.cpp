#include "daemon/core/planner.h"

#include <utility>

// Batch jobs that this daemon spreads itself: between the JobDesk and what the planner has.
namespace rruled::core {

void Planner::work_on_jobs(Timestamp now, Actions& actions) {
  jobs_.step(now, draining_, actions);
  for (auto& [name, lane] : lanes_) lane.jobs_waiting = jobs_.waiting_for(name);
}

void Planner::take(JobDesk::Outcome outcome, Timestamp now) {
  for (Notice& notice : outcome.notices) notify(std::move(notice));
  for (const auto& executor : outcome.claim) claim_by(executor, now);
  if (outcome.released) claim_by(now);  // it may have another executor
  if (!outcome.failed) return;
  Report report;
  report.kind = Report::Kind::failed;
  report.error = std::move(outcome.failed->second);
  endings_.push_back(ending_of({std::move(outcome.failed->first)}, std::move(report), now));
}

}  // namespace rruled::core
