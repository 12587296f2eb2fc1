// The API on a store that the daemon's binary serves.
#include "daemon/api/api_service.h"
#include "daemon/io/clock.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_store.h"
#include "tests/e2e/daemon_fixture.h"
#include "tests/unit/api/client.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>
#include <signal.h>
#include <spdlog/sinks/null_sink.h>

#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

namespace rruled::test {
namespace {

using testing::BackgroundProcess;
using namespace std::chrono_literals;

// The service on a thread of its own, as a daemon has it.
class RunningApi {
 public:
  explicit RunningApi(const std::string& file, api::ApiOptions options = {}) {
    options.listen = "127.0.0.1:0";
    core::ScheduleRules rules{zones_, std::chrono::seconds(1), {}};
    service_.emplace(
        io_.get_executor(), options,
        [file] { return api::open_backend({.url = "sqlite://" + file}); }, std::move(rules), clock_,
        std::make_shared<spdlog::logger>("api", std::make_shared<spdlog::sinks::null_sink_mt>()),
        [this] { return health; });
    address = service_->start();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~RunningApi() {
    boost::asio::co_spawn(io_, service_->stop(std::chrono::seconds(5)), boost::asio::use_future)
        .get();
    guard_.reset();
    thread_.join();
    service_.reset();
  }
  RunningApi(const RunningApi&) = delete;
  RunningApi& operator=(const RunningApi&) = delete;

  std::string address;
  std::vector<io::HealthCheck> health;

 private:
  rrule::ZoneDatabase zones_;
  io::SystemClock clock_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_{
      io_.get_executor()};
  std::optional<api::ApiService> service_;
  std::thread thread_;
};

// A flow with runs that have ended.
store::FlowId add_past(store::Store& store, int runs) {
  const auto now = io::SystemClock().now();
  const store::Instant begin = std::chrono::floor<std::chrono::seconds>(now) - 24h;
  store::Flow flow;
  flow.id = store::FlowId{store::random_uuid_v7(now)};
  store::Schedule schedule;
  schedule.id = store::ScheduleId{store::random_uuid_v7(now)};
  schedule.flow_id = flow.id;
  schedule.next_run_at = begin;
  schedule.next_due_at = begin;
  REQUIRE_FALSE(store.write({.flows = {{flow, {}}}, .schedules = {{schedule, {}}}}, now));
  store::Settlement settlement;
  settlement.schedule_id = schedule.id;
  settlement.next_run_at = begin;
  settlement.next_due_at = begin;
  settlement.then_run_at = begin + 48h;
  settlement.then_due_at = begin + 48h;
  for (int n = 0; n < runs; ++n) {
    auto& run = settlement.runs.emplace_back();
    run.id = store::RunId{store::random_uuid_v7(now)};
    run.flow_id = flow.id;
    run.schedule_id = schedule.id;
    run.scheduled_for = begin + std::chrono::seconds(n);
    run.due_at = run.created_at = *run.scheduled_for;
    run.status = store::RunStatus::skipped;
    run.finished_at = run.due_at;
  }
  const auto session = store.begin_session(store::OwnerId{store::random_uuid_v7(now)}, now);
  REQUIRE(store.settle({settlement}, session.claimant, now).at(0).skipped.size() ==
          static_cast<std::size_t>(runs));
  return flow.id;
}

std::string token_of(const Installation& here, std::vector<std::string> more) {
  std::vector<std::string> arguments{"token", "create"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const auto made = here.rruled(arguments);
  INFO(made.err);
  REQUIRE(made.exit_code == 0);
  return made.out.substr(0, made.out.find('\n'));
}

}  // namespace

TEST_CASE("the examples, with curl, beside a daemon that delivers what they ask for") {
  Installation here;
  BackgroundProcess daemon(here.daemon(), here.environment);
  REQUIRE(!daemon.read_until("executors:", kPatience).empty());
  const auto token = token_of(here, {"--project", "1", "--scope", "write"});
  RunningApi api(here.store());
  const auto result = testing::run_process(
      {"/usr/bin/env", "bash", RRULED_SOURCE_DIR "/tests/e2e/api_examples.sh"},
      {.environment = {{"BASE_URL", "http://" + api.address + "/api/projects/1"},
                       {"TOKEN", token}}});
  INFO(result.out << result.err);
  REQUIRE(result.exit_code == 0);
  const auto run = result.out.substr(0, result.out.find('\n'));
  CHECK(here.rruled({"runs", "watch", run}).exit_code == 0);  // until it has completed
  daemon.send_signal(SIGTERM);
  CHECK(daemon.wait() == 0);
}

TEST_CASE("tokens are made, shown once, listed and revoked") {
  Installation here;
  CHECK(here.rruled({"token", "create"}).exit_code == 2);
  CHECK(here.rruled({"token", "create", "--project", "1", "--all-projects"}).exit_code == 2);
  const auto token = token_of(here, {"--project", "7", "--name", "ci", "--expires-in", "1d"});
  CHECK(token.size() == 68);
  CHECK(token.starts_with("rru_"));
  const auto listed = here.rruled({"token", "list", "--format", "json"});
  CHECK(listed.out.find(token) == std::string::npos);
  const auto tokens = boost::json::parse(listed.out).as_array();
  REQUIRE(tokens.size() == 1);
  const auto& first = tokens.at(0);
  CHECK(first.at("name") == "ci");
  CHECK(first.at("project_id") == 7);
  CHECK(first.at("scopes") == "hog_flow:read");
  CHECK(first.at("state") == "valid");

  RunningApi api(here.store());
  const auto colon = api.address.rfind(':');
  const Client::Protocol::endpoint endpoint(boost::asio::ip::tcp::endpoint(
      boost::asio::ip::make_address("127.0.0.1"),
      static_cast<std::uint16_t>(std::stoul(api.address.substr(colon + 1)))));
  Client client(endpoint);
  const std::string request =
      get("/api/projects/7/hog_flows/", "Authorization: Bearer " + token + "\r\n");
  CHECK(client.ask(request).starts_with("HTTP/1.1 200 "));
  CHECK(client.ask(get("/api/projects/8/hog_flows/", "Authorization: Bearer " + token + "\r\n"))
            .starts_with("HTTP/1.1 403 "));
  CHECK(client.ask(get("/readyz")).starts_with("HTTP/1.1 200 "));
  const auto id = std::string(first.at("id").as_string());
  CHECK(here.rruled({"token", "revoke", "0"}).exit_code == 1);
  CHECK(here.rruled({"token", "revoke", id.substr(0, 13)}).exit_code == 0);
  const auto refused = client.ask(request);
  CHECK(refused.starts_with("HTTP/1.1 401 "));
  CHECK(refused.find("WWW-Authenticate: Bearer") != std::string::npos);
  CHECK(here.rruled({"token", "list"}).out.find("revoked") != std::string::npos);
}

// It would go on for seconds, and the service waits for its threads.
TEST_CASE("stopping breaks off the deletion of a flow with a long history") {
  Installation here;
  const auto store =
      store::open_store({.url = "sqlite://" + here.store()}, store::OpenMode::command);
  constexpr int kRuns = 20'000;
  const auto flow = add_past(*store, kRuns);
  std::optional<RunningApi> api(std::in_place, here.store(),
                                api::ApiOptions{.auth = io::ApiAuth::none});
  const auto port = std::stoul(api->address.substr(api->address.rfind(':') + 1));
  Client client(Client::Protocol::endpoint(boost::asio::ip::tcp::endpoint(
      boost::asio::ip::make_address("127.0.0.1"), static_cast<std::uint16_t>(port))));
  REQUIRE(client.send("DELETE /api/projects/1/hog_flows/" + to_string(flow) +
                      "/ HTTP/1.1\r\nHost: " + api->address + "\r\n\r\n"));
  while (store->flow(flow)->status != store::FlowStatus::archived) std::this_thread::yield();
  api.reset();
  CHECK(client.response().starts_with("HTTP/1.1 503 "));
  REQUIRE(store->flow(flow));
  CHECK(store->runs({.flow_id = flow, .limit = kRuns}).size() > kRuns / 2);
}

TEST_CASE("the command line deletes a flow with a long history, and says so once") {
  Installation here;
  const auto store =
      store::open_store({.url = "sqlite://" + here.store()}, store::OpenMode::command);
  const auto flow = add_past(*store, 700);
  const auto deleted = here.rruled({"flow", "delete", to_string(flow)});
  INFO(deleted.err);
  CHECK(deleted.exit_code == 0);
  CHECK(deleted.out == "deleted flow " + to_string(flow) + " with its schedules, runs and logs\n");
  CHECK_FALSE(store->flow(flow));
  CHECK(store->runs({.flow_id = flow}).empty());
  CHECK(store->schedules({.flow_id = flow}).empty());
  const auto lines = store->directory()->audit({.object_id = to_string(flow)}, {});
  REQUIRE(lines.count == 1);
  CHECK(lines.rows.at(0).action == "delete");
  CHECK(lines.rows.at(0).actor.starts_with("cli "));
  CHECK(here.rruled({"flow", "delete", to_string(flow)}).exit_code == 1);
}

// A store with a flow of 20,000 runs that are over, and files that do not name it.
struct Pruning {
  static constexpr int kRuns = 20'000;
  Installation here;
  std::unique_ptr<store::Store> store =
      store::open_store({.url = "sqlite://" + here.store()}, store::OpenMode::command);
  store::FlowId flow = add_past(*store, kRuns);

  [[nodiscard]] auto apply() { return here.rruled({"apply", here.file("flows.json"), "--prune"}); }
  // Until the flow is being deleted, or the command has ended.
  [[nodiscard]] auto begin() {
    std::ofstream(here.file("flows.json")) << R"({"flows":[{"name":"Other","project_id":1}]})";
    auto applied = std::async(std::launch::async, [this] { return apply(); });
    const auto is_whole = [this] {
      const auto row = store->flow(flow);
      return row && row->status != store::FlowStatus::archived;
    };
    while (is_whole() && applied.wait_for(0s) == std::future_status::timeout)
      std::this_thread::yield();
    return applied;
  }
};

// In one transaction it would keep all others from writing, and nothing would fire.
TEST_CASE("apply --prune deletes a flow with a long history in steps") {
  Pruning prune;
  auto& store = *prune.store;
  auto applied = prune.begin();
  // The rest of the files has come, and the schedules are gone, before the history is.
  CHECK(store.flows({.project_id = 1}).size() == 2);
  CHECK(store.schedules({.flow_id = prune.flow}).empty());
  CHECK(store.runs({.flow_id = prune.flow, .limit = 1, .offset = Pruning::kRuns / 2}).size() == 1);
  const auto result = applied.get();
  INFO(result.err);
  CHECK(result.exit_code == 0);
  CHECK_THAT(result.out, Catch::Contains("- flow ") && Catch::Contains("+ flow Other"));
  CHECK_FALSE(store.flow(prune.flow));
  CHECK(store.runs({.flow_id = prune.flow}).empty());
  const auto lines = store.directory()->audit({.object_id = to_string(prune.flow)}, {});
  REQUIRE(lines.count == 1);
  CHECK(lines.rows.at(0).action == "delete");
}

TEST_CASE("a prune that is broken off says what it wrote, and the next one finishes it") {
  Pruning prune;
  auto applied = prune.begin();
  // Another program keeps the lock for longer than anybody waits.
  const auto broken = dynamic_cast<store::SqliteStore&>(*prune.store).connection().write([&] {
    return applied.get();
  });
  CHECK(broken.exit_code == 1);
  CHECK_THAT(broken.out, Catch::Contains("- flow ") && Catch::Contains("+ flow Other"));
  CHECK_THAT(broken.err, Catch::Contains("apply again with --prune"));
  REQUIRE(prune.store->flow(prune.flow));
  CHECK(prune.store->flow(prune.flow)->status == store::FlowStatus::archived);
  CHECK(prune.apply().exit_code == 0);
  CHECK_FALSE(prune.store->flow(prune.flow));
}

TEST_CASE("an API that cannot start says why") {
  Installation here;
  rrule::ZoneDatabase zones;
  io::SystemClock clock;
  boost::asio::io_context io;
  const auto start = [&](api::ApiOptions options) {
    api::ApiService service(
        io.get_executor(), std::move(options),
        [&] { return api::open_backend({.url = "sqlite://" + here.store()}); },
        core::ScheduleRules{zones, std::chrono::seconds(1), {}}, clock,
        std::make_shared<spdlog::logger>("api", std::make_shared<spdlog::sinks::null_sink_mt>()),
        {});
    (void)service.start();
  };
  CHECK_THROWS_WITH(start({.listen = "localhost"}), Catch::Contains("is no address"));
  CHECK_THROWS_WITH(start({.listen = "0.0.0.0:0", .auth = io::ApiAuth::none}),
                    Catch::Contains("auth = \"none\" is for loopback addresses"));
  CHECK_THROWS_WITH(start({.listen = "127.0.0.1:0", .tls_key = "/nothing"}),
                    Catch::Contains("needs both"));
  CHECK_THROWS_WITH(start({.listen = "198.51.100.1:80"}), Catch::Contains("cannot listen on"));
}

}  // namespace rruled::test
