#include "daemon/io/process_guard.h"

#include "daemon/io/command_executor.h"
#include "tests/unit/io/io_fixture.h"
#include "tests/unit/io/lifeline.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>

using namespace rruled::io;
using rruled::test::FakeClock;
using rruled::test::IoLoop;
using rruled::test::kStart;
using rruled::test::Lifeline;
using rruled::test::sample_run;
namespace fs = std::filesystem;

namespace {

// The guard among the children of `parent`, once it has settled in; 0: none.
pid_t find_guard(pid_t parent) {
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "stat");
    std::string stat;
    if (!std::getline(file, stat)) continue;
    const std::size_t name = stat.find("(run-guard) ");
    if (name == std::string::npos || stat.substr(name + 12, 1) == "Z") continue;
    if (std::stoi(stat.substr(name + 14)) == parent) return std::stoi(stat);
  }
  return 0;
}

// Waits for it. 0: it did not come within ten seconds.
pid_t await_guard(pid_t parent) {
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (std::chrono::steady_clock::now() < patience) {
    if (const pid_t found = find_guard(parent); found > 0) return found;
    std::this_thread::yield();
  }
  return 0;
}

// What a daemon does, in a process of its own: runs `script` until it is killed.
[[noreturn]] void live_as_daemon(const std::string& script, int commands) {
  IoLoop loop;
  FakeClock clock(kStart);
  ProcessGuard guard;
  auto executor = CommandExecutor::create(loop.context.get_executor(), clock, guard,
                                          {.argv = {"/bin/sh", "-c", script}})
                      .value();
  for (int i = 0; i < commands; ++i)
    boost::asio::co_spawn(loop.context, executor->deliver(sample_run()), boost::asio::detached);
  loop.context.run();
  ::_exit(1);
}

pid_t fork_daemon(const std::string& script, int commands = 1) {
  const pid_t pid = ::fork();
  if (pid == 0) live_as_daemon(script, commands);
  return pid;
}

void kill_and_reap(pid_t pid) {
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

const std::string kFamily = "sh -c 'sleep 1000 & sleep 1000' & sleep 1000 & ";

}  // namespace

TEST_CASE("a command and its children die with a killed daemon") {
  const Lifeline lifeline;
  const pid_t daemon = fork_daemon(
      "trap '' TERM HUP INT; " + lifeline.hold() + kFamily + Lifeline::report() + "wait", 5);
  REQUIRE(lifeline.reported(5));
  kill_and_reap(daemon);
  CHECK(lifeline.all_gone());
}

TEST_CASE("a command dies even when daemon and guard are killed at one time") {
  const Lifeline lifeline;
  const pid_t daemon = fork_daemon(lifeline.hold() + Lifeline::report() + "exec sleep 1000");
  REQUIRE(lifeline.reported());
  const pid_t guard = await_guard(daemon);
  REQUIRE(guard > 0);
  ::kill(daemon, SIGSTOP);
  ::kill(guard, SIGKILL);
  kill_and_reap(daemon);
  CHECK(lifeline.all_gone());
}

TEST_CASE("a guard that was killed is replaced at the next command") {
  IoLoop loop;
  FakeClock clock(kStart);
  ProcessGuard guard;
  auto executor =
      CommandExecutor::create(loop.context.get_executor(), clock, guard, {.argv = {"true"}})
          .value();
  const pid_t first = await_guard(::getpid());
  REQUIRE(first > 0);
  ::kill(first, SIGKILL);
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(first), &info, WEXITED | WNOWAIT) == 0);
  CHECK(loop.run(executor->deliver(sample_run())).error.empty());
  const pid_t second = await_guard(::getpid());
  CHECK(second > 0);
  CHECK(second != first);
}

TEST_CASE("the guard leaves with its owner, and holds nothing of it open") {
  pid_t pid = 0;
  {
    const ProcessGuard guard;
    pid = await_guard(::getpid());
    REQUIRE(pid > 0);
    int descriptors = 0;
    for (const auto& each : fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
      ++descriptors;
      CHECK(each.path().filename() == "0");
    }
    CHECK(descriptors == 1);
  }
  CHECK(find_guard(::getpid()) == 0);
}

TEST_CASE("places are given out once, up to the limit, and again when released") {
  ProcessGuard guard;
  std::set<ProcessGuard::Group*> places;
  for (std::size_t i = 0; i < ProcessGuard::kCommandsMax; ++i)
    places.insert(guard.reserve().value());
  CHECK(places.size() == ProcessGuard::kCommandsMax);
  CHECK(guard.reserve().has_error());
  ProcessGuard::Group* const freed = *places.begin();
  guard.release(freed);
  CHECK(guard.reserve().value() == freed);
}
