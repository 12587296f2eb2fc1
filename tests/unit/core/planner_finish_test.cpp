// Ends of runs on their way to the store: many at once, or few with much to say.
#include "daemon/core/planner.h"
#include "planner_actions.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;

// Runs that their executor has delivered.
struct Ended {
  Ended(std::uint8_t count, std::size_t lines, std::size_t bytes)
      : planner({.executors = {{"default", 200}}, .unwritten_bytes_max = 20'000'000}, zones, kNow) {
    (void)planner.step(kNow);
    std::vector<store::Run> runs;
    for (std::uint8_t number = 1; number <= count; ++number) runs.push_back(claimed_run(number));
    planner.complete(core::Claimed{{runs, kNow}}, kNow);
    const auto actions = planner.step(kNow);
    REQUIRE(all_of<core::Deliver>(actions).size() == count);
    REQUIRE(all_of<core::Claim>(actions).size() == 1);
    for (const auto& run : runs) {
      core::Report report;
      report.output.assign(lines, {{}, {}, kNow, store::LogLevel::info, std::string(bytes, 'x')});
      planner.complete(core::Delivered{run.id, std::move(report)}, kNow);
    }
  }
  // The runs of each batch, as the store takes them.
  std::vector<std::size_t> write_all() {
    std::vector<std::size_t> sizes;
    for (auto ends = finish(); !ends.empty(); ends = finish()) {
      sizes.push_back(ends.at(0).batch.size());
      planner.complete(core::Finished{std::vector<store::FinishResult>(sizes.back())}, kNow);
    }
    return sizes;
  }
  std::vector<core::FinishRuns> finish() {
    auto actions = planner.step(kNow);
    claims += all_of<core::Claim>(actions).size();
    return all_of<core::FinishRuns>(actions);
  }

  rrule::ZoneDatabase zones;
  core::Planner planner;
  std::size_t claims = 0;
};

}  // namespace

TEST_CASE("ends with much output are not written in one batch that keeps what is due waiting") {
  SECTION("few words in many lines") {
    Ended ended(10, 900, 1);
    CHECK(ended.write_all() == std::vector<std::size_t>{2, 2, 2, 2, 2});
  }
  SECTION("long lines") {
    Ended ended(10, 300, 4'000);
    CHECK(ended.write_all() == std::vector<std::size_t>{3, 3, 3, 1});
  }
  SECTION("each is too large") {
    Ended ended(3, 2'500, 4'000);
    CHECK(ended.write_all() == std::vector<std::size_t>{1, 1, 1});
  }
  SECTION("little") {
    Ended ended(100, 10, 100);
    CHECK(ended.write_all() == std::vector<std::size_t>{100});
  }
}

TEST_CASE("the log of a dead run has why it was given up, and its row a word for it") {
  Ended ended(1, 0, 0);
  (void)ended.write_all();
  auto run = claimed_run(2);
  run.attempts = 2;
  run.retry.max_attempts = 2;
  ended.planner.complete(core::Claimed{{{run}, kNow}}, kNow);
  REQUIRE(all_of<core::Deliver>(ended.planner.step(kNow)).size() == 1);
  core::Report report;
  report.kind = core::Report::Kind::retry;
  report.error = "cannot connect";
  ended.planner.complete(core::Delivered{run.id, std::move(report)}, kNow);
  const auto ends = ended.finish();
  REQUIRE(ends.size() == 1);
  const auto& end = ends.at(0).batch.at(0);
  CHECK(end.status == store::RunStatus::dead);
  CHECK(end.reason == "attempts_used_up");
  CHECK(end.attempt.error == "cannot connect");
  CHECK(end.logs.back().message == "attempt 2: dead: its 2 attempts are used up: cannot connect");
}

TEST_CASE("an end with much output is written whole after the store has failed") {
  Ended ended(3, 900, 4'000);
  REQUIRE(ended.finish().at(0).batch.size() == 1);
  ended.planner.complete(core::StoreFailed{core::StoreFailed::What::finish, "cut", false}, kNow);
  const auto again = all_of<core::FinishRuns>(ended.planner.step(kNow + 60s));
  REQUIRE(again.size() == 1);
  REQUIRE(again.at(0).batch.size() == 1);
  CHECK(again.at(0).batch.at(0).logs.size() == 901);
  CHECK(again.at(0).batch.at(0).logs.at(0).message.size() == 4'000);
}

TEST_CASE("output that is not written holds back runs that would add to it") {
  Ended ended(2, 1, 10'000'000);
  ended.planner.complete(core::Claimed{{{}, kNow}}, kNow);
  REQUIRE(ended.finish().size() == 1);
  CHECK(ended.claims == 0);
  ended.planner.complete(core::Finished{{{.written = true}}}, kNow);
  REQUIRE(ended.finish().size() == 1);
  CHECK(ended.claims == 1);
}

}  // namespace rruled::test
