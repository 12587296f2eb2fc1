// Sets of small numbers as bits of a word. Internal to rrule.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace rruled::rrule::detail {

constexpr int lowest(std::uint64_t bits) { return std::countr_zero(bits); }
constexpr int highest(std::uint64_t bits) { return 63 - std::countl_zero(bits); }
constexpr bool has_bit(std::uint64_t bits, int index) { return (bits >> index & 1) != 0; }

// Masks of the bits >= index, <= index, < index; index 0 to 63 (below_bit, from_bit: also 64).
constexpr std::uint64_t from_bit(int index) { return index >= 64 ? 0 : ~std::uint64_t{0} << index; }
constexpr std::uint64_t below_bit(int index) { return ~from_bit(index); }
constexpr std::uint64_t up_to_bit(int index) { return ~from_bit(index + 1); }

// The place of the nth set bit, counted from 0; there must be so many.
constexpr int select(std::uint64_t bits, int nth) {
  for (; nth > 0; --nth) bits &= bits - 1;
  return lowest(bits);
}

inline std::uint64_t bits_of(const std::vector<int>& list) {
  std::uint64_t bits = 0;
  for (const int value : list) bits |= std::uint64_t{1} << value;
  return bits;
}

}  // namespace rruled::rrule::detail
