#include "conformance.h"
#include "sample.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using Kind = SettleResult::Kind;

void settles_and_claims(Store& store) {
  const auto claimant = begin_with_schedules(store, 3);
  const auto schedule = a_schedule();
  auto settlement = a_settlement(
      schedule, {a_run(schedule, nominal(0)), a_run(schedule, nominal(1), RunStatus::pending)},
      nominal(60));
  settlement.then_due_at = at(61);
  settlement.gaps = {{schedule.id, GapReason::missed, nominal(-9), nominal(-1), 9}};
  settlement.logs = {a_log_line("settled")};
  const auto result = store.settle({settlement}, claimant, at(2)).at(0);

  CHECK(result.kind == Kind::settled);
  CHECK(result.duplicates == 0);
  CHECK(result.skipped.empty());
  CHECK(result.cancel.empty());
  REQUIRE(result.claimed.size() == 1);
  auto expected = settlement.runs[0];
  expected.owner = claimant.owner;
  expected.attempts = 1;
  expected.fence = 1;
  CHECK(show(result.claimed[0]) == show(expected));
  CHECK(show(store.run(expected.id)) == show(expected));
  auto pending = settlement.runs[1];
  pending.available_at = pending.due_at;
  CHECK(show(store.run(pending.id)) == show(pending));
  CHECK(show(store.gaps(schedule.id)) == show(settlement.gaps));
  CHECK(show(store.logs({})) == show(settlement.logs));

  auto row = schedule;
  row.revision = 1;
  row.settled_to = nominal(1);
  row.next_run_at = nominal(60);
  row.next_due_at = at(61);
  CHECK(show(store.schedule(schedule.id)) == show(row));
  const auto due = store.load_due({}, at(100), 9);
  REQUIRE(due.size() == 3);
  CHECK(show(due.back().schedule) == show(row));
}

void completes_and_quarantines(Store& store) {
  const auto claimant = begin_with_schedules(store, 3);
  auto last = a_settlement(a_schedule(1), {a_run(a_schedule(1), kStart)}, kStart);
  last.then_run_at.reset();
  last.then_due_at.reset();
  last.then_status = ScheduleStatus::completed;
  auto bad = a_settlement(a_schedule(2), {}, kStart);
  bad.settled_to.reset();
  bad.then_run_at.reset();
  bad.then_due_at.reset();
  bad.then_status = ScheduleStatus::error;
  bad.then_reason = "zone unknown";
  const auto results = store.settle({last, bad}, claimant, at(0));
  CHECK(results.at(0).claimed.size() == 1);
  CHECK(results.at(1).kind == Kind::settled);
  const auto completed = *store.schedule(schedule_id(1));
  CHECK(completed.status == ScheduleStatus::completed);
  CHECK(completed.settled_to == kStart);
  CHECK_FALSE(completed.next_run_at);
  const auto broken = *store.schedule(schedule_id(2));
  CHECK(broken.status == ScheduleStatus::error);
  CHECK(broken.status_reason == "zone unknown");
  CHECK_FALSE(broken.settled_to);
  CHECK(store.load_due({}, at(100), 9).size() == 1);
}

void settled_to_never_moves_back(Store& store) {
  const auto claimant = begin_with_schedules(store, 3);
  auto first = a_settlement(a_schedule(), {}, nominal(1));
  first.settled_to = nominal(50);
  first.settled_wall = nominal(51);
  (void)store.settle({first}, claimant, at(0));
  auto second = a_settlement(*store.schedule(schedule_id(1)), {}, nominal(2));
  second.settled_to = nominal(10);
  second.settled_wall = nominal(11);
  (void)store.settle({second}, claimant, at(1));
  CHECK(store.schedule(schedule_id(1))->settled_to == nominal(50));
  CHECK(store.schedule(schedule_id(1))->settled_wall == nominal(51));
  auto third = a_settlement(*store.schedule(schedule_id(1)), {}, nominal(3));
  third.settled_to.reset();
  (void)store.settle({third}, claimant, at(2));
  CHECK(store.schedule(schedule_id(1))->settled_to == nominal(50));
  CHECK(store.schedule(schedule_id(1))->settled_wall == nominal(51));
}

void answers_what_is_not_to_be_settled(Store& store) {
  const auto claimant = begin_with_schedules(store, 3);
  const auto good = [](int n) {
    return a_settlement(a_schedule(n), {a_run(a_schedule(n), kStart)}, nominal(5));
  };
  auto other_version = good(1);
  other_version.version = 2;
  auto other_time = good(1);
  other_time.next_run_at = nominal(-1);
  auto early = good(1);
  early.next_due_at = at(3) + 250ms;
  auto gone = good(9);

  const auto results =
      store.settle({good(2), other_version, other_time, early, gone, good(3)}, claimant, at(3));
  REQUIRE(results.size() == 6);
  // One that cannot be settled stops no other.
  CHECK(results[0].kind == Kind::settled);
  CHECK(results[5].kind == Kind::settled);
  for (const int i : {1, 2}) {
    CHECK(results[i].kind == Kind::moved);
    REQUIRE(results[i].current);
    CHECK(show(results[i].current) == show(store.load_due({}, at(1), 1).at(0)));
  }
  CHECK(results[3].kind == Kind::not_yet);
  CHECK(results[3].remaining == 250ms);
  CHECK(results[4].kind == Kind::gone);
  CHECK(store.runs({}).size() == 2);
  CHECK(store.schedule(schedule_id(1))->next_run_at == kStart);
  // Due to the millisecond.
  early.next_due_at = at(3);
  CHECK(store.settle({early}, claimant, at(3)).at(0).kind == Kind::settled);
}

void an_inactive_schedule_is_moved(Store& store) {
  const auto claimant = begin_with_schedules(store, 3);
  for (const auto status :
       {ScheduleStatus::paused, ScheduleStatus::completed, ScheduleStatus::error}) {
    auto row = *store.schedule(schedule_id(1));
    const auto stamp = stamp_of(row);
    row.status = status;
    REQUIRE_FALSE(store.write({.schedules = {{row, stamp}}}, at(0)));
    const auto settlement = a_settlement(*store.schedule(row.id), {a_run(row, kStart)}, nominal(1));
    const auto result = store.settle({settlement}, claimant, at(0)).at(0);
    CHECK(result.kind == Kind::moved);
    REQUIRE(result.current);
    CHECK(result.current->schedule.status == status);
  }
  CHECK(store.runs({}).empty());
}

void settles_once(Store& store) {
  const auto claimant = begin_with_schedules(store, 3);
  const auto settlement = a_settlement(a_schedule(), {a_run(a_schedule(), kStart)}, nominal(1));
  const auto results = store.settle({settlement, settlement}, claimant, at(0));
  CHECK(results.at(0).kind == Kind::settled);
  CHECK(results.at(1).kind == Kind::moved);
  CHECK(store.settle({settlement}, claimant, at(0)).at(0).kind == Kind::moved);
  CHECK(store.runs({}).size() == 1);
}

void leaves_runs_of_the_ledger_alone(Store& store) {
  const auto claimant = begin_with_schedules(store, 3);
  const auto schedule = a_schedule();
  const auto settle = [&](std::vector<Run> runs) {
    return store
        .settle({a_settlement(*store.schedule(schedule.id), std::move(runs), kStart)}, claimant,
                at(9))
        .at(0);
  };
  const auto first = settle({a_run(schedule, nominal(0))}).claimed.at(0);
  const auto before = show(store.run(first.id));
  // The row was wound back; one occurrence is known, one is new.
  auto known = a_run(schedule, nominal(0));
  known.body = "other";
  const auto again = settle({known, a_run(schedule, nominal(1))});
  CHECK(again.kind == Kind::settled);
  CHECK(again.duplicates == 1);
  REQUIRE(again.claimed.size() == 1);
  CHECK(again.claimed[0].scheduled_for == nominal(1));
  CHECK(show(store.run(first.id)) == before);
  // Known by its occurrence, with another id.
  auto renamed = a_run(schedule, nominal(1));
  renamed.id = run_id(77);
  CHECK(settle({renamed}).duplicates == 1);
  CHECK_FALSE(store.run(run_id(77)));
  // A known one is not measured by overlap, and cancels nothing.
  auto settlement = a_settlement(*store.schedule(schedule.id), {known, renamed}, kStart);
  for (const auto policy : {OverlapPolicy::skip, OverlapPolicy::cancel_other}) {
    settlement.overlap = policy;
    const auto result = store.settle({settlement}, claimant, at(9)).at(0);
    CHECK(result.duplicates == 2);
    CHECK(result.skipped.empty());
    CHECK(result.cancel.empty());
  }
  CHECK(store.runs({}).size() == 2);
}

void an_empty_batch_is_nothing(Store& store) {
  const auto claimant = begin_with_schedules(store, 3);
  const auto before = dump(store);
  CHECK(store.settle({}, claimant, at(5)).empty());
  CHECK(store.finish({}, claimant, at(5)).empty());
  store.hand_back({}, claimant);
  CHECK(store.claim({claimant, {}}, at(5)).runs.empty());
  CHECK(dump(store) == before);
}

}  // namespace

std::vector<Check> settle_checks() {
  return {
      {"settles and claims", settles_and_claims},
      {"completes and quarantines", completes_and_quarantines},
      {"settled_to never moves back", settled_to_never_moves_back},
      {"answers what is not to be settled", answers_what_is_not_to_be_settled},
      {"an inactive schedule is moved", an_inactive_schedule_is_moved},
      {"settles once", settles_once},
      {"leaves runs of the ledger alone", leaves_runs_of_the_ledger_alone},
      {"an empty batch is nothing", an_empty_batch_is_nothing},
  };
}

}  // namespace rruled::test
