#include "daemon/cli/run_watch.h"

namespace rruled::cli {

RunWatch::Events RunWatch::look(const std::vector<store::Run>& runs, std::size_t limit) {
  std::map<store::RunId, State> seen;
  Events events;
  bool met = false;  // one that was there before: all that came since are due after it
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    const State state(run->status, run->attempts);
    seen.emplace(run->id, state);
    if (!known_) continue;
    const auto before = known_->find(run->id);
    met = met || before != known_->end();
    if (before == known_->end() || before->second != state) events.runs.push_back(*run);
  }
  events.more = known_ && !met && runs.size() == limit;
  known_ = std::move(seen);
  return events;
}

}  // namespace rruled::cli
