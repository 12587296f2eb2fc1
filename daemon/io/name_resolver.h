#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rruled::io {

// Finds the addresses of a host. Io thread only; must outlive its look-ups' awaiting coroutines.
//
// The system's look-up blocks and cannot be broken off; Asio's own resolver makes everybody wait
// for it, on one thread. Here it runs on a thread of this resolver, one for a name at a time
// however many ask, and who waits leaves at the deadline.
class NameResolver {
 public:
  struct Answer {
    boost::system::error_code error;  // operation_aborted: the deadline passed, or cancelled
    std::vector<boost::asio::ip::tcp::endpoint> addresses;  // in the system's order; else empty
  };

  explicit NameResolver(boost::asio::any_io_executor io);
  NameResolver(const NameResolver&) = delete;
  NameResolver& operator=(const NameResolver&) = delete;
  // Waits for a look-up under way.
  ~NameResolver();

  // `host` is a name or an address; an address is taken as it is.
  [[nodiscard]] boost::asio::awaitable<Answer> find(std::string host,
                                                    std::uint16_t port,
                                                    std::chrono::steady_clock::time_point deadline);

 private:
  struct Lookup;
  std::shared_ptr<Lookup> lookup(const std::string& host, std::uint16_t port);

  const boost::asio::any_io_executor io_;
  std::map<std::pair<std::string, std::uint16_t>, std::shared_ptr<Lookup>> lookups_;
  boost::asio::thread_pool thread_{1};
};

}  // namespace rruled::io
