#include "tests/unit/cli/command_line.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

// More than a page of dead runs, alternately of two projects.
class DeadRunsTest : protected CommandLine {
 public:
  DeadRunsTest() {
    store::ChangeSet changes;
    for (int project = 1; project <= 2; ++project) {
      store::Flow flow;
      flow.id.value.data[15] = static_cast<std::uint8_t>(project);
      flow.project_id = project;
      flow.trigger_type = "schedule";
      changes.flows.push_back({flow, std::nullopt});
    }
    for (int i = 0; i < kDead; ++i) {
      const auto& flow = changes.flows[static_cast<std::size_t>(i % 2)].flow;
      store::Run run;
      run.id.value.data[14] = static_cast<std::uint8_t>(i >> 8);
      run.id.value.data[15] = static_cast<std::uint8_t>(i & 0xff);
      run.project_id = flow.project_id;
      run.flow_id = flow.id;
      run.origin = store::RunOrigin::manual;
      run.due_at = store::Timestamp(std::chrono::seconds(1'700'000'000 + i / 7));
      changes.runs.push_back(run);
    }
    REQUIRE_FALSE(open()->write(changes, changes.runs.back().due_at));
    sql("UPDATE runs SET status = 'dead', attempts = 1, available_at = NULL, finished_at = due_at");
  }

 protected:
  static constexpr int kDead = 1'202;
};

}  // namespace

TEST_CASE_METHOD(DeadRunsTest, "a dead run that dies again at once is tried again only once") {
  // As a daemon does whose receiver is still broken; given up after some rounds.
  sql("CREATE TRIGGER dies AFTER UPDATE OF status ON runs"
      " WHEN NEW.status = 'pending' AND NEW.attempts < 4 BEGIN"
      " UPDATE runs SET status = 'dead', attempts = attempts + 1, available_at = NULL,"
      " finished_at = NEW.available_at WHERE id = NEW.id; END");
  const auto result = rruled({"runs", "retry", "--all-dead"});
  CHECK(result.out == "1202 dead runs are tried again\n");
  CHECK(number("SELECT count(*) FROM runs WHERE attempts = 2") == kDead);
  CHECK(number("SELECT count(*) FROM audit WHERE action = 'retry'") == kDead);
}

TEST_CASE_METHOD(DeadRunsTest, "dead runs of one project, and of a time, are tried again alone") {
  const auto of_two = rruled({"runs", "retry", "--all-dead", "--project", "2"});
  CHECK(of_two.out == "601 dead runs are tried again\n");
  CHECK(number("SELECT count(*) FROM runs WHERE status = 'dead' AND project_id = 1") == 601);
  const auto of_time = rruled({"runs", "retry", "--all-dead", "--since", "2023-11-14T22:14:00Z"});
  CHECK(number("SELECT count(*) FROM runs WHERE status = 'dead' AND due_at >= 1700000040000") == 0);
  CHECK(number("SELECT count(*) FROM runs WHERE status = 'dead'") == 140);
}

}  // namespace rruled::test
