#include "daemon/core/child_run.h"
#include "store/audience.h"
#include "tests/unit/cli/command_line.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

constexpr char kRunId[] = "0190f6a2-1000-7000-8000-000000000000";

// One flow with one run that waits to be claimed.
class RunVerbsTest : protected CommandLine {
 public:
  RunVerbsTest() {
    flow_.id.value.data[15] = 1;
    flow_.status = store::FlowStatus::active;
    flow_.trigger_type = "batch";
    run_.id = store::parse_id<store::RunId>(kRunId).value();
    run_.flow_id = flow_.id;
    run_.kind = store::RunKind::batch_job;
    run_.origin = store::RunOrigin::manual;
    run_.due_at = store::Timestamp(std::chrono::seconds(1'700'000'000));
    run_.variables = R"({"card":"4111"})";
    run_.body = R"({"pin":"9731"})";
    REQUIRE_FALSE(open()->write({.flows = {{flow_, std::nullopt}}, .runs = {run_}}, run_.due_at));
  }

 protected:
  store::Flow flow_;
  store::Run run_;
};

}  // namespace

TEST_CASE_METHOD(RunVerbsTest, "the audit log keeps no body and no variables of a run") {
  sql("UPDATE runs SET status = 'dead'");
  CHECK(rruled({"runs", "retry", kRunId}).out == std::string(kRunId) + "  pending\n");
  CHECK(rruled({"runs", "cancel", kRunId}).out == std::string(kRunId) + "  cancelled\n");
  CHECK(number("SELECT count(*) FROM audit WHERE object_id = '" + std::string(kRunId) +
               "' AND action IN ('cancel', 'retry') AND instr(before, '\"status\":')") == 2);
  CHECK(number("SELECT count(*) FROM audit WHERE instr(before, '4111') OR instr(before, '9731')") ==
        0);
}

// No daemon runs: none is there to do it.
TEST_CASE_METHOD(RunVerbsTest, "a batch job that is cancelled leaves no child that is still sent") {
  {
    const auto store = open();
    const auto audience = store->audience();
    const auto now = run_.due_at;
    store::PersonPut person;
    person.person.created_at = person.person.updated_at = now;
    for (const char* name : {"a", "b", "c"}) {
      person.person.id.value.data[15] = static_cast<std::uint8_t>(*name);
      person.person.distinct_id = name;
      (void)audience->put_persons({person}, {}, now);
    }
    const auto claimant = store->begin_session({store::random_uuid_v7(now)}, now).claimant;
    const auto runs = store->claim({claimant, {"default"}, 1}, now).runs;
    REQUIRE(runs.size() == 1);
    const store::JobClaim claim{runs[0].id, runs[0].fence, claimant};
    REQUIRE(audience->open_job(claim, now));
    store::FanOut page;
    page.claim = claim;
    REQUIRE(audience->fan_out(page, core::ChildMaker(runs[0]), now).added == 3);
    REQUIRE(store->claim({claimant, {"default"}, 1}, now).runs.size() == 1);
  }
  const auto result = rruled({"runs", "cancel", kRunId});
  CHECK(result.out.starts_with(std::string(kRunId) + "  asked to stop"));
  CHECK(number("SELECT count(*) FROM runs WHERE status = 'pending'") == 0);
  CHECK(number("SELECT count(*) FROM runs WHERE status = 'cancelled'") == 2);
  sql("UPDATE runs SET status = 'completed' WHERE status = 'dispatching'");
  CHECK(rruled({"runs", "cancel", kRunId}).out == std::string(kRunId) + "  cancelled\n");
}

TEST_CASE_METHOD(RunVerbsTest, "a backfill that is cancelled takes along what was not sent") {
  store::Schedule schedule;
  schedule.id.value.data[15] = 2;
  schedule.flow_id = flow_.id;
  schedule.rrule = "FREQ=DAILY";
  store::Backfill backfill;
  backfill.id.value = schedule.id.value;
  backfill.flow_id = flow_.id;
  backfill.schedule_id = schedule.id;
  backfill.to = backfill.from + std::chrono::hours(24);
  backfill.count = backfill.made = 1;
  backfill.created_at = run_.due_at;
  backfill.ended_at = run_.due_at;
  REQUIRE_FALSE(open()->write(
      {.schedules = {{schedule, std::nullopt}}, .backfills = {{backfill, std::nullopt}}},
      run_.due_at));
  sql("UPDATE runs SET parent_id = (SELECT id FROM backfills)");
  for (int again = 0; again < 2; ++again) {
    const auto result = rruled({"backfill", "cancel", to_string(backfill.id)});
    CHECK_THAT(result.out, Catch::Contains("cancelled, 1 of 1 runs made, 1 cancelled"));
    CHECK(number("SELECT count(*) FROM audit WHERE action = 'cancel'") == 2);
  }
  CHECK(number("SELECT count(*) FROM runs WHERE reason = 'backfill_cancelled'") == 1);
}

}  // namespace rruled::test
