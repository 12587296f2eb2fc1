#include "daemon/cli/apply.h"

#include "store/memory_store.h"
#include "tests/support/hooked_store.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/io/io_fixture.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <functional>

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
    return cli::apply_files(to, folder_.file(file), kPrune, rules_, clock_).lines;
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

  store::MemoryStore store;

 private:
  void write_file(const char* name, const char* text) {
    std::ofstream(folder_.file(name)) << R"({"flows":)" << text << "}";
  }
  TempDir folder_;
  rrule::ZoneDatabase zones_;
  core::ScheduleRules rules_{.zones = zones_, .may_use_executor = {}};
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

TEST_CASE_METHOD(ApplyTest, "what is pruned is what was read, or it is planned again") {
  CrowdedStore crowded(store, [&](int write) {
    if (write == 1) put(*flow("pruned"), "still needed");
  });
  const auto id = to_string(flow("pruned")->id);
  CHECK(apply(crowded, "kept.json") == std::vector<std::string>{"- flow pruned " + id});
  CHECK(crowded.writes() == 2);
  CHECK_FALSE(flow("pruned"));
}

}  // namespace rruled::test
