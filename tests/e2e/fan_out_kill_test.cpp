#include "daemon/core/child_run.h"
#include "store/audience.h"
#include "store/sqlite_store.h"
#include "tests/e2e/daemon_fixture.h"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <signal.h>

#include <set>

// kill -9 of the real binary in the middle of a batch job's fan-out, on a real file.
namespace rruled::test {
namespace {

using testing::BackgroundProcess;

constexpr int kPersons = 6'000;
constexpr store::Timestamp kNow{std::chrono::milliseconds(1'767'603'600'000)};

store::PersonPut person(int n) {
  store::PersonPut put;
  put.person.id = {store::uuid_v5({}, "person " + std::to_string(n))};
  put.person.distinct_id = "p" + std::to_string(n);
  put.person.properties = R"({"n":)" + std::to_string(n) + "}";
  return put;
}

// Persons, an active batch flow and a job of it.
store::RunId make_job(const std::string& file) {
  const auto store = store::open_sqlite(file, store::OpenMode::command);
  std::vector<store::PersonPut> persons;
  for (int n = 0; n < kPersons; ++n) persons.push_back(person(n));
  store->audience()->put_persons(persons, {}, kNow);
  store::Flow flow;
  flow.id = {store::uuid_v5({}, "flow")};
  flow.name = "letters";
  flow.status = store::FlowStatus::active;
  flow.trigger_type = "batch";
  flow.trigger = R"({"type":"batch","filters":{"properties":[]}})";
  store::Run job;
  job.id = {store::uuid_v5({}, "job")};
  job.flow_id = flow.id;
  job.kind = store::RunKind::batch_job;
  job.origin = store::RunOrigin::manual;
  job.flow_name = "letters";
  job.body = R"({"run":{},"flow":{"name":"letters"},"schedule":null,"variables":{}})";
  job.due_at = job.created_at = kNow;
  REQUIRE_FALSE(store->write({.flows = {{flow, std::nullopt}}, .runs = {job}}, kNow));
  return job.id;
}

std::int64_t enqueued(store::Audience& audience, store::RunId job) {
  const auto progress = audience.progress({job});
  return progress.empty() ? 0 : progress.front().enqueued;
}

}  // namespace

TEST_CASE("kill -9 in the middle of a fan-out: nobody is lost or doubled") {
  Installation here("[executors.default]\ntype = \"log\"\n");
  const auto job = make_job(here.store());
  const auto watching = store::open_sqlite(here.store(), store::OpenMode::read_only);
  const auto audience = watching->audience();
  int half_way = 0;
  for (const int enough : {1, 1'000, 2'000, 3'500}) {
    BackgroundProcess daemon(here.daemon(), here.environment);
    REQUIRE(!daemon.read_until("executors:", kPatience).empty());
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (enqueued(*audience, job) < enough && std::chrono::steady_clock::now() < end)
      (void)daemon.read_line(std::chrono::milliseconds(1));  // or it waits for its reader
    daemon.send_signal(SIGKILL);
    CHECK(daemon.wait() == 128 + SIGKILL);
    const auto reached = enqueued(*audience, job);
    CHECK(reached >= enough);
    if (reached < kPersons) ++half_way;
  }
  CHECK(half_way > 0);

  BackgroundProcess daemon(here.daemon(), here.environment);
  const auto end = std::chrono::steady_clock::now() + 3 * kPatience;
  while (watching->run(job)->status != store::RunStatus::completed &&
         std::chrono::steady_clock::now() < end)
    (void)daemon.read_line(std::chrono::milliseconds(50));
  CHECK(watching->run(job)->status == store::RunStatus::completed);
  const auto progress = audience->progress({job}).at(0);
  CHECK(progress.enqueued == kPersons);
  CHECK(progress.done == kPersons);
  std::set<store::RunId> expected;
  for (int n = 0; n < kPersons; ++n) expected.insert(core::child_run_id(job, person(n).person.id));
  std::set<std::string> bodies;
  for (const auto& run : watching->runs({.limit = kPersons + 10})) {
    if (run.id == job) continue;
    CHECK(expected.erase(run.id) == 1);
    bodies.insert(run.body.substr(run.body.find("\"person\"")));
  }
  CHECK(expected.empty());
  CHECK(bodies.size() == kPersons);
  daemon.send_signal(SIGTERM);
  while (!daemon.read_line(std::chrono::milliseconds(500)).empty()) {
  }
  CHECK(daemon.wait() == 0);
}

}  // namespace rruled::test
