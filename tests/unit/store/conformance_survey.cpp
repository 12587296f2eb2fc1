// What metrics and doctor are told of a store.
#include "conformance.h"
#include "sample.h"
#include "store/survey.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <map>
#include <string>

namespace rruled::test {
namespace {

std::uint64_t count_of(const Survey& survey, ScheduleStatus status) {
  const auto& [word, count] = survey.schedules.at(static_cast<std::size_t>(status));
  CHECK(word == status);
  return count;
}

// Next due at `due`, late after a minute.
Schedule due_at(int n, int due) {
  Schedule row = a_schedule(n);
  row.late_after = std::chrono::minutes(1);
  row.next_run_at = nominal(due);
  row.next_due_at = at(due);
  return row;
}

void pause_project(Store& store, Timestamp now) {
  ChangeSet changes;
  Project project;
  project.id = 1;
  project.paused_at = now;
  changes.projects.push_back({project, {}});
  REQUIRE_FALSE(store.write(changes, now));
}

void surveys_nothing(Store& store) {
  const auto found = survey(store, at(0));
  CHECK(found.schedules.size() == 4);
  CHECK(count_of(found, ScheduleStatus::active) == 0);
  CHECK(found.overdue == 0);
  CHECK_FALSE(found.overdue_since);
  CHECK_FALSE(found.next_due);
  CHECK(found.dead == 0);
}

void surveys_schedules(Store& store) {
  ChangeSet changes = put(a_flow());
  for (int n = 1; n <= 3; ++n) changes.schedules.push_back({due_at(n, 10 * n), {}});
  Schedule broken = a_schedule(4);
  broken.status = ScheduleStatus::error;
  broken.next_run_at.reset();
  broken.next_due_at.reset();
  changes.schedules.push_back({broken, {}});
  REQUIRE_FALSE(store.write(changes, at(0)));

  auto found = survey(store, at(80));
  CHECK(count_of(found, ScheduleStatus::active) == 3);
  CHECK(count_of(found, ScheduleStatus::error) == 1);
  CHECK(count_of(found, ScheduleStatus::paused) == 0);
  CHECK(found.next_due == at(10));
  CHECK(found.overdue == 1);  // the second is late by exactly a minute
  CHECK(found.overdue_since == at(10));
  found = survey(store, at(1'000));
  CHECK(found.overdue == 3);
  CHECK(found.overdue_since == at(10));

  pause_project(store, at(1'000));
  CHECK(survey(store, at(1'000)).overdue == 0);
  CHECK_FALSE(survey(store, at(1'000)).next_due);
}

void surveys_what_is_settled_ahead(Store& store) {
  ChangeSet changes = put(a_flow());
  for (int n = 1; n <= 5; ++n) {
    Schedule row = due_at(n, 10);
    row.settled_to = nominal(86'400 + n - 1);
    changes.schedules.push_back({row, {}});
  }
  REQUIRE_FALSE(store.write(changes, at(0)));
  const auto found = survey(store, at(0));
  CHECK(found.settled_ahead == 4);  // the first: by exactly a day
  CHECK(found.settled_ahead_ids.size() == 3);
}

using Waiting = std::map<std::string, std::uint64_t>;

void surveys_runs_that_nobody_begins(Store& store) {
  ChangeSet changes = put(a_flow());
  changes.schedules.push_back({a_schedule(), {}});
  REQUIRE_FALSE(store.write(changes, at(0)));
  const auto claimant = store.begin_session(id_of<OwnerId>(1), at(0)).claimant;
  std::vector<Run> runs;
  for (const int second : {0, 1}) {
    runs.push_back(a_run(a_schedule(), nominal(second), RunStatus::pending));
    runs.back().late_after = std::chrono::minutes(1);
  }
  runs.back().executor = "other";
  runs.push_back(a_run(a_schedule(), nominal(2)));  // begun
  (void)store.settle({a_settlement(a_schedule(), runs, nominal(600))}, claimant, at(2));
  auto found = survey(store, at(1));
  CHECK(found.waiting == Waiting{{a_schedule().executor, 1}});  // the second is due just now
  found = survey(store, at(60));
  CHECK(found.waiting == Waiting{{a_schedule().executor, 1}, {"other", 1}});
  CHECK(found.overdue_runs == 0);
  CHECK_FALSE(found.overdue_runs_since);
  found = survey(store, at(61));  // the second is late by exactly a minute
  CHECK(found.overdue_runs == 1);
  CHECK(found.overdue_runs_since == at(0));
  CHECK(survey(store, at(1'000)).overdue_runs == 2);
  CHECK(survey(store, at(1'000)).overdue_runs_since == at(0));
  CHECK(found.overdue_runs_by_executor == std::map<std::string, std::uint64_t>{{"default", 1}});

  pause_project(store, at(1'000));
  found = survey(store, at(1'000));
  CHECK(found.overdue_runs == 2);  // what is in the ledger goes on
  CHECK(found.overdue_runs_by_executor ==
        std::map<std::string, std::uint64_t>{{"default", 1}, {"other", 1}});
}

void surveys_dead_runs(Store& store) {
  ChangeSet changes = put(a_flow());
  changes.schedules.push_back({a_schedule(), {}});
  REQUIRE_FALSE(store.write(changes, at(0)));
  const auto claimant = store.begin_session(id_of<OwnerId>(1), at(0)).claimant;
  const auto run =
      store
          .settle({a_settlement(a_schedule(), {a_run(a_schedule(), kStart)}, nominal(1))}, claimant,
                  at(0))
          .at(0)
          .claimed.at(0);
  (void)store.finish({a_finish(run, RunStatus::dead, at(1))}, claimant, at(1));
  CHECK(survey(store, at(2)).dead == 1);
}

}  // namespace

std::vector<Check> survey_checks() {
  return {{"an empty store is surveyed", surveys_nothing},
          {"schedules are surveyed by status and lateness", surveys_schedules},
          {"schedules settled ahead of the clock are surveyed", surveys_what_is_settled_ahead},
          {"runs that nobody begins are surveyed", surveys_runs_that_nobody_begins},
          {"dead runs are surveyed", surveys_dead_runs}};
}

}  // namespace rruled::test
