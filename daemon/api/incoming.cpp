#include "daemon/api/incoming.h"

#include "daemon/api/problem.h"
#include "daemon/io/chunked.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <limits>

namespace rruled::api {
namespace {

namespace http = boost::beast::http;
using boost::system::error_code;

// Between two pieces of a chunked body: a size with extensions, or trailers.
constexpr std::size_t kChunkLineBytesMax = 4 * 1024;

Response too_large(const ServerLimits& limits) {
  return problem(413,
                 "The body is larger than " + std::to_string(limits.body_bytes_max) + " bytes.");
}

}  // namespace

struct Incoming::Parser : http::request_parser<http::string_body> {};

Incoming::Incoming(const ServerLimits& limits)
    : limits_(limits), parser_(std::make_unique<Parser>()) {
  parser_->header_limit(std::numeric_limits<std::uint32_t>::max());  // counted before
  parser_->body_limit(limits.body_bytes_max);
}

Incoming::~Incoming() = default;

std::optional<Response> Incoming::take_head(std::string& buffer, std::size_t size) {
  const std::string_view head(buffer.data(), size);
  if (const auto refusal = refuse_head(head, facts_))
    return problem(refusal->status, refusal->detail);
  error_code error;
  parser_->put(boost::asio::buffer(head.data(), head.size()), error);
  if (error == http::error::body_limit) return too_large(limits_);
  if (error || !parser_->is_header_done())
    return problem(400, "Not an HTTP request: " + error.message() + ".");
  buffer.erase(0, size);
  parser_->eager(true);

  const auto& message = parser_->get();
  request_.method = std::string(message.method_string());
  request_.target = std::string(message.target());
  const auto question = request_.target.find('?');
  request_.path = request_.target.substr(0, question);
  if (question != std::string::npos) request_.query = request_.target.substr(question + 1);
  request_.version = static_cast<int>(message.version());
  for (const auto& field : message)
    request_.headers.push_back({std::string(field.name_string()), std::string(field.value())});
  return std::nullopt;
}

std::optional<Response> Incoming::take_body(std::string& buffer) {
  while (!complete() && !buffer.empty()) {
    if (facts_.chunked && io::is_too_short(buffer)) return std::nullopt;
    error_code error;
    const auto used = parser_->put(boost::asio::buffer(buffer), error);
    buffer.erase(0, used);
    if (error == http::error::need_more) {
      if (buffer.size() <= kChunkLineBytesMax) return std::nullopt;
      return problem(400, "A chunk of the body begins with too long a line.");
    }
    if (error == http::error::body_limit) return too_large(limits_);
    if (error) return problem(400, "The body is not well formed: " + error.message() + ".");
    if (used == 0) break;
  }
  return std::nullopt;
}

bool Incoming::complete() const { return parser_->is_done(); }

Request Incoming::release() {
  request_.body = std::move(parser_->get().body());
  return std::move(request_);
}

}  // namespace rruled::api
