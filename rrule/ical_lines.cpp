#include "rrule/ical_lines.h"

#include <algorithm>
#include <utility>

namespace rruled::rrule::ical {
namespace {

constexpr std::size_t kDepthMax = 8;

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

ParseError error(const Line& line, const std::string& detail) {
  return {ErrorCode::syntax, line.offset, "line " + std::to_string(line.number) + ": " + detail};
}

std::vector<Line> unfold(std::string_view text) {
  std::vector<Line> lines;
  std::size_t number = 0;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    std::string_view physical = text.substr(from, end - from);
    if (physical.ends_with('\r')) physical.remove_suffix(1);
    ++number;
    const bool folded = physical.starts_with(' ') || physical.starts_with('\t');
    if (folded && !lines.empty()) {
      lines.back().text += physical.substr(1);
    } else if (!physical.empty()) {
      lines.push_back({number, from, std::string(physical)});
    }
    from = end + 1;
  }
  return lines;
}

}  // namespace

std::string Line::name() const {
  return upper(std::string_view(text).substr(0, text.find_first_of(":;")));
}

std::string_view Line::value() const {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == ':' && !quoted) return std::string_view(text).substr(i + 1);
  }
  return {};
}

const Line* Component::find(std::string_view line_name) const {
  const auto found = std::find_if(lines.begin(), lines.end(),
                                  [&](const Line& line) { return line.name() == line_name; });
  return found == lines.end() ? nullptr : &*found;
}

Result<std::vector<Component>> components(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos) {
    return ParseError{ErrorCode::syntax, zero, "a byte 0 is not text"};
  }
  const std::size_t skipped = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  std::vector<Component> result;
  std::vector<std::size_t> open;
  for (Line& line : unfold(text.substr(skipped))) {
    line.offset += skipped;
    const std::string name = line.name();
    if (name == "BEGIN") {
      if (open.size() == kDepthMax) return error(line, "components are nested too deeply");
      const auto parent = open.empty() ? std::nullopt : std::optional(open.back());
      open.push_back(result.size());
      result.push_back({upper(line.value()), std::move(line), parent, {}});
    } else if (open.empty()) {
      return error(line, "BEGIN:VCALENDAR is expected");
    } else if (name == "END") {
      if (upper(line.value()) != result[open.back()].name) {
        return error(line, "END:" + result[open.back()].name + " is expected");
      }
      open.pop_back();
    } else {
      result[open.back()].lines.push_back(std::move(line));
    }
  }
  if (!open.empty()) {
    return error(result[open.back()].begin, "END:" + result[open.back()].name + " is missing");
  }
  return result;
}

}  // namespace rruled::rrule::ical
