#pragma once

#include "daemon/io/clock.h"
#include "daemon/io/http_connection.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace rruled::io {

// Whom a connection talks to.
struct HttpPeer {
  bool tls = false;
  std::string host;
  std::uint16_t port = 0;

  friend auto operator<=>(const HttpPeer&, const HttpPeer&) = default;
};

// Connections between two requests. Io thread only; held by shared_ptr.
class HttpPool : public std::enable_shared_from_this<HttpPool> {
 public:
  struct Limits {
    std::size_t per_host;
    std::size_t all;
    std::chrono::milliseconds idle;
  };

  // `clock` must outlive the pool.
  HttpPool(const boost::asio::any_io_executor& io, const Clock& clock, Limits limits);

  // The connection to `peer` that was used last and is still good, or null.
  [[nodiscard]] std::shared_ptr<HttpConnection> take(const HttpPeer& peer);
  // Keeps it, or closes it if there is no room.
  void keep(const HttpPeer& peer, std::shared_ptr<HttpConnection> connection);
  void clear();

 private:
  struct Idle {
    std::shared_ptr<HttpConnection> connection;
    std::chrono::steady_clock::time_point until;
  };
  void close_later();
  void close_expired();

  const Clock& clock_;
  const Limits limits_;
  std::map<HttpPeer, std::vector<Idle>> idle_;  // of each peer, the longest idle first
  std::size_t count_ = 0;
  boost::asio::steady_timer timer_;
  bool waiting_ = false;
};

}  // namespace rruled::io
