#include "daemon/cli/run_watch.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

// Latest due first: from the run `last` down to `first`.
std::vector<store::Run> runs(int first, int last) {
  std::vector<store::Run> rows;
  for (int i = last; i >= first; --i) {
    store::Run run;
    run.id.value.data[15] = static_cast<std::uint8_t>(i);
    run.due_at = store::Timestamp(std::chrono::seconds(i));
    rows.push_back(run);
  }
  return rows;
}

}  // namespace

TEST_CASE("a watch says when runs came and left between two looks") {
  cli::RunWatch watch;
  const auto first = watch.look(runs(1, 5), 5);
  CHECK(first.runs.empty());
  CHECK_FALSE(first.more);
  // One that was there before is still in the list: nothing was passed over.
  const auto four = watch.look(runs(5, 9), 5);
  REQUIRE(four.runs.size() == 4);
  CHECK(four.runs.front().due_at < four.runs.back().due_at);
  CHECK_FALSE(four.more);
  const auto many = watch.look(runs(11, 15), 5);
  CHECK(many.runs.size() == 5);
  CHECK(many.more);
  auto tried = runs(11, 15);
  tried[2].attempts = 1;
  const auto one = watch.look(tried, 5);
  REQUIRE(one.runs.size() == 1);
  CHECK(one.runs[0].id == tried[2].id);
  CHECK_FALSE(one.more);
}

TEST_CASE("a watch that began with nothing has all that comes") {
  cli::RunWatch watch;
  CHECK(watch.look({}, 5).runs.empty());
  const auto events = watch.look(runs(1, 4), 5);
  CHECK(events.runs.size() == 4);
  CHECK_FALSE(events.more);
}

}  // namespace rruled::test
