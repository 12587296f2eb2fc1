#pragma once

#include "daemon/core/json_text.h"
#include "daemon/core/preview.h"
#include "daemon/core/timetable.h"
#include "store/store.h"

#include <boost/json/object.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// Backfills: the occurrences of a schedule in [from, to), run once more because a person wants it,
// as the schedule and its flow are now. Pure.
//
// A run's id is UUIDv5(backfill id, "YYYY-MM-DDTHH:MM:SSZ" of scheduled_for), its origin
// `backfill`, its parent the backfill; due_at is when it was added. Runs are added in order, and
// only while fewer than kBackfillLive of the backfill have not ended (one, where the schedule's
// overlap policy is not `allow`), so that they never keep what is due now from its slots for long.
// Nothing is added while the project is paused. A schedule that is paused can be backfilled; one
// that is deleted or whose flow cannot fire ends its backfills.
namespace rruled::core {

inline constexpr std::size_t kBackfillMax = 1'000;  // occurrences of one
inline constexpr std::size_t kBackfillLive = 10;    // of its runs at once

// The occurrences in [from, to). Errors: `to` not after `from`, `to` ahead of now (those will run
// by themselves), more than kBackfillMax, none.
[[nodiscard]] FieldResult<Preview> backfill_preview(const Timetable& timetable,
                                                    Timestamp from,
                                                    Timestamp to,
                                                    Timestamp now);

[[nodiscard]] store::Run backfill_run(const store::Backfill& backfill,
                                      const store::DueSchedule& due,
                                      Instant scheduled_for,
                                      Instant wall,
                                      Timestamp now);

struct BackfillStep {
  store::Backfill backfill;  // moved on, or ended
  std::vector<store::Run> runs;
};
// What to write now; nullopt: nothing. `due`: the schedule with its flow; absent: deleted. `live`:
// its runs that have not ended.
[[nodiscard]] std::optional<BackfillStep> backfill_step(
    const store::Backfill& backfill,
    const std::optional<store::DueSchedule>& due,
    const Timetable* timetable,
    std::size_t live,
    Timestamp now);

// As a person leaves it who cancels it: nothing is added any more.
[[nodiscard]] store::Backfill cancelled(store::Backfill backfill, Timestamp now);

// {"id","schedule","hog_flow","from","to","count","made","status","note","created_at","ended_at",
//  "runs":{status: n}}; status is running, done or cancelled.
[[nodiscard]] boost::json::object to_json(
    const store::Backfill& backfill,
    const std::vector<std::pair<store::RunStatus, std::uint64_t>>& runs);

}  // namespace rruled::core
