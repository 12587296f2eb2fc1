#include "store/sqlite_store.h"

#include "conformance.h"
#include "sample.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

namespace rruled::test {

TEST_CASE("SqliteStore keeps the contract", "[sqlite]") {
  for (const auto& check : conformance(Daemons::one)) {
    DYNAMIC_SECTION(check.name) {
      const TempDir dir(fast_directory());
      check.run(*open_sqlite(dir.file("store.db"), OpenMode::daemon));
    }
  }
}

TEST_CASE("what was written is there when the store is opened again", "[sqlite]") {
  const TempDir dir(fast_directory());
  std::string before;
  {
    const auto store = open_sqlite(dir.file("store.db"), OpenMode::daemon);
    REQUIRE_FALSE(
        store->write({.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}}}, at(0)));
    const auto claimant = store->begin_session(id_of<OwnerId>(1), at(0)).claimant;
    const auto run =
        store
            ->settle(
                {a_settlement(a_schedule(),
                              {a_run(a_schedule(), nominal(0)), a_run(a_schedule(), nominal(1))},
                              nominal(9))},
                claimant, at(1))
            .at(0)
            .claimed.at(0);
    (void)store->finish({a_finish(run, RunStatus::completed, at(2))}, claimant, at(2));
    store->set_zones_version("2026a");
    before = dump(*store);
  }
  const auto store = open_sqlite(dir.file("store.db"), OpenMode::daemon);
  CHECK(dump(*store) == before);
  CHECK(store->zones_version() == "2026a");
  const auto session = store->begin_session(id_of<OwnerId>(2), at(3));
  CHECK(session.claimant.epoch == 2);
  CHECK(session.high_water == at(2));
  CHECK(session.recovered == 1);
}

TEST_CASE("of the deleted schedules the last ten thousand are told", "[sqlite]") {
  const TempDir dir(fast_directory());
  const auto store = open_sqlite(dir.file("store.db"), OpenMode::daemon);
  // Deleted by one write, all are told, however many.
  ChangeSet add = put(a_flow());
  ChangeSet remove;
  for (int n = 0; n < 10'050; ++n) {
    add.schedules.push_back({a_schedule(n), {}});
    remove.delete_schedules.push_back({schedule_id(n)});
  }
  REQUIRE_FALSE(store->write(add, at(0)));
  REQUIRE_FALSE(store->write(remove, at(0)));
  CHECK(store->changes_since(0).deleted.size() == 10'050);
  // The next one forgets what is too much.
  REQUIRE_FALSE(store->write(put(a_schedule(20'000)), at(0)));
  REQUIRE_FALSE(store->write({.delete_schedules = {{schedule_id(20'000)}}}, at(0)));
  const auto told = store->changes_since(0).deleted;
  CHECK(told.size() == 10'000);
  CHECK(told.back() == schedule_id(20'000));
}

}  // namespace rruled::test
