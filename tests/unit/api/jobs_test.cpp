// What batch jobs and invocations say of themselves, and what may be asked of them.
#include "daemon/core/child_run.h"
#include "tests/unit/api/api_home.h"

namespace rruled::test {

TEST_CASE("a test of one action was a real run") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  const auto path = kFlows + flow + "/invocations/";
  const std::string of_client =
      R"({"configuration":{},"globals":{"event":{}},"mock_async_functions":true})";
  const auto refused = home.json(400, "POST", path, of_client);
  CHECK(attr(refused) == "configuration");
  CHECK_THAT(detail(refused), Catch::Contains("this runs for real"));
  for (const std::string key :
       {"globals", "mock_async_functions", "current_action_id", "use_draft"}) {
    const std::string body = R"({"variables":{},")" + key + R"(":null})";
    CHECK(attr(home.json(400, "POST", path, body)) == key);
  }
  CHECK(home.json(200, "GET", path).at("count") == 0);
  CHECK(header(home.ask("POST", path, R"({"typo":1})"), "Warning").find("typo") !=
        std::string::npos);
  CHECK(home.json(200, "GET", path).at("count") == 1);
}

}  // namespace rruled::test
