#include "daemon/io/refresher.h"

#include "daemon/core/flow_change.h"
#include "store/memory_store.h"
#include "tests/support/hooked_store.h"
#include "tests/support/simulation.h"
#include "tests/unit/io/io_fixture.h"

#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>
#include <spdlog/sinks/ostream_sink.h>

#include <functional>
#include <sstream>
#include <stdexcept>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;

const Instant kDay = at("2026-03-02T00:00:00Z");

// Daily schedules whose next run is an hour before what their rule says.
struct Moved {
  explicit Moved(int count) : simulation(store, kDay - 12h, {}) {
    for (int n = 0; n < count; ++n) {
      ids.push_back(simulation.add("FREQ=DAILY", kDay, "UTC"));
      put(ids.back(), [](store::Schedule& row) {
        *row.next_run_at -= 1h;
        *row.next_due_at -= 1h;
      });
    }
  }
  void put(store::ScheduleId id, const std::function<void(store::Schedule&)>& change) {
    auto row = *store.schedule(id);
    const auto stamp = core::stamp_of(row);
    change(row);
    REQUIRE_FALSE(store.write({.schedules = {{std::move(row), stamp}}}, simulation.now()));
  }
  std::vector<io::Refreshable> all() {
    std::vector<io::Refreshable> result;
    for (const auto id : ids) result.push_back({*store.schedule(id), true, "flow"});
    return result;
  }
  std::size_t refresh(store::Store& through) {
    const auto count = io::refresh(through, *store.directory(), simulation.zones(), all(),
                                   simulation.now(), *log);
    CHECK(count.refused == 0);
    return count.written;
  }
  [[nodiscard]] std::size_t right() {
    std::size_t count = 0;
    for (const auto id : ids) count += store.schedule(id)->next_run_at == kDay ? 1 : 0;
    return count;
  }

  store::MemoryStore store;
  Simulation simulation;
  std::vector<store::ScheduleId> ids;
  std::ostringstream said;
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::ostream_sink_mt>(said));
};

// Fails in a way that no store should.
class Absurd final : public HookedStore {
 public:
  explicit Absurd(store::Store& real) : HookedStore(real, [](When, int) {}) {}
  std::vector<store::Schedule> schedules(const store::ScheduleQuery&) override {
    throw std::out_of_range("no such column");
  }
};

}  // namespace

TEST_CASE("schedules that move with their zone are written together") {
  Moved moved(3);
  CrowdedStore store(moved.store, [](int) {});
  CHECK(moved.refresh(store) == 3);
  CHECK(store.writes() == 1);
  CHECK(moved.right() == 3);
  CHECK_THAT(moved.said.str(), Catch::Contains("flow  moves with the rules of UTC: next "
                                               "2026-03-02T00:00:00Z, was 2026-03-01T23:00:00Z"));
  CHECK(moved.refresh(store) == 0);
  CHECK(store.writes() == 1);
}

TEST_CASE("a schedule that somebody edits meanwhile does not keep the others from moving") {
  Moved moved(3);
  const auto edit = [&](int write) {
    if (write != 1) return;
    moved.put(moved.ids[1], [](store::Schedule& row) { row.note = "edited"; });
  };
  CrowdedStore store(moved.store, edit);
  CHECK(moved.refresh(store) == 2);
  CHECK(store.writes() == 4);
  CHECK(moved.right() == 2);
  CHECK(moved.store.schedule(moved.ids[1])->note == "edited");
}

TEST_CASE("many schedules that move are many small pieces of work to the store") {
  Moved moved(120);
  const auto before = moved.store.changes_since(0).revision;
  IoLoop loop;
  boost::asio::thread_pool store_thread{1};
  FakeClock clock{moved.simulation.now()};
  io::Refresher refresher({moved.store, store_thread}, moved.simulation.zones(), clock, moved.log);
  boost::asio::co_spawn(loop.context, refresher.run(true), boost::asio::detached);
  loop.context.run_for(20s);
  CHECK(loop.context.stopped());
  store_thread.join();
  CHECK(moved.right() == 120);
  CHECK(moved.store.changes_since(0).revision - before == 3);  // of 50, 50 and 20
  CHECK(moved.store.zones_version() == moved.simulation.zones().version());
}

TEST_CASE("an unheard-of fault while schedules are looked at again is not lost") {
  Moved moved(1);
  Absurd store(moved.store);
  IoLoop loop;
  boost::asio::thread_pool store_thread{1};
  FakeClock clock{kStart};
  io::Refresher refresher({store, store_thread}, moved.simulation.zones(), clock, moved.log);
  boost::asio::co_spawn(loop.context, refresher.run(true), boost::asio::detached);
  loop.context.run_for(20s);
  CHECK_THAT(moved.said.str(), Catch::Contains("could not all be looked at again: no such column"));
}

}  // namespace rruled::test
