#include "daemon/core/planner.h"

#include <algorithm>
#include <utility>

// Runs that are not to go on: cancelled by their schedule's overlap policy, by a person, or because
// another daemon has them now.
namespace rruled::core {

// Wishes that the store keeps: of all daemons' runs, some of which are in our hands. Those that we
// claim later say it themselves.
void Planner::cancel_wished(const std::vector<store::RunId>& ids) {
  for (const auto id : ids) {
    if (in_flight_.contains(id)) to_cancel_.push_back(id);
    for (auto& [name, lane] : lanes_)
      for (auto& run : lane.queue)
        if (run.id == id) run.cancel_reason = "wished";  // the store knows why
  }
}

void Planner::cancel_deliveries(Actions& actions) {
  for (const auto id : std::exchange(to_cancel_, {})) {
    const auto flight = in_flight_.find(id);
    if (flight == in_flight_.end()) actions.emplace_back(CancelJob{id});
    if (flight == in_flight_.end() || flight->second.cancelled || flight->second.lost) continue;
    flight->second.cancelled = true;
    actions.emplace_back(CancelDelivery{id});
  }
  for (const auto id : std::exchange(lost_, {})) {
    const auto flight = in_flight_.find(id);
    if (flight == in_flight_.end() || flight->second.lost) continue;
    flight->second.lost = true;
    actions.emplace_back(CancelDelivery{id});
  }
}

// A claimed run that ends without being sent.
bool Planner::end_unsent(store::Run& run, Timestamp now) {
  const bool cancelled = !run.cancel_reason.empty();
  // A daemon ended during the last of its attempts.
  const bool used_up = run.attempts > run.retry.max_attempts;
  if (!cancelled && !used_up) return false;
  Report report;
  report.kind = Report::Kind::unsent;
  report.error = cancelled ? "not sent: cancelled"
                           : "its last attempt was interrupted and may have arrived: look there,"
                             " then retry the run if it did not";
  endings_.push_back(
      ending_of({.run = std::move(run), .cancelled = cancelled}, std::move(report), now));
  return true;
}

// A claimed run that nobody could send in its time.
bool Planner::end_too_old(store::Run& run, Timestamp now) {
  if (run.attempts > 1 || !run.start_before || *run.start_before > now) return false;
  Report report;
  report.kind = Report::Kind::unsent;
  report.error = "not sent: its catch-up window is over";
  Ending ending = ending_of({.run = std::move(run), .cancelled = true}, std::move(report), now);
  ending.finish.reason = store::word(store::RunReason::catchup_window);
  ending.run.reason = ending.finish.reason;
  endings_.push_back(std::move(ending));
  return true;
}

}  // namespace rruled::core
