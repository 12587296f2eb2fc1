#include "tests/e2e/daemon_fixture.h"
#include "tests/support/loopback_receiver.h"
#include "tests/support/postgres_cluster.h"

#include <catch2/catch.hpp>
#include <signal.h>

#include <algorithm>
#include <map>
#include <set>

// A store moved while it was in use.
namespace rruled::test {
namespace {

using testing::BackgroundProcess;
using testing::PostgresCluster;

// Six runs, the first of which is under way when the daemon is killed.
void fire_copy_and_go_on(const std::string& to_url) {
  LoopbackReceiver receiver;
  receiver.answer({.fault = ScriptedAnswer::Fault::hang});
  Installation here("[executors.default]\ntype = \"http\"\nbase_url = \"" + receiver.url("") +
                    "\"\n");
  const auto copy = [&] {
    return here.rruled({"store", "copy", "--from", "sqlite://" + here.store(), "--to", to_url});
  };
  here.add_schedule("FREQ=SECONDLY;COUNT=6");
  {
    BackgroundProcess daemon(here.daemon(), here.environment);
    REQUIRE(receiver.wait_for_requests(3));
    const auto refused = copy();
    CHECK(refused.exit_code == 1);
    CHECK_THAT(refused.err, Catch::Contains("is in use: stop the daemon"));
    daemon.send_signal(SIGKILL);
    CHECK(daemon.wait() == 128 + SIGKILL);
  }
  const auto copied = copy();
  INFO(copied.err);
  REQUIRE(copied.exit_code == 0);
  CHECK_THAT(copied.out, Catch::Contains("copied 1 flows, 1 schedules, ") &&
                             Catch::Contains("is marked as moved"));
  // The old one says where it went; nobody writes to it.
  for (const auto& command : {std::vector<std::string>{"run"}, {"flow", "delete", "job"}}) {
    const auto refused = here.rruled(command);
    CHECK(refused.exit_code == 1);
    CHECK_THAT(refused.out + refused.err,
               Catch::Contains("was moved to " + to_url.substr(0, to_url.find(':'))));
  }
  here.environment["RRULED_STORE_URL"] = to_url;
  BackgroundProcess daemon(here.daemon(), here.environment);
  const auto all_completed = [&] {
    const auto runs = here.runs();
    return runs.size() == 6 && std::ranges::all_of(runs, [](const auto& run) {
             return run.at("status").as_string() == "completed";
           });
  };
  // At most one line for each run; the last one may be the one that was interrupted.
  for (int line = 0; line < 6 && !all_completed(); ++line)
    if (daemon.read_until("  completed", kPatience).empty()) break;
  CHECK(all_completed());
  daemon.send_signal(SIGTERM);
  CHECK(daemon.wait() == 0);

  std::map<std::string, std::set<std::string>> bodies;
  std::size_t requests = 0;
  for (const auto& request : receiver.requests()) {
    bodies[*request.header("Idempotency-Key")].insert(request.body);
    ++requests;
  }
  CHECK(bodies.size() == 6);  // none lost, none made twice
  CHECK(requests <= 8);       // sent again: only what was under way when the daemon was killed
  for (const auto& [key, distinct] : bodies) CHECK(distinct.size() == 1);
}

}  // namespace

TEST_CASE("a store is moved to another file between two runs") {
  const TempDir dir;
  fire_copy_and_go_on("sqlite://" + dir.file("moved.db"));
}

TEST_CASE("a store is moved to PostgreSQL between two runs") {
  if (const auto why = PostgresCluster::missing(); !why.empty()) {
    WARN("left out: " << why);
    return;
  }
  fire_copy_and_go_on(testing::shared_postgres().url());
}

TEST_CASE("a store that was moved is taken into use again") {
  const TempDir dir;
  Installation here;
  here.add_schedule("FREQ=YEARLY");
  const auto url = "sqlite://" + here.store();
  CHECK_THAT(here.rruled({"store", "reopen", url}).out, Catch::Contains("was not moved"));
  const auto copied =
      here.rruled({"store", "copy", "--from", url, "--to", "sqlite://" + dir.file("moved.db")});
  INFO(copied.err);
  CHECK(copied.exit_code == 0);
  CHECK(here.rruled({"flow", "delete", "job"}).exit_code == 1);
  const auto looked_at = here.rruled({"doctor"});
  CHECK(looked_at.exit_code == 1);
  CHECK_THAT(looked_at.out, Catch::Contains("[-] store: it was moved to sqlite://") &&
                                Catch::Contains("rruled store reopen " + url));
  const auto reopened = here.rruled({"store", "reopen", url});
  CHECK(reopened.exit_code == 0);
  CHECK_THAT(reopened.out, Catch::Contains("moved.db") && Catch::Contains("Let no daemon run"));
  CHECK(here.rruled({"flow", "delete", "job"}).exit_code == 0);
  // From itself to itself is no way.
  CHECK(here.rruled({"store", "copy", "--from", url}).exit_code == 1);
}

}  // namespace rruled::test
