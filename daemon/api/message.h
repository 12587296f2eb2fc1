#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A request and a response of HTTP/1, as plain values. Pure.
namespace rruled::api {

struct Header {
  std::string name;  // as it was written; letter case does not matter
  std::string value;
};
using Headers = std::vector<Header>;

// Null when absent; the first one when there are several. Letter case of `name` does not matter.
[[nodiscard]] const std::string* find_header(const Headers& headers, std::string_view name);

[[nodiscard]] bool equal_but_for_case(std::string_view a, std::string_view b);
[[nodiscard]] std::string_view trimmed(std::string_view text);  // spaces and tabs
// Elements of a comma-separated list, trimmed; empty ones left out.
[[nodiscard]] std::vector<std::string_view> list_elements(std::string_view value);

struct Request {
  std::string method;  // as it was written: methods are case-sensitive
  std::string target;
  std::string path;   // of the target, before '?'
  std::string query;  // after '?', not decoded
  int version = 11;   // 10 or 11
  Headers headers;
  std::string body;
  std::string request_id;  // the client's when it is fit, else ours
  bool secure = false;     // came over TLS

  [[nodiscard]] const std::string* header(std::string_view name) const {
    return find_header(headers, name);
  }
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";  // empty: there is no body
  std::string body{};
  Headers headers{};   // beside those that every response has
  bool close = false;  // the connection ends with it
};

}  // namespace rruled::api
