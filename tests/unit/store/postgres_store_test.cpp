#include "store/postgres_store.h"

#include "conformance.h"
#include "postgres_fixture.h"
#include "sample.h"

#include <catch2/catch.hpp>

namespace rruled::test {

TEST_CASE("PostgresStore keeps the contract", "[postgres]") {
  if (no_postgres()) return;
  for (const auto& check : conformance(Daemons::many)) {
    DYNAMIC_SECTION(check.name) {
      const PostgresSchema schema;
      check.run(*schema.open());
      CHECK(schema.strays() == "");
    }
  }
}

}  // namespace rruled::test
