// What keeps a daemon from acting on a claim that is over, and what tells it the store's time.
#include "daemon/io/claim_deadlines.h"
#include "daemon/io/command_executor.h"
#include "daemon/io/http_executor.h"
#include "daemon/io/log_executor.h"
#include "daemon/io/process_guard.h"
#include "daemon/io/store_clock.h"
#include "store/memory_store.h"
#include "tests/support/hooked_store.h"
#include "tests/support/loopback_receiver.h"
#include "tests/unit/io/io_fixture.h"

#include <catch2/catch.hpp>
#include <spdlog/sinks/null_sink.h>

#include <filesystem>
#include <functional>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using Kind = core::Report::Kind;

bool refuse() { return false; }

class ClockedStore final : public HookedStore {
 public:
  explicit ClockedStore(store::Store& real) : HookedStore(real, [](When, int) {}) {}
  std::optional<store::Timestamp> clock() override {
    on_the_way();
    return time;
  }
  std::function<void()> on_the_way = [] {};
  std::optional<store::Timestamp> time;
};

}  // namespace

TEST_CASE("a claim may be acted on until shortly before the store lets it lapse") {
  FakeClock clock(kStart);
  io::ClaimDeadlines claims(clock, 45s);
  const store::Run run = sample_run();
  CHECK_FALSE(claims.may_act(run.id, run.fence));  // never granted
  const auto asked = claims.asking();
  clock.ahead += 10s;  // the store took its time to answer
  claims.granted({run}, asked);
  CHECK(claims.may_act(run.id, run.fence));
  clock.ahead += 29s;
  CHECK(claims.may_act(run.id, run.fence));
  clock.ahead += 1s;  // 40 s after asking
  CHECK_FALSE(claims.may_act(run.id, run.fence));

  claims.extended({{run.id, run.fence}}, claims.asking());
  CHECK(claims.may_act(run.id, run.fence));
  claims.extended({}, claims.asking());  // taken over by another daemon
  CHECK_FALSE(claims.may_act(run.id, run.fence));
}

TEST_CASE("a claim that the store could not extend as it was locked was lost at once") {
  FakeClock clock(kStart);
  io::ClaimDeadlines claims(clock, 45s);
  const store::Run run = sample_run();
  claims.granted({run}, claims.asking());
  clock.ahead += 30s;
  claims.extended({{run.id, run.fence, false}}, claims.asking());
  CHECK(claims.may_act(run.id, run.fence));
  clock.ahead += 10s;
  CHECK_FALSE(claims.may_act(run.id, run.fence));
  // Nor was it ever granted here.
  claims.extended({}, claims.asking());
  claims.extended({{run.id, run.fence, false}}, claims.asking());
  CHECK_FALSE(claims.may_act(run.id, run.fence));
}

TEST_CASE("an older claim is not acted on after the run was claimed again") {
  FakeClock clock(kStart);
  io::ClaimDeadlines claims(clock, 45s);
  store::Run run = sample_run();
  const auto older = run.fence;
  claims.granted({run}, claims.asking());
  run.fence = older + 1;
  claims.granted({run}, claims.asking());
  CHECK_FALSE(claims.may_act(run.id, older));
  claims.ended(run.id, older);  // its delivery, late
  CHECK(claims.may_act(run.id, run.fence));
  claims.ended(run.id, run.fence);
  CHECK_FALSE(claims.may_act(run.id, run.fence));
}

TEST_CASE("where claims last as long as the session there is no deadline") {
  FakeClock clock(kStart);
  const io::ClaimDeadlines claims(clock, std::nullopt);
  clock.ahead += 24h;
  CHECK(claims.may_act(sample_run().id, 1));
}

TEST_CASE("an http run whose claim is over is not sent") {
  LoopbackReceiver receiver;
  IoLoop loop;
  FakeClock clock(kStart);
  auto executor =
      io::HttpExecutor::create(loop.context.get_executor(), clock, {.url = receiver.url("/")})
          .value();
  auto report = loop.run(executor->deliver(sample_run(), refuse));
  CHECK(report.kind == Kind::unsent);
  CHECK_THAT(report.error, Catch::Contains("claim"));
  CHECK(receiver.requests().empty());
  // Also on a connection that was kept.
  CHECK(loop.run(executor->deliver(sample_run())).kind == Kind::completed);
  report = loop.run(executor->deliver(sample_run(), refuse));
  CHECK(report.kind == Kind::unsent);
  CHECK(receiver.requests().size() == 1);
}

TEST_CASE("a command whose claim is over is not started") {
  const TempDir dir;
  IoLoop loop;
  FakeClock clock(kStart);
  io::ProcessGuard guard;
  auto executor = io::CommandExecutor::create(loop.context.get_executor(), clock, guard,
                                              {.argv = {"touch", dir.file("ran")}})
                      .value();
  CHECK(loop.run(executor->deliver(sample_run(), refuse)).kind == Kind::unsent);
  CHECK_FALSE(std::filesystem::exists(dir.file("ran")));
  CHECK(loop.run(executor->deliver(sample_run())).kind == Kind::completed);
  CHECK(std::filesystem::exists(dir.file("ran")));
}

TEST_CASE("a run for the log whose claim is over is not told") {
  IoLoop loop;
  FakeClock clock(kStart);
  io::LogExecutor executor(clock, spdlog::null_logger_st("claims_test"));
  CHECK(loop.run(executor.deliver(sample_run(), refuse)).kind == Kind::unsent);
}

TEST_CASE("the time is the store's where it has one, however wrong the machine's is") {
  FakeClock machine(kStart);
  io::StoreClock clock(machine);
  store::MemoryStore memory;
  ClockedStore store(memory);
  clock.measure(store);  // it has none
  CHECK(clock.offset() == 0ms);
  for (const auto ahead : {1h, -1h, 0h}) {
    store.time = machine.now() + ahead;
    clock.measure(store);
    const auto error = clock.now() - (machine.now() + ahead);
    CHECK(error <= 5ms);
    CHECK(error >= -5ms);
  }
}

TEST_CASE("a step of the store's clock is told from one of the machine's") {
  FakeClock machine(kStart);
  io::StoreClock clock(machine);
  store::MemoryStore memory;
  ClockedStore store(memory);
  const auto measured = [&](std::chrono::milliseconds store_ahead) {
    store.time = machine.now() + store_ahead;
    return std::chrono::round<std::chrono::minutes>(clock.measure(store));
  };
  CHECK(measured(0h) == 0h);
  machine.advance(1h);
  CHECK(measured(-1h) == 0h);
  machine.advance(-1h);
  CHECK(measured(0h) == 0h);
  CHECK(measured(1h) == 1h);
  CHECK(measured(1h) == 0h);
  machine.advance(1h);  // both
  CHECK(measured(1h) == 0h);
  machine.advance(1h);
  CHECK(measured(-2h) == -2h);
}

TEST_CASE("a store that was connected to anew, and slowly, seemed to have a clock that was set") {
  FakeClock machine(kStart);
  io::StoreClock clock(machine);
  store::MemoryStore memory;
  ClockedStore store(memory);
  store.time = machine.now() + 1h;
  clock.measure(store);
  store.on_the_way = [&] {
    machine.advance(4s);
    machine.ahead += 4s;
    store.time = machine.now() + 1h;
  };
  CHECK(clock.measure(store) == 0ms);
  CHECK(std::chrono::round<std::chrono::seconds>(clock.offset()) == 1h);
}

}  // namespace rruled::test
