#include "daemon/io/url_template.h"

#include "daemon/core/templates.h"
#include "daemon/io/http_client.h"

#include <boost/url/parse.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <functional>
#include <optional>
#include <utility>

namespace rruled::io {
namespace {

constexpr std::array<std::string_view, 4> kPlaceholders{"project_id", "flow_id", "schedule_id",
                                                        "run_id"};

// As in a path or a query: everything but unreserved characters is encoded (RFC 3986, 2.3).
std::string encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || std::string_view("-._~").find(c) != std::string_view::npos)
      out += c;
    else
      out.append({'%', kHex[byte >> 4U], kHex[byte & 15U]});
  }
  return out;
}

// "{ .. }": what stands between the double braces.
std::optional<std::string_view> template_name(std::string_view placeholder) {
  if (!placeholder.starts_with('{') || !placeholder.ends_with('}')) return std::nullopt;
  return placeholder.substr(1, placeholder.size() - 2);
}

core::TemplateValues values_of(const store::Run& run) {
  const auto nominal =
      run.scheduled_for.value_or(std::chrono::floor<std::chrono::seconds>(run.created_at));
  return {nominal, nominal, run.id, run.flow_id, run.schedule_id};
}

// In a URL there are no local times: a run does not know its schedule's zone.
bool is_template(std::string_view name) {
  return name.find("_local") == std::string_view::npos &&
         core::template_value(name, values_of(store::Run{})).has_value();
}

std::string value_of(std::string_view placeholder, const store::Run& run) {
  if (const auto name = template_name(placeholder))
    return encoded(core::template_value(*name, values_of(run)).value_or(""));
  if (placeholder == "project_id") return std::to_string(run.project_id);
  if (placeholder == "flow_id") return store::to_string(run.flow_id);
  if (placeholder == "run_id") return store::to_string(run.id);
  return run.schedule_id ? store::to_string(*run.schedule_id) : std::string();
}

// Where the placeholder that opens at `open` closes: the last of its braces.
std::size_t end_of_placeholder(std::string_view text, std::size_t open) {
  if (!text.substr(open).starts_with("{{")) return text.find('}', open);
  const std::size_t close = text.find("}}", open);
  return close == std::string_view::npos ? close : close + 1;
}

// `text` with each {name} replaced by what `value` gives for it. Braces are paired.
std::string filled(std::string_view text,
                   const std::function<std::string(std::string_view)>& value) {
  std::string result;
  for (std::size_t open = 0; (open = text.find('{')) != std::string_view::npos;) {
    const std::size_t close = end_of_placeholder(text, open);
    result += text.substr(0, open);
    result += value(text.substr(open + 1, close - open - 1));
    text.remove_prefix(close + 1);
  }
  return result.append(text);
}

// What is wrong with the placeholders of a path and query, or nothing.
std::string placeholder_mistake(std::string_view text) {
  while (true) {
    const std::size_t brace = text.find_first_of("{}");
    if (brace == std::string_view::npos) return {};
    const std::size_t close = end_of_placeholder(text, brace);
    if (text[brace] == '}' || close == std::string_view::npos) return "has an unpaired brace";
    const std::string_view name = text.substr(brace + 1, close - brace - 1);
    if (const auto inner = template_name(name)) {
      if (!is_template(*inner))
        return "has the unknown template {{" + std::string(*inner) +
               "}}; known are scheduled_for (also with | and a format such as %Y-%m-%d), run.id,"
               " flow.id, schedule.id";
    } else if (std::ranges::find(kPlaceholders, name) == kPlaceholders.end())
      return "has the unknown placeholder {" + std::string(name) +
             "}; known are {project_id}, {flow_id}, {schedule_id}, {run_id}";
    text.remove_prefix(close + 1);
  }
}

// Where the authority ends: at the first of "/?#" after "://".
std::size_t end_of_origin(std::string_view text) {
  const std::size_t scheme = text.find("://");
  const std::size_t from = scheme == std::string_view::npos ? 0 : scheme + 3;
  return std::min(text.find_first_of("/?#", from), text.size());
}

// The port that `url` names or its scheme implies; 0: none that could be.
std::uint16_t port_of(const boost::urls::url_view& url) {
  if (!url.has_port()) return url.scheme_id() == boost::urls::scheme::https ? 443 : 80;
  const std::string text = url.port();
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  return error == std::errc() && stop == end ? port : std::uint16_t{0};
}

std::string url_mistake(const boost::urls::url_view& url) {
  using boost::urls::scheme;
  if (url.scheme_id() != scheme::http && url.scheme_id() != scheme::https)
    return "must begin with http:// or https://";
  if (url.host_address().empty()) return "names no host";
  if (url.has_userinfo()) return "must not hold a user or password: use token_file";
  if (url.has_fragment()) return "must not have a fragment (#..)";
  if (port_of(url) == 0) return "has a port that is not in 1..65535";
  return {};
}

// A URL that is refused may hold what nobody shall read: a user with a password, a key in its
// query.
std::string shown(std::string_view text) {
  const auto query = text.find('?');
  std::string rest(text.substr(0, query));
  const auto slashes = rest.find("//");
  const auto begin = slashes == std::string::npos ? 0 : slashes + 2;
  if (const auto at = rest.rfind('@'); at != std::string::npos && at >= begin)
    rest.replace(begin, at - begin, "..");
  return "\"" + rest + (query == std::string_view::npos ? "\" " : "?..\" ");
}

}  // namespace

SettingResult<UrlTemplate> UrlTemplate::parse(std::string_view text, std::string_view setting) {
  const auto refused = [&](std::string_view mistake) {
    return SettingError{std::string(setting), shown(text) + std::string(mistake)};
  };
  const std::size_t end = end_of_origin(text);
  if (text.substr(0, end).find_first_of("{}") != std::string_view::npos)
    return refused("has a placeholder in its host: they may stand in the path and the query only");
  if (const std::string mistake = placeholder_mistake(text.substr(end)); !mistake.empty())
    return refused(mistake);

  const std::string example = filled(text, [](std::string_view) { return std::string("1"); });
  const auto url = boost::urls::parse_uri(example);
  if (!url) return refused("is not a URL: http://host/path would be one");
  if (const std::string mistake = url_mistake(*url); !mistake.empty()) return refused(mistake);

  UrlTemplate result;
  result.tls_ = url->scheme_id() == boost::urls::scheme::https;
  result.host_ = url->host_address();
  result.port_ = port_of(*url);
  result.origin_ = text.substr(0, end);
  result.target_ = text.substr(end);
  if (!result.target_.starts_with('/')) result.target_.insert(0, "/");
  return result;
}

std::string UrlTemplate::target(const store::Run& run) const {
  return filled(target_, [&run](std::string_view name) { return value_of(name, run); });
}

std::string UrlTemplate::url(const store::Run& run) const { return origin_ + target(run); }

std::string without_query(const std::string& url) {
  const auto query = url.find('?');
  return query == std::string::npos ? url : url.substr(0, query) + "?..";
}

HttpRequest UrlTemplate::request(const store::Run& run) const {
  HttpRequest request;
  request.tls = tls_;
  request.host = host_;
  request.port = port_;
  request.target = target(run);
  return request;
}

}  // namespace rruled::io
