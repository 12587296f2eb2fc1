#include "daemon/api/routes.h"

namespace rruled::api {

namespace json = boost::json;

Response live(Call&) { return json_response(json::object{{"status", "ok"}}); }

Response ready(Call& call) {
  const Readiness readiness = call.context.readiness ? call.context.readiness() : Readiness{};
  if (readiness.ready) return json_response(json::object{{"status", "ok"}});
  return json_response(json::object{{"status", "not ready"}, {"reason", readiness.reason}}, 503);
}

Response prometheus_metrics(Call& call) {
  if (!call.context.metrics) return not_found();
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
          .body = call.context.metrics()};
}

}  // namespace rruled::api
