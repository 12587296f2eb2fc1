#include "daemon/core/bundle.h"
#include "daemon/core/time_text.h"
#include "zones.h"

#include <catch2/catch.hpp>

// What files of flows and schedules make of a store.
namespace rruled::core {
namespace {

using Catch::Contains;
using store::ScheduleStatus;

Timestamp utc_at(std::string_view text) {
  return instant_of(parse_time(text).value(), *rrule::TimeZone::utc());
}

const Timestamp kLater = utc_at("2026-06-01T12:00:00Z");

// One flow with one schedule, which starts on the 1st of January at 9:00.
Bundle bundle_of(const std::string& rule, const std::string& more = "") {
  const std::string text =
      R"({"flows":[{"id":"0190f6a2-0000-7000-8000-00000000000f","name":"Once","status":"active",)"
      R"("trigger":{"type":"schedule"},"schedules":[{"id":"0190f6a2-0000-7000-8000-000000000001",)"
      R"("starts_at":"2026-01-01T09:00:00Z","rrule":")" +
      rule + "\"" + more + "}]}]}";
  return bundle_from_json(parse_json(text).value()).value();
}

FieldResult<BundlePlan> plan(const Bundle& bundle,
                             const StoredRows& stored = {},
                             Timestamp now = kLater) {
  return plan_bundle(bundle, stored, BundleUse::apply, {test::zones(), std::chrono::seconds(1), {}},
                     now);
}

StoredRows rows_of(const BundlePlan& planned) {
  StoredRows rows;
  for (const auto& each : planned.changes.flows) rows.flows.emplace(each.flow.id, each.flow);
  for (const auto& each : planned.changes.schedules)
    rows.schedules.emplace(each.schedule.id, each.schedule);
  return rows;
}

}  // namespace

TEST_CASE("a file with a schedule that is over is not refused, and the schedule is completed") {
  const auto planned = plan(bundle_of(
      GENERATE("FREQ=DAILY;COUNT=3", "FREQ=DAILY;UNTIL=20260110T090000Z", "RDATE:20260102T090000"),
      GENERATE("", R"(,"status":"active")")));
  REQUIRE(planned.has_value());
  REQUIRE(planned->changes.schedules.size() == 1);
  const auto& row = planned->changes.schedules[0].schedule;
  CHECK(row.status == ScheduleStatus::completed);
  CHECK_FALSE(row.next_run_at);
  CHECK_FALSE(row.next_due_at);
  REQUIRE(planned->lines.size() == 2);
  CHECK_THAT(planned->lines[1],
             Catch::StartsWith("+ schedule ") && Contains("(over: nothing comes any more)"));
  // And what is written is what the file says: the second time nothing differs.
  const auto again = plan(bundle_of(row.rrule, R"(,"status":"active")"), rows_of(*planned));
  REQUIRE(again.has_value());
  CHECK(again->lines.empty());
}

TEST_CASE("an edit by file that ends a schedule completes it") {
  const auto before = plan(bundle_of("FREQ=DAILY"), {}, utc_at("2026-01-01T08:00:00Z"));
  REQUIRE(before.has_value());
  const auto after = plan(bundle_of("FREQ=DAILY;UNTIL=20260110T090000Z"), rows_of(*before));
  REQUIRE(after.has_value());
  REQUIRE(after->changes.schedules.size() == 1);
  CHECK(after->changes.schedules[0].schedule.status == ScheduleStatus::completed);
  CHECK(after->changes.gaps.size() == 1);
  REQUIRE(after->lines.size() == 1);
  CHECK_THAT(after->lines[0],
             Catch::StartsWith("~ schedule ") && Contains("(over: nothing comes any more)"));
}

TEST_CASE("a file with a rule that never matches is refused all the same") {
  const auto planned = plan(bundle_of("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"));
  REQUIRE_FALSE(planned.has_value());
  CHECK(planned.error().detail == kNoFuture);
}

}  // namespace rruled::core
