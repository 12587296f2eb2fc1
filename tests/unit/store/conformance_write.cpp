#include "conformance.h"
#include "sample.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

Claimant begin_session(Store& store) {
  return store.begin_session(id_of<OwnerId>(1), at(0)).claimant;
}

void keeps_every_column(Store& store) {
  auto flow = filled<Flow>();
  auto schedule = filled<Schedule>();
  auto run = filled<Run>();
  schedule.flow_id = run.flow_id = flow.id;
  run.schedule_id = schedule.id;
  run.status = RunStatus::pending;
  Calendar calendar;
  calendar.project_id = schedule.project_id;
  calendar.name = schedule.calendar;
  write(store, {.flows = {{flow, {}}},
                .schedules = {{schedule, {}}},
                .runs = {run},
                .calendars = {{calendar, {}}}});

  flow.revision = schedule.revision = 1;
  schedule.version = 1;
  CHECK(show(store.flow(flow.id)) == show(flow));
  CHECK(show(store.schedule(schedule.id)) == show(schedule));
  CHECK(show(store.run(run.id)) == show(run));
}

void keeps_absent_columns_absent(Store& store) {
  auto flow = a_flow();
  flow.name.reset();
  auto schedule = a_schedule();
  schedule.next_run_at.reset();
  schedule.next_due_at.reset();
  write(store, {.flows = {{flow, {}}}, .schedules = {{schedule, {}}}});
  flow.revision = schedule.revision = 1;
  CHECK(show(store.flow(flow.id)) == show(flow));
  CHECK(show(store.schedule(schedule.id)) == show(schedule));
  CHECK_FALSE(store.flow(flow_id(2)));
  CHECK_FALSE(store.schedule(schedule_id(2)));
  CHECK_FALSE(store.run(run_id(2)));
}

void keeps_long_and_odd_texts(Store& store) {
  auto flow = a_flow();
  flow.description = "";
  flow.name = "";
  flow.actions = std::string(1 << 20, 'a') + "\xf0\x9f\x98\x80'\"\n\x7f\x01";
  write(store, put(flow));
  flow.revision = 1;
  CHECK(show(store.flow(flow.id)) == show(flow));
}

void sets_version_and_revision(Store& store) {
  write(store, put(a_flow()));
  auto schedule = a_schedule();
  schedule.version = 17;
  schedule.revision = 17;
  write(store, put(schedule));
  const auto stored = store.schedule(schedule.id);
  REQUIRE(stored);
  CHECK(stored->version == 1);
  CHECK(stored->revision == 2);
  CHECK(store.flow(flow_id(1))->revision == 1);

  schedule = *stored;
  schedule.note = "edited";
  write(store, {.schedules = {{schedule, stamp_of(schedule)}}});
  CHECK(store.schedule(schedule.id)->version == 2);
  CHECK(store.schedule(schedule.id)->revision == 3);
  CHECK(store.schedule(schedule.id)->note == "edited");
}

void replaces_a_flow(Store& store) {
  write(store, put(a_flow()));
  auto flow = filled<Flow>();
  flow.id = flow_id(1);
  write(store, {.flows = {{flow, 1}}});
  flow.revision = 2;
  CHECK(show(store.flow(flow.id)) == show(flow));
}

// Conflicts: nothing of the ChangeSet is written, and the conflict names the row.
void answers_conflicts(Store& store) {
  write(store, put(a_flow()));
  write(store, put(a_schedule()));
  write(store, {.runs = {a_manual_run(1)}});
  const auto stored = *store.schedule(schedule_id(1));
  const auto with_stamp = [&](auto change) {
    auto stamp = stamp_of(stored);
    change(stamp);
    return ChangeSet{.schedules = {{stored, stamp}}};
  };
  auto run_of_missing_schedule = a_manual_run(2);
  run_of_missing_schedule.schedule_id = schedule_id(9);
  const struct {
    const char* name;
    ChangeSet changes;
    std::string conflict;
  } cases[] = {
      {"flow exists", put(a_flow()), "exists flow 1"},
      {"flow missing", {.flows = {{a_flow(9), 1}}}, "missing flow 9"},
      {"flow changed", {.flows = {{a_flow(), 7}}}, "changed flow 1"},
      {"flow to delete missing", {.delete_flows = {{flow_id(9)}}}, "missing flow 9"},
      {"flow to delete changed", {.delete_flows = {{flow_id(1), 7}}}, "changed flow 1"},
      {"flow deleted twice", {.delete_flows = {{flow_id(1)}, {flow_id(1)}}}, "missing flow 1"},
      {"deleted flow expected",
       {.delete_flows = {{flow_id(1)}}, .flows = {{a_flow(), 1}}},
       "missing flow 1"},
      {"schedule exists", put(a_schedule()), "exists schedule 1"},
      {"schedule missing",
       {.schedules = {{a_schedule(9), stamp_of(stored)}}},
       "missing schedule 9"},
      {"schedule to delete missing",
       {.delete_schedules = {{schedule_id(9)}}},
       "missing schedule 9"},
      {"flow to delete has a schedule",
       {.delete_flows = {{.id = flow_id(1), .without_schedules = true}}},
       "changed flow 1"},
      {"schedule to delete changed",
       {.delete_schedules = {{schedule_id(1), 7}}},
       "changed schedule 1"},
      {"schedule went with its flow",
       {.delete_flows = {{flow_id(1)}}, .delete_schedules = {{schedule_id(1)}}},
       "missing schedule 1"},
      {"other version", with_stamp([](auto& s) { ++s.version; }), "changed schedule 1"},
      {"other next_run_at", with_stamp([](auto& s) { s.next_run_at = nominal(1); }),
       "changed schedule 1"},
      {"no next_run_at", with_stamp([](auto& s) { s.next_run_at.reset(); }), "changed schedule 1"},
      {"other status", with_stamp([](auto& s) { s.status = ScheduleStatus::paused; }),
       "changed schedule 1"},
      {"flow of schedule missing", put(a_schedule(2, 9)), "missing flow 9"},
      {"schedule of gap missing",
       {.gaps = {{schedule_id(9), GapReason::missed, nominal(0), nominal(1), 2}}},
       "missing schedule 9"},
      {"run exists", {.runs = {a_manual_run(1)}}, "exists run 1"},
      {"run twice", {.runs = {a_manual_run(2), a_manual_run(2)}}, "exists run 2"},
      {"flow of run missing", {.runs = {a_manual_run(2, 9)}}, "missing flow 9"},
      {"schedule of run missing", {.runs = {run_of_missing_schedule}}, "missing schedule 9"},
  };
  std::size_t checked = 0;
  for (auto each : cases) {
    INFO(each.name);
    // In front, so that something would be left behind.
    each.changes.flows.insert(each.changes.flows.begin(), {a_flow(5), {}});
    const auto before = dump(store);
    const auto conflict = store.write(each.changes, at(1));
    REQUIRE(conflict);
    const auto named = [&](const auto& id) { return static_cast<int>(id->value.data[15]); };
    constexpr const char* kKinds[] = {"exists", "missing", "changed"};
    std::string text = kKinds[static_cast<int>(conflict->kind)];
    if (conflict->flow_id) text += " flow " + std::to_string(named(conflict->flow_id));
    if (conflict->schedule_id) text += " schedule " + std::to_string(named(conflict->schedule_id));
    if (conflict->run_id) text += " run " + std::to_string(named(conflict->run_id));
    CHECK(text == each.conflict);
    CHECK(dump(store) == before);
    ++checked;
  }
  CHECK(checked == 23);
}

void a_schedule_run_conflicts_on_its_occurrence(Store& store) {
  write(store, put(a_flow()));
  write(store, put(a_schedule()));
  auto run = a_run(a_schedule(), kStart, RunStatus::pending);
  write(store, {.runs = {run}});
  run.id = run_id(7);
  const auto conflict = store.write({.runs = {run}}, at(0));
  REQUIRE(conflict);
  CHECK(conflict->run_id == run.id);
  run.origin = RunOrigin::backfill;
  CHECK_FALSE(store.write({.runs = {run}}, at(0)));
}

void deletes_a_flow_with_all_of_it(Store& store) {
  const auto claimant = begin_session(store);
  write(store, put(a_flow(1)));
  write(store, put(a_flow(2)));
  write(store, put(a_schedule(2, 2)));
  const auto others = show(store.flow(flow_id(2))) + show(store.schedule(schedule_id(2)));
  write(store, put(a_schedule(1, 1)));
  auto settlement = a_settlement(a_schedule(), {a_run(a_schedule(), kStart)}, nominal(10));
  settlement.logs = {a_log_line("settled")};
  settlement.gaps = {{schedule_id(1), GapReason::missed, nominal(-2), nominal(-1), 2}};
  const auto run = store.settle({settlement}, claimant, at(0)).at(0).claimed.at(0);
  (void)store.finish({a_finish(run, RunStatus::retrying, at(1))}, claimant, at(1));
  REQUIRE(store.attempts(run.id).size() == 1);

  write(store, {.delete_flows = {{flow_id(1)}}});
  CHECK_FALSE(store.flow(flow_id(1)));
  CHECK_FALSE(store.schedule(schedule_id(1)));
  CHECK_FALSE(store.run(run.id));
  CHECK(store.attempts(run.id).empty());
  CHECK(store.logs({}).empty());
  CHECK(store.gaps(schedule_id(1)).empty());
  CHECK(show(store.flow(flow_id(2))) + show(store.schedule(schedule_id(2))) == others);
  CHECK(store.claim({claimant, {"default"}}, at(9)).runs.empty());
  CHECK_FALSE(
      store.finish({a_finish(run, RunStatus::completed, at(2))}, claimant, at(2)).at(0).written);
}

void deletes_a_schedule_and_keeps_the_ledger(Store& store) {
  const auto claimant = begin_session(store);
  write(store, put(a_flow()));
  auto schedule = a_schedule();
  schedule.max_running = 5;
  write(store, put(schedule));
  auto settlement = a_settlement(schedule,
                                 {a_run(schedule, nominal(0), RunStatus::dispatching),
                                  a_run(schedule, nominal(1), RunStatus::dispatching),
                                  a_run(schedule, nominal(2), RunStatus::dispatching),
                                  a_run(schedule, nominal(3), RunStatus::pending),
                                  a_run(schedule, nominal(4), RunStatus::waiting)},
                                 nominal(10));
  settlement.gaps = {{schedule.id, GapReason::missed, nominal(-2), nominal(-1), 2}};
  const auto claimed = store.settle({settlement}, claimant, at(5)).at(0).claimed;
  REQUIRE(claimed.size() == 3);
  (void)store.finish({a_finish(claimed[1], RunStatus::retrying, at(6)),
                      a_finish(claimed[2], RunStatus::failed, at(6))},
                     claimant, at(6));
  // The end of the third let the waiting one go: it is pending now.
  write(store, {.delete_schedules = {{schedule.id}}});

  CHECK_FALSE(store.schedule(schedule.id));
  CHECK(store.gaps(schedule.id).size() == 1);
  std::string statuses;
  for (const auto& run : store.runs({.schedule_id = schedule.id})) {
    statuses += std::string(word(run.status)) + " " + run.reason + ";";
    CHECK(run.finished_at.has_value() == (run.status != RunStatus::dispatching));
    CHECK_FALSE((run.status == RunStatus::cancelled && run.available_at));
  }
  CHECK(statuses ==
        "cancelled schedule_deleted;cancelled schedule_deleted;failed ;"
        "cancelled schedule_deleted;dispatching ;");
  CHECK(store.claim({claimant, {"default"}}, at(99)).runs.empty());
  // What was sent goes on.
  CHECK(store.finish({a_finish(claimed[0], RunStatus::completed, at(7))}, claimant, at(7))
            .at(0)
            .written);
}

void cancels_waiting_runs_of_a_deleted_schedule(Store& store) {
  const auto claimant = begin_session(store);
  write(store, put(a_flow()));
  const auto schedule = a_schedule();
  write(store, put(schedule));
  (void)store.settle(
      {a_settlement(schedule,
                    {a_run(schedule, nominal(0)), a_run(schedule, nominal(1), RunStatus::waiting)},
                    nominal(10))},
      claimant, at(1));
  const auto waiting = a_run(schedule, nominal(1)).id;
  REQUIRE(store.run(waiting)->status == RunStatus::waiting);
  // By what was read before it fired.
  write(store, {.delete_schedules = {{schedule.id, schedule.version}}});
  CHECK(store.run(waiting)->status == RunStatus::cancelled);
  CHECK(store.run(waiting)->reason == "schedule_deleted");
}

void a_schedule_that_comes_back_goes_on_from_its_version(Store& store) {
  const auto claimant = begin_session(store);
  write(store, put(a_flow()));
  write(store, put(a_schedule()));
  // In one ChangeSet: replaced.
  write(store, {.delete_schedules = {{schedule_id(1)}}, .schedules = {{a_schedule(), {}}}});
  CHECK(store.schedule(schedule_id(1))->version == 2);
  // In two.
  write(store, {.delete_flows = {{flow_id(1), store.flow(flow_id(1))->revision}}});
  write(store, {.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}}});
  CHECK(store.schedule(schedule_id(1))->version == 3);
  // What was planned for the one before does not touch it.
  const auto result = store.settle({a_settlement(a_schedule(), {}, nominal(1))}, claimant, at(0));
  CHECK(result.at(0).kind == SettleResult::Kind::moved);
}

void a_flow_that_changes_its_runs_moves_its_schedules(Store& store) {
  const struct {
    const char* name;
    void (*change)(Flow&);
    bool moves;
  } cases[] = {
      {"nothing", [](Flow&) {}, false},
      {"description", [](Flow& flow) { flow.description = "other"; }, false},
      {"name", [](Flow& flow) { flow.name = "other"; }, true},
      {"no name", [](Flow& flow) { flow.name.reset(); }, true},
      {"status", [](Flow& flow) { flow.status = FlowStatus::archived; }, true},
      {"version", [](Flow& flow) { ++flow.version; }, true},
      {"trigger type", [](Flow& flow) { flow.trigger_type = "batch"; }, true},
      {"variables", [](Flow& flow) { flow.variables = "[1]"; }, true},
  };
  int n = 0;
  for (const auto& each : cases) {
    INFO(each.name);
    ++n;
    write(store, {.flows = {{a_flow(n), {}}}, .schedules = {{a_schedule(n, n), {}}}});
    const auto before = *store.schedule(schedule_id(n));
    auto flow = *store.flow(flow_id(n));
    each.change(flow);
    write(store, {.flows = {{flow, flow.revision}}});
    const auto after = *store.schedule(schedule_id(n));
    CHECK(after.version == before.version + (each.moves ? 1 : 0));
    CHECK((after.revision > before.revision) == each.moves);
  }
  CHECK(n == 8);
}

void a_schedule_written_with_its_flow_moves_once(Store& store) {
  write(store, {.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}}});
  auto flow = *store.flow(flow_id(1));
  auto schedule = *store.schedule(schedule_id(1));
  ++flow.version;
  write(store, {.flows = {{flow, flow.revision}}, .schedules = {{schedule, stamp_of(schedule)}}});
  CHECK(store.schedule(schedule_id(1))->version == 2);
}

void keeps_gaps_in_order(Store& store) {
  write(store, {.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}}});
  const Gap later{schedule_id(1), GapReason::paused, nominal(20), nominal(29), 10};
  const Gap earlier{schedule_id(1), GapReason::error, nominal(0), nominal(9), 10};
  write(store, {.gaps = {later, earlier}});
  CHECK(show(store.gaps(schedule_id(1))) == show(std::vector{earlier, later}));
  // One that begins where one begins takes its place.
  const Gap longer{schedule_id(1), GapReason::missed, nominal(0), nominal(19), 20};
  write(store, {.gaps = {longer}});
  CHECK(show(store.gaps(schedule_id(1))) == show(std::vector{longer, later}));
  CHECK(store.gaps(schedule_id(2)).empty());
}

void a_manual_run_is_claimable_when_due(Store& store) {
  const auto claimant = begin_session(store);
  write(store, put(a_flow()));
  auto run = a_manual_run(1);
  run.due_at = at(5);
  write(store, {.runs = {run}});
  CHECK(store.run(run.id)->available_at == at(5));
  CHECK(store.claim({claimant, {"default"}}, at(4)).runs.empty());
  CHECK(store.claim({claimant, {"default"}}, at(5)).runs.size() == 1);
}

}  // namespace

std::vector<Check> write_checks() {
  return {
      {"keeps every column", keeps_every_column},
      {"keeps absent columns absent", keeps_absent_columns_absent},
      {"keeps long and odd texts", keeps_long_and_odd_texts},
      {"sets version and revision", sets_version_and_revision},
      {"replaces a flow", replaces_a_flow},
      {"answers conflicts", answers_conflicts},
      {"conflicts on an occurrence", a_schedule_run_conflicts_on_its_occurrence},
      {"deletes a flow with all of it", deletes_a_flow_with_all_of_it},
      {"deletes a schedule, keeps the ledger", deletes_a_schedule_and_keeps_the_ledger},
      {"cancels waiting runs", cancels_waiting_runs_of_a_deleted_schedule},
      {"version goes on after a delete", a_schedule_that_comes_back_goes_on_from_its_version},
      {"flow moves its schedules", a_flow_that_changes_its_runs_moves_its_schedules},
      {"flow and schedule move once", a_schedule_written_with_its_flow_moves_once},
      {"keeps gaps in order", keeps_gaps_in_order},
      {"manual run is claimable when due", a_manual_run_is_claimable_when_due},
  };
}

}  // namespace rruled::test
