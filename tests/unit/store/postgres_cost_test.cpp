// What a question costs must not grow with what it does not ask for.
#include "postgres_fixture.h"
#include "sample.h"
#include "store/directory.h"
#include "store/postgres_connection.h"

#include <catch2/catch.hpp>

namespace rruled::test {
TEST_CASE("levels and statuses in other orders, and repeated, are prepared once", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  const auto directory = directory_of(*store);
  using enum LogLevel;
  for (const auto& levels : std::vector<std::vector<LogLevel>>{
           {info, error}, {error, info}, {info, info, error}, {error, info, error, info}})
    (void)directory->logs({.levels = levels}, {});
  using enum RunStatus;
  for (const auto& statuses :
       std::vector<std::vector<RunStatus>>{{failed, dead}, {dead, failed}, {dead, failed, dead}})
    (void)directory->runs({.statuses = statuses}, {}, false);
  const auto prepared = [&](const std::string& table) {
    return store->connection().read([&](store::Tx& tx) {
      const auto rows =
          tx.exec_text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '% FROM " +
                       table + " WHERE %'");
      return rows[0][0].as<int>();
    });
  };
  CHECK(prepared("log_lines") == 2);  // the rows, and their number
  CHECK(prepared("runs") == 1);
}

}  // namespace rruled::test
