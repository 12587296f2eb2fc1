#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rruled::io {

// Finds the addresses of a host. Io thread only; must outlive its look-ups' awaiting coroutines.
//
// The system's look-up blocks, for minutes at worst, and cannot be broken off; Asio's own resolver
// makes everybody wait for it, on one thread. Here it runs on a thread of this resolver, one for a
// name at a time however many ask, and who waits leaves at the deadline. Nobody waits for that
// thread: what it finds once resolver or io_context are gone is dropped, and a process may end
// while it hangs.
class NameResolver {
 public:
  struct Answer {
    boost::system::error_code error;  // operation_aborted: the deadline passed, or cancelled
    std::vector<boost::asio::ip::tcp::endpoint> addresses;  // in the system's order; else empty
  };
  // Looks a name up, and may block. Called on the resolver's thread, one call at a time; may be
  // under way after the resolver is gone.
  using Ask = std::function<Answer(const std::string& host, std::uint16_t port)>;

  // Asks the system. `io` belongs to an io_context.
  explicit NameResolver(boost::asio::any_io_executor io);
  NameResolver(boost::asio::any_io_executor io, Ask ask);
  NameResolver(const NameResolver&) = delete;
  NameResolver& operator=(const NameResolver&) = delete;
  // Does not wait for a look-up under way.
  ~NameResolver();

  // `host` is a name or an address; an address is taken as it is.
  [[nodiscard]] boost::asio::awaitable<Answer> find(std::string host,
                                                    std::uint16_t port,
                                                    std::chrono::steady_clock::time_point deadline);

 private:
  struct Lookup;
  class Desk;
  std::shared_ptr<Lookup> lookup(const std::string& host, std::uint16_t port);

  const boost::asio::any_io_executor io_;
  std::map<std::pair<std::string, std::uint16_t>, std::shared_ptr<Lookup>> lookups_;
  const std::shared_ptr<Desk> desk_;
};

}  // namespace rruled::io
