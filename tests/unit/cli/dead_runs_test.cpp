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
      flow.name = "f" + std::to_string(project);
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
  CHECK(rruled({"runs", "retry", "--all-dead", "--since", "-7d"}).out ==
        "0 dead runs are tried again\n");
}

TEST_CASE_METHOD(DeadRunsTest, "commands that failed are tried again, and the dead are left") {
  sql("UPDATE runs SET status = 'pending', available_at = due_at WHERE project_id = 2");
  // One of them has a child: a batch job that fanned out.
  sql("UPDATE runs SET kind = 'batch_job' WHERE id = (SELECT min(id) FROM runs WHERE"
      " project_id = 2)");
  sql("UPDATE runs SET parent_id = (SELECT id FROM runs WHERE kind = 'batch_job'), status ="
      " 'completed' WHERE id = (SELECT max(id) FROM runs WHERE project_id = 2)");
  sql("UPDATE runs SET status = 'failed', available_at = NULL WHERE status = 'pending'");
  const std::string left =
      "1 not: each is a batch job that fanned out: retry its invocations that failed\n";
  const auto dry = rruled({"runs", "retry", "--all-failed", "--dry-run"});
  CHECK(dry.exit_code == 0);
  CHECK_THAT(dry.out, Catch::Contains("00000000-0000-0000-0000-000000000002  599   f2\n"
                                      "599 failed runs would be tried again (--dry-run): nothing "
                                      "was written\n" +
                                      left));
  const auto dry_dead = rruled({"runs", "retry", "--all-dead", "--dry-run", "--project", "1"});
  CHECK_THAT(dry_dead.out, Catch::Contains("601 dead runs would be tried again"));
  CHECK(number("SELECT count(*) FROM runs WHERE status = 'pending'") == 0);
  CHECK(number("SELECT count(*) FROM audit WHERE action = 'retry'") == 0);
  CHECK(rruled({"runs", "retry", "--all-failed"}).out ==
        "599 failed runs are tried again\n" + left);
  CHECK(number("SELECT count(*) FROM runs WHERE status = 'pending' AND project_id = 2") == 599);
  CHECK(number("SELECT count(*) FROM runs WHERE status = 'dead'") == 601);
}

TEST_CASE_METHOD(DeadRunsTest, "a retry is of ids, of the dead or of the failed") {
  for (const auto& wrong : std::vector<std::vector<std::string>>{{},
                                                                 {"--all-dead", "--all-failed"},
                                                                 {"0190f6a2", "--all-failed"},
                                                                 {"0190", "--dry-run"},
                                                                 {"0190", "--project", "2"},
                                                                 {"0190", "--since", "-7d"}}) {
    std::vector<std::string> arguments{"runs", "retry"};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    CHECK(rruled(arguments).exit_code == cli::kUsage);
  }
}

}  // namespace rruled::test
