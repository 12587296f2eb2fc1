// What doctor and check-config find before a daemon meets it.
#include "tests/unit/cli/command_line.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

namespace rruled::test {

using Catch::Contains;

namespace {

std::string write_config(const CommandLine& line, const std::string& text) {
  std::ofstream(line.file("rruled.toml")) << text;
  return line.file("rruled.toml");
}

void check_answer(const CommandLine::Result& result, int exit_code, const std::string& text) {
  INFO(result.out << result.err);
  CHECK(result.exit_code == exit_code);
  CHECK_THAT(result.out + result.err, Contains(text));
}

}  // namespace

TEST_CASE("doctor found a folder without time zones good") {
  const CommandLine line;
  REQUIRE(line.rruled({"migrate"}).exit_code == 0);
  std::filesystem::create_directories(line.file("share/zoneinfo/Europe"));
  std::filesystem::copy_file(RRULED_SOURCE_DIR "/tests/data/zoneinfo-2025b/Europe/London",
                             line.file("share/zoneinfo/Europe/London"));
  const auto config = write_config(line, "[tzdata]\ndirectory = \"" + line.file("share") + "\"\n");
  const std::string why = "no time zone can be read from " + line.file("share");
  check_answer(line.rruled({"doctor", "--config", config}), 1, "[-] tzdata: " + why + "\n");
  check_answer(line.rruled({"check-config", "--config", config}), 78,
               "rruled.toml:2: tzdata.directory: " + why + "; name one that has them, as " +
                   "/usr/share/zoneinfo, or leave it out\n");
}

TEST_CASE("nothing told of active schedules whose executor is not configured") {
  const CommandLine line;
  const auto config = write_config(line, "[executors.old]\ntype = \"log\"\n");
  const auto add = [&](const std::string& flow, const std::string& status) {
    return line
        .rruled({"import", "--config", config, "-"},
                R"({"flows":[{"name":")" + flow + R"(","trigger":{"type":"schedule"},"status":")" +
                    status +
                    R"(","schedules":[{"rrule":"FREQ=DAILY","starts_at":"now","executor":"old"},)"
                    R"({"rrule":"FREQ=WEEKLY","starts_at":"now","executor":"old"}]}]})")
        .exit_code;
  };
  REQUIRE(add("a", "active") == 0);
  REQUIRE(add("b", "draft") == 0);
  check_answer(line.rruled({"doctor", "--config", config}), 0, "schedules: none is set aside");
  write_config(line, "[executors.new]\ntype = \"log\"\n");
  check_answer(line.rruled({"doctor", "--config", config}), 1,
               "[-] executors: 2 active schedules name executors.old, which is not in this"
               " configuration: ");
  line.sql("UPDATE schedules SET status = 'paused', next_run_at = NULL, next_due_at = NULL");
  CHECK(line.rruled({"doctor", "--config", config}).exit_code == 0);
}

TEST_CASE("a file that the start of the daemon would apply was not looked into") {
  const CommandLine line;
  const auto file = line.file("flows.json");
  const auto config = write_config(line, "[store]\napply = \"" + file + "\"\n");
  const auto schedule = [](const std::string& fields) {
    return R"({"flows":[{"name":"a","trigger":{"type":"schedule"},"schedules":[{"rrule":)"
           R"("FREQ=DAILY","starts_at":"2030-01-01T00:00:00Z")" +
           fields + "}]}]}";
  };
  const bool is_stored = GENERATE(false, true);
  if (is_stored) REQUIRE(line.rruled({"migrate"}).exit_code == 0);
  for (const auto& [text, why] : std::vector<std::pair<std::string, std::string>>{
           {"{\n\"flows\" 1}", file + ":2:9: not JSON"},
           {R"({"flows":[{"nam":"a"}]})", file + ": flows[0].nam: Unknown field."},
           {schedule(R"(,"executor":"gone")"),
            file + ": flows[0].schedules[0].executor: There is no executor \"gone\""},
           {schedule(R"(,"timezone":"Europe/Berln")"),
            file + ": flows[0].schedules[0].timezone: "}}) {
    std::ofstream(file) << text;
    check_answer(line.rruled({"check-config", "--config", config}), 78,
                 "rruled.toml:2: store.apply: " + why);
    check_answer(line.rruled({"doctor", "--config", config}), 1, "[-] apply: " + why);
  }
  // Which calendars there are only a store knows.
  std::ofstream(file) << schedule(R"(,"calendar":"holidays")");
  CHECK(line.rruled({"check-config", "--config", config}).exit_code == 0);
  check_answer(line.rruled({"doctor", "--config", config}), 1,
               "[-] apply: " + file + ": flows[0].schedules[0].calendar: ");
  std::ofstream(file) << schedule("");
  CHECK(line.rruled({"check-config", "--config", config}).exit_code == 0);
  check_answer(line.rruled({"doctor", "--config", config}), is_stored ? 0 : 1,
               "[+] apply: " + file + " can be applied\n");
  CHECK(std::filesystem::exists(line.file()) == is_stored);
}

}  // namespace rruled::test
