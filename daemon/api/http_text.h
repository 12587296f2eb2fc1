#pragma once

#include "store/ids.h"

#include <string>
#include <string_view>

// Pieces of a response's head as bytes. Pure.
namespace rruled::api {

// "HTTP/1.1 404 Not Found\r\n"
[[nodiscard]] std::string status_line(int status);
// "Mon, 05 Jan 2026 09:00:00 GMT" (RFC 9110, 5.6.7).
[[nodiscard]] std::string http_date(store::Timestamp time);
// "Name: value\r\n". Line breaks and NUL in `value` become spaces: a value may hold a person's
// text.
void append_field(std::string& head, std::string_view name, std::string_view value);

}  // namespace rruled::api
