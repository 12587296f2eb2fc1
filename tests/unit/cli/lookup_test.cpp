#include "daemon/cli/lookup.h"

#include "store/memory_store.h"
#include "tests/support/hooked_store.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

namespace rruled::test {
namespace {

store::Timestamp at(int seconds) { return store::Timestamp(std::chrono::seconds(seconds)); }

store::Flow numbered_flow(int number) {
  store::Flow flow;
  flow.id.value.data[14] = static_cast<std::uint8_t>(number >> 8);
  flow.id.value.data[15] = static_cast<std::uint8_t>(number & 0xff);
  flow.trigger_type = "schedule";
  flow.updated_at = at(number);
  return flow;
}

// Somebody else writes the flow that was not written for longest, after each read.
class RestlessStore final : public HookedStore {
 public:
  explicit RestlessStore(store::Store& inner)
      : HookedStore(inner, [](When, int) {}), inner_(inner) {}
  std::vector<store::Flow> flows(const store::FlowQuery& query) override {
    auto rows = inner_.flows(query);
    auto oldest = inner_.flows({.limit = 5'000}).back();
    const auto revision = oldest.revision;
    oldest.updated_at = at(10'000 + ++reads_);
    REQUIRE_FALSE(inner_.write({.flows = {{oldest, revision}}}, oldest.updated_at));
    return rows;
  }

 private:
  store::Store& inner_;
  int reads_ = 0;
};

}  // namespace

TEST_CASE("an export has every flow once, although one is written meanwhile") {
  store::MemoryStore store;
  store::ChangeSet changes;
  for (int i = 0; i < 2'500; ++i) changes.flows.push_back({numbered_flow(i), std::nullopt});
  REQUIRE_FALSE(store.write(changes, at(0)));
  RestlessStore restless(store);
  const auto flows = cli::all_flows(restless);
  std::set<store::FlowId> ids;
  for (const auto& flow : flows) ids.insert(flow.id);
  CHECK(flows.size() == 2'500);
  CHECK(ids.size() == 2'500);
}

TEST_CASE("the beginning of an id finds the run of long ago, and what it could be") {
  store::MemoryStore store;
  REQUIRE_FALSE(store.write({.flows = {{numbered_flow(1), std::nullopt}}}, at(0)));
  const auto add = [&](const char* id, int due) {
    store::Run run;
    run.id = store::parse_id<store::RunId>(id).value();
    run.flow_id = numbered_flow(1).id;
    run.due_at = run.created_at = at(due);
    REQUIRE_FALSE(store.write({.runs = {run}}, at(due)));
    return run.id;
  };
  const auto old = add("0190f6a2-1000-7000-8000-000000000000", 1);
  add("0190f6a2-2000-7000-8000-000000000000", 20'000);
  add("0190f6a3-0000-7000-8000-000000000000", 20'001);
  CHECK(cli::find_run(store, "0190F6A2-1").id == old);
  CHECK(cli::find_run(store, "0190f6a2-1000-7").id == old);
  CHECK_THROWS_WITH(
      cli::find_run(store, "0190f6a2"),
      Catch::Contains("0190f6a2 could be run 0190f6a2-1") && Catch::Contains("or 0190f6a2-2"));
  for (const auto* text : {"0190f6a1", "0190f6a2-3", "0190f6a4", "0190-f6a2", "019", "0190f6a21"})
    CHECK_THROWS_WITH(cli::find_run(store, text),
                      Catch::Contains(std::string("no run ") + text + "\n"));
}

TEST_CASE("a write beside busy schedules waits between its tries, and gives up in the end") {
  std::vector<std::string> steps;
  const auto wait = [&] { steps.emplace_back("wait"); };
  const auto conflicts = [&](int count) {
    return [&steps, count]() -> std::optional<store::Conflict> {
      steps.emplace_back("try");
      const auto tries = std::count(steps.begin(), steps.end(), "try");
      if (tries > count) return std::nullopt;
      return store::Conflict{.kind = store::Conflict::Kind::changed,
                             .flow_id = {},
                             .schedule_id = store::ScheduleId{},
                             .run_id = {}};
    };
  };
  cli::write_by(conflicts(2), wait);
  CHECK(steps == std::vector<std::string>{"try", "wait", "try", "wait", "try"});
  steps.clear();
  cli::write_by(conflicts(7), wait);
  CHECK(steps.size() == 15);
  steps.clear();
  CHECK_THROWS_AS(cli::write_by(conflicts(8), wait), cli::Failure);
  CHECK(steps.size() == 15);
}

}  // namespace rruled::test
