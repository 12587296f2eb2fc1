// RunDesk::remove_history(): what a deletion of a flow takes away before it.
#include "conformance.h"
#include "sample.h"
#include "store/directory.h"
#include "store/run_desk.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using enum RunStatus;

LogEntry line_of(const Run& run, const std::string& message = "of the run") {
  auto line = a_log_line(message);
  line.flow_id = run.flow_id;
  line.run_id = run.id;
  return line;
}

// Two flows with a schedule each.
struct Past {
  explicit Past(Store& the_store) : store(the_store), desk(the_store.run_desk()) {
    REQUIRE_FALSE(store.write({.flows = {{a_flow(1), {}}, {a_flow(2), {}}},
                               .schedules = {{a_schedule(1, 1), {}}, {a_schedule(2, 2), {}}}},
                              at(0)));
    claimant = store.begin_session(id_of<OwnerId>(1), at(0)).claimant;
  }
  // The schedule's next occurrence, claimed.
  Run fire(int schedule = 1) {
    const auto row = *store.schedule(schedule_id(schedule));
    const auto next = *row.next_run_at;
    return store.settle({a_settlement(row, {a_run(row, next)}, next + 1s)}, claimant, at(9'000))
        .at(0)
        .claimed.at(0);
  }
  void end(const Run& run, RunStatus status, std::size_t lines = 1) {
    auto finish = a_finish(run, status, at(9'000));
    for (std::size_t n = 0; n < lines; ++n) finish.logs.push_back(line_of(run));
    REQUIRE(store.finish({finish}, claimant, at(9'000)).at(0).written);
  }
  void add_gap(int schedule, int from) {
    const Gap gap{schedule_id(schedule), GapReason::missed, nominal(from), nominal(from + 1), 2};
    REQUIRE_FALSE(store.write({.gaps = {gap}}, at(9'000)));
  }
  // Written by a settlement that fires nothing.
  void add_line_of_no_run(int schedule = 1) {
    const auto row = *store.schedule(schedule_id(schedule));
    auto settlement = a_settlement(row, {}, *row.next_run_at + 1s);
    settlement.logs = {a_log_line("of the flow", schedule)};
    REQUIRE(store.settle({settlement}, claimant, at(9'000)).at(0).kind ==
            SettleResult::Kind::settled);
  }
  // Asks until there is no more; gives how many rows went.
  std::size_t remove_all(std::size_t limit, int flow = 1) {
    std::size_t rows = 0;
    for (int calls = 0; calls < 1'000; ++calls) {
      const auto removed = desk->remove_history(flow_id(flow), limit);
      CHECK(removed.rows <= 5 * limit);  // runs, and their lines
      rows += removed.rows;
      if (!removed.more) return rows;
    }
    FAIL("there was always more");
    return rows;
  }
  [[nodiscard]] std::size_t runs_of(int flow) const {
    return store.runs({.flow_id = flow_id(flow)}).size();
  }

  Store& store;
  std::unique_ptr<RunDesk> desk;
  Claimant claimant;
};

void takes_what_has_ended(Store& store) {
  Past past(store);
  for (const auto status : {completed, failed, dead, cancelled}) past.end(past.fire(), status);
  const auto live = past.fire();
  auto again = a_finish(past.fire(), retrying, at(9'000));
  again.available_at = at(9'001);
  again.logs = {line_of(live)};
  REQUIRE(store.finish({again}, past.claimant, at(9'000)).at(0).written);
  past.end(past.fire(), completed);
  past.add_line_of_no_run();
  past.add_gap(1, 1);
  past.add_gap(1, 3);
  REQUIRE_FALSE(store.write({.runs = {a_manual_run(1)}}, at(9'000)));
  const auto limit = GENERATE(1, 2, 3, 1'000);
  const auto flow = show(store.flow(flow_id(1)));
  const auto schedule = show(store.schedule(schedule_id(1)));
  const auto row_of_live = show(store.run(live.id));
  const auto revision = store.changes_since(0).revision;

  CHECK(past.remove_all(static_cast<std::size_t>(limit)) == 5 + 5 + 1 + 2);
  CHECK(past.runs_of(1) == 3);
  CHECK(show(store.run(live.id)) == row_of_live);
  CHECK(store.attempts(live.id).size() == 1);
  CHECK(store.run(again.run_id)->status == retrying);
  CHECK(store.run(run_id(1))->status == pending);
  CHECK(store.logs({.flow_id = flow_id(1)}).size() == 1);
  CHECK(store.logs({.run_id = live.id}).size() == 1);
  CHECK(store.gaps(schedule_id(1)).empty());
  CHECK(show(store.flow(flow_id(1))) == flow);
  CHECK(show(store.schedule(schedule_id(1))) == schedule);
  CHECK(store.changes_since(0).revision == revision);
  CHECK(store.counts().runs.at(static_cast<std::size_t>(completed)).second == 0);
  // What is gone does not fire again, and the flow can be deleted as ever.
  const auto stale = a_settlement(a_schedule(), {a_run(a_schedule(), nominal(0))}, nominal(1));
  CHECK(store.settle({stale}, past.claimant, at(9'001)).at(0).kind == SettleResult::Kind::moved);
  REQUIRE_FALSE(store.write({.delete_flows = {{flow_id(1)}}}, at(9'002)));
  CHECK(past.runs_of(1) == 0);
}

void leaves_other_flows_alone(Store& store) {
  Past past(store);
  for (int n = 0; n < 4; ++n) {
    past.end(past.fire(1), completed);
    past.end(past.fire(2), dead);
  }
  past.add_line_of_no_run(2);
  past.add_gap(2, 1);
  // In turn: each begins anew, and comes no further.
  CHECK(past.desk->remove_history(flow_id(1), 1).rows >= 1);
  CHECK(past.desk->remove_history(flow_id(9), 1).rows == 0);
  CHECK(past.remove_all(1, 9) == 0);
  (void)past.remove_all(2);
  CHECK(past.runs_of(1) == 0);
  CHECK(past.runs_of(2) == 4);
  CHECK(store.logs({.flow_id = flow_id(2)}).size() == 5);
  CHECK(store.gaps(schedule_id(2)).size() == 1);
  CHECK(past.remove_all(2, 2) == 4 + 5 + 1);
}

void a_run_goes_with_the_last_of_its_lines(Store& store) {
  Past past(store);
  const auto talkative = past.fire();
  past.end(talkative, completed, 17);
  past.end(past.fire(), completed, 2);
  CHECK(past.desk->remove_history(flow_id(1), 2) == RemovedHistory{8, true});
  CHECK(past.runs_of(1) == 2);
  CHECK(past.remove_all(2) == 9 + 2 + 2);
  CHECK(past.runs_of(1) == 0);
  CHECK(store.logs({.flow_id = flow_id(1)}).empty());
}

// The first ones in the order in which it goes are live, and end while it is further on.
void takes_what_ends_meanwhile(Store& store) {
  Past past(store);
  std::vector<Run> live;
  for (int n = 0; n < 5; ++n) live.push_back(past.fire());
  for (int n = 0; n < 5; ++n) past.end(past.fire(), completed);
  for (int calls = 0; past.runs_of(1) > 7; ++calls) {
    REQUIRE(calls < 100);
    CHECK(past.desk->remove_history(flow_id(1), 1).more);
  }
  for (const auto& run : live) past.end(run, failed);
  CHECK(past.remove_all(1) == 2 + 2 + 5 + 5);
  CHECK(past.runs_of(1) == 0);
  CHECK(past.remove_all(1) == 0);
}

void nothing_is_asked(Store& store) {
  Past past(store);
  past.end(past.fire(), completed);
  CHECK(past.desk->remove_history(flow_id(1), 0) == RemovedHistory{});
  CHECK(past.runs_of(1) == 1);
}

}  // namespace

std::vector<Check> history_checks() {
  return {
      {"history: takes what has ended", takes_what_has_ended},
      {"history: leaves other flows alone", leaves_other_flows_alone},
      {"history: a run goes with the last of its lines", a_run_goes_with_the_last_of_its_lines},
      {"history: takes what ends meanwhile", takes_what_ends_meanwhile},
      {"history: nothing is asked", nothing_is_asked},
  };
}

}  // namespace rruled::test
