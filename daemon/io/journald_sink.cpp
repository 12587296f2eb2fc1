#include "daemon/io/journald_sink.h"

#include "daemon/io/log_fields.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace rruled::io {
namespace {

// A datagram holds about 200 KB; a line is cut long before.
constexpr std::size_t kMessageBytesMax = 65'536;

// syslog(3)
char priority_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::critical:
      return '2';
    case spdlog::level::err:
      return '3';
    case spdlog::level::warn:
      return '4';
    case spdlog::level::info:
      return '6';
    default:
      return '7';
  }
}

// "NAME=value", or with the length before it where a line end is in the value.
void append(std::string& entry, std::string_view name, std::string_view value) {
  entry += name;
  if (value.find('\n') == std::string_view::npos) {
    entry.append("=").append(value).append("\n");
    return;
  }
  entry += '\n';
  for (unsigned shift = 0; shift < 64; shift += 8)
    entry += static_cast<char>((static_cast<std::uint64_t>(value.size()) >> shift) & 0xffU);
  entry.append(value).append("\n");
}

std::string entry_of(std::string_view text, char priority, const LogFields* fields) {
  std::string entry;
  append(entry, "MESSAGE", text);
  append(entry, "PRIORITY", std::string(1, priority));
  append(entry, "SYSLOG_IDENTIFIER", "rruled");
  if (fields == nullptr) return entry;
  for (const auto& each : *fields) {
    std::string name = "RRULED_";
    for (const char c : each.name)
      name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    if (const auto* number = std::get_if<std::int64_t>(&each.value))
      append(entry, name, std::to_string(*number));
    else
      append(entry, name, std::get<std::string>(each.value));
  }
  return entry;
}

// At most kMessageBytesMax of it, cut between two characters.
std::string_view cut(std::string_view text) {
  if (text.size() <= kMessageBytesMax) return text;
  std::size_t end = kMessageBytesMax;
  while (end > kMessageBytesMax - 4 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U)
    --end;
  return text.substr(0, end);
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw std::runtime_error("log.journal_socket: " + path + " is longer than a socket's name");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

}  // namespace

JournaldSink::JournaldSink(const std::filesystem::path& socket) : path_(socket.string()) {
  const auto address = address_of(path_);
  fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  // Tried once: the journal may be restarted, so entries name the socket again each time.
  const int probe = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool there =
      fd_ >= 0 && probe >= 0 &&
      ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int error = errno;
  if (probe >= 0) ::close(probe);
  if (there) return;
  if (fd_ >= 0) ::close(fd_);
  throw std::runtime_error("log.format: no journal at " + path_ + ": " +
                           std::generic_category().message(error) +
                           "; run under systemd, or set log.format = \"text\"");
}

JournaldSink::~JournaldSink() { ::close(fd_); }

int JournaldSink::send(const std::string& entry) const {
  const auto address = address_of(path_);
  const auto sent = ::sendto(fd_, entry.data(), entry.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                             reinterpret_cast<const sockaddr*>(&address), sizeof address);
  return sent < 0 ? errno : 0;
}

void JournaldSink::sink_it_(const spdlog::details::log_msg& message) {
  const std::string_view text = cut({message.payload.data(), message.payload.size()});
  const char priority = priority_of(message.level);
  if (lost_ > 0 && send(entry_of(std::to_string(lost_) + " lines before this one were lost: the"
                                                         " journal was full",
                                 '4', nullptr)) == 0)
    lost_ = 0;
  const int error = send(entry_of(text, priority, LogScope::now()));
  if (error == EAGAIN || error == ENOBUFS)
    ++lost_;
  else if (error != 0)
    std::fprintf(stderr, "<%c>%.*s\n", priority, static_cast<int>(text.size()), text.data());
}

}  // namespace rruled::io
