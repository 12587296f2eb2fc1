#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>

namespace rruled::core {

// The geometry of TimerWheel: which slot a tick belongs to, and which slots are occupied.
// Not thread-safe. Pure.
//
// Eight levels of 256 slots cover all of a 64-bit tick. A tick's level is the highest byte in which
// it differs from the position, its slot on that level is that byte. So every tick of a lower level
// comes before every tick of a higher one, the slots of a level are in order of time, and the
// bitmaps find the first occupied slot whatever the distance to it. Ticks before the position share
// the slot kPassed.
class TimerLevels {
 public:
  using Tick = std::uint64_t;
  using Slot = std::uint32_t;

  static constexpr int kLevels = 8;
  static constexpr Slot kSlotsPerLevel = 256;
  static constexpr Slot kPassed = kLevels * kSlotsPerLevel;
  static constexpr Slot kSlots = kPassed + 1;
  static constexpr Tick kLastTick = std::numeric_limits<Tick>::max();

  explicit TimerLevels(Tick position) : position_(position) {}

  [[nodiscard]] Tick position() const { return position_; }

  // Moving the position changes where ticks belong: the caller moves those that are concerned.
  void set_position(Tick position) { position_ = position; }

  [[nodiscard]] Slot slot_of(Tick tick) const {
    if (tick < position_) return kPassed;
    const int level = highest_byte(tick ^ position_);
    return static_cast<Slot>(level) * kSlotsPerLevel + static_cast<std::uint8_t>(tick >> 8 * level);
  }

  // 0 to 7: the highest byte with a bit set; 0 for no bits.
  [[nodiscard]] static int highest_byte(Tick bits) { return (63 - std::countl_zero(bits | 1)) / 8; }

  [[nodiscard]] static int level_of(Slot slot) { return static_cast<int>(slot / kSlotsPerLevel); }

  // The lowest level with an occupied slot; kLevels when there is none.
  [[nodiscard]] int lowest_level() const { return std::countr_zero(levels_); }

  // The first occupied slot. One must be occupied.
  [[nodiscard]] Slot first() const {
    const int level = lowest_level();
    const auto& words = occupied_[static_cast<std::size_t>(level)];
    Slot word = 0;
    while (words[word] == 0) ++word;
    const auto bit = static_cast<Slot>(std::countr_zero(words[word]));
    return static_cast<Slot>(level) * kSlotsPerLevel + word * 64 + bit;
  }

  // The first tick of an occupied slot; on level 0 its only one.
  [[nodiscard]] Tick start_of(Slot slot) const {
    const int shift = 8 * level_of(slot);
    const Tick above = position_ >> shift >> 8 << 8;
    return (above | slot % kSlotsPerLevel) << shift;
  }

  // kPassed has no bit: its holder looks at it first.
  void set_occupied(Slot slot, bool occupied) {
    if (slot == kPassed) return;
    auto& words = occupied_[slot / kSlotsPerLevel];
    auto& word = words[slot % kSlotsPerLevel / 64];
    const std::uint64_t bit = std::uint64_t{1} << slot % 64;
    word = occupied ? word | bit : word & ~bit;
    const auto level = static_cast<std::uint8_t>(1U << level_of(slot));
    const bool any = (words[0] | words[1] | words[2] | words[3]) != 0;
    levels_ = static_cast<std::uint8_t>(any ? levels_ | level : levels_ & ~level);
  }

 private:
  Tick position_;
  std::array<std::array<std::uint64_t, kSlotsPerLevel / 64>, kLevels> occupied_{};
  std::uint8_t levels_ = 0;  // bit n: level n has an occupied slot
};

}  // namespace rruled::core
