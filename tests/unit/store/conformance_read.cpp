#include "conformance.h"
#include "sample.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

void lists_flows_latest_updated_first(Store& store) {
  const auto add = [&](int n, int updated, std::int64_t project, FlowStatus status) {
    auto flow = a_flow(n);
    flow.updated_at = at(updated);
    flow.project_id = project;
    flow.status = status;
    write(store, put(flow));
  };
  add(1, 30, 1, FlowStatus::active);
  add(2, 10, 2, FlowStatus::active);
  add(3, 20, 1, FlowStatus::draft);
  add(4, 20, 1, FlowStatus::active);
  CHECK(numbers(store.flows({})) == "1 4 3 2");
  CHECK(numbers(store.flows({.project_id = 1})) == "1 4 3");
  CHECK(numbers(store.flows({.status = FlowStatus::active})) == "1 4 2");
  CHECK(numbers(store.flows({.project_id = 1, .status = FlowStatus::draft})) == "3");
  CHECK(numbers(store.flows({.project_id = 3})).empty());
  CHECK(numbers(store.flows({.limit = 2})) == "1 4");
  CHECK(numbers(store.flows({.limit = 2, .offset = 1})) == "4 3");
  CHECK(numbers(store.flows({.offset = 9})).empty());
  CHECK(numbers(store.flows({.limit = 0})).empty());
}

void lists_schedules_newest_first(Store& store) {
  write(store, {.flows = {{a_flow(1), {}}, {a_flow(2), {}}}});
  const auto add = [&](int n, int created, int flow, std::int64_t project, ScheduleStatus status) {
    auto schedule = a_schedule(n, flow);
    schedule.created_at = at(created);
    schedule.project_id = project;
    schedule.status = status;
    write(store, put(schedule));
  };
  add(1, 30, 1, 1, ScheduleStatus::active);
  add(2, 10, 2, 2, ScheduleStatus::active);
  add(3, 20, 1, 1, ScheduleStatus::paused);
  add(4, 20, 2, 1, ScheduleStatus::active);
  CHECK(numbers(store.schedules({})) == "1 4 3 2");
  CHECK(numbers(store.schedules({.project_id = 1})) == "1 4 3");
  CHECK(numbers(store.schedules({.flow_id = flow_id(2)})) == "4 2");
  CHECK(numbers(store.schedules({.project_id = 2, .flow_id = flow_id(2)})) == "2");
  CHECK(numbers(store.schedules({.status = ScheduleStatus::paused})) == "3");
  CHECK(numbers(store.schedules({.flow_id = flow_id(1), .status = ScheduleStatus::active})) == "1");
  CHECK(numbers(store.schedules({.limit = 2, .offset = 1})) == "4 3");
}

// Runs in every status: the first is made by flow 1 and schedule 1, the others by hand.
void lists_runs_latest_due_first(Store& store) {
  const auto claimant = store.begin_session(id_of<OwnerId>(1), at(0)).claimant;
  auto schedule = a_schedule(1, 1);
  schedule.max_running = 2;
  schedule.overlap = OverlapPolicy::skip;
  write(store, {.flows = {{a_flow(1), {}}, {a_flow(2), {}}}, .schedules = {{schedule, {}}}});
  std::vector<Run> runs;
  for (int n = 0; n < 5; ++n) {
    auto run = a_run(schedule, nominal(n));
    run.id = run_id(n);
    if (n == 0) run.status = RunStatus::waiting;
    if (n == 1) run.status = RunStatus::pending;
    runs.push_back(run);
  }
  auto settlement = a_settlement(schedule, runs, nominal(50));
  settlement.overlap = OverlapPolicy::allow;
  const auto claimed = store.settle({settlement}, claimant, at(5)).at(0).claimed;
  REQUIRE(claimed.size() == 3);
  (void)store.finish({a_finish(claimed[0], RunStatus::retrying, at(6)),
                      a_finish(claimed[1], RunStatus::completed, at(6))},
                     claimant, at(6));
  settlement =
      a_settlement(*store.schedule(schedule.id), {a_run(schedule, nominal(50))}, nominal(60));
  settlement.runs[0].id = run_id(5);
  REQUIRE(store.settle({settlement}, claimant, at(50)).at(0).skipped.size() == 1);
  int n = 10;
  for (const auto status : {RunStatus::failed, RunStatus::dead, RunStatus::cancelled}) {
    auto run = a_manual_run(n++, 2);
    run.due_at = at(20);
    write(store, {.runs = {run}});
    const auto sent = store.claim({claimant, {"default"}, 9}, at(100)).runs;
    for (const auto& each : sent)
      if (each.id == run.id)
        (void)store.finish({a_finish(each, status, at(30))}, claimant, at(30));
      else
        store.hand_back({{each.id, each.fence}}, claimant);
  }

  CHECK(numbers(store.runs({})) == "5 12 11 10 4 3 2 1 0");
  CHECK(numbers(store.runs({.flow_id = flow_id(2)})) == "12 11 10");
  CHECK(numbers(store.runs({.schedule_id = schedule.id})) == "5 4 3 2 1 0");
  CHECK(numbers(store.runs({.flow_id = flow_id(2), .schedule_id = schedule.id})).empty());
  CHECK(numbers(store.runs({.due_from = at(3)})) == "5 12 11 10 4 3");
  CHECK(numbers(store.runs({.due_to = at(3)})) == "2 1 0");
  CHECK(numbers(store.runs({.due_from = at(1), .due_to = at(4)})) == "3 2 1");
  CHECK(numbers(store.runs({.flow_id = flow_id(2), .due_from = at(21)})).empty());
  CHECK(numbers(store.runs({.schedule_id = schedule.id, .due_to = at(2)})) == "1 0");
  CHECK(numbers(store.runs({.limit = 3, .offset = 2})) == "11 10 4");
  const std::pair<RunStatus, const char*> by_status[] = {
      {RunStatus::waiting, "0"}, {RunStatus::pending, "1"},  {RunStatus::dispatching, "4"},
      {RunStatus::running, ""},  {RunStatus::retrying, "2"}, {RunStatus::completed, "3"},
      {RunStatus::failed, "10"}, {RunStatus::dead, "11"},    {RunStatus::cancelled, "12"},
      {RunStatus::skipped, "5"},
  };
  for (const auto& [status, expected] : by_status) {
    INFO(word(status));
    CHECK(numbers(store.runs({.status = status})) == expected);
  }
  CHECK(numbers(store.runs({.flow_id = flow_id(2), .status = RunStatus::dead})) == "11");
  CHECK(numbers(store.runs({.status = RunStatus::dead, .due_to = at(20)})).empty());

  const auto counts = store.counts();
  REQUIRE(counts.runs.size() == 10);
  for (const auto& [status, count] : counts.runs)
    CHECK(count == store.runs({.status = status}).size());
}

void lists_schedules_and_runs_from_an_id_on(Store& store) {
  write(store, {.flows = {{a_flow(1), {}}},
                .schedules = {{a_schedule(3), {}}, {a_schedule(1), {}}, {a_schedule(5), {}}},
                .runs = {a_manual_run(4), a_manual_run(2), a_manual_run(6)}});
  CHECK(numbers(store.schedules_from(schedule_id(0), 9)) == "1 3 5");
  CHECK(numbers(store.schedules_from(schedule_id(3), 1)) == "3");
  CHECK(numbers(store.schedules_from(schedule_id(6), 9)).empty());
  CHECK(numbers(store.runs_from(run_id(2), 9)) == "2 4 6");
  CHECK(numbers(store.runs_from(run_id(3), 1)) == "4");
  CHECK(numbers(store.runs_from(run_id(7), 9)).empty());
}

void counts_schedules_of_every_status(Store& store) {
  CHECK(show(store.counts()) ==
        "active 0 paused 0 completed 0 error 0 waiting 0 pending 0 dispatching 0 running 0 "
        "retrying 0 completed 0 failed 0 dead 0 cancelled 0 skipped 0 ");
  write(store, {.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(1), {}}}});
  for (int n = 2; n < 5; ++n) {
    auto schedule = a_schedule(n);
    schedule.status = n == 4 ? ScheduleStatus::error : ScheduleStatus::paused;
    write(store, put(schedule));
  }
  write(store, {.runs = {a_manual_run(1), a_manual_run(2)}});
  CHECK(show(store.counts()) ==
        "active 1 paused 2 completed 0 error 1 waiting 0 pending 2 dispatching 0 running 0 "
        "retrying 0 completed 0 failed 0 dead 0 cancelled 0 skipped 0 ");
  write(store, {.delete_flows = {{flow_id(1)}}});
  CHECK(show(store.counts()) ==
        "active 0 paused 0 completed 0 error 0 waiting 0 pending 0 dispatching 0 running 0 "
        "retrying 0 completed 0 failed 0 dead 0 cancelled 0 skipped 0 ");
}

void lists_logs_newest_first(Store& store) {
  const auto claimant = store.begin_session(id_of<OwnerId>(1), at(0)).claimant;
  write(store, {.flows = {{a_flow(1), {}}, {a_flow(2), {}}},
                .schedules = {{a_schedule(1, 1), {}}, {a_schedule(2, 2), {}}}});
  const auto line = [](const char* text, int flow, std::optional<int> run, int when) {
    auto entry = a_log_line(text, flow);
    if (run) entry.run_id = run_id(*run);
    entry.timestamp = at(when);
    entry.level = LogLevel::warn;
    return entry;
  };
  auto first = a_settlement(a_schedule(1, 1), {}, nominal(9));
  first.logs = {line("b", 1, 1, 20), line("a", 1, {}, 10), line("c", 1, 1, 20)};
  auto second = a_settlement(a_schedule(2, 2), {}, nominal(9));
  second.logs = {line("d", 2, 2, 15)};
  (void)store.settle({first, second}, claimant, at(0));
  const auto messages = [&](const LogQuery& query) {
    std::string text;
    for (const auto& each : store.logs(query)) text += each.message;
    return text;
  };
  // Of one moment, the last written first.
  CHECK(messages({}) == "cbda");
  CHECK(messages({.limit = 2}) == "cb");
  CHECK(messages({.flow_id = flow_id(1)}) == "cba");
  CHECK(messages({.run_id = run_id(1)}) == "cb");
  CHECK(messages({.flow_id = flow_id(2), .run_id = run_id(1)}).empty());
  CHECK(messages({.flow_id = flow_id(2)}) == "d");
  CHECK(show(store.logs({.run_id = run_id(2)})) == show(std::vector{second.logs[0]}));
}

void remembers_the_version_of_the_zones(Store& store) {
  CHECK(store.zones_version().empty());
  store.set_zones_version("2026a");
  CHECK(store.zones_version() == "2026a");
  store.set_zones_version("it's \\ é");
  CHECK(store.zones_version() == "it's \\ é");
  // Nothing that anybody follows.
  CHECK(store.changes_since(0).revision == 0);
}

}  // namespace

std::vector<Check> read_checks() {
  return {
      {"lists flows, latest updated first", lists_flows_latest_updated_first},
      {"lists schedules, newest first", lists_schedules_newest_first},
      {"lists runs, latest due first", lists_runs_latest_due_first},
      {"lists schedules and runs from an id on", lists_schedules_and_runs_from_an_id_on},
      {"counts every status", counts_schedules_of_every_status},
      {"lists logs, newest first", lists_logs_newest_first},
      {"remembers the version of the zones", remembers_the_version_of_the_zones},
  };
}

}  // namespace rruled::test
