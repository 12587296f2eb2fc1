#include "daemon/api/request_head.h"

#include "daemon/api/message.h"

#include <algorithm>
#include <charconv>

namespace rruled::api {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";

bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

bool is_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

HeadRefusal bad(std::string detail) { return {400, std::move(detail)}; }

// Everything but CRLF, tab and printable bytes. Above ASCII is let through: values may hold it.
std::optional<HeadRefusal> refuse_bytes(std::string_view head) {
  for (std::size_t i = 0; i < head.size(); ++i) {
    const char c = head[i];
    if (c == '\r' && i + 1 < head.size() && head[i + 1] == '\n') {
      ++i;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\r' || c == '\n') return bad("A line of the header does not end in CR LF.");
    if ((byte < 0x20 && c != '\t') || byte == 0x7f)
      return bad("The header holds a control character.");
  }
  return std::nullopt;
}

std::optional<HeadRefusal> refuse_target(std::string_view method, std::string_view target) {
  if (target == "*" && method == "OPTIONS") return std::nullopt;
  const bool plain =
      std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (target.empty() || target.front() != '/' || !plain ||
      target.find('#') != std::string_view::npos)
    return bad("The request target must be a path, such as /api/projects/1/hog_flows/.");
  return std::nullopt;
}

std::optional<HeadRefusal> refuse_request_line(std::string_view line, bool& http_1_1) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || !is_token(line.substr(0, first)))
    return bad("The first line is not METHOD TARGET HTTP/1.1.");
  const auto version = line.substr(last + 1);
  if (version.size() != 8 || !version.starts_with("HTTP/") || version[6] != '.')
    return bad("The first line is not METHOD TARGET HTTP/1.1.");
  http_1_1 = version == "HTTP/1.1";
  if (!http_1_1 && version != "HTTP/1.0")
    return HeadRefusal{505, "Only HTTP/1.1 and HTTP/1.0 are spoken here."};
  return refuse_target(line.substr(0, first), line.substr(first + 1, last - first - 1));
}

// The fields that decide where a request ends, and for whom it is.
class Framing {
 public:
  Framing(bool http_1_1, HeadFacts& facts) : http_1_1_(http_1_1), facts_(facts) {}

  std::optional<HeadRefusal> add(std::string_view name, std::string_view value) {
    if (equal_but_for_case(name, "content-length")) return add_length(value);
    if (equal_but_for_case(name, "transfer-encoding")) return add_encoding(value);
    if (equal_but_for_case(name, "host")) return add_host(value);
    if (equal_but_for_case(name, "expect")) return add_expectation(value);
    return std::nullopt;
  }
  [[nodiscard]] std::optional<HeadRefusal> finish() const {
    if (has_length_ && facts_.chunked)
      return bad("Content-Length and Transfer-Encoding exclude each other.");
    if (http_1_1_ && !has_host_) return bad("The Host header is missing.");
    return std::nullopt;
  }

 private:
  std::optional<HeadRefusal> add_length(std::string_view value) {
    if (has_length_) return bad("There is more than one Content-Length.");
    has_length_ = true;
    const auto* end = value.data() + value.size();
    if (!is_digits(value) ||
        std::from_chars(value.data(), end, facts_.content_length).ec != std::errc())
      return bad("Content-Length is not a number.");
    return std::nullopt;
  }
  std::optional<HeadRefusal> add_encoding(std::string_view value) {
    if (!http_1_1_) return bad("HTTP/1.0 has no Transfer-Encoding.");
    if (facts_.chunked || !equal_but_for_case(value, "chunked"))
      return bad("The only Transfer-Encoding taken is a single chunked.");
    facts_.chunked = true;
    return std::nullopt;
  }
  std::optional<HeadRefusal> add_host(std::string_view value) {
    if (has_host_) return bad("There is more than one Host.");
    has_host_ = true;
    if (value.find_first_of(" \t,/@\\?#") != std::string_view::npos)
      return bad("The Host header is not a host and a port.");
    return std::nullopt;
  }
  std::optional<HeadRefusal> add_expectation(std::string_view value) {
    if (!equal_but_for_case(value, "100-continue"))
      return HeadRefusal{417, "The only expectation known is 100-continue."};
    facts_.expects_continue = http_1_1_;
    return std::nullopt;
  }

  bool http_1_1_;
  HeadFacts& facts_;
  bool has_length_ = false;
  bool has_host_ = false;
};

}  // namespace

std::optional<std::size_t> head_size(std::string_view bytes) {
  const auto end = bytes.find(kHeadEnd);
  return end == std::string_view::npos ? std::nullopt : std::optional(end + kHeadEnd.size());
}

std::optional<HeadRefusal> refuse_head(std::string_view head, HeadFacts& facts) {
  if (auto refusal = refuse_bytes(head)) return refusal;
  auto line_end = head.find(kLineEnd);
  bool http_1_1 = false;
  if (auto refusal = refuse_request_line(head.substr(0, line_end), http_1_1)) return refusal;
  Framing framing(http_1_1, facts);
  head.remove_prefix(line_end + kLineEnd.size());
  while (!head.starts_with(kLineEnd)) {
    line_end = head.find(kLineEnd);
    const auto line = head.substr(0, line_end);
    const auto colon = line.find(':');
    if (line.front() == ' ' || line.front() == '\t') return bad("A header line is folded.");
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
      return bad("A header line is not NAME: VALUE.");
    if (auto refusal = framing.add(line.substr(0, colon), trimmed(line.substr(colon + 1))))
      return refusal;
    head.remove_prefix(line_end + kLineEnd.size());
  }
  return framing.finish();
}

}  // namespace rruled::api
