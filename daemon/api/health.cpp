#include "daemon/api/routes.h"

#include <algorithm>

namespace rruled::api {
namespace {

namespace json = boost::json;

// "[+]store ok", as Kubernetes writes them; "[!]": wrong, but no reason to send nobody here.
std::string line_of(const io::HealthCheck& check) {
  if (check.wrong.empty()) return "[+]" + check.name + " ok\n";
  std::string line = (check.fatal ? "[-]" : "[!]") + check.name + " " + check.wrong;
  std::ranges::replace(line, '\n', ' ');
  return line + "\n";
}

Response verbose(const std::vector<io::HealthCheck>& checks, bool well) {
  std::string text;
  for (const auto& each : checks) text += line_of(each);
  text += well ? "readyz check passed\n" : "readyz check failed\n";
  return {.status = well ? 200 : 503,
          .content_type = "text/plain; charset=utf-8",
          .body = std::move(text)};
}

}  // namespace

Response live(Call&) { return json_response(json::object{{"status", "ok"}}); }

Response ready(Call& call) {
  const auto checks = call.context.health ? call.context.health() : std::vector<io::HealthCheck>{};
  const auto broken = std::ranges::find_if(
      checks, [](const auto& each) { return each.fatal && !each.wrong.empty(); });
  const bool well = broken == checks.end();
  const bool asked =
      std::ranges::any_of(call.query, [](const auto& each) { return each.first == "verbose"; });
  if (asked) return verbose(checks, well);
  json::object body{{"status", well ? "ok" : "not ready"}};
  if (!well) body["reason"] = broken->wrong;
  json::array warnings;
  for (const auto& each : checks)
    if (!each.fatal && !each.wrong.empty()) warnings.push_back(json::string(each.wrong));
  if (!warnings.empty()) body["warnings"] = std::move(warnings);
  return json_response(body, well ? 200 : 503);
}

Response prometheus_metrics(Call& call) {
  if (!call.context.metrics) return not_found();
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
          .body = call.context.metrics()};
}

}  // namespace rruled::api
