#include "daemon/core/event.h"

#include "daemon/core/json_text.h"
#include "daemon/core/run_identity.h"

#include <catch2/catch.hpp>

namespace rruled::core {
namespace {

using namespace std::chrono_literals;

store::Run a_run() {
  store::Run run;
  run.id = {store::uuid_v5({}, "run")};
  run.flow_id = {store::uuid_v5({}, "flow")};
  run.schedule_id = store::ScheduleId{store::uuid_v5({}, "schedule")};
  run.flow_name = "Report";
  run.scheduled_for = store::Instant(1'772'953'200s);
  run.due_at = *run.scheduled_for;
  run.variables = R"({"password":"hunter2"})";
  return run;
}

Notice ended(store::RunStatus status) {
  Report report;
  report.error = "HTTP 500";
  return {.kind = Notice::Kind::run_ended, .run = a_run(), .report = report, .status = status};
}

}  // namespace

TEST_CASE("what is an event") {
  CHECK(event_of(ended(store::RunStatus::dead)) == Event::run_dead);
  CHECK(event_of(ended(store::RunStatus::failed)) == Event::run_failed);
  CHECK(event_of(ended(store::RunStatus::completed)) == std::nullopt);
  CHECK(event_of(ended(store::RunStatus::cancelled)) == std::nullopt);
  auto never_sent = ended(store::RunStatus::cancelled);
  never_sent.run->reason = "catchup_window";
  CHECK(event_of(never_sent) == Event::occurrences_missed);
  CHECK(
      event_json(Event::occurrences_missed, never_sent, {}).at("text") ==
      "Report, scheduled for 2026-03-08T07:00:00Z: nobody could send it in time; it will not run");
  CHECK(event_of({.kind = Notice::Kind::run_late, .run = a_run()}) == Event::run_late);
  store::Gap gap;
  gap.reason = store::GapReason::missed;
  CHECK(event_of({.kind = Notice::Kind::gap, .gap = gap}) == Event::occurrences_missed);
  gap.reason = store::GapReason::paused;
  CHECK(event_of({.kind = Notice::Kind::gap, .gap = gap}) == std::nullopt);
}

TEST_CASE("an event names its run and says why, and keeps variables to itself") {
  const auto at = store::Timestamp(1'772'953'205'000ms);
  const auto object = event_json(Event::run_dead, ended(store::RunStatus::dead), at);
  CHECK(object.at("event") == "run_dead");
  CHECK(object.at("at") == "2026-03-08T07:00:05.000Z");
  CHECK(object.at("flow").at("name") == "Report");
  CHECK(object.at("run").at("status") == "dead");
  CHECK(std::string(object.at("run").at("idempotency_key").as_string()) ==
        idempotency_key(a_run().id));
  CHECK(object.at("text") == "Report, scheduled for 2026-03-08T07:00:00Z: dead: HTTP 500");
  CHECK(json_text(object).find("hunter2") == std::string::npos);

  const auto late = event_json(
      Event::run_late, {.kind = Notice::Kind::run_late, .run = a_run(), .late_by = 90s}, at);
  CHECK(late.at("run").at("lateness_ms") == 90'000);
  CHECK(late.at("text") == "Report, scheduled for 2026-03-08T07:00:00Z: starts 90s late");
}

}  // namespace rruled::core
