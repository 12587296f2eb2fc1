// Numbers, dates and times of RFC 5545's text. Internal to rrule.
#pragma once

#include "rrule/rule.h"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace rruled::rrule::detail {

// DATE and DATE-TIME of RFC 5545 3.3.4 and 3.3.5: 20260131, 20260131T090000, 20260131T090000Z.
// Second 60 reads as 59. nullopt: not such a text, or no such day.
[[nodiscard]] std::optional<Until> parse_time(std::string_view text);

[[nodiscard]] std::string print_time(date::local_days day);
[[nodiscard]] std::string print_time(local_seconds local);
[[nodiscard]] std::string print_time(sys_seconds instant);

// 1 to `digits_max` digits, with a sign only where `sign`. nullopt also when over 2^31 - 1.
[[nodiscard]] std::optional<int> parse_number(std::string_view text, int digits_max, bool sign);

// Of ASCII, whatever the locale.
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

// Equal but for the case of ASCII letters. `upper` is upper case.
[[nodiscard]] bool equals_word(std::string_view text, std::string_view upper);

[[nodiscard]] std::optional<Weekday> parse_weekday(std::string_view text);

// With zeros before it, of at least `width` digits; not negative.
[[nodiscard]] std::string padded(int value, std::size_t width);

// `text` in quotes for a message, cut to a readable length, control characters shown as '?'.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace rruled::rrule::detail
