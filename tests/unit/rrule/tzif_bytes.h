#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rruled::test {

// What a small TZif file is to say; bytes() writes it (RFC 8536 3).
struct TzifText {
  struct Change {
    std::int64_t at;
    std::size_t type;
  };
  char version = '2';                   // '\0' for version 1
  std::vector<std::int32_t> offsets{};  // local time types; the first holds before all changes
  std::vector<Change> changes{};
  std::string footer{};  // without its newlines
  std::uint32_t leap_seconds = 0;

  [[nodiscard]] std::string bytes() const {
    if (version == '\0') return header() + data(4);
    return TzifText{version, {0}, {}, {}, 0}.header() + TzifText{version, {0}, {}, {}, 0}.data(4) +
           header() + data(8) + "\n" + footer + "\n";
  }

 private:
  static std::string big_endian(std::uint64_t value, int width) {
    std::string result;
    for (int shift = (width - 1) * 8; shift >= 0; shift -= 8) {
      result += static_cast<char>(value >> static_cast<unsigned>(shift) & 0xFFU);
    }
    return result;
  }

  [[nodiscard]] std::string header() const {
    std::string result = "TZif";
    result += version;
    result += std::string(15, '\0') + big_endian(0, 4) + big_endian(0, 4);
    return result + big_endian(leap_seconds, 4) + big_endian(changes.size(), 4) +
           big_endian(offsets.size(), 4) + big_endian(4, 4);
  }

  [[nodiscard]] std::string data(int time_width) const {
    std::string result;
    for (const auto& c : changes)
      result += big_endian(static_cast<std::uint64_t>(c.at), time_width);
    for (const auto& c : changes) result += static_cast<char>(c.type);
    for (const auto offset : offsets) {
      result += big_endian(static_cast<std::uint32_t>(offset), 4) + std::string(2, '\0');
    }
    result += std::string("LMT") + '\0';
    return result + std::string(leap_seconds * static_cast<std::size_t>(time_width + 4), '\0');
  }
};

}  // namespace rruled::test
