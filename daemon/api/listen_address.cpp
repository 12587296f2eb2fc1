#include "daemon/api/listen_address.h"

#include <charconv>

namespace rruled::api {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::string_view kUnix = "unix:";
// sun_path without its end.
constexpr std::size_t kUnixPathMax = 107;

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, port);
  if (text.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return port;
}

}  // namespace

std::optional<ListenAddress> parse_listen_address(std::string_view text) {
  if (text.starts_with(kUnix)) {
    const auto path = text.substr(kUnix.size());
    if (!path.starts_with('/') || path.size() > kUnixPathMax) return std::nullopt;
    return UnixPath{std::string(path)};
  }
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (brackets) host = host.substr(1, host.size() - 2);
  boost::system::error_code error;
  const auto address = asio::ip::make_address(std::string(host), error);
  const auto port = parse_port(text.substr(colon + 1));
  if (error || !port || brackets != address.is_v6()) return std::nullopt;
  return tcp::endpoint(address, *port);
}

std::string to_string(const ListenAddress& address) {
  if (const auto* path = std::get_if<UnixPath>(&address)) return std::string(kUnix) + path->path;
  const auto& endpoint = std::get<tcp::endpoint>(address);
  const auto host = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" +
         std::to_string(endpoint.port());
}

bool is_local(const ListenAddress& address) {
  const auto* endpoint = std::get_if<tcp::endpoint>(&address);
  return endpoint == nullptr || endpoint->address().is_loopback();
}

}  // namespace rruled::api
