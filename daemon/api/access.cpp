#include "daemon/api/access.h"

#include "daemon/api/problem.h"

#include <boost/asio/ip/address.hpp>

#include <algorithm>

namespace rruled::api {
namespace {

// "localhost", "127.0.0.1:8480", "[::1]:8480"
bool is_loopback_host(std::string_view text) {
  const bool brackets = text.starts_with('[');
  const auto end = brackets ? text.find(']') : text.find(':');
  if (brackets && end == std::string_view::npos) return false;
  const auto host = brackets ? text.substr(1, end - 1) : text.substr(0, end);
  const auto port = text.substr(std::min(text.size(), brackets ? end + 1 : end));
  if (!port.empty() &&
      (port.front() != ':' || port.find_first_not_of("0123456789", 1) != std::string_view::npos))
    return false;
  if (equal_but_for_case(host, "localhost")) return true;
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(std::string(host), error);
  return !error && address.is_loopback();
}

}  // namespace

std::optional<std::string_view> bearer_token(const Request& request) {
  constexpr std::string_view kScheme = "Bearer ";
  const std::string* header = request.header("Authorization");
  const auto given = std::count_if(request.headers.begin(), request.headers.end(), [](auto& each) {
    return equal_but_for_case(each.name, "Authorization");
  });
  if (given != 1 || header->size() <= kScheme.size() ||
      !equal_but_for_case(std::string_view(*header).substr(0, kScheme.size()), kScheme))
    return std::nullopt;
  return trimmed(std::string_view(*header).substr(kScheme.size()));
}

std::optional<Response> refuse_grant(const Grant& grant,
                                     Scope scope,
                                     std::optional<std::int64_t> path_project) {
  if (grant.scope < scope)
    return problem(403, std::string("API key missing required scope 'hog_flow:") +
                            (scope == Scope::write ? "write" : "read") + "'");
  if (path_project && grant.project_id && *grant.project_id != *path_project)
    return problem(403, "This API key is for another project.");
  return std::nullopt;
}

std::optional<Response> refuse_foreign(const Request& request) {
  const std::string* host = request.header("Host");
  if (host == nullptr || !is_loopback_host(*host))
    return problem(403,
                   "Without tokens only this machine is served: the Host header must name a"
                   " loopback address. Set [api] auth = \"token\" to serve others.");
  const std::string* origin = request.header("Origin");
  if (origin == nullptr) return std::nullopt;
  const auto scheme_end = origin->find("://");
  if (scheme_end != std::string::npos &&
      is_loopback_host(std::string_view(*origin).substr(scheme_end + 3)))
    return std::nullopt;
  return problem(403, "Without tokens no page of another site is served: foreign Origin.");
}

}  // namespace rruled::api
