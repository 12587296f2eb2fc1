#include "daemon/core/bundle.h"

#include "daemon/core/field_reader.h"
#include "daemon/core/flow_json.h"
#include "daemon/core/run_identity.h"
#include "daemon/core/time_text.h"
#include "rrule/parse.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace rruled::core {
namespace {

namespace json = boost::json;

// Frozen: derived ids must not change between versions.
constexpr boost::uuids::uuid kFlowSpace{{0x6d, 0x1f, 0x0c, 0x5e, 0x0b, 0x5d, 0x5b, 0x0f, 0x9a, 0x21,
                                         0x7d, 0x3a, 0x52, 0x90, 0x44, 0x1c}};

FieldError invalid_field(std::string_view parent, std::string_view key, std::string detail) {
  return invalid(join_attr(parent, key), std::move(detail));
}

template <class AnyId>
std::optional<FieldError> read_id(const json::object& fields,
                                  std::string_view path,
                                  std::set<AnyId>& seen,
                                  std::optional<AnyId>& id) {
  const auto* value = fields.if_contains("id");
  if (!value) return std::nullopt;
  if (const auto* text = value->if_string()) id = store::parse_id<AnyId>(*text);
  if (!id) return invalid_field(path, "id", "Must be a UUID.");
  if (!seen.insert(*id).second) return invalid_field(path, "id", "This id is given twice.");
  return std::nullopt;
}

std::size_t depth_of(const json::value& value) {
  std::size_t within = 0;
  if (const auto* object = value.if_object())
    for (const auto& member : *object) within = std::max(within, depth_of(member.value()));
  else if (const auto* list = value.if_array())
    for (const auto& each : *list) within = std::max(within, depth_of(each));
  else
    return 0;
  return within + 1;
}

// What is nested deeper than the API takes could not be sent back to it. A file is: ours around it.
std::optional<FieldError> check_depth(const json::object& fields, const std::string& path) {
  for (const auto& [key, value] : fields) {
    // A trigger that a body gave stands in the config of an action, two levels deeper.
    const std::size_t most = kJsonDepthMax - 1 + (key == "actions" ? 2 : 0);
    if (depth_of(value) > most)
      return invalid_field(path, key, "Nested deeper than " + std::to_string(most) + " levels.");
  }
  return std::nullopt;
}

// Reads the tree; keeps the first error.
class BundleReader {
 public:
  std::optional<FieldError> read(const json::value& value, Bundle& bundle) {
    const auto* root = value.if_object();
    if (!root) return invalid_field("", "", R"(The file must hold one object: {"flows":[..]}.)");
    constexpr std::array<std::string_view, 1> keys{"flows"};
    if (auto unknown = FieldReader::unknown_keys(*root, keys); !unknown.empty())
      return invalid_field("", unknown.front(), "Unknown field.");
    const auto* flows = root->if_contains("flows");
    if (!flows) return FieldError{"flows", "required", "This field is required."};
    if (!flows->is_array()) return invalid_field("", "flows", "Expected a list of items.");
    for (const auto& each : flows->get_array()) {
      const std::string path = join_attr("flows", bundle.size());
      if (!each.is_object()) return invalid_field(path, "", "A flow must be an object.");
      bundle.emplace_back();
      if (auto error = read_flow(each.get_object(), path, bundle.back())) return error;
    }
    return std::nullopt;
  }

 private:
  std::optional<FieldError> read_flow(const json::object& object,
                                      const std::string& path,
                                      BundleFlow& flow) {
    flow.fields = object;
    flow.path = path;
    FieldReader fields(object, path);
    fields.integer("project_id", flow.project_id, 1, std::numeric_limits<std::int64_t>::max());
    if (fields.failed()) return fields.error();
    if (auto error = read_id(object, path, flow_ids_, flow.id)) return error;
    const json::value schedules =
        object.contains("schedules") ? object.at("schedules") : json::array();
    flow.fields.erase("project_id");
    flow.fields.erase("schedules");
    if (auto unknown = unknown_flow_keys(flow.fields, path); !unknown.empty())
      return invalid_field("", unknown.front(), "Unknown field.");
    if (auto error = check_depth(flow.fields, path)) return error;
    if (!schedules.is_array()) return invalid_field(path, "schedules", "Expected a list of items.");
    for (const auto& each : schedules.get_array()) {
      BundleSchedule schedule;
      schedule.path = join_attr(join_attr(path, "schedules"), flow.schedules.size());
      if (!each.is_object())
        return invalid_field(schedule.path, "", "A schedule must be an object.");
      schedule.fields = each.get_object();
      if (auto error = read_id(schedule.fields, schedule.path, schedule_ids_, schedule.id))
        return error;
      if (auto unknown = unknown_schedule_keys(schedule.fields, schedule.path); !unknown.empty())
        return invalid_field("", unknown.front(), "Unknown field.");
      if (auto error = check_depth(schedule.fields, schedule.path)) return error;
      flow.schedules.push_back(std::move(schedule));
    }
    return std::nullopt;
  }

  std::set<store::FlowId> flow_ids_;
  std::set<store::ScheduleId> schedule_ids_;
};

std::string text_or_empty(const json::object& fields, std::string_view key) {
  const auto* value = fields.if_contains(key);
  const auto* text = value ? value->if_string() : nullptr;
  return text ? std::string(*text) : std::string();
}

std::string canonical_rule(const std::string& text) {
  const auto set = rrule::parse_recurrence(text);
  return set ? to_string(*set) : text;
}

std::string start_text(const json::object& fields) {
  const std::string local = text_or_empty(fields, "starts_at_local");
  if (!local.empty()) return local;
  const std::string given = text_or_empty(fields, "starts_at");
  const auto time = parse_time(given);
  const auto* instant = time ? std::get_if<Timestamp>(&*time) : nullptr;
  return instant ? rfc3339(std::chrono::floor<std::chrono::seconds>(*instant)) : given;
}

std::string schedule_key(const json::object& fields) {
  const std::string zone = text_or_empty(fields, "timezone");
  return canonical_rule(text_or_empty(fields, "rrule")) + "\n" + start_text(fields) + "\n" +
         (zone.empty() ? "UTC" : zone);
}

std::optional<FieldError> derive_schedule_ids(BundleFlow& flow) {
  std::set<std::string> keys;
  for (auto& schedule : flow.schedules) {
    if (text_or_empty(schedule.fields, "starts_at") == "now")
      return invalid_field(schedule.path, "starts_at",
                           "Files to apply need a fixed time, not \"now\".");
    if (schedule.id) continue;
    const std::string key = schedule_key(schedule.fields);
    if (!keys.insert(key).second)
      return invalid_field(
          schedule.path, "id",
          "Two schedules of this flow have the same rule, start and zone: give them ids.");
    schedule.id = store::ScheduleId{store::uuid_v5(flow.id->value, key)};
  }
  return std::nullopt;
}

}  // namespace

FieldResult<Bundle> bundle_from_json(const json::value& value) {
  Bundle bundle;
  if (auto error = BundleReader().read(value, bundle)) return *error;
  return bundle;
}

std::optional<FieldError> derive_ids(Bundle& bundle) {
  std::set<store::FlowId> ids;
  std::set<store::ScheduleId> schedule_ids;
  for (auto& flow : bundle) {
    if (!flow.id) {
      const std::string name = text_or_empty(flow.fields, "name");
      if (name.empty()) return invalid_field(flow.path, "id", "A flow without a name needs an id.");
      flow.id =
          store::FlowId{store::uuid_v5(kFlowSpace, std::to_string(flow.project_id) + "\n" + name)};
    }
    if (!ids.insert(*flow.id).second)
      return invalid_field(flow.path, "id",
                           "Two flows of this project have the same name: give them ids.");
    if (auto error = derive_schedule_ids(flow)) return error;
    for (const auto& schedule : flow.schedules)
      if (!schedule_ids.insert(*schedule.id).second)
        return invalid_field(schedule.path, "id", "This id is given twice.");
  }
  return std::nullopt;
}

bool is_derived(store::ScheduleId id) {
  return id.value.version() == boost::uuids::uuid::version_name_based_sha1;
}

json::object bundle_json(const std::vector<store::Flow>& flows,
                         const std::vector<store::Schedule>& schedules) {
  std::map<store::FlowId, json::array> of_flow;
  for (const auto& each : schedules) of_flow[each.flow_id].push_back(to_json(each));
  json::array list;
  for (const auto& each : flows) {
    json::object flow = to_json(each);
    flow["project_id"] = each.project_id;
    flow["schedules"] = std::move(of_flow[each.id]);
    list.push_back(std::move(flow));
  }
  return {{"flows", std::move(list)}};
}

}  // namespace rruled::core
