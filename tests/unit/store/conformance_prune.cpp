// What is old goes; what could fire again, or is alive, stays.
#include "conformance.h"
#include "sample.h"
#include "store/directory.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using enum RunStatus;
using std::chrono::hours;

constexpr Timestamp kNow = kStart + hours(24 * 60);
constexpr Timestamp kBefore = kStart + hours(24 * 30);

PruneRequest request(Timestamp runs_before, Timestamp logs_before, std::size_t limit = 1000) {
  return {.runs_before = runs_before, .logs_before = logs_before, .limit = limit};
}
PruneRequest all(std::size_t limit = 1000) { return request(kBefore, kBefore, limit); }

// Asks until there is no more.
Pruned prune_all(Store& store, const PruneRequest& request, Timestamp now = kNow) {
  Pruned sum;
  for (int calls = 0; calls < 1'000; ++calls) {
    const auto pruned = store.prune(request, now);
    CHECK(pruned.runs <= request.limit);
    CHECK(pruned.gaps <= request.limit);
    CHECK(pruned.logs <= request.limit);
    sum.runs += pruned.runs;
    sum.gaps += pruned.gaps;
    sum.logs += pruned.logs;
    sum.audit += pruned.audit;
    if (!pruned.more) return sum;
  }
  FAIL("there was always more");
  return sum;
}

// Fires the schedule's next occurrence and ends the run then.
Run fire(Store& store, const Claimant& claimant, int schedule, Timestamp ended) {
  const auto row = *store.schedule(schedule_id(schedule));
  const auto next = *row.next_run_at;
  auto run = store.settle({a_settlement(row, {a_run(row, next)}, next + 1s)}, claimant, next)
                 .at(0)
                 .claimed.at(0);
  auto finish = a_finish(run, completed, ended);
  auto line = a_log_line("of the run");
  line.run_id = run.id;
  line.timestamp = kNow;  // young, but it goes with the run
  finish.logs = {line};
  REQUIRE(store.finish({finish}, claimant, ended).at(0).written);
  return run;
}

void add_gap(Store& store, int schedule, Instant from, Instant to) {
  REQUIRE_FALSE(
      store.write({.gaps = {{schedule_id(schedule), GapReason::missed, from, to, 2}}}, at(0)));
}

void removes_old_runs_with_what_belongs_to_them(Store& store) {
  const auto claimant = begin_with_schedules(store, 2);
  const auto old = fire(store, claimant, 1, kBefore - 1ms);
  const auto young = fire(store, claimant, 1, kBefore);
  const auto counts = store.counts();
  CHECK(prune_all(store, all()) == Pruned{.runs = 1});
  CHECK_FALSE(store.run(old.id));
  CHECK(store.attempts(old.id).empty());
  CHECK(store.logs({.run_id = old.id}).empty());
  CHECK(store.run(young.id));
  CHECK(store.attempts(young.id).size() == 1);
  CHECK(store.logs({.run_id = young.id}).size() == 1);
  CHECK(store.counts().runs.at(static_cast<std::size_t>(completed)).second + 1 ==
        counts.runs.at(static_cast<std::size_t>(completed)).second);
  CHECK(store.runs({}).size() == 1);
  // Again: nothing.
  const auto before = dump(store);
  CHECK(store.prune(all(), kNow) == Pruned{});
  CHECK(dump(store) == before);
}

void removes_every_kind_of_end(Store& store) {
  const auto claimant = begin_with_schedules(store, 2);
  REQUIRE_FALSE(store.write(put(a_schedule(3)), at(0)));
  auto settlement = a_settlement(
      a_schedule(3), {a_run(a_schedule(3), nominal(0)), a_run(a_schedule(3), nominal(1))},
      nominal(9));
  settlement.overlap = OverlapPolicy::skip;
  (void)store.settle({settlement}, claimant, at(1));
  for (const auto status : {completed, failed, dead, cancelled}) {
    const auto row = *store.schedule(schedule_id(1));
    const auto next = *row.next_run_at;
    const auto run =
        store.settle({a_settlement(row, {a_run(row, next)}, next + 1s)}, claimant, next)
            .at(0)
            .claimed.at(0);
    (void)store.finish({a_finish(run, status, at(30))}, claimant, at(30));
  }
  // The skipped one and four ends; the one that is dispatching stays.
  CHECK(prune_all(store, all()).runs == 5);
  CHECK(store.runs({}).size() == 1);
}

void never_a_live_run(Store& store) {
  const auto claimant = begin_with_schedules(store, 2);
  const auto row = a_schedule(1);
  const auto claimed =
      store
          .settle({a_settlement(row,
                                {a_run(row, nominal(0)), a_run(row, nominal(1)),
                                 a_run(row, nominal(2), pending), a_run(row, nominal(3), waiting)},
                                nominal(9))},
                  claimant, at(3))
          .at(0)
          .claimed;
  (void)store.finish({a_finish(claimed.at(0), retrying, at(4))}, claimant, at(4));
  // One that ended once and was put back.
  auto again = a_manual_run(1);
  again.finished_at = at(1);
  REQUIRE_FALSE(store.write({.runs = {again}}, at(0)));
  const auto before = dump(store);
  CHECK(prune_all(store, all()) == Pruned{});
  CHECK(prune_all(store, all(1)) == Pruned{});
  CHECK(dump(store) == before);
}

void keeps_what_its_schedule_could_catch_up(Store& store) {
  const auto claimant = begin_with_schedules(store, 2);
  auto schedule = *store.schedule(schedule_id(1));
  const auto stamp = stamp_of(schedule);
  schedule.catchup_window = hours(24 * 40);
  schedule.retry.max_age = hours(1);
  REQUIRE_FALSE(store.write({.schedules = {{schedule, stamp}}}, at(0)));
  const auto kept_from = kNow - hours(24 * 40 + 1);
  REQUIRE(kept_from < kBefore);
  const auto gone = fire(store, claimant, 1, kept_from - 1ms);
  const auto kept = fire(store, claimant, 1, kept_from);
  const auto other = fire(store, claimant, 2, kept_from);
  const auto edge = std::chrono::floor<std::chrono::seconds>(kept_from);
  add_gap(store, 1, edge - 5s, edge - 1s);
  add_gap(store, 1, edge - 4s, edge);
  add_gap(store, 2, edge - 4s, edge);
  CHECK(prune_all(store, all()) == Pruned{.runs = 2, .gaps = 2});
  CHECK_FALSE(store.run(gone.id));
  CHECK(store.run(kept.id));
  CHECK_FALSE(store.run(other.id));
  CHECK(store.gaps(schedule_id(1)).size() == 1);
  CHECK(store.gaps(schedule_id(2)).empty());
  // Of a schedule that is deleted nothing is kept.
  REQUIRE_FALSE(store.write({.delete_schedules = {{schedule_id(1)}}}, at(0)));
  CHECK(prune_all(store, all()) == Pruned{.runs = 1, .gaps = 1});
}

void asks_for_the_oldest_first(Store& store) {
  const auto claimant = begin_with_schedules(store, 2);
  auto schedule = *store.schedule(schedule_id(2));
  const auto stamp = stamp_of(schedule);
  schedule.catchup_window = hours(24 * 300);
  REQUIRE_FALSE(store.write({.schedules = {{schedule, stamp}}}, at(0)));
  std::vector<Run> runs;
  for (int n = 0; n < 5; ++n) {
    runs.push_back(fire(store, claimant, 1, at(100 + n)));
    (void)fire(store, claimant, 2, at(100 + n));  // kept, and in the way
    add_gap(store, 1, nominal(n), nominal(50 - n));
    add_gap(store, 2, nominal(n), nominal(50 - n));
  }
  std::size_t gone = 0;
  std::size_t gaps_gone = 0;
  int calls = 0;
  for (bool more = true; more; ++calls) {
    REQUIRE(calls < 100);
    const auto pruned = store.prune(all(2), kNow);
    more = pruned.more;
    gone += pruned.runs;
    gaps_gone += pruned.gaps;
    for (std::size_t n = 0; n < runs.size(); ++n)
      CHECK(store.run(runs[n].id).has_value() == (n >= gone));
    CHECK(store.gaps(schedule_id(1)).size() + gaps_gone == 5);
    if (gaps_gone < 5) CHECK(store.gaps(schedule_id(1)).front().from == kStart);
  }
  CHECK(calls >= 3);
  CHECK(gone == 5);
  CHECK(gaps_gone == 5);
  CHECK(store.runs({}).size() == 5);
  CHECK(store.gaps(schedule_id(2)).size() == 5);
  CHECK(store.prune(all(0), kNow) == Pruned{});
}

void removes_old_lines(Store& store) {
  const auto claimant = begin_with_schedules(store, 2);
  const auto run = fire(store, claimant, 1, kBefore);
  auto settlement = a_settlement(a_schedule(2), {}, nominal(9));
  for (int n = 0; n < 5; ++n) {
    auto line = a_log_line(std::to_string(n));
    line.timestamp = kBefore - 1ms * (2 - n);
    if (n == 1) line.run_id = run.id;
    settlement.logs.push_back(line);
  }
  (void)store.settle({settlement}, claimant, at(0));
  const auto first = store.prune(request(Timestamp{}, kBefore, 1), kNow);
  CHECK(first == Pruned{.logs = 1, .more = true});
  CHECK(store.logs({}).size() == 5);
  CHECK(store.logs({}).back().message == "1");
  CHECK(prune_all(store, request(Timestamp{}, kBefore, 1)) == Pruned{.logs = 1});
  CHECK(store.logs({}).size() == 4);
  CHECK(store.logs({.run_id = run.id}).size() == 1);
}

void removes_old_lines_of_the_audit_log(Store& store) {
  std::vector<AuditEntry> lines;
  for (int n = 0; n < 6; ++n) {
    // The clock was set back after the fourth.
    const auto age = n == 4 ? 5ms : 3ms - 1ms * n;
    lines.push_back({kBefore - age, 1, "somebody", "update", "flow", std::to_string(n), "", ""});
  }
  REQUIRE_FALSE(store.write({.audit = lines}, at(0)));
  const auto directory = store.directory();
  CHECK(prune_all(store, all()) == Pruned{});
  auto asked = all(1);
  asked.audit_before = kBefore;
  CHECK(store.prune(asked, kNow) == Pruned{.audit = 1, .more = true});
  CHECK(directory->audit({}, {}).rows.back() == lines[1]);
  // What is young keeps what was written after it.
  CHECK(prune_all(store, asked) == Pruned{.audit = 2});
  CHECK(directory->audit({}, {}).rows == std::vector<AuditEntry>{lines[5], lines[4], lines[3]});
  asked.audit_before = kBefore + 1h;
  CHECK(prune_all(store, asked) == Pruned{.audit = 3});
  CHECK(directory->audit({}, {}).rows.empty());
}

void lines_of_a_clock_that_was_ahead_keep_no_others(Store& store) {
  std::vector<AuditEntry> lines;
  for (int n = 0; n < 6; ++n) {
    const auto time = n < 3 ? kNow + hours(1) : kBefore - 1ms;
    lines.push_back({time, 1, "somebody", "update", "flow", std::to_string(n), "", ""});
  }
  REQUIRE_FALSE(store.write({.audit = lines}, at(0)));
  auto asked = all(2);
  asked.audit_before = kBefore;
  CHECK(prune_all(store, asked) == Pruned{.audit = 3});
  const auto directory = store.directory();
  CHECK(directory->audit({}, {}).rows == std::vector<AuditEntry>{lines[2], lines[1], lines[0]});
  // They go in their turn.
  asked.audit_before = kNow + hours(2);
  CHECK(prune_all(store, asked, kNow + hours(3)) == Pruned{.audit = 3});
}

void what_was_pruned_does_not_fire_again(Store& store) {
  const auto claimant = begin_with_schedules(store, 2);
  const auto before = *store.schedule(schedule_id(1));
  const auto run = fire(store, claimant, 1, at(5));
  const auto stale = a_settlement(before, {a_run(before, kStart)}, nominal(1));
  CHECK(prune_all(store, all()).runs == 1);
  // A daemon that slept since then: the schedule has moved on.
  CHECK(store.settle({stale}, claimant, kNow).at(0).kind == SettleResult::Kind::moved);
  CHECK_FALSE(store.run(run.id));
  auto row = *store.schedule(schedule_id(1));
  CHECK(row.settled_to == kStart);
  CHECK(row.next_run_at == nominal(1));
  // An edit takes the mark along.
  const auto stamp = stamp_of(row);
  row.note = "edited";
  REQUIRE_FALSE(store.write({.schedules = {{row, stamp}}}, kNow));
  CHECK(store.schedule(schedule_id(1))->settled_to == kStart);
  CHECK(store.settle({stale}, claimant, kNow).at(0).kind == SettleResult::Kind::moved);
  const auto next = fire(store, claimant, 1, kNow);
  CHECK(next.scheduled_for == nominal(1));
  CHECK(store.runs({}).size() == 1);
}

}  // namespace

std::vector<Check> prune_checks() {
  return {
      {"removes old runs with what belongs to them", removes_old_runs_with_what_belongs_to_them},
      {"removes every kind of end", removes_every_kind_of_end},
      {"never removes a live run", never_a_live_run},
      {"keeps what its schedule could catch up", keeps_what_its_schedule_could_catch_up},
      {"removes the oldest first", asks_for_the_oldest_first},
      {"removes old lines", removes_old_lines},
      {"removes old lines of the audit log", removes_old_lines_of_the_audit_log},
      {"lines of a clock that was ahead keep no others",
       lines_of_a_clock_that_was_ahead_keep_no_others},
      {"what was pruned does not fire again", what_was_pruned_does_not_fire_again},
  };
}

}  // namespace rruled::test
