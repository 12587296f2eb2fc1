#pragma once

#include "daemon/core/json_text.h"
#include "store/audience.h"
#include "store/person_filter.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <string_view>
#include <vector>

// Property filters of persons as JSON (api.md, Objects): read, checked, and made into what the
// stores compare. Pure, thread-safe.
namespace rruled::core {

// What one filter may hold. What its regular expressions may cost for one person is
// store::kPersonWorkMax.
inline constexpr std::size_t kFilterDepthMax = 8;           // groups inside each other
inline constexpr std::size_t kFilterConditionsMax = 200;    // in all
inline constexpr std::size_t kFilterValuesMax = 5'000;      // in all
inline constexpr std::size_t kFilterTextBytesMax = 8'192;   // of a key or value
inline constexpr std::size_t kFilterRegexBytesMax = 1'000;  // of a pattern

// {"properties": [..]}: a flat list, which means AND, of conditions and of groups
// {"type": "AND"|"OR", "values": [..]}; or one group, in place of the list or of the whole.
// Neither: everybody. Relative dates ("-7d": so long before) are read by `now`. What would choose
// other persons and is not known here (events, cohorts, another key) is an error: ignored, it would
// reach people who are not meant. `parent`: the path of the object, for errors.
[[nodiscard]] FieldResult<store::PersonFilter> filter_from_json(const boost::json::value& filters,
                                                                std::string_view parent,
                                                                store::Timestamp now);
// The same of a flow that is or becomes active: neither is an error, lest it reach everybody by
// omission.
[[nodiscard]] FieldResult<store::PersonFilter> audience_from_json(const boost::json::value& filters,
                                                                  std::string_view parent,
                                                                  store::Timestamp now);
// A list of conditions and groups, or one group.
[[nodiscard]] FieldResult<store::PersonFilter> properties_from_json(
    const boost::json::value& properties, std::string_view path, store::Timestamp now);

// The audience of a flow's trigger, as it is stored.
[[nodiscard]] FieldResult<store::PersonFilter> trigger_audience(std::string_view trigger_config,
                                                                store::Timestamp now);

// "-7d": so many hours, days, weeks, months or years (h, d, w, m, y) before `now`; at most 9999.
// Months and years keep the day where the month has it, else they take its last one.
[[nodiscard]] std::optional<store::Timestamp> relative_time(std::string_view text,
                                                            store::Timestamp now);

}  // namespace rruled::core
