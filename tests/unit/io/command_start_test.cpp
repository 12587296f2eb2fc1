// What a command is started with, and what keeps one from being started.
#include "daemon/io/child_process.h"
#include "daemon/io/descriptor_limit.h"
#include "tests/unit/io/command_setup.h"

#include <catch2/catch.hpp>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

namespace rruled::test {

TEST_CASE("a command starts with default signals and three descriptors") {
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  sigset_t mask;
  sigset_t old_mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &mask, &old_mask);
  constexpr int kInheritable = 77;
  REQUIRE(::dup2(STDERR_FILENO, kInheritable) == kInheritable);
  const auto found = messages_of(
      CommandSetup(
          sh("grep -E '^Sig(Blk|Ign)' /proc/self/status; [ -e /proc/$$/fd/77 ] && echo leak; "
             "[ \"$(cut -d' ' -f5 /proc/$$/stat)\" = $$ ] && echo leader"))
          .deliver());
  ::close(kInheritable);
  ::pthread_sigmask(SIG_SETMASK, &old_mask, nullptr);
  ::signal(SIGPIPE, before);
  CHECK(found ==
        std::vector<std::string>{"SigBlk: 0000000000000000", "SigIgn: 0000000000000000", "leader"});
}

TEST_CASE("a thousand commands leave no descriptor and no process behind") {
  CommandSetup setup({.argv = {"true"}});
  REQUIRE(setup.deliver().kind == core::Report::Kind::completed);
  const std::size_t before = open_descriptors();
  int completed = 0;
  for (int i = 0; i < 1'000; ++i)
    completed += setup.deliver().kind == core::Report::Kind::completed ? 1 : 0;
  CHECK(completed == 1'000);
  CHECK(open_descriptors() == before);
}

TEST_CASE("a program is not begun when there is no descriptor to wait for its end with") {
  io::ProcessGuard guard;
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none{3, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  // Once begun it would say that it is not there.
  const auto child = io::ChildProcess::start({"/nowhere", {"/nowhere"}, {}, 0, 1, 2}, guard);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE(child.has_error());
  CHECK(child.error() == boost::system::errc::too_many_files_open);
}

TEST_CASE("a command that could not start for lack of descriptors used an attempt up") {
  CommandSetup setup({.argv = {"/bin/true"}});
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none{3, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  const core::Report report = setup.deliver();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(report.kind == core::Report::Kind::unsent);
  CHECK_FALSE(report.started_at);
  CHECK_THAT(report.error, Catch::Contains("cannot start /bin/true (Too many open files)"));
  CHECK_THAT(report.error, Catch::Contains("raise LimitNOFILE, or lower max_in_flight"));
  CHECK(setup.deliver().kind == core::Report::Kind::completed);
}

TEST_CASE("a command for which there was no place used an attempt up") {
  CommandSetup setup({.argv = {"/bin/true"}});
  std::vector<io::ProcessGuard::Group*> taken;
  while (const auto place = setup.guard.reserve()) taken.push_back(*place);
  REQUIRE(taken.size() == io::ProcessGuard::kCommandsMax);
  const core::Report report = setup.deliver();
  CHECK(report.kind == core::Report::Kind::unsent);
  CHECK_THAT(report.error, Catch::Contains("raise TasksMax and LimitNPROC, or lower max_in"));
  setup.guard.release(taken.back());
  CHECK(setup.deliver().kind == core::Report::Kind::completed);
}

TEST_CASE("a command may have as many descriptors as the daemon had before it took more") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit few{200, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  io::raise_descriptor_limit();
  rlimit raised{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &raised) == 0);
  const auto found = messages_of(CommandSetup(sh("ulimit -S -n; ulimit -H -n")).deliver());
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  io::raise_descriptor_limit();  // the other tests' commands have theirs again
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(raised.rlim_cur == before.rlim_max);
  CHECK(found == std::vector<std::string>{"200", std::to_string(before.rlim_max)});
}

}  // namespace rruled::test
