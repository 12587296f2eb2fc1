#pragma once

#include "daemon/core/timetable.h"
#include "store/types.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace rruled::core {

// What becomes of the occurrences of one schedule that are due: the catch-up rules of
// semantics.md, 4.
struct DuePlan {
  struct Item {
    Slot slot;
    bool in_turn = false;  // starts when the run before it has ended
  };
  std::vector<Item> runs;  // in order of scheduled_for
  // Never to run: came due while the project was paused, missed, left out by the calendar. At most
  // one of each.
  std::vector<store::Gap> gaps;
  // What the calendar left out up to settled_to, but for those in the gap: the newest.
  std::vector<Instant> excluded;
  std::optional<Instant> settled_to;
  // For so long after its due_at a run that was never sent may start: catchup_window, or an
  // interval.
  std::chrono::milliseconds window{};
  std::optional<Slot> next;  // may be due already: the plan takes at most kRunsMax at once
  // A search gave up: what comes after this plan (or, when it is empty, what is due) cannot be
  // told. `next` is absent.
  bool exhausted = false;
};

// What a resume does with what came due meanwhile: one gap, or catch-up, by `catchup` of the
// schedule or by another policy.
enum class CatchUp { none, policy, last, all };

// The policy instead of the schedule's own.
[[nodiscard]] std::optional<store::CatchupPolicy> other_policy(CatchUp catch_up);

// What is dated further ahead than this was so by a wrong clock.
inline constexpr std::chrono::days kClockAheadMax{1};

inline constexpr std::size_t kCatchupMax = 100;   // runs made up for, counting those merely late
inline constexpr std::size_t kRunsMax = 1'000;    // of one plan
inline constexpr std::size_t kExcludedMax = 100;  // rows of one plan for what the calendar left out

// `schedule` is due at `now` (next_due_at <= now). Late by no more than catchup_grace: each runs.
// Older, but within catchup_window (at least one interval): what `catchup` says. The rest is one
// gap. A next_run_at that the timetable does not name (the zone's rules changed) is passed over.
// `project`, where the schedule's was ever paused, and fires now: what came due before it was
// resumed is another gap, unless whoever resumed it asked for catch-up.
[[nodiscard]] DuePlan plan_due(const store::Schedule& schedule,
                               const Timetable& timetable,
                               Timestamp now,
                               const std::optional<store::Project>& project = {});

// What the calendar left out in (after, to], of which the `newest` have a row each, as one gap.
[[nodiscard]] std::optional<store::Gap> excluded_gap(store::ScheduleId id,
                                                     const OpenDays& open_days,
                                                     Instant after,
                                                     const OpenDays::Excluded& excluded);

}  // namespace rruled::core

template <>
inline constexpr std::array<std::string_view, 4> rruled::store::kWords<rruled::core::CatchUp>{
    "none", "policy", "last", "all"};
