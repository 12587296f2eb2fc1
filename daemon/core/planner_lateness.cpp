#include "daemon/core/planner.h"

// Which runs start late (semantics.md, 4: late_after).
namespace rruled::core {

// Of a run that starts at `at`: not of a retry, unless nothing left before it.
void Planner::note_lateness(const store::Run& run, Timestamp at) {
  if (!run.schedule_id || run.origin != store::RunOrigin::schedule) return;
  const auto late_by = at - run.due_at;
  if (late_by > run.late_after) {
    late_.insert(*run.schedule_id);
    notify({.kind = Notice::Kind::run_late, .run = run, .late_by = late_by});
  } else if (!late_.empty() && late_.erase(*run.schedule_id) > 0) {
    notify({.kind = Notice::Kind::run_on_time, .run = run});
  }
}

}  // namespace rruled::core
