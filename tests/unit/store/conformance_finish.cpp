#include "conformance.h"
#include "sample.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using enum RunStatus;

Run a_claimed_run(Store& store, const Claimant& claimant) {
  auto row = *store.schedule(schedule_id(1));
  return store
      .settle({a_settlement(row, {a_run(row, *row.next_run_at)}, *row.next_run_at + 1s)}, claimant,
              *row.next_due_at)
      .at(0)
      .claimed.at(0);
}

void writes_each_outcome(Store& store) {
  const auto claimant = begin_with_schedules(store, 1);
  int written = 0;
  for (const auto status : {completed, failed, dead, cancelled, retrying}) {
    INFO(word(status));
    auto expected = a_claimed_run(store, claimant);
    auto finish = a_finish(expected, status, at(30));
    finish.reason = "why";
    finish.attempt.error = "what";
    finish.attempt.status_code = 503;
    finish.logs = {a_log_line(std::string(word(status)))};
    finish.logs[0].run_id = expected.id;
    if (status == retrying) finish.available_at = at(40);
    const auto result = store.finish({finish}, claimant, at(31)).at(0);
    CHECK(result.written);
    CHECK_FALSE(result.released);

    expected.status = status;
    expected.reason = "why";
    expected.error = "what";
    expected.started_at = at(29);
    if (status == retrying)
      expected.available_at = at(40);
    else
      expected.finished_at = at(31);
    CHECK(show(store.run(expected.id)) == show(expected));
    CHECK(show(store.attempts(expected.id)) == show(std::vector{finish.attempt}));
    CHECK(show(store.logs({.run_id = expected.id})) == show(finish.logs));
    ++written;
  }
  CHECK(written == 5);
}

void shows_the_open_attempt(Store& store) {
  const auto claimant = begin_with_schedules(store, 1);
  const auto run = a_claimed_run(store, claimant);
  const auto open = store.attempts(run.id);
  REQUIRE(open.size() == 1);
  CHECK(open[0].number == 1);
  CHECK(open[0].started_at == at(0));
  CHECK_FALSE(open[0].finished_at);
  CHECK(open[0].outcome.empty());
  (void)store.finish({a_finish(run, retrying, at(1))}, claimant, at(1));
  const auto again = store.claim({claimant, {"default"}}, at(7)).runs.at(0);
  const auto both = store.attempts(run.id);
  REQUIRE(both.size() == 2);
  CHECK(both[0].finished_at == at(1));
  CHECK(both[1].number == 2);
  CHECK(both[1].started_at == at(7));
  (void)store.finish({a_finish(again, completed, at(9))}, claimant, at(9));
  const auto ended = *store.run(run.id);
  CHECK(ended.started_at == at(0));  // of the first attempt
  CHECK(ended.attempts == 2);
  CHECK(store.attempts(run.id).size() == 2);
  CHECK(store.attempts(run_id(99)).empty());
}

void a_retry_without_a_time_is_available_at_once(Store& store) {
  const auto claimant = begin_with_schedules(store, 1);
  const auto run = a_claimed_run(store, claimant);
  (void)store.finish({a_finish(run, retrying, at(3))}, claimant, at(4));
  CHECK(store.run(run.id)->available_at == at(4));
}

void is_idempotent(Store& store) {
  const auto claimant = begin_with_schedules(store, 1);
  auto schedule = *store.schedule(schedule_id(1));
  int repeated = 0;
  for (const auto status : {completed, failed, dead, cancelled, retrying}) {
    INFO(word(status));
    const auto row = *store.schedule(schedule.id);
    const auto next = *row.next_run_at;
    const auto run = store
                         .settle({a_settlement(row,
                                               {a_run(row, next), a_run(row, next + 1s, waiting),
                                                a_run(row, next + 2s, waiting)},
                                               next + 3s)},
                                 claimant, at(60))
                         .at(0)
                         .claimed.at(0);
    auto finish = a_finish(run, status, at(61));
    finish.logs = {a_log_line("once")};
    const auto first = store.finish({finish}, claimant, at(61)).at(0);
    const auto before = dump(store);
    CHECK(first.written);
    for (int again = 0; again < 2; ++again) {
      const auto result = store.finish({finish}, claimant, at(70)).at(0);
      CHECK(show(result) == show(first));
      ++repeated;
    }
    // Twice in one batch, too.
    const auto twice = store.finish({finish, finish}, claimant, at(70));
    CHECK(show(twice.at(0)) == show(first));
    CHECK(show(twice.at(1)) == show(first));
    CHECK(dump(store) == before);
    // The lane is emptied for the next round.
    while (true) {
      const auto rest = store.claim({claimant, {"default"}}, at(1'000)).runs;
      if (rest.empty()) break;
      for (const auto& each : rest)
        (void)store.finish({a_finish(each, completed, at(80))}, claimant, at(80));
    }
  }
  CHECK(repeated == 10);
}

void a_lost_claim_writes_nothing(Store& store) {
  const auto claimant = begin_with_schedules(store, 1);
  const auto run = a_claimed_run(store, claimant);
  auto other_fence = a_finish(run, completed, at(1));
  ++other_fence.fence;
  auto older_fence = a_finish(run, completed, at(1));
  --older_fence.fence;
  auto unknown = a_finish(run, completed, at(1));
  unknown.run_id = unknown.attempt.run_id = run_id(99);
  const auto before = dump(store);
  for (const auto& result : store.finish({other_fence, older_fence, unknown}, claimant, at(1)))
    CHECK_FALSE(result.written);
  CHECK(dump(store) == before);
  // One lost claim stops no other.
  const auto results = store.finish({unknown, a_finish(run, completed, at(1))}, claimant, at(1));
  CHECK_FALSE(results.at(0).written);
  CHECK(results.at(1).written);
}

void a_run_that_was_claimed_again_is_lost(Store& store) {
  const auto claimant = begin_with_schedules(store, 1);
  const auto run = a_claimed_run(store, claimant);
  (void)store.finish({a_finish(run, retrying, at(1))}, claimant, at(1));
  const auto again = store.claim({claimant, {"default"}}, at(9)).runs.at(0);
  CHECK_FALSE(store.finish({a_finish(run, completed, at(10))}, claimant, at(10)).at(0).written);
  CHECK(store.run(run.id)->status == dispatching);
  CHECK(store.finish({a_finish(again, completed, at(11))}, claimant, at(11)).at(0).written);
}

void a_late_success_wins_over_a_retry(Store& store) {
  const auto claimant = begin_with_schedules(store, 1);
  const auto run = a_claimed_run(store, claimant);
  auto timed_out = a_finish(run, retrying, at(1));
  timed_out.available_at = at(60);
  timed_out.attempt.error = "no answer in time";
  (void)store.finish({timed_out}, claimant, at(1));
  const auto late = a_finish(run, completed, at(5));
  CHECK(store.finish({late}, claimant, at(5)).at(0).written);
  const auto stored = *store.run(run.id);
  CHECK(stored.status == completed);
  CHECK_FALSE(stored.available_at);
  CHECK(stored.error.empty());
  CHECK(show(store.attempts(run.id)) == show(std::vector{late.attempt}));
  CHECK(store.claim({claimant, {"default"}}, at(99)).runs.empty());
}

void from_a_retry_only_some_ends_are_taken(Store& store) {
  const auto claimant = begin_with_schedules(store, 1);
  const std::pair<RunStatus, bool> cases[] = {
      {completed, true}, {dead, true}, {cancelled, true}, {failed, false}};
  for (const auto& [status, taken] : cases) {
    INFO(word(status));
    const auto run = a_claimed_run(store, claimant);
    (void)store.finish({a_finish(run, retrying, at(1))}, claimant, at(1));
    CHECK(store.finish({a_finish(run, status, at(2))}, claimant, at(2)).at(0).written == taken);
    CHECK(store.run(run.id)->status == (taken ? status : retrying));
  }
}

void final_runs_do_not_change(Store& store) {
  const auto claimant = begin_with_schedules(store, 1);
  int tried = 0;
  for (const auto first : {completed, failed, dead, cancelled}) {
    const auto run = a_claimed_run(store, claimant);
    (void)store.finish({a_finish(run, first, at(1))}, claimant, at(1));
    const auto before = dump(store);
    for (const auto second : {completed, failed, dead, cancelled, retrying}) {
      if (second == first) continue;
      INFO(word(first) << " to " << word(second));
      CHECK_FALSE(store.finish({a_finish(run, second, at(2))}, claimant, at(2)).at(0).written);
      ++tried;
    }
    store.hand_back({{run.id, run.fence}}, claimant);
    CHECK(dump(store) == before);
  }
  CHECK(tried == 16);
  CHECK(store.claim({claimant, {"default"}}, at(99)).runs.empty());
  CHECK(store.begin_session(id_of<OwnerId>(2), at(99)).recovered == 0);
}

// In one batch, as in one after the other.
void an_end_that_was_not_sent_takes_its_attempt_back(Store& store) {
  const auto claimant = begin_with_schedules(store, 1);
  const auto run = a_claimed_run(store, claimant);
  auto unsent = a_finish(run, dead, at(2));
  unsent.sent = false;
  for (const auto& result : store.finish({a_finish(run, retrying, at(1)), unsent}, claimant, at(2)))
    CHECK(result.written);
  CHECK(store.run(run.id)->status == dead);
  CHECK(store.run(run.id)->attempts == 0);
  CHECK(store.attempts(run.id).empty());
}

void runs_that_were_not_claimed_cannot_end(Store& store) {
  const auto claimant = begin_with_schedules(store, 1);
  REQUIRE_FALSE(store.write({.runs = {a_manual_run(1)}}, at(0)));
  auto finish = a_finish(a_manual_run(1), completed, at(1));
  finish.attempt.number = 1;
  CHECK_FALSE(store.finish({finish}, claimant, at(1)).at(0).written);
  CHECK(store.run(run_id(1))->status == pending);
}

}  // namespace

std::vector<Check> finish_checks() {
  return {
      {"writes each outcome", writes_each_outcome},
      {"shows the open attempt", shows_the_open_attempt},
      {"a retry without a time", a_retry_without_a_time_is_available_at_once},
      {"finish is idempotent", is_idempotent},
      {"a lost claim writes nothing", a_lost_claim_writes_nothing},
      {"claimed again is lost", a_run_that_was_claimed_again_is_lost},
      {"a late success wins over a retry", a_late_success_wins_over_a_retry},
      {"from a retry only some ends", from_a_retry_only_some_ends_are_taken},
      {"final runs do not change", final_runs_do_not_change},
      {"an unsent end takes its attempt back", an_end_that_was_not_sent_takes_its_attempt_back},
      {"unclaimed runs cannot end", runs_that_were_not_claimed_cannot_end},
  };
}

}  // namespace rruled::test
