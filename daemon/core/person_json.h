#pragma once

#include "daemon/core/json_text.h"
#include "store/audience.h"

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <string_view>

// Persons as JSON, and what filters compare of them. Pure, thread-safe.
namespace rruled::core {

inline constexpr std::size_t kPersonPropertiesMax = 1'000;
inline constexpr std::size_t kPersonBytesMax = 64 * 1024;  // of the properties
inline constexpr std::size_t kDistinctIdMax = 400;         // code points

// {"distinct_id", "properties"?}; other keys are ignored, as in other bodies. Without properties
// those of a person that is there stay; {} clears them. Control characters in the distinct_id are
// refused. `id` is for a person that is new.
[[nodiscard]] FieldResult<store::PersonPut> person_from_json(const boost::json::object& object,
                                                             std::int64_t project_id,
                                                             store::PersonId id,
                                                             std::string_view parent = {});
[[nodiscard]] boost::json::object to_json(const store::Person& person);

// A property as filters compare it: a text as it is, a number in its shortest form ("1" for 1.0),
// true, false; lists and objects as JSON.
[[nodiscard]] std::string property_text(const boost::json::value& value);
// The time that a property's text is; without an offset it is read as UTC.
[[nodiscard]] std::optional<store::Timestamp> property_time(std::string_view text);
// Of properties that are a JSON object.
[[nodiscard]] std::vector<store::PersonValue> person_values(const boost::json::object& properties);

}  // namespace rruled::core
