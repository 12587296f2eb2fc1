#include "daemon/io/text.h"

#include <boost/locale/utf.hpp>

#include <cstdint>

namespace rruled::io {
namespace {

namespace utf = boost::locale::utf;

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";

// What stands for the character at the front of `text`, which is shortened by it.
std::string_view take_character(std::string_view& text) {
  const char* const begin = text.data();
  const char* at = begin;
  const utf::code_point point = utf::utf_traits<char>::decode(at, begin + text.size());
  if (point == utf::illegal || point == utf::incomplete) {
    text.remove_prefix(1);  // not what decode() took: it may have eaten a good byte
    return kReplacement;
  }
  const auto size = static_cast<std::size_t>(at - begin);
  text.remove_prefix(size);
  const bool control = point < 0x20 || (point >= 0x7f && point < 0xa0);
  // They let a terminal show a line in another order than it is read.
  const bool turns = (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
  return control || turns ? std::string_view(" ") : std::string_view(begin, size);
}

}  // namespace

std::string clean_line(std::string_view text, std::size_t bytes_max) {
  text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
  std::string line;
  std::size_t room_for_ellipsis = 0;  // where to cut if the text turns out too long
  while (!text.empty()) {
    const std::string_view character = take_character(text);
    if (line.size() + character.size() > bytes_max) {
      line.resize(room_for_ellipsis);
      return line.append(kEllipsis);
    }
    line += character;
    if (line.size() + kEllipsis.size() <= bytes_max) room_for_ellipsis = line.size();
  }
  return line;
}

std::string duration_text(std::chrono::milliseconds duration) {
  const auto count = duration.count();
  return count % 1000 == 0 ? std::to_string(count / 1000) + " s" : std::to_string(count) + " ms";
}

}  // namespace rruled::io
