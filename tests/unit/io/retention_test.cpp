#include "daemon/io/retention.h"

#include "store/memory_store.h"
#include "tests/support/hooked_store.h"
#include "tests/unit/io/io_fixture.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>
#include <stdexcept>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;

// Has so many batches to remove; stops the retention after the last one.
class OldRows final : public HookedStore {
 public:
  explicit OldRows(store::Store& real) : HookedStore(real, [](When, int) {}) {}
  store::Pruned prune(const store::PruneRequest& request, store::Timestamp now) override {
    requests.push_back(request);
    asked_at.push_back(now);
    if (absurd) throw std::out_of_range("no such column");
    if (fail) throw store::StoreError(store::StoreError::Kind::unavailable, "gone");
    on_prune();
    if (requests.size() == batches) at_last();
    if (all_stays) return {};
    return {.runs = 10, .gaps = 1, .logs = 100, .audit = 5, .more = requests.size() < batches};
  }
  std::size_t batches = 1;
  bool fail = false;
  bool absurd = false;
  bool all_stays = false;
  std::function<void()> on_prune = [] {};
  std::function<void()> at_last = [] {};
  std::vector<store::PruneRequest> requests;
  std::vector<store::Timestamp> asked_at;
};

struct RetentionSetup {
  store::MemoryStore memory;
  OldRows rows{memory};
  boost::asio::io_context io{1};
  boost::asio::thread_pool store_thread{1};
  FakeClock clock{kStart};
  std::ostringstream said;
  io::Retention retention{
      io.get_executor(),
      {rows, store_thread},
      clock,
      {.runs = 30 * 24h, .logs = 14 * 24h, .audit = 400 * 24h},
      std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::ostream_sink_mt>(said))};

  // An hour after the start.
  RetentionSetup() { clock.ahead += 1h; }

  void run() {
    rows.at_last = [this] { boost::asio::post(io, [this] { retention.stop(); }); };
    boost::asio::co_spawn(io, retention.run(), [](std::exception_ptr) {});
    io.run_for(20s);
    REQUIRE(io.stopped());
  }
};

}  // namespace

TEST_CASE("what is old is removed batch by batch, as long as there is more") {
  RetentionSetup setup;
  setup.rows.batches = 3;
  setup.run();
  REQUIRE(setup.rows.requests.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto now = setup.rows.asked_at[i];
    CHECK(setup.rows.requests[i].runs_before == now - 30 * 24h);
    CHECK(setup.rows.requests[i].logs_before == now - 14 * 24h);
    CHECK(setup.rows.requests[i].audit_before == now - 400 * 24h);
  }
  CHECK_THAT(setup.said.str(),
             Catch::Contains("30 runs, 3 gaps, 300 log lines, 15 audit log lines"));
}

TEST_CASE("rows that are old and stay are looked at for a hundredth of the time") {
  RetentionSetup setup;
  setup.rows.on_prune = [&] { setup.clock.ahead += 10s; };
  SECTION("they stay") {
    setup.rows.all_stays = true;
    setup.run();
    CHECK(setup.retention.pause() >= 1'000s);
  }
  SECTION("they go") {
    setup.run();
    CHECK(setup.retention.pause() == 5min);
  }
}

TEST_CASE("a clock is believed an hour after a start, and after it went ahead by more than a day") {
  using Verdict = io::LeapWatch::Verdict;
  const io::LeapWatch::Steady start{};
  io::LeapWatch watch(start);
  CHECK(watch.look(kStart, start) == Verdict::waits);
  CHECK(watch.look(kStart + 59min, start + 59min) == Verdict::waits);
  CHECK(watch.look(kStart + 1h, start + 1h) == Verdict::good);
  CHECK(watch.look(kStart + 72h, start + 72h) == Verdict::good);  // three days went by
  CHECK(watch.look(kStart + 96h, start + 72h) == Verdict::good);
  CHECK(watch.look(kStart + 120h + 1ms, start + 72h) == Verdict::leapt);
  CHECK(watch.look(kStart + 120h + 59min, start + 72h + 59min) == Verdict::waits);
  CHECK(watch.look(kStart + 72h + 59min, start + 72h + 59min) == Verdict::waits);  // set right
  CHECK(watch.look(kStart + 73h, start + 73h) == Verdict::good);
}

TEST_CASE("nothing is removed at a start") {
  RetentionSetup setup;
  setup.clock.ahead -= 1h;
  boost::asio::co_spawn(setup.io, setup.retention.run(), boost::asio::detached);
  setup.io.poll();
  setup.store_thread.join();
  CHECK(setup.rows.requests.empty());
  setup.retention.stop();
  setup.io.run_for(20s);
  CHECK(setup.io.stopped());
}

TEST_CASE("a clock that leaps ahead while old rows are removed ends that") {
  RetentionSetup setup;
  setup.rows.batches = 3;
  setup.rows.on_prune = [&] { setup.clock.advance(48h); };
  boost::asio::co_spawn(setup.io, setup.retention.run(), [](std::exception_ptr) {});
  while (setup.said.str().find("in case it is wrong") == std::string::npos)
    setup.io.run_one_for(20s);
  CHECK(setup.rows.requests.size() == 1);
  setup.retention.stop();
  setup.io.run_for(20s);
  CHECK(setup.io.stopped());
}

TEST_CASE("a store that is away when old rows are removed is said, and the daemon goes on") {
  RetentionSetup setup;
  setup.rows.fail = true;
  boost::asio::co_spawn(setup.io, setup.retention.run(), [](std::exception_ptr) {});
  while (setup.said.str().empty()) setup.io.run_one_for(20s);
  CHECK_THAT(setup.said.str(), Catch::Contains("gone"));
  setup.retention.stop();
  setup.io.run_for(20s);
  CHECK(setup.io.stopped());
}

TEST_CASE("an unheard-of fault while old rows are removed is not the silent end of removing") {
  RetentionSetup setup;
  setup.rows.absurd = true;
  boost::asio::co_spawn(setup.io, setup.retention.run(), boost::asio::detached);
  while (setup.said.str().empty() && !setup.io.stopped()) setup.io.run_one_for(20s);
  CHECK_THAT(setup.said.str(), Catch::Contains("could not be removed: no such column"));
  setup.retention.stop();
  setup.io.run_for(20s);
  CHECK(setup.io.stopped());
}

}  // namespace rruled::test
