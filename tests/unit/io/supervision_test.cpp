// What the service manager is told.
#include "daemon/io/supervision.h"

#include "tests/support/datagram_socket.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <time.h>

#include <cstdlib>

namespace rruled::test {
namespace {

using Catch::Contains;
using std::chrono::milliseconds;

// The service manager.
class Manager {
 public:
  Manager() {
    ::setenv("NOTIFY_SOCKET", socket_.path().c_str(), 1);
    ::setenv("WATCHDOG_USEC", "1", 1);  // so that every turn feeds it
  }
  ~Manager() {
    ::unsetenv("NOTIFY_SOCKET");
    ::unsetenv("WATCHDOG_USEC");
  }
  // All that has come since, a line each.
  std::string heard() {
    std::string all;
    while (const auto datagram = socket_.take()) all += *datagram + "\n";
    return all;
  }

 private:
  TempDir dir_;
  DatagramSocket socket_{dir_.file("notify")};
};

core::Planner::Load load_with(bool loaded) {
  core::Planner::Load load;
  load.horizon_loaded = loaded;
  load.armed = 7;
  load.in_flight = 2;
  return load;
}

}  // namespace

TEST_CASE("READY=1 comes once, when what is due soon is loaded, and the watchdog is fed by turns") {
  Manager manager;
  io::Observer deaf;
  io::Supervision supervision(deaf);
  supervision.on_turn(load_with(false));
  CHECK(manager.heard().empty());
  supervision.on_turn(load_with(true));
  const auto first = manager.heard();
  CHECK_THAT(first, Contains("READY=1\n") && Contains("WATCHDOG=1\n") &&
                        Contains("STATUS=7 schedules due soon, 0 due now, 2 in flight\n"));
  supervision.on_turn(load_with(true));
  const auto second = manager.heard();
  CHECK_THAT(second, Contains("WATCHDOG=1\n") && !Contains("READY=1"));
  CHECK(manager.heard().empty());  // no turn, no food
}

TEST_CASE("a reload is told with the time by which the manager orders it, and its refusal stays") {
  Manager manager;
  io::Observer deaf;
  io::Supervision supervision(deaf);
  supervision.on_turn(load_with(true));
  (void)manager.heard();
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  supervision.reloading();
  const auto told = manager.heard();
  const std::string mark = "RELOADING=1\nMONOTONIC_USEC=";
  REQUIRE(told.starts_with(mark));
  const auto usec = std::stoll(told.substr(mark.size()));
  CHECK(usec >= now.tv_sec * 1'000'000LL + now.tv_nsec / 1'000);
  CHECK(usec < (now.tv_sec + 60) * 1'000'000LL);
  supervision.reloaded("rruled.toml:3: log.level: no\nand more");
  supervision.on_turn(load_with(true));
  CHECK_THAT(
      manager.heard(),
      Contains("READY=1\n") &&
          Contains("; the last reload was refused: rruled.toml:3: log.level: no and more\n"));
  supervision.reloaded("");
  supervision.on_turn(load_with(true));
  CHECK_THAT(manager.heard(), Contains("STATUS=7") && !Contains("refused"));
}

TEST_CASE("a start that waits and a drain ask for the time that they need") {
  Manager manager;
  io::Observer deaf;
  io::Supervision::waiting("waiting for the store");
  CHECK_THAT(manager.heard(),
             Contains("STATUS=waiting for the store\nEXTEND_TIMEOUT_USEC=40000000"));
  io::Supervision supervision(deaf);
  supervision.on_turn(load_with(true));
  (void)manager.heard();
  supervision.stopping(milliseconds(100'000));
  CHECK_THAT(manager.heard(), Contains("STOPPING=1\nSTATUS=draining"));
  supervision.on_turn(load_with(true));
  const auto told = manager.heard();
  CHECK_THAT(told, Contains("STATUS=draining: 2 in flight\nEXTEND_TIMEOUT_USEC=1"));
  const std::string mark = "EXTEND_TIMEOUT_USEC=";
  const auto usec = std::stoll(told.substr(told.find(mark) + mark.size()));
  CHECK(usec > 100'000'000);
  CHECK(usec <= 110'000'000);
  supervision.reloaded("");
  CHECK_THAT(manager.heard(), !Contains("READY=1"));
}

TEST_CASE("a line end in what it waits for began another assignment") {
  Manager manager;
  io::Supervision::waiting("no store: one\nREADY=1");
  const auto heard = manager.heard();
  CHECK_THAT(heard, Contains("STATUS=no store: one READY=1\n"));
  CHECK_THAT(heard, !Contains("\nREADY=1"));
}

}  // namespace rruled::test
