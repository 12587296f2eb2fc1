#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace rruled::io {

// Foreign bytes made fit for a row, a log line and a terminal: bytes that are not UTF-8 become
// U+FFFD, control characters (C0, C1, DEL) and those that turn the direction of text (U+202A to
// U+202E, U+2066 to U+2069) a space, white space at its end goes. Longer than `bytes_max` is cut at
// a character and ends in "…". Pure.
[[nodiscard]] std::string clean_line(std::string_view text, std::size_t bytes_max);

// "30 s", or "250 ms" where seconds do not tell it exactly.
[[nodiscard]] std::string duration_text(std::chrono::milliseconds duration);

}  // namespace rruled::io
