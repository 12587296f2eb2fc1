#pragma once

#include "daemon/core/json_text.h"
#include "daemon/core/schedule_json.h"
#include "store/types.h"

#include <boost/json/object.hpp>

#include <string>
#include <string_view>
#include <vector>

// Flows as JSON: the Flow object of the API, of import and export files. Pure.
namespace rruled::core {

// `base`: the stored row (patch), or defaults with id, project and created_at set. Draft and
// archived flows may be incomplete; an active one is validated whole, stored parts included. The
// trigger is the config of the one trigger action; a body without actions may give `trigger`
// itself. `version` grows when a patch changes what runs.
[[nodiscard]] FieldResult<store::Flow> flow_from_json(const boost::json::object& object,
                                                      const store::Flow& base,
                                                      JsonUse use,
                                                      store::Timestamp now);

// Whether `object` gives a trigger beside actions that have another one: they made `flow`, and it
// was passed over.
[[nodiscard]] bool is_trigger_unused(const boost::json::object& object, const store::Flow& flow);

// Paths of keys that no flow has. `project_id` and `schedules` are keys of files, not of a flow.
[[nodiscard]] std::vector<std::string> unknown_flow_keys(const boost::json::object& object,
                                                         std::string_view parent = {});

// Fields in the order of the API.
[[nodiscard]] boost::json::object to_json(const store::Flow& flow);

// Equal in what its runs depend on, numbers by their value: `version` says so.
[[nodiscard]] bool same_content(const store::Flow& a, const store::Flow& b);
// Equal in everything that a person can set, numbers as they are written: nothing is to be stored.
[[nodiscard]] bool same_settings(const store::Flow& a, const store::Flow& b);

}  // namespace rruled::core
