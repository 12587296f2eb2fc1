// The database's machine is lost and its standby takes over; daemons are replaced one by one. What
// a user does on a bad day, and on every release.
#include "tests/chaos/arena.h"

#include <catch2/catch.hpp>

#include <csignal>
#include <fstream>
#include <map>
#include <set>
#include <thread>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using testing::BackgroundProcess;
using testing::PostgresCluster;

constexpr std::size_t kSchedules = 30;

// The daemon itself, by a configuration file.
class Daemons {
 public:
  Daemons(Arena& arena, const std::string& url, std::size_t count) : arena_(arena) {
    std::ofstream(arena.file("rruled.toml"))
        << "[log]\nlevel = \"error\"\n[store]\nurl = \"" << url
        << "\"\nclaim_ttl = \"3s\"\n[executors.default]\n"
        << "type = \"http\"\nurl = \"" << arena.receiver().url("/") << "\"\ntimeout = \"2s\"\n";
    for (std::size_t i = 0; i < count; ++i) processes_.push_back(start());
  }
  // SIGTERM to the n-th, and another in its place; the exit code of the old one.
  int replace(std::size_t n) {
    auto next = start();
    processes_.at(n)->send_signal(SIGTERM);
    const int code = processes_.at(n)->wait();
    processes_.at(n) = std::move(next);
    return code;
  }

 private:
  [[nodiscard]] std::unique_ptr<BackgroundProcess> start() const {
    return std::make_unique<BackgroundProcess>(
        std::vector<std::string>{RRULED_BINARY, "run", "--config", arena_.file("rruled.toml")});
  }

  Arena& arena_;
  std::vector<std::unique_ptr<BackgroundProcess>> processes_;
};

std::map<std::string, std::set<std::string>> bodies_by_key(const LoopbackReceiver& receiver) {
  std::map<std::string, std::set<std::string>> bodies;
  for (const auto& request : receiver.requests())
    bodies[request.header("Idempotency-Key").value_or("")].insert(request.body);
  return bodies;
}

void stop_following(const PostgresCluster& standby) {
  standby.sql("ALTER SYSTEM SET primary_conninfo = ''");
  standby.sql("SELECT pg_reload_conf()");
  while (standby.sql("SELECT count(*) FROM pg_stat_wal_receiver") != "0") continue;
}

}  // namespace

TEST_CASE("a primary that is lost under load loses no occurrence, and repeats have the same key") {
  if (const auto why = PostgresCluster::missing(); !why.empty()) {
    WARN("SKIPPED: " << why);
    return;
  }
  Arena arena;
  auto standby = arena.cluster().make_standby();
  const std::string url = "postgresql://postgres@" + arena.cluster().address() + "," +
                          standby->address() + "/postgres?target_session_attrs=read-write";
  arena.add_schedules(kSchedules);
  Daemons daemons(arena, url, 3);
  REQUIRE(arena.receiver().wait_for_requests(kSchedules * 4));
  stop_following(*standby);
  // What is sent from here on, the standby never hears of.
  REQUIRE(arena.receiver().wait_for_requests(arena.receiver().requests().size() + kSchedules * 2));
  arena.cluster().stop(PostgresCluster::Stop::immediate);
  const auto sent_before = arena.receiver().requests().size();
  standby->promote();
  const auto primary = arena.give_up_cluster();
  arena.ask(std::move(standby));
  REQUIRE(arena.receiver().wait_for_requests(sent_before + kSchedules * 4));

  arena.pause_schedules();
  REQUIRE(arena.becomes_zero(kLiveRuns, 30s));
  const auto unaccounted = arena.unaccounted();
  INFO(joined(unaccounted));
  CHECK(unaccounted.empty());
  const auto bodies = bodies_by_key(arena.receiver());
  // Every run that the new primary knows was sent, and nothing was sent that it does not know.
  CHECK(bodies.size() == arena.number("SELECT count(*) FROM rruled.runs"));
  for (const auto& [key, different] : bodies) CHECK(different.size() == 1);
  CHECK(arena.receiver().requests().size() > bodies.size());  // the lost ones were sent again
}

TEST_CASE("daemons replaced one by one while runs are due lose none and double none") {
  if (const auto why = PostgresCluster::missing(); !why.empty()) {
    WARN("SKIPPED: " << why);
    return;
  }
  Arena arena;
  arena.add_schedules(kSchedules);
  Daemons daemons(arena, arena.cluster().url(), 3);
  REQUIRE(arena.receiver().wait_for_requests(kSchedules));
  for (std::size_t i = 0; i < 9; ++i) {
    // Right when a second's runs arrive.
    REQUIRE(arena.receiver().wait_for_requests(arena.receiver().requests().size() + 1));
    CHECK(daemons.replace(i % 3) == 0);
  }
  arena.pause_schedules();
  REQUIRE(arena.becomes_zero(kLiveRuns, 30s));
  const auto problems = arena.problems(Arena::Ended::must);
  INFO(joined(problems));
  CHECK(problems.empty());
  std::map<std::string, int> requests;
  for (const auto& request : arena.receiver().requests())
    ++requests[request.header("Idempotency-Key").value_or("")];
  CHECK(requests.size() == arena.number("SELECT count(*) FROM rruled.runs"));
  for (const auto& [key, count] : requests) CHECK(count == 1);
  CHECK(arena.number("SELECT count(*) FROM rruled.runs WHERE status = 'completed'") ==
        requests.size());
}

}  // namespace rruled::test
