#include "daemon/core/refresh.h"

#include "daemon/core/lifecycle.h"
#include "store/memory_store.h"
#include "tests/support/simulation.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <filesystem>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// A folder of zones in which a name reads another zone's file: rules that change from one release
// to the next.
class ZoneFolder {
 public:
  void put(const std::string& name, const std::string& like) {
    const fs::path file = fs::path(dir_.path()) / name;
    fs::create_directories(file.parent_path());
    fs::copy_file(rrule::ZoneDatabase::default_folder() / like, file,
                  fs::copy_options::overwrite_existing);
  }
  [[nodiscard]] std::string path() const { return dir_.path(); }

 private:
  TempDir dir_;
};

store::Schedule daily_at_nine(const rrule::ZoneDatabase& zones, Instant created) {
  store::Schedule row;
  row.rrule = "FREQ=DAILY;BYHOUR=9;BYMINUTE=0;BYSECOND=0";
  row.starts_at = at("2026-01-01T00:00:00Z");
  row.timezone = "Test/Zone";
  row.created_at = created;
  return core::rescheduled(row, core::Timetable::compile(row, zones).value(), true, created)
      .schedule;
}

store::Schedule settle_next(store::Schedule row, const rrule::ZoneDatabase& zones) {
  const auto timetable = core::Timetable::compile(row, zones).value();
  row.settled_to = row.next_run_at;
  row.settled_wall = timetable.wall(*row.settled_to);
  const auto next = timetable.next(row.settled_to);
  row.next_run_at = next->scheduled_for;
  row.next_due_at = next->due_at;
  return row;
}

}  // namespace

TEST_CASE("nothing moves while the rules are the same") {
  ZoneFolder folder;
  folder.put("Test/Zone", "Europe/Berlin");
  const rrule::ZoneDatabase zones(folder.path());
  const auto row = daily_at_nine(zones, at("2026-06-01T00:00:00Z"));
  CHECK(row.next_run_at == at("2026-06-01T07:00:00Z"));
  CHECK(!core::refreshed(row, true, zones, {}, at("2026-06-01T00:01:00Z")));
  CHECK(!core::refreshed(settle_next(row, zones), true, zones, {}, at("2026-06-01T08:00:00Z")));
}

TEST_CASE("an hour that comes twice is no change of the rules") {
  ZoneFolder folder;
  folder.put("Test/Zone", "America/New_York");
  const rrule::ZoneDatabase zones(folder.path());
  store::Schedule row;
  row.rrule = "FREQ=MINUTELY;INTERVAL=15";
  row.starts_at = at("2026-01-01T00:00:00Z");
  row.timezone = "Test/Zone";
  row.created_at = at("2026-11-01T05:40:00Z");
  row = core::rescheduled(row, core::Timetable::compile(row, zones).value(), true, row.created_at)
            .schedule;
  row = settle_next(row, zones);                           // 01:45, the first reading
  REQUIRE(row.next_run_at == at("2026-11-01T06:00:00Z"));  // 01:00, the second
  CHECK(!core::refreshed(row, true, zones, {}, at("2026-11-01T05:46:00Z")));
}

TEST_CASE("new rules move the next run; a wall time that already ran does not run again") {
  ZoneFolder folder;
  folder.put("Test/Zone", "Europe/Berlin");
  rrule::ZoneDatabase zones(folder.path());
  const auto waiting = daily_at_nine(zones, at("2026-06-01T00:00:00Z"));
  const auto ran_today = settle_next(waiting, zones);  // 09:00 Berlin, 07:00Z

  SECTION("the zone moves west: 09:00 lies ahead once more today") {
    folder.put("Test/Zone", "Europe/London");
    CHECK(zones.reload().changed == std::vector<std::string>{"Test/Zone"});
    const auto moved = core::refreshed(waiting, true, zones, {}, at("2026-06-01T01:00:00Z"));
    REQUIRE(moved);
    CHECK(moved->from == at("2026-06-01T07:00:00Z"));
    CHECK(moved->put.schedule.next_run_at == at("2026-06-01T08:00:00Z"));
    const auto tomorrow = core::refreshed(ran_today, true, zones, {}, at("2026-06-01T07:30:00Z"));
    REQUIRE(tomorrow);
    CHECK(tomorrow->put.schedule.next_run_at == at("2026-06-02T08:00:00Z"));
  }
  SECTION("the zone moves east: tomorrow's run comes earlier") {
    folder.put("Test/Zone", "Asia/Tokyo");
    (void)zones.reload();
    const auto moved = core::refreshed(ran_today, true, zones, {}, at("2026-06-01T07:30:00Z"));
    REQUIRE(moved);
    CHECK(moved->put.schedule.next_run_at == at("2026-06-02T00:00:00Z"));
  }
}

TEST_CASE("a wall time that ran before new rules does not run again by a resume or an edit") {
  ZoneFolder folder;
  folder.put("Test/Zone", "Europe/Berlin");
  rrule::ZoneDatabase zones(folder.path());
  const auto ran = settle_next(daily_at_nine(zones, at("2026-06-01T00:00:00Z")), zones);
  const auto old_times = core::Timetable::compile(ran, zones).value();
  const auto paused = core::paused(ran, &old_times, "", at("2026-06-01T07:10:00Z")).schedule;
  const auto stopped =
      core::flow_changed(ran, old_times, false, at("2026-06-01T07:10:00Z"), false).schedule;
  folder.put("Test/Zone", "Europe/London");  // 09:00 is at 08:00Z now, and comes once more
  (void)zones.reload();
  const auto times = core::Timetable::compile(ran, zones).value();
  const auto now = GENERATE(at("2026-06-01T07:30:00Z"), at("2026-06-01T08:30:00Z"));
  const auto tomorrow = at("2026-06-02T08:00:00Z");
  const auto check = [&](const core::Change& change) {
    CHECK_FALSE(change.gap);
    CHECK(change.schedule.next_run_at == tomorrow);
    CHECK(!core::refreshed(change.schedule, true, zones, {}, now));
  };
  SECTION("of the schedule") {
    check(core::resumed(paused, times, true, now,
                        GENERATE(core::CatchUp::none, core::CatchUp::policy)));
  }
  SECTION("of its flow") { check(core::flow_changed(stopped, times, true, now, false)); }
  SECTION("of its jitter, paused or not") {
    check(core::edited(ran, &times, ran, times, true, now));
    check(core::resumed(core::edited(paused, &times, paused, times, true, now).schedule, times,
                        true, now));
  }
  SECTION("of its rule: what comes later that day runs") {
    auto after = ran;
    after.rrule = "FREQ=DAILY;BYHOUR=9,10;BYMINUTE=0;BYSECOND=0";
    const auto change =
        core::edited(ran, &times, after, core::Timetable::compile(after, zones).value(), true, now);
    CHECK_FALSE(change.gap);
    CHECK(change.schedule.next_run_at == at("2026-06-01T09:00:00Z"));
  }
  SECTION("what a person skips begins after it") {
    const auto moved = core::refreshed(ran, true, zones, {}, now);
    REQUIRE(moved);
    const auto skipped =
        core::skipped(moved->put.schedule, times, at("2026-06-03T00:00:00Z"), true, now);
    REQUIRE(skipped.gap);
    CHECK(skipped.gap->from == tomorrow);
    CHECK(skipped.gap->count == 1);
  }
}

TEST_CASE("a rule of an hour or less was silent for as long as its zone moved back") {
  using store::DstFold;
  const auto [rrule, fold, next] = GENERATE(table<const char*, DstFold, const char*>({
      {"FREQ=MINUTELY;INTERVAL=15", DstFold::automatic, "2026-06-01T08:15:00Z"},
      {"FREQ=MINUTELY;INTERVAL=15", DstFold::both, "2026-06-01T08:15:00Z"},
      {"FREQ=HOURLY", DstFold::automatic, "2026-06-01T09:00:00Z"},
      {"FREQ=DAILY;BYHOUR=10;BYMINUTE=0", DstFold::both, "2026-06-01T09:00:00Z"},
      // What comes after the first one that is wanted twice runs.
      {"RRULE:FREQ=MINUTELY;INTERVAL=30\nRRULE:FREQ=DAILY;BYHOUR=9;BYMINUTE=45", DstFold::automatic,
       "2026-06-01T08:30:00Z"},
      // These wall times have run.
      {"FREQ=MINUTELY;INTERVAL=15", DstFold::first, "2026-06-01T09:15:00Z"},
      {"FREQ=MINUTELY;INTERVAL=15", DstFold::second, "2026-06-01T09:15:00Z"},
      {"FREQ=MINUTELY;INTERVAL=90", DstFold::automatic, "2026-06-01T09:30:00Z"},
      {"FREQ=DAILY;BYHOUR=10;BYMINUTE=0", DstFold::automatic, "2026-06-02T09:00:00Z"},
  }));
  CAPTURE(rrule, fold);
  ZoneFolder folder;
  folder.put("Test/Zone", "Europe/Berlin");
  rrule::ZoneDatabase zones(folder.path());
  const auto compiled = [&](const store::Schedule& row) {
    return core::Timetable::compile(row, zones).value();
  };
  store::Schedule row;
  row.rrule = rrule;
  row.dst_fold = fold;
  row.starts_at = at("2026-01-01T00:00:00Z");
  row.timezone = "Test/Zone";
  row.created_at = at("2026-05-31T00:00:00Z");
  row = core::rescheduled(row, compiled(row), true, at("2026-06-01T07:59:00Z")).schedule;
  while (*row.next_run_at <= at("2026-06-01T08:00:00Z")) row = settle_next(row, zones);
  CHECK(row.settled_to == at("2026-06-01T08:00:00Z"));  // 10:00 in Berlin
  const auto old_times = compiled(row);
  const auto paused = core::paused(row, &old_times, "", at("2026-06-01T08:00:20Z")).schedule;
  folder.put("Test/Zone", "Europe/London");  // 09:00
  (void)zones.reload();
  const auto times = compiled(row);
  const auto now = at("2026-06-01T08:00:30Z");
  const auto moved = core::refreshed(row, true, zones, {}, now);
  const auto after = moved ? moved->put.schedule : row;
  CHECK(after.next_run_at == at(next));
  CHECK(core::edited(row, &times, row, times, true, now).schedule.next_run_at == at(next));
  CHECK(core::resumed(paused, times, true, now).schedule.next_run_at == at(next));
  CHECK(core::resumed(paused, times, true, now, core::CatchUp::all).schedule.next_run_at ==
        at(next));
  // Each has an outcome: what a pause takes is counted.
  const auto late = core::resumed(paused, times, true, at("2026-06-02T09:00:00Z"));
  REQUIRE(late.gap);
  CHECK(late.gap->from == at(next));
  CHECK(late.gap->count == times.count(at(next), at("2026-06-02T09:00:00Z")));
}

TEST_CASE("a date that is an instant had no outcome once its zone moved back") {
  const std::string date = GENERATE("RDATE:20260601T083000Z", "RDATE;TZID=UTC:20260601T083000",
                                    "RDATE;TZID=Test/Other:20260601T173000");
  CAPTURE(date);
  ZoneFolder folder;
  folder.put("Test/Zone", "Europe/Berlin");
  folder.put("Test/Other", "Asia/Tokyo");
  rrule::ZoneDatabase zones(folder.path());
  store::Schedule row;
  row.rrule = "RRULE:FREQ=DAILY;BYHOUR=10\n" + date;
  row.starts_at = at("2026-01-01T00:00:00Z");
  row.timezone = "Test/Zone";
  row.created_at = at("2026-05-31T00:00:00Z");
  const auto old_times = core::Timetable::compile(row, zones).value();
  row = core::rescheduled(row, old_times, true, at("2026-06-01T07:59:00Z")).schedule;
  row = settle_next(row, zones);
  REQUIRE(row.settled_to == at("2026-06-01T08:00:00Z"));   // 10:00 in Berlin
  REQUIRE(row.next_run_at == at("2026-06-01T08:30:00Z"));  // 10:30
  const auto paused = core::paused(row, &old_times, "", at("2026-06-01T08:00:20Z")).schedule;
  folder.put("Test/Zone", "Europe/London");  // 09:30
  (void)zones.reload();
  const auto times = core::Timetable::compile(row, zones).value();
  CHECK(core::settled_by_wall(row, times) == row.settled_to);
  CHECK(!core::refreshed(row, true, zones, {}, at("2026-06-01T08:00:30Z")));
  const auto late = core::resumed(paused, times, true, at("2026-06-01T08:40:00Z"));
  REQUIRE(late.gap);
  CHECK(late.gap->from == at("2026-06-01T08:30:00Z"));
  CHECK(late.gap->count == 1);
  // A date on the wall has moved with the zone, and has run.
  auto on_wall = row;
  on_wall.rrule = "RRULE:FREQ=DAILY;BYHOUR=10\nRDATE:20260601T093000";
  CHECK(core::settled_by_wall(on_wall, core::Timetable::compile(on_wall, zones).value()) ==
        at("2026-06-01T09:00:00Z"));
}

TEST_CASE("an edit lost what came again with its zone, and what a new rule had ahead") {
  using store::DstFold;
  const std::string quarters = "FREQ=MINUTELY;INTERVAL=15";
  const std::string daily = "FREQ=DAILY;BYHOUR=9;BYMINUTE=45";
  const auto [rrule, fold, now, count, next] =
      GENERATE_COPY(table<std::string, DstFold, const char*, std::uint64_t, const char*>({
          {daily, DstFold::automatic, "2026-06-01T08:50:00Z", 3, "2026-06-02T08:45:00Z"},
          {daily, DstFold::automatic, "2026-06-01T08:30:00Z", 2, "2026-06-01T08:45:00Z"},
          {quarters, DstFold::first, "2026-06-01T08:50:00Z", 3, "2026-06-01T09:15:00Z"},
          {quarters, DstFold::both, "2026-06-01T08:50:00Z", 3, "2026-06-01T09:00:00Z"},
      }));
  CAPTURE(rrule, fold, now);
  ZoneFolder folder;
  folder.put("Test/Zone", "Europe/Berlin");
  rrule::ZoneDatabase zones(folder.path());
  store::Schedule row;
  row.rrule = quarters;
  row.starts_at = at("2026-01-01T00:00:00Z");
  row.timezone = "Test/Zone";
  row.created_at = at("2026-05-31T00:00:00Z");
  const auto berlin = core::Timetable::compile(row, zones).value();
  row = core::rescheduled(row, berlin, true, at("2026-06-01T07:59:00Z")).schedule;
  row = settle_next(row, zones);
  REQUIRE(row.settled_to == at("2026-06-01T08:00:00Z"));  // 10:00 in Berlin
  const auto before = core::paused(row, &berlin, "", at("2026-06-01T08:00:20Z")).schedule;
  folder.put("Test/Zone", "Europe/London");  // 09:00
  (void)zones.reload();
  const auto past = core::Timetable::compile(before, zones).value();
  auto after = before;
  after.rrule = rrule;
  after.dst_fold = fold;
  const auto times = core::Timetable::compile(after, zones).value();
  const auto change = core::edited(before, &past, after, times, true, at(now));
  REQUIRE(change.gap);
  CHECK(change.gap->from == at("2026-06-01T08:15:00Z"));
  CHECK(change.gap->count == count);
  const auto resumed = core::resumed(change.schedule, times, true, at(now));
  CHECK_FALSE(resumed.gap);
  CHECK(resumed.schedule.next_run_at == at(next));
}

TEST_CASE("an edit that keeps what waits for its jitter has what its zone brought again") {
  const auto fold = GENERATE(store::DstFold::first, store::DstFold::both);
  ZoneFolder folder;
  folder.put("Test/Zone", "Europe/Berlin");
  rrule::ZoneDatabase zones(folder.path());
  store::Schedule row;
  row.rrule = "FREQ=MINUTELY;INTERVAL=15";
  row.jitter = 10min;
  row.starts_at = at("2026-01-01T00:00:00Z");
  row.timezone = "Test/Zone";
  row.created_at = at("2026-06-01T07:50:00Z");
  const auto berlin = core::Timetable::compile(row, zones).value();
  row = core::rescheduled(row, berlin, true, row.created_at).schedule;
  row = settle_next(row, zones);
  REQUIRE(row.next_run_at == at("2026-06-01T08:15:00Z"));
  REQUIRE(row.next_due_at > at("2026-06-01T08:15:01Z"));
  folder.put("Test/Zone", "Europe/London");
  (void)zones.reload();
  const auto past = core::Timetable::compile(row, zones).value();
  auto after = row;
  after.dst_fold = fold;
  const auto times = core::Timetable::compile(after, zones).value();
  const auto now = *row.next_due_at - 1ms;
  const auto change = core::edited(row, &past, after, times, true, now);
  if (fold == store::DstFold::both) {
    CHECK_FALSE(change.gap);
    CHECK(change.schedule.next_run_at == row.next_run_at);
    return;
  }
  // 09:15 in London has run, by the new setting.
  REQUIRE(change.gap);
  CHECK(change.gap->reason == store::GapReason::skipped_by_operator);
  CHECK(change.gap->from == at("2026-06-01T08:15:00Z"));
  CHECK(change.gap->count == 1);
  CHECK(change.schedule.next_run_at == at("2026-06-01T09:15:00Z"));
}

TEST_CASE("a zone that moves forward leaves nothing unsettled behind, and nothing silent ahead") {
  const auto fold = GENERATE(store::DstFold::automatic, store::DstFold::first,
                             store::DstFold::second, store::DstFold::both);
  ZoneFolder folder;
  folder.put("Test/Zone", "Europe/London");
  rrule::ZoneDatabase zones(folder.path());
  store::Schedule row;
  row.rrule = "FREQ=MINUTELY;INTERVAL=15";
  row.dst_fold = fold;
  row.starts_at = at("2026-01-01T00:00:00Z");
  row.timezone = "Test/Zone";
  row.created_at = at("2026-05-31T00:00:00Z");
  const auto timetable = core::Timetable::compile(row, zones).value();
  row = core::rescheduled(row, timetable, true, at("2026-06-01T07:59:00Z")).schedule;
  row = settle_next(row, zones);
  REQUIRE(row.next_run_at == at("2026-06-01T08:15:00Z"));
  folder.put("Test/Zone", "Europe/Berlin");
  (void)zones.reload();
  CHECK(!core::refreshed(row, true, zones, {}, at("2026-06-01T08:00:30Z")));
  const auto times = core::Timetable::compile(row, zones).value();
  CHECK(core::settled_by_wall(row, times) == row.settled_to);
}

TEST_CASE("an edit on the night of a fold goes by the readings that it asks for") {
  using store::DstFold;
  const auto [was, is, next] = GENERATE(table<DstFold, DstFold, const char*>({
      {DstFold::automatic, DstFold::automatic, "2026-11-01T06:00:00Z"},
      {DstFold::automatic, DstFold::first, "2026-11-01T07:00:00Z"},
      {DstFold::first, DstFold::both, "2026-11-01T06:00:00Z"},
      {DstFold::first, DstFold::first, "2026-11-01T07:00:00Z"},
  }));
  CAPTURE(was, is);
  const rrule::ZoneDatabase zones;
  store::Schedule row;
  row.rrule = "FREQ=MINUTELY;INTERVAL=15";
  row.dst_fold = was;
  row.starts_at = at("2026-01-01T00:00:00Z");
  row.timezone = "America/New_York";
  row.created_at = at("2026-11-01T05:40:00Z");
  const auto before = core::Timetable::compile(row, zones).value();
  row = core::rescheduled(row, before, true, row.created_at).schedule;
  row = settle_next(row, zones);  // 01:45, the first reading
  auto after = row;
  after.dst_fold = is;
  const auto times = core::Timetable::compile(after, zones).value();
  const auto now = at("2026-11-01T05:46:00Z");
  const auto change = core::edited(row, &before, after, times, true, now);
  CHECK(change.schedule.next_run_at == at(next));
  CHECK_FALSE(change.gap);
  const auto paused = core::paused(change.schedule, &times, "", now).schedule;
  CHECK(core::resumed(paused, times, true, now).schedule.next_run_at == at(next));
}

TEST_CASE("a schedule whose zone was edited is not held to the old zone's wall clock") {
  ZoneFolder folder;
  folder.put("Test/Zone", "Asia/Tokyo");
  folder.put("Test/Other", "America/New_York");
  const rrule::ZoneDatabase zones(folder.path());
  auto row = settle_next(daily_at_nine(zones, at("2026-06-01T00:00:00Z")), zones);
  const auto before = core::Timetable::compile(row, zones).value();
  auto after = row;
  after.timezone = "Test/Other";
  const auto now = at("2026-06-02T00:30:00Z");
  row = core::edited(row, &before, after, core::Timetable::compile(after, zones).value(), true, now)
            .schedule;
  CHECK(row.next_run_at == at("2026-06-02T13:00:00Z"));
  CHECK(!core::refreshed(row, true, zones, {}, now));
}

TEST_CASE("a row in error goes on once its zone is there, and the time between is a gap") {
  ZoneFolder folder;
  folder.put("Test/Zone", "UTC");
  const rrule::ZoneDatabase good(folder.path());
  const ZoneFolder empty;
  const rrule::ZoneDatabase none(empty.path());
  const auto row = core::quarantined(daily_at_nine(good, at("2026-06-01T00:00:00Z")), "no zone");
  CHECK(!core::refreshed(row, true, none, {}, at("2026-06-03T12:00:00Z")));
  const auto revived = core::refreshed(row, true, good, {}, at("2026-06-03T12:00:00Z"));
  REQUIRE(revived);
  CHECK(revived->kind == core::Refreshed::Kind::revived);
  CHECK(revived->put.schedule.status == store::ScheduleStatus::active);
  CHECK(revived->put.schedule.next_run_at == at("2026-06-04T09:00:00Z"));
  CHECK(revived->gap->count == 3);
  CHECK(revived->put.expected->status == store::ScheduleStatus::error);
}

}  // namespace rruled::test
