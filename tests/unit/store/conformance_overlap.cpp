#include "conformance.h"
#include "sample.h"
#include "store/audience.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using Statuses = std::vector<RunStatus>;
using enum RunStatus;

// One schedule and its runs, made second by second.
class Lane {
 public:
  Lane(Store& store, OverlapPolicy policy, int max_running) : store_(store) {
    auto schedule = a_schedule();
    schedule.overlap = policy;
    schedule.max_running = max_running;
    REQUIRE_FALSE(store.write({.flows = {{a_flow(), {}}}, .schedules = {{schedule, {}}}}, at(0)));
    claimant_ = store.begin_session(id_of<OwnerId>(1), at(0)).claimant;
  }

  // Settles the next occurrences, one for each status asked.
  SettleResult settle(const Statuses& asked) {
    const auto schedule = *store_.schedule(schedule_id(1));
    std::vector<Run> runs;
    for (const auto status : asked) runs.push_back(a_run(schedule, nominal(next_++), status));
    return store_
        .settle({a_settlement(schedule, runs, nominal(next_))}, claimant_, at(1'000 + next_))
        .at(0);
  }
  void settle_run(const Run& run) {
    const auto schedule = *store_.schedule(schedule_id(1));
    ++next_;
    REQUIRE(
        store_.settle({a_settlement(schedule, {run}, nominal(next_))}, claimant_, at(1'000 + next_))
            .at(0)
            .claimed.size() == 1);
  }
  [[nodiscard]] const Claimant& claimant() const { return claimant_; }
  // The n-th run, from 0.
  [[nodiscard]] Run run(int n) const { return *store_.run(a_run(a_schedule(), nominal(n)).id); }
  FinishResult finish(int n, RunStatus status) {
    return store_.finish({a_finish(run(n), status, at(5'000))}, claimant_, at(5'000)).at(0);
  }
  // In one call: which of them let a run go, as "released kept ..".
  std::string finish_all(const std::vector<std::pair<int, RunStatus>>& ends) {
    std::vector<Finish> batch;
    for (const auto& [n, status] : ends) batch.push_back(a_finish(run(n), status, at(5'000)));
    std::string told;
    for (const auto& result : store_.finish(batch, claimant_, at(5'000))) {
      CHECK(result.written);
      told += result.released ? "released " : "kept ";
    }
    return told;
  }
  void claim() { (void)store_.claim({claimant_, {"default"}}, at(9'000)); }
  [[nodiscard]] Statuses statuses() const {
    Statuses all;
    for (int n = 0; n < next_; ++n) all.push_back(run(n).status);
    return all;
  }

 private:
  Store& store_;
  Claimant claimant_;
  int next_ = 0;
};

void check_statuses(const Lane& lane, const Statuses& expected) {
  std::string actual_words;
  std::string expected_words;
  for (const auto status : lane.statuses()) actual_words += std::string(word(status)) + " ";
  for (const auto status : expected) expected_words += std::string(word(status)) + " ";
  CHECK(actual_words == expected_words);
}

void allow_starts_all(Store& store) {
  Lane lane(store, OverlapPolicy::allow, 1);
  CHECK(lane.settle({dispatching, dispatching, pending}).claimed.size() == 2);
  lane.settle({dispatching});
  check_statuses(lane, {dispatching, dispatching, pending, dispatching});
}

void skip_leaves_out_what_overlaps(Store& store) {
  Lane lane(store, OverlapPolicy::skip, 1);
  lane.settle({dispatching});
  const auto result = lane.settle({dispatching, pending});
  check_statuses(lane, {dispatching, skipped, skipped});
  REQUIRE(result.skipped.size() == 2);
  CHECK(show(result.skipped[0]) == show(lane.run(1)));
  CHECK(lane.run(1).reason == "overlap");
  CHECK(lane.run(1).finished_at.has_value());
  CHECK(lane.run(1).attempts == 0);
  lane.finish(0, completed);
  lane.settle({dispatching, dispatching});
  check_statuses(lane, {completed, skipped, skipped, dispatching, skipped});
}

// Each live status counts as running.
void skip_counts_what_is_live(Store& store) {
  Lane lane(store, OverlapPolicy::skip, 2);
  lane.settle({pending, waiting});
  lane.settle({dispatching});
  check_statuses(lane, {pending, waiting, skipped});
  lane.claim();
  lane.settle({dispatching});
  check_statuses(lane, {dispatching, waiting, skipped, skipped});
  lane.finish(0, retrying);
  lane.settle({dispatching});
  check_statuses(lane, {retrying, waiting, skipped, skipped, skipped});
  lane.claim();
  lane.finish(0, failed);
  check_statuses(lane, {failed, pending, skipped, skipped, skipped});
  lane.settle({dispatching});
  check_statuses(lane, {failed, pending, skipped, skipped, skipped, dispatching});
}

void buffer_one_keeps_one(Store& store) {
  Lane lane(store, OverlapPolicy::buffer_one, 1);
  const auto result = lane.settle({dispatching, dispatching, pending});
  check_statuses(lane, {dispatching, waiting, skipped});
  CHECK(result.claimed.size() == 1);
  CHECK(result.skipped.size() == 1);
  CHECK(lane.run(2).reason == "overlap");
  CHECK(lane.finish(0, failed).released);
  check_statuses(lane, {failed, pending, skipped});
  lane.settle({dispatching, dispatching});
  check_statuses(lane, {failed, pending, skipped, waiting, skipped});
}

void buffer_all_keeps_a_hundred(Store& store) {
  Lane lane(store, OverlapPolicy::buffer_all, 1);
  const auto result = lane.settle(Statuses(102, dispatching));
  REQUIRE(result.skipped.size() == 1);
  CHECK(result.skipped[0].reason == "buffer_full");
  Statuses expected(102, waiting);
  expected.front() = dispatching;
  expected.back() = skipped;
  check_statuses(lane, expected);
  // Let go one by one, the oldest first.
  for (int n = 0; n < 3; ++n) {
    CHECK(lane.finish(n, completed).released);
    CHECK(lane.run(n + 1).status == pending);
    CHECK(lane.run(n + 1).available_at == at(5'000));
    CHECK(lane.run(n + 2).status == waiting);
    lane.claim();
  }
}

void cancel_other_cancels_what_was_not_sent(Store& store) {
  Lane lane(store, OverlapPolicy::cancel_other, 2);
  lane.settle({pending, waiting});
  const auto result = lane.settle({dispatching});
  CHECK(result.cancel.empty());
  CHECK(result.claimed.size() == 1);
  check_statuses(lane, {cancelled, cancelled, dispatching});
  CHECK(lane.run(0).reason == "overlap");
  CHECK(lane.run(0).finished_at.has_value());
  CHECK_FALSE(lane.run(0).available_at);
}

void cancel_other_waits_for_what_was_sent(Store& store) {
  Lane lane(store, OverlapPolicy::cancel_other, 1);
  lane.settle({dispatching});
  auto result = lane.settle({dispatching});
  CHECK(result.cancel == std::vector{lane.run(0).id});
  CHECK(result.claimed.empty());
  check_statuses(lane, {dispatching, waiting});
  // With it already: a daemon that ends now leaves nothing that would be sent again.
  CHECK(lane.run(0).cancel_reason == "overlap");
  CHECK(lane.run(1).cancel_reason.empty());
  // The newest replaces the one that waits.
  result = lane.settle({pending});
  CHECK(result.cancel == std::vector{lane.run(0).id});
  check_statuses(lane, {dispatching, cancelled, waiting});
  CHECK(lane.finish(0, cancelled).released);
  check_statuses(lane, {cancelled, cancelled, pending});
  lane.claim();
  lane.finish(2, retrying);
  result = lane.settle({dispatching});
  CHECK(result.cancel.empty());
  check_statuses(lane, {cancelled, cancelled, cancelled, dispatching});
}

void cancel_other_ends_an_open_job(Store& store) {
  Lane lane(store, OverlapPolicy::cancel_other, 1);
  auto job = a_run(a_schedule(), nominal(0), dispatching);
  job.kind = RunKind::batch_job;
  lane.settle_run(job);
  const auto audience = store.audience();
  const auto held = lane.run(0);
  REQUIRE(audience->open_job({held.id, held.fence, lane.claimant()}, at(5'000)));
  CHECK(lane.settle({dispatching}).cancel == std::vector{held.id});
  // Its children are cancelled with it, which is not the run's wish but the job's.
  CHECK(lane.run(0).cancel_reason.empty());
  const auto opened = audience->open_job({held.id, held.fence, lane.claimant()}, at(5'001));
  REQUIRE(opened);
  CHECK(opened->ending == cancelled);
  CHECK(opened->reason == "overlap");
}

void a_waiting_run_with_nobody_before_it_goes(Store& store) {
  Lane lane(store, OverlapPolicy::buffer_all, 1);
  CHECK(lane.settle({waiting}).released);
  check_statuses(lane, {pending});
  CHECK_FALSE(lane.settle({dispatching}).released);
  check_statuses(lane, {pending, waiting});
}

void every_end_lets_one_go(Store& store) {
  Lane lane(store, OverlapPolicy::allow, 1);
  lane.settle({dispatching, waiting, waiting, waiting, waiting});
  int n = 0;
  for (const auto end : {completed, failed, dead, cancelled}) {
    INFO(word(end));
    CHECK(lane.run(n + 1).status == waiting);
    const auto result = lane.finish(n, end);
    CHECK(result.written);
    CHECK(result.released);
    CHECK(lane.run(n + 1).status == pending);
    lane.claim();
    ++n;
  }
  CHECK(n == 4);
  // The last one has nobody to let go.
  CHECK_FALSE(lane.finish(4, completed).released);
}

void a_retry_keeps_its_slot(Store& store) {
  Lane lane(store, OverlapPolicy::allow, 1);
  lane.settle({dispatching, waiting});
  const auto result = lane.finish(0, retrying);
  CHECK(result.written);
  CHECK_FALSE(result.released);
  check_statuses(lane, {retrying, waiting});
}

void lets_go_only_into_a_free_slot(Store& store) {
  Lane lane(store, OverlapPolicy::buffer_all, 2);
  lane.settle({dispatching, dispatching, dispatching, dispatching});
  check_statuses(lane, {dispatching, dispatching, waiting, waiting});
  CHECK(lane.finish(1, completed).released);
  check_statuses(lane, {dispatching, completed, pending, waiting});
  // Fewer may run now: what runs is more than that.
  auto schedule = *store.schedule(schedule_id(1));
  const auto stamp = stamp_of(schedule);
  schedule.max_running = 1;
  REQUIRE_FALSE(store.write({.schedules = {{schedule, stamp}}}, at(0)));
  CHECK_FALSE(lane.finish(0, completed).released);
  check_statuses(lane, {completed, completed, pending, waiting});
  lane.claim();
  CHECK(lane.finish(2, completed).released);
  check_statuses(lane, {completed, completed, completed, pending});
}

void nobody_waits_for_nobody(Store& store) {
  Lane lane(store, OverlapPolicy::allow, 1);
  lane.settle({waiting, waiting});
  check_statuses(lane, {pending, waiting});
}

// While runs take longer than the time between two, one of them is always live.
void runs_that_overlap_do_not_stop_those_in_turn(Store& store) {
  Lane lane(store, OverlapPolicy::allow, 1);
  lane.settle({dispatching, waiting, waiting});
  lane.settle({dispatching});
  CHECK(lane.finish(0, completed).released);
  check_statuses(lane, {completed, pending, waiting, dispatching});
  // In turn: not before the one before.
  lane.settle({dispatching});
  CHECK_FALSE(lane.finish(3, completed).released);
  lane.claim();
  CHECK(lane.finish(1, completed).released);
  check_statuses(lane, {completed, completed, pending, completed, dispatching});
}

// In one call as one by one: those that came after a waiting run do not hold it back.
void each_end_of_a_batch_is_judged_in_turn(Store& store) {
  Lane lane(store, OverlapPolicy::allow, 1);
  lane.settle({dispatching, waiting});
  lane.settle({dispatching});
  CHECK(lane.finish_all({{0, completed}, {2, completed}}) == "released kept ");
  check_statuses(lane, {completed, pending, completed});
}

void what_runs_between_two_that_wait_holds_the_second_back(Store& store) {
  Lane lane(store, OverlapPolicy::allow, 2);
  lane.settle({dispatching, dispatching, waiting});
  lane.settle({dispatching});
  lane.settle({waiting});
  CHECK(lane.finish_all({{0, completed}, {1, failed}}) == "released kept ");
  check_statuses(lane, {completed, failed, pending, dispatching, waiting});
}

void a_repeated_retry_lets_nobody_go(Store& store) {
  Lane lane(store, OverlapPolicy::buffer_all, 1);
  lane.settle({dispatching, dispatching});
  CHECK(lane.finish_all({{0, retrying}, {0, retrying}, {0, completed}, {0, completed}}) ==
        "kept kept released released ");
  check_statuses(lane, {completed, pending});
}

void runs_of_others_do_not_count(Store& store) {
  Lane lane(store, OverlapPolicy::skip, 1);
  REQUIRE_FALSE(
      store.write({.schedules = {{a_schedule(2), {}}}, .runs = {a_manual_run(1)}}, at(0)));
  auto other = a_manual_run(2);
  other.schedule_id = schedule_id(2);
  REQUIRE_FALSE(store.write({.runs = {other}}, at(0)));
  lane.settle({dispatching});
  check_statuses(lane, {dispatching});
  // A manual run of the schedule itself does.
  lane.finish(0, completed);
  auto own = a_manual_run(3);
  own.schedule_id = schedule_id(1);
  REQUIRE_FALSE(store.write({.runs = {own}}, at(0)));
  lane.settle({dispatching});
  check_statuses(lane, {completed, skipped});
}

}  // namespace

std::vector<Check> overlap_checks() {
  return {
      {"allow starts all", allow_starts_all},
      {"skip leaves out what overlaps", skip_leaves_out_what_overlaps},
      {"skip counts what is live", skip_counts_what_is_live},
      {"buffer_one keeps one", buffer_one_keeps_one},
      {"buffer_all keeps a hundred", buffer_all_keeps_a_hundred},
      {"cancel_other cancels the unsent", cancel_other_cancels_what_was_not_sent},
      {"cancel_other waits for the sent", cancel_other_waits_for_what_was_sent},
      {"cancel_other ends an open job", cancel_other_ends_an_open_job},
      {"a waiting run with nobody before it goes", a_waiting_run_with_nobody_before_it_goes},
      {"every end lets one go", every_end_lets_one_go},
      {"each end of a batch is judged in turn", each_end_of_a_batch_is_judged_in_turn},
      {"what runs between two that wait", what_runs_between_two_that_wait_holds_the_second_back},
      {"a repeated retry lets nobody go", a_repeated_retry_lets_nobody_go},
      {"a retry keeps its slot", a_retry_keeps_its_slot},
      {"lets go only into a free slot", lets_go_only_into_a_free_slot},
      {"nobody waits for nobody", nobody_waits_for_nobody},
      {"runs that overlap do not stop those in turn", runs_that_overlap_do_not_stop_those_in_turn},
      {"runs of others do not count", runs_of_others_do_not_count},
  };
}

}  // namespace rruled::test
