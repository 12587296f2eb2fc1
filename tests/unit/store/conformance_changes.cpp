#include "conformance.h"
#include "sample.h"
#include "store/audience.h"
#include "store/directory.h"
#include "store/run_desk.h"

#include <catch2/catch.hpp>

#include <map>

namespace rruled::test {
namespace {

Changes nothing_since(std::int64_t revision) {
  Changes changes;
  changes.revision = revision;
  return changes;
}

std::vector<ScheduleId> ids(const std::vector<DueSchedule>& rows) {
  std::vector<ScheduleId> found;
  for (const auto& row : rows) found.push_back(row.schedule.id);
  return found;
}

void reports_what_was_written_since(Store& store) {
  const auto start = store.begin_session(id_of<OwnerId>(1), at(0)).revision;
  write(store, {.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(1), {}}}});
  auto paused = a_schedule(2);
  paused.status = ScheduleStatus::paused;
  paused.next_run_at.reset();
  paused.next_due_at.reset();
  write(store, put(paused));

  const auto changes = store.changes_since(start);
  CHECK(changes.revision == start + 2);
  CHECK(ids(changes.schedules) == std::vector{schedule_id(1), schedule_id(2)});
  CHECK(changes.deleted.empty());
  CHECK_FALSE(changes.runs_added);
  // From there on, nothing.
  const auto none = store.changes_since(changes.revision);
  CHECK(show(none) == show(nothing_since(changes.revision)));
  CHECK(show(store.changes_since(changes.revision)) == show(none));
  // From between, only the second.
  CHECK(ids(store.changes_since(start + 1).schedules) == std::vector{schedule_id(2)});
  // A session begins after all of it.
  CHECK(store.begin_session(id_of<OwnerId>(2), at(0)).revision == changes.revision);
}

void reports_that_many_were_written(Store& store) {
  write(store, {.flows = {{a_flow(), {}}},
                .schedules = {{a_schedule(1), {}}, {a_schedule(2), {}}, {a_schedule(3), {}}}});
  auto changes = store.changes_since(0, 3);
  CHECK_FALSE(changes.many);
  CHECK(changes.schedules.size() == 3);
  const auto revision = changes.revision;
  changes = store.changes_since(0, 2);
  CHECK(changes.many);
  CHECK(changes.schedules.empty());
  CHECK(changes.revision == revision);
  CHECK_FALSE(store.changes_since(revision, 2).many);
}

void reports_a_schedule_with_its_flow(Store& store) {
  auto flow = a_flow();
  flow.version = 4;
  flow.trigger_type = "batch";
  flow.variables = "[7]";
  write(store, {.flows = {{flow, {}}}, .schedules = {{a_schedule(), {}}}});
  const auto changes = store.changes_since(0);
  REQUIRE(changes.schedules.size() == 1);
  const auto& row = changes.schedules[0];
  CHECK(show(row.schedule) == show(store.schedule(schedule_id(1))));
  CHECK(row.flow_name == flow.name);
  CHECK(row.flow_status == FlowStatus::active);
  CHECK(row.flow_version == 4);
  CHECK(row.trigger_type == "batch");
  CHECK(row.flow_variables == "[7]");
  CHECK(show(store.load_due({}, at(9), 9).at(0)) == show(row));
}

void reports_edits_of_schedules_and_flows(Store& store) {
  write(store, {.flows = {{a_flow(1), {}}, {a_flow(2), {}}},
                .schedules = {{a_schedule(1, 1), {}}, {a_schedule(2, 2), {}}}});
  auto revision = store.changes_since(0).revision;
  auto schedule = *store.schedule(schedule_id(1));
  schedule.note = "new";
  write(store, {.schedules = {{schedule, stamp_of(schedule)}}});
  auto changes = store.changes_since(revision);
  CHECK(ids(changes.schedules) == std::vector{schedule_id(1)});
  CHECK(changes.schedules.at(0).schedule.note == "new");

  auto flow = *store.flow(flow_id(2));
  flow.status = FlowStatus::archived;
  write(store, {.flows = {{flow, flow.revision}}});
  changes = store.changes_since(changes.revision);
  CHECK(ids(changes.schedules) == std::vector{schedule_id(2)});
  CHECK(changes.schedules.at(0).flow_status == FlowStatus::archived);
}

void reports_deletions(Store& store) {
  write(store,
        {.flows = {{a_flow(1), {}}, {a_flow(2), {}}},
         .schedules = {{a_schedule(1, 1), {}}, {a_schedule(2, 2), {}}, {a_schedule(3, 2), {}}}});
  const auto start = store.changes_since(0).revision;
  write(store, {.delete_schedules = {{schedule_id(1)}}});
  write(store, {.delete_flows = {{flow_id(2)}}});
  const auto changes = store.changes_since(start);
  CHECK(changes.schedules.empty());
  CHECK(changes.deleted == std::vector{schedule_id(1), schedule_id(2), schedule_id(3)});
  CHECK(store.changes_since(start + 1).deleted == std::vector{schedule_id(2), schedule_id(3)});
  CHECK(store.changes_since(changes.revision).deleted.empty());
  // One that is back is not gone.
  write(store, put(a_schedule(1, 1)));
  const auto back = store.changes_since(start);
  CHECK(ids(back.schedules) == std::vector{schedule_id(1)});
  CHECK(back.deleted == std::vector{schedule_id(2), schedule_id(3)});
}

void reports_runs(Store& store) {
  write(store, put(a_flow()));
  const auto start = store.changes_since(0).revision;
  write(store, {.runs = {a_manual_run(1)}});
  const auto changes = store.changes_since(start);
  CHECK(changes.runs_added);
  CHECK(changes.schedules.empty());
  CHECK_FALSE(store.changes_since(changes.revision).runs_added);
  write(store, put(a_schedule()));
  CHECK_FALSE(store.changes_since(changes.revision).runs_added);
  CHECK(store.changes_since(start).runs_added);
}

void does_not_report_what_the_daemon_settles(Store& store) {
  write(store, {.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}}});
  const auto session = store.begin_session(id_of<OwnerId>(1), at(0));
  const auto result =
      store.settle({a_settlement(a_schedule(), {a_run(a_schedule(), kStart)}, nominal(1))},
                   session.claimant, at(0));
  const auto run = result.at(0).claimed.at(0);
  (void)store.finish({a_finish(run, RunStatus::completed, at(1))}, session.claimant, at(1));
  CHECK(show(store.changes_since(session.revision)) == show(nothing_since(session.revision)));
}

// Or each of them has every daemon read what changed, and ask for runs.
void does_not_report_what_was_refused(Store& store) {
  auto child = a_manual_run(5);
  child.parent_id = ParentId{run_id(3).value};
  write(store, put(a_flow()));
  write(store, {.runs = {a_manual_run(1), a_manual_run(2), a_manual_run(3)}});
  const auto claimant = store.begin_session(id_of<OwnerId>(1), at(0)).claimant;
  std::map<RunId, Run> runs;
  for (const auto& run : store.claim({claimant, {"default"}}, at(1)).runs) runs[run.id] = run;
  REQUIRE(runs.size() == 3);
  const auto ended = store.finish({a_finish(runs[run_id(1)], RunStatus::completed, at(2)),
                                   a_finish(runs[run_id(3)], RunStatus::failed, at(2))},
                                  claimant, at(2));
  REQUIRE(ended.at(1).written);
  const JobClaim job{run_id(2), runs[run_id(2)].fence, claimant};
  REQUIRE(store.audience()->open_job(job, at(2)));
  write(store, {.runs = {a_manual_run(4), child}});

  const auto revision = store.changes_since(0).revision;
  const auto directory = store.directory();
  const auto cancel = [&](int n) { return directory->cancel_run(run_id(n), "why", at(3), {}); };
  const auto retry = [&](int n) { return directory->retry_run(run_id(n), {}, at(3), {}); };
  CHECK(cancel(1) == CancelResult::ended);
  CHECK(cancel(2) == CancelResult::under_way);
  CHECK(cancel(9) == CancelResult::missing);
  CHECK(retry(1) == RetryResult::not_failed);
  CHECK(retry(2) == RetryResult::under_way);
  CHECK(retry(3) == RetryResult::has_children);
  CHECK(retry(9) == RetryResult::missing);
  CHECK_FALSE(store.run_desk()->ask_to_cancel(run_id(1), "why", at(3)));
  CHECK(show(store.changes_since(revision)) == show(nothing_since(revision)));
  // Done, but nothing for a daemon to do: it lets no other run go.
  CHECK(cancel(4) == CancelResult::cancelled);
  CHECK(show(store.changes_since(revision)) == show(nothing_since(revision)));
}

void loads_what_is_due_in_order(Store& store) {
  write(store, put(a_flow()));
  ChangeSet changes;
  const auto add = [&](int n, int due, ScheduleStatus status = ScheduleStatus::active) {
    auto schedule = a_schedule(n);
    schedule.next_run_at = nominal(due);
    schedule.next_due_at = at(due) + 5ms;
    schedule.status = status;
    changes.schedules.push_back({schedule, {}});
  };
  add(5, 10);
  add(3, 20);
  add(4, 10);
  add(1, 30);
  add(2, 20);
  add(6, 5, ScheduleStatus::paused);
  add(7, 5, ScheduleStatus::completed);
  add(8, 5, ScheduleStatus::error);
  auto idle = a_schedule(9);
  idle.next_run_at.reset();
  idle.next_due_at.reset();
  changes.schedules.push_back({idle, {}});
  write(store, changes);

  using Ids = std::vector<ScheduleId>;
  const Ids all{schedule_id(4), schedule_id(5), schedule_id(2), schedule_id(3), schedule_id(1)};
  CHECK(ids(store.load_due({}, at(100), 100)) == all);
  // `before` is exclusive.
  CHECK(ids(store.load_due({}, at(20) + 5ms, 100)) == Ids{schedule_id(4), schedule_id(5)});
  CHECK(ids(store.load_due({}, at(20) + 6ms, 100)).size() == 4);
  CHECK(store.load_due({}, at(10), 100).empty());
  CHECK(store.load_due({}, at(100), 0).empty());
  // Page by page it is the same list.
  Ids paged;
  std::optional<DueCursor> after;
  for (int pages = 0; pages < 10; ++pages) {
    const auto page = store.load_due(after, at(100), 2);
    if (page.empty()) break;
    for (const auto& row : page) paged.push_back(row.schedule.id);
    after = DueCursor{*page.back().schedule.next_due_at, page.back().schedule.id};
  }
  CHECK(paged == all);
}

}  // namespace

std::vector<Check> change_checks() {
  return {
      {"reports what was written since", reports_what_was_written_since},
      {"reports that many were written", reports_that_many_were_written},
      {"reports a schedule with its flow", reports_a_schedule_with_its_flow},
      {"reports edits", reports_edits_of_schedules_and_flows},
      {"reports deletions", reports_deletions},
      {"reports runs", reports_runs},
      {"does not report what the daemon settles", does_not_report_what_the_daemon_settles},
      {"does not report what was refused", does_not_report_what_was_refused},
      {"loads what is due in order", loads_what_is_due_in_order},
  };
}

}  // namespace rruled::test
