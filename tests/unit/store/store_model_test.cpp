#include "store_model.h"

#include "store/sqlite_store.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

namespace rruled::test {

TEST_CASE("SqliteStore lives as MemoryStore does", "[sqlite][model]") {
  std::map<std::string, int> outcomes;
  int lives = 0;
  for (unsigned seed = 1; seed <= 12; ++seed) {
    INFO("seed " << seed);
    const TempDir dir(fast_directory());
    MemoryStore model;
    const auto store = open_sqlite(dir.file("store.db"), OpenMode::daemon);
    Life life(model, *store, seed);
    life.live(400);
    for (const auto& [name, count] : life.outcomes()) outcomes[name] += count;
    ++lives;
  }
  CHECK(lives == 12);
  // Everything must have come up.
  for (const char* name :
       {"write none", "write exists", "write missing", "write changed", "settle 0", "settle 1",
        "settle 2", "settle 3", "skipped", "cancel", "duplicates", "written\n", "lost", "released",
        "recovered", "throws", "pruned"}) {
    INFO(name);
    CHECK(outcomes[name] > 20);
  }
}

}  // namespace rruled::test
