#include "daemon/cli/preview.h"
#include "daemon/core/time_text.h"
#include "tests/e2e/daemon_fixture.h"
#include "tests/support/cases.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <sstream>

using namespace rruled;
using namespace std::chrono_literals;
using rruled::test::Installation;
namespace json = boost::json;

namespace {

std::vector<json::value> lines_of(const std::string& text) {
  std::vector<json::value> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
  return lines;
}

}  // namespace

TEST_CASE("a preview is the rule in words, its canonical form and a line for each occurrence") {
  const rrule::ZoneDatabase zones;
  core::PreviewRequest request;
  request.schedule.rrule = "FREQ=DAILY;COUNT=3";
  request.schedule.timezone = "America/New_York";
  const auto zone = zones.find(request.schedule.timezone).value();
  const auto instant = [&](const char* text) {
    return core::instant_of(core::parse_time(text).value(), *zone);
  };
  request.schedule.starts_at =
      std::chrono::floor<std::chrono::seconds>(instant("2026-03-07T02:30"));
  const auto preview = core::preview(core::Timetable::compile(request.schedule, zones).value(), {});
  std::ostringstream out;
  cli::print_preview(out, request, preview, instant("2026-03-06T02:30"));
  CHECK(out.str() ==
        "LOCAL TIME               OFFSET  UTC                   FROM NOW     NOTE\n"
        "Sat 2026-03-07 02:30:00  -05:00  2026-03-07 07:30:00Z  in 1 d\n"
        "Sun 2026-03-08 03:30:00  -04:00  2026-03-08 07:30:00Z  in 2 d       the clock skips "
        "02:30:00\n"
        "Mon 2026-03-09 02:30:00  -04:00  2026-03-09 06:30:00Z  in 2 d 23 h\n"
        "Nothing follows.\n");
}

TEST_CASE("preview works without a store") {
  Installation machine;
  const auto result =
      machine.rruled({"preview", "rrule:freq=weekly;byday=mo", "--starts-at", "2026-01-01T09:00",
                      "--timezone", "Europe/Prague", "--count", "2"});
  CHECK(result.exit_code == 0);
  CHECK_THAT(result.out, Catch::Contains("FREQ=WEEKLY;BYDAY=MO\n"));
  CHECK_THAT(result.out, Catch::Contains("Mon 2026-01-05 09:00:00  +01:00  2026-01-05 08:00:00Z"));
  CHECK_THAT(result.out, Catch::Contains("Mon 2026-01-12 09:00:00  +01:00  2026-01-12 08:00:00Z"));
  CHECK_FALSE(std::filesystem::exists(machine.store()));
}

TEST_CASE("preview as JSON") {
  Installation machine;
  const auto object =
      machine.json({"preview", "FREQ=DAILY", "--starts-at", "2026-11-01T01:30:00", "--timezone",
                    "America/New_York", "--dst-fold", "both", "--until", "2026-11-02T23:59:59Z"});
  CHECK(json::serialize(object) ==
        R"({"rrule":"FREQ=DAILY","starts_at":"2026-11-01T05:30:00.000000Z",)"
        R"("timezone":"America/New_York",)"
        R"("dst_gap":"shift","dst_fold":"both","occurrences":[)"
        R"({"scheduled_for":"2026-11-01T05:30:00.000000Z",)"
        R"("due_at":"2026-11-01T05:30:00.000000Z",)"
        R"("local":"2026-11-01T01:30:00","offset":"-04:00","note":"fold_first"},)"
        R"({"scheduled_for":"2026-11-01T06:30:00.000000Z",)"
        R"("due_at":"2026-11-01T06:30:00.000000Z",)"
        R"("local":"2026-11-01T01:30:00","offset":"-05:00","note":"fold_second"},)"
        R"({"scheduled_for":"2026-11-02T06:30:00.000000Z",)"
        R"("due_at":"2026-11-02T06:30:00.000000Z",)"
        R"("local":"2026-11-02T01:30:00","offset":"-05:00"}],"ended":false})");
  const auto result = machine.rruled({"preview", "FREQ=DAILY;COUNT=2", "--starts-at",
                                      "2026-01-01T00:00:00Z", "--format", "jsonl"});
  CHECK(lines_of(result.out).size() == 2);
}

TEST_CASE("preview of a cron expression") {
  Installation machine;
  const auto object = machine.json({"preview", "--cron", "30 2 13 * fri", "--starts-at",
                                    "2026-02-01T00:00:00Z", "--count", "3"});
  CHECK_THAT(std::string(object.at("rrule").as_string()), Catch::Contains("BYMONTHDAY=13"));
  CHECK(object.at("occurrences").at(0).at("scheduled_for") == "2026-02-06T02:30:00.000000Z");
  CHECK(object.at("occurrences").at(1).at("scheduled_for") == "2026-02-13T02:30:00.000000Z");
  CHECK(object.at("occurrences").at(2).at("scheduled_for") == "2026-02-20T02:30:00.000000Z");
}

TEST_CASE("what preview cannot do it says with the field and the way out") {
  struct Case {
    std::vector<std::string> arguments;
    int exit_code;
    const char* message;
  };
  Installation machine;
  const auto cases = std::vector<Case>{
      {{"preview"}, 2, "give one of RULE, --cron, --schedule, --all and --batch"},
      {{"preview", "FREQ=DAILY", "--all"}, 2, "give one of RULE"},
      {{"preview", "FREQ=DAILY;BYHOUR=25"}, 1, "rrule: "},
      {{"preview", "FREQ=DAILY", "--timezone", "Mars/Base"}, 1, "timezone: "},
      {{"preview", "FREQ=DAILY", "--starts-at", "soon"}, 2, "--starts-at: must be a time such as"},
      {{"preview", "FREQ=DAILY", "--after", "2026-13-01"}, 2, "--after: names a day"},
      {{"preview", "FREQ=DAILY", "--count", "-1"}, 2, "--count"},
      {{"preview", "FREQ=DAILY", "--count", "many"}, 2, "--count"},
      {{"preview", "FREQ=DAILY", "--format", "xml"}, 2, "--format"},
      {{"preview", "FREQ=DAILY", "--dst-gap", "jump"}, 2, "--dst-gap"},
      {{"preview", "--cron", "61 * * * *"}, 1, "cron: "},
      {{"preview", "--batch", "/nowhere"}, 1, "cannot read /nowhere"},
      {{"preview", "--schedule", "0190"}, 1, "store "},
  };
  for (const auto& each : cases) {
    const auto result = machine.rruled(each.arguments);
    CAPTURE(each.arguments, result.err);
    CHECK(result.exit_code == each.exit_code);
    CHECK_THAT(result.err, Catch::Contains(each.message));
    CHECK(result.out.empty());
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') <= 2);
  }
  CHECK(cases.size() == 13);
}

TEST_CASE("a batch answers every line in order, whatever is wrong with some") {
  const auto cases = testing::read_cases("preview_batch");
  const std::string too_long(2'000'000, ' ');
  std::string input = too_long + "{}\n\n  \r\n";  // empty lines are no questions
  for (const auto& each : cases) input += testing::text_of(each, "question") + "\r\n";
  input.erase(input.size() - 2);  // the last line needs no end
  Installation machine;
  const auto result = machine.rruled({"preview", "--batch", "-"}, input);
  REQUIRE(result.exit_code == 0);
  CHECK(result.err.empty());
  std::istringstream out(result.out);
  std::string line;
  REQUIRE(std::getline(out, line));
  CHECK(json::parse(line).at("error").at("code") == "too_long");
  int refused = 0;
  for (const auto& each : cases) {
    CAPTURE(json::serialize(each));
    REQUIRE(std::getline(out, line));
    if (each.contains("answer")) {
      CHECK(line == testing::text_of(each, "answer"));
      continue;
    }
    ++refused;
    const auto answer = json::parse(line);
    CHECK(answer.at("error").at("field") == each.at("field"));
    CHECK(answer.at("error").at("code").is_string());
    CHECK(answer.at("error").at("detail").is_string());
    if (each.at("field") == "line") continue;
    CHECK(answer.at("id") == json::parse(testing::text_of(each, "question")).at("id"));
  }
  CHECK(refused == 18);
  CHECK_FALSE(std::getline(out, line));
}

TEST_CASE("an error of a rule in a batch has the rule's code and place") {
  Installation machine;
  const auto result =
      machine.rruled({"preview", "--batch", "-"},
                     R"({"id":1,"rrule":"FREQ=DAILY;FOO=1","starts_at":"2026-01-01T09:00:00Z"})");
  const auto error = json::parse(result.out).at("error");
  CHECK(error.at("field") == "rrule");
  CHECK(error.at("code") == "unknown_part");
  CHECK(error.at("offset") == 11);
}

TEST_CASE("a batch answers a line before the next one comes") {
  Installation machine;
  testing::BackgroundProcess batch(
      {RRULED_BINARY, "preview", "--batch", "-", "--config", machine.config()});
  int answered = 0;
  for (int i = 0; i < 3; ++i) {
    batch.write(R"({"rrule":"FREQ=DAILY","starts_at":"2026-01-01T09:00:00Z","count":1})"
                "\n");
    if (batch.read_line(test::kPatience) ==
        R"({"id":null,"occurrences":["2026-01-01T09:00:00Z"],"ended":false})")
      ++answered;
  }
  CHECK(answered == 3);
}

TEST_CASE("a batch answers thousands of lines in a second") {
  std::string input;
  constexpr int lines = 5'000;
  for (int i = 0; i < lines; ++i)
    input += R"({"id":)" + std::to_string(i) +
             R"(,"rrule":"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",)"
             R"("starts_at_local":"2015-01-01T09:00:00","timezone":"America/New_York",)"
             R"("after":"2026-01-01T00:00:00Z"})"
             "\n";
  Installation machine;
  const auto begun = std::chrono::steady_clock::now();
  const auto result = machine.rruled({"preview", "--batch", "-"}, input);
  const auto took = std::chrono::steady_clock::now() - begun;
  CHECK(std::count(result.out.begin(), result.out.end(), '\n') == lines);
  CHECK(took < 10s);  // 0.2 s alone; the bound leaves room for a busy machine and sanitizers
}

TEST_CASE("stored schedules are previewed alone and together, in order of time") {
  Installation machine;
  const auto imported = machine.rruled({"import", RRULED_SOURCE_DIR "/tests/data/merged.json"});
  INFO(imported.err);
  REQUIRE(imported.exit_code == 0);
  const auto all = machine.json(
      {"preview", "--all", "--from", "2190-01-01T00:00:00Z", "--to", "2190-01-02T08:00:00Z"});
  std::string seen;
  for (const auto& each : all.as_array())
    seen += std::string(each.at("scheduled_for").as_string()).substr(8, 5) + " " +
            std::string(each.at("flow_name").as_string()) + "; ";
  CHECK(seen == "01T08 B; 01T09 A; 01T10 B; ");

  const auto one = machine.json({"preview", "--schedule", "0190f6a2-0000-7000-8000-000000000001",
                                 "--after", "2190-01-01T00:00:00Z", "--count", "1"});
  CHECK(one.at("occurrences").at(0).at("scheduled_for") == "2190-01-01T09:00:00.000000Z");
  const auto paused =
      machine.rruled({"preview", "--schedule", "0190f6a2-0000-7000-8000-000000000002"});
  CHECK_THAT(paused.out, Catch::Contains("Fires nothing now: the schedule is paused."));
  CHECK_THAT(machine.rruled({"preview", "--all", "--count", "2"}).out, Catch::Contains("FROM NOW"));

  CHECK_THAT(machine
                 .rruled({"schedule", "pause", "0190f6a2-0000-7000-8000-000000000001", "--until",
                          "2190-01-05T00:00:00Z"})
                 .out,
             Catch::EndsWith("  paused, until 2190-01-05 00:00:00Z\n"));
  const auto until =
      machine.rruled({"preview", "--schedule", "0190f6a2-0000-7000-8000-000000000001"});
  CHECK_THAT(until.out, Catch::StartsWith("Fires nothing until 2190-01-05T00:00:00"));
  CHECK_THAT(until.out, Catch::Contains("2190-01-05 09:00:00"));
  CHECK_THAT(until.out, !Catch::Contains("2190-01-04"));
  const auto later = machine.json(
      {"preview", "--all", "--from", "2190-01-04T08:30:00Z", "--to", "2190-01-05T09:30:00Z"});
  CHECK(later.as_array().size() == 3);  // B at 10, 8, and A at 9 of the day after its pause
}
