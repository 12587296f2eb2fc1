#pragma once

#include "daemon/core/json_text.h"
#include "daemon/core/timetable.h"
#include "rrule/occurrence.h"

#include <boost/json/object.hpp>

#include <cstddef>
#include <optional>
#include <vector>

// What a schedule will do, asked before it does it. The engine that fires is the one that answers.
// Pure.
namespace rruled::core {

// Occurrences that one preview lists, at most.
inline constexpr std::int64_t kPreviewCountMax = 100'000;

struct PreviewWindow {
  std::optional<Instant> after;  // exclusive; absent: from the first occurrence on
  std::optional<Instant> until;  // inclusive
  std::size_t count = 10;
};

struct PreviewItem {
  rrule::Occurrence occurrence;
  Timestamp due_at;
  std::optional<rrule::local_seconds> moved_from{};  // by the calendar: what the rule says
};

struct Preview {
  std::vector<PreviewItem> items;
  // What the calendar leaves out before the last one given (or the end of the window), in order;
  // at most as many as items were asked for (or 100), the latest; and how many came before those.
  std::vector<rrule::Occurrence> excluded;
  std::uint64_t excluded_before = 0;
  bool ended = false;      // nothing follows the last one given
  bool exhausted = false;  // the search for what follows gave up: too many exclusions in a row
  bool cut_short = false;  // so it did, and the window may have more than the items
};
[[nodiscard]] Preview preview(const Timetable& timetable, const PreviewWindow& window);

// What a stored schedule fires next comes after this (exclusive): the next occurrence of an active
// one, the first that is due at the end of its pause or later of one that is paused until a time.
// nullopt: it fires nothing. `flow_fires`: can_fire() of its flow.
[[nodiscard]] std::optional<Instant> fires_after(const store::Schedule& row,
                                                 const Timetable& timetable,
                                                 bool flow_fires);

// {"scheduled_for","due_at","local","offset"}, where the clock change touched it "note", and where
// the calendar moved it "note": "calendar_moved" and "moved_from" (local).
[[nodiscard]] boost::json::object to_json(const PreviewItem& item);
// {"occurrences"} and, when there is something in it, "excluded", "excluded_before", "cut_short".
[[nodiscard]] boost::json::object to_json(const Preview& preview);

// A schedule that is stored nowhere: {"rrule", "starts_at" or "starts_at_local", "timezone",
// "dst_gap", "dst_fold", "after", "until", "count"}; `id` and nothing else may stand beside them.
// Errors of the rule keep rrule's code ("bad_value") and offset.
struct PreviewRequest {
  store::Schedule schedule;
  PreviewWindow window;
};
[[nodiscard]] FieldResult<PreviewRequest> preview_from_json(const boost::json::object& object,
                                                            const rrule::ZoneDatabase& zones);

}  // namespace rruled::core
