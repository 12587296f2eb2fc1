#include "daemon/core/backfill.h"

#include "daemon/core/lifecycle.h"
#include "daemon/core/run_identity.h"
#include "daemon/core/time_text.h"
#include "store/run_rules.h"

#include <algorithm>

namespace rruled::core {
namespace {

namespace json = boost::json;
using std::chrono::ceil;
using std::chrono::seconds;

}  // namespace

FieldResult<Preview> backfill_preview(const Timetable& timetable,
                                      Timestamp from,
                                      Timestamp to,
                                      Timestamp now) {
  if (to <= from) return invalid("to", "Must be after from: occurrences in [from, to) are run.");
  if (to > now) return invalid("to", "Must not be ahead of now: what comes then runs by itself.");
  // Whole seconds, with the same occurrences between them.
  const Instant first = ceil<seconds>(from) - seconds(1);
  const Instant last = ceil<seconds>(to) - seconds(1);
  bool cut_short = false;
  const auto count = timetable.count(first + seconds(1), last, &cut_short);
  if (count > kBackfillMax || cut_short)
    return invalid("to", "There are " + std::string(cut_short ? "more than " : "") +
                             std::to_string(count) + " occurrences, and at most " +
                             std::to_string(kBackfillMax) +
                             " are run at once: take a shorter time.");
  if (count == 0) return invalid("from", "There is no occurrence between from and to.");
  return preview(timetable, {.after = first, .until = last, .count = kBackfillMax});
}

store::Run backfill_run(const store::Backfill& backfill,
                        const store::DueSchedule& due,
                        Instant scheduled_for,
                        Instant wall,
                        Timestamp now) {
  return backfilled_run(due, backfill.id, scheduled_for, now, wall);
}

std::optional<BackfillStep> backfill_step(const store::Backfill& backfill,
                                          const std::optional<store::DueSchedule>& due,
                                          const Timetable* timetable,
                                          std::size_t live,
                                          Timestamp now) {
  if (backfill.ended_at) return std::nullopt;
  BackfillStep step{backfill, {}};
  const auto end = [&](std::string why) {
    step.backfill.ended_at = now;
    if (!why.empty())
      step.backfill.note += (step.backfill.note.empty() ? "" : "; ") + std::move(why);
    return step;
  };
  if (!due) return end("ended early: the schedule is deleted");
  if (!can_fire(due->flow_status, due->trigger_type))
    return end("ended early: the flow cannot fire");
  if (timetable == nullptr) return end("ended early: the schedule cannot be used");
  if (due->project && due->project->paused()) return std::nullopt;
  const std::size_t room = due->schedule.overlap == store::OverlapPolicy::allow ? kBackfillLive : 1;
  auto after = backfill.made_to.value_or(backfill.from - seconds(1));
  auto slot = timetable->next(after);
  while (slot && slot->scheduled_for < backfill.to && live + step.runs.size() < room &&
         step.backfill.made < kBackfillMax) {
    step.runs.push_back(backfill_run(backfill, *due, slot->scheduled_for,
                                     timetable->wall(slot->scheduled_for), now));
    step.backfill.made_to = slot->scheduled_for;
    ++step.backfill.made;
    slot = timetable->next(slot->scheduled_for);
  }
  if (!slot || slot->scheduled_for >= backfill.to || step.backfill.made >= kBackfillMax)
    return end("");
  if (step.runs.empty()) return std::nullopt;
  return step;
}

store::Backfill cancelled(store::Backfill backfill, Timestamp now) {
  backfill.cancelled = true;
  if (!backfill.ended_at) backfill.ended_at = now;
  return backfill;
}

json::object to_json(const store::Backfill& backfill,
                     const std::vector<std::pair<store::RunStatus, std::uint64_t>>& runs) {
  json::object counts;
  bool live = !backfill.ended_at;
  for (const auto& [status, count] : runs) {
    counts[store::word(status)] = count;
    live = live || !store::is_final(status);
  }
  return {{"id", to_string(backfill.id)},
          {"schedule", to_string(backfill.schedule_id)},
          {"hog_flow", to_string(backfill.flow_id)},
          {"from", iso_microseconds(backfill.from)},
          {"to", iso_microseconds(backfill.to)},
          {"count", backfill.count},
          {"made", backfill.made},
          {"status", backfill.cancelled ? "cancelled"
                     : live             ? "running"
                                        : "done"},
          {"note", backfill.note},
          {"created_at", iso_microseconds(backfill.created_at)},
          {"ended_at", time_or_null(backfill.ended_at)},
          {"runs", std::move(counts)}};
}

}  // namespace rruled::core
