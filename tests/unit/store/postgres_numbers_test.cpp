// Sequences that a restore, or a switch to another server, left behind the rows.
#include "postgres_fixture.h"
#include "sample.h"
#include "store/survey.h"

#include <catch2/catch.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rruled::test {
namespace {

using Kind = StoreError::Kind;

// Two runs that have ended, whose numbers are those of the next ones.
struct Behind {
  explicit Behind(RunStatus status) : store(schema.open()) {
    claimant = begin_with_schedules(*store, 3);
    for (int n = 1; n <= 2; ++n) {
      const auto run = settle(n).claimed.at(0);
      REQUIRE(store->finish({a_finish(run, status, at(2))}, claimant, at(2)).at(0).written);
    }
    schema.sql("SELECT setval('runs_number_seq', 1, false)");
  }
  SettleResult settle(int n) {
    const auto row = a_schedule(n);
    return store->settle({a_settlement(row, {a_run(row, kStart)}, nominal(9))}, claimant, at(1))
        .at(0);
  }

  const PostgresSchema schema{};
  std::unique_ptr<store::PostgresStore> store;
  Claimant claimant;
};

std::optional<StoreError> error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const StoreError& error) {
    return error;
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("a number that was given twice left settle() as nothing that its caller knew",
          "[postgres]") {
  if (no_postgres()) return;
  Behind here(RunStatus::failed);
  const auto error = error_of([&] { (void)here.settle(3); });
  REQUIRE(error);
  CHECK(error->kind() == Kind::fault);
  CHECK_THAT(error->what(), Catch::Contains("`rruled doctor`"));
  CHECK(here.store->runs({}).size() == 2);
  here.schema.sql("SELECT setval('runs_number_seq', 2)");
  CHECK(here.settle(3).claimed.size() == 1);
}

TEST_CASE("a number that was given twice set the schedule that was due aside", "[postgres]") {
  if (no_postgres()) return;
  Behind here(RunStatus::completed);
  const auto error = error_of([&] { (void)here.settle(3); });
  REQUIRE(error);
  CHECK(error->kind() == Kind::fault);
  CHECK_THAT(error->what(), Catch::Contains("`rruled doctor`"));
}

TEST_CASE("a daemon began on sequences that were behind their rows", "[postgres]") {
  if (no_postgres()) return;
  Behind here(GENERATE(RunStatus::completed, RunStatus::failed));
  const auto statement = "SELECT setval('" + here.schema.name() + ".runs_number_seq', 2)";
  const auto error = error_of([&] { (void)here.schema.open(); });
  REQUIRE(error);
  CHECK(error->kind() == Kind::schema);
  CHECK_THAT(error->what(), Catch::Contains(statement));
  const auto reader = here.schema.open(OpenMode::read_only);
  CHECK(survey(*reader, at(2)).set_numbers == std::vector{statement});
  here.schema.sql(statement);
  CHECK(survey(*reader, at(2)).set_numbers.empty());
  CHECK_NOTHROW(here.schema.open());
  // Another way to say the same.
  here.schema.sql("SELECT setval('runs_number_seq', 3, false)");
  CHECK_NOTHROW(here.schema.open());
}

TEST_CASE("a daemon began where the lines of the audit log would have had no number",
          "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  auto changes = put(a_flow());
  changes.audit = {{.at = at(1),
                    .project_id = 1,
                    .actor = "somebody",
                    .action = "create",
                    .kind = "flow",
                    .object_id = "f",
                    .before = {},
                    .after = {}}};
  REQUIRE_FALSE(schema.open()->write(changes, at(0)));
  schema.sql("SELECT setval('audit_number_seq', 1, false)");
  CHECK(error_of([&] { (void)schema.open(); }));
}

}  // namespace rruled::test
