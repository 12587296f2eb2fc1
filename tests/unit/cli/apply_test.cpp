#include "daemon/cli/apply.h"

#include "store/memory_store.h"
#include "tests/support/hooked_store.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/cli/command_line.h"
#include "tests/unit/io/io_fixture.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <functional>
#include <set>

// Applying files while somebody else writes.
namespace rruled::test {
namespace {

constexpr cli::ApplyOptions kPrune{.prune = true};

class ApplyTest {
 public:
  ApplyTest() {
    write_file("both.json", R"([{"name":"kept"},{"name":"pruned"}])");
    write_file("kept.json", R"([{"name":"kept"}])");
    (void)apply(store, "both.json");
  }

 protected:
  std::vector<std::string> apply(store::Store& to, const char* file) {
    return cli::apply_files(to, folder_.file(file), kPrune, rules, clock_).lines;
  }
  std::optional<store::Flow> flow(const std::string& name) {
    for (const auto& each : store.flows({}))
      if (each.name == name) return each;
    return std::nullopt;
  }
  void put(const store::Flow& before, const std::string& description) {
    auto after = before;
    after.description = description;
    REQUIRE_FALSE(store.write({.flows = {{after, before.revision}}}, kStart));
  }

  void write_file(const char* name, const std::string& text) {
    std::ofstream(folder_.file(name)) << R"({"flows":)" << text << "}";
  }

  [[nodiscard]] std::string file(const char* name) const { return folder_.file(name); }

  store::MemoryStore store;
  rrule::ZoneDatabase zones;
  core::ScheduleRules rules{.zones = zones, .may_use_executor = {}};

 private:
  TempDir folder_;
  FakeClock clock_{kStart};
};

}  // namespace

TEST_CASE_METHOD(ApplyTest, "a flow that somebody else deletes first does not stop a prune") {
  CrowdedStore crowded(store, [&](int write) {
    if (write == 1) REQUIRE_FALSE(store.write({.delete_flows = {{flow("pruned")->id}}}, kStart));
  });
  CHECK(apply(crowded, "kept.json").empty());
  CHECK(crowded.writes() == 1);
  CHECK(flow("kept"));
}

TEST_CASE_METHOD(ApplyTest, "an edit that comes with the activation of its flow leaves its gap") {
  const auto write = [&](const char* name, const std::string& status, const std::string& rule) {
    write_file(name, R"([{"name":"a","trigger":{"type":"schedule"},"status":")" + status +
                         R"(","schedules":[{"id":"0190f6a2-0000-7000-8000-000000000001",)"
                         R"("starts_at":"2026-01-01T12:00:00Z","rrule":")" +
                         rule + R"("}]}])");
  };
  write("draft.json", "draft", "FREQ=DAILY");
  write("active.json", "active", "FREQ=HOURLY");
  (void)apply(store, "draft.json");
  FakeClock later(kStart + std::chrono::hours(72));
  (void)cli::apply_files(store, file("active.json"), kPrune, rules, later);
  const auto row = store.schedules({}).at(0);
  CHECK(row.next_run_at);
  const auto gaps = store.gaps(row.id);
  REQUIRE(gaps.size() == 1);
  CHECK(gaps[0].reason == store::GapReason::flow_inactive);
  CHECK(gaps[0].count == 3);
}

TEST_CASE_METHOD(ApplyTest, "what a resume asked catch-up for outlives an edit by file") {
  const auto write = [&](const char* name, const std::string& note) {
    write_file(name, R"([{"name":"a","trigger":{"type":"schedule"},"status":"active","schedules":)"
                     R"([{"id":"0190f6a2-0000-7000-8000-000000000001","rrule":"FREQ=HOURLY",)"
                     R"("starts_at":"2026-01-01T12:00:00Z","note":")" +
                         note + R"("}]}])");
  };
  write("first.json", "first");
  write("second.json", "second");
  (void)apply(store, "first.json");
  const auto before = store.schedules({}).at(0);
  auto resumed = before;
  resumed.resumed_at = kStart;
  resumed.resume_catchup = store::CatchupPolicy::all;
  const store::ScheduleStamp stamp{before.version, before.next_run_at, before.status};
  REQUIRE_FALSE(store.write({.schedules = {{resumed, stamp}}}, kStart));
  CHECK(apply(store, "second.json").size() == 1);
  const auto after = store.schedules({}).at(0);
  CHECK(after.note == "second");
  CHECK(after.resumed_at == resumed.resumed_at);
  CHECK(after.resume_catchup == resumed.resume_catchup);
}

TEST_CASE_METHOD(ApplyTest, "a schedule that is over stops no file on a new machine") {
  write_file("over.json",
             R"([{"name":"a","trigger":{"type":"schedule"},"status":"active","schedules":[)"
             R"({"rrule":"FREQ=DAILY;COUNT=3","starts_at":"2025-01-01T12:00:00Z"},)"
             R"({"rrule":"FREQ=DAILY","starts_at":"2025-01-01T12:00:00Z"}]}])");
  const auto lines = apply(store, "over.json");
  CHECK(std::ranges::count_if(lines, [](const auto& each) {
          return each.ends_with(" (over: nothing comes any more)");
        }) == 1);
  std::set<store::ScheduleStatus> all;
  for (const auto& row : store.schedules({})) {
    all.insert(row.status);
    CHECK(row.next_run_at.has_value() == (row.status == store::ScheduleStatus::active));
  }
  CHECK(all == std::set{store::ScheduleStatus::active, store::ScheduleStatus::completed});
  CHECK(apply(store, "over.json").empty());
}

TEST_CASE_METHOD(ApplyTest, "what is pruned is what was read, or it is planned again") {
  CrowdedStore crowded(store, [&](int write) {
    if (write == 1) put(*flow("pruned"), "still needed");
  });
  const auto id = to_string(flow("pruned")->id);
  CHECK(apply(crowded, "kept.json") == std::vector<std::string>{"- flow pruned " + id});
  CHECK(crowded.writes() == 2);
  CHECK_FALSE(flow("pruned"));
}

TEST_CASE("apply took - for the name of a file") {
  const CommandLine line;
  const std::string flows =
      R"({"flows":[{"name":"Piped","trigger":{"type":"schedule"},"schedules":[)"
      R"({"rrule":"FREQ=DAILY","starts_at":"2030-01-01T00:00:00Z"}]}]})";
  const auto applied = line.rruled({"apply", "-"}, flows);
  INFO(applied.err);
  CHECK(applied.exit_code == 0);
  CHECK_THAT(applied.out, Catch::Contains("+ flow Piped "));
  CHECK(line.rruled({"apply", "-"}, flows).out == "Nothing to change.\n");
  const auto refused = line.rruled({"apply", "-"}, R"({"flows":[{"nam":"a"}]})");
  CHECK(refused.exit_code == 1);
  CHECK_THAT(refused.err, Catch::StartsWith("rruled: standard input: flows[0].nam: "));
}

}  // namespace rruled::test
