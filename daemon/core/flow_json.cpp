#include "daemon/core/flow_json.h"

#include "daemon/core/field_reader.h"
#include "daemon/core/flow_actions.h"
#include "daemon/core/time_text.h"

#include <array>
#include <set>
#include <utility>

namespace rruled::core {
namespace {

namespace json = boost::json;
using store::Flow;
using store::FlowStatus;

constexpr std::array<std::string_view, 17> kFlowKeys{"id",
                                                     "name",
                                                     "description",
                                                     "version",
                                                     "status",
                                                     "created_at",
                                                     "created_by",
                                                     "updated_at",
                                                     "trigger",
                                                     "trigger_masking",
                                                     "conversion",
                                                     "exit_condition",
                                                     "edges",
                                                     "actions",
                                                     "abort_action",
                                                     "variables",
                                                     "billable_action_types"};
constexpr std::array<std::string_view, 4> kExitConditions{
    "exit_on_conversion", "exit_on_trigger_not_matched",
    "exit_on_trigger_not_matched_or_conversion", "exit_only_at_end"};
constexpr std::array<std::string_view, 4> kBillable{"function", "function_email", "function_push",
                                                    "function_sms"};
constexpr std::size_t kVariablesBytesMax = 5'120;

// Numbers become texts, as the API has it: every value of a variable's definition is a text.
std::optional<json::object> variable_texts(const json::value& item) {
  const auto* fields = item.if_object();
  if (!fields) return std::nullopt;
  json::object texts;
  for (const auto& [key, value] : *fields) {
    if (value.is_string())
      texts[key] = value;
    else if (value.is_number())
      texts[key] = json_text(value);
    else
      return std::nullopt;
  }
  return texts;
}

void read_variables(FieldReader& fields, std::string& target) {
  const auto* value = fields.present("variables");
  if (!value) return;
  if (!value->is_array()) {
    fields.refuse("variables", "invalid_input", "Expected a list of items.");
    return;
  }
  json::array items;
  std::set<json::string> keys;
  std::size_t bytes = 0;
  for (const auto& each : value->get_array()) {
    const std::string path = "variables__" + std::to_string(items.size());
    auto item = variable_texts(each);
    const auto* key = item ? item->if_contains("key") : nullptr;
    if (!item)
      fields.refuse(path, "invalid_input", "A variable is an object whose values are strings.");
    else if (!key)
      fields.refuse(path + "__key", "required", "This field is required.");
    else if (!keys.insert(key->get_string()).second)
      fields.refuse("variables", "invalid_input", "Variable keys must be unique");
    if (fields.failed()) return;
    bytes += json_text(*item).size();
    items.push_back(std::move(*item));
  }
  if (bytes > kVariablesBytesMax)
    fields.refuse("variables", "invalid_input",
                  "Total size of variables definition must be less than 5KB");
  else
    target = json_text(items);
}

void read_edges(FieldReader& fields, std::string& target) {
  const auto* value = fields.present("edges");
  if (!value) return;
  if (value->is_array() || value->is_object())
    target = json_text(*value);
  else
    fields.refuse("edges", "invalid_input", "Expected a list of items.");
}

void set_trigger(Flow& flow, const json::value& config) {
  const auto* parts = config.if_object();
  const auto* type = parts ? parts->if_contains("type") : nullptr;
  flow.trigger = json_text(parts ? config : json::value(json::object()));
  flow.trigger_type = type && type->is_string() ? std::string(type->get_string()) : std::string();
}

json::object trigger_action(const json::value& config) {
  return {{"id", "trigger"}, {"name", "Trigger"}, {"type", "trigger"}, {"config", config}};
}

// `actions` decides what the trigger is; without it, `trigger` does, and goes into the stored
// actions.
void read_actions(FieldReader& fields, Flow& flow) {
  const auto* trigger = fields.find("trigger");
  const auto* value = fields.present("actions");
  if (fields.failed() || (!value && !trigger)) return;
  json::value actions = value ? *value : stored_json(flow.actions, json::array());
  if (!actions.is_array()) {
    fields.refuse("actions", "invalid_input", "Expected a list of items.");
    return;
  }
  json::array& list = actions.get_array();
  if (trigger && (!value || list.empty()) && !trigger->is_object()) {
    fields.refuse("trigger", "invalid_input", "Must be an object.");
    return;
  }
  if (trigger && list.empty()) {
    set_trigger(flow, *trigger);
    if (trigger->get_object().empty()) return;  // a draft has neither yet
    list.push_back(trigger_action(*trigger));
  }
  const auto index = trigger_index(list);
  if (!index) {
    fields.refuse(index.error());
    return;
  }
  json::object& action = list[*index].get_object();
  if (!value) action["config"] = *trigger;
  set_trigger(flow, action.contains("config") ? action["config"] : json::value(nullptr));
  flow.actions = json_text(actions);
}

std::optional<FieldError> check_masking(const Flow& flow) {
  const json::value masking = stored_json(flow.trigger_masking, nullptr);
  if (masking.is_null()) return std::nullopt;
  FieldReader parts(masking.get_object(), "trigger_masking");
  std::string hash;
  std::int64_t number = 0;
  parts.text("hash", hash, {.required = true});
  for (const auto& [key, min, max] :
       {std::tuple("ttl", 60, 94'608'000), std::tuple("threshold", 1, 2'147'483'647)})
    if (const auto* value = parts.find(key); value && !value->is_null())
      parts.integer(key, number, min, max);
  return parts.error();
}

// What only an active flow must satisfy. `by_trigger`: what was written of it is `trigger` alone.
std::optional<FieldError> check_active(const Flow& flow, bool by_trigger) {
  const json::value actions = stored_json(flow.actions, json::array());
  const json::array& list = actions.get_array();
  if (by_trigger || list.empty())
    if (auto error = check_trigger(stored_json(flow.trigger, nullptr), "trigger")) return error;
  if (const auto index = trigger_index(list); !index) return index.error();
  if (auto error = check_actions(list)) return error;
  return check_masking(flow);
}

void read_import_only(FieldReader& fields, Flow& flow) {
  fields.integer("version", flow.version, 1, 1'000'000'000);
  fields.any_json("created_by", flow.created_by, true);
  fields.instant("created_at", flow.created_at);
  fields.instant("updated_at", flow.updated_at);
}

bool same_parts(const Flow& a, const Flow& b, Numbers numbers) {
  const auto same = [&](std::string_view one, std::string_view other) {
    return same_json(one, other, numbers);
  };
  return same(a.actions, b.actions) && same(a.edges, b.edges) && same(a.trigger, b.trigger) &&
         same(a.trigger_masking, b.trigger_masking) && same(a.conversion, b.conversion) &&
         same(a.variables, b.variables) && a.exit_condition == b.exit_condition;
}

json::array billable_types(const json::value& actions) {
  std::set<std::string_view> types;
  if (const auto* list = actions.if_array()) {
    for (const auto& each : *list) {
      const auto* action = each.if_object();
      const auto* type = action ? action->if_contains("type") : nullptr;
      if (!type || !type->is_string()) continue;
      for (const auto& billable : kBillable)
        if (type->get_string() == billable) types.insert(billable);
    }
  }
  json::array sorted;
  for (const auto& type : types) sorted.emplace_back(type);
  return sorted;
}

}  // namespace

FieldResult<Flow> flow_from_json(const json::object& object,
                                 const Flow& base,
                                 JsonUse use,
                                 store::Timestamp now) {
  Flow flow = base;
  flow.updated_at = now;
  FieldReader fields(object);
  fields.nullable_text("name", flow.name, {.length_max = 400, .blank = true});
  fields.text("description", flow.description, {.blank = true});
  fields.word("status", flow.status);
  fields.object_json("trigger_masking", flow.trigger_masking, true);
  fields.object_json("conversion", flow.conversion, true);
  fields.choice("exit_condition", flow.exit_condition, kExitConditions);
  read_edges(fields, flow.edges);
  read_actions(fields, flow);
  read_variables(fields, flow.variables);
  if (use == JsonUse::import) read_import_only(fields, flow);
  if (!fields.failed() && flow.status == FlowStatus::active)
    if (auto error = check_active(flow, !object.contains("actions") && object.contains("trigger")))
      fields.refuse(std::move(*error));
  if (fields.failed()) return *fields.error();
  if (use == JsonUse::patch && !same_content(base, flow)) ++flow.version;
  return flow;
}

bool is_trigger_unused(const json::object& object, const Flow& flow) {
  const auto* trigger = object.if_contains("trigger");
  if (trigger == nullptr || trigger->is_null() || !object.contains("actions")) return false;
  return canonical_json(*trigger) != canonical_json(stored_json(flow.trigger, nullptr));
}

std::vector<std::string> unknown_flow_keys(const json::object& object, std::string_view parent) {
  return FieldReader::unknown_keys(object, kFlowKeys, parent);
}

json::object to_json(const Flow& flow) {
  const json::value actions = stored_json(flow.actions, json::array());
  return {
      {"id", to_string(flow.id)},
      {"name", flow.name ? json::value(json::string(*flow.name)) : json::value(nullptr)},
      {"description", flow.description},
      {"version", flow.version},
      {"status", store::word(flow.status)},
      {"created_at", iso_microseconds(flow.created_at)},
      {"created_by", stored_json(flow.created_by, nullptr)},
      {"updated_at", iso_microseconds(flow.updated_at)},
      {"trigger", stored_json(flow.trigger, json::object())},
      {"trigger_masking", stored_json(flow.trigger_masking, nullptr)},
      {"conversion", stored_json(flow.conversion, nullptr)},
      {"exit_condition", flow.exit_condition},
      {"edges", stored_json(flow.edges, json::array())},
      {"actions", actions},
      {"abort_action", nullptr},
      {"variables", stored_json(flow.variables, json::array())},
      {"billable_action_types", billable_types(actions)},
  };
}

bool same_content(const Flow& a, const Flow& b) { return same_parts(a, b, Numbers::by_value); }

bool same_settings(const Flow& a, const Flow& b) {
  return same_parts(a, b, Numbers::as_written) && a.name == b.name &&
         a.description == b.description && a.status == b.status;
}

}  // namespace rruled::core
