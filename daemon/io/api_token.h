#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Tokens of the HTTP API: "rru_" and 256 random bits. Only their hash is kept anywhere.
namespace rruled::io {

// "rru_" and 64 hexadecimal digits, from the operating system's generator.
[[nodiscard]] std::string new_api_token();
// SHA-256 of the token's text, 32 bytes; nullopt when `token` has not the form of one.
[[nodiscard]] std::optional<std::string> api_token_hash(std::string_view token);
// In a time that does not depend on where they differ.
[[nodiscard]] bool same_hash(std::string_view a, std::string_view b);

// 64 hexadecimal digits of SHA-256.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);

}  // namespace rruled::io
