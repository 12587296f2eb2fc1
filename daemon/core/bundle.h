#pragma once

#include "daemon/core/json_text.h"
#include "daemon/core/schedule_json.h"
#include "store/store.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

// Files of flows with their schedules, as import, apply and export have them:
//
//   {"flows":[{<flow>, "project_id": 1, "schedules":[{<schedule>}, ..]}, ..]}
//
// Pure: says what to write, and leaves reading and writing the store to the caller.
namespace rruled::core {

struct BundleSchedule {
  boost::json::object fields;
  std::optional<store::ScheduleId> id;
  std::string path;  // "flows__0__schedules__1"
};
struct BundleFlow {
  boost::json::object fields;
  std::optional<store::FlowId> id;
  std::int64_t project_id = 1;
  std::vector<BundleSchedule> schedules;
  std::string path;  // "flows__0"
};
using Bundle = std::vector<BundleFlow>;

// The shape of a file: keys, types, ids that are UUIDs and given once. Unknown keys are errors.
[[nodiscard]] FieldResult<Bundle> bundle_from_json(const boost::json::value& value);

// Ids for what has none, the same for the same content: a flow is known by its project and name, a
// schedule by its flow, canonical rule, start and zone. Two that would be one are an error.
[[nodiscard]] std::optional<FieldError> derive_ids(Bundle& bundle);
// Whether an id may have been made by derive_ids.
[[nodiscard]] bool is_derived(store::ScheduleId id);

// What the store holds of what a bundle names: its flows with all their schedules, schedules it
// names that belong to other flows, and for a prune everything of its projects.
struct StoredRows {
  std::map<store::FlowId, store::Flow> flows;
  std::map<store::ScheduleId, store::Schedule> schedules;
  std::set<std::int64_t> paused_projects{};
};

enum class BundleUse {
  import,   // everything is new
  replace,  // what exists takes the file's values; unnamed rows stay
  apply,    // as replace, and a schedule whose derived id the file no longer gives is deleted
  prune     // as apply, and everything else of the bundle's projects is deleted
};

struct BundlePlan {
  store::ChangeSet changes;  // empty: nothing differs
  // For people: "+ flow Nightly 0190..", "~ ..", "- .."; a schedule whose rule has no occurrence
  // ahead is written as completed, and its line says that it is over.
  std::vector<std::string> lines;
};
// `bundle` without ids gets fresh ones. Rows that exist keep settled_to, created_at and a status
// that the file does not give; what does not differ is not written.
[[nodiscard]] FieldResult<BundlePlan> plan_bundle(const Bundle& bundle,
                                                  const StoredRows& stored,
                                                  BundleUse use,
                                                  const ScheduleRules& rules,
                                                  Timestamp now);

// {"flows":[..]} of rows; what plan_bundle reads back to the same.
[[nodiscard]] boost::json::object bundle_json(const std::vector<store::Flow>& flows,
                                              const std::vector<store::Schedule>& schedules);

}  // namespace rruled::core
