#include "tests/e2e/daemon_fixture.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>

namespace rruled::test {

Installation::Installation(const std::string& config) : config_(dir_.file("rruled.toml")) {
  std::ofstream out(config_);
  out << "[store]\nurl = \"sqlite://" << store() << "\"\n" << config;
}

testing::ProcessResult Installation::rruled(std::vector<std::string> arguments,
                                            const std::string& input) const {
  std::vector<std::string> argv{RRULED_BINARY};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  argv.insert(argv.end(), {"--config", config_});
  return testing::run_process(argv, {.stdin_text = input, .environment = environment});
}

boost::json::value Installation::json(std::vector<std::string> arguments,
                                      const std::string& input) const {
  arguments.insert(arguments.end(), {"--format", "json"});
  const auto result = rruled(std::move(arguments), input);
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  return boost::json::parse(result.out);
}

std::string Installation::add_schedule(const std::string& rrule,
                                       const std::string& starts_at,
                                       const std::string& more) const {
  const std::string file =
      R"({"flows":[{"project_id":1,"name":"job","status":"active","trigger":{"type":"schedule"},)"
      R"("schedules":[{"rrule":")" +
      rrule + R"(","starts_at":")" + starts_at + R"("})";
  std::string text = file;
  text.insert(text.size() - 1, more);
  const auto result = rruled({"import", "-"}, text + "]}]}");
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  const auto listed = json({"schedule", "list"});
  const auto& all = listed.is_array() ? listed.as_array() : listed.at("results").as_array();
  REQUIRE(!all.empty());
  return std::string(all.front().at("id").as_string());
}

boost::json::array Installation::runs() const {
  const auto listed = json({"runs", "list", "--limit", "100000"});
  auto all = listed.is_array() ? listed.as_array() : listed.at("results").as_array();
  std::ranges::sort(all, {}, [](const boost::json::value& run) {
    return std::string(run.at("due_at").as_string());
  });
  return all;
}

std::vector<std::string> Installation::daemon(std::vector<std::string> more) const {
  std::vector<std::string> argv{RRULED_BINARY, "run", "--config", config_};
  argv.insert(argv.end(), more.begin(), more.end());
  return argv;
}

}  // namespace rruled::test
