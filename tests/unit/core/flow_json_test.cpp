#include "daemon/core/flow_json.h"

#include "daemon/core/run_identity.h"
#include "tests/support/cases.h"

#include <catch2/catch.hpp>

using namespace rruled;
using namespace rruled::core;
namespace json = boost::json;

namespace {

const store::Timestamp kCreated{std::chrono::milliseconds(1'780'000'000'250)};

store::Flow default_flow() {
  store::Flow flow;
  flow.id = *store::parse_id<store::FlowId>("0190f6a2-0000-7000-8000-00000000000f");
  flow.created_at = kCreated;
  return flow;
}

FieldResult<store::Flow> read_flow(std::string_view text, const store::Flow& base, JsonUse use) {
  return flow_from_json(parse_json(text).value().get_object(), base, use, kCreated);
}

FieldResult<store::Flow> read_flow(std::string_view text) {
  return read_flow(text, default_flow(), JsonUse::create);
}

const char* kActive = R"({"name":"Daily","status":"active","actions":[
  {"id":"trigger_node","name":"Trigger","type":"trigger","config":{"type":"schedule"}},
  {"id":"wait","name":"Wait","type":"delay","config":{"delay_duration":"1.5h"}},
  {"id":"call","name":"Call","type":"function","config":{"inputs":{}}},
  {"id":"mail","name":"Mail","type":"function_email","config":{}},
  {"id":"exit","name":"Exit","type":"exit","config":{}}],
  "edges":[{"from":"trigger_node","to":"wait","type":"continue"}],
  "variables":[{"key":"lang","type":"string","default":"en"},
    {"key":"n","type":"number","default":5}]})";

}  // namespace

TEST_CASE("a flow needs nothing while it is a draft") {
  const auto flow = read_flow("{}");
  REQUIRE(flow.has_value());
  CHECK(flow->status == store::FlowStatus::draft);
  CHECK(flow->version == 1);
  CHECK(flow->trigger_type.empty());
  CHECK_FALSE(flow->name);
}

TEST_CASE("a trigger as deep as a body may be was taken, and its flow had no actions") {
  std::string deep = R"({"type":"schedule"})";
  for (std::size_t depth = 1; depth < kJsonDepthMax - 1; ++depth) deep = R"({"a":)" + deep + "}";
  const auto flow = read_flow(R"({"trigger":)" + deep + "}");
  REQUIRE(flow.has_value());
  const auto object = to_json(*flow);
  CHECK(json_text(object.at("trigger")) == deep);
  REQUIRE(object.at("actions").as_array().size() == 1);
  CHECK(json_text(object.at("actions").at(0).at("config")) == deep);
  // A change of something else keeps them.
  const auto again = read_flow(R"({"name":"n"})", *flow, JsonUse::patch);
  REQUIRE(again.has_value());
  CHECK(again->actions == flow->actions);
  CHECK(merge_variables("[]", "{}", deep) == deep);
}

TEST_CASE("the trigger is the config of the one trigger action") {
  const auto flow = read_flow(kActive);
  REQUIRE(flow.has_value());
  CHECK(flow->trigger_type == "schedule");
  CHECK(flow->trigger == R"({"type":"schedule"})");
  CHECK(json_text(to_json(*flow).at("billable_action_types")) ==
        R"(["function","function_email"])");
  CHECK(flow->variables == R"([{"key":"lang","type":"string","default":"en"},)"
                           R"({"key":"n","type":"number","default":"5"}])");
}

TEST_CASE("a body without actions may give the trigger itself") {
  const auto flow =
      read_flow(R"({"status":"active","trigger":{"type":"batch","filters":{"properties":[]}}})");
  REQUIRE(flow.has_value());
  CHECK(flow->trigger_type == "batch");
  CHECK(flow->actions == R"([{"id":"trigger","name":"Trigger","type":"trigger",)"
                         R"("config":{"type":"batch","filters":{"properties":[]}}}])");
  CHECK(read_flow(R"({"actions":[],"trigger":{"type":"schedule"}})").value().actions.size() > 2);
  CHECK(read_flow(R"({"trigger":null})").error().attr == "trigger");
  CHECK(read_flow(R"({"actions":[]})").error().attr == "actions");
}

TEST_CASE("what is wrong with a flow is told by field") {
  const auto cases = testing::read_cases("bad_flows");
  for (const auto& each : cases) {
    CAPTURE(json_text(each));
    const auto flow =
        flow_from_json(each.at("body").as_object(), default_flow(), JsonUse::create, kCreated);
    REQUIRE_FALSE(flow.has_value());
    CHECK(flow.error().attr == testing::text_of(each, "attr"));
    CHECK_THAT(flow.error().detail, Catch::StartsWith(testing::text_of(each, "detail")));
  }
  CHECK(cases.size() == 42);
}

TEST_CASE("a draft and an archived flow may be incomplete, and neither may be activated so") {
  const char* incomplete =
      R"({"status":"archived","actions":[{"id":"t","type":"trigger","config":{"type":"batch"}},)"
      R"({"type":"x"}]})";
  const auto flow = read_flow(incomplete);
  REQUIRE(flow.has_value());
  const auto activated = read_flow(R"({"status":"active"})", *flow, JsonUse::patch);
  REQUIRE_FALSE(activated.has_value());
  CHECK(activated.error().attr == "actions__0__filters");
}

TEST_CASE("the version grows when what runs changes, and only then") {
  const auto flow = read_flow(kActive);
  REQUIRE(flow.has_value());
  struct Case {
    const char* body;
    std::int64_t version;
  };
  const auto cases = std::vector<Case>{
      {R"({"name":"Other"})", 1},
      {R"({"status":"archived"})", 1},
      {R"({"description":"more"})", 1},
      {R"({"actions":[{"id":"a","type":"trigger","config":{"type":"schedule"}}]})", 2},
      {R"({"variables":[]})", 2},
      {R"({"edges":[]})", 2},
      {R"({"trigger":{"type":"event"}})", 2},
      {R"({"exit_condition":"exit_only_at_end"})", 2},
      {R"({"trigger_masking":{"hash":"h"}})", 2},
  };
  for (const auto& each : cases) {
    CAPTURE(each.body);
    const auto patched = read_flow(each.body, *flow, JsonUse::patch);
    REQUIRE(patched.has_value());
    CHECK(patched->version == each.version);
  }
  CHECK(cases.size() == 9);
}

TEST_CASE("a patch of the trigger goes into the stored actions") {
  const auto flow = read_flow(kActive);
  REQUIRE(flow.has_value());
  const auto patched = read_flow(R"({"trigger":{"type":"event"}})", *flow, JsonUse::patch);
  REQUIRE(patched.has_value());
  CHECK(patched->trigger_type == "event");
  CHECK_THAT(patched->actions, Catch::Contains(R"("config":{"type":"event"})"));
}

TEST_CASE("fields come in the order of the API, and read back equal") {
  const auto flow = read_flow(kActive);
  REQUIRE(flow.has_value());
  const json::object object = to_json(*flow);
  std::string keys;
  for (const auto& each : object) keys += std::string(each.key()) + " ";
  CHECK(keys ==
        "id name description version status created_at created_by updated_at trigger "
        "trigger_masking conversion exit_condition edges actions abort_action variables "
        "billable_action_types ");
  const auto again = flow_from_json(object, default_flow(), JsonUse::import, kCreated);
  REQUIRE(again.has_value());
  CHECK(same_settings(*flow, *again));
  CHECK(unknown_flow_keys(object).empty());
  CHECK(unknown_flow_keys({{"name", 1}, {"nmae", 1}}, "flows__3") ==
        std::vector<std::string>{"flows__3__nmae"});
}

TEST_CASE("a draft without anything reads back equal") {
  const auto flow = read_flow("{}");
  REQUIRE(flow.has_value());
  const auto again = flow_from_json(to_json(*flow), default_flow(), JsonUse::import, kCreated);
  REQUIRE(again.has_value());
  CHECK(same_settings(*flow, *again));
}
