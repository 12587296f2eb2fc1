#include "daemon/api/content.h"

#include <zlib.h>

#include <new>
#include <optional>
#include <stdexcept>
#include <vector>

namespace rruled::api {
namespace {

struct Element {
  std::string_view value;
  std::vector<std::string_view> parameters;  // "q=0.5"
};

Element split_parameters(std::string_view element) {
  Element result;
  bool first = true;
  while (!element.empty()) {
    const auto end = element.find(';');
    const auto part = trimmed(element.substr(0, end));
    if (first)
      result.value = part;
    else if (!part.empty())
      result.parameters.push_back(part);
    first = false;
    element.remove_prefix(end == std::string_view::npos ? element.size() : end + 1);
  }
  return result;
}

// "q=0", "q=0.0", ..
bool refused(const Element& element) {
  for (const auto& each : element.parameters)
    if (each.size() >= 3 && equal_but_for_case(each.substr(0, 2), "q="))
      return each.substr(2).find_first_not_of("0.") == std::string_view::npos;
  return false;
}

// How closely a media range names the type: 0 not at all, 1 "*/*", 2 "application/*", 3 itself.
int closeness(std::string_view range, std::string_view type) {
  if (equal_but_for_case(range, type)) return 3;
  const auto slash = type.find('/');
  if (range.size() == slash + 2 && range.ends_with("/*") &&
      equal_but_for_case(range.substr(0, slash), type.substr(0, slash)))
    return 2;
  return range == "*/*" ? 1 : 0;
}

class Deflater {
 public:
  Deflater() {
    constexpr int kGzip = 16;
    constexpr int kMemoryLevel = 8;
    if (::deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + kGzip, kMemoryLevel,
                       Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  ~Deflater() { ::deflateEnd(&stream_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  std::string run(std::string_view bytes) {
    std::string out(::deflateBound(&stream_, bytes.size()), '\0');
    // zlib reads from next_in; it only lacks the const.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    if (::deflate(&stream_, Z_FINISH) != Z_STREAM_END)
      throw std::logic_error("deflate did not end within its own bound");
    out.resize(stream_.total_out);
    return out;
  }

 private:
  z_stream stream_{};
};

}  // namespace

bool accepts(const std::string* accept, std::string_view media_type) {
  if (accept == nullptr || trimmed(*accept).empty()) return true;
  int best = 0;
  bool taken = false;
  for (const auto& each : list_elements(*accept)) {
    const Element element = split_parameters(each);
    const int close = closeness(element.value, media_type);
    if (close < best || close == 0) continue;
    best = close;
    taken = !refused(element);
  }
  return taken;
}

bool accepts_gzip(const std::string* accept_encoding) {
  if (accept_encoding == nullptr) return false;
  std::optional<bool> named;
  bool any = false;
  for (const auto& each : list_elements(*accept_encoding)) {
    const Element element = split_parameters(each);
    if (equal_but_for_case(element.value, "gzip"))
      named = !refused(element);
    else if (element.value == "*")
      any = !refused(element);
  }
  return named.value_or(any);
}

BodyKind body_kind(const Request& request) {
  if (request.header("Content-Encoding") != nullptr) return BodyKind::other;
  const std::string* type = request.header("Content-Type");
  if (type == nullptr) return request.body.empty() ? BodyKind::none : BodyKind::other;
  const Element element = split_parameters(*type);
  for (auto each : element.parameters) {
    if (each.size() < 8 || !equal_but_for_case(each.substr(0, 8), "charset=")) continue;
    each.remove_prefix(8);
    if (each.size() >= 2 && each.front() == '"' && each.back() == '"')
      each = each.substr(1, each.size() - 2);
    if (!equal_but_for_case(each, "utf-8")) return BodyKind::other;
  }
  if (equal_but_for_case(element.value, "application/json")) return BodyKind::json;
  if (equal_but_for_case(element.value, "application/x-www-form-urlencoded")) return BodyKind::form;
  for (const auto* lines : {"application/x-ndjson", "application/jsonl"})
    if (equal_but_for_case(element.value, lines)) return BodyKind::json_lines;
  return request.body.empty() ? BodyKind::none : BodyKind::other;
}

std::string gzip(std::string_view bytes) { return Deflater().run(bytes); }

void compress(Response& response, const std::string* accept_encoding, std::size_t bytes_min) {
  if (response.body.size() < bytes_min) return;
  response.headers.push_back({"Vary", "Accept-Encoding"});
  if (!accepts_gzip(accept_encoding)) return;
  response.body = gzip(response.body);
  response.headers.push_back({"Content-Encoding", "gzip"});
}

}  // namespace rruled::api
