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
  bool excluded_cut_short = false;  // the search for those gave up: there may be more, later ones
  bool ended = false;               // nothing follows the last one given
  bool exhausted = false;  // the search for what follows gave up: too many exclusions in a row
  bool cut_short = false;  // so it did, and the window may have more than the items
};
[[nodiscard]] Preview preview(const Timetable& timetable, const PreviewWindow& window);

// A timetable's occurrences one after another, as preview() has them: together they cost one search
// (OpenDays::Walk), each of its own would be one.
class PreviewWalk {
 public:
  // Begins after `after` (exclusive).
  PreviewWalk(const Timetable& timetable, Instant after);

  // The next one. nullopt: nothing follows, or the search gave up.
  [[nodiscard]] std::optional<PreviewItem> next();
  // What next() will give, without its due time.
  [[nodiscard]] const std::optional<Placed>& ahead() const { return ahead_; }
  // The search for what is ahead gave up.
  [[nodiscard]] bool exhausted() const { return !ahead_ && walk_.exhausted(); }
  // So it did, and there may be something until `until` (inclusive; absent: ever).
  [[nodiscard]] bool lost(std::optional<Instant> until) const;

 private:
  Timetable timetable_;
  OpenDays::Walk walk_;
  Instant last_;                 // what next() gave, or where it began
  std::optional<Placed> ahead_;  // a due time depends on what follows
};

// What a stored schedule fires next comes after this (exclusive): the next occurrence of an active
// one, the first that is due at the end of its pause or later of one that is paused until a time.
// nullopt: it fires nothing. `flow_fires`: can_fire() of its flow.
[[nodiscard]] std::optional<Instant> fires_after(const store::Schedule& row,
                                                 const Timetable& timetable,
                                                 bool flow_fires);

// {"scheduled_for","due_at","local","offset"}, where the clock change touched it "note", and where
// the calendar moved it "note": "calendar_moved" and "moved_from" (local).
[[nodiscard]] boost::json::object to_json(const PreviewItem& item);
// {"occurrences"} and, when there is something in it, "excluded", "excluded_before", "cut_short",
// "excluded_cut_short".
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
