#include "daemon/core/planner.h"

// What the planner has to do, for those who watch it.
namespace rruled::core {

// A slot that is kept for what the store was asked for is the store's to fill.
bool Planner::is_full(const Lane& lane) const {
  if (lane.breaker.state() != Breaker::State::closed) return false;
  std::size_t all = 0;
  for (const auto& [name, each] : lanes_) all += each.runs();
  return lane.runs() >= lane.cap || all >= options_.max_in_flight;
}

std::map<std::string, bool> Planner::full_executors() const {
  std::map<std::string, bool> executors;
  for (const auto& [name, lane] : lanes_) executors.emplace(name, is_full(lane));
  return executors;
}

Planner::Load Planner::load() const {
  Load load{.armed = wheel_.size(),
            .queued = strays_.size() + jobs_.size(),
            .in_flight = in_flight_.size(),
            .unwritten =
                endings_.size() + finishing_.size() + to_hand_back_.size() + handing_back_.size(),
            .horizon_loaded = ever_loaded_,
            .store_away = store_silent_ || failures_.away()};
  for (const auto& [name, lane] : lanes_) load.queued += lane.queue.size();
  for (const auto& [executor, ready] : ready_) {
    const auto lane = lanes_.find(executor);
    // One that has waited as long as it may is to be settled, and so is what stands behind it.
    const bool may_wait = !ready.held.empty() && ready.held.begin()->first > stepped_at_;
    const bool waits = may_wait && lane != lanes_.end() && is_full(lane->second);
    (waits ? load.held : load.ready) += ready.queue.size();
  }
  return load;
}

}  // namespace rruled::core
