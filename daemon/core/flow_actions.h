#pragma once

#include "daemon/core/json_text.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <optional>

// What a flow's actions must look like. Paths of errors as the API has them.
namespace rruled::core {

// The index of the one action of type "trigger"; the error when there is none, or a second.
[[nodiscard]] FieldResult<std::size_t> trigger_index(const boost::json::array& actions);

// Everything about a flow that is active. Types of actions that are not known are left alone: what
// they do is the receiver's affair.
[[nodiscard]] std::optional<FieldError> check_actions(const boost::json::array& actions);

// The trigger's config; `path`: where it stands ("actions__0" or "trigger").
[[nodiscard]] std::optional<FieldError> check_trigger(const boost::json::value& config,
                                                      std::string_view path);

}  // namespace rruled::core
