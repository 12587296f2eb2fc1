#include "daemon/io/mirror.h"

#include "daemon/core/run_identity.h"
#include "tests/support/hooked_store.h"
#include "tests/support/simulation.h"
#include "tests/support/spoiled_row.h"
#include "tests/unit/io/io_fixture.h"

#include <catch2/catch.hpp>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using store::RunStatus;

const Instant kMorning = at("2026-03-02T09:00:00Z");

core::Report always_failing(const store::Run&) {
  core::Report report;
  report.kind = core::Report::Kind::failed;
  return report;
}

// A store that people write to, and its copy.
struct Mirrored {
  store::ScheduleId add() { return world.add("FREQ=MINUTELY", kMorning, "UTC"); }
  store::RunId run_now(store::ScheduleId id) {
    const auto schedule = *real->schedule(id);
    const auto due = core::due_schedule(schedule, *real->flow(schedule.flow_id));
    const store::RunId run{store::random_uuid_v7(world.now())};
    const store::ChangeSet changes{.runs = {core::manual_run(due, true, run, "{}", world.now())}};
    REQUIRE_FALSE(real->write(changes, world.now()));
    return run;
  }
  store::RunId failed_run(store::ScheduleId id) {
    world.run_until(kMorning + 1min);
    const auto run = real->runs({.schedule_id = id}).at(0);
    REQUIRE(run.status == RunStatus::failed);
    return run.id;
  }
  void retry(store::RunId id) {
    REQUIRE(real->directory()->retry_run(id, {}, world.now(), {}) == store::RetryResult::retried);
  }
  void remove(store::ScheduleId id) {
    REQUIRE_FALSE(real->write({.delete_schedules = {{id}}}, world.now()));
  }
  // Long after the last look.
  bool follows() {
    clock.ahead += 1h;
    return mirror.follow(clock);
  }
  [[nodiscard]] bool is_pending(store::RunId id) {
    const auto run = copy.run(id);
    return run && run->status == RunStatus::pending;
  }

  TempDir folder{fast_directory()};
  std::unique_ptr<store::SqliteStore> real =
      store::open_sqlite(folder.file("rruled.db"), store::OpenMode::daemon);
  Simulation world{*real, kMorning, {.answer = always_failing}};
  store::MemoryStore copy;
  std::ostringstream said;
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::ostream_sink_mt>(said));
  FakeClock clock{kMorning};
  io::Mirror mirror{*real, copy, log};
};

// Somebody else comes just after each page of runs is read, the first of which is 1.
class ReadAlong final : public HookedStore {
 public:
  using Other = std::function<void(int page, const std::vector<store::Run>& rows)>;
  ReadAlong(store::Store& inner, Other other)
      : HookedStore(inner, [](When, int) {}), other_(std::move(other)) {}

  std::vector<store::Run> runs(const store::RunQuery& query) override {
    auto rows = HookedStore::runs(query);
    other_(++pages_, rows);
    return rows;
  }

 private:
  Other other_;
  int pages_ = 0;
};

}  // namespace

TEST_CASE("one run that outlived its schedule hid all others from a dry run") {
  Mirrored store;
  const auto gone = store.add();
  const auto orphan = store.failed_run(gone);
  store.remove(gone);
  store.retry(orphan);
  const auto run = store.run_now(store.add());
  store.mirror.copy_all(store.world.now());
  CHECK(store.is_pending(run));
  CHECK(store.is_pending(orphan));  // the daemon would send it, too
  CHECK(store.said.str().empty());
}

TEST_CASE("one row that is not UTF-8 kept a dry run from starting") {
  Mirrored store;
  const auto bad = store.add();
  const auto good = store.add();
  const auto bad_run = store.run_now(good);
  const auto run = store.run_now(good);
  spoil(*store.real, "schedules", "note", bad);
  spoil(*store.real, "runs", "body", bad_run);
  store.mirror.copy_all(store.world.now());
  CHECK(store.copy.schedule(good));
  CHECK(store.is_pending(run));
  CHECK_FALSE(store.copy.schedule(bad));
  CHECK_FALSE(store.copy.run(bad_run));
  CHECK_THAT(store.said.str(), Catch::Contains("schedule " + to_string(bad) + " is left out: "));
  CHECK_THAT(store.said.str(), Catch::Contains("run " + to_string(bad_run) + " is left out: "));
}

TEST_CASE("a schedule that came and went hid from a dry run that another was deleted") {
  Mirrored store;
  const auto known = store.add();
  store.mirror.copy_all(store.world.now());
  REQUIRE(store.copy.schedule(known));
  store.remove(store.add());
  store.remove(known);
  CHECK(store.follows());
  CHECK_FALSE(store.copy.schedule(known));
}

TEST_CASE("a dry run was never told of runs that people ask for") {
  Mirrored store;
  const auto id = store.add();
  const auto failed = store.failed_run(id);
  store.mirror.copy_all(store.world.now());
  CHECK_FALSE(store.copy.run(failed));
  const auto asked = store.run_now(id);
  CHECK(store.follows());
  CHECK(store.is_pending(asked));
  store.retry(failed);
  CHECK(store.follows());
  CHECK(store.is_pending(failed));
}

TEST_CASE("what a dry run has sent is not sent again when people ask for another run") {
  Mirrored store;
  const auto id = store.add();
  const auto first = store.run_now(id);
  store.mirror.copy_all(store.world.now());
  Simulation dry(store.copy, store.world.now(), {});
  dry.run_until(store.world.now() + 1s);
  REQUIRE(store.copy.run(first)->status == RunStatus::completed);
  const auto second = store.run_now(id);
  CHECK(store.follows());
  CHECK(store.copy.run(first)->status == RunStatus::completed);
  CHECK(store.is_pending(second));
  CHECK(store.said.str().empty());
}

TEST_CASE("runs that another daemon sent hid from a dry run some that came after them") {
  Mirrored store;
  const auto apart = GENERATE(0ms, 7ms);
  const auto schedule = *store.real->schedule(store.add());
  const auto due = core::due_schedule(schedule, *store.real->flow(schedule.flow_id));
  store::ChangeSet asked;
  for (int n = 0; n < 1'500; ++n) {
    const store::RunId id{store::random_uuid_v7(kMorning + n * 1ms)};
    asked.runs.push_back(core::manual_run(due, true, id, "{}", kMorning));
    asked.runs.back().due_at = kMorning - n * apart;
  }
  REQUIRE_FALSE(store.real->write(asked, kMorning));
  const auto directory = store.real->directory();
  ReadAlong others(*store.real, [&](int page, const std::vector<store::Run>& rows) {
    for (std::size_t n = 0; page == 1 && n < 100; ++n)
      REQUIRE(directory->cancel_run(rows[n].id, "", kMorning, {}) ==
              store::CancelResult::cancelled);
  });
  io::Mirror(others, store.copy, store.log).copy_all(kMorning);
  CHECK(store.copy.runs({.limit = 2'000}).size() == 1'500);
}

TEST_CASE("each run that people asked for had a dry run read all others at once") {
  Mirrored store;
  const auto id = store.add();
  ReadAlong slow(*store.real, [&](int, const auto&) { store.clock.ahead += 10min; });
  io::Mirror mirror(slow, store.copy, store.log);
  mirror.copy_all(store.world.now());
  const auto first = store.run_now(id);
  CHECK(mirror.follow(store.clock));
  CHECK(store.is_pending(first));
  const auto second = store.run_now(id);
  CHECK(mirror.follow(store.clock));
  CHECK_FALSE(store.copy.run(second));
  store.clock.ahead += 4h;
  CHECK(mirror.follow(store.clock));
  CHECK(store.is_pending(second));
}

TEST_CASE("a run that the copy has by another id was said to belong to nothing") {
  Mirrored store;
  const auto failed = store.failed_run(store.add());
  store.mirror.copy_all(store.world.now());
  auto other = *store.real->run(failed);
  other.id = store::RunId{store::random_uuid_v7(store.world.now())};
  other.status = RunStatus::pending;
  REQUIRE_FALSE(store.copy.write({.runs = {other}}, store.world.now()));
  store.retry(failed);
  CHECK(store.follows());
  CHECK_FALSE(store.copy.run(failed));
  CHECK_THAT(store.said.str(),
             Catch::Contains("run " + to_string(failed) + " is left out: the copy has it already"));
}

}  // namespace rruled::test
