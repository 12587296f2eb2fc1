#include "daemon/api/problem.h"

#include <boost/json/object.hpp>

#include <algorithm>
#include <array>

namespace rruled::api {
namespace {

namespace json = boost::json;

struct Kind {
  int status;
  std::string_view type;
  std::string_view code;
};
constexpr std::array kKinds{
    Kind{400, "invalid_request", "parse_error"},
    Kind{401, "authentication_error", "not_authenticated"},
    Kind{403, "authentication_error", "permission_denied"},
    Kind{404, "invalid_request", "not_found"},
    Kind{405, "invalid_request", "method_not_allowed"},
    Kind{406, "invalid_request", "not_acceptable"},
    Kind{408, "invalid_request", "timeout"},
    Kind{409, "invalid_request", "conflict"},
    Kind{412, "invalid_request", "precondition_failed"},
    Kind{413, "invalid_request", "too_large"},
    Kind{415, "invalid_request", "unsupported_media_type"},
    Kind{417, "invalid_request", "expectation_failed"},
    Kind{422, "invalid_request", "idempotency_mismatch"},
    Kind{431, "invalid_request", "header_too_large"},
    Kind{500, "server_error", "error"},
    Kind{503, "server_error", "unavailable"},
    Kind{505, "invalid_request", "version_not_supported"},
};

Response answer(int status,
                std::string_view type,
                std::string_view code,
                std::string_view detail,
                std::string_view attr) {
  json::object object{{"type", type}, {"code", code}, {"detail", detail}};
  object["attr"] = attr.empty() ? json::value(nullptr) : json::value(attr);
  return {.status = status, .body = core::json_text(object)};
}

}  // namespace

Response problem(int status, std::string detail, std::string_view code) {
  const auto* kind =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& k) { return k.status == status; });
  const Kind fallback{status, status < 500 ? "invalid_request" : "server_error", "error"};
  const Kind& used = kind == kKinds.end() ? fallback : *kind;
  return answer(status, used.type, code.empty() ? used.code : code, detail, {});
}

Response invalid(const core::FieldError& error) {
  return answer(400, "validation_error", error.code, error.detail, error.attr);
}

Response not_found() { return problem(404, "Not found."); }

Response unavailable(std::string detail) {
  Response response = problem(503, std::move(detail));
  response.headers.push_back({"Retry-After", "5"});
  return response;
}

}  // namespace rruled::api
