#pragma once

#include <cstddef>
#include <string_view>

namespace rruled::core {

// Whether a UTF-8 text holds a control character of Unicode (Cc): C0, DEL or C1. Pure.
[[nodiscard]] constexpr bool has_control_character(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return true;
    // U+0080 to U+009F.
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0)
      return true;
  }
  return false;
}
inline constexpr const char* kControlCharacters = "Control characters are not allowed.";

}  // namespace rruled::core
