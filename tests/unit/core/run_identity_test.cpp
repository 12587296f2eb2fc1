#include "daemon/core/run_identity.h"

#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>

namespace rruled::test {

using core::merge_variables;

TEST_CASE("idempotency keys are those of the golden list") {
  std::ifstream golden(RRULED_SOURCE_DIR "/tests/data/idempotency_keys.txt");
  REQUIRE(golden);
  std::string schedule;
  std::string scheduled_for;
  std::string key;
  int lines = 0;
  while (golden >> schedule >> scheduled_for >> key) {
    const auto id = store::parse_id<store::ScheduleId>(schedule);
    REQUIRE(id);
    CHECK(core::idempotency_key(core::scheduled_run_id(*id, at(scheduled_for.c_str()))) == key);
    ++lines;
  }
  CHECK(lines == 1'000);
}

TEST_CASE("times print as RFC 3339") {
  CHECK(core::rfc3339(at("2026-01-02T03:04:05Z")) == "2026-01-02T03:04:05Z");
  CHECK(core::rfc3339(store::Timestamp(at("1999-12-31T23:59:59Z")) +
                      std::chrono::milliseconds(7)) == "1999-12-31T23:59:59.007Z");
  CHECK(core::rfc3339(at("1969-07-20T20:17:40Z")) == "1969-07-20T20:17:40Z");
}

TEST_CASE("variables: defaults, then the schedule's, then the run's; extra keys stay") {
  const auto flow = R"([{"key":"a","type":"string","default":"x"},{"key":"b","type":"number"}])";
  CHECK(merge_variables(flow, "{}") == R"({"a":"x","b":null})");
  CHECK(merge_variables(flow, R"({"a":1,"c":true})") == R"({"a":1,"b":null,"c":true})");
  CHECK(merge_variables(flow, R"({"a":1})", R"({"a":null,"d":[1]})") ==
        R"({"a":null,"b":null,"d":[1]})");
  CHECK(merge_variables("[]", "{}") == "{}");
  CHECK(merge_variables("{}", "[]", "") == "{}");
}

TEST_CASE("variables were written with other digits than they came with") {
  const auto* numbers = R"({"a":3.0,"b":19.99,"c":0.15838287025480557,"d":"é\"\n","e":[1e+30]})";
  CHECK(merge_variables("[]", numbers) == numbers);
}

TEST_CASE("a run of an occurrence is frozen: the same id and bytes each time it is made") {
  store::DueSchedule due;
  due.schedule.id = *store::parse_id<store::ScheduleId>("0190b4a2-0000-7000-8000-000000000001");
  due.schedule.flow_id = *store::parse_id<store::FlowId>("0190b4a2-0000-7000-8000-000000000002");
  due.schedule.project_id = 7;
  due.schedule.rrule = "FREQ=DAILY";
  due.schedule.starts_at = at("2026-01-01T09:00:00Z");
  due.schedule.variables = R"({"greeting":"Hello \"you\""})";
  due.flow_name = "report";
  due.trigger_type = "batch";
  const auto when = at("2026-06-01T09:00:00Z");
  const auto run = core::scheduled_run(due, when, when, when);
  CHECK(run.kind == store::RunKind::batch_job);
  CHECK(run.variables == R"({"greeting":"Hello \"you\""})");
  CHECK(
      run.body ==
      R"({"run":{"id":")" + to_string(run.id) +
          R"(","kind":"batch_job","origin":"schedule","scheduled_for":"2026-06-01T09:00:00Z",)"
          R"("due_at":"2026-06-01T09:00:00.000Z"},)"
            R"("flow":{"id":"0190b4a2-0000-7000-8000-000000000002",)"
          R"("name":"report","version":1,"project_id":7},)"
          R"("schedule":{"id":"0190b4a2-0000-7000-8000-000000000001","rrule":"FREQ=DAILY",)"
          R"("starts_at":"2026-01-01T09:00:00Z","timezone":"UTC"},)"
          R"("variables":{"greeting":"Hello \"you\""}})");
  const auto later = core::scheduled_run(due, when, when, when + std::chrono::hours(5));
  CHECK(later.id == run.id);
  CHECK(later.body == run.body);
  CHECK(core::scheduled_run(due, when + std::chrono::seconds(1), when, when).id != run.id);
}

TEST_CASE("the wall time of a run by hand is that of its zone, whatever its rule") {
  const rrule::ZoneDatabase zones;
  const store::Timestamp now = at("2026-06-01T23:30:00Z") + std::chrono::milliseconds(250);
  CHECK(core::wall_time("Europe/Prague", zones, now) == at("2026-06-02T01:30:00Z"));
  CHECK(core::wall_time("UTC", zones, now) == at("2026-06-01T23:30:00Z"));
  CHECK_FALSE(core::wall_time("Nowhere/Near", zones, now));
}

TEST_CASE("a schedule that is run has all that runs have of its flow") {
  store::Flow flow;
  flow.name = "report";
  flow.status = store::FlowStatus::active;
  flow.version = 3;
  flow.trigger_type = "batch";
  flow.variables = R"([{"key":"a"}])";
  store::Schedule schedule;
  schedule.rrule = "FREQ=DAILY";
  const auto due = core::due_schedule(schedule, flow);
  CHECK(due.schedule.rrule == "FREQ=DAILY");
  CHECK(due.flow_name == "report");
  CHECK(due.flow_status == store::FlowStatus::active);
  CHECK(due.flow_version == 3);
  CHECK(due.trigger_type == "batch");
  CHECK(due.flow_variables == flow.variables);
}

}  // namespace rruled::test
