#pragma once

#include "daemon/core/timetable.h"
#include "store/types.h"

#include <cstddef>
#include <optional>
#include <vector>

namespace rruled::core {

// What becomes of the occurrences of one schedule that are due: the catch-up rules of
// semantics.md, 4.
struct DuePlan {
  struct Item {
    Slot slot;
    bool in_turn = false;  // starts when the run before it has ended
  };
  std::vector<Item> runs;         // in order of scheduled_for
  std::optional<store::Gap> gap;  // missed, never to run
  std::optional<Instant> settled_to;
  std::optional<Slot> next;  // may be due already: the plan takes at most kRunsMax at once
};

inline constexpr std::size_t kCatchupMax = 100;  // runs made up for, counting those merely late
inline constexpr std::size_t kRunsMax = 1'000;   // of one plan

// `schedule` is due at `now` (next_due_at <= now). Late by no more than catchup_grace: each runs.
// Older, but within catchup_window (at least one interval): what `catchup` says. The rest is one
// gap. A next_run_at that the timetable does not name (the zone's rules changed) is passed over.
[[nodiscard]] DuePlan plan_due(const store::Schedule& schedule,
                               const Timetable& timetable,
                               Timestamp now);

}  // namespace rruled::core
