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
// Bounded: of both together the first kFirstLines lines and the last kLastLines, where the error of
// what failed is; kLineBytesMax bytes each. An entry between them says how many were dropped. Lines
// are cleaned as text.h says; empty ones are left out.
class OutputLines {
 public:
  static constexpr std::size_t kFirstLines = 200;
  static constexpr std::size_t kLastLines = 800;
  static constexpr std::size_t kLineBytesMax = 4'096;

  enum class Stream { out, err };

  void add(Stream stream, std::string_view bytes, store::Timestamp now);
  // All entries, lines without an end included. Leaves it empty.
  [[nodiscard]] std::vector<store::LogEntry> take(store::Timestamp now);

 private:
  // As it was written: cleaning costs, and most of a long output is not kept.
  struct Line {
    std::string text;
    store::Timestamp at;
    store::LogLevel level = store::LogLevel::info;
  };
  static store::LogEntry entry_of(Line line);
  void end_line(Stream stream, store::Timestamp now);

  std::array<std::string, 2> begun_;  // the line under way of each stream, cut when too long
  std::vector<Line> first_;
  std::vector<Line> last_;   // a ring when it is full
  std::size_t oldest_ = 0;   // of last_
  std::size_t dropped_ = 0;  // lines between the two
};

}  // namespace rruled::io
