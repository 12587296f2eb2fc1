#pragma once

#include "daemon/api/message.h"

#include <cstddef>
#include <string>
#include <string_view>

// Which form a body has, and which one the client wants. Pure.
namespace rruled::api {

// Null: no header. RFC 9110, 12.5: ranges, with q=0 for "not this".
[[nodiscard]] bool accepts(const std::string* accept, std::string_view media_type);
// Only where it is asked for.
[[nodiscard]] bool accepts_gzip(const std::string* accept_encoding);

// json_lines: one JSON value a line (application/x-ndjson, application/jsonl).
enum class BodyKind { none, json, form, json_lines, other };
// By Content-Type; a charset other than UTF-8 and any Content-Encoding make it `other`.
[[nodiscard]] BodyKind body_kind(const Request& request);

// RFC 1952.
[[nodiscard]] std::string gzip(std::string_view bytes);
// Compresses the body of `response` when `request` asks for it and it has `bytes_min` or more.
void compress(Response& response, const std::string* accept_encoding, std::size_t bytes_min);

}  // namespace rruled::api
