#include "daemon/io/secret.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>
#include <utility>

namespace rruled::io {
namespace {

constexpr std::size_t kSecretBytesMax = 4096;

SettingError unreadable(const std::filesystem::path& file, std::string_view setting, int error) {
  std::string advice;
  if (error == ENOENT) advice = ": create it with the secret as its only line";
  if (error == EACCES) advice = ": let the user that runs rruled read it";
  return {std::string(setting),
          "cannot read " + file.string() + " (" + std::strerror(error) + ")" + advice};
}

// Fills `buffer` from the file; the number of bytes, or -errno.
ssize_t read_whole(const std::filesystem::path& file, std::span<char> buffer) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return -errno;
  std::size_t size = 0;
  ssize_t result = 0;
  while (size < buffer.size() &&
         (result = ::read(fd, buffer.data() + size, buffer.size() - size)) > 0)
    size += static_cast<std::size_t>(result);
  const int error = errno;
  ::close(fd);
  return result < 0 ? -error : static_cast<ssize_t>(size);
}

bool printable(char c) { return c > ' ' && c < '\x7f'; }

}  // namespace

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  wipe();
  bytes_ = std::move(other.bytes_);
  return *this;
}

Secret::~Secret() { wipe(); }

void Secret::wipe() {
  if (!bytes_.empty()) OPENSSL_cleanse(bytes_.data(), bytes_.size());
}

SettingResult<Secret> Secret::read_file(const std::filesystem::path& file,
                                        std::string_view setting) {
  // Room for a line end and for one byte too many.
  std::array<char, kSecretBytesMax + 3> buffer{};
  const ssize_t size = read_whole(file, buffer);
  if (size < 0) return unreadable(file, setting, static_cast<int>(-size));
  std::string_view text(buffer.data(), static_cast<std::size_t>(size));
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);

  SettingError error{std::string(setting), {}};
  if (text.empty())
    error.detail = file.string() + " is empty: write the secret into it, on one line";
  else if (text.size() > kSecretBytesMax)
    error.detail = file.string() + " holds more than 4096 bytes: is it the right file?";
  else if (!std::ranges::all_of(text, printable))
    error.detail = file.string() +
                   " must hold one line of printable ASCII without spaces: write the bare secret";
  if (!error.detail.empty()) {
    OPENSSL_cleanse(buffer.data(), buffer.size());
    return error;
  }
  Secret secret(text);
  OPENSSL_cleanse(buffer.data(), buffer.size());
  return secret;
}

}  // namespace rruled::io
