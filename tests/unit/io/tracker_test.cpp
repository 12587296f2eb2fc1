#include "daemon/io/tracker.h"

#include "daemon/io/http_executor.h"
#include "daemon/io/logging.h"
#include "store/directory.h"
#include "store/memory_store.h"
#include "tests/support/loopback_receiver.h"
#include "tests/unit/io/io_fixture.h"

#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>
#include <spdlog/sinks/ostream_sink.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace rruled::test {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using store::RunStatus;

// Hears that runs have ended.
class Ears final : public io::Observer {
 public:
  explicit Ears(asio::steady_timer& timer) : timer_(timer) {}
  void on(const core::Notice& notice) override {
    notices.push_back(notice);
    if (notices.size() >= awaited) timer_.cancel();
  }
  std::vector<core::Notice> notices;
  std::size_t awaited = 1;

 private:
  asio::steady_timer& timer_;
};

asio::awaitable<bool> follow(io::Tracker& tracker, asio::steady_timer& timer) {
  asio::co_spawn(timer.get_executor(), tracker.run(), asio::detached);
  timer.expires_after(20s);
  boost::system::error_code cancelled;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  co_await tracker.stop();
  co_return bool(cancelled);
}

// Runs that another API has accepted, of one flow each, and the tracker of their executor.
struct TrackerSetup {
  explicit TrackerSetup(int runs = 1, io::TrackerOptions options = {}) {
    const auto now = clock.now();
    for (int n = 1; n <= runs; ++n) {
      store::Flow flow;
      flow.id = {store::random_uuid_v7(now)};
      flow.status = store::FlowStatus::active;
      auto run = sample_run();
      run.id = {store::random_uuid_v7(now)};
      run.project_id = 7;
      run.flow_id = flow.id;
      run.schedule_id.reset();
      run.status = RunStatus::pending;
      run.attempts = 0;
      run.available_at = now;
      run.executor = "crm";
      REQUIRE_FALSE(store.write({.flows = {{flow, {}}}, .runs = {run}}, now));
      ids.push_back(run.id);
    }
    const auto claimant = store.begin_session({store::random_uuid_v7(now)}, now).claimant;
    for (const auto& run : store.claim({claimant, {"crm"}}, clock.now()).runs) {
      store::Finish finish;
      finish.run_id = run.id;
      finish.fence = run.fence;
      finish.status = RunStatus::running;
      finish.remote_id = "job-1";
      finish.available_at = now;
      finish.attempt = {run.id, 1, now, now, "completed", 200, ""};
      REQUIRE(store.finish({finish}, claimant, now).at(0).written);
    }
    io::HttpExecutorOptions http;
    http.base_url = receiver.url("");
    http.token = io::Secret("t0ken");
    http.track_after = 2s;
    executor =
        io::HttpExecutor::create(loop.context.get_executor(), clock, std::move(http)).value();
    options.executor = "crm";
    options.poll_min = options.poll_max = options.look_every = 1ms;
    tracker = std::make_unique<io::Tracker>(
        loop.context.get_executor(), io::StoreLane{store, store_thread}, *executor->remote_jobs(),
        clock, options, ears, io::make_logger({}));
  }
  ~TrackerSetup() { store_thread.join(); }

  // Until as many runs have ended as there are. False: they have not in twenty seconds.
  bool follow_to_the_end(io::RemoteJobs& jobs, io::TrackerOptions options, std::ostream& said) {
    options.executor = "crm";
    options.poll_min = options.poll_max = options.look_every = 1ms;
    const auto log = std::make_shared<spdlog::logger>(
        "", std::make_shared<spdlog::sinks::ostream_sink_mt>(said));
    tracker = std::make_unique<io::Tracker>(loop.context.get_executor(),
                                            io::StoreLane{store, store_thread}, jobs, clock,
                                            options, ears, log);
    return follow_to_the_end();
  }
  bool follow_to_the_end() {
    ears.awaited = ids.size();
    return loop.run(follow(*tracker, timer));
  }
  [[nodiscard]] store::Run run(std::size_t n = 0) { return *store.run(ids.at(n)); }
  void wish() {
    REQUIRE(store.directory()->cancel_run(ids.at(0), "enough", clock.now(), {}) ==
            store::CancelResult::asked);
  }
  void answer(const std::string& body, int status = 200) {
    receiver.answer({.status = status, .body = body});
  }

  LoopbackReceiver receiver;
  IoLoop loop;
  FakeClock clock{kStart};
  store::MemoryStore store;
  asio::thread_pool store_thread{1};
  asio::steady_timer timer{loop.context};
  Ears ears{timer};
  std::vector<store::RunId> ids;
  std::unique_ptr<io::HttpExecutor> executor;
  std::unique_ptr<io::Tracker> tracker;
};

// A list of one flow's jobs cannot be read; the others' can, and say nothing new. Nothing can be
// cancelled.
class OneFlowFails final : public io::RemoteJobs {
 public:
  asio::awaitable<Look> look(store::Run run, std::set<std::string>) override {
    Look look;
    if (run.flow_id == failing) look.error = "HTTP 500";
    ++(run.flow_id == failing ? failed : fine);
    if (failed >= 5 && fine >= 5 && enough) enough();
    co_return look;
  }
  asio::awaitable<CancelAnswer> cancel(store::Run) override {
    co_return CancelAnswer{.error = "HTTP 503"};
  }
  store::FlowId failing;
  int failed = 0;
  int fine = 0;
  std::function<void()> enough;
};

const std::string kActive =
    R"([{"id":"job-2","status":"failed"},{"id":"job-1","status":"active"}])";

}  // namespace

TEST_CASE("a batch job is asked about until it has ended, in lists of both forms") {
  TrackerSetup setup;
  setup.answer(kActive);
  setup.answer(R"({"next":"http://127.0.0.1:1/?limit=100&offset=100","results":[]})");
  setup.answer(R"({"next":null,"results":[{"id":"job-1","status":"completed"}]})");
  REQUIRE(setup.follow_to_the_end());
  const auto run = setup.run();
  CHECK(run.status == RunStatus::completed);
  CHECK(run.error.empty());
  CHECK(run.finished_at);
  const auto requests = setup.receiver.requests();
  REQUIRE(requests.size() == 3);
  const std::string list =
      "/api/projects/7/hog_flows/" + to_string(run.flow_id) + "/batch_jobs/?limit=100";
  CHECK(requests[0].method == "GET");
  CHECK(requests[0].target == list);
  CHECK(requests[0].body.empty());
  CHECK(requests[0].header("Authorization") == "Bearer t0ken");
  CHECK(requests[1].target == list);
  CHECK(requests[2].target == list + "&offset=100");  // at our host
  REQUIRE(setup.ears.notices.size() == 1);
  CHECK(setup.ears.notices[0].kind == core::Notice::Kind::run_ended);
  CHECK(setup.ears.notices[0].status == RunStatus::completed);
  CHECK(setup.store.logs({.run_id = run.id}).at(0).message == "batch job job-1: completed");
}

TEST_CASE("a run ends as its batch job did") {
  const auto [body, status, reason,
              error] = GENERATE(table<std::string, RunStatus, std::string, std::string>({
      {R"([{"id":"job-1","status":"failed","error":"no\nroom"}])", RunStatus::failed,
       "remote_failed", "no room"},
      {R"([{"id":"job-1","status":"failed"}])", RunStatus::failed, "remote_failed",
       "the other side says no more than failed"},
      {R"([{"id":"job-1","status":"cancelled"}])", RunStatus::cancelled, "cancelled_remotely", ""},
  }));
  TrackerSetup setup;
  setup.answer(body);
  REQUIRE(setup.follow_to_the_end());
  CHECK(setup.run().status == status);
  CHECK(setup.run().reason == reason);
  CHECK(setup.run().error == error);
}

TEST_CASE("an answer that is none is asked for again") {
  TrackerSetup setup;
  setup.answer("{}", 503);
  setup.receiver.answer({.fault = ScriptedAnswer::Fault::drop_unanswered});
  setup.answer("<html>");
  setup.answer("[]");
  setup.answer(R"([{"id":"job-1","status":"completed"}])");
  REQUIRE(setup.follow_to_the_end());
  CHECK(setup.run().status == RunStatus::completed);
}

TEST_CASE("what has not ended in time has failed, and says so") {
  io::TrackerOptions options;
  options.track_for = 30ms;
  TrackerSetup setup(1, options);
  setup.receiver.always_answer({.body = kActive});
  REQUIRE(setup.follow_to_the_end());
  CHECK(setup.run().status == RunStatus::failed);
  CHECK(setup.run().reason == "tracking_ended");
  CHECK_THAT(setup.run().error, Catch::StartsWith("batch job job-1 had not ended 30 ms after"));
}

TEST_CASE("one flow's list that cannot be read was said at every poll while another's could") {
  TrackerSetup setup(2);
  OneFlowFails jobs;
  jobs.failing = setup.run(0).flow_id;
  jobs.enough = [&] { setup.timer.cancel(); };
  std::ostringstream said;
  REQUIRE(setup.follow_to_the_end(jobs, {}, said));
  CHECK(std::ranges::count(said.str(), '\n') == 1);
  CHECK_THAT(said.str(), Catch::Contains("executor crm: batch jobs of Weekly digest there") &&
                             Catch::Contains("HTTP 500"));
}

TEST_CASE("the end of a run did not say that its batch job could not be cancelled") {
  TrackerSetup setup;
  setup.wish();
  OneFlowFails jobs;
  io::TrackerOptions options;
  options.track_for = 30ms;
  std::ostringstream said;
  REQUIRE(setup.follow_to_the_end(jobs, options, said));
  CHECK_THAT(setup.run().error,
             Catch::EndsWith("; batch job job-1 could not be cancelled: HTTP 503"));
  CHECK(std::ranges::count(said.str(), '\n') == 1);
}

TEST_CASE("a wish to cancel goes to the other side, and its answer says how the run ends") {
  const auto [code, body, status, reason, errs] =
      GENERATE(table<int, std::string, RunStatus, std::string, bool>({
          {200, R"({"id":"job-1","status":"cancelled"})", RunStatus::cancelled, "enough", false},
          {202, R"({"id":"job-1","status":"active"})", RunStatus::cancelled, "enough", false},
          {204, "", RunStatus::cancelled, "enough", false},
          // It has completed before: a late success wins.
          {200, R"({"id":"job-1","status":"completed"})", RunStatus::completed, "", false},
          {404, "{}", RunStatus::cancelled, "enough", true},
          {405, "{}", RunStatus::cancelled, "enough", true},
      }));
  CAPTURE(code, body);
  TrackerSetup setup;
  setup.wish();
  setup.answer(body, code);
  REQUIRE(setup.follow_to_the_end());
  CHECK(setup.run().status == status);
  CHECK(setup.run().reason == reason);
  CHECK(setup.run().error.empty() != errs);
  const auto requests = setup.receiver.requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].method == "POST");
  CHECK(requests[0].target == "/api/projects/7/hog_flows/" + to_string(setup.run().flow_id) +
                                  "/batch_jobs/job-1/cancel/");
  CHECK(requests[0].header("Authorization") == "Bearer t0ken");
}

TEST_CASE("a wish that did not come through is sent again, and the job looked at meanwhile") {
  TrackerSetup setup;
  setup.wish();
  setup.answer("{}", 503);
  setup.answer(kActive);
  setup.answer(R"({"id":"job-1","status":"cancelled"})");
  REQUIRE(setup.follow_to_the_end());
  CHECK(setup.run().status == RunStatus::cancelled);
  CHECK(setup.receiver.requests().size() == 3);
}

TEST_CASE("a run is asked about once at a time, and a wish that comes meanwhile goes next") {
  TrackerSetup setup;
  setup.receiver.answer({.body = kActive, .held = true});
  setup.answer(R"({"id":"job-1","status":"cancelled"})");
  // On the store's thread: the wish comes while the first question waits for its answer, which is
  // let go once the tracker has taken the run again.
  std::optional<store::Timestamp> wished;
  std::atomic<bool> over = false;
  std::function<void()> watch = [&] {
    if (over) return;
    if (!wished && setup.receiver.requests().size() == 1) {
      (void)setup.store.directory()->cancel_run(setup.ids.at(0), "enough", setup.clock.now(), {});
      wished = setup.run().available_at;
    } else if (wished && setup.run().available_at != *wished) {
      return setup.receiver.release();
    }
    asio::post(setup.store_thread, watch);
  };
  asio::post(setup.store_thread, watch);
  const bool ended = setup.follow_to_the_end();
  over = true;
  REQUIRE(ended);
  CHECK(setup.run().status == RunStatus::cancelled);
  const auto requests = setup.receiver.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].method == "GET");
  CHECK(requests[1].method == "POST");
}

TEST_CASE("a host gets no more questions at once than it should") {
  io::TrackerOptions options;
  options.asked_at_once = 2;
  TrackerSetup setup(6, options);
  setup.receiver.always_answer({.body = R"([{"id":"job-1","status":"completed"}])", .held = true});
  std::size_t most = 0;
  asio::steady_timer look(setup.loop.context);
  // When two are there the others would be, too: they are sent in one turn.
  std::function<void(const boost::system::error_code&)> watch = [&](const auto& error) {
    if (error) return;
    most = std::max(most, setup.receiver.requests().size());
    if (most >= 2 && setup.receiver.connections() >= 2) return setup.receiver.release();
    look.expires_after(20ms);
    look.async_wait(watch);
  };
  look.expires_after(20ms);
  look.async_wait(watch);
  REQUIRE(setup.follow_to_the_end());
  CHECK(most == 2);
  for (std::size_t n = 0; n < 6; ++n) CHECK(setup.run(n).status == RunStatus::completed);
}

TEST_CASE("stopping breaks a question off and leaves the run to the next daemon") {
  TrackerSetup setup;
  setup.receiver.always_answer({.fault = ScriptedAnswer::Fault::hang});
  setup.receiver.on_request([&] { asio::post(setup.loop.context, [&] { setup.timer.cancel(); }); });
  REQUIRE(setup.follow_to_the_end());
  CHECK(setup.run().status == RunStatus::running);
  CHECK(setup.ears.notices.empty());
}

}  // namespace rruled::test
