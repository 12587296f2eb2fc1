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

TEST_CASE("lines over the limit are counted, not kept") {
  OutputLines lines;
  for (int i = 0; i < 1'500; ++i) lines.add(i % 2 ? Stream::out : Stream::err, "line\n", kStart);
  const auto entries = lines.take(kStart);
  REQUIRE(entries.size() == OutputLines::kLinesMax + 1);
  CHECK(entries.back().message ==
        "output cut: 500 more lines were dropped, over the limit of 1000");
  CHECK(entries.back().level == LogLevel::warn);
}

TEST_CASE("of the lines over the limit, too, only those that say something are counted") {
  OutputLines lines;
  lines.add(Stream::err, " \t", kStart);  // begun before the limit, ends after it
  for (std::size_t i = 0; i < OutputLines::kLinesMax; ++i) lines.add(Stream::out, "line\n", kStart);
  lines.add(Stream::out, "\n\r\n  \t\r\n", kStart);
  lines.add(Stream::out, "  ", kStart);
  lines.add(Stream::out, "one\n", kStart);
  lines.add(Stream::err, "\ntwo\n" + std::string(10'000, ' ') + "three", kStart);
  const auto entries = lines.take(kStart);
  REQUIRE(entries.size() == OutputLines::kLinesMax + 1);
  CHECK_THAT(entries.back().message, Catch::StartsWith("output cut: 3 more lines"));
}
