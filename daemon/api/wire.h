#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <span>
#include <string_view>

namespace rruled::api {

// One connection as its session sees it: bytes in, bytes out, each with a deadline. Io thread only;
// one operation at a time.
class Wire {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  Wire() = default;
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  virtual ~Wire() = default;

  struct Read {
    boost::system::error_code error;  // asio::error::timed_out: the deadline came first
    std::size_t size = 0;
  };
  // Ready for read_some() and write(); TLS is agreed on here.
  [[nodiscard]] virtual boost::asio::awaitable<boost::system::error_code> begin(
      Deadline deadline) = 0;
  [[nodiscard]] virtual boost::asio::awaitable<Read> read_some(std::span<char> buffer,
                                                               Deadline deadline) = 0;
  // Both texts, one after the other; they must stay until the end. After a timed_out nothing more
  // can be written.
  [[nodiscard]] virtual boost::asio::awaitable<boost::system::error_code> write(
      std::string_view first, std::string_view second, Deadline deadline) = 0;
  // Tells the peer that nothing follows; reading goes on.
  [[nodiscard]] virtual boost::asio::awaitable<void> end_writing(Deadline deadline) = 0;
  // What is under way ends with an error.
  virtual void close() = 0;
  [[nodiscard]] virtual bool secure() const = 0;
};

}  // namespace rruled::api
