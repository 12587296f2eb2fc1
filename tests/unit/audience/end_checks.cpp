#include "stage.h"
#include "store/run_desk.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

void empty_audience(store::Store& store) {
  Stage stage(store);
  const auto id = stage.order_job();
  stage.spread(stage.claim());
  CHECK(store.run(id)->status == RunStatus::running);
  stage.now += 1s;
  const auto ended = stage.end_jobs();
  REQUIRE(ended.ended.size() == 1);
  CHECK(ended.open == 0);
  CHECK(ended.ended.front().run.status == RunStatus::completed);
  CHECK(store.run(id)->finished_at == stage.now);
  CHECK(stage.audience->progress({id}) ==
        std::vector{JobProgress{.run_id = id, .total = 0, .trigger_config = kTrigger}});
}

void last_child(store::Store& store) {
  Stage stage(store);
  stage.add_persons(3);
  const auto id = stage.order_job();
  stage.spread(stage.claim());
  const auto one = stage.claim();
  const auto two = stage.claim();
  const auto three = stage.claim();
  stage.finish(one, RunStatus::completed);
  stage.finish(two, RunStatus::completed);
  CHECK(stage.end_jobs().open == 1);
  CHECK(store.run(id)->status == RunStatus::running);
  stage.finish(three, RunStatus::retrying);
  CHECK(stage.end_jobs().open == 1);
  CHECK(stage.audience->progress({id}) ==
        std::vector{JobProgress{
            .run_id = id, .total = 3, .enqueued = 3, .done = 2, .trigger_config = kTrigger}});
  stage.now += 60s;
  stage.finish_all();
  CHECK(stage.end_jobs().ended.size() == 1);
  CHECK(store.run(id)->status == RunStatus::completed);
  CHECK(stage.log_of(id).ends_with("INFO batch job completed: 3 of 3 persons reached, 0 failed\n"));
  CHECK(stage.end_jobs().ended.empty());
}

void failed_children(store::Store& store) {
  Stage stage(store);
  stage.add_persons(3);
  const auto id = stage.order_job();
  stage.spread(stage.claim());
  stage.finish(stage.claim(), RunStatus::completed);
  stage.finish(stage.claim(), RunStatus::failed);
  stage.finish(stage.claim(), RunStatus::dead);
  CHECK(stage.end_jobs().ended.size() == 1);
  const auto job = *store.run(id);
  CHECK(job.status == RunStatus::failed);
  CHECK(job.reason == "children_failed");
  CHECK(job.error == "1 of 3 persons reached, 2 failed");
  CHECK(stage.audience->progress({id}) == std::vector{JobProgress{.run_id = id,
                                                                  .total = 3,
                                                                  .enqueued = 3,
                                                                  .done = 1,
                                                                  .failed = 2,
                                                                  .trigger_config = kTrigger}});
}

void releases(store::Store& store) {
  Stage stage(store);
  stage.add_persons(1);
  Schedule schedule = a_schedule();
  schedule.overlap = OverlapPolicy::buffer_one;
  REQUIRE_FALSE(store.write(put(schedule), stage.now));
  const auto id = stage.order_job(900, schedule.id);
  const auto job = stage.claim();
  auto settlement =
      a_settlement(schedule, {a_run(schedule, nominal(0), RunStatus::pending)}, nominal(900));
  settlement.overlap = OverlapPolicy::buffer_one;
  const auto waiting = settlement.runs.front().id;
  REQUIRE(store.settle({settlement}, stage.claim_of(job).claimant, stage.now).front().kind ==
          SettleResult::Kind::settled);
  REQUIRE(store.run(waiting)->status == RunStatus::waiting);
  stage.spread(job);
  CHECK(store.run(waiting)->status == RunStatus::waiting);  // a running job holds its slot
  stage.finish(stage.claim(), RunStatus::completed);
  const auto revision = store.changes_since(0).revision;
  const auto ended = stage.end_jobs();
  REQUIRE(ended.ended.size() == 1);
  CHECK(ended.ended.front().released);
  CHECK(store.changes_since(revision).runs_added);  // or other daemons leave it where it is
  CHECK(store.run(id)->status == RunStatus::completed);
  CHECK(store.run(waiting)->status == RunStatus::pending);
}

void cancelled_half_way(store::Store& store) {
  Stage stage(store);
  stage.add_persons(5);
  const auto id = stage.order_job();
  stage.spread(stage.claim());
  stage.finish(stage.claim(), RunStatus::completed);
  const auto sent = stage.claim();
  CHECK(stage.audience->cancel_job(id, "enough", {}, stage.now) == CancelResult::cancelled);
  CHECK(stage.end_jobs({.cancel = 2}).open == 1);
  CHECK(stage.children(id, RunStatus::cancelled).size() == 5);  // two of "p1"
  CHECK(stage.end_jobs().open == 1);
  CHECK(stage.children(id, RunStatus::cancelled).size() == 8);
  CHECK(store.run(id)->status == RunStatus::running);
  stage.finish(sent, RunStatus::completed);
  REQUIRE(stage.end_jobs({.only = id}).ended.size() == 1);
  const auto job = *store.run(id);
  CHECK(job.status == RunStatus::cancelled);
  CHECK(job.reason == "enough");
  CHECK(stage.audience->progress({id}).at(0).done == 2);
  CHECK(stage.audience->cancel_job(id, "again", {}, stage.now) == CancelResult::ended);
}

void cancelled_while_spreading(store::Store& store) {
  Stage stage(store);
  stage.add_persons(5);
  const auto id = stage.order_job();
  CHECK(stage.audience->cancel_job(id, "no", {}, stage.now) == CancelResult::missing);
  const auto run = stage.claim();
  CHECK(stage.audience->cancel_job(id, "no", {}, stage.now) == CancelResult::missing);
  REQUIRE(stage.audience->open_job(stage.claim_of(run), stage.now));
  (void)stage.page(run);
  CHECK(stage.audience->cancel_job(id, "no", {}, stage.now) == CancelResult::cancelled);
  CHECK(stage.end_jobs().open == 1);  // its claimant must see it first
  CHECK(stage.page(run).kind == FannedOut::Kind::spread);
  CHECK(stage.children(id) == "p1 p2");
  CHECK(stage.end_jobs().ended.size() == 1);
  CHECK(store.run(id)->status == RunStatus::cancelled);
  CHECK(stage.children(id, RunStatus::cancelled) == "p1 p2");
}

void dead_children(store::Store& store) {
  Stage stage(store);
  stage.add_persons(2);
  const auto id = stage.order_job();
  stage.spread(stage.claim());
  const auto dead = stage.claim();
  stage.finish(dead, RunStatus::dead);
  const auto desk = store.run_desk();
  const auto line = [](const auto&) { return AuditEntry{}; };
  CHECK(desk->purge_dead({dead.id}, line, stage.now) == 0);
  PruneRequest request;
  request.runs_before = request.logs_before = stage.now + 1h;
  CHECK(store.prune(request, stage.now + 2h).runs == 0);
  for (int calls = 0; desk->remove_history(flow_id(1), 1).more; ++calls) REQUIRE(calls < 100);
  CHECK(store.run(dead.id));
  stage.finish(stage.claim(), RunStatus::completed);
  REQUIRE(stage.end_jobs().ended.size() == 1);
  CHECK(store.run(id)->status == RunStatus::failed);  // it was counted
  CHECK(desk->purge_dead({dead.id}, line, stage.now) == 1);
  CHECK(stage.audience->progress({id}).at(0).failed == 1);
  for (int calls = 0; desk->remove_history(flow_id(1), 1).more; ++calls) REQUIRE(calls < 100);
  CHECK(store.runs({.flow_id = flow_id(1)}).empty());
  CHECK(stage.audience->progress({id}).empty());
  CHECK(stage.audience->jobs({id}).empty());
}

void cancelled_by_others(store::Store& store) {
  Stage stage(store);
  stage.add_persons(5);
  const auto id = stage.order_job();
  const auto run = stage.claim();
  REQUIRE(stage.audience->open_job(stage.claim_of(run), stage.now));
  (void)stage.page(run);
  store.hand_back({{run.id, run.fence}}, stage.claim_of(run).claimant);
  CHECK(stage.audience->cancel_job(id, "no", {}, stage.now) == CancelResult::under_way);
  REQUIRE(store.directory()->cancel_run(id, "gone", stage.now, AuditEntry{}) ==
          CancelResult::cancelled);
  const auto ended = stage.end_jobs();
  CHECK(ended.ended.empty());
  CHECK(ended.open == 0);
  CHECK(stage.children(id, RunStatus::cancelled) == "p1 p2");
  CHECK(store.run(id)->reason == "gone");
}

void many_open(store::Store& store) {
  Stage stage(store);
  stage.add_persons(1);
  std::vector<RunId> ids;
  for (int n = 900; n < 905; ++n) {
    ids.push_back(stage.order_job(n));
    Run job = stage.claim();
    while (job.kind != RunKind::batch_job) job = stage.claim();  // children go on being sent
    stage.spread(job);
  }
  const auto first = stage.end_jobs({.limit = 2});
  CHECK(first.open == 2);
  CHECK(first.next == ids[1]);
  const auto second = stage.end_jobs({.after = first.next, .limit = 2});
  CHECK(second.next == ids[3]);
  const auto last = stage.end_jobs({.after = second.next, .limit = 2});
  CHECK(last.open == 1);
  CHECK_FALSE(last.next);
  CHECK(stage.audience->progress({ids[4], run_id(5), ids[0]}).size() == 2);
  const auto jobs = stage.audience->jobs({ids[4], run_id(5), ids[0]});
  REQUIRE(jobs.size() == 2);
  CHECK(jobs[0].run_id == ids[4]);
  CHECK(jobs[1].run_id == ids[0]);
}

void only_one(store::Store& store) {
  Stage stage(store);
  const auto one = stage.order_job(900);
  stage.spread(stage.claim());
  REQUIRE(stage.end_jobs().ended.size() == 1);
  const auto two = stage.order_job(901);
  stage.spread(stage.claim());
  const auto again = stage.end_jobs({.only = one});
  CHECK(again.ended.empty());
  CHECK(again.open == 0);
  CHECK(store.run(two)->status == RunStatus::running);
  CHECK(stage.end_jobs({.only = two}).ended.size() == 1);
}

void wish_of_a_replayed_one(store::Store& store) {
  Stage stage(store);
  const auto id = stage.order_job();
  const auto first = stage.claim();
  REQUIRE(stage.audience->open_job(stage.claim_of(first), stage.now));
  stage.set_flow(FlowStatus::archived);
  REQUIRE(stage.page(first).kind == FannedOut::Kind::spread);
  REQUIRE(stage.end_jobs().ended.size() == 1);
  stage.set_flow(FlowStatus::active);
  REQUIRE(store.directory()->retry_run(id, {}, stage.now, {}) == RetryResult::retried);
  const auto run = stage.claim();
  REQUIRE(run.id == id);
  CHECK(stage.audience->cancel_job(id, "no", {}, stage.now) == CancelResult::missing);
  CHECK(store.run_desk()->ask_to_cancel(id, "no", stage.now));
  const auto job = stage.audience->open_job(stage.claim_of(run), stage.now);
  REQUIRE(job);
  CHECK(job->ending == RunStatus::cancelled);
  CHECK(job->reason == "no");
}

// The place where the next call goes on is that of a job that was looked at.
void ended_between(store::Store& store) {
  Stage stage(store);
  stage.add_persons(1);
  std::vector<RunId> ids;
  for (int n = 900; n < 903; ++n) {
    ids.push_back(stage.order_job(n));
    Run job = stage.claim();
    while (job.kind != RunKind::batch_job) job = stage.claim();
    stage.spread(job);
    if (n != 901) continue;
    CHECK(stage.audience->cancel_job(ids.back(), "enough", {}, stage.now) ==
          CancelResult::cancelled);
    REQUIRE(stage.end_jobs({.only = ids.back()}).ended.size() == 1);
  }
  CHECK(stage.end_jobs({.limit = 1}).next == ids[0]);
}

void pruned(store::Store& store) {
  Stage stage(store);
  const auto id = stage.order_job();
  stage.spread(stage.claim());
  CHECK(stage.end_jobs().ended.size() == 1);
  CHECK(stage.audience->progress({id}).size() == 1);
  PruneRequest request;
  request.runs_before = request.logs_before = stage.now + 1h;
  CHECK(store.prune(request, stage.now + 2h).runs == 1);
  CHECK(stage.audience->progress({id}).empty());
}

}  // namespace

std::vector<AudienceCheck> end_checks() {
  return {{"an empty audience is a finished job of none", empty_audience},
          {"a job ends with its last child", last_child},
          {"a job fails when a child did", failed_children},
          {"the end of a job lets the next one of its schedule go", releases},
          {"a job is cancelled half way: what was sent ends", cancelled_half_way},
          {"a job is cancelled while it is spread", cancelled_while_spreading},
          {"a job that waits to go on is cancelled, with its children", cancelled_by_others},
          {"a dead child is neither purged nor pruned while its job counts it", dead_children},
          {"many open jobs are looked at in turn", many_open},
          {"of one job that has ended no other is looked at", only_one},
          {"a wish to end a replayed job before it is opened is not lost", wish_of_a_replayed_one},
          {"jobs that have ended are passed over in turn", ended_between},
          {"what a job kept goes with its run", pruned}};
}

}  // namespace rruled::test
