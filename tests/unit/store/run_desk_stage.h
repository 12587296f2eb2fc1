#pragma once

#include "sample.h"
#include "store/directory.h"
#include "store/run_desk.h"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

namespace rruled::test {

inline AuditEntry by_somebody(const std::string& object) {
  return {.at = at(1),
          .project_id = 1,
          .actor = "somebody",
          .action = "purge",
          .kind = "run",
          .object_id = object,
          .before = {},
          .after = {}};
}

// A schedule that lets one run go at a time, its first run with an executor, a second one waiting.
struct RunDeskStage {
  explicit RunDeskStage(Store& the_store) : store(the_store), desk(the_store.run_desk()) {
    auto schedule = a_schedule();
    schedule.overlap = OverlapPolicy::buffer_all;
    schedule.retry.max_age = 100s;
    REQUIRE_FALSE(store.write({.flows = {{a_flow(), {}}}, .schedules = {{schedule, {}}}}, at(0)));
    claimant = store.begin_session(id_of<OwnerId>(1), at(0)).claimant;
    const auto row = *store.schedule(schedule_id(1));
    std::vector<Run> runs{a_run(row, nominal(0)), a_run(row, nominal(1), RunStatus::pending)};
    for (auto& each : runs) each.retry.max_age = 100s;
    runs[0].kind = RunKind::batch_job;
    const auto settled = store.settle({a_settlement(row, runs, nominal(500))}, claimant, at(2));
    run = settled.at(0).claimed.at(0);
    next = runs[1].id;
    REQUIRE(store.run(next)->status == RunStatus::waiting);
  }
  [[nodiscard]] Run now_is() const { return *store.run(run.id); }
  FinishResult track(const std::string& remote_id = "job-1") {
    auto finish = a_finish(run, RunStatus::running, at(3));
    finish.remote_id = remote_id;
    finish.available_at = at(5);
    finish.logs = {a_log_line("accepted")};
    return store.finish({finish}, claimant, at(3)).at(0);
  }
  [[nodiscard]] std::vector<TrackedRun> take(Timestamp now) const {
    return desk->take_tracked({.executor = "default"}, now);
  }
  [[nodiscard]] EndTracked an_end(RunStatus status) const {
    return {run.id, run.fence, status, "why", "what", {a_log_line("ended")}};
  }
  CancelResult cancel(Timestamp now) {
    return store.directory()->cancel_run(run.id, "enough", now, by_somebody("r"));
  }

  Store& store;
  std::unique_ptr<RunDesk> desk;
  Claimant claimant;
  Run run;
  RunId next;
};

}  // namespace rruled::test
