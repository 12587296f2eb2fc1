// RunDesk::expire_runs: what nobody could send before its start_before.
#include "conformance.h"
#include "sample.h"
#include "store/audience.h"
#include "store/run_desk.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using enum RunStatus;

// Two runs of a schedule, written down and not sent, that must start before 50.
struct Ledger {
  Ledger(Store& store, OverlapPolicy overlap, RunKind kind) : desk(store.run_desk()) {
    auto schedule = a_schedule();
    schedule.overlap = overlap;
    REQUIRE_FALSE(store.write({.flows = {{a_flow(), {}}}, .schedules = {{schedule, {}}}}, at(0)));
    claimant = store.begin_session(id_of<OwnerId>(1), at(0)).claimant;
    const auto row = *store.schedule(schedule_id(1));
    runs = {a_run(row, nominal(0), pending), a_run(row, nominal(1), pending)};
    for (auto& run : runs) {
      run.start_before = at(50);
      run.kind = kind;
    }
    (void)store.settle({a_settlement(row, runs, nominal(500))}, claimant, at(2));
  }
  std::unique_ptr<RunDesk> desk;
  Claimant claimant;
  std::vector<Run> runs;
};

// A run before its start_before, which is exclusive, of an executor that nobody need name.
void what_was_never_sent_expires(Store& store) {
  REQUIRE_FALSE(store.write({.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}}}, at(0)));
  const auto claimant = store.begin_session(id_of<OwnerId>(1), at(0)).claimant;
  const auto desk = store.run_desk();
  std::vector<Run> runs{a_manual_run(1), a_manual_run(2), a_manual_run(3)};
  runs[0].start_before = at(60);
  runs[1].start_before = at(50);
  runs[1].executor = "gone";
  REQUIRE_FALSE(store.write({.runs = runs}, at(1)));
  CHECK(desk->expire_runs({}, at(50) - 1ms).empty());
  CHECK(desk->expire_runs({.limit = 0}, at(50)).empty());
  const auto expired = desk->expire_runs({}, at(50));
  REQUIRE(expired.size() == 1);
  CHECK(show(expired[0]) == show(*store.run(runs[1].id)));
  CHECK(expired[0].status == cancelled);
  CHECK(expired[0].reason == "catchup_window");
  CHECK(expired[0].finished_at == at(50));
  CHECK(store.logs({.run_id = runs[1].id}).size() == 1);
  CHECK(desk->expire_runs({}, at(50)).empty());
  // One that is with a daemon is being sent; one that was tried has the time of its retries.
  const auto claimed = store.claim({claimant, {"default"}, 1}, at(51)).runs;
  REQUIRE(claimed.at(0).id == runs[0].id);
  CHECK(claimed[0].start_before == at(60));
  CHECK(desk->expire_runs({}, at(70)).empty());
  store.hand_back({{claimed[0].id, claimed[0].fence}}, claimant);
  CHECK(desk->expire_runs({}, at(60) - 1ms).empty());
  const auto again = store.claim({claimant, {"default"}, 1}, at(52)).runs;
  REQUIRE(again.at(0).id == runs[0].id);
  auto retry = a_finish(again[0], retrying, at(53));
  retry.available_at = at(54);
  (void)store.finish({retry}, claimant, at(53));
  CHECK(desk->expire_runs({}, at(9'000)).empty());
  CHECK(store.run(runs[2].id)->status == pending);
}

// It waited for the run before it, not for its executor.
void what_was_never_sent_lets_the_next_one_go(Store& store) {
  const Ledger ledger(store, OverlapPolicy::buffer_all, RunKind::invocation);
  REQUIRE(store.run(ledger.runs[1].id)->status == waiting);
  const auto revision = store.changes_since(0).revision;
  REQUIRE(ledger.desk->expire_runs({}, at(50)).size() == 1);
  CHECK(store.run(ledger.runs[1].id)->status == pending);
  CHECK(store.changes_since(revision).runs_added);
  CHECK(ledger.desk->expire_runs({}, at(9'000)).empty());
}

void what_was_never_sent_is_no_attempt(Store& store) {
  const Ledger ledger(store, OverlapPolicy::allow, RunKind::invocation);
  const auto run = store.claim({ledger.claimant, {"default"}, 1}, at(3)).runs.at(0);
  auto end = a_finish(run, cancelled, at(60));
  end.sent = false;
  CHECK(store.finish({end}, ledger.claimant, at(60)).at(0).written);
  CHECK(store.run(run.id)->status == cancelled);
  CHECK(store.run(run.id)->started_at == std::nullopt);
  CHECK(store.run(run.id)->attempts == 0);
  CHECK(store.attempts(run.id).empty());
  CHECK(store.finish({end}, ledger.claimant, at(61)).at(0).written);  // again, the same
  CHECK(store.run(run.id)->attempts == 0);
  end.status = retrying;
  CHECK_THROWS_AS(store.finish({end}, ledger.claimant, at(62)), StoreError);
}

void what_was_never_sent_ends_after_the_attempts_before(Store& store) {
  const Ledger ledger(store, OverlapPolicy::allow, RunKind::invocation);
  const auto first = store.claim({ledger.claimant, {"default"}, 1}, at(3)).runs.at(0);
  auto retry = a_finish(first, retrying, at(4));
  retry.available_at = at(5);
  (void)store.finish({retry}, ledger.claimant, at(4));
  const auto claimed = store.claim({ledger.claimant, {"default"}}, at(5)).runs;
  REQUIRE(claimed.size() == 2);
  auto end = a_finish(claimed[claimed[0].id == first.id ? 0 : 1], dead, at(6));
  end.sent = false;
  end.attempt.error = "not sent";
  CHECK(store.finish({end}, ledger.claimant, at(6)).at(0).written);
  const auto run = store.run(first.id);
  CHECK(run->status == dead);
  CHECK(run->error == "not sent");
  CHECK(run->attempts == 1);
  const auto attempts = store.attempts(first.id);
  REQUIRE(attempts.size() == 1);
  CHECK(attempts[0].number == 1);
  CHECK(run->started_at == attempts[0].started_at);
}

void a_job_that_is_being_spread_does_not_expire(Store& store) {
  const Ledger ledger(store, OverlapPolicy::allow, RunKind::batch_job);
  const auto claimed = store.claim({ledger.claimant, {"default"}, 1}, at(3)).runs;
  const auto& job = claimed.at(0);
  REQUIRE(store.audience()->open_job({job.id, job.fence, ledger.claimant}, at(3)));
  store.hand_back({{job.id, job.fence}}, ledger.claimant);
  REQUIRE(store.run(job.id)->status == pending);
  CHECK_FALSE(store.run(job.id)->start_before);
  const auto expired = ledger.desk->expire_runs({}, at(50));
  REQUIRE(expired.size() == 1);
  CHECK(expired[0].id != job.id);
}

}  // namespace

std::vector<Check> expiry_checks() {
  return {
      {"what was never sent expires", what_was_never_sent_expires},
      {"what was never sent lets the next one go", what_was_never_sent_lets_the_next_one_go},
      {"what was never sent is no attempt", what_was_never_sent_is_no_attempt},
      {"what was never sent ends after the attempts before",
       what_was_never_sent_ends_after_the_attempts_before},
      {"a job that is being spread does not expire", a_job_that_is_being_spread_does_not_expire},
  };
}

}  // namespace rruled::test
