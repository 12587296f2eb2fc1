#pragma once

#include "daemon/api/message.h"
#include "daemon/api/query.h"

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Which route a path is of. Pure.
namespace rruled::api {

enum class Verb { get, post, patch, del };
[[nodiscard]] std::string_view word(Verb verb);  // "GET", .., "DELETE"

// What a token must have for a route; write includes read.
enum class Scope { open, read, write };

struct Call;
using Handler = Response (*)(Call& call);

// What the API's description says of a route.
struct RouteText {
  std::string_view summary;
  std::string_view request = {};   // name of a schema; empty: no body
  std::string_view response = {};  // name of a schema; empty: none
  int status = 200;                // of success
  std::span<const QueryParameter> query = {};
  std::string_view produces = "application/json";
  std::string_view also_produces = {};  // where a parameter asks for it
  // Another answer that is no Error; 0: none. `other_response` empty: with the same.
  int other_status = 0;
  std::string_view other_response = {};
};

// A route without a scope does not compile.
struct Route {
  constexpr Route(
      Verb verb_, std::string_view pattern_, Scope scope_, Handler handler_, RouteText text_)
      : verb(verb_), pattern(pattern_), scope(scope_), handler(handler_), text(text_) {}

  Verb verb;
  // "/api/projects/{project_id}/hog_flows/{id}/"; "{..}" stands for one segment.
  std::string_view pattern;
  Scope scope;
  Handler handler;
  RouteText text;
};

// What the "{..}" of the pattern are in a path.
using PathArguments = std::vector<std::pair<std::string_view, std::string>>;

struct RouteMatch {
  const Route* route = nullptr;  // null: no such path, or not with this method
  PathArguments arguments;       // decoded
  std::string allow;             // methods of this path, "GET, HEAD, OPTIONS"; empty: no such path
};

// A path matches with and without its last slash. Where several patterns match, the one with fewer
// arguments counts ("schedules/preview/" is no schedule). HEAD is GET's. Only arguments may be
// %-encoded, and none has a slash.
class Router {
 public:
  // `routes` must outlive the router. Throws std::logic_error when two are the same.
  explicit Router(std::span<const Route> routes);

  [[nodiscard]] RouteMatch match(std::string_view method, std::string_view path) const;
  [[nodiscard]] std::span<const Route> routes() const { return routes_; }

 private:
  std::span<const Route> routes_;
  std::vector<std::vector<std::string_view>> patterns_;  // segments, in the order of routes_
};

}  // namespace rruled::api
