#include "stage.h"
#include "tests/unit/store/postgres_fixture.h"

#include <catch2/catch.hpp>

namespace rruled::test {

TEST_CASE("the audience on PostgreSQL", "[postgres]") {
  if (no_postgres()) return;
  for (const auto& checks : {person_checks(), spread_checks(), end_checks()})
    for (const auto& check : checks) {
      DYNAMIC_SECTION(check.name) {
        const PostgresSchema schema;
        check.run(*schema.open());
      }
    }
}

}  // namespace rruled::test
