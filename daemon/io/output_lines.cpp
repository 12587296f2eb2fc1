#include "daemon/io/output_lines.h"

#include "daemon/io/text.h"

#include <algorithm>
#include <utility>

namespace rruled::io {
namespace {

// False of a line that clean_line leaves empty.
bool says_something(std::string_view line) {
  return line.find_first_not_of(" \t\r\n") != std::string_view::npos;
}

}  // namespace

void OutputLines::add(Stream stream, std::string_view bytes, store::Timestamp now) {
  std::string& line = begun_[static_cast<std::size_t>(stream)];
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (is_full()) {
      if (says_something(piece)) line = ".";
    } else {
      // One byte over the limit, so that clean_line sees that there was more.
      const std::size_t room = kLineBytesMax + 1 - line.size();
      line += piece.substr(0, std::min(room, piece.size()));
    }
    if (end == std::string_view::npos) return;
    end_line(stream, now);
    bytes.remove_prefix(end + 1);
  }
}

void OutputLines::end_line(Stream stream, store::Timestamp now) {
  std::string& line = begun_[static_cast<std::size_t>(stream)];
  if (is_full()) {  // cleaning costs, and of what is dropped only the number is told
    if (says_something(line)) ++dropped_;
    line.clear();
    return;
  }
  std::string message = clean_line(std::exchange(line, {}), kLineBytesMax);
  if (message.empty()) return;
  const auto level = stream == Stream::out ? store::LogLevel::info : store::LogLevel::warn;
  entries_.push_back({{}, std::nullopt, now, level, std::move(message)});
}

std::vector<store::LogEntry> OutputLines::take(store::Timestamp now) {
  end_line(Stream::out, now);
  end_line(Stream::err, now);
  if (dropped_ > 0)
    entries_.push_back({{},
                        std::nullopt,
                        now,
                        store::LogLevel::warn,
                        "output cut: " + std::to_string(std::exchange(dropped_, 0)) +
                            " more lines were dropped, over the limit of " +
                            std::to_string(kLinesMax)});
  return std::exchange(entries_, {});
}

}  // namespace rruled::io
