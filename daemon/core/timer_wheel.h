#pragma once

#include "daemon/core/soonest_ticks.h"
#include "daemon/core/timer_levels.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

namespace rruled::core {

using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

template <class T>
concept TimerId =
    std::totally_ordered<T> && std::default_initializable<T> && std::is_trivially_copyable_v<T>;

// Names one armed timer. The generation tells it from a later timer in the same place, so a handle
// that was cancelled or has fired matches nothing. A default handle never matches.
struct TimerHandle {
  std::uint32_t timer = 0;
  std::uint32_t generation = 0;
  bool operator==(const TimerHandle&) const = default;
};

// Which ids are due when: a hierarchical timer wheel with ticks of a millisecond, over all
// Timestamps. Value type. Not thread-safe, not even its const calls. Pure: `now` is a parameter,
// and may step back. Arming, cancelling and moving a timer cost O(1); a jump costs the slots it
// finds occupied, never its length. next_due() is known, or one search of the first occupied
// slot: at worst of all timers, then again only after hundreds of the soonest were cancelled.
//
//   TimerWheel<ScheduleId> wheel{now};
//   auto handle = wheel.arm(id, due);
//   std::vector<TimerWheel<ScheduleId>::Fired> fired;
//   wheel.advance(now, fired);                       // each with due <= now, by (due, id), once
//   for (auto& f : fired) wheel.arm(f.id, next_after(f.due));
//
// Timers lie in chunks of 64, a slot being a chain of chunks of which only the last is partly
// filled. Memory: 32 bytes a timer with an id of 8 bytes, 40 with an id of 16, counted at the most
// timers that were ever armed at once, and twice that where vectors have just grown (see
// reserve()). Besides, a partly filled chunk in each occupied slot: 2 KiB each, 4 MiB at the very
// most. Kept until destruction.
template <TimerId Id>
class TimerWheel {
 public:
  using Handle = TimerHandle;

  struct Fired {
    Id id;
    Timestamp due;
    bool operator==(const Fired&) const = default;
  };

  // Everything at or before `now` counts as passed.
  explicit TimerWheel(Timestamp now) : levels_(after(to_tick(now))) { tails_.fill(kNone); }

  // Any due is allowed; one that has passed fires at the next advance. Ids may repeat.
  Handle arm(const Id& id, Timestamp due);

  // False when the timer has fired or was cancelled: nothing happens then.
  bool cancel(Handle handle);

  // Moves a timer that has not fired; its handle stays good. False as for cancel().
  bool rearm(Handle handle, Timestamp due);

  // Appends everything with due <= `now`, ordered by (due, id), and forgets it. `now` before that
  // of an earlier call is a clock that stepped back: nothing fires again, and what is armed still
  // fires when `now` reaches it, never before. That step costs the timers near the old time, once.
  void advance(Timestamp now, std::vector<Fired>& fired);

  // The exact earliest due, which may have passed; nullopt when nothing is armed.
  [[nodiscard]] std::optional<Timestamp> next_due() const;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  // Cancels all; handles given out before match nothing.
  void clear();

  // Makes room for `timers` at once, so that memory stays at its stated size.
  void reserve(std::size_t timers);

 private:
  using Tick = TimerLevels::Tick;
  using Slot = TimerLevels::Slot;

  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr int kOffsetBits = 6;
  static constexpr std::uint32_t kChunkTimers = 1U << kOffsetBits;

  struct Entry {
    Tick due;
    Id id;
    std::uint32_t timer;
  };

  struct Chunk {
    std::uint32_t previous;  // in the slot's chain, or in the chain of free chunks
    std::uint16_t slot;
    std::uint16_t count;
    std::array<Entry, kChunkTimers> entries;
  };

  struct Timer {
    std::uint32_t location;  // armed: chunk << kOffsetBits | offset; free: the next free timer
    std::uint32_t generation;
  };

  // Flipping the sign makes unsigned order the order of time.
  static constexpr Tick kSign = Tick{1} << 63;
  static Tick to_tick(Timestamp at) {
    return static_cast<Tick>(at.time_since_epoch().count()) ^ kSign;
  }
  static Timestamp to_timestamp(Tick tick) {
    return Timestamp(std::chrono::milliseconds(static_cast<std::int64_t>(tick ^ kSign)));
  }
  // Saturates, so that the last tick never counts as passed and fires like any other.
  static Tick after(Tick now) { return now == TimerLevels::kLastTick ? now : now + 1; }

  [[nodiscard]] bool armed(Handle handle) const;
  void find_soonest() const;
  void place(const Entry& entry);
  void take_out(std::uint32_t timer);
  void forget(std::uint32_t timer);
  std::uint32_t take_chunk(Slot slot, std::uint32_t previous);
  void release_chunk(std::uint32_t chunk);
  template <class Visit>
  void drain(Slot slot, Visit visit);
  void spread(Slot slot);
  void fire(Slot slot, std::vector<Fired>& fired);
  void step_back(Tick position);

  TimerLevels levels_;
  std::size_t size_ = 0;
  mutable SoonestTicks soonest_;

  std::array<std::uint32_t, TimerLevels::kSlots> tails_{};  // last chunk of each slot
  std::vector<Chunk> chunks_;
  std::uint32_t free_chunk_ = kNone;
  std::vector<Timer> timers_;
  std::uint32_t free_timer_ = kNone;
};

}  // namespace rruled::core

#include "daemon/core/timer_wheel_impl.h"  // IWYU pragma: export
