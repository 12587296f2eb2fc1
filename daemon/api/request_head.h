#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The bytes of a request's head, looked at before any parser sees them: what two HTTP
// implementations could read differently is refused, so that nothing can be smuggled past a proxy
// in front of us (RFC 9112, 11.2). Boost 1.81's parser takes some of it: a folded line, and a
// chunked body in HTTP/1.0. Pure, thread-safe.
namespace rruled::api {

// Bytes of the head that `bytes` begins with, its empty line included; nullopt: not all there yet.
[[nodiscard]] std::optional<std::size_t> head_size(std::string_view bytes);

// Why a head is not taken: an HTTP status (400, 417, 505) and a sentence.
struct HeadRefusal {
  int status = 400;
  std::string detail;
};

// What the framing of a request is. Only for a head that was not refused.
struct HeadFacts {
  bool chunked = false;
  std::uint64_t content_length = 0;
  bool expects_continue = false;
};

// `head`: a whole one. Takes origin-form targets, and "*" of OPTIONS; HTTP/1.0 and HTTP/1.1; at
// most one Host (in HTTP/1.1 exactly one) and Content-Length (digits only); Transfer-Encoding only
// as a single "chunked" in HTTP/1.1 without Content-Length; lines that end in CRLF and no other
// control byte than tab.
[[nodiscard]] std::optional<HeadRefusal> refuse_head(std::string_view head, HeadFacts& facts);

}  // namespace rruled::api
