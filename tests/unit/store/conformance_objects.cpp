#include "conformance.h"
#include "sample.h"
#include "store/directory.h"

#include <catch2/catch.hpp>

// Calendars, backfills, projects, and the second life of a run.
namespace rruled::test {
namespace {

constexpr RetryPolicy kFresh{
    .max_attempts = 4, .min_backoff = 1s, .max_backoff = 9s, .max_age = 60s};

AuditEntry an_action(const std::string& action) {
  return {.at = at(5),
          .project_id = 1,
          .actor = "cli somebody",
          .action = action,
          .kind = "run",
          .object_id = "x",
          .before = "",
          .after = ""};
}

Calendar a_calendar(const std::string& name = "holidays") {
  Calendar calendar;
  calendar.project_id = 1;
  calendar.name = name;
  calendar.note = "whole days";
  calendar.days = R"({"dates":["2026-01-01"]})";
  calendar.created_at = at(1);
  calendar.updated_at = at(2);
  return calendar;
}

Backfill a_backfill(int n, int schedule = 1) {
  Backfill backfill;
  backfill.id = id_of<ParentId>(n);
  backfill.flow_id = flow_id(1);
  backfill.schedule_id = schedule_id(schedule);
  backfill.from = nominal(-100);
  backfill.to = nominal(-10);
  backfill.count = 9;
  backfill.note = "the lost night";
  backfill.created_at = at(3);
  return backfill;
}

// A run that was tried once, at second 1, and ended so at second 2.
Run an_ended_run(Store& store, RunStatus status) {
  REQUIRE_FALSE(store.write({.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}}}, at(0)));
  const auto claimant = store.begin_session(id_of<OwnerId>(1), at(0)).claimant;
  auto claimed =
      store
          .settle({a_settlement(a_schedule(), {a_run(a_schedule(), nominal(0))}, nominal(90))},
                  claimant, at(1))
          .at(0)
          .claimed;
  const Run run = claimed.at(0);
  auto finish = a_finish(run, status, at(2));
  finish.attempt.started_at = at(1);
  REQUIRE(store.finish({finish}, claimant, at(2)).at(0).written);
  return *store.run(run.id);
}

void failed_runs_go_again(Store& store) {
  const auto status = GENERATE(RunStatus::failed, RunStatus::dead);
  const auto directory = store.directory();
  const Run before = an_ended_run(store, status);
  const auto revision = store.changes_since(0).revision;
  REQUIRE(directory->retry_run(before.id, kFresh, at(7), an_action("retry")) ==
          RetryResult::retried);
  const Run after = *store.run(before.id);
  CHECK(after.status == RunStatus::pending);
  CHECK(after.body == before.body);
  CHECK(after.variables == before.variables);
  CHECK(after.available_at == at(7));
  CHECK_FALSE(after.finished_at);
  CHECK(after.started_at == at(1));
  CHECK(after.attempts == 1);
  CHECK(after.retry.max_attempts == 5);
  CHECK(after.retry.max_age == 66s);
  CHECK(after.retry.max_backoff == 9s);
  CHECK(store.changes_since(revision).runs_added);
  CHECK(directory->audit({}, {}).rows.at(0).action == "retry");

  // It is claimed and ends as any other, with the attempts counted on.
  const auto claimant = store.begin_session(id_of<OwnerId>(2), at(8)).claimant;
  const auto claimed = store.claim({claimant, {"default"}}, at(8)).runs;
  REQUIRE(claimed.size() == 1);
  CHECK(claimed[0].attempts == 2);
  CHECK(claimed[0].fence == before.fence + 1);
  REQUIRE(store.finish({a_finish(claimed[0], RunStatus::completed, at(9))}, claimant, at(9))
              .at(0)
              .written);
  CHECK(store.run(before.id)->status == RunStatus::completed);
  CHECK(store.attempts(before.id).size() == 2);
}

void a_late_end_does_not_reach_a_replay(Store& store) {
  const Run before = an_ended_run(store, RunStatus::dead);
  const auto claimant = Claimant{*before.owner, 1};
  REQUIRE(store.directory()->retry_run(before.id, kFresh, at(7), an_action("retry")) ==
          RetryResult::retried);
  CHECK_FALSE(
      store.finish({a_finish(before, RunStatus::completed, at(8))}, claimant, at(8)).at(0).written);
  CHECK(store.run(before.id)->status == RunStatus::pending);
}

void other_runs_do_not_go_again(Store& store) {
  const auto directory = store.directory();
  const Run done = an_ended_run(store, RunStatus::completed);
  CHECK(directory->retry_run(done.id, kFresh, at(7), an_action("retry")) ==
        RetryResult::not_failed);
  REQUIRE_FALSE(store.write({.runs = {a_manual_run(1)}}, at(3)));
  CHECK(directory->retry_run(a_manual_run(1).id, kFresh, at(7), an_action("retry")) ==
        RetryResult::under_way);
  CHECK(directory->retry_run(run_id(999), kFresh, at(7), an_action("retry")) ==
        RetryResult::missing);
  CHECK(store.run(done.id)->status == RunStatus::completed);
  CHECK(directory->audit({}, {}).rows.empty());
}

void a_job_with_children_does_not_go_again(Store& store) {
  const Run job = an_ended_run(store, RunStatus::failed);
  auto child = a_manual_run(1);
  child.parent_id = ParentId{job.id.value};
  REQUIRE_FALSE(store.write({.runs = {child}}, at(3)));
  CHECK(store.directory()->retry_run(job.id, kFresh, at(7), an_action("retry")) ==
        RetryResult::has_children);
}

void calendars_are_kept(Store& store) {
  const auto directory = store.directory();
  REQUIRE_FALSE(store.write({.calendars = {{a_calendar("b"), {}}, {a_calendar("a"), {}}}}, at(1)));
  CHECK(directory->calendar({1, "b"}) == a_calendar("b"));
  CHECK_FALSE(directory->calendar({2, "b"}));
  const auto all = directory->calendars(1);
  REQUIRE(all.size() == 2);
  CHECK(all[0].name == "a");

  auto changed = a_calendar("b");
  changed.days = "{}";
  CHECK(store.write({.calendars = {{changed, {}}}}, at(2))->kind == Conflict::Kind::exists);
  CHECK(store.write({.calendars = {{changed, 7}}}, at(2))->kind == Conflict::Kind::changed);
  REQUIRE_FALSE(store.write({.calendars = {{changed, 1}}}, at(2)));
  CHECK(directory->calendar({1, "b"})->days == "{}");
  CHECK(directory->calendar({1, "b"})->version == 2);
  const auto missing = store.write({.calendars = {{a_calendar("c"), 1}}}, at(2));
  REQUIRE(missing);
  CHECK(missing->kind == Conflict::Kind::missing);
  CHECK(missing->calendar == CalendarName{1, "c"});

  REQUIRE_FALSE(store.write({.delete_calendars = {{1, "b"}}}, at(3)));
  CHECK(store.write({.delete_calendars = {{1, "b"}}}, at(3))->kind == Conflict::Kind::missing);
  CHECK(directory->calendars(1).size() == 1);
}

void schedules_whose_pause_is_over_are_found(Store& store) {
  ChangeSet changes{.flows = {{a_flow(), {}}}};
  const auto add = [&](int n, ScheduleStatus status, std::optional<Timestamp> until) {
    Schedule row = a_schedule(n);
    row.status = status;
    row.paused_until = until;
    row.next_run_at.reset();
    row.next_due_at.reset();
    changes.schedules.push_back({row, {}});
  };
  add(1, ScheduleStatus::paused, at(20));
  add(2, ScheduleStatus::paused, at(10));
  add(3, ScheduleStatus::paused, std::nullopt);
  add(4, ScheduleStatus::paused, at(31));
  add(5, ScheduleStatus::completed, at(5));
  REQUIRE_FALSE(store.write(changes, at(0)));
  const auto directory = store.directory();
  const auto ids = [&](Timestamp now, std::size_t limit) {
    std::vector<ScheduleId> found;
    for (const auto& row : directory->schedules_to_resume(now, limit)) found.push_back(row.id);
    return found;
  };
  CHECK(ids(at(9), 10).empty());
  CHECK(ids(at(30), 10) == std::vector{schedule_id(2), schedule_id(1)});  // `now` is inclusive
  CHECK(ids(at(20), 10) == std::vector{schedule_id(2), schedule_id(1)});
  CHECK(ids(at(30), 1) == std::vector{schedule_id(2)});
}

void schedules_that_pause_by_failures_are_found(Store& store) {
  ChangeSet changes{.flows = {{a_flow(), {}}}};
  const auto add = [&](int n, ScheduleStatus status, int failures) {
    Schedule row = a_schedule(n);
    row.status = status;
    row.pause_after_failures = failures;
    if (status != ScheduleStatus::active) {
      row.next_run_at.reset();
      row.next_due_at.reset();
    }
    changes.schedules.push_back({row, {}});
  };
  add(1, ScheduleStatus::active, 3);
  add(2, ScheduleStatus::active, 0);
  add(3, ScheduleStatus::paused, 3);
  add(4, ScheduleStatus::active, 1);
  add(5, ScheduleStatus::active, 1);
  REQUIRE_FALSE(store.write(changes, at(0)));
  std::vector<ScheduleId> found;
  for (const auto& row : store.directory()->schedules_that_pause(
           {schedule_id(4), schedule_id(3), schedule_id(2), schedule_id(1), schedule_id(9)}))
    found.push_back(row.id);
  CHECK(found == std::vector{schedule_id(1), schedule_id(4)});
}

void schedules_name_calendars_that_are_there(Store& store) {
  const auto directory = store.directory();
  auto schedule = a_schedule();
  schedule.calendar = "holidays";
  schedule.calendar_action = CalendarAction::next;
  const ChangeSet change{.flows = {{a_flow(), {}}}, .schedules = {{schedule, {}}}};
  const auto missing = store.write(change, at(1));
  REQUIRE(missing);
  CHECK(missing->kind == Conflict::Kind::missing);
  CHECK(missing->calendar == CalendarName{1, "holidays"});
  CHECK_FALSE(store.flow(flow_id(1)));

  ChangeSet both = change;
  both.calendars = {{a_calendar(), {}}};
  REQUIRE_FALSE(store.write(both, at(1)));
  CHECK(store.schedule(schedule_id(1))->calendar_action == CalendarAction::next);
  const auto days = store.load_due({}, at(10), 10).at(0).calendar_days;
  REQUIRE(days);
  CHECK(*days == a_calendar().days);
  CHECK(directory->schedules({.calendar = "holidays"}, {}).count == 1);
  CHECK(directory->schedules({.calendar = "others"}, {}).count == 0);

  const auto used = store.write({.delete_calendars = {{1, "holidays"}}}, at(2));
  REQUIRE(used);
  CHECK(used->kind == Conflict::Kind::in_use);
  CHECK(directory->calendar({1, "holidays"}));
  REQUIRE_FALSE(store.write(
      {.delete_schedules = {{schedule_id(1)}}, .delete_calendars = {{1, "holidays"}}}, at(2)));
  CHECK_FALSE(directory->calendar({1, "holidays"}));
}

void backfills_are_kept(Store& store) {
  const auto directory = store.directory();
  REQUIRE_FALSE(store.write({.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}}}, at(0)));
  REQUIRE_FALSE(store.write({.backfills = {{a_backfill(2), {}}, {a_backfill(1), {}}}}, at(1)));
  CHECK(directory->backfill(id_of<ParentId>(1)) == a_backfill(1));
  CHECK_FALSE(directory->backfill(id_of<ParentId>(3)));
  REQUIRE(directory->open_backfills().size() == 2);
  CHECK(directory->open_backfills()[0] == a_backfill(1));

  // Who adds runs moves it on, and only one does.
  auto moved = a_backfill(1);
  moved.made = 1;
  moved.made_to = nominal(-90);
  auto run = a_manual_run(1);
  run.parent_id = moved.id;
  REQUIRE_FALSE(store.write({.runs = {run}, .backfills = {{moved, 1}}}, at(2)));
  run.id = run_id(2);
  const auto lost = store.write({.runs = {run}, .backfills = {{moved, 1}}}, at(2));
  REQUIRE(lost);
  CHECK(lost->kind == Conflict::Kind::changed);
  CHECK(lost->backfill_id == moved.id);
  CHECK_FALSE(store.run(run_id(2)));
  CHECK(directory->runs({.parent_id = moved.id}, {}, true).count == 1);
  const auto counts = directory->counts_of(moved.id);
  REQUIRE(counts.size() == 1);
  CHECK(counts[0] == std::pair(RunStatus::pending, std::uint64_t{1}));

  moved.version = 2;
  moved.ended_at = at(3);
  moved.cancelled = true;
  REQUIRE_FALSE(store.write({.backfills = {{moved, 2}}}, at(3)));
  moved.version = 3;
  CHECK(directory->backfill(moved.id) == moved);
  CHECK(directory->open_backfills().size() == 1);
  REQUIRE_FALSE(store.write({.delete_flows = {{flow_id(1)}}}, at(4)));
  CHECK_FALSE(directory->backfill(moved.id));
}

void a_pause_of_the_project_reaches_its_schedules(Store& store) {
  const auto directory = store.directory();
  auto other = a_schedule(2);
  other.project_id = 2;
  REQUIRE_FALSE(store.write(
      {.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}, {other, {}}}}, at(0)));
  const auto claimant = store.begin_session(id_of<OwnerId>(1), at(0)).claimant;
  const auto stale =
      a_settlement(*store.schedule(schedule_id(1)), {a_run(a_schedule(), nominal(0))}, nominal(60));
  const auto revision = store.changes_since(0).revision;
  CHECK_FALSE(directory->project(1));
  CHECK_FALSE(store.load_due({}, at(10), 10).at(0).project);

  const Project paused{.id = 1, .paused_at = at(1), .resumed_at = {}, .note = "the move"};
  REQUIRE_FALSE(store.write({.projects = {{paused}}}, at(1)));
  CHECK(directory->project(1) == paused);
  const auto changes = store.changes_since(revision);
  REQUIRE(changes.schedules.size() == 1);
  CHECK(changes.schedules[0].project == paused);
  // What somebody planned before is not settled.
  const auto result = store.settle({stale}, claimant, at(2)).at(0);
  CHECK(result.kind == SettleResult::Kind::moved);
  REQUIRE(result.current);
  CHECK(result.current->project == paused);

  auto resumed = paused;
  resumed.resumed_at = at(9);
  resumed.catch_up = true;
  resumed.resume_catchup = CatchupPolicy::all;
  REQUIRE_FALSE(store.write({.projects = {{resumed, paused}}}, at(9)));
  CHECK(directory->project(1) == resumed);
  CHECK(store.load_due({}, at(600), 1).at(0).project == resumed);
  CHECK(store.schedule(schedule_id(1))->version == 3);
  CHECK(store.schedule(schedule_id(2))->version == 1);
  CHECK(store.schedule(schedule_id(1))->next_run_at == nominal(0));
}

// Whoever read the row before it was written took back what was written.
void a_pause_and_a_resume_at_one_time(Store& store) {
  const auto directory = store.directory();
  REQUIRE_FALSE(store.write({.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}}}, at(0)));
  const Project paused{.id = 1, .paused_at = at(1), .resumed_at = {}, .note = "the move"};
  auto resumed = paused;
  resumed.resumed_at = at(2);
  auto noted = paused;
  noted.note = "longer";
  const auto missing = store.write({.projects = {{resumed, paused}}}, at(1));
  REQUIRE(missing);
  CHECK(missing->kind == Conflict::Kind::missing);
  CHECK(missing->project_id == 1);
  REQUIRE_FALSE(store.write({.projects = {{paused, {}}}}, at(1)));
  REQUIRE_FALSE(store.write({.projects = {{noted, paused}}}, at(2)));
  const auto version = store.schedule(schedule_id(1))->version;
  const auto changed = store.write({.projects = {{resumed, paused}}}, at(3));
  REQUIRE(changed);
  CHECK(changed->kind == Conflict::Kind::changed);
  const auto exists = store.write({.projects = {{paused, {}}}}, at(3));
  REQUIRE(exists);
  CHECK(exists->kind == Conflict::Kind::exists);
  CHECK(directory->project(1) == noted);
  CHECK(store.schedule(schedule_id(1))->version == version);
}

void skipped_runs_are_only_written_down(Store& store) {
  const auto overlap = GENERATE(OverlapPolicy::allow, OverlapPolicy::cancel_other);
  auto schedule = a_schedule();
  schedule.overlap = overlap;
  REQUIRE_FALSE(store.write({.flows = {{a_flow(), {}}}, .schedules = {{schedule, {}}}}, at(0)));
  const auto claimant = store.begin_session(id_of<OwnerId>(1), at(0)).claimant;
  auto skipped = a_run(schedule, nominal(1), RunStatus::skipped);
  skipped.reason = "calendar";
  auto settlement = a_settlement(
      schedule, {a_run(schedule, nominal(0), RunStatus::pending), skipped}, nominal(60));
  CHECK_THROWS_AS(store.settle({settlement}, claimant, at(2)), StoreError);  // without an end
  settlement.runs[1].finished_at = at(2);
  const auto result = store.settle({settlement}, claimant, at(2)).at(0);
  REQUIRE(result.kind == SettleResult::Kind::settled);
  REQUIRE(result.skipped.size() == 1);
  CHECK(store.run(skipped.id)->status == RunStatus::skipped);
  CHECK(store.run(skipped.id)->reason == "calendar");
  // The one before it goes on: an occurrence that does not run cancels nothing.
  CHECK(store.runs({.status = RunStatus::pending}).size() == 1);
}

}  // namespace

std::vector<Check> object_checks() {
  return {
      {"schedules whose pause is over are found", schedules_whose_pause_is_over_are_found},
      {"schedules that pause by failures are found", schedules_that_pause_by_failures_are_found},
      {"a failed or dead run goes again, as it was", failed_runs_go_again},
      {"a late end does not reach a run that goes again", a_late_end_does_not_reach_a_replay},
      {"other runs do not go again", other_runs_do_not_go_again},
      {"a job with children does not go again", a_job_with_children_does_not_go_again},
      {"calendars are kept", calendars_are_kept},
      {"schedules name calendars that are there", schedules_name_calendars_that_are_there},
      {"backfills are kept", backfills_are_kept},
      {"a pause of the project reaches its schedules",
       a_pause_of_the_project_reaches_its_schedules},
      {"a pause and a resume at one time do not overwrite one another",
       a_pause_and_a_resume_at_one_time},
      {"skipped runs are only written down", skipped_runs_are_only_written_down},
  };
}

}  // namespace rruled::test
