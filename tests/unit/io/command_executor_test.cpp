#include "daemon/io/command_executor.h"

#include "tests/unit/io/command_setup.h"
#include "tests/unit/io/lifeline.h"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

using namespace rruled::io;
using namespace std::chrono_literals;
using rruled::core::Report;
using rruled::store::LogLevel;
using rruled::test::CommandSetup;
using rruled::test::FakeClock;
using rruled::test::IoLoop;
using rruled::test::kStart;
using rruled::test::Lifeline;
using rruled::test::messages_of;
using rruled::test::sample_run;
using rruled::test::sh;
using rruled::test::TempDir;
using rruled::test::write_file;
using Kind = Report::Kind;
namespace asio = boost::asio;

namespace {

// Orphans come to us, so that they cannot be gone before they are looked for.
struct Adopting {
  Adopting() { REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0); }
  ~Adopting() {
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
    while (::waitpid(-1, nullptr, WNOHANG) > 0) continue;
  }
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a command gets the run on its stdin") {
  CommandSetup setup({.argv = {"cat"}});
  const Report report = setup.deliver();
  CHECK(report.kind == Kind::completed);
  CHECK(report.error.empty());
  CHECK(report.status_code == 0);
  CHECK(report.started_at == kStart);
  CHECK(report.finished_at > report.started_at);
  CHECK(messages_of(report) == Lines{sample_run().body});
  CHECK(setup.executor->payload(sample_run()) == sample_run().body);
}

TEST_CASE("a body of any size is read as a whole, or not at all") {
  auto run = sample_run();
  run.body.assign(3'000'000, 'x');
  CHECK(messages_of(CommandSetup({.argv = {"wc", "-c"}}).deliver(run)) == Lines{"3000000"});
  CHECK(CommandSetup({.argv = {"true"}}).deliver(run).kind == Kind::completed);
  run.body.clear();
  CHECK(messages_of(CommandSetup({.argv = {"wc", "-c"}}).deliver(run)) == Lines{"0"});
}

TEST_CASE("a command's environment is the run, and nothing of ours but what it needs") {
  ::setenv("RRULED_STORE_URL", "canary", 1);
  ::setenv("SECRET_TOKEN", "canary", 1);
  ::setenv("TZ", "Europe/Prague", 1);
  Lines found = messages_of(CommandSetup({.argv = {"env"}}).deliver());
  ::unsetenv("RRULED_STORE_URL");
  ::unsetenv("SECRET_TOKEN");
  ::unsetenv("TZ");

  const Lines inherited{"PATH", "HOME", "LANG", "USER", "LOGNAME", "SHELL", "TMPDIR"};
  std::erase_if(found, [&](const std::string& line) {
    return std::ranges::find(inherited, line.substr(0, line.find('='))) != inherited.end();
  });
  std::ranges::sort(found);
  CHECK(found == Lines{"RRULED_ATTEMPT=1", "RRULED_DUE_AT=2026-01-01T09:00:00.250Z",
                       "RRULED_FLOW_ID=01890000-0000-7000-8000-000000000001",
                       "RRULED_FLOW_NAME=Weekly digest",
                       "RRULED_IDEMPOTENCY_KEY=rr1-0b2f3f5e-4a51-5c1e-9a53-1a2b3c4d5e6f",
                       "RRULED_KIND=batch_job", "RRULED_ORIGIN=schedule", "RRULED_PROJECT_ID=7",
                       "RRULED_RUN_ID=0b2f3f5e-4a51-5c1e-9a53-1a2b3c4d5e6f",
                       "RRULED_SCHEDULED_FOR=2026-01-01T09:00:00Z",
                       "RRULED_SCHEDULE_ID=01890000-0000-7000-8000-000000000002",
                       "TZ=Europe/Prague"});

  auto manual = sample_run();
  manual.schedule_id.reset();
  manual.scheduled_for.reset();
  CHECK(CommandSetup(sh("[ -z \"${RRULED_SCHEDULE_ID+x}${RRULED_SCHEDULED_FOR+x}\" ]"))
            .deliver(manual)
            .kind == Kind::completed);
}

TEST_CASE("there is no shell between argv and the program") {
  CHECK(messages_of(CommandSetup({.argv = {"printf", "%s\\n", "$HOME", "a b;c", ""}}).deliver()) ==
        Lines{"$HOME", "a b;c"});
}

TEST_CASE("what a command writes becomes log lines") {
  const Report report =
      CommandSetup(sh("echo out; echo oops >&2; printf 'a\\377b\\n'; printf 'no end'")).deliver();
  REQUIRE(report.output.size() == 4);
  std::vector<std::string> out;
  std::vector<std::string> err;
  for (const auto& entry : report.output)
    (entry.level == LogLevel::info ? out : err).push_back(entry.message);
  CHECK(out == Lines{"out",
                     "a\xEF\xBF\xBD"
                     "b",
                     "no end"});
  CHECK(err == Lines{"oops"});
}

TEST_CASE("a flood of output is read to its end and cut") {
  const Report report = CommandSetup({.argv = {"seq", "1", "200000"}}).deliver();
  CHECK(report.kind == Kind::completed);
  REQUIRE(report.output.size() == 1'001);
  CHECK(report.output[199].message == "200");
  CHECK_THAT(report.output[200].message, Catch::Contains("199000"));
  CHECK(report.output[201].message == "199201");
  CHECK(report.output[1'000].message == "200000");
}

TEST_CASE("how a command ended decides the report") {
  struct Case {
    std::string script;
    Kind kind;
    std::optional<int> status;
    std::string error;
  };
  const auto sample = GENERATE(values<Case>({
      {"exit 0", Kind::completed, 0, ""},
      {"exit 3", Kind::failed, 3, "exit status 3"},
      {"exit 255", Kind::failed, 255, "exit status 255"},
      {"kill -9 $$", Kind::failed, {}, "killed by SIGKILL"},
      {"kill -TERM $$", Kind::failed, {}, "killed by SIGTERM"},
      {"kill -9 0", Kind::failed, {}, "killed by SIGKILL"},  // its own group
      {"kill -40 $$", Kind::failed, {}, "killed by signal 40"},
  }));
  CAPTURE(sample.script);
  const Report report = CommandSetup(sh(sample.script)).deliver();
  CHECK(report.kind == sample.kind);
  CHECK(report.status_code == sample.status);
  CHECK(report.error == sample.error);
  CommandSetup retrying({.argv = {"/bin/sh", "-c", sample.script}, .retry_on_failure = true});
  CHECK(retrying.deliver().kind == (sample.kind == Kind::failed ? Kind::retry : sample.kind));
}

TEST_CASE("a program that cannot start says what to do") {
  const TempDir dir;
  write_file(dir, "no_exec", "#!/bin/sh\n");
  namespace fs = std::filesystem;
  fs::permissions(write_file(dir, "no_script", "echo hi\n"), fs::perms::owner_all);
  fs::permissions(write_file(dir, "no_shell", "#!/no/such/shell\n"), fs::perms::owner_all);
  struct Case {
    std::string file, advice;  // in `dir`, unless absolute
  };
  const auto sample = GENERATE(values<Case>({
      {"no-such-program-anywhere", "it was looked for in PATH="},
      {"/no/such/program", "No such file or directory): install it, or correct argv"},
      {"no_exec", "chmod +x"},
      {"no_script", "a first line like #!/bin/sh"},
      {"no_shell", "a script's #! line may also name what is not there"},
      {"", "cannot start"},  // a directory
  }));
  const std::string program =
      sample.file.starts_with("no-such") ? sample.file : dir.file(sample.file);
  CAPTURE(program);
  CommandSetup setup({.argv = {program}, .retry_on_failure = true});
  const Report report = setup.deliver();
  CHECK(report.kind == Kind::failed);
  CHECK_THAT(report.error, Catch::StartsWith("cannot start " + program));
  CHECK_THAT(report.error, Catch::Contains(sample.advice));
  CHECK_FALSE(report.started_at);
  CHECK(report.finished_at);
}

TEST_CASE("at the time limit a command is told to end") {
  Lifeline lifeline;
  CommandSetup setup(sh("trap 'echo ending; exit 3' TERM; " + lifeline.hold() + "sleep 1000 & " +
                        Lifeline::report() + "wait"));
  auto run = sample_run();
  run.timeout = 100ms;
  const Report report = setup.deliver(run);
  CHECK(report.kind == Kind::failed);
  CHECK(report.error == "timed out after 100 ms");
  REQUIRE(lifeline.reported());
  CHECK(lifeline.all_gone());
}

TEST_CASE("a command that does not listen is killed, and its children with it") {
  Lifeline lifeline;
  CommandSetup setup({.argv = {"/bin/sh", "-c",
                               "trap '' TERM; " + lifeline.hold() +
                                   "sh -c 'sleep 1000 & sleep 1000' & sleep 1000 & " +
                                   Lifeline::report() + "wait; sleep 1000"},
                      .timeout = 100ms,
                      .kill_grace = 20ms,
                      .retry_on_failure = true});
  const Report report = setup.deliver();
  CHECK(report.kind == Kind::retry);
  CHECK(report.error == "timed out after 100 ms");
  CHECK_FALSE(report.status_code);
  REQUIRE(lifeline.reported());
  CHECK(lifeline.all_gone());
}

TEST_CASE("what a command leaves behind ends with it, and that was not said") {
  const Adopting adopting;
  Lifeline lifeline;
  CommandSetup setup(
      sh(lifeline.hold() + "sleep 1000 & " + Lifeline::report() + "echo started; exit 0"));
  const Report report = setup.deliver();
  CHECK(report.kind == Kind::completed);
  REQUIRE(report.output.size() == 2);
  CHECK(report.output[0].message == "started");
  CHECK(report.output[1].level == LogLevel::warn);
  CHECK_THAT(report.output[1].message, Catch::StartsWith("processes that it left behind were ki"));
  REQUIRE(lifeline.reported());
  CHECK(lifeline.all_gone());
}

TEST_CASE("nothing is said of a process that ended before its command") {
  const Adopting adopting;
  // It ends after its parent, so that it is an orphan; then it is waited for.
  CommandSetup setup(
      sh("p=$(sh -c '(while kill -0 $$; do :; done) >/dev/null 2>&1 & echo $!'); "
         "while [ -e /proc/$p ] && ! grep -q ') Z' /proc/$p/stat; do :; done; echo $p"));
  const Report report = setup.deliver();
  CHECK(report.kind == Kind::completed);
  CHECK(report.output.size() == 1);
}

// As process 1 of a container has them come to it.
TEST_CASE("orphans of commands do not stay as zombies where they come to the daemon") {
  REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
  CommandSetup setup(sh("sleep 1000 & exit 0"));
  for (int i = 0; i < 30; ++i) CHECK(setup.deliver().kind == Kind::completed);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  int zombies = 0;
  for (siginfo_t ended{}; ::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG) == 0 && ended.si_pid != 0;
       ended = {})
    ++zombies;
  CHECK(zombies < 10);  // of the last commands, that were not dead yet when they were looked for
}

TEST_CASE("a process that left the group does not hold the report up") {
  // It says so once it has left; stderr it keeps.
  const std::string leave = "{ setsid sh -c 'echo left; exec sleep 1' & }";
  const Report report = CommandSetup(sh(leave + " | { read x; echo started; }")).deliver();
  CHECK(report.kind == Kind::completed);
  CHECK(messages_of(report) == Lines{"started"});
}

TEST_CASE("a cancelled command is told to end, and is to be retried") {
  Lifeline lifeline;
  CommandSetup setup(sh("trap 'echo ending; exit 0' TERM; " + lifeline.hold() + "sleep 1000 & " +
                        Lifeline::report() + "wait"));
  lifeline.when_reported(setup.loop, [&] { setup.loop.cancel(); });
  const Report report = setup.deliver();
  CHECK(report.kind == Kind::retry);
  CHECK(report.error == "broken off");
  CHECK(report.started_at == kStart);
  CHECK(messages_of(report) == Lines{"ending"});
  REQUIRE(lifeline.reported());
  CHECK(lifeline.all_gone());
}

TEST_CASE("a command that is cancelled twice is killed") {
  Lifeline lifeline;
  CommandSetup setup(
      {.argv = {"/bin/sh", "-c",
                "trap '' TERM; " + lifeline.hold() + Lifeline::report() + "sleep 1000"},
       .kill_grace = 1h});
  lifeline.when_reported(setup.loop, [&] {
    setup.loop.cancel();
    // After the first one has been acted on.
    asio::post(setup.loop.context,
               [&] { asio::post(setup.loop.context, [&] { setup.loop.cancel(); }); });
  });
  const Report report = setup.deliver();
  CHECK(report.kind == Kind::retry);
  CHECK_FALSE(report.status_code);
  REQUIRE(lifeline.reported());
  CHECK(lifeline.all_gone());
}

namespace {

asio::awaitable<Report> cancelled_before(IoLoop& loop, asio::awaitable<Report> work) {
  co_await asio::this_coro::throw_if_cancelled(false);
  loop.cancel();
  co_await asio::post(asio::use_awaitable);
  co_return co_await std::move(work);
}

}  // namespace

TEST_CASE("a command that is cancelled before it begins does not begin") {
  TempDir dir;
  CommandSetup setup({.argv = {"touch", dir.file("began")}});
  auto delivery = setup.executor->deliver(sample_run());
  const Report report = setup.loop.run(cancelled_before(setup.loop, std::move(delivery)));
  CHECK(report.kind == Kind::unsent);
  CHECK_FALSE(report.started_at);
  CHECK_FALSE(std::filesystem::exists(dir.file("began")));
}

TEST_CASE("the dry run shows the command as one would type it") {
  CHECK(CommandSetup({.argv = {"/usr/bin/backup", "--all", "it's", "", "$x"}})
            .executor->destination(sample_run()) ==
        R"(run /usr/bin/backup --all 'it'\''s' '' '$x')");
}

TEST_CASE("an argv that names nothing is refused") {
  IoLoop loop;
  FakeClock clock{kStart};
  ProcessGuard guard;
  for (const Lines& argv : {Lines{}, Lines{""}, Lines{"a", std::string("b\0c", 3)}}) {
    const auto made =
        CommandExecutor::create(loop.context.get_executor(), clock, guard, {.argv = argv});
    REQUIRE(made.has_error());
    CHECK(made.error().setting == "argv");
  }
}
