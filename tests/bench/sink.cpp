#include "tests/bench/sink.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <unordered_map>

namespace rruled::bench {
namespace {

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
constexpr std::string_view kLength = "Content-Length: ";

// Bytes of the first request in `buffer`; 0: not all of it is there.
std::size_t request_size(const std::string& buffer) {
  const auto end = buffer.find("\r\n\r\n");
  if (end == std::string::npos) return 0;
  const auto length = buffer.find(kLength);
  const std::size_t body =
      length < end ? std::strtoul(buffer.c_str() + length + kLength.size(), nullptr, 10) : 0;
  return buffer.size() >= end + 4 + body ? end + 4 + body : 0;
}

void watch(int poll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  ::epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
}

}  // namespace

Sink::Sink() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, any, size) != 0 || ::listen(listener_, 4'096) != 0 ||
      ::getsockname(listener_, any, &size) != 0)
    throw std::runtime_error("cannot listen on 127.0.0.1");
  port_ = ntohs(address.sin_port);
  stop_ = ::eventfd(0, EFD_CLOEXEC);
  thread_ = std::thread([this] { serve(); });
}

Sink::~Sink() {
  const std::uint64_t one = 1;
  (void)!::write(stop_, &one, sizeof one);
  thread_.join();
  ::close(stop_);
  ::close(listener_);
}

std::string Sink::url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }

void Sink::serve() {
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  watch(poll, listener_);
  watch(poll, stop_);
  std::unordered_map<int, std::string> connections;
  std::array<epoll_event, 256> events{};
  std::array<char, 65'536> bytes{};
  for (;;) {
    const int ready = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events.at(static_cast<std::size_t>(i)).data.fd;
      if (fd == stop_) {
        for (const auto& [open, buffer] : connections) ::close(open);
        ::close(poll);
        return;
      }
      if (fd == listener_) {
        const int accepted = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        const int yes = 1;
        ::setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        connections.emplace(accepted, std::string());
        watch(poll, accepted);
        continue;
      }
      const auto got = ::read(fd, bytes.data(), bytes.size());
      if (got <= 0) {
        connections.erase(fd);
        ::close(fd);
        continue;
      }
      std::string& buffer = connections[fd];
      buffer.append(bytes.data(), static_cast<std::size_t>(got));
      while (const std::size_t size = request_size(buffer)) {
        buffer.erase(0, size);
        requests_.fetch_add(1);
        (void)!::write(fd, kAnswer.data(), kAnswer.size());
      }
    }
  }
}

}  // namespace rruled::bench
