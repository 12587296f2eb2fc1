#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace rruled::store {

// Offset of the first byte that does not belong to valid UTF-8 (RFC 3629: no overlong forms, no
// surrogates, nothing above U+10FFFF) or that is NUL, which PostgreSQL cannot hold.
[[nodiscard]] std::optional<std::size_t> first_bad_byte(std::string_view text);

}  // namespace rruled::store
