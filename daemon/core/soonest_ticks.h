#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rruled::core {

// The earliest few ticks of a crowd, so that removing the earliest over and over does not search
// the crowd each time: the first search keeps one, later ones keep many until reset(). Not
// thread-safe. Pure.
//
//   if (!soonest.known()) {
//     soonest.begin_search();
//     for (Tick tick : crowd) soonest.offer(tick);
//     soonest.end_search();
//   }
//   use(soonest.tick());
class SoonestTicks {
 public:
  using Tick = std::uint64_t;

  // False: search the crowd. True: tick() is the earliest of it.
  [[nodiscard]] bool known() const { return !ticks_.empty(); }
  [[nodiscard]] Tick tick() const { return ticks_.back(); }

  // `tick` is the earliest of the crowd, which need not be searched for that.
  void set(Tick tick) { ticks_.assign(1, tick); }

  void begin_search();
  void offer(Tick tick) {
    if (ticks_.size() < room_ || tick < ticks_.front()) keep(tick);
  }
  void end_search();

  // The crowd has gained or lost one.
  void add(Tick tick) {
    if (known() && tick < ticks_.front()) insert(tick);
  }
  void remove(Tick tick) {
    if (known() && tick <= ticks_.front()) erase(tick);
  }

  // The crowd has changed otherwise.
  void reset() {
    ticks_.clear();
    room_ = 0;
  }

 private:
  static constexpr std::size_t kRoomMax = 512;

  void keep(Tick tick);
  void insert(Tick tick);
  void erase(Tick tick);

  // Latest first. All ticks of the crowd before the latest of these are among them, so while there
  // is one, the last is the earliest of all. During a search: a heap with the latest on top.
  std::vector<Tick> ticks_;
  std::size_t room_ = 0;
};

}  // namespace rruled::core
