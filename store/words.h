#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace rruled::store {

// The words of an enumeration in the order of its enumerators: one spelling in SQL, JSON and
// messages. Specialised beside each enumeration.
template <class Enum>
inline constexpr std::array<std::string_view, 0> kWords{};

template <class Enum>
[[nodiscard]] constexpr std::string_view word(Enum value) {
  return kWords<Enum>.at(static_cast<std::size_t>(value));
}

template <class Enum>
[[nodiscard]] constexpr std::optional<Enum> parse_word(std::string_view text) {
  for (std::size_t i = 0; i < kWords<Enum>.size(); ++i)
    if (kWords<Enum>[i] == text) return static_cast<Enum>(i);
  return std::nullopt;
}

// "last, none, all": for messages that say what would have been right.
template <class Enum>
[[nodiscard]] std::string all_words() {
  std::string list;
  for (const auto& each : kWords<Enum>) {
    if (!list.empty()) list += ", ";
    list += each;
  }
  return list;
}

}  // namespace rruled::store
