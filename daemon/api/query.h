#pragma once

#include "daemon/core/explain.h"

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

// The parameters that routes take in their query: read by the handlers, told by the description.
namespace rruled::api {

// Of a number; without one, `fallback`. Below `min` it is refused; above `max` (0: no such end) it
// is cut to that, or refused.
struct SizeRange {
  std::size_t fallback = 0;
  std::size_t min = 0;
  std::size_t max = 0;
  bool is_cut = true;
};
inline constexpr SizeRange kPageLimit{100, 0, 500};
// With 0 a page that is read by cursor would have no row to go on behind.
inline constexpr SizeRange kCursorLimit{100, 1, 500};
inline constexpr SizeRange kLogLimit{50, 1, 500, false};
// Far beyond any table, and far from where sums overflow.
inline constexpr SizeRange kOffset{0, 0, 1'000'000'000};

inline constexpr SizeRange kPreviewCount{10, 0, 1'000};
inline constexpr SizeRange kUpcomingLimit{100, 0, 1'000};
inline constexpr SizeRange kAround{5, 0, core::kAroundMax};

inline constexpr std::array<std::string_view, 3> kIntervals{"hour", "day", "week"};
inline constexpr std::array<std::string_view, 2> kBreakdowns{"name", "kind"};

struct QueryParameter {
  enum class Kind {
    text,
    id,     // a UUID
    time,   // or so long ago
    size,   // `range`
    word,   // one of `words`
    words,  // several of them, with commas or as several parameters
    flag,   // there or not, whatever its value
  };
  std::string_view name;
  Kind kind = Kind::text;
  std::span<const std::string_view> words{};
  std::string_view fallback{};  // of a time or word; empty: none
  SizeRange range{};
};

}  // namespace rruled::api
