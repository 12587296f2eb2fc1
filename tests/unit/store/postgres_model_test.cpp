#include "postgres_fixture.h"
#include "store_model.h"

#include <catch2/catch.hpp>

namespace rruled::test {

TEST_CASE("PostgresStore lives as MemoryStore does", "[postgres][model]") {
  if (no_postgres()) return;
  std::map<std::string, int> outcomes;
  for (unsigned seed = 1; seed <= 8; ++seed) {
    INFO("seed " << seed);
    const PostgresSchema schema;
    MemoryStore model(MemoryStoreOptions{.claim_ttl = schema.options().claim_ttl});
    const auto store = schema.open();
    Life life(model, *store, seed, Life::HighWater::any);
    life.live(300);
    CHECK(schema.strays() == "");
    for (const auto& [name, count] : life.outcomes()) outcomes[name] += count;
  }
  // Everything must have come up.
  for (const char* name :
       {"write none", "write exists", "write missing", "write changed", "settle 0", "settle 1",
        "settle 2", "settle 3", "skipped", "cancel", "duplicates", "written\n", "lost", "released",
        "recovered", "throws", "pruned"}) {
    INFO(name);
    CHECK(outcomes[name] > 5);
  }
}

}  // namespace rruled::test
