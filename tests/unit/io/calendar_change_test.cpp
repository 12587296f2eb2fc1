#include "daemon/io/calendar_change.h"

#include "store/memory_store.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

// Three daily schedules that name one calendar, and one that names none.
struct Holidays {
  Holidays() {
    calendar.name = "holidays";
    calendar.days = R"({"dates":["2026-03-05"],"rules":[]})";
    store::ChangeSet made;
    made.calendars.push_back({calendar, std::nullopt});
    REQUIRE_FALSE(store.write(made, simulation.now()));
    const auto named = [](store::Schedule& row) { row.calendar = "holidays"; };
    for (int i = 0; i < 3; ++i)
      (void)simulation.add("FREQ=DAILY", at("2026-03-03T09:00:00Z"), "UTC", named);
    (void)simulation.add("FREQ=DAILY", at("2026-03-03T09:00:00Z"), "UTC");
    calendar.days = R"({"dates":["2026-03-03"],"rules":[]})";
  }
  [[nodiscard]] std::optional<io::MoveRefusal> move(std::size_t schedules_max) {
    return io::move_schedules({store, *directory, simulation.zones(), schedules_max}, calendar,
                              simulation.now(), changes);
  }

  store::MemoryStore store;
  Simulation simulation{store, at("2026-03-02T00:00:30Z"), {}};
  std::unique_ptr<store::Directory> directory = store.directory();
  store::Calendar calendar;
  store::ChangeSet changes;
};

}  // namespace

TEST_CASE("some of the schedules of a calendar moved, and the others stayed on its old days") {
  Holidays holidays;
  const auto refusal = holidays.move(2);
  REQUIRE(refusal);
  CHECK_FALSE(refusal->days);
  CHECK_THAT(refusal->text, Catch::StartsWith("3 schedules name this calendar, and at most 2"));
  CHECK(holidays.changes.schedules.empty());
  CHECK_FALSE(holidays.move(3));
  REQUIRE(holidays.changes.schedules.size() == 3);
  for (const auto& each : holidays.changes.schedules)
    CHECK(each.schedule.next_run_at == at("2026-03-04T09:00:00Z"));
}

TEST_CASE("days that cannot be read move no schedule of their calendar") {
  Holidays holidays;
  holidays.calendar.days = R"({"dates":[],"rules":["FREQ=NEVER"]})";
  const auto refusal = holidays.move(3);
  REQUIRE(refusal);
  REQUIRE(refusal->days);
  CHECK(refusal->days->attr == "rules__0__rrule");
  CHECK(holidays.changes.schedules.empty());
}

}  // namespace rruled::test
