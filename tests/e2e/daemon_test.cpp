#include "tests/e2e/daemon_fixture.h"
#include "tests/support/loopback_receiver.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <catch2/catch.hpp>
#include <signal.h>

#include <filesystem>
#include <set>

namespace rruled::test {
namespace {

using testing::BackgroundProcess;

void stop_with_summary(BackgroundProcess& daemon) {
  daemon.send_signal(SIGTERM);
  CHECK(!daemon.read_until("runs completed", kPatience).empty());
  CHECK(daemon.wait() == 0);
}

}  // namespace

TEST_CASE("a schedule made by another process while the daemon runs fires on time") {
  Installation here;
  BackgroundProcess daemon(here.daemon(), here.environment);
  REQUIRE(!daemon.read_until("executors:", kPatience).empty());
  here.add_schedule("FREQ=SECONDLY;COUNT=3");
  for (int i = 0; i < 3; ++i) {
    const auto line = daemon.read_until("  completed", kPatience);
    INFO(line);
    CHECK(line.find("job  scheduled ") != std::string::npos);
  }
  stop_with_summary(daemon);
  const auto runs = here.runs();
  REQUIRE(runs.size() == 3);
  for (const auto& run : runs) {
    CHECK(run.at("status").as_string() == "completed");
    CHECK(run.at("lateness_ms").to_number<int>() >= 0);
    CHECK(run.at("lateness_ms").to_number<int>() < 1'200);
  }
  const auto schedules = here.json({"schedule", "list"});
  const auto text = boost::json::serialize(schedules);
  CHECK(text.find(R"("status":"completed")") != std::string::npos);
}

TEST_CASE("kill -9 and a new start: what was under way is tried again, firing goes on") {
  LoopbackReceiver receiver;
  receiver.answer({.fault = ScriptedAnswer::Fault::hang});
  Installation here("[executors.default]\ntype = \"http\"\nbase_url = \"" + receiver.url("") +
                    "\"\n");
  here.add_schedule("FREQ=SECONDLY;INTERVAL=2;COUNT=3");
  {
    BackgroundProcess daemon(here.daemon(), here.environment);
    REQUIRE(receiver.wait_for_requests(1));
    daemon.send_signal(SIGKILL);
    CHECK(daemon.wait() == 128 + SIGKILL);
  }
  BackgroundProcess daemon(here.daemon(), here.environment);
  CHECK(!daemon.read_until("trying them again", kPatience).empty());
  REQUIRE(receiver.wait_for_requests(4));
  for (int i = 0; i < 3; ++i) CHECK(!daemon.read_until("  completed", kPatience).empty());
  stop_with_summary(daemon);

  std::map<std::string, std::set<std::string>> bodies;
  std::map<std::string, std::string> attempts;  // in the order of their arrival
  for (const auto& request : receiver.requests()) {
    CHECK(request.target.find("/api/projects/1/hog_flows/") == 0);
    const auto key = *request.header("Idempotency-Key");
    bodies[key].insert(request.body);
    attempts[key] += *request.header("X-Rruled-Attempt");
  }
  CHECK(bodies.size() == 3);  // four requests, three runs
  for (const auto& [key, distinct] : bodies) CHECK(distinct.size() == 1);
  const auto killed = *receiver.requests().at(0).header("Idempotency-Key");
  // Where a start takes longer than the interval, the next run may come first.
  for (const auto& [key, tried] : attempts) CHECK(tried == (key == killed ? "12" : "1"));
  for (const auto& run : here.runs()) CHECK(run.at("status").as_string() == "completed");
}

TEST_CASE("SIGTERM lets what is in flight end, and claims nothing new") {
  LoopbackReceiver receiver;
  receiver.answer({.held = true});
  Installation here("[executors.default]\ntype = \"http\"\nurl = \"" + receiver.url("/hook") +
                    "\"\n");
  here.add_schedule("FREQ=SECONDLY");
  BackgroundProcess daemon(here.daemon(), here.environment);
  REQUIRE(receiver.wait_for_requests(1));
  daemon.send_signal(SIGTERM);
  REQUIRE(!daemon.read_until("stopping", kPatience).empty());
  receiver.release();
  CHECK(!daemon.read_until("runs completed", kPatience).empty());
  CHECK(daemon.wait() == 0);
  for (const auto& run : here.runs()) CHECK(run.at("status").as_string() == "completed");
}

TEST_CASE("a log that nobody reads any more does not end the daemon") {
  LoopbackReceiver receiver;
  Installation here("[executors.default]\ntype = \"http\"\nurl = \"" + receiver.url("/hook") +
                    "\"\n");
  here.add_schedule("FREQ=SECONDLY;COUNT=4");
  BackgroundProcess daemon(here.daemon(), here.environment);
  CHECK(!daemon.read_until("completed", kPatience).empty());
  daemon.close_output();
  CHECK(receiver.wait_for_requests(4));
  daemon.send_signal(SIGTERM);
  CHECK(daemon.wait() == 0);
  for (const auto& run : here.runs()) CHECK(run.at("status").as_string() == "completed");
}

TEST_CASE("a second signal ends the daemon at once") {
  LoopbackReceiver receiver;
  receiver.always_answer({.held = true});
  Installation here("[executors.default]\ntype = \"http\"\nurl = \"" + receiver.url("/hook") +
                    "\"\n");
  here.add_schedule("FREQ=SECONDLY");
  BackgroundProcess daemon(here.daemon(), here.environment);
  REQUIRE(receiver.wait_for_requests(1));
  daemon.send_signal(SIGINT);
  REQUIRE(!daemon.read_until("stopping", kPatience).empty());
  daemon.send_signal(SIGINT);
  CHECK(daemon.wait() == 128 + SIGINT);
  receiver.release();
}

TEST_CASE("at the time limit of a drain, deliveries are broken off and kept for later") {
  LoopbackReceiver receiver;
  receiver.always_answer({.held = true});
  Installation here("[run]\nstop_timeout = \"2s\"\n[executors.default]\ntype = \"http\"\nurl = \"" +
                    receiver.url("/hook") + "\"\n");
  here.add_schedule("FREQ=DAILY;COUNT=1");
  BackgroundProcess daemon(here.daemon(), here.environment);
  REQUIRE(receiver.wait_for_requests(1));
  daemon.send_signal(SIGTERM);
  CHECK(!daemon.read_until("breaking off", kPatience).empty());
  CHECK(daemon.wait() == 0);
  receiver.release();
  const auto runs = here.runs();
  REQUIRE(runs.size() == 1);
  CHECK(runs.at(0).at("status").as_string() == "retrying");
}

TEST_CASE("a store that takes nothing does not keep the daemon from ending in time") {
  LoopbackReceiver receiver;
  receiver.answer({.held = true});
  Installation here("[run]\nstop_timeout = \"3s\"\n[executors.default]\ntype = \"http\"\nurl = \"" +
                    receiver.url("/hook") + "\"\n");
  here.add_schedule("FREQ=DAILY;COUNT=1");
  BackgroundProcess daemon(here.daemon(), here.environment);
  REQUIRE(receiver.wait_for_requests(1));
  SQLite::Database other(here.store(), SQLite::OPEN_READWRITE, 5'000);
  other.exec("BEGIN IMMEDIATE");
  receiver.release();
  daemon.send_signal(SIGTERM);
  CHECK(!daemon.read_until("outcomes of 1 runs could not be written", kPatience).empty());
  CHECK(daemon.wait() == 0);
  other.exec("ROLLBACK");
  BackgroundProcess next(here.daemon(), here.environment);
  CHECK(!next.read_until("trying them again", kPatience).empty());
  REQUIRE(receiver.wait_for_requests(2));
  CHECK(receiver.requests().at(0).header("Idempotency-Key") ==
        receiver.requests().at(1).header("Idempotency-Key"));
  stop_with_summary(next);
}

TEST_CASE("files with a calendar are applied when the daemon starts") {
  Installation here("[executors.default]\ntype = \"log\"\n");
  REQUIRE(here.rruled({"calendar", "create", "holidays", "--date", "2030-12-24"}).exit_code == 0);
  std::ofstream(here.file("flows.json"))
      << R"({"flows":[{"name":"A","status":"active","trigger":{"type":"schedule"},"schedules":[)"
         R"({"rrule":"FREQ=DAILY","starts_at":"2030-01-01T00:00:00Z","calendar":"holidays"}]}]})";
  here.environment["RRULED_STORE_APPLY"] = here.file("flows.json");
  BackgroundProcess daemon(here.daemon(), here.environment);
  CHECK(!daemon.read_until("applied ", kPatience).empty());
  stop_with_summary(daemon);
  CHECK(here.json({"schedule", "list"}).as_array().size() == 1);
}

TEST_CASE("the second daemon of a store is refused, and told by whom") {
  Installation here;
  here.add_schedule("FREQ=YEARLY");
  BackgroundProcess first(here.daemon(), here.environment);
  REQUIRE(!first.read_until("executors:", kPatience).empty());
  const auto second = here.rruled({"run"});
  CHECK(second.exit_code == 1);
  CHECK((second.out + second.err).find(std::to_string(first.pid())) != std::string::npos);
  stop_with_summary(first);
}

TEST_CASE("a dry run says what it would send where, and writes nothing") {
  LoopbackReceiver receiver;
  Installation here("[executors.default]\ntype = \"http\"\nurl = \"" + receiver.url("/hook") +
                    "\"\n");
  here.add_schedule("FREQ=SECONDLY", "now", R"(,"variables":{"greeting":"hello there"})");
  const auto before = contents(here.store());
  BackgroundProcess daemon(here.daemon({"--dry-run"}), here.environment);
  const auto line = daemon.read_until("would POST " + receiver.url("/hook"), kPatience);
  CHECK(line.find("hello there") != std::string::npos);
  stop_with_summary(daemon);
  CHECK(contents(here.store()) == before);
  CHECK(here.runs().empty());
  CHECK(receiver.connections() == 0);
}

TEST_CASE("a dry run sees what other processes write") {
  Installation here;
  here.add_schedule("FREQ=YEARLY");
  BackgroundProcess daemon(here.daemon({"--dry-run"}), here.environment);
  REQUIRE(!daemon.read_until("executors:", kPatience).empty());
  here.add_schedule("FREQ=SECONDLY");
  CHECK(!daemon.read_until("  completed", kPatience).empty());
  stop_with_summary(daemon);
  CHECK(here.runs().empty());
}

TEST_CASE("a dry run was never told of a run that was asked for") {
  Installation here;
  const auto id = here.add_schedule("FREQ=YEARLY");
  BackgroundProcess daemon(here.daemon({"--dry-run"}), here.environment);
  REQUIRE(!daemon.read_until("executors:", kPatience).empty());
  REQUIRE(here.rruled({"schedule", "run-now", id}).exit_code == 0);
  CHECK(!daemon.read_until("  completed", kPatience).empty());
  stop_with_summary(daemon);
  CHECK(here.runs().at(0).at("status") == "pending");
}

TEST_CASE("SIGHUP reads the time zones anew and says what moves") {
  namespace fs = std::filesystem;
  Installation here;
  const fs::path zones = here.file("zones");
  fs::create_directories(zones / "Test");
  const auto put = [&zones](const char* like) {
    fs::copy_file(fs::path("/usr/share/zoneinfo") / like, zones / "Test/Zone",
                  fs::copy_options::overwrite_existing);
  };
  put("Europe/Berlin");
  here.environment["RRULED_TZDATA_DIRECTORY"] = zones.string();
  const auto id = here.add_schedule("FREQ=YEARLY;BYMONTH=7;BYMONTHDAY=1;BYHOUR=9;BYMINUTE=0",
                                    "2020-07-01T07:00:00Z", R"(,"timezone":"Test/Zone")");
  BackgroundProcess daemon(here.daemon(), here.environment);
  REQUIRE(!daemon.read_until("executors:", kPatience).empty());
  put("Europe/London");
  daemon.send_signal(SIGHUP);
  const auto line = daemon.read_until("moves with the rules of Test/Zone", kPatience);
  INFO(line);
  CHECK(line.find("-07-01T08:00:00Z, was ") != std::string::npos);
  const auto shown = boost::json::serialize(here.json({"schedule", "show", id}));
  CHECK(shown.find("-07-01T08:00:00") != std::string::npos);
  stop_with_summary(daemon);
}

TEST_CASE("a command gets the run on its standard input, and its output goes to the log") {
  Installation here(
      "[executors.default]\ntype = \"command\"\n"
      "argv = [\"/bin/sh\", \"-c\", \"cat; echo; echo for $RRULED_SCHEDULED_FOR; exit 3\"]\n");
  here.add_schedule("FREQ=DAILY;COUNT=1");
  BackgroundProcess daemon(here.daemon(), here.environment);
  const auto line = daemon.read_until("  failed", kPatience);
  CHECK(line.find("exit status 3") != std::string::npos);
  stop_with_summary(daemon);
  const auto runs = here.runs();
  REQUIRE(runs.size() == 1);
  const auto shown = boost::json::serialize(
      here.json({"runs", "show", std::string(runs.at(0).at("id").as_string())}));
  CHECK(shown.find("for 2") != std::string::npos);
}

}  // namespace rruled::test
