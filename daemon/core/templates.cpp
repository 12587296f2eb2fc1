#include "daemon/core/templates.h"

#include "daemon/core/json_text.h"
#include "daemon/core/run_identity.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <ctime>
#include <limits>

namespace rruled::core {
namespace {

namespace json = boost::json;

constexpr std::string_view kDirectives = "YymdHMSjuVGs%";
constexpr std::size_t kFormatMax = 64;
// Longer, it is none of ours: what was looked at for nothing is looked at again from the next "{{".
constexpr std::size_t kNameMax = 256;

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

bool is_format(std::string_view format) {
  if (format.empty() || format.size() > kFormatMax) return false;
  for (std::size_t at = 0; (at = format.find('%', at)) != std::string_view::npos; at += 2)
    if (at + 1 == format.size() || kDirectives.find(format[at + 1]) == std::string_view::npos)
      return false;
  return true;
}

// `format` with the number in the place of each %s: strftime would make it of the parts again, as
// if they were of the host's zone.
std::string with_epoch(std::string_view format, store::Instant instant) {
  std::string text;
  for (std::size_t at = 0; at < format.size(); ++at) {
    if (format[at] != '%')
      text += format[at];
    else if (const char directive = format[++at]; directive == 's')
      text += std::to_string(instant.time_since_epoch().count());
    else
      text.append({'%', directive});
  }
  return text;
}

// Only digits come out of the directives, whatever the locale and the host's zone. `wall` is what
// the clock shows at `instant`.
std::string formatted(store::Instant wall, store::Instant instant, std::string_view format) {
  const std::time_t unix_time = wall.time_since_epoch().count();
  std::tm parts{};
  ::gmtime_r(&unix_time, &parts);
  std::string text(kFormatMax * 24, '\0');
  text.resize(std::strftime(text.data(), text.size(), with_epoch(format, instant).c_str(), &parts));
  return text;
}

void fill(json::value& value, const TemplateValues& values) {
  if (auto* text = value.if_string()) {
    if (text->find("{{") != json::string::npos) *text = fill_templates(*text, values);
  } else if (auto* items = value.if_array()) {
    for (auto& item : *items) fill(item, values);
  } else if (auto* fields = value.if_object()) {
    for (auto& field : *fields) fill(field.value(), values);
  }
}

}  // namespace

std::optional<std::string> template_value(std::string_view name, const TemplateValues& values) {
  if (name.size() > kNameMax) return std::nullopt;
  const auto bar = name.find('|');
  const std::string_view what = trimmed(name.substr(0, bar));
  if (bar == std::string_view::npos) {
    if (what == "run.id") return to_string(values.run_id);
    if (what == "flow.id") return to_string(values.flow_id);
    if (what == "schedule.id")
      return values.schedule_id ? to_string(*values.schedule_id) : std::string();
    if (what == "scheduled_for") return rfc3339(values.scheduled_for);
    if (what == "scheduled_for_local")
      return formatted(values.wall, values.scheduled_for, "%Y-%m-%dT%H:%M:%S");
    return std::nullopt;
  }
  const std::string_view format = trimmed(name.substr(bar + 1));
  if (!is_format(format)) return std::nullopt;
  const auto instant = values.scheduled_for;
  if (what == "scheduled_for") return formatted(instant, instant, format);
  if (what == "scheduled_for_local") return formatted(values.wall, instant, format);
  return std::nullopt;
}

std::string fill_templates(std::string_view text, const TemplateValues& values) {
  std::string filled;
  std::size_t done = 0;
  std::size_t close = 0;
  for (std::size_t open = 0; (open = text.find("{{", open)) != std::string_view::npos;) {
    const std::size_t name = open + 2;
    if (close < name) close = text.find("}}", name);  // the same for all that open before it
    if (close == std::string_view::npos) break;
    const auto value = template_value(text.substr(name, close - name), values);
    open = name;  // what is between may begin anew: "{{ {{ run.id }}"
    if (!value) continue;
    filled.append(text.substr(done, name - 2 - done)).append(*value);
    open = done = close + 2;
  }
  return filled.append(text.substr(done));
}

std::string fill_json_templates(std::string json, const TemplateValues& values) {
  if (json.find("{{") == std::string::npos) return json;
  json::value value = stored_json(json, nullptr);
  fill(value, values);
  return json_text(value);
}

}  // namespace rruled::core
