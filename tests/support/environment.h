#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

namespace rruled::testing {

// What a person set for one run of the tests. Throws std::invalid_argument for what is no number.
inline std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::stoull(value);
}

}  // namespace rruled::testing
