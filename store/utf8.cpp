#include "store/utf8.h"

#include <cstdint>
#include <cstring>

namespace rruled::store {
namespace {

// True when none of eight bytes has its top bit set or is zero.
bool plain_ascii(const char* eight) {
  std::uint64_t word = 0;
  std::memcpy(&word, eight, sizeof word);
  constexpr std::uint64_t kTop = 0x8080808080808080U;
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  return ((word | (word - kOnes)) & kTop) == 0;
}

// What RFC 3629 section 4 allows after a leading byte: how many bytes, and the range of the first.
struct Tail {
  std::size_t size = 0;
  unsigned low = 0x80;
  unsigned high = 0xbf;
};

std::optional<Tail> tail_after(unsigned lead) {
  if (lead >= 0xc2 && lead <= 0xdf) return Tail{1};
  if (lead == 0xe0) return Tail{2, 0xa0, 0xbf};
  if (lead == 0xed) return Tail{2, 0x80, 0x9f};
  if (lead >= 0xe1 && lead <= 0xef) return Tail{2};
  if (lead == 0xf0) return Tail{3, 0x90, 0xbf};
  if (lead == 0xf4) return Tail{3, 0x80, 0x8f};
  if (lead >= 0xf1 && lead <= 0xf3) return Tail{3};
  return std::nullopt;
}

}  // namespace

std::optional<std::size_t> first_bad_byte(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  std::size_t i = 0;
  while (i < text.size()) {
    if (text.size() - i >= 8 && plain_ascii(text.data() + i)) {
      i += 8;
      continue;
    }
    const unsigned lead = byte(i);
    if (lead > 0 && lead < 0x80) {
      ++i;
      continue;
    }
    const auto tail = tail_after(lead);
    if (!tail || text.size() - i <= tail->size) return i;
    if (byte(i + 1) < tail->low || byte(i + 1) > tail->high) return i;
    for (std::size_t k = 2; k <= tail->size; ++k)
      if ((byte(i + k) & 0xc0U) != 0x80U) return i;
    i += 1 + tail->size;
  }
  return std::nullopt;
}

}  // namespace rruled::store
