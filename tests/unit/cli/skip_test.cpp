#include "tests/unit/cli/command_line.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace rruled::test {

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

}  // namespace rruled::test
