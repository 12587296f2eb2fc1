#include "copy_sample.h"

#include "store/audience.h"
#include "store/sqlite_store.h"

#include <SQLiteCpp/Database.h>
#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using enum RunStatus;

constexpr int kManual = 1'100;

void add_persons(Store& store) {
  std::vector<PersonPut> persons(2);
  for (std::size_t n = 0; n < persons.size(); ++n) {
    auto& put = persons[n];
    put.person.id = id_of<PersonId>(static_cast<int>(n) + 1);
    put.person.distinct_id = "p" + std::to_string(n);
    put.person.properties = R"({"a":"É","b":1})";
    put.values = {{"a", "É", "é", {}, at(3)}, {"b", "1", {}, order_of(-1.5), {}}};
  }
  store.audience()->put_persons(persons, AuditEntry{}, at(0));
}

void write_rows(Store& store) {
  auto flow = filled<Flow>();
  flow.id = flow_id(2);
  auto schedule = filled<Schedule>();
  schedule.id = schedule_id(5);
  schedule.flow_id = flow.id;
  schedule.max_running = 3;
  ChangeSet changes;
  Calendar calendar;
  calendar.project_id = schedule.project_id;
  calendar.name = schedule.calendar;
  calendar.note = "when we are away";
  calendar.days = R"({"dates":["2026-12-24"]})";
  calendar.created_at = calendar.updated_at = at(1);
  changes.calendars = {{calendar, {}}};
  changes.flows = {{a_flow(1), {}}, {flow, {}}};
  changes.schedules = {{schedule, {}}};
  for (int n = 1; n <= 4; ++n) changes.schedules.push_back({a_schedule(n), {}});
  for (int n = 1; n <= kManual; ++n) {
    changes.runs.push_back(a_manual_run(n));
    changes.runs.back().available_at = at(n);
    changes.runs.back().project_id = n % 3;
  }
  changes.gaps = {{schedule_id(1), GapReason::missed, nominal(-9), nominal(-5), 3},
                  {schedule_id(5), GapReason::paused, nominal(-8), nominal(-7), 1}};
  REQUIRE_FALSE(store.write(changes, at(0)));
  // Schedule 4 has been there twice, and has gone again.
  REQUIRE_FALSE(store.write({.delete_schedules = {{schedule_id(4)}}}, at(0)));
  REQUIRE_FALSE(store.write(put(a_schedule(4)), at(0)));
  REQUIRE_FALSE(store.write({.delete_schedules = {{schedule_id(4)}}}, at(0)));
  store.set_zones_version("2026a");
  add_persons(store);
}

void run_a_daemon(Store& store) {
  const auto claimant = store.begin_session(id_of<OwnerId>(1), at(0)).claimant;
  const auto row = a_schedule(1);
  auto settlement = a_settlement(
      row,
      {a_run(row, nominal(0)), a_run(row, nominal(1)), a_run(row, nominal(2)),
       a_run(row, nominal(3)), a_run(row, nominal(4), pending), a_run(row, nominal(5), waiting)},
      nominal(60));
  settlement.settled_wall = nominal(5) + 3600s;
  settlement.logs = {a_log_line("one"), a_log_line("two \"quoted\" \\ {x,y}"), a_log_line("é")};
  auto skipped = a_settlement(a_schedule(2),
                              {a_run(a_schedule(2), nominal(0)), a_run(a_schedule(2), nominal(1))},
                              nominal(60));
  skipped.overlap = OverlapPolicy::skip;
  const auto claimed = store.settle({settlement, skipped}, claimant, at(6)).at(0).claimed;
  std::vector<Finish> ends;
  for (const auto status : {completed, retrying, dead})
    ends.push_back(a_finish(claimed.at(ends.size()), status, at(7)));
  ends[1].available_at = at(50);
  ends[2].attempt.error = "no answer\n\ttwice, NULL";
  ends[2].attempt.status_code = 503;
  ends[2].logs = {a_log_line("of a run")};
  ends[2].logs[0].run_id = claimed.at(2).id;
  for (const auto& result : store.finish(ends, claimant, at(8))) REQUIRE(result.written);
}

}  // namespace

void make_store_to_copy(const std::string& path) {
  {
    const auto store = open_sqlite(path, OpenMode::daemon);
    write_rows(*store);
    run_a_daemon(*store);
  }
  SQLite::Database(path, SQLite::OPEN_READWRITE)
      .exec(
          "INSERT INTO tokens (id, project_id, name, hash, scopes, created_at)"
          " VALUES (zeroblob(16), NULL, 'a token', x'00015c227b7d2c"
          "000102030405060708090a0b0c0d0e0f101112131415161718', '[]', 7)");
}

void check_goes_on(Store& copy) {
  CHECK(copy.zones_version() == "2026a");
  const auto session = copy.begin_session(id_of<OwnerId>(7), at(20));
  CHECK(session.recovered == 0);  // done with the copy
  const auto claimant = session.claimant;
  // What was settled is settled.
  const auto row = *copy.schedule(schedule_id(1));
  CHECK(row.settled_to == nominal(5));
  CHECK(row.settled_wall == nominal(5) + 3600s);
  CHECK(row.next_run_at == nominal(60));
  const auto stale = a_settlement(a_schedule(1), {a_run(a_schedule(1), kStart)}, nominal(1));
  CHECK(copy.settle({stale}, claimant, at(100)).at(0).kind == SettleResult::Kind::moved);
  const auto again =
      copy.settle(
              {a_settlement(row, {a_run(row, nominal(5)), a_run(row, nominal(60))}, nominal(90))},
              claimant, at(100))
          .at(0);
  CHECK(again.duplicates == 1);
  REQUIRE(again.claimed.size() == 1);
  // The one that the stopped daemon had claimed goes on, with its next attempt and a new fence.
  const auto interrupted = *copy.run(a_run(row, nominal(3)).id);
  CHECK(interrupted.status == retrying);
  REQUIRE(copy.attempts(interrupted.id).size() == 1);
  CHECK(copy.attempts(interrupted.id)[0].outcome == "interrupted");
  const auto claims = copy.claim({claimant, {"default"}, 10'000}, at(2'000)).runs;
  // By hand, the pending one, two that are retrying, and the other schedule's.
  CHECK(claims.size() == kManual + 4);
  for (const auto& run : claims) {
    if (run.id != interrupted.id) continue;
    CHECK(run.attempts == 2);
    CHECK(run.fence > interrupted.fence);
  }
  // New rows find their place.
  CHECK(copy.finish({a_finish(again.claimed[0], completed, at(101))}, claimant, at(101))
            .at(0)
            .written);
  CHECK(copy.attempts(again.claimed[0].id).size() == 1);
  CHECK(copy.attempts(a_run(row, nominal(2)).id).size() == 1);
  // A schedule that comes back goes on from the version that it had.
  const auto revision = copy.changes_since(0).revision;
  REQUIRE_FALSE(copy.write(put(a_schedule(4)), at(102)));
  CHECK(copy.schedule(schedule_id(4))->version == 3);
  CHECK(copy.changes_since(revision).revision == revision + 1);
}

}  // namespace rruled::test
