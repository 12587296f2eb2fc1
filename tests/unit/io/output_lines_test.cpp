#include "daemon/io/output_lines.h"

#include "tests/unit/io/io_fixture.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using rruled::io::OutputLines;
using rruled::store::LogLevel;
using rruled::test::kStart;
using Stream = OutputLines::Stream;
using namespace std::chrono_literals;

namespace {
std::vector<std::string> messages(OutputLines& lines) {
  std::vector<std::string> result;
  for (const auto& entry : lines.take(kStart)) result.push_back(entry.message);
  return result;
}
}  // namespace

TEST_CASE("lines come out the same in whatever pieces they come") {
  const std::string bytes = "first\n\n  second\r\nthird with \xC3\xBC\nno end";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    OutputLines lines;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      lines.add(Stream::out, std::string_view(bytes).substr(at, piece), kStart);
    CHECK(messages(lines) ==
          std::vector<std::string>{"first", "  second", "third with ü", "no end"});
  }
}

TEST_CASE("streams do not mix and have their levels and times") {
  OutputLines lines;
  lines.add(Stream::out, "o", kStart);
  lines.add(Stream::err, "err\n", kStart + 1ms);
  lines.add(Stream::out, "ut\n", kStart + 2ms);
  const auto entries = lines.take(kStart + 3ms);
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].message == "err");
  CHECK(entries[0].level == LogLevel::warn);
  CHECK(entries[0].timestamp == kStart + 1ms);
  CHECK(entries[1].message == "out");
  CHECK(entries[1].level == LogLevel::info);
  CHECK(entries[1].timestamp == kStart + 2ms);
  CHECK(lines.take(kStart).empty());
}

TEST_CASE("a line of any length is cut") {
  OutputLines lines;
  for (int i = 0; i < 1'000; ++i) lines.add(Stream::out, std::string(1'000, 'x'), kStart);
  lines.add(Stream::out, "\n" + std::string(OutputLines::kLineBytesMax, 'y'), kStart);
  const auto found = messages(lines);
  REQUIRE(found.size() == 2);
  CHECK(found[0].size() == OutputLines::kLineBytesMax);
  CHECK_THAT(found[0], Catch::EndsWith("x…"));
  CHECK(found[1] == std::string(OutputLines::kLineBytesMax, 'y'));
}

TEST_CASE("the last lines of a long output are kept, where its error is") {
  constexpr std::size_t kKept = OutputLines::kFirstLines + OutputLines::kLastLines;
  OutputLines lines;
  for (std::size_t i = 0; i < kKept + 1'234; ++i)
    lines.add(i % 2 ? Stream::out : Stream::err, "line " + std::to_string(i) + "\n",
              kStart + std::chrono::milliseconds(i));
  lines.add(Stream::err, "error: no such table", kStart);
  const auto entries = lines.take(kStart + 1h);
  REQUIRE(entries.size() == kKept + 1);
  CHECK(entries[0].message == "line 0");
  CHECK(entries[199].message == "line 199");
  CHECK(entries[200].message ==
        "output cut: 1235 lines were dropped here; the first 200 and the last 800 are kept");
  CHECK(entries[200].level == LogLevel::warn);
  CHECK(entries[200].timestamp == entries[201].timestamp);  // a list by time keeps it there
  CHECK(entries[201].message == "line 1435");
  CHECK(entries[201].level == LogLevel::info);
  CHECK(entries[201].timestamp == kStart + 1435ms);
  CHECK(entries[kKept - 1].message == "line 2233");
  CHECK(entries[kKept].message == "error: no such table");
  CHECK(entries[kKept].level == LogLevel::warn);
  CHECK(lines.take(kStart).empty());
}

TEST_CASE("an output of just as many lines as are kept is whole") {
  OutputLines lines;
  for (int i = 0; i < 1'000; ++i) lines.add(Stream::out, std::to_string(i) + "\n", kStart);
  const auto found = messages(lines);
  REQUIRE(found.size() == 1'000);
  for (int i = 0; i < 1'000; ++i) CHECK(found[static_cast<std::size_t>(i)] == std::to_string(i));
}

TEST_CASE("of the lines over the limit, too, only those that say something are counted") {
  OutputLines lines;
  lines.add(Stream::err, " \t", kStart);  // begun before the limit, ends after it
  for (int i = 0; i < 1'000; ++i) lines.add(Stream::out, "line\n", kStart);
  lines.add(Stream::out, "\n\r\n  \t\r\n", kStart);
  lines.add(Stream::out, "  ", kStart);
  lines.add(Stream::out, "one\n", kStart);
  lines.add(Stream::err, "\ntwo\n" + std::string(10'000, ' ') + "three", kStart);
  const auto entries = lines.take(kStart);
  REQUIRE(entries.size() == 1'001);
  CHECK_THAT(entries[200].message, Catch::StartsWith("output cut: 3 lines"));
  CHECK(entries[1'000].message == "three");
}
