// RunDesk::expire_runs and correct_waits: what no daemon looks after, or waits for a time that does
// not come.
#include "conformance.h"
#include "run_desk_stage.h"
#include "sample.h"
#include "store/postgres_store.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using enum RunStatus;

void fail_once(RunDeskStage& stage) {
  auto retry = a_finish(stage.run, retrying, at(3));
  retry.available_at = at(4);
  (void)stage.store.finish({retry}, stage.claimant, at(3));
}

void retries_of_nobodys_executor_expire(Store& store) {
  RunDeskStage stage(store);  // started at 2, for 100 s
  fail_once(stage);
  const Timestamp over = at(102);
  const ExpireRuns request{.own = LookedAfter{{"other"}, {}}};
  CHECK(stage.desk->expire_runs(request, over + kForgottenAfter - 1ms).empty());
  CHECK(stage.desk->expire_runs({}, over + 2 * kForgottenAfter).empty());
  ExpireRuns since_later = request;
  since_later.own->since = over + 1ms;
  CHECK(stage.desk->expire_runs(since_later, over + kForgottenAfter).empty());
  const auto expired = stage.desk->expire_runs(request, over + kForgottenAfter);
  REQUIRE(expired.size() == 1);
  CHECK(show(expired[0]) == show(stage.now_is()));
  CHECK(expired[0].status == dead);
  CHECK(expired[0].reason == "retry_time_over");
  CHECK(store.run(stage.next)->status == pending);
}

void what_nobody_tracks_any_more_ends(Store& store) {
  RunDeskStage stage(store);
  REQUIRE(stage.track().written);  // to be asked about at 5
  const ExpireRuns request{.own = LookedAfter{{"default"}, {"other"}}};
  CHECK(stage.desk->expire_runs(request, at(5) + kForgottenAfter - 1ms).empty());
  CHECK(stage.desk->expire_runs({}, at(5) + kForgottenAfter).empty());
  const auto expired = stage.desk->expire_runs(request, at(5) + kForgottenAfter);
  REQUIRE(expired.size() == 1);
  CHECK(show(expired[0]) == show(stage.now_is()));
  CHECK(expired[0].status == failed);
  CHECK(expired[0].reason == "tracking_ended");
  CHECK(expired[0].error.find("job-1") != std::string::npos);
  CHECK(store.logs({.run_id = stage.run.id}).front().message.find("job-1") != std::string::npos);
  CHECK(store.run(stage.next)->status == pending);
}

// Of one daemon, which is alone, or of another one, which says so once in a while.
void what_somebody_looks_after_stays(Store& store) {
  const bool is_tracked = GENERATE(false, true);
  CAPTURE(is_tracked);
  RunDeskStage stage(store);
  if (is_tracked)
    REQUIRE(stage.track().written);
  else
    fail_once(stage);
  const Timestamp long_after = at(102) + 2 * kForgottenAfter;
  const std::vector<std::string> names{"default", "other"};
  const ExpireRuns serves{.own = is_tracked ? LookedAfter{{}, names} : LookedAfter{names, {}}};
  CHECK(stage.desk->expire_runs(serves, long_after).empty());
  CHECK(stage.desk->expire_runs(serves, long_after + 30s).empty());
  const bool is_shared = dynamic_cast<PostgresStore*>(&store) != nullptr;
  const ExpireRuns does_not{.own =
                                is_tracked ? LookedAfter{names, {"b"}} : LookedAfter{{"b"}, names}};
  if (is_shared)
    CHECK(stage.desk->expire_runs(does_not, long_after + kForgottenAfter - 1ms).empty());
  CHECK(stage.desk->expire_runs(does_not, long_after + kForgottenAfter).size() == 1);
}

void what_nobody_tracks_any_more_can_be_cancelled(Store& store) {
  RunDeskStage stage(store);
  REQUIRE(stage.track().written);
  REQUIRE(stage.cancel(at(50)) == CancelResult::asked);
  const ExpireRuns among_others{.own = LookedAfter{{"default"}, {}}};
  CHECK(stage.desk->expire_runs(among_others, at(50) + kForgottenAfter - 1ms).empty());
  const ExpireRuns request{.own = LookedAfter{.executors = {"default"}, .alone = true}};
  CHECK(stage.desk->expire_runs(request, at(50) + kWishForgottenAfter - 1ms).empty());
  const auto expired = stage.desk->expire_runs(request, at(50) + kWishForgottenAfter);
  REQUIRE(expired.size() == 1);
  CHECK(expired[0].status == cancelled);
  CHECK(expired[0].reason == "enough");
  CHECK(store.run(stage.next)->status == pending);
}

// Written six hours ahead, by a clock that was set right since.
void waits_of_a_clock_that_was_ahead_end(Store& store) {
  const auto ahead = std::chrono::hours(6);
  RunDeskStage stage(store);
  auto retry = a_finish(stage.run, retrying, at(3) + ahead);
  retry.available_at = at(4) + ahead;
  (void)store.finish({retry}, stage.claimant, at(3) + ahead);
  Run due = a_manual_run(1);
  due.available_at = at(3) + ahead;
  Run backing_off = a_manual_run(2);
  REQUIRE_FALSE(store.write({.runs = {due, backing_off}}, at(3)));
  CHECK_FALSE(stage.desk->correct_waits({}, at(10)));
  CHECK_FALSE(stage.desk->correct_waits({"other"}, at(10)));
  CHECK(stage.desk->correct_waits({"default"}, at(10)));
  CHECK(store.run(due.id)->available_at == at(10));
  CHECK(stage.now_is().available_at == at(10) + kWaitMax);
  CHECK(store.run(backing_off.id)->available_at == backing_off.due_at);
  CHECK_FALSE(stage.desk->correct_waits({"default"}, at(10)));
  CHECK(store.claim({stage.claimant, {"default"}}, at(10)).runs.size() == 2);
}

// More of them than are corrected at once.
void a_long_backlog_of_a_clock_that_was_ahead_ends(Store& store) {
  RunDeskStage stage(store);
  ChangeSet changes;
  for (int n = 1; n <= 1'001; ++n)
    changes.runs.emplace_back(a_manual_run(n)).available_at = at(3) + std::chrono::hours(6);
  REQUIRE_FALSE(store.write(changes, at(3)));
  CHECK(stage.desk->correct_waits({"default"}, at(10)));
  CHECK(store.run(changes.runs.front().id)->available_at == at(10));
  CHECK(store.run(changes.runs.back().id)->available_at == at(10));
  CHECK_FALSE(stage.desk->correct_waits({"default"}, at(10)));
}

void questions_of_a_clock_that_was_ahead_come(Store& store) {
  RunDeskStage stage(store);
  auto accepted = a_finish(stage.run, running, at(3));
  accepted.remote_id = "job-1";
  accepted.available_at = at(5) + std::chrono::hours(6);
  REQUIRE(store.finish({accepted}, stage.claimant, at(3)).at(0).written);
  CHECK(stage.desk->correct_waits({"default"}, at(10)));
  CHECK(stage.now_is().available_at == at(10) + kWaitMax);
  CHECK_FALSE(stage.desk->correct_waits({"default"}, at(10)));
}

}  // namespace

std::vector<Check> forgotten_checks() {
  return {
      {"retries of nobody's executor expire", retries_of_nobodys_executor_expire},
      {"what nobody tracks any more ends", what_nobody_tracks_any_more_ends},
      {"what somebody looks after stays", what_somebody_looks_after_stays},
      {"what nobody tracks any more can be cancelled",
       what_nobody_tracks_any_more_can_be_cancelled},
      {"waits of a clock that was ahead end", waits_of_a_clock_that_was_ahead_end},
      {"a long backlog of a clock that was ahead ends",
       a_long_backlog_of_a_clock_that_was_ahead_ends},
      {"questions of a clock that was ahead come", questions_of_a_clock_that_was_ahead_come},
  };
}

}  // namespace rruled::test
