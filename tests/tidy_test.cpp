// The rules of the house that a compiler does not keep: direction of includes, sizes, banned calls.
#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kRoot = RRULED_SOURCE_DIR;
constexpr std::size_t kLinesMax = 400;
constexpr std::size_t kTestLinesMax = 450;
constexpr std::size_t kColumnsMax = 100;

struct Source {
  std::string path;  // from the root
  std::vector<std::string> lines;
  [[nodiscard]] bool in(const std::string& room) const { return path.starts_with(room + "/"); }
};

std::vector<Source> sources(const std::set<std::string>& endings) {
  std::vector<Source> all;
  for (const char* room : {"rrule", "store", "daemon", "systemd", "tests"}) {
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / room)) {
      if (!entry.is_regular_file()) continue;
      if (!endings.contains(entry.path().extension().string())) continue;
      Source source{fs::relative(entry.path(), kRoot).string(), {}};
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);) source.lines.push_back(line);
      all.push_back(std::move(source));
    }
  }
  std::ranges::sort(all, {}, &Source::path);
  return all;
}

std::vector<Source> code() { return sources({".h", ".cpp"}); }

// Which rooms a room may include from, itself apart.
const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"rrule", {}},
    {"store", {}},
    {"systemd", {}},
    {"daemon/core", {"rrule", "store"}},
    {"daemon/io", {"rrule", "store", "systemd", "daemon/core"}},
    {"daemon/api", {"rrule", "store", "daemon/core", "daemon/io"}},
    {"daemon/cli", {"rrule", "store", "systemd", "daemon/core", "daemon/io"}},
};

std::string room_of(const std::string& path) {
  const auto first = path.find('/');
  if (!path.starts_with("daemon/")) return path.substr(0, first);
  const auto second = path.find('/', first + 1);
  return second == std::string::npos ? "daemon" : path.substr(0, second);
}

std::size_t columns(const std::string& line) {
  return static_cast<std::size_t>(
      std::ranges::count_if(line, [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

TEST_CASE("includes go in one direction") {
  const std::regex include(R"re(#include "([^"]+)")re");
  std::size_t edges = 0;
  for (const Source& source : code()) {
    const auto rules = kMayInclude.find(room_of(source.path));
    if (rules == kMayInclude.end()) continue;
    for (const std::string& line : source.lines) {
      std::smatch match;
      if (!std::regex_search(line, match, include)) continue;
      ++edges;
      const std::string to = room_of(match[1]);
      INFO(source.path << " includes " << match[1]);
      CHECK((to == rules->first || rules->second.contains(to)));
    }
  }
  CHECK(edges > 100);
}

TEST_CASE("pure rooms stay pure") {
  struct Ban {
    const char* room;
    std::regex what;
    const char* why;
  };
  const std::vector<Ban> bans = {
      {"rrule", std::regex("boost/(?!system/result)|<thread>|system_clock::now"),
       "rrule: std, date and result only"},
      {"daemon/core", std::regex("boost/asio|boost/beast|<thread>|<mutex>|spdlog"),
       "core: no sockets, no threads, no logging"},
      {"daemon/core", std::regex(R"(store::(Store|Directory|Audience|RunDesk)&)"),
       "core: no Store calls"},
      {"store", std::regex("boost/asio|boost/json|boost/beast|spdlog"), "store: rows and SQL"},
  };
  std::size_t looked = 0;
  for (const Source& source : code())
    for (const Ban& ban : bans)
      if (source.in(ban.room))
        for (const std::string& line : source.lines) {
          ++looked;
          INFO(source.path << ": " << line << " (" << ban.why << ")");
          CHECK_FALSE(std::regex_search(line, ban.what));
        }
  CHECK(looked > 1'000);
}

TEST_CASE("files and lines are short") {
  std::size_t looked = 0;
  for (const Source& source : sources({".h", ".cpp", ".sql"})) {
    ++looked;
    INFO(source.path);
    CHECK(source.lines.size() <= (source.in("tests") ? kTestLinesMax : kLinesMax));
    for (const std::string& line : source.lines)
      if (columns(line) > kColumnsMax && line.find("http") == std::string::npos) FAIL_CHECK(line);
  }
  CHECK(looked > 50);
}

TEST_CASE("calls that hide time, chance or threads are not used") {
  const std::regex banned(
      R"(system_clock::now|\bsleep_for\b|\bsleep_until\b|\busleep\(|\brand\(\)|\bsrand\()");
  const std::set<std::string> reads_the_clock = {"daemon/io/clock.cpp"};
  // Experiments with real processes are about real time.
  const auto is_experiment = [](const Source& source) {
    return source.in("tests/chaos") || source.in("tests/bench");
  };
  std::size_t looked = 0;
  for (const Source& source : code()) {
    if (reads_the_clock.contains(source.path) || source.path == "tests/tidy_test.cpp") continue;
    if (is_experiment(source)) continue;
    for (const std::string& line : source.lines) {
      ++looked;
      INFO(source.path << ": " << line);
      CHECK_FALSE(std::regex_search(line, banned));
    }
  }
  CHECK(looked > 1'000);
}

TEST_CASE("no lambda with captures is written inside a co_await expression") {
  // g++ 12.2 destroys it twice.
  const std::regex pattern(R"(co_await[^;]*\[[^\]\s][^\]]*\]\s*(\(|\{|mutable))");
  std::size_t awaits = 0;
  for (const Source& source : code()) {
    if (!source.in("daemon") && !source.in("tests")) continue;
    for (const std::string& line : source.lines) {
      if (line.find("co_await") == std::string::npos) continue;
      ++awaits;
      INFO(source.path << ": " << line);
      CHECK_FALSE(std::regex_search(line, pattern));
    }
  }
  CHECK(awaits > 10);
}

TEST_CASE("every test file is in a target") {
  std::string lists;
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / "tests"))
    if (entry.path().filename() == "CMakeLists.txt") {
      std::ifstream in(entry.path());
      std::stringstream text;
      text << in.rdbuf();
      lists += text.str();
    }
  std::size_t tests = 0;
  for (const Source& source : code()) {
    if (!source.in("tests") || !source.path.ends_with("_test.cpp")) continue;
    ++tests;
    INFO(source.path);
    CHECK(lists.find(fs::path(source.path).filename().string()) != std::string::npos);
  }
  CHECK(tests > 20);
}
