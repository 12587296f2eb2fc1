#include "daemon/core/flow_actions.h"

#include "daemon/core/field_reader.h"
#include "daemon/core/property_filter.h"

#include <algorithm>
#include <array>
#include <regex>
#include <set>
#include <string>

namespace rruled::core {
namespace {

namespace json = boost::json;
using Words = std::span<const std::string_view>;

constexpr std::array<std::string_view, 9> kTriggerTypes{"event",
                                                        "webhook",
                                                        "manual",
                                                        "tracking_pixel",
                                                        "batch",
                                                        "schedule",
                                                        "data-warehouse-table",
                                                        "data-warehouse-view",
                                                        "internal-event"};
constexpr std::array<std::string_view, 4> kOnError{"continue", "abort", "complete", "branch"};

bool is_one_of(const json::value& value, Words words) {
  const auto* text = value.if_string();
  return text && std::find(words.begin(), words.end(), std::string_view(*text)) != words.end();
}

std::optional<FieldError> check_batch_filters(const json::object& config, std::string_view parent) {
  const std::string path = join_attr(parent, "filters");
  const auto* filters = config.if_contains("filters");
  if (!filters || filters->is_null())
    return invalid(path, "Filters are required for batch triggers.");
  if (!filters->is_object()) return invalid(path, "Filters must be a dictionary.");
  if (filters->get_object().empty())
    return invalid(path, "Filters are required for batch triggers.");
  const auto filter = audience_from_json(*filters, path, store::Timestamp{});
  return filter ? std::nullopt : std::optional(filter.error());
}

bool has_events(const json::value& condition) {
  const auto* fields = condition.if_object();
  const auto* filters = fields ? fields->if_contains("filters") : nullptr;
  const auto* parts = filters ? filters->if_object() : nullptr;
  const auto* events = parts ? parts->if_contains("events") : nullptr;
  return events && events->is_array() && !events->get_array().empty();
}

std::optional<FieldError> check_conditions(const json::object& config, const std::string& path) {
  const auto* several = config.if_contains("conditions");
  const auto* one = config.if_contains("condition");
  if (several && one && !several->is_null() && !one->is_null())
    return invalid(join_attr(path, "config"),
                   "Cannot specify both 'conditions' and 'condition' fields");
  const FieldError events =
      invalid(join_attr(path, "non_field_errors"), "Event filters are not allowed in conditionals");
  if (one && has_events(*one)) return events;
  if (several && several->is_array() &&
      std::any_of(several->get_array().begin(), several->get_array().end(), has_events))
    return events;
  return std::nullopt;
}

std::optional<FieldError> check_delay(const json::object& config, const std::string& path) {
  static const std::regex pattern(R"(\d{0,18}\.?\d{1,18}[smhd])");
  const auto* duration = config.if_contains("delay_duration");
  if (!duration) return std::nullopt;
  const auto* text = duration->if_string();
  if (text && text->size() <= 40 && std::regex_match(text->begin(), text->end(), pattern))
    return std::nullopt;
  return invalid(
      join_attr(path, "config"),
      R"(delay_duration must be a string matching ^\d*\.?\d+[smhd]$, such as "30m" or "1.5d")");
}

std::optional<FieldError> check_action(const json::object& action, const std::string& path) {
  FieldReader fields(action, path);
  std::string ignored;
  fields.text("id", ignored, {.required = true});
  fields.text("type", ignored, {.length_max = 100, .required = true});
  fields.text("name", ignored, {.length_max = 400, .blank = true});
  fields.text("description", ignored, {.blank = true});
  if (const auto* on_error = fields.find("on_error"); on_error && !on_error->is_null())
    fields.choice("on_error", ignored, kOnError);
  if (fields.failed()) return fields.error();
  const auto* config = action.if_contains("config");
  if (action.at("type") == "trigger")
    return check_trigger(config ? *config : json::value(nullptr), path);
  const auto* parts = config ? config->if_object() : nullptr;
  if (!parts) return std::nullopt;
  if (auto error = check_delay(*parts, path)) return error;
  return check_conditions(*parts, path);
}

}  // namespace

FieldResult<std::size_t> trigger_index(const json::array& actions) {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < actions.size(); ++i) {
    const auto* action = actions[i].if_object();
    const auto* type = action ? action->if_contains("type") : nullptr;
    if (!type || *type != "trigger") continue;
    if (found) return invalid("actions", "Exactly one trigger action is required");
    found = i;
  }
  if (!found) return invalid("actions", "Exactly one trigger action is required");
  return *found;
}

std::optional<FieldError> check_actions(const json::array& actions) {
  std::set<std::string> ids;
  std::string repeated;
  for (std::size_t i = 0; i < actions.size(); ++i) {
    const auto* action = actions[i].if_object();
    const std::string path = join_attr("actions", i);
    if (!action) return invalid(path, "An action must be an object.");
    if (auto error = check_action(*action, path)) return error;
    const std::string id(action->at("id").get_string());
    if (!ids.insert(id).second) repeated += (repeated.empty() ? "" : ", ") + id;
  }
  if (!repeated.empty()) return invalid("actions", "Duplicate action id(s): " + repeated);
  return std::nullopt;
}

std::optional<FieldError> check_trigger(const json::value& config, std::string_view path) {
  const auto* fields = config.if_object();
  const auto* type = fields ? fields->if_contains("type") : nullptr;
  if (!type || !is_one_of(*type, kTriggerTypes)) {
    std::string list;
    for (const auto& each : kTriggerTypes) list.append(list.empty() ? "" : ", ").append(each);
    return invalid(path == "trigger" ? "trigger" : join_attr(path, "config"),
                   "Invalid trigger type", "Valid: " + list + ".");
  }
  return *type == "batch" ? check_batch_filters(*fields, path) : std::nullopt;
}

}  // namespace rruled::core
