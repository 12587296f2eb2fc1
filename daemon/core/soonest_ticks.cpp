#include "daemon/core/soonest_ticks.h"

#include <algorithm>
#include <functional>

namespace rruled::core {

void SoonestTicks::begin_search() {
  ticks_.clear();
  room_ = room_ == 0 ? 1 : kRoomMax;
}

void SoonestTicks::keep(Tick tick) {
  if (ticks_.size() == room_) {
    std::ranges::pop_heap(ticks_);
    ticks_.pop_back();
  }
  ticks_.push_back(tick);
  std::ranges::push_heap(ticks_);
}

void SoonestTicks::end_search() { std::ranges::sort(ticks_, std::greater{}); }

void SoonestTicks::insert(Tick tick) {
  ticks_.insert(std::ranges::lower_bound(ticks_, tick, std::greater{}), tick);
  if (ticks_.size() > kRoomMax) ticks_.erase(ticks_.begin());
}

// A tick like the latest may be in the crowd more often than here; then this forgets one too many,
// which at worst brings a search.
void SoonestTicks::erase(Tick tick) {
  const auto at = std::ranges::lower_bound(ticks_, tick, std::greater{});
  if (at != ticks_.end() && *at == tick) ticks_.erase(at);
}

}  // namespace rruled::core
