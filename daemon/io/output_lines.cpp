#include "daemon/io/output_lines.h"

#include "daemon/io/text.h"

#include <algorithm>
#include <utility>

namespace rruled::io {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

// False of a line that clean_line leaves empty.
bool says_something(std::string_view line) {
  return line.find_first_not_of(kBlanks) != std::string_view::npos;
}

}  // namespace

void OutputLines::add(Stream stream, std::string_view bytes, store::Timestamp now) {
  std::string& line = begun_[static_cast<std::size_t>(stream)];
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    std::string_view piece = bytes.substr(0, end);
    // What begins with more blanks than a line may have says something all the same.
    const std::size_t blanks = piece.find_first_not_of(kBlanks);
    if (blanks != std::string_view::npos && line.size() + blanks > kLineBytesMax &&
        !says_something(line)) {
      line.clear();
      piece.remove_prefix(blanks);
    }
    // One byte over the limit, so that clean_line sees that there was more.
    const std::size_t room = kLineBytesMax + 1 - line.size();
    line += piece.substr(0, std::min(room, piece.size()));
    if (end == std::string_view::npos) return;
    end_line(stream, now);
    bytes.remove_prefix(end + 1);
  }
}

void OutputLines::end_line(Stream stream, store::Timestamp now) {
  std::string& line = begun_[static_cast<std::size_t>(stream)];
  if (says_something(line)) {
    const auto level = stream == Stream::out ? store::LogLevel::info : store::LogLevel::warn;
    if (first_.size() < kFirstLines) {
      first_.push_back({line, now, level});
    } else if (last_.size() < kLastLines) {
      last_.push_back({line, now, level});
    } else {
      Line& oldest = last_[oldest_];
      oldest.text.swap(line);  // each has the room of the other's next one
      oldest.at = now;
      oldest.level = level;
      oldest_ = (oldest_ + 1) % kLastLines;
      ++dropped_;
    }
  }
  line.clear();
}

store::LogEntry OutputLines::entry_of(Line line) {
  return {{}, std::nullopt, line.at, line.level, clean_line(line.text, kLineBytesMax)};
}

std::vector<store::LogEntry> OutputLines::take(store::Timestamp now) {
  end_line(Stream::out, now);
  end_line(Stream::err, now);
  std::rotate(last_.begin(), last_.begin() + static_cast<std::ptrdiff_t>(oldest_), last_.end());
  std::vector<store::LogEntry> entries;
  entries.reserve(first_.size() + last_.size() + 1);
  for (auto& each : first_) entries.push_back(entry_of(std::move(each)));
  if (dropped_ > 0)
    entries.push_back({{},
                       std::nullopt,
                       last_.front().at,
                       store::LogLevel::warn,
                       "output cut: " + std::to_string(dropped_) +
                           " lines were dropped here; the first " + std::to_string(kFirstLines) +
                           " and the last " + std::to_string(kLastLines) + " are kept"});
  for (auto& each : last_) entries.push_back(entry_of(std::move(each)));
  *this = {};
  return entries;
}

}  // namespace rruled::io
