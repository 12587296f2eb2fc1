#include "tests/unit/cli/command_line.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace rruled::test {
namespace {

std::string paused_schedule(CommandLine& line) {
  REQUIRE(line.rruled({"flow", "create", "--name", "A", "--trigger", "schedule"}).exit_code == 0);
  REQUIRE(
      line.rruled({"schedule", "create", "--flow", "A", "--rrule", "FREQ=MINUTELY"}).exit_code ==
      0);
  const auto id = line.rruled({"schedule", "list", "--format", "jsonl"}).out.substr(7, 36);
  REQUIRE(line.rruled({"schedule", "pause", id}).exit_code == 0);
  return id;
}

}  // namespace

TEST_CASE("what was skipped before a batch that could not be written is said") {
  CommandLine line;
  store::ChangeSet changes;
  store::Flow flow;
  flow.status = store::FlowStatus::active;
  flow.trigger_type = "schedule";
  changes.flows.push_back({flow, std::nullopt});
  const store::Instant start(std::chrono::seconds(1'700'000'000));
  for (int i = 0; i < 501; ++i) {
    store::Schedule schedule;
    schedule.id.value.data[14] = static_cast<std::uint8_t>(i >> 8);
    schedule.id.value.data[15] = static_cast<std::uint8_t>(i & 0xff);
    schedule.flow_id = flow.id;
    schedule.rrule = "FREQ=YEARLY";
    schedule.starts_at = start;
    schedule.next_run_at = start;
    schedule.next_due_at = start;
    changes.schedules.push_back({schedule, std::nullopt});
  }
  REQUIRE_FALSE(line.open()->write(changes, start));
  // The last of the list, and alone in the second batch.
  line.sql(
      "CREATE TRIGGER full BEFORE UPDATE ON schedules WHEN OLD.id = zeroblob(16)"
      " BEGIN SELECT RAISE(ABORT, 'no room'); END");
  const auto result = line.rruled({"schedule", "skip", "--all"});
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, Catch::StartsWith("500 schedules, those printed, were changed before this:"
                                           "\nrruled: store ") &&
                             Catch::Contains("no room"));
  CHECK(std::count(result.out.begin(), result.out.end(), '\n') == 500);
  CHECK(line.number("SELECT count(*) FROM gaps") == 500);
}

TEST_CASE("what is skipped of a paused schedule is said, and why nothing is of another") {
  CommandLine line;
  const auto id = paused_schedule(line);
  line.sql(
      "UPDATE schedules SET settled_to = settled_to - 3600000, created_at = created_at - 7200000,"
      " starts_at = starts_at - 7200000, settled_wall = settled_wall - 3600000");
  const auto skipped = line.rruled({"schedule", "skip", id});
  INFO(skipped.out + skipped.err);
  CHECK_THAT(skipped.out, Catch::StartsWith(id + "  ") &&
                              Catch::EndsWith(" skipped, paused\n1 schedule changed\n"));
  CHECK(line.number("SELECT count(*) FROM gaps WHERE reason = 'skipped_by_operator'") == 1);
  CHECK(line.number("SELECT count(*) FROM schedules WHERE status = 'paused'"
                    " AND next_run_at IS NULL") == 1);
  REQUIRE(line.rruled({"schedule", "resume", id, "--catch-up", "all"}).exit_code == 0);
  CHECK(line.number("SELECT sum(count) FROM gaps WHERE reason = 'paused'") == 0);

  line.sql("UPDATE schedules SET status = 'error', status_reason = 'rrule: no such part'");
  CHECK(line.rruled({"schedule", "skip", id}).out ==
        id + " is in error and not changed: rrule: no such part\n0 schedules changed\n");
  line.sql("UPDATE schedules SET status = 'completed'");
  CHECK(line.rruled({"schedule", "skip", id, "--dry-run"}).out ==
        id + " is completed: nothing is left to skip.\n0 schedules would change\n");
  CHECK(line.rruled({"schedule", "skip", "--all"}).out == "0 schedules changed\n");
}

TEST_CASE("the preview of a paused schedule showed what a person had skipped") {
  CommandLine line;
  const auto id = paused_schedule(line);
  line.sql("UPDATE schedules SET settled_to = 4102444800000");  // 2100-01-01
  const auto shown =
      line.rruled({"preview", "--schedule", id, "--count", "1", "--format", "jsonl"});
  INFO(shown.err);
  CHECK_THAT(shown.out, Catch::Contains("2100-01-01T00:0"));
}

}  // namespace rruled::test
