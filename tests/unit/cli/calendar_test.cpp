#include "tests/unit/cli/command_line.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

// A calendar that a daily schedule names.
class CalendarTest : protected CommandLine {
 public:
  CalendarTest() {
    expect({"flow", "create", "--name", "f", "--status", "active", "--trigger", "schedule"});
    expect({"calendar", "create", "holidays", "--date", "2098-12-24", "--note", "ours"});
    expect({"schedule", "create", "--flow", "f", "--rrule", "FREQ=DAILY", "--starts-at",
            "2099-01-01T09:00:00Z", "--calendar", "holidays"});
  }

 protected:
  void expect(const std::vector<std::string>& arguments, int code = 0, const char* said = "") {
    const auto result = rruled(arguments);
    CAPTURE(arguments, result.out, result.err);
    CHECK(result.exit_code == code);
    CHECK_THAT(result.out + result.err, Catch::Contains(said));
  }
  // Days from 2099-01-01 to the next run.
  [[nodiscard]] std::int64_t next_day() const {
    return number("SELECT (next_run_at / 1000 - 4070941200) / 86400 FROM schedules");
  }
  [[nodiscard]] std::int64_t calendars_with(const std::string& days) const {
    return number("SELECT count(*) FROM calendars WHERE instr(days, '" + days + "')");
  }
};

}  // namespace

TEST_CASE_METHOD(CalendarTest, "a day is added to a calendar, and its schedules move") {
  REQUIRE(next_day() == 0);
  expect({"calendar", "update", "holidays", "--add-date", "2099-01-01", "--add-date", "2099-01-02",
          "--remove-date", "2098-12-24"},
         0, "holidays: 2 dates, 0 rules, named by 1 schedules\n");
  CHECK(next_day() == 2);
  CHECK(calendars_with(R"(["2099-01-01","2099-01-02"])") == 1);
  CHECK(number("SELECT count(*) FROM calendars WHERE note = 'ours'") == 1);
  CHECK(number("SELECT count(*) FROM audit WHERE action = 'update' AND kind = 'calendar'"
               " AND instr(before, '2098-12-24') AND instr(after, '2099-01-02')") == 1);
  CHECK(number("SELECT count(*) FROM audit WHERE action = 'update' AND kind = 'schedule'") == 1);
  // Once more: it has them already.
  expect({"calendar", "update", "holidays", "--add-date", "2099-01-01"});
  CHECK(number("SELECT count(*) FROM audit WHERE action = 'update' AND kind = 'calendar'") == 1);
  expect({"calendar", "update", "holidays", "--remove-date", "2099-01-01"});
  CHECK(next_day() == 0);
  expect({"calendar", "update", "holidays", "--date", "2099-01-01", "--rule", "FREQ=DAILY;COUNT=1",
          "--note", ""},
         0, "1 dates, 1 rules");
  CHECK(next_day() == 1);
  CHECK(number("SELECT count(*) FROM calendars WHERE note = ''") == 1);
}

TEST_CASE_METHOD(CalendarTest, "what cannot be changed of a calendar is said") {
  expect({"calendar", "create", "holidays"}, 1, "`rruled calendar update`");
  expect({"calendar", "update", "holiday", "--note", "n"}, 1, "no calendar \"holiday\"");
  expect({"calendar", "update", "holidays"}, cli::kUsage, "say what to change");
  expect({"calendar", "update", "holidays", "--remove-date", "2099-01-01"}, 1,
         "no date 2099-01-01");
  expect({"calendar", "update", "holidays", "--add-date", "2099-13-01"}, 1, "dates[0]");
  expect({"calendar", "update", "holidays", "--date", "2099-01-01", "--add-date", "2099-01-02"},
         cli::kUsage, "--date");
  CHECK(calendars_with(R"(["2098-12-24"])") == 1);
  CHECK(next_day() == 0);
}

TEST_CASE_METHOD(CalendarTest,
                 "a command moved 100000 schedules of a calendar, and left the others silently",
                 "[.deep]") {
  sql("CREATE TEMP TABLE many AS WITH RECURSIVE n(i) AS"
      " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT s.* FROM schedules s, n;"
      "UPDATE many SET id = randomblob(16);"
      "INSERT INTO schedules SELECT * FROM many");
  expect({"calendar", "update", "holidays", "--add-date", "2099-01-01"}, cli::kRefused,
         "100001 schedules name this calendar, and at most 100000 can be moved at once");
  CHECK(calendars_with(R"(["2098-12-24"])") == 1);
  CHECK(number("SELECT count(DISTINCT next_run_at) FROM schedules") == 1);
  expect({"calendar", "list"}, 0, "100001");
  expect({"calendar", "delete", "holidays"}, cli::kRefused, "and 99996 more");
}

}  // namespace rruled::test
