#pragma once

#include "daemon/api/message.h"
#include "daemon/core/json_text.h"

#include <string>
#include <string_view>

// Errors as the API answers them: {"type","code","detail","attr"}. Pure.
namespace rruled::api {

// type and code follow from `status` (400: invalid_request, parse_error; 401: authentication_error,
// not_authenticated; 404, 405, ..: invalid_request and the status's name; 5xx: server_error).
// `code` takes the place of the usual one.
[[nodiscard]] Response problem(int status, std::string detail, std::string_view code = {});
// 400 validation_error.
[[nodiscard]] Response invalid(const core::FieldError& error);
// 404 "Not found."
[[nodiscard]] Response not_found();
// 503 with Retry-After, in seconds.
[[nodiscard]] Response unavailable(std::string detail);

}  // namespace rruled::api
