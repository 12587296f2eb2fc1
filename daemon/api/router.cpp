#include "daemon/api/router.h"

#include "daemon/api/form.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace rruled::api {
namespace {

std::vector<std::string_view> segments(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  std::vector<std::string_view> parts;
  while (true) {
    const auto slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

bool is_argument(std::string_view segment) { return segment.starts_with('{'); }

// How many arguments the pattern has; nullopt: it is not the path's.
std::optional<std::size_t> arguments_of_match(const std::vector<std::string_view>& pattern,
                                              const std::vector<std::string_view>& path) {
  if (pattern.size() != path.size()) return std::nullopt;
  std::size_t arguments = 0;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (is_argument(pattern[i]) && !path[i].empty())
      ++arguments;
    else if (pattern[i] != path[i])
      return std::nullopt;
  }
  return arguments;
}

// nullopt: one cannot be what it says.
std::optional<PathArguments> decoded_arguments(const std::vector<std::string_view>& pattern,
                                               const std::vector<std::string_view>& path) {
  PathArguments arguments;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (!is_argument(pattern[i])) continue;
    auto value = percent_decoded(path[i], false);
    if (!value || value->find_first_of("/\\") != std::string::npos) return std::nullopt;
    arguments.emplace_back(pattern[i].substr(1, pattern[i].size() - 2), std::move(*value));
  }
  return arguments;
}

// Patterns that match the same paths.
std::string shape(const Route& route) {
  std::string text(word(route.verb));
  for (const auto& each : segments(route.pattern))
    text.append("/").append(is_argument(each) ? "{}" : each);
  return text;
}

}  // namespace

std::string_view word(Verb verb) {
  static constexpr std::array<std::string_view, 4> kVerbs{"GET", "POST", "PATCH", "DELETE"};
  return kVerbs.at(static_cast<std::size_t>(verb));
}

Router::Router(std::span<const Route> routes) : routes_(routes) {
  std::vector<std::string> shapes;
  for (const Route& each : routes_) {
    patterns_.push_back(segments(each.pattern));
    shapes.push_back(shape(each));
  }
  std::sort(shapes.begin(), shapes.end());
  const auto twice = std::adjacent_find(shapes.begin(), shapes.end());
  if (twice != shapes.end()) throw std::logic_error("two routes are " + *twice);
}

RouteMatch Router::match(std::string_view method, std::string_view path) const {
  RouteMatch found;
  const auto parts = segments(path);
  std::size_t fewest = std::numeric_limits<std::size_t>::max();
  std::vector<std::size_t> best;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const auto arguments = arguments_of_match(patterns_[i], parts);
    if (!arguments || *arguments > fewest) continue;
    if (*arguments < fewest) best.clear();
    fewest = *arguments;
    best.push_back(i);
  }
  for (const std::size_t i : best) {
    auto arguments = decoded_arguments(patterns_[i], parts);
    if (!arguments) return {};
    const std::string_view verb = word(routes_[i].verb);
    found.allow.append(verb).append(verb == "GET" ? ", HEAD, " : ", ");
    if (method != verb && !(method == "HEAD" && verb == "GET")) continue;
    found.route = &routes_[i];
    found.arguments = std::move(*arguments);
  }
  if (!best.empty()) found.allow += "OPTIONS";
  return found;
}

}  // namespace rruled::api
