#include "store/postgres_values.h"

namespace rruled::store {
namespace {

constexpr char kDigits[] = "0123456789abcdef";

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

void append_uuid(std::string& out, const boost::uuids::uuid& id) {
  std::size_t n = 0;
  for (const std::uint8_t byte : id) {
    if (n == 4 || n == 6 || n == 8 || n == 10) out += '-';
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
    ++n;
  }
}

boost::uuids::uuid read_uuid(std::string_view text) {
  boost::uuids::uuid id{};
  if (text.size() != 36) throw_bad_value(text);
  std::size_t at = 0;
  for (auto& byte : id) {
    if (text[at] == '-') ++at;
    const int high = digit(text[at]);
    const int low = digit(text[at + 1]);
    if (high < 0 || low < 0) throw_bad_value(text);
    byte = static_cast<std::uint8_t>(high * 16 + low);
    at += 2;
  }
  return id;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t from = 0;;) {
    const auto special = text.find_first_of("\"\\", from);
    out.append(text.substr(from, special - from));
    if (special == std::string_view::npos) break;
    out += '\\';
    out += text[special];
    from = special + 1;
  }
  out += '"';
}

void throw_bad_value(std::string_view text) {
  throw StoreError(StoreError::Kind::corrupt,
                   "a column holds `" + std::string(text.substr(0, 100)) +
                       "`, which rruled never writes: restore a backup, or correct the row");
}

}  // namespace rruled::store
