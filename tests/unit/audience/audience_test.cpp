#include "daemon/core/child_run.h"
#include "stage.h"
#include "store/memory_store.h"
#include "store/sqlite_store.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

namespace rruled::test {

TEST_CASE("the audience in memory", "[memory]") {
  for (const auto& checks : {person_checks(), spread_checks(), end_checks()})
    for (const auto& check : checks) {
      DYNAMIC_SECTION(check.name) {
        store::MemoryStore store;
        check.run(store);
      }
    }
}

TEST_CASE("the audience in memory, of many daemons", "[memory]") {
  for (const auto& checks : {spread_checks(), end_checks()})
    for (const auto& check : checks) {
      DYNAMIC_SECTION(check.name) {
        store::MemoryStore store({.claim_ttl = std::chrono::minutes(1)});
        check.run(store);
      }
    }
}

TEST_CASE("the audience on SQLite", "[sqlite]") {
  for (const auto& checks : {person_checks(), spread_checks(), end_checks()})
    for (const auto& check : checks) {
      DYNAMIC_SECTION(check.name) {
        const TempDir dir(fast_directory());
        check.run(*open_sqlite(dir.file("store.db"), OpenMode::daemon));
      }
    }
}

// They waited until the page was through, whatever its filter took.
TEST_CASE("others write while an audience is looked at", "[sqlite]") {
  const TempDir dir(fast_directory());
  const auto mine = open_sqlite(dir.file("store.db"), OpenMode::daemon);
  const auto theirs = open_sqlite(dir.file("store.db"), OpenMode::command);
  Stage stage(*mine);
  stage.add_persons(3);
  const auto id = stage.order_job();
  const auto run = stage.claim();
  REQUIRE(stage.audience->open_job(stage.claim_of(run), stage.now));
  store::FanOut request;
  request.claim = stage.claim_of(run);
  request.go_on = [&] {
    store::Flow flow = *theirs->flow(flow_id(1));
    const auto revision = flow.revision;
    flow.status = store::FlowStatus::archived;
    CHECK_FALSE(theirs->write({.flows = {{flow, revision}}}, stage.now));
    return false;
  };
  const auto page = stage.audience->fan_out(request, core::ChildMaker(run), stage.now);
  // What they wrote counts.
  CHECK(page.kind == store::FannedOut::Kind::spread);
  CHECK(page.job->reason == "flow_inactive");
  CHECK(stage.children(id).empty());
}

// By the time that it is written the job may have moved.
TEST_CASE("a page counts only from where its job still is", "[memory]") {
  store::Job job;
  job.cursor = id_of<store::PersonId>(2);
  const auto before = job;
  store::LookedPage looked;
  looked.page.matched.resize(1);
  looked.page.matched.front().id = id_of<store::PersonId>(3);
  CHECK_FALSE(store::plan_page(looked, true, {}, job));
  CHECK_FALSE(store::plan_page({}, true, {}, job));
  CHECK(job == before);
  looked.after = job.cursor;
  const auto persons = store::plan_page(looked, true, {}, job);
  REQUIRE(persons);
  CHECK(persons->size() == 1);
  CHECK(job.state == store::JobState::spread);
  CHECK(job.enqueued == 1);
  // What stops it needs no page.
  job = before;
  REQUIRE(store::plan_page({}, false, {}, job));
  CHECK(job.state == store::JobState::spread);
  CHECK(job.ending == store::RunStatus::failed);
  CHECK(job.reason == "flow_inactive");
  CHECK(job.cursor == before.cursor);
}

}  // namespace rruled::test
