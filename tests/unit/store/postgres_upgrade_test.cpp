// Schemas of released versions, with rows, brought to the present one.
#include "postgres_fixture.h"
#include "sample.h"
#include "store/directory.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace rruled::test {
namespace {

// Up to this step a schedule and a run were one row each, as written below.
constexpr std::size_t kWholeRows = 4;

constexpr char kFlow[] = "01900000-0000-7000-8000-000000000001";
constexpr char kSchedule[] = "01900000-0000-7000-8000-000000000002";

std::string run_sql(int number, const std::string& status, const std::string& rest) {
  const std::string id = "01900000-0000-7000-8000-00000000001" + std::to_string(number);
  return "INSERT INTO runs (id, project_id, flow_id, schedule_id, kind, origin, status, reason,"
         " scheduled_for, due_at, created_at, executor, retry_max_attempts, retry_min_backoff,"
         " retry_max_backoff, retry_max_age, flow_name, variables, body, error, fence, attempts,"
         " available_at, owner, claimed_at, claimed_until, finished_at) VALUES ('" +
         id + "', 7, '" + kFlow + "', '" + kSchedule + "', 'invocation', 'schedule', '" + status +
         "', '', " + std::to_string(number) +
         "000, 1000, 1000, 'default', 15, 1000, 300000,"
         " 630720000000, 'job', '{}', '{\"n\":" +
         std::to_string(number) + "}', '', 1, " + rest + ");";
}

// As a program of that time left it: one run of each state that matters.
std::string rows() {
  return std::string("INSERT INTO flows VALUES ('") + kFlow +
         "', 7, 'job', '', 3, 'active', 'schedule', '{\"type\":\"schedule\"}', 'null', 'null',"
         " 'exit_on_conversion', '[]', '[]', '[]', 'null', 1000, 1000, 5);"
         "INSERT INTO schedules (id, flow_id, project_id, rrule, starts_at, timezone, variables,"
         " status, status_reason, note, dst_gap, dst_fold, catchup, catchup_grace, catchup_window,"
         " overlap, max_running, jitter, late_after, retry_max_attempts, retry_min_backoff,"
         " retry_max_backoff, retry_max_age, executor, next_run_at, next_due_at, settled_to,"
         " created_at, updated_at, version, revision) VALUES ('" +
         kSchedule + "', '" + kFlow +
         "', 7, 'FREQ=DAILY', 0, 'UTC', '{}', 'active', '', 'kept', 'shift', 'auto', 'last',"
         " 60000, 86400000, 'allow', 1, 0, 60000, 15, 1000, 300000, 7200000, 'default', 9000, 9000,"
         " 8000, 1000, 1000, 4, 6);" +
         run_sql(1, "completed", "1, NULL, NULL, 1000, NULL, 1050") +
         run_sql(2, "dispatching",
                 "1, NULL, '01900000-0000-7000-8000-000000000009', 1000, 2000, NULL") +
         run_sql(3, "pending", "0, 1000, NULL, NULL, NULL, NULL") +
         run_sql(4, "dead", "15, NULL, NULL, 1000, NULL, 1050") +
         "INSERT INTO attempts SELECT number, 1, 1000, NULL, '', NULL, '' FROM runs WHERE status ="
         " 'dispatching';"
         "INSERT INTO gaps SELECT id, 500, 600, 'missed', 2, flow_id FROM schedules;"
         "UPDATE meta SET revision = 6, runs_revision = 6;";
}

}  // namespace

TEST_CASE("a schema of each released version is migrated with its rows", "[postgres][migrate]") {
  if (no_postgres()) return;
  const auto known = postgres_migrations();
  for (std::size_t step = 1; step <= std::min(kWholeRows, known.size() - 1); ++step) {
    CAPTURE(step);
    const PostgresSchema schema;
    auto old = schema.options();
    old.migrations = known.first(step);
    try {
      (void)open_postgres(PostgresSchema::url(), OpenMode::daemon, old);
    } catch (const StoreError&) {
      // Its steps are taken; it lacks indexes that later steps make.
    }
    schema.sql(rows());

    const auto store = schema.open();
    CHECK(schema.strays() == "");
    const auto row = store->schedule(*parse_id<ScheduleId>(kSchedule));
    REQUIRE(row);
    CHECK(row->note == "kept");
    CHECK(row->version == 4);
    CHECK(row->settled_to == Instant(std::chrono::seconds(8)));
    CHECK(store->runs({}).size() == 4);
    CHECK(store->directory()->gaps({.project_id = 7}, {}).size() == 1);
    CHECK(store->load_due({}, at(0), 10).size() == 1);
    // What the killed daemon had under way is taken up, and what was pending goes out.
    const auto session = store->begin_session(id_of<OwnerId>(1), at(0));
    CHECK(session.recovered == 1);
    const auto claimed = store->claim({session.claimant, {"default"}}, at(0)).runs;
    REQUIRE(claimed.size() == 2);
    for (const auto& run : claimed) {
      CHECK(run.body.starts_with("{\"n\":"));
      const auto result =
          store->finish({a_finish(run, RunStatus::completed, at(1))}, session.claimant, at(1));
      CHECK(result.at(0).written);
    }
    CHECK(schema.strays() == "");
    CHECK(show(store->counts()).find("completed 3") != std::string::npos);
  }
}

TEST_CASE("a gap that a daemon of before projects were named in gaps writes has its project",
          "[postgres][migrate]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  auto flow = a_flow();
  auto schedule = a_schedule();
  flow.project_id = schedule.project_id = 7;
  REQUIRE_FALSE(store->write({.flows = {{flow, {}}}, .schedules = {{schedule, {}}}}, at(0)));
  // As step 11 had them; the second takes the first one's place.
  for (const char* count : {"1", "2"})
    schema.sql(
        std::string("INSERT INTO gaps (schedule_id, from_at, to_at, reason, count, flow_id)"
                    " SELECT id, 1000, 2000, 'missed', ") +
        count +
        ", flow_id FROM schedule_rules ON CONFLICT (schedule_id, from_at) DO UPDATE SET to_at ="
        " excluded.to_at, reason = excluded.reason, count = excluded.count,"
        " flow_id = excluded.flow_id");
  const auto directory = store->directory();
  const auto found = directory->gaps({.project_id = 7}, {});
  REQUIRE(found.size() == 1);
  CHECK(found[0].gap.count == 2);
  CHECK(directory->gaps({.project_id = 1}, {}).empty());
}

}  // namespace rruled::test
