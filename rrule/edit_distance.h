#pragma once

#include <cstddef>
#include <string_view>

namespace rruled::rrule {

// How many bytes must be put in, left out or changed to make `a` of `b` (Levenshtein); for guessing
// what a person meant. Takes a.size() * b.size() steps. Pure.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

// Whether one may well be a slip for the other: at most two edits, and one in three bytes.
[[nodiscard]] bool is_slip(std::string_view typed, std::string_view meant);

}  // namespace rruled::rrule
