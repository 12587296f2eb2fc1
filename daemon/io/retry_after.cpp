#include "daemon/io/retry_after.h"

#include <date/date.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <sstream>
#include <string>

namespace rruled::io {
namespace {

using std::chrono::seconds;

std::optional<seconds> parse_seconds(std::string_view text) {
  std::uint32_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  if (stop != end || text.empty()) return std::nullopt;
  if (error == std::errc::result_out_of_range) count = std::numeric_limits<std::uint32_t>::max();
  return seconds(count);
}

// RFC 9110, 5.6.7: what is sent today, and the two old forms that must be read.
std::optional<store::Instant> parse_http_date(std::string_view text) {
  for (const char* format :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    std::istringstream in{std::string(text)};
    in.imbue(std::locale::classic());
    store::Instant instant;
    in >> date::parse(format, instant);
    if (!in.fail() && in.peek() == std::istringstream::traits_type::eof()) return instant;
  }
  return std::nullopt;
}

}  // namespace

std::optional<seconds> parse_retry_after(std::string_view text, store::Timestamp now) {
  if (const auto count = parse_seconds(text)) return count;
  const auto instant = parse_http_date(text);
  if (!instant) return std::nullopt;
  return std::max(std::chrono::ceil<seconds>(*instant - now), seconds(0));
}

}  // namespace rruled::io
