// Names and texts that somebody else wrote, on the terminal of whoever lists them.
#include "daemon/cli/output.h"
#include "tests/unit/cli/command_line.h"

#include <catch2/catch.hpp>

#include <sstream>

namespace rruled::test {

using Catch::Contains;

namespace {

// It would begin a line of its own, colour it, go back in it and turn it round.
const std::string kForged =
    "x\n2026-01-01 00:00:00Z  forged\r\x1b[2K\xC2\x9B\x33\x31m\u202Ey\u2066z";
// As text of SQL and of JSON.
const std::string kForgedSql = "CAST(x'" + [] {
  std::string hex;
  constexpr const char* kDigits = "0123456789abcdef";
  for (const char c : kForged) {
    const auto byte = static_cast<unsigned char>(c);
    hex += {kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
  return hex;
}() + "' AS TEXT)";

void is_harmless(const std::string& printed) {
  CAPTURE(printed);
  for (const auto* bad :
       {"\x1b", "\r", "\xC2\x9B", "\u202E", "\u2066", "\n2026-01-01 00:00:00Z  forged"})
    CHECK(printed.find(bad) == std::string::npos);
}

}  // namespace

TEST_CASE("no list prints what a name does to a terminal") {
  CommandLine line;
  REQUIRE(line.rruled({"calendar", "create", "days", "--date", "2190-12-24"}).exit_code == 0);
  REQUIRE(line.rruled({"flow", "create", "--name", "A", "--trigger", "schedule"}).exit_code == 0);
  REQUIRE(line.rruled({"schedule", "create", "--flow", "A", "--rrule", "FREQ=DAILY", "--calendar",
                       "days"})
              .exit_code == 0);
  REQUIRE(line.rruled({"token", "create", "--name", "t", "--project", "1", "--scope", "write"})
              .exit_code == 0);
  const auto ids = line.rruled({"schedule", "list", "--format", "jsonl"}).out;
  const std::string schedule = ids.substr(ids.find("\"id\":\"") + 6, 36);
  REQUIRE(line.rruled({"schedule", "run-now", schedule}).exit_code == 0);
  const auto runs = line.rruled({"runs", "list", "--format", "jsonl"}).out;
  const std::string run = runs.substr(runs.find("\"id\":\"") + 6, 36);
  line.sql(
      "INSERT INTO log_lines (flow_id, run_id, timestamp, level, message)"
      " SELECT flow_id, id, 1700000000000, 'INFO', 'm' FROM runs");
  for (const std::string set :
       {"log_lines SET message", "flows SET name", "flows SET trigger_type", "schedules SET note",
        "calendars SET note", "calendars SET name", "schedules SET calendar", "tokens SET name",
        "audit SET object_id", "audit SET actor", "runs SET reason"})
    line.sql("UPDATE " + set + " = " + kForgedSql);
  using Words = std::vector<std::string>;
  for (const Words& words : {Words{"flow", "list"},
                             {"schedule", "list"},
                             {"schedule", "show", schedule},
                             {"runs", "list"},
                             {"runs", "show", run},
                             {"runs", "logs", run},
                             {"runs", "gaps"},
                             {"calendar", "list"},
                             {"calendar", "show", kForged},
                             {"calendar", "show", "none" + kForged},
                             {"calendar", "delete", kForged},
                             {"calendar", "create", kForged},
                             {"calendar", "update", kForged, "--add-date", "2190-12-31"},
                             {"calendar", "update", kForged, "--remove-date", "2190-01-01"},
                             {"token", "list"},
                             {"audit"},
                             {"status"},
                             {"doctor"},
                             {"backfill", "list"},
                             {"preview", "--all"},
                             {"schedule", "explain", schedule, "--at", "now"},
                             {"export", "--to", "ics"},
                             {"schedule", "pause", schedule},
                             {"schedule", "resume", schedule},
                             {"flow", "show", kForged}}) {
    CAPTURE(words);
    const auto result = line.rruled(words);
    CHECK_FALSE((result.out + result.err).empty());
    // A file for programs has what was written.
    is_harmless(words.front() == "export" ? result.err : result.out + result.err);
  }
  CHECK_THAT(line.rruled({"audit"}).out, Contains("x 2026-01-01 00:00:00Z  forged"));
}

TEST_CASE("what an import says of a hostile file does nothing to a terminal") {
  CommandLine line;
  const auto calendar =
      line.rruled({"calendar", "import", "days", "-"},
                  "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;TZID=a\x1b[2Kb:20260101T000000\r\n"
                  "END:VEVENT\r\nEND:VCALENDAR\r\n");
  CHECK_THAT(calendar.err, Contains("dropped: "));
  is_harmless(calendar.err);
  const auto flows = line.rruled(
      {"import", "--dry-run", "-"},
      R"({"flows":[{"name":"a\u001b[2K\n2026-01-01 00:00:00Z  forged","status":"active",)"
      R"("trigger":{"type":"schedule"}}]})");
  CHECK_THAT(flows.out, Contains("+ flow a"));
  is_harmless(flows.out + flows.err);
  const auto refused =
      line.rruled({"import", "-"},
                  R"({"flows":[{"name":"a","schedules":[{"rrule":"FREQ=DAILY","starts_at":"now",)"
                  R"("executor":"\u001b[2K\n2026-01-01 00:00:00Z  forged"}]}]})");
  CHECK(refused.exit_code == 1);
  is_harmless(refused.err);
}

TEST_CASE("lines of a text that has several are kept") {
  CHECK(cli::clean_lines("a\x1b\n\nb\n") == "a \n\nb\n");
  CHECK(cli::clean_lines("") == "");
}

}  // namespace rruled::test
