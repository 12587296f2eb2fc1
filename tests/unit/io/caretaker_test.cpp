#include "daemon/io/caretaker.h"

#include "daemon/core/flow_change.h"
#include "daemon/core/preview.h"
#include "daemon/io/logging.h"
#include "store/memory_store.h"
#include "tests/support/hooked_store.h"
#include "tests/support/simulation.h"
#include "tests/unit/io/io_fixture.h"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using store::ScheduleStatus;

const Instant kFrom = at("2026-03-02T00:00:30Z");

struct World {
  store::MemoryStore store;
  bool failing = true;
  Simulation simulation{store, kFrom, {.answer = [this](const store::Run&) {
                          core::Report report;
                          if (failing) report.kind = core::Report::Kind::failed;
                          return report;
                        }}};
  std::unique_ptr<store::Directory> directory = store.directory();
  FakeClock clock{kFrom};
  std::shared_ptr<spdlog::logger> log = io::make_logger({});
  io::RefusedRows not_resumed{clock, *log};
  io::RefusedRows not_paused{clock, *log};
  io::CareParts parts{store, *directory, simulation.zones(), not_resumed, not_paused};

  std::vector<core::Notice> pause_failing(store::ScheduleId id) {
    io::CareStep step;
    io::pause_failing(parts, {id}, simulation.now(), step);
    return step.done;
  }
  std::vector<core::Notice> resume_paused() {
    io::CareStep step;
    io::resume_paused(parts, simulation.now(), step);
    return step.done;
  }
  void write(store::ScheduleId id, store::Schedule after) {
    const auto before = *store.schedule(id);
    store::ChangeSet changes;
    core::put(changes, {std::move(after), std::nullopt}, &before);
    REQUIRE_FALSE(store.write(changes, simulation.now()));
  }
};

// Hears of pauses.
class PausesHeard final : public io::Observer {
 public:
  void on(const core::Notice& notice) override {
    if (notice.kind == core::Notice::Kind::paused) ids.push_back(*notice.schedule_id);
  }
  std::vector<store::ScheduleId> ids;
};

// A daemon's caretaker over the store of a world.
struct Care {
  explicit Care(World& world) : Care(world, world.store) {}
  Care(World& world, store::Store& store) : world_(world), store_(store) {}
  ~Care() { thread_.join(); }

  // One step, as at the start of a daemon.
  void begin() {
    auto first = [this]() -> boost::asio::awaitable<bool> {
      boost::asio::post(loop_.context, [this] { caretaker.stop(); });
      co_await caretaker.run();
      co_return true;
    };
    loop_.run(first());
  }
  void finish() {
    auto last = [this]() -> boost::asio::awaitable<bool> {
      co_await caretaker.finish();
      co_return true;
    };
    loop_.run(last());
  }

  void hear_failure(store::ScheduleId id) {
    const auto run = world_.store.runs({.schedule_id = id}).at(0);
    REQUIRE(run.status == store::RunStatus::failed);
    caretaker.on({.kind = core::Notice::Kind::run_ended, .run = run, .status = run.status});
  }

 private:
  World& world_;
  store::Store& store_;
  IoLoop loop_;
  boost::asio::thread_pool thread_{1};

 public:
  PausesHeard heard;
  FakeClock clock{world_.simulation.now()};
  io::Caretaker caretaker{loop_.context.get_executor(), {store_, thread_},
                          world_.simulation.zones(),    clock,
                          io::make_logger({}),          heard};
};

void pausing_after_one(store::Schedule& row) { row.pause_after_failures = 1; }

}  // namespace

TEST_CASE("a failure of a daemon's last moments was forgotten by the next one") {
  World world;
  const auto daily = world.simulation.add("FREQ=DAILY", kFrom + 30s, "UTC", pausing_after_one);
  const auto minutely = world.simulation.add("FREQ=MINUTELY", kFrom, "UTC", pausing_after_one);
  const auto unlimited = world.simulation.add("FREQ=MINUTELY", kFrom, "UTC");
  world.simulation.run_until(kFrom + 90s);  // nobody looks
  REQUIRE(world.store.schedule(minutely)->status == ScheduleStatus::active);
  Care next(world);
  next.begin();
  CHECK(world.store.schedule(minutely)->status == ScheduleStatus::paused);
  CHECK(world.store.schedule(daily)->status == ScheduleStatus::paused);
  CHECK(world.store.schedule(unlimited)->status == ScheduleStatus::active);
  CHECK(next.heard.ids.size() == 2);
  CHECK(world.store.schedule(daily)->note == "paused after a failed run");
}

TEST_CASE("a failure at the end of a drain was not counted any more") {
  World world;
  const auto id = world.simulation.add("FREQ=MINUTELY", kFrom, "UTC", pausing_after_one);
  Care care(world);
  care.begin();
  world.simulation.run_until(kFrom + 60s);
  care.hear_failure(id);
  care.finish();
  CHECK(world.store.schedule(id)->status == ScheduleStatus::paused);
  CHECK(care.heard.ids == std::vector{id});
}

TEST_CASE("the first look goes on where it was until it has seen every schedule that is due soon") {
  World world;
  for (int n = 0; n < 1'100; ++n) world.simulation.add("FREQ=DAILY", kFrom + 1h, "UTC");
  const auto later = world.simulation.add("FREQ=DAILY", kFrom + 2h, "UTC", pausing_after_one);
  io::CareStep step;
  const auto look = [&](Instant now) {
    io::pause_failed_before(world.parts, now, step);
    return step.done;
  };
  CHECK(look(kFrom).empty());  // a page
  CHECK_FALSE(step.walk.over);
  CHECK(step.walk.after->due == kFrom + 1h);
  CHECK(look(kFrom + 1h).empty());  // all that are due, and what came with the last of them
  CHECK(step.walk.over);
  CHECK(step.walk.after->id == later);
  CHECK(look(kFrom + 1h).empty());
}

TEST_CASE("a schedule is paused when so many of its runs in a row have failed") {
  World world;
  const auto id = world.simulation.add("FREQ=MINUTELY", kFrom, "UTC",
                                       [](store::Schedule& row) { row.pause_after_failures = 3; });
  world.simulation.run_until(kFrom + 2min);  // two
  CHECK(world.pause_failing(id).empty());
  world.simulation.run_until(kFrom + 3min);
  const auto done = world.pause_failing(id);
  REQUIRE(done.size() == 1);
  CHECK(done.front().kind == core::Notice::Kind::paused);
  const auto row = *world.store.schedule(id);
  CHECK(row.status == ScheduleStatus::paused);
  CHECK(row.note == "paused after 3 failed runs in a row");
  CHECK(world.directory->audit({.object_id = to_string(id)}, {}).rows.front().actor == "daemon");
  // Resumed, it has three more.
  const auto timetable = core::Timetable::compile(row, world.simulation.zones()).value();
  world.write(id, core::resumed(row, timetable, true, world.simulation.now()).schedule);
  CHECK(world.pause_failing(id).empty());
  world.simulation.run_until(kFrom + 5min);
  CHECK(world.pause_failing(id).empty());
  world.simulation.run_until(kFrom + 6min);
  CHECK(world.pause_failing(id).size() == 1);
}

TEST_CASE("a pause that was over was told to nobody where another look failed") {
  World world;
  const auto id = world.simulation.add("FREQ=MINUTELY", kFrom, "UTC");
  const auto until = world.simulation.now() + 1min;
  world.write(
      id,
      core::paused(*world.store.schedule(id), nullptr, "", world.simulation.now(), until).schedule);
  world.simulation.run_until(until);
  HookedStore broken(world.store, [](HookedStore::When, int) {
    throw store::StoreError(store::StoreError::Kind::unavailable, "it is away");
  });
  const auto step = io::take_care(
      {broken, *world.directory, world.simulation.zones(), world.not_resumed, world.not_paused}, {},
      {}, until);
  REQUIRE(step.done.size() == 1);
  CHECK(step.done.front().kind == core::Notice::Kind::resumed);
  CHECK(step.error);
}

TEST_CASE(
    "a fault amid a page of schedules that fail lost the rest of the page, and what was done") {
  World world;
  std::vector<store::ScheduleId> all;
  for (int n = 0; n < 3; ++n)
    all.push_back(world.simulation.add("FREQ=MINUTELY", kFrom, "UTC", pausing_after_one));
  world.simulation.run_until(kFrom + 60s);
  CrowdedStore broken(world.store, [](int write) {
    if (write == 2) throw store::StoreError(store::StoreError::Kind::unavailable, "it is away");
  });
  const io::CareParts parts{broken, *world.directory, world.simulation.zones(), world.not_resumed,
                            world.not_paused};
  const auto first = io::take_care(parts, {}, {}, world.simulation.now());
  CHECK(first.error);
  REQUIRE(first.done.size() == 1);
  CHECK(first.done.front().schedule_id == all[0]);
  const auto next = io::take_care(parts, {}, first.walk, world.simulation.now());
  CHECK_FALSE(next.error);
  CHECK(next.done.size() == 2);
  for (const auto id : all) CHECK(world.store.schedule(id)->status == ScheduleStatus::paused);
}

TEST_CASE("a fault amid the schedules whose pause is over lost the word of those before it") {
  World world;
  const auto until = world.simulation.now() + 1min;
  for (int n = 0; n < 2; ++n) {
    const auto id = world.simulation.add("FREQ=MINUTELY", kFrom, "UTC");
    world.write(id,
                core::paused(*world.store.schedule(id), nullptr, "", world.simulation.now(), until)
                    .schedule);
  }
  CrowdedStore broken(world.store, [](int write) {
    if (write == 2) throw store::StoreError(store::StoreError::Kind::unavailable, "it is away");
  });
  const auto step = io::take_care(
      {broken, *world.directory, world.simulation.zones(), world.not_resumed, world.not_paused}, {},
      {}, until);
  CHECK(step.error);
  REQUIRE(step.done.size() == 1);
  CHECK(step.done.front().kind == core::Notice::Kind::resumed);
}

TEST_CASE("schedules set aside for a fault of the whole store went on until they failed again") {
  World world;
  const auto walked = world.simulation.add("FREQ=MINUTELY", kFrom, "UTC", pausing_after_one);
  const auto heard = world.simulation.add("FREQ=MINUTELY", kFrom, "UTC", pausing_after_one);
  const auto later = world.simulation.add("FREQ=DAILY", kFrom + 30s, "UTC", pausing_after_one);
  world.simulation.run_until(kFrom + 60s);
  CrowdedStore broken(world.store, [](int write) {
    if (write <= 3) throw store::StoreError(store::StoreError::Kind::fault, "the disk is ill");
  });
  Care care(world, broken);
  care.hear_failure(heard);
  care.begin();
  REQUIRE(broken.writes() == 3);
  REQUIRE(care.heard.ids.empty());
  care.clock.ahead += 61s;
  care.hear_failure(later);
  care.finish();
  CHECK(care.heard.ids.size() == 3);
  for (const auto id : {walked, heard, later})
    CHECK(world.store.schedule(id)->status == ScheduleStatus::paused);
}

TEST_CASE("one success among the failures, or no limit, and the schedule goes on") {
  World world;
  const auto limited = world.simulation.add("FREQ=MINUTELY", kFrom, "UTC",
                                            [](auto& row) { row.pause_after_failures = 3; });
  const auto unlimited = world.simulation.add("FREQ=MINUTELY", kFrom, "UTC");
  world.simulation.run_until(kFrom + 2min);
  world.failing = false;
  world.simulation.run_until(kFrom + 3min);
  world.failing = true;
  world.simulation.run_until(kFrom + 5min);
  CHECK(world.pause_failing(limited).empty());
  CHECK(world.pause_failing(unlimited).empty());
}

TEST_CASE("a pause with an end is over then, and what passed is one gap") {
  World world;
  const auto id = world.simulation.add("FREQ=MINUTELY", kFrom, "UTC");
  world.simulation.run_until(kFrom + 90s);
  const auto until = world.simulation.now() + 10min;
  world.write(
      id,
      core::paused(*world.store.schedule(id), nullptr, "", world.simulation.now(), until).schedule);
  world.simulation.run_until(until - 1s);
  CHECK(world.resume_paused().empty());
  world.simulation.run_until(until);
  const auto done = world.resume_paused();
  REQUIRE(done.size() == 1);
  CHECK(done.front().kind == core::Notice::Kind::resumed);
  const auto row = *world.store.schedule(id);
  CHECK(row.status == ScheduleStatus::active);
  CHECK_FALSE(row.paused_until);
  REQUIRE(world.store.gaps(id).size() == 1);
  CHECK(world.store.gaps(id).front().count == 10);
  CHECK(world.resume_paused().empty());
}

TEST_CASE("an occurrence at the very end of a pause is not lost to it") {
  World world;
  const auto id = world.simulation.add("FREQ=MINUTELY", kFrom, "UTC");
  world.simulation.run_until(kFrom + 90s);
  const auto row = *world.store.schedule(id);
  const Instant until = kFrom + 4min;
  const auto timetable = core::Timetable::compile(row, world.simulation.zones()).value();
  const auto paused = core::paused(row, nullptr, "", world.simulation.now(), until).schedule;
  CHECK(timetable.next(core::fires_after(paused, timetable, true))->scheduled_for == until);
  world.write(id, paused);
  world.simulation.run_until(until + GENERATE(0s, 1s));
  REQUIRE(world.resume_paused().size() == 1);
  REQUIRE(world.store.gaps(id).size() == 1);
  CHECK(world.store.gaps(id).front().count == 2);
  CHECK(world.store.schedule(id)->next_run_at == until);
}

TEST_CASE("a pause that ended while no daemon ran is over then, and the rest was missed") {
  World world;
  const auto id = world.simulation.add("FREQ=MINUTELY", kFrom, "UTC");
  world.simulation.run_until(kFrom + 90s);
  const auto until = world.simulation.now() + 3min;
  const auto row = *world.store.schedule(id);
  world.write(id, core::paused(row, nullptr, "", world.simulation.now(), until).schedule);
  world.simulation.run_until(until + 7min);
  REQUIRE(world.resume_paused().size() == 1);
  REQUIRE(world.store.gaps(id).size() == 1);
  CHECK(world.store.gaps(id).front().count == 3);
  CHECK(world.store.schedule(id)->next_run_at == kFrom + 5min);
  CHECK(world.store.schedule(id)->updated_at == world.simulation.now());
}

TEST_CASE("a paused schedule that cannot be used any more is quarantined when its pause is over") {
  World world;
  const auto id = world.simulation.add("FREQ=MINUTELY", kFrom, "UTC");
  const auto until = world.simulation.now() + 10min;
  auto row =
      core::paused(*world.store.schedule(id), nullptr, "", world.simulation.now(), until).schedule;
  row.timezone = "Mars/Olympus";
  world.write(id, row);
  world.simulation.run_until(until);
  const auto done = world.resume_paused();
  REQUIRE(done.size() == 1);
  CHECK(done.front().kind == core::Notice::Kind::quarantined);
  CHECK(world.store.schedule(id)->status == ScheduleStatus::error);
}

}  // namespace rruled::test
