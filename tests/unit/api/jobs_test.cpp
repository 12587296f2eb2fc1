// What batch jobs and invocations say of themselves, and what may be asked of them.
#include "daemon/core/child_run.h"
#include "tests/support/hooked_store.h"
#include "tests/unit/api/api_home.h"

namespace rruled::test {
namespace {

namespace json = boost::json;

const std::string kOld = R"({"properties":[{"key":"age","operator":"gte","value":18}]})";
const std::string kNew = R"({"properties":[{"key":"email","operator":"is_set"}]})";

// A flow with these filters, a job of it, and what a daemon does with it.
class JobHome : public ApiHome {
 public:
  explicit JobHome(StoreKind kind, Wrap wrap = {})
      : ApiHome(kind, io::ApiAuth::token, std::move(wrap)) {
    for (const char* name : {"a", "b"})
      json(201, "POST", kProject + "persons/",
           R"({"distinct_id":")" + std::string(name) + R"(","properties":{"age":31}})");
    flow = kFlows +
           text(json(201, "POST", kFlows, R"({"status":"active","trigger":)" + trigger(kOld) + "}"),
                "id") +
           "/";
    session = store().begin_session({store::random_uuid_v7(clock.at)}, clock.at);
  }
  static std::string trigger(const std::string& filters) {
    return R"({"type":"batch","filters":)" + filters + "}";
  }
  void change_filters() { json(200, "PATCH", flow, R"({"trigger":)" + trigger(kNew) + "}"); }
  store::RunId order() {
    return *store::parse_id<store::RunId>(
        text(json(200, "POST", flow + "batch_jobs/", "{}"), "id"));
  }
  store::Run claim() {
    const auto runs = store().claim({session.claimant, {"default"}, 1}, clock.at).runs;
    REQUIRE(runs.size() == 1);
    return runs.front();
  }
  void finish(const store::Run& run, store::Finish end = {}) {
    end.run_id = run.id;
    end.fence = run.fence;
    end.attempt.run_id = run.id;
    end.attempt.started_at = clock.at;
    REQUIRE(store().finish({end}, session.claimant, clock.at).front().written);
  }
  void spread(const store::Run& run) {
    const auto audience = store().audience();
    store::FanOut page{{run.id, run.fence, session.claimant}, {}};
    REQUIRE(audience->open_job(page.claim, clock.at));
    while (audience->fan_out(page, core::ChildMaker(run), clock.at).kind ==
           store::FannedOut::Kind::more) {
    }
  }
  boost::json::value filters(const std::string& list, std::size_t index = 0) {
    return json(200, "GET", flow + list).at("results").at(index).at("filters");
  }
  store::Store& store() { return *backend().store; }

  std::string flow;  // its path
  store::Session session;
};

// Counts the questions that count children.
class CountedAudience final : public HookedAudience {
 public:
  CountedAudience(std::unique_ptr<store::Audience> inner, CallHook& hook, int& counted)
      : HookedAudience(std::move(inner), hook), counted_(counted) {}
  std::vector<store::JobProgress> progress(const std::vector<store::RunId>& ids) override {
    ++counted_;
    return HookedAudience::progress(ids);
  }

 private:
  int& counted_;
};
class CountedStore final : public HookedStore {
 public:
  CountedStore(std::shared_ptr<store::Store> inner, int& counted)
      : HookedStore(*inner, [](When, int) {}), inner_(std::move(inner)), counted_(counted) {}
  std::unique_ptr<store::Audience> audience() override {
    return std::make_unique<CountedAudience>(inner_->audience(), hook_, counted_);
  }

 private:
  const std::shared_ptr<store::Store> inner_;
  CallHook hook_{[](When, int) {}};
  int& counted_;
};

}  // namespace

TEST_CASE("the invocations of a job had the filters that its flow has now") {
  JobHome home(either_store());
  (void)home.order();
  home.spread(home.claim());
  home.finish(home.claim());
  home.change_filters();
  CHECK(home.filters("batch_jobs/") == json::parse(kOld));
  REQUIRE(home.json(200, "GET", home.flow + "invocations/").at("count") == 2);
  for (const std::size_t index : {0U, 1U})
    CHECK(home.filters("invocations/", index) == json::parse(kOld));
  CHECK(home.json(200, "GET", home.flow + "invocations/")
            .at("results")
            .at(0)
            .at("progress")
            .is_null());
}

TEST_CASE("a job that never began had the filters that its flow has now") {
  JobHome home(either_store());
  const auto id = home.order();
  CHECK(home.filters("batch_jobs/") == json::parse(kOld));
  home.change_filters();
  // It will begin with those.
  CHECK(home.filters("batch_jobs/") == json::parse(kNew));
  SECTION("and was cancelled") {
    const auto ended =
        home.json(200, "POST", home.flow + "batch_jobs/" + to_string(id) + "/cancel/");
    CHECK(ended.at("status") == "cancelled");
    CHECK(ended.at("filters").is_null());
  }
  SECTION("here, but was delivered whole") {
    home.finish(home.claim());
    CHECK(home.filters("batch_jobs/").is_null());
  }
  SECTION("here, but goes on elsewhere") {
    store::Finish accepted;
    accepted.status = store::RunStatus::running;
    accepted.available_at = home.clock.at + std::chrono::seconds(5);
    accepted.remote_id = "job-1";
    home.finish(home.claim(), accepted);
    CHECK(home.filters("batch_jobs/").is_null());
  }
}

TEST_CASE("a job that was claimed and had not begun had no filters") {
  JobHome home(either_store());
  (void)home.order();
  const auto run = home.claim();
  CHECK(home.filters("batch_jobs/") == json::parse(kOld));
  home.change_filters();
  CHECK(home.filters("batch_jobs/") == json::parse(kNew));
  home.spread(run);
  CHECK(home.filters("batch_jobs/") == json::parse(kNew));
}

TEST_CASE("a list of invocations counted the whole audience of their job") {
  int counted = 0;
  JobHome home(either_store(), [&](auto inner) {
    return std::make_shared<CountedStore>(std::move(inner), counted);
  });
  (void)home.order();
  home.spread(home.claim());
  counted = 0;
  CHECK(home.filters("invocations/") == json::parse(kOld));
  CHECK(counted == 0);
  CHECK(home.filters("batch_jobs/") == json::parse(kOld));
  CHECK(counted == 1);
}

TEST_CASE("an invocation that no job made chose nobody") {
  ApiHome home(either_store());
  const auto path = kFlows + home.make_flow() + "/";
  CHECK(home.json(200, "POST", path + "invocations/").at("filters") == json::object());
  home.json(200, "PATCH", path, R"({"trigger":)" + JobHome::trigger(kNew) + "}");
  CHECK(home.json(200, "GET", path + "invocations/").at("results").at(0).at("filters") ==
        json::object());
}

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
