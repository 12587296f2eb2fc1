#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace rruled::io {

// A TCP connection, with or without TLS on it, that closes itself at a deadline. Io thread only.
// Every operation may be cancelled through the awaiting coroutine's slot; the connection is of no
// use afterwards.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  // `tls` must outlive the connection; null: plain TCP.
  HttpConnection(const boost::asio::any_io_executor& io, boost::asio::ssl::context* tls);

  // What is under way at `deadline` then ends with an error and timed_out() is true.
  void close_at(std::chrono::steady_clock::time_point deadline);
  void stay_open();
  [[nodiscard]] bool timed_out() const { return timed_out_; }

  [[nodiscard]] boost::asio::awaitable<boost::system::error_code> connect(
      boost::asio::ip::tcp::endpoint address);
  // Checks the certificate against `host`; why it failed is in tls_mistake().
  [[nodiscard]] boost::asio::awaitable<boost::system::error_code> handshake(std::string host);
  [[nodiscard]] std::string tls_mistake(const boost::system::error_code& error) const;

  // `bytes` must stay until the end.
  [[nodiscard]] boost::asio::awaitable<boost::system::error_code> write(std::string_view bytes);
  struct Read {
    boost::system::error_code error;
    std::size_t size = 0;
  };
  [[nodiscard]] boost::asio::awaitable<Read> read_some(std::span<char> buffer);
  // To read into: as long as the connection lives, for one response at a time.
  [[nodiscard]] std::span<char> buffer();

  // Open, and nothing came since the last response: neither an end nor bytes that nobody asked for.
  [[nodiscard]] bool quiet();

 private:
  void close_if_due();

  boost::asio::ip::tcp::socket socket_;
  std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
  // A connection that is used again and again has one wait, which looks for the deadline of then.
  boost::asio::steady_timer timer_;
  std::optional<std::chrono::steady_clock::time_point> deadline_;
  std::optional<std::chrono::steady_clock::time_point> waits_until_;
  bool timed_out_ = false;
  std::unique_ptr<char[]> buffer_;
};

}  // namespace rruled::io
