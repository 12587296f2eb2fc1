#include "daemon/core/planner.h"

#include <iterator>
#include <utility>

// Executors that come and go while runs are under way.
namespace rruled::core {

void Planner::set_executors(const std::map<std::string, std::size_t>& executors,
                            std::size_t max_in_flight,
                            const JobOptions& jobs,
                            std::set<std::string> tracked,
                            Timestamp now) {
  options_.executors = executors;
  options_.tracked = std::move(tracked);
  looks_after_since_ = now;
  options_.max_in_flight = max_in_flight;
  for (auto lane = lanes_.begin(); lane != lanes_.end();) {
    if (executors.contains(lane->first)) {
      ++lane;
      continue;
    }
    auto& queue = lane->second.queue;
    strays_.insert(strays_.end(), std::make_move_iterator(queue.begin()),
                   std::make_move_iterator(queue.end()));
    // What the claim under way brings is for nobody here any more.
    if (claiming_ == &lane->second) claiming_ = &gone_;
    lane = lanes_.erase(lane);
  }
  for (const auto& [name, cap] : executors) {
    const auto [lane, is_new] = lanes_.try_emplace(name);
    lane->second.cap = cap;
    if (!is_new) continue;
    // One that was here before may still deliver.
    for (const auto& [id, flight] : in_flight_)
      if (flight.run.executor == name) ++lane->second.in_flight;
  }
  claim_by(now);  // there may be runs for new ones, and room at others
  jobs_.set_executors(jobs, now);
}

void Planner::set_breakers(std::map<std::string, BreakerOptions> breakers) {
  const auto of = [](const auto& options, const std::string& name) {
    const auto found = options.find(name);
    return found == options.end() ? BreakerOptions{} : found->second;
  };
  for (auto& [name, lane] : lanes_)
    if (const auto options = of(breakers, name); options != of(options_.breakers, name))
      lane.breaker = Breaker(options);
  options_.breakers = std::move(breakers);
}

}  // namespace rruled::core
