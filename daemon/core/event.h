#pragma once

#include "daemon/core/action.h"
#include "store/words.h"

#include <boost/json/object.hpp>

#include <array>
#include <optional>
#include <string_view>

// What somebody who is not looking wants to be told. Pure.
namespace rruled::core {

enum class Event {
  run_failed,
  run_dead,
  run_late,
  run_recovered,       // the first that started in time after a late one
  occurrences_missed,  // by catch-up, or never sent in their window: never run
  schedule_error,      // quarantined
  schedule_paused,     // by the daemon, after failures in a row
  schedule_resumed     // by the daemon, as its pause had an end
};

// The event that a notice is, if it is one.
[[nodiscard]] std::optional<Event> event_of(const Notice& notice);

// {"event", "at", "project_id", "flow": {"id","name"}, "schedule", "run": {..}, "text"}; what does
// not apply is null. `text` is one line for a person.
[[nodiscard]] boost::json::object event_json(Event event, const Notice& notice, Timestamp at);

}  // namespace rruled::core

template <>
inline constexpr std::array<std::string_view, 8> rruled::store::kWords<rruled::core::Event>{
    "run_failed",         "run_dead",       "run_late",        "run_recovered",
    "occurrences_missed", "schedule_error", "schedule_paused", "schedule_resumed"};
