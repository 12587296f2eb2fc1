#include "tests/unit/cli/command_line.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

constexpr char kRunId[] = "0190f6a2-1000-7000-8000-000000000000";

// One flow with one run that waits to be claimed.
class RunVerbsTest : protected CommandLine {
 public:
  RunVerbsTest() {
    flow_.id.value.data[15] = 1;
    flow_.trigger_type = "batch";
    run_.id = store::parse_id<store::RunId>(kRunId).value();
    run_.flow_id = flow_.id;
    run_.origin = store::RunOrigin::manual;
    run_.due_at = store::Timestamp(std::chrono::seconds(1'700'000'000));
    run_.variables = R"({"card":"4111"})";
    run_.body = R"({"pin":"9731"})";
    REQUIRE_FALSE(open()->write({.flows = {{flow_, std::nullopt}}, .runs = {run_}}, run_.due_at));
  }

 protected:
  store::Flow flow_;
  store::Run run_;
};

}  // namespace

TEST_CASE_METHOD(RunVerbsTest, "the audit log keeps no body and no variables of a run") {
  sql("UPDATE runs SET status = 'dead'");
  CHECK(rruled({"runs", "retry", kRunId}).out == std::string(kRunId) + "  pending\n");
  CHECK(rruled({"runs", "cancel", kRunId}).out == std::string(kRunId) + "  cancelled\n");
  CHECK(number("SELECT count(*) FROM audit WHERE object_id = '" + std::string(kRunId) +
               "' AND action IN ('cancel', 'retry') AND instr(before, '\"status\":')") == 2);
  CHECK(number("SELECT count(*) FROM audit WHERE instr(before, '4111') OR instr(before, '9731')") ==
        0);
}

}  // namespace rruled::test
