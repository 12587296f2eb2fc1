#include "daemon/io/run_verbs.h"

#include "daemon/core/audit.h"
#include "daemon/core/backfill.h"
#include "store/run_rules.h"

#include <vector>

namespace rruled::io {
namespace {

using store::CancelResult;

// Unsent children that one transaction cancels, and how many one call cancels itself.
constexpr std::size_t kSweep = 5'000;
constexpr int kSweepsMax = 20;

// Cancels what a job that is cancelled leaves unsent. True: the job has ended with that.
bool sweep_children(store::Audience& audience, store::RunId job, store::Timestamp now) {
  for (int left = kSweepsMax; left > 0; --left) {
    const auto swept = audience.end_jobs({.only = job, .cancel = kSweep}, now);
    if (swept.open == 0) return true;
    if (swept.cancelled < kSweep) return false;
  }
  return false;
}

std::vector<store::Run> unsent_runs(store::Directory& directory, const store::Backfill& backfill) {
  store::RunFilter filter{.project_id = backfill.project_id};
  filter.parent_id = backfill.id;
  filter.statuses.assign(store::kUnsentStatuses.begin(), store::kUnsentStatuses.end());
  return directory.runs(filter, {core::kBackfillMax, 0}, false).rows;
}

}  // namespace

CancelResult cancel_run(store::Directory& directory,
                        store::Audience& audience,
                        const store::Run& run,
                        const std::string& actor,
                        store::Timestamp now) {
  const auto line = core::audit_line(now, actor, "cancel", run);
  const std::string why(store::word(store::RunReason::cancelled_by_operator));
  const auto result = directory.cancel_run(run.id, why, now, line);
  if (run.kind != store::RunKind::batch_job) return result;
  if (result == CancelResult::cancelled) (void)sweep_children(audience, run.id, now);
  if (result != CancelResult::under_way) return result;
  switch (audience.cancel_job(run.id, why, line, now)) {
    case CancelResult::cancelled:
      // What is being delivered of it goes on to its end.
      return sweep_children(audience, run.id, now) ? CancelResult::cancelled : CancelResult::asked;
    case CancelResult::ended:
      return CancelResult::ended;
    case CancelResult::asked:
    case CancelResult::missing:
    case CancelResult::under_way:
      break;
  }
  return CancelResult::under_way;
}

store::RetryResult retry_run(store::Store& store,
                             store::Directory& directory,
                             const store::Run& run,
                             const std::string& actor,
                             store::Timestamp now) {
  const auto schedule = run.schedule_id ? store.schedule(*run.schedule_id) : std::nullopt;
  const auto fresh = schedule ? schedule->retry : store::RetryPolicy{};
  return directory.retry_run(run.id, fresh, now, core::audit_line(now, actor, "retry", run));
}

store::ChangeSet backfill_cancellation(store::Directory& directory,
                                       const store::Backfill& before,
                                       const std::string& actor,
                                       store::Timestamp now) {
  store::ChangeSet changes;
  if (before.cancelled || (before.ended_at && unsent_runs(directory, before).empty()))
    return changes;
  const auto after = core::cancelled(before, now);
  changes.backfills.push_back({after, before.version});
  const auto was = core::to_json(before, {});
  const auto is = core::to_json(after, {});
  changes.audit.push_back(core::audit_line(
      now, actor, "cancel", {after.project_id, "backfill", to_string(after.id)}, &was, &is));
  return changes;
}

void end_unsent_runs(store::Directory& directory,
                     const store::Backfill& backfill,
                     const std::string& actor,
                     store::Timestamp now) {
  for (const auto& run : unsent_runs(directory, backfill))
    (void)directory.cancel_run(run.id, "backfill_cancelled", now,
                               core::audit_line(now, actor, "cancel", run));
}

}  // namespace rruled::io
