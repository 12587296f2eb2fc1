#pragma once

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace rruled::test {

// A socket file that takes datagrams, as the service manager and the journal have them.
class DatagramSocket {
 public:
  explicit DatagramSocket(std::string path) : path_(std::move(path)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error(path_ + ": " + std::strerror(errno));
    const timeval patience{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~DatagramSocket() {
    ::close(fd_);
    ::unlink(path_.c_str());
  }
  DatagramSocket(const DatagramSocket&) = delete;
  DatagramSocket& operator=(const DatagramSocket&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

  // The next one; nullopt: none has come yet.
  [[nodiscard]] std::optional<std::string> take() { return receive(MSG_DONTWAIT); }
  // The next one with `text` in it; those before it are passed over. "": none came in time.
  [[nodiscard]] std::string wait_for(const std::string& text) {
    while (auto datagram = receive(0))
      if (datagram->find(text) != std::string::npos) return *datagram;
    return {};
  }

 private:
  std::optional<std::string> receive(int flags) {
    std::string datagram(300'000, '\0');
    const auto size = ::recv(fd_, datagram.data(), datagram.size(), flags);
    if (size < 0) return std::nullopt;
    datagram.resize(static_cast<std::size_t>(size));
    return datagram;
  }

  std::string path_;
  int fd_ = -1;
};

}  // namespace rruled::test
