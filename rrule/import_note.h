#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace rruled::rrule {

// What an import could not carry over, for a person to read, one line of the file at a time.
struct ImportNote {
  enum class Kind : std::uint8_t {
    dropped,  // nothing came of it
    altered,  // an entry came of it, but does not say all that the line says
  };
  std::size_t line = 0;  // counted from 1
  Kind kind = Kind::dropped;
  std::string text;  // a sentence without full stop
  friend bool operator==(const ImportNote&, const ImportNote&) = default;
};

}  // namespace rruled::rrule
