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

}  // namespace rruled::test
