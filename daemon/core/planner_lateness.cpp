#include "daemon/core/planner.h"
#include "daemon/core/retry.h"

// Which runs start late (semantics.md, 4: late_after).
namespace rruled::core {

// A retry is not late again. Nor is it said again and again of one that reaches nobody.
void Planner::note_lateness(const store::Run& run, Timestamp now) {
  if (!is_first_to_leave(run) || !run.schedule_id || run.origin != store::RunOrigin::schedule)
    return;
  const auto late_by = now - run.due_at;
  if (late_by > run.late_after) {
    const bool is_news = late_.insert(*run.schedule_id).second;
    if (is_news || run.attempts == 1)
      notify({.kind = Notice::Kind::run_late, .run = run, .late_by = late_by});
  } else if (!late_.empty() && late_.erase(*run.schedule_id) > 0) {
    notify({.kind = Notice::Kind::run_on_time, .run = run});
  }
}

}  // namespace rruled::core
