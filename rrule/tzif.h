#pragma once

#include "rrule/result.h"
#include "rrule/tz_rule.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace rruled::rrule {

// From `at` (seconds since 1970, UTC) on, wall clocks show UTC + `offset` seconds.
struct OffsetChange {
  std::int64_t at = 0;
  std::int32_t offset = 0;
};

// What one TZif file says (RFC 8536), as far as offsets go: names and DST flags are not kept.
struct Tzif {
  std::int32_t first_offset = 0;      // before changes.front(), or always
  std::vector<OffsetChange> changes;  // strictly increasing
  std::optional<TzRule> footer;       // from changes.back() on; absent: the last offset stays
};

// No real file has more than 250 transitions; the cap bounds what a lookup may cost.
inline constexpr std::uint32_t kTzifTransitionsMax = 2'000;
inline constexpr std::size_t kTzifBytesMax = 256 * 1024;

// Versions 1 to 4; of version 2 and later only the 64-bit block counts. Bytes are not trusted:
// every length is checked. Files with leap seconds ("right/" zones) are refused as unsupported:
// their instants do not count POSIX seconds. Error offsets count bytes of the file.
[[nodiscard]] Result<Tzif> parse_tzif(std::string_view bytes);

}  // namespace rruled::rrule
