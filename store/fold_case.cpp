#include "store/errors.h"
#include "store/person_filter.h"

#include <locale.h>

#include <clocale>
#include <cwctype>

// Upper and lower case of all scripts: from the C library's own locale, which every Debian has
// built in and which no environment changes.
namespace rruled::store {
namespace {

locale_t unicode() {
  static const locale_t kLocale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (kLocale == nullptr)
    throw StoreError(StoreError::Kind::fault,
                     "the C library has no locale C.UTF-8: use glibc 2.35 or later");
  return kLocale;
}

void append(std::string& out, char32_t c) {
  const auto tail = [&](unsigned shift) {
    out += static_cast<char>(0x80U | ((c >> shift) & 0x3fU));
  };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0U | (c >> 6U));
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0U | (c >> 12U));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0U | (c >> 18U));
    tail(12);
    tail(6);
    tail(0);
  }
}

// The character that begins at `at`, which moves behind it. The text is valid UTF-8.
char32_t take(std::string_view text, std::size_t& at) {
  const auto byte = [&] { return static_cast<unsigned char>(text[at++]); };
  const char32_t lead = byte();
  if (lead < 0x80) return lead;
  const int more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
  char32_t c = lead & (0x3fU >> static_cast<unsigned>(more));
  for (int i = 0; i < more && at < text.size(); ++i) c = (c << 6U) | (byte() & 0x3fU);
  return c;
}

}  // namespace

std::string fold_case(std::string_view text) {
  std::string folded;
  folded.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = take(text, at);
    if (c < 0x80)
      folded += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    else
      append(folded, static_cast<char32_t>(::towlower_l(static_cast<wint_t>(c), unicode())));
  }
  return folded;
}

}  // namespace rruled::store
