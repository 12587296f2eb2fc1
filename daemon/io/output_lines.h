#pragma once

#include "store/types.h"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rruled::io {

// Makes log entries of what a program writes: a line of stdout is INFO, of stderr WARN. Pure.
//
// Bounded: kLinesMax lines of both together, kLineBytesMax bytes each; a last entry says how many
// were dropped. Lines are cleaned as text.h says; empty ones are left out.
class OutputLines {
 public:
  static constexpr std::size_t kLinesMax = 1'000;
  static constexpr std::size_t kLineBytesMax = 4'096;

  enum class Stream { out, err };

  void add(Stream stream, std::string_view bytes, store::Timestamp now);
  // All entries, lines without an end included. Leaves it empty.
  [[nodiscard]] std::vector<store::LogEntry> take(store::Timestamp now);

 private:
  [[nodiscard]] bool is_full() const { return entries_.size() >= kLinesMax; }
  void end_line(Stream stream, store::Timestamp now);

  std::array<std::string, 2> begun_;  // the line under way of each stream, cut when too long
  std::vector<store::LogEntry> entries_;
  std::size_t dropped_ = 0;
};

}  // namespace rruled::io
