#include "stage.h"
#include "tests/unit/store/postgres_fixture.h"

#include <catch2/catch.hpp>

#include <future>

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

TEST_CASE("of two writers of a new person, one has made it", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  const auto audience = store->audience();
  const auto person = [](int n, const std::string& name) {
    return person_of(n, R"({"distinct_id":")" + name + R"(","properties":{"age":5}})");
  };
  audience->put_persons({person(2, "b")}, AuditEntry{}, at(0));
  schema.sql("BEGIN; INSERT INTO persons VALUES ('" + to_string(id_of<PersonId>(1)) +
             "', 1, 'a', '{}', 0, 0);"
             "UPDATE persons SET updated_at = 1 WHERE distinct_id = 'b'");
  auto put = std::async(std::launch::async, [&] {
    return audience->put_persons({person(3, "a"), person(4, "b"), person(5, "c")}, AuditEntry{},
                                 at(1));
  });
  while (schema.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") == "0")
    REQUIRE(put.wait_for(0s) == std::future_status::timeout);
  schema.sql("COMMIT");
  CHECK(put.get() == PersonsPut{1, 2});
  const auto persons = audience->persons({}, {}).rows;
  REQUIRE(persons.size() == 3);
  CHECK(persons.front().id == id_of<PersonId>(1));
  for (const auto& each : persons) CHECK(each.updated_at == at(1));
  CHECK(audience->size(1, filter_of(R"([{"key":"age","value":5}])")) == AudienceSize{3, 3});
}

}  // namespace rruled::test
