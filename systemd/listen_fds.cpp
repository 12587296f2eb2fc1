#include "systemd/listen_fds.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace rruled::systemd {
namespace {

constexpr int kFirst = 3;  // SD_LISTEN_FDS_START
constexpr int kMost = 1'024;

std::optional<int> number(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  int value = 0;
  const char* end = text + std::strlen(text);
  if (std::from_chars(text, end, value).ptr != end) return std::nullopt;
  return value;
}

}  // namespace

std::vector<ListenFd> take_listen_fds() {
  std::vector<ListenFd> sockets;
  const auto pid = number("LISTEN_PID");
  const auto count = number("LISTEN_FDS");
  const char* text = std::getenv("LISTEN_FDNAMES");
  std::string names = text != nullptr ? text : "";
  for (const char* each : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(each);
  if (!pid || *pid != ::getpid() || !count || *count < 1 || *count > kMost) return sockets;
  for (int fd = kFirst; fd < kFirst + *count; ++fd) {
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    const auto colon = names.find(':');
    sockets.push_back({fd, names.substr(0, colon)});
    names.erase(0, colon == std::string::npos ? colon : colon + 1);
  }
  return sockets;
}

}  // namespace rruled::systemd
