#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace rruled::api {

struct UnixPath {
  std::string path;  // absolute
};
using ListenAddress = std::variant<boost::asio::ip::tcp::endpoint, UnixPath>;

// "127.0.0.1:8480", "[::1]:8480", "unix:/run/rruled/api.sock". Names are not looked up. Port 0:
// any.
[[nodiscard]] std::optional<ListenAddress> parse_listen_address(std::string_view text);
[[nodiscard]] std::string to_string(const ListenAddress& address);

// Reachable from this machine alone.
[[nodiscard]] bool is_local(const ListenAddress& address);

}  // namespace rruled::api
