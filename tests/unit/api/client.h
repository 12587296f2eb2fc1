#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <sys/socket.h>
#include <sys/time.h>

#include <chrono>
#include <string>
#include <vector>

namespace rruled::test {

// A client that blocks, for tests whose server has a thread of its own.
class Client {
 public:
  using Protocol = boost::asio::generic::stream_protocol;

  explicit Client(const Protocol::endpoint& endpoint) : socket_(io_) {
    socket_.open(endpoint.protocol());
    const timeval patience{20, 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    socket_.connect(endpoint);
  }

  // False: the other side has closed.
  bool send(const std::string& bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const auto size =
          ::send(socket_.native_handle(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (size <= 0) return false;
      sent += static_cast<std::size_t>(size);
    }
    return true;
  }
  // The next response, head and body; "" when the connection has ended.
  std::string response() {
    while (buffer_.find("\r\n\r\n") == std::string::npos)
      if (!more()) return std::exchange(buffer_, {});
    const auto head = buffer_.find("\r\n\r\n") + 4;
    std::size_t body = 0;
    if (const auto at = buffer_.find("Content-Length: "); at < head)
      body = std::stoul(buffer_.substr(at + 16, 12));
    while (buffer_.size() < head + body)
      if (!more()) return std::exchange(buffer_, {});
    std::string all = buffer_.substr(0, head + body);
    buffer_.erase(0, head + body);
    return all;
  }
  std::string ask(const std::string& request) {
    send(request);
    return response();
  }
  // Everything until the connection ends.
  std::string rest() {
    while (more()) continue;
    return std::exchange(buffer_, {});
  }
  Protocol::socket& socket() { return socket_; }

 private:
  bool more() {
    char bytes[4096];
    const auto size = ::recv(socket_.native_handle(), bytes, sizeof bytes, 0);
    if (size <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(size));
    return true;
  }

  boost::asio::io_context io_;
  Protocol::socket socket_;
  std::string buffer_;
};

inline std::string get(const std::string& path, const std::string& headers = {}) {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n";
}

inline bool is_ok(const std::string& response) {
  return response.starts_with("HTTP/1.1 200 OK\r\n");
}

}  // namespace rruled::test
