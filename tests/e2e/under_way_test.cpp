// Runs that are under way when something happens to them: cancelled, or followed over a kill.
#include "tests/e2e/daemon_fixture.h"
#include "tests/support/loopback_receiver.h"

#include <catch2/catch.hpp>
#include <signal.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <sstream>

namespace rruled::test {
namespace {

using testing::BackgroundProcess;

// What is written to a named pipe until its writers have closed it: waits for them.
std::string read_pipe(const std::string& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// A process that has ended may still be a zombie, which is none any more.
bool is_alive(const std::string& pid) { return testing::state_of(std::stoi(pid)) != 'Z'; }

std::string id_of_only_run(const Installation& here) {
  const auto runs = here.runs();
  REQUIRE(runs.size() == 1);
  return std::string(runs.front().at("id").as_string());
}

// A flow whose runs are batch jobs, once, now.
void add_batch(const Installation& here) {
  const auto result = here.rruled(
      {"import", "-"}, R"({"flows":[{"project_id":1,"name":"job","status":"active",)"
                       R"("trigger":{"type":"batch","filters":{"properties":[]}},)"
                       R"("schedules":[{"rrule":"FREQ=SECONDLY;COUNT=1","starts_at":"now"}]}]})");
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
}

std::string crm(const LoopbackReceiver& receiver) {
  return "[executors.default]\ntype = \"http\"\nbase_url = \"" + receiver.url("") +
         "\"\ntrack_poll_min = \"100ms\"\ntrack_poll_max = \"200ms\"\n";
}

void stop(BackgroundProcess& daemon) {
  daemon.send_signal(SIGTERM);
  CHECK(daemon.wait() == 0);
}

}  // namespace

TEST_CASE("a command under way is ended with all its processes when its run is cancelled") {
  Installation here;
  const std::string pipe = here.file("pipe");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::ofstream(here.config(), std::ios::app)
      << "[executors.default]\ntype = \"command\"\nargv = [\"/bin/sh\", \"-c\", "
         "\"tail -f /dev/null & echo $! $$ > "
      << pipe << "; wait\"]\n";
  here.add_schedule("FREQ=SECONDLY;COUNT=1");
  BackgroundProcess daemon(here.daemon(), here.environment);
  std::istringstream pids(read_pipe(pipe));
  std::string child;
  std::string shell;
  pids >> child >> shell;
  REQUIRE(is_alive(child));
  const auto id = id_of_only_run(here);

  const auto began = std::chrono::steady_clock::now();
  const auto cancelled = here.rruled({"runs", "cancel", id});
  CHECK(cancelled.exit_code == 0);
  CHECK_THAT(cancelled.out, Catch::Contains("asked to stop"));
  CHECK(here.rruled({"runs", "watch", id}).exit_code == 1);  // until it has ended
  const auto took = std::chrono::steady_clock::now() - began;
  WARN("cancelled after " << std::chrono::duration_cast<std::chrono::milliseconds>(took).count()
                          << " ms, two programs started and a poll of 250 ms among them");
  const auto run = here.json({"runs", "show", id});
  CHECK(run.at("status") == "cancelled");
  CHECK(run.at("reason") == "cancelled_by_operator");
  CHECK(run.at("attempts") == 1);
  CHECK_FALSE(is_alive(child));
  CHECK_FALSE(is_alive(shell));
  CHECK(here.rruled({"runs", "cancel", id}).exit_code == 1);  // it has ended
  stop(daemon);
}

TEST_CASE("a command that will not end is killed within the time limit of a drain") {
  Installation here("[run]\nstop_timeout = \"8s\"\n");
  const std::string pipe = here.file("pipe");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::ofstream(here.config(), std::ios::app)
      << "[executors.default]\ntype = \"command\"\nargv = [\"/bin/sh\", \"-c\", "
         "\"trap '' TERM; echo $$ > "
      << pipe << "; tail -f /dev/null\"]\n";
  here.add_schedule("FREQ=SECONDLY;COUNT=1");
  BackgroundProcess daemon(here.daemon(), here.environment);
  std::istringstream text(read_pipe(pipe));
  std::string shell;
  text >> shell;
  REQUIRE(is_alive(shell));
  const auto told = std::chrono::steady_clock::now();
  daemon.send_signal(SIGTERM);
  CHECK(!daemon.read_until("telling commands to end", kPatience).empty());
  CHECK(daemon.wait() == 0);
  CHECK(std::chrono::steady_clock::now() - told < std::chrono::seconds(8));  // P8
  CHECK_FALSE(is_alive(shell));
  const auto runs = here.runs();
  REQUIRE(runs.size() == 1);
  CHECK(runs.front().at("status") == "retrying");
}

TEST_CASE("a batch job of another API is followed to its end over kill -9") {
  LoopbackReceiver receiver;
  receiver.answer({.body = R"({"id":"job-1","status":"queued"})"});
  receiver.always_answer({.body = R"([{"id":"job-1","status":"active"}])"});
  Installation here(crm(receiver));
  add_batch(here);
  std::string id;
  {
    BackgroundProcess daemon(here.daemon(), here.environment);
    CHECK(!daemon.read_until("accepted as job-1", kPatience).empty());
    REQUIRE(receiver.wait_for_requests(3));  // made, and asked about twice
    id = id_of_only_run(here);
    daemon.send_signal(SIGKILL);
    CHECK(daemon.wait() == 128 + SIGKILL);
  }
  const auto run = here.json({"runs", "show", id});
  CHECK(run.at("status") == "running");
  CHECK(run.at("remote_id") == "job-1");
  receiver.always_answer(
      {.body = R"({"next":null,"results":[{"id":"job-1","status":"completed"}]})"});
  BackgroundProcess daemon(here.daemon(), here.environment);
  CHECK(!daemon.read_until("  completed", kPatience).empty());
  CHECK(here.json({"runs", "show", id}).at("status") == "completed");
  std::size_t made = 0;
  for (const auto& request : receiver.requests()) made += request.method == "POST" ? 1U : 0U;
  CHECK(made == 1);  // it was followed, not sent again
  stop(daemon);
}

TEST_CASE("a batch job of another API is cancelled there when its run is") {
  LoopbackReceiver receiver;
  receiver.answer({.body = R"({"id":"job-1","status":"queued"})"});
  receiver.always_answer({.body = R"([{"id":"job-1","status":"active"}])"});
  Installation here(crm(receiver));
  add_batch(here);
  BackgroundProcess daemon(here.daemon(), here.environment);
  REQUIRE(!daemon.read_until("accepted as job-1", kPatience).empty());
  const auto id = id_of_only_run(here);
  CHECK_THAT(here.rruled({"runs", "cancel", id}).out, Catch::Contains("asked to stop"));
  CHECK(!daemon.read_until("  cancelled", kPatience).empty());
  const auto run = here.json({"runs", "show", id});
  CHECK(run.at("status") == "cancelled");
  CHECK(run.at("reason") == "cancelled_by_operator");
  bool told = false;
  for (const auto& request : receiver.requests())
    told =
        told || (request.method == "POST" && request.target.ends_with("/batch_jobs/job-1/cancel/"));
  CHECK(told);
  stop(daemon);
}

TEST_CASE("dead runs are listed, tried again, and purged for good") {
  LoopbackReceiver receiver;
  receiver.always_answer({.status = 500});
  Installation here("[executors.default]\ntype = \"http\"\nbase_url = \"" + receiver.url("") +
                    "\"\n");
  here.add_schedule("FREQ=SECONDLY;COUNT=2", "now", R"(,"retry":{"max_attempts":1})");
  {
    BackgroundProcess daemon(here.daemon(), here.environment);
    for (int i = 0; i < 2; ++i) CHECK(!daemon.read_until("  dead", kPatience).empty());
    const auto id = std::string(here.runs().at(0).at("id").as_string());
    CHECK(here.rruled({"runs", "retry", id}).exit_code == 0);
    CHECK(!daemon.read_until("  dead", kPatience).empty());
    stop(daemon);
  }
  CHECK(here.json({"runs", "list", "--status", "dead"}).as_array().size() == 2);
  const std::vector<std::string> purge{"runs", "purge", "--status", "dead", "--before"};
  auto before = purge;
  before.emplace_back("2100-01-01T00:00:00Z");
  auto dry = before;
  dry.emplace_back("--dry-run");
  CHECK(here.rruled(dry).out == "2 dead runs would be removed (--dry-run): nothing was written\n");
  CHECK(here.runs().size() == 2);
  auto none = purge;
  none.emplace_back("2020-01-01T00:00:00Z");
  CHECK(here.rruled(none).out == "0 dead runs were removed\n");
  auto other = before;
  other.insert(other.end(), {"--project", "2"});
  CHECK(here.rruled(other).out == "0 dead runs were removed\n");
  CHECK(here.rruled(before).out == "2 dead runs were removed\n");
  CHECK(here.runs().empty());
  const auto audit = here.rruled({"audit", "--format", "json"}).out;
  CHECK(audit.find("\"purge\"") != std::string::npos);
}

}  // namespace rruled::test
