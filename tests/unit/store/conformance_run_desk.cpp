// store/run_desk.h: runs that go on elsewhere, wishes to cancel, retries that are too old, dead
// runs that are purged.
#include "conformance.h"
#include "run_desk_stage.h"
#include "sample.h"
#include "store/audience.h"
#include "store/directory.h"
#include "store/run_desk.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using enum RunStatus;

void an_accepted_run_goes_on_elsewhere(Store& store) {
  RunDeskStage stage(store);
  const auto first = stage.track();
  CHECK(first.written);
  CHECK_FALSE(first.released);
  const auto stored = stage.now_is();
  CHECK(stored.status == running);
  CHECK(stored.remote_id == "job-1");
  CHECK(stored.available_at == at(5));
  CHECK(stored.started_at == at(2));
  CHECK_FALSE(stored.finished_at);
  REQUIRE(store.attempts(stage.run.id).size() == 1);
  CHECK(store.logs({.run_id = stage.run.id}).size() == 0);  // the line names no run
  const auto before = dump(store);
  CHECK(show(stage.track()) == show(first));
  CHECK(dump(store) == before);
  // It is nobody's, and still holds its slot, whatever daemon comes.
  CHECK(store.held(stage.claimant).empty());
  CHECK(store.claim({stage.claimant, {"default"}}, at(400)).runs.empty());
  CHECK(store.begin_session(id_of<OwnerId>(2), at(400)).recovered == 0);
  CHECK(stage.now_is().status == running);
  CHECK(store.run(stage.next)->status == waiting);
}

void only_what_goes_on_has_a_remote_id(Store& store) {
  RunDeskStage stage(store);
  auto without = a_finish(stage.run, running, at(3));
  CHECK_THROWS_AS(store.finish({without}, stage.claimant, at(3)), StoreError);
  auto with = a_finish(stage.run, completed, at(3));
  with.remote_id = "job-1";
  CHECK_THROWS_AS(store.finish({with}, stage.claimant, at(3)), StoreError);
  CHECK(stage.now_is().status == dispatching);
}

void questions_double(Store& store) {
  RunDeskStage stage(store);
  (void)stage.track();
  CHECK(stage.take(at(4)).empty());
  auto taken = stage.take(at(5));
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].since == at(2));
  CHECK(taken[0].run.available_at == at(8));
  CHECK(show(taken[0].run) == show(stage.now_is()));
  CHECK(stage.take(at(7)).empty());  // one daemon asks, the others find it moved
  CHECK(stage.take(at(8)).at(0).run.available_at == at(14));
  CHECK(stage.take(at(1'000)).at(0).run.available_at == at(1'060));
  CHECK(stage.desk->take_tracked({.executor = "other"}, at(9'000)).empty());
}

void takes_no_more_than_asked(Store& store) {
  RunDeskStage stage(store);
  for (int n = 1; n <= 3; ++n) REQUIRE_FALSE(store.write({.runs = {a_manual_run(n)}}, at(3)));
  for (const auto& run : store.claim({stage.claimant, {"default"}}, at(4)).runs) {
    auto finish = a_finish(run, running, at(4));
    finish.remote_id = "job";
    finish.available_at = at(5);
    REQUIRE(store.finish({finish}, stage.claimant, at(4)).at(0).written);
  }
  CHECK(stage.desk->take_tracked({.executor = "default", .limit = 2}, at(5)).size() == 2);
  CHECK(stage.desk->take_tracked({.executor = "default", .limit = 2}, at(5)).size() == 1);
  CHECK(stage.desk->take_tracked({.executor = "default", .limit = 2}, at(5)).empty());
}

void each_end_lets_the_next_one_go(Store& store) {
  RunDeskStage stage(store);
  (void)stage.track();
  const auto status = failed;
  const auto revision = store.changes_since(0).revision;
  const auto ended = stage.desk->end_tracked(stage.an_end(status), at(60));
  CHECK(ended.written);
  CHECK(ended.released);
  REQUIRE(ended.run);
  CHECK(show(*ended.run) == show(stage.now_is()));
  CHECK(ended.run->status == status);
  CHECK(ended.run->reason == "why");
  CHECK(ended.run->error == "what");
  CHECK(ended.run->finished_at == at(60));
  CHECK_FALSE(ended.run->available_at);
  CHECK(store.run(stage.next)->status == pending);
  CHECK(store.changes_since(revision).runs_added);
  // The same again, and another end.
  const auto before = dump(store);
  const auto again = stage.desk->end_tracked(stage.an_end(status), at(61));
  CHECK(again.written);
  CHECK(again.released);
  CHECK_FALSE(stage.desk->end_tracked(stage.an_end(completed), at(61)).written);
  CHECK(dump(store) == before);
  CHECK(stage.take(at(9'000)).empty());
}

void only_a_tracked_run_is_ended(Store& store) {
  RunDeskStage stage(store);
  const auto before = dump(store);
  CHECK_FALSE(stage.desk->end_tracked(stage.an_end(completed), at(3)).written);  // dispatching
  auto unknown = stage.an_end(completed);
  unknown.run_id = run_id(99);
  CHECK_FALSE(stage.desk->end_tracked(unknown, at(3)).written);
  CHECK(dump(store) == before);
  (void)stage.track();
  auto other_fence = stage.an_end(completed);
  ++other_fence.fence;
  CHECK_FALSE(stage.desk->end_tracked(other_fence, at(4)).written);
  CHECK_THROWS_AS(stage.desk->end_tracked(stage.an_end(dead), at(4)), StoreError);
  CHECK(stage.now_is().status == running);
  CHECK(stage.desk->end_tracked(stage.an_end(completed), at(4)).written);
}

void a_replay_is_delivered_anew(Store& store) {
  RunDeskStage stage(store);
  (void)stage.track();
  CHECK(stage.cancel(at(4)) == CancelResult::asked);
  REQUIRE(stage.desk->end_tracked(stage.an_end(failed), at(5)).written);
  CHECK(store.directory()->retry_run(stage.run.id, {}, at(6), by_somebody("r")) ==
        RetryResult::retried);
  CHECK(stage.now_is().remote_id.empty());
  CHECK(stage.now_is().cancel_reason.empty());
  const auto revision = store.changes_since(0).revision;
  const auto claimed = store.claim({stage.claimant, {"default"}}, at(7)).runs;
  CHECK(claimed.size() == 2);
  CHECK(store.changes_since(revision - 1).to_cancel.empty());
}

// ---- Wishes -------------------------------------------------------------------------------------

void a_wish_is_kept_and_told(Store& store) {
  RunDeskStage stage(store);
  const auto revision = store.changes_since(0).revision;
  CHECK(stage.cancel(at(3)) == CancelResult::asked);
  CHECK(stage.now_is().status == dispatching);
  CHECK(stage.now_is().cancel_reason == "enough");
  const auto changes = store.changes_since(revision);
  CHECK(changes.to_cancel == std::vector{stage.run.id});
  CHECK(store.changes_since(changes.revision).to_cancel.empty());
  CHECK(store.directory()->audit({.object_id = "r"}, {}).count == 1);
  // Who claims it next is told by the run itself.
  store.hand_back({{stage.run.id, stage.run.fence}}, stage.claimant);
  CHECK(store.claim({stage.claimant, {"default"}}, at(4)).runs.at(0).cancel_reason == "enough");
  CHECK(stage.desk->ask_to_cancel(stage.run.id, "another", at(5)));
  CHECK(stage.now_is().cancel_reason == "enough");
  CHECK_FALSE(stage.desk->ask_to_cancel(stage.next, "waits", at(5)));
  CHECK_FALSE(stage.desk->ask_to_cancel(run_id(99), "nobody", at(5)));
}

// Which end is asked for, and what it becomes.
void a_wish_ends_what_would_be_tried_again(Store& store) {
  RunDeskStage stage(store);
  (void)stage.cancel(at(3));
  auto retry = a_finish(stage.run, retrying, at(4));
  retry.available_at = at(90);
  const auto first = store.finish({retry}, stage.claimant, at(4)).at(0);
  CHECK(first.written);
  CHECK(first.cancelled);
  CHECK(first.reason == "enough");
  CHECK(first.released);
  const auto ended = stage.now_is();
  CHECK(ended.status == cancelled);
  CHECK(ended.reason == "enough");
  CHECK(ended.finished_at == at(4));
  CHECK_FALSE(ended.available_at);
  CHECK(store.run(stage.next)->status == pending);
  const auto before = dump(store);
  CHECK(show(store.finish({retry}, stage.claimant, at(5)).at(0)) == show(first));
  CHECK(dump(store) == before);
}

void a_wish_gives_a_cancelled_end_its_reason(Store& store) {
  RunDeskStage stage(store);
  (void)stage.cancel(at(3));
  auto finish = a_finish(stage.run, cancelled, at(4));
  finish.reason = "overlap";
  const auto result = store.finish({finish}, stage.claimant, at(4)).at(0);
  CHECK(result.written);
  CHECK_FALSE(result.cancelled);  // it was asked for
  CHECK(result.reason == "enough");
  CHECK(stage.now_is().reason == "enough");
}

void a_late_success_wins_over_a_wish(Store& store) {
  RunDeskStage stage(store);
  (void)stage.cancel(at(3));
  // In one batch with others, and alone.
  const auto result = store.finish({a_finish(stage.run, completed, at(4))}, stage.claimant, at(4));
  CHECK(result.at(0).written);
  CHECK_FALSE(result.at(0).cancelled);
  CHECK(result.at(0).reason.empty());
  CHECK(stage.now_is().status == completed);
  CHECK(stage.cancel(at(5)) == CancelResult::ended);
}

void a_wished_run_that_was_accepted_is_looked_at_at_once(Store& store) {
  RunDeskStage stage(store);
  (void)stage.cancel(at(3));
  CHECK(stage.track().written);
  CHECK(stage.now_is().status == running);
  REQUIRE(stage.take(at(3)).size() == 1);
  CHECK(stage.take(at(4)).empty());
  // Wished once more: once more at once.
  CHECK(stage.cancel(at(4)) == CancelResult::asked);
  CHECK(stage.take(at(4)).at(0).run.cancel_reason == "enough");
  auto end = stage.an_end(cancelled);
  CHECK(stage.desk->end_tracked(end, at(5)).released);
}

void a_spread_job_is_its_audiences(Store& store) {
  RunDeskStage stage(store);
  const auto audience = store.audience();
  REQUIRE(audience->open_job({stage.run.id, stage.run.fence, stage.claimant}, at(3)));
  CHECK(stage.cancel(at(4)) == CancelResult::under_way);
  CHECK(stage.now_is().cancel_reason.empty());
}

void a_wished_job_is_not_spread(Store& store) {
  RunDeskStage stage(store);
  CHECK(stage.cancel(at(3)) == CancelResult::asked);
  const auto audience = store.audience();
  const auto job = audience->open_job({stage.run.id, stage.run.fence, stage.claimant}, at(4));
  REQUIRE(job);
  CHECK(job->ending == cancelled);
  CHECK(job->reason == "enough");
}

// ---- Too old, and dead --------------------------------------------------------------------------

void retries_expire(Store& store) {
  RunDeskStage stage(store);  // started at 2, for 100 s
  auto retry = a_finish(stage.run, retrying, at(3));
  retry.available_at = at(4);
  retry.attempt.error = "no answer";
  (void)store.finish({retry}, stage.claimant, at(3));
  REQUIRE_FALSE(store.write({.runs = {a_manual_run(1)}}, at(3)));  // never tried: it has no age
  const ExpireRuns request{.away = {"default"}};
  CHECK(stage.desk->expire_runs(request, at(101)).empty());
  CHECK(stage.desk->expire_runs({.away = {"other"}}, at(9'000)).empty());
  CHECK(stage.desk->expire_runs({.away = {"default"}, .limit = 0}, at(9'000)).empty());
  const auto revision = store.changes_since(0).revision;
  const auto expired = stage.desk->expire_runs(request, at(102));
  REQUIRE(expired.size() == 1);
  CHECK(show(expired[0]) == show(stage.now_is()));
  CHECK(expired[0].status == dead);
  CHECK(expired[0].error == "no answer");
  CHECK(expired[0].finished_at == at(102));
  CHECK(store.logs({.run_id = stage.run.id}).size() == 1);
  CHECK(store.run(stage.next)->status == pending);
  CHECK(store.changes_since(revision).runs_added);
  CHECK(store.run(run_id(1))->status == pending);
  CHECK(stage.desk->expire_runs(request, at(9'000)).empty());
}

// Says which runs went.
AuditEntry purge_line(const std::vector<RunId>& gone) {
  auto line = by_somebody("p");
  for (const auto id : gone) line.before += to_string(id);
  return line;
}

void dead_runs_are_purged(Store& store) {
  RunDeskStage stage(store);
  auto finish = a_finish(stage.run, dead, at(3));
  finish.logs = {a_log_line("dead")};
  finish.logs[0].run_id = stage.run.id;
  (void)store.finish({finish}, stage.claimant, at(3));
  const std::vector ids{stage.run.id, stage.next, run_id(99)};
  const auto directory = store.directory();
  CHECK(stage.desk->purge_dead({stage.next}, purge_line, at(4)) == 0);
  CHECK(directory->audit({.object_id = "p"}, {}).count == 0);
  CHECK(stage.desk->purge_dead(ids, purge_line, at(4)) == 1);
  const auto lines = directory->audit({.object_id = "p"}, {});
  REQUIRE(lines.count == 1);
  CHECK(lines.rows[0].before == to_string(stage.run.id));  // of those that stayed nothing
  CHECK_FALSE(store.run(stage.run.id));
  CHECK(store.attempts(stage.run.id).empty());
  CHECK(store.logs({.run_id = stage.run.id}).empty());
  CHECK(store.run(stage.next));
  CHECK(stage.desk->purge_dead(ids, purge_line, at(5)) == 0);
  // What is gone does not fire again: the schedule has moved on.
  const auto stale = a_settlement(a_schedule(), {a_run(a_schedule(), nominal(0))}, nominal(1));
  CHECK(store.settle({stale}, stage.claimant, at(600)).at(0).kind == SettleResult::Kind::moved);
}

void a_dead_job_is_not_purged_before_its_children_ended(Store& store) {
  RunDeskStage stage(store);
  const auto audience = store.audience();
  REQUIRE(audience->open_job({stage.run.id, stage.run.fence, stage.claimant}, at(3)));
  (void)store.finish({a_finish(stage.run, dead, at(4))}, stage.claimant, at(4));
  REQUIRE(stage.now_is().status == dead);
  CHECK(stage.desk->purge_dead({stage.run.id}, purge_line, at(5)) == 0);
  (void)audience->end_jobs({}, at(6));
  CHECK(stage.desk->purge_dead({stage.run.id}, purge_line, at(7)) == 1);
}

}  // namespace

std::vector<Check> run_desk_checks() {
  return {
      {"accepted runs go on elsewhere", an_accepted_run_goes_on_elsewhere},
      {"a remote id belongs to what goes on", only_what_goes_on_has_a_remote_id},
      {"questions double", questions_double},
      {"takes no more than asked", takes_no_more_than_asked},
      {"a tracked end lets the next one go", each_end_lets_the_next_one_go},
      {"only a tracked run is ended", only_a_tracked_run_is_ended},
      {"a replay is delivered anew", a_replay_is_delivered_anew},
      {"a wish is kept and told", a_wish_is_kept_and_told},
      {"a wish ends a retry", a_wish_ends_what_would_be_tried_again},
      {"a wish gives its reason", a_wish_gives_a_cancelled_end_its_reason},
      {"a late success wins over a wish", a_late_success_wins_over_a_wish},
      {"a wished run that was accepted", a_wished_run_that_was_accepted_is_looked_at_at_once},
      {"a spread job is its audience's", a_spread_job_is_its_audiences},
      {"a wished job is not spread", a_wished_job_is_not_spread},
      {"retries expire", retries_expire},
      {"dead runs are purged", dead_runs_are_purged},
      {"a dead job is not purged early", a_dead_job_is_not_purged_before_its_children_ended},
  };
}

}  // namespace rruled::test
