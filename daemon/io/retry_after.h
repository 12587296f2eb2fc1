#pragma once

#include "store/ids.h"

#include <chrono>
#include <optional>
#include <string_view>

namespace rruled::io {

// The value of a Retry-After header (RFC 9110, 10.2.3): seconds, or an HTTP date in any of its
// three forms, counted from `now` and rounded up; a date in the past is 0 s. nullopt: neither.
// Pure.
[[nodiscard]] std::optional<std::chrono::seconds> parse_retry_after(std::string_view text,
                                                                    store::Timestamp now);

}  // namespace rruled::io
