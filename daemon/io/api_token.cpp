#include "daemon/io/api_token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>

namespace rruled::io {
namespace {

constexpr std::string_view kTokenPrefix = "rru_";
constexpr std::size_t kBytes = 32;

std::string hex(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0xfU];
  }
  return text;
}

std::string sha256(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("SHA-256 is not available in this OpenSSL");
  return {digest.begin(), digest.begin() + size};
}

}  // namespace

std::string new_api_token() {
  std::array<unsigned char, kBytes> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1)
    throw std::runtime_error("no random numbers from OpenSSL");
  return std::string(kTokenPrefix) + hex(std::string(random.begin(), random.end()));
}

std::optional<std::string> api_token_hash(std::string_view token) {
  const auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (token.size() != kTokenPrefix.size() + 2 * kBytes || !token.starts_with(kTokenPrefix) ||
      !std::all_of(token.begin() + kTokenPrefix.size(), token.end(), digit))
    return std::nullopt;
  return sha256(token);
}

bool same_hash(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string sha256_hex(std::string_view bytes) { return hex(sha256(bytes)); }

}  // namespace rruled::io
