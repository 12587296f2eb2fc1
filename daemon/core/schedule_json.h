#pragma once

#include "daemon/core/json_text.h"
#include "daemon/core/lifecycle.h"
#include "daemon/core/timetable.h"

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Schedules as JSON: the Schedule object of the API, of import and export files. Pure.
//
//   auto edit = schedule_from_json(body, stored, &stored, JsonUse::patch, rules, now);
//   if (!edit) return answer_400(edit.error());
//   Change change = decided(*edit, &stored, flow_fires, now);      // what to write
namespace rruled::core {

// create   a new object: ids and times come from the server, read-only fields are passed over
// patch    only what is there changes
// import   a whole object; its file may say status, created_at and updated_at too, and starts_at
//          "now": the next whole second, so that a COUNT still has all its runs; one whose rule is
//          over becomes completed
enum class JsonUse { create, patch, import };

// Why a rule is refused that has no occurrence ahead.
inline constexpr std::string_view kNoFuture = "Schedule produces no future occurrences.";

// `variables` of a schedule, and of a run that is asked for, as JSON text: what is sent with each
// run.
inline constexpr std::size_t kRunVariablesBytesMax = 65'536;
// Why these are too many, as the error of `variables`; nullopt: they are not.
[[nodiscard]] std::optional<FieldError> variables_too_long(std::string_view variables);

// What a schedule must satisfy beside the grammar of its own fields.
struct ScheduleRules {
  const rrule::ZoneDatabase& zones;
  std::chrono::seconds min_interval{1};  // among the next 100 occurrences
  // Whether a project may use an executor; empty: not checked.
  std::function<bool(std::string_view executor, std::int64_t project)> may_use_executor;
  CalendarFinder calendars{};
};

// Why a run of the schedule would have nobody to send it; nullopt: its executor is there.
[[nodiscard]] std::optional<FieldError> executor_error(const ScheduleRules& rules,
                                                       const store::Schedule& schedule);

// A body that was read: the row with its fields, times not moved yet.
struct ScheduleEdit {
  store::Schedule row;
  bool timing = false;                          // when it fires is new or differs from before
  std::optional<store::ScheduleStatus> status;  // asked for
  std::optional<Timetable> timetable;           // of `row`; always there when `timing` is
};

// `base`: the stored row (patch), or defaults with ids, project and created_at set. A rule is
// stored in its canonical form. Unknown keys are passed over: see unknown_schedule_keys.
[[nodiscard]] FieldResult<ScheduleEdit> schedule_from_json(const boost::json::object& object,
                                                           const store::Schedule& base,
                                                           const store::Schedule* before,
                                                           JsonUse use,
                                                           const ScheduleRules& rules,
                                                           Timestamp now);

// The row to write, by the rules of lifecycle.h. `before`: the stored row, null for a new one, and
// its timetable where it has a usable one.
[[nodiscard]] Change decided(const ScheduleEdit& edit,
                             const store::Schedule* before,
                             const Timetable* timetable_before,
                             bool flow_fires,
                             Timestamp now);

// Paths of keys that no schedule has.
[[nodiscard]] std::vector<std::string> unknown_schedule_keys(const boost::json::object& object,
                                                             std::string_view parent = {});

// Fields in the order of the API.
[[nodiscard]] boost::json::object to_json(const store::Schedule& schedule);

// Equal in everything that a person can set.
[[nodiscard]] bool same_settings(const store::Schedule& a, const store::Schedule& b);

}  // namespace rruled::core
