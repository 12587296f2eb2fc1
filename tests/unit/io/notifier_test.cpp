#include "daemon/io/notifier.h"

#include "tests/support/loopback_receiver.h"
#include "tests/unit/io/io_fixture.h"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <spdlog/sinks/ostream_sink.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using core::Notice;

class Heard final : public io::Observer {
 public:
  void on(const Notice& notice) override { notices.push_back(notice); }
  std::vector<Notice> notices;
};

struct NotifierSetup {
  boost::asio::io_context io{1};
  FakeClock clock{kStart};
  Heard heard;
  std::ostringstream said;
  std::map<std::string, int> counts;
  io::Notifier notifier{
      io.get_executor(), clock, heard,
      std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::ostream_sink_mt>(said)),
      [this](const char* result) { ++counts[result]; }};

  // Tells it all of that, and has it finish.
  void send(const std::vector<Notice>& notices, std::chrono::milliseconds grace = 10s) {
    notifier.begin();
    for (const auto& notice : notices) notifier.on(notice);
    boost::asio::co_spawn(io, notifier.finish(grace), [this](std::exception_ptr) { io.stop(); });
    io.run_for(20s);
    REQUIRE(io.stopped());
  }
};

Notice ended(store::RunStatus status) {
  Notice notice{.kind = Notice::Kind::run_ended,
                .run = sample_run(),
                .report = core::Report{},
                .status = status};
  if (status != store::RunStatus::completed) notice.report->error = "HTTP 500";
  return notice;
}

}  // namespace

TEST_CASE("a webhook gets the events that were asked for, signed; the rest is passed on alone") {
  LoopbackReceiver receiver;
  const TempDir dir;
  NotifierSetup setup;
  io::Config::Notify config;
  config.url = receiver.url("/hook?run={{ run.id }}");
  config.key_file = write_file(dir, "key", "s3cret\n");
  config.events = {"run_dead", "run_late"};
  REQUIRE_FALSE(setup.notifier.configure(config));
  setup.send({ended(store::RunStatus::completed), ended(store::RunStatus::failed),
              ended(store::RunStatus::dead)});
  CHECK(setup.heard.notices.size() == 3);
  CHECK(setup.counts["sent"] == 1);
  REQUIRE(receiver.requests().size() == 1);
  const auto request = receiver.requests().front();
  CHECK(request.target == "/hook?run=0b2f3f5e-4a51-5c1e-9a53-1a2b3c4d5e6f");
  CHECK(request.header("X-Rruled-Event") == "run_dead");
  CHECK(request.body.find(R"("status":"dead")") != std::string::npos);
  const auto signature = request.header("X-Rruled-Signature").value();
  CHECK(signature == io::signature("s3cret", kStart, request.body));
  const auto id = request.header("X-Rruled-Event-Id").value();
  CHECK(store::parse_uuid(id));
  CHECK(boost::json::parse(request.body).at("id") == boost::json::value(id));
  CHECK(setup.said.str().find("s3cret") == std::string::npos);
}

TEST_CASE("a webhook that waited was signed for the time when it was queued") {
  LoopbackReceiver receiver;
  const TempDir dir;
  NotifierSetup setup;
  io::Config::Notify config;
  config.url = receiver.url("/hook");
  config.key_file = write_file(dir, "key", "s3cret\n");
  REQUIRE_FALSE(setup.notifier.configure(config));
  setup.notifier.on(ended(store::RunStatus::dead));
  setup.clock.advance(10min);
  setup.send({});
  REQUIRE(receiver.requests().size() == 1);
  const auto request = receiver.requests().front();
  CHECK(request.header("X-Rruled-Signature").value() ==
        io::signature("s3cret", kStart + 10min, request.body));
}

TEST_CASE("the signature is the one that a receiver computes") {
  // printf '%s' '1767258000.{"a":1}' | openssl dgst -sha256 -hmac key
  CHECK(io::signature("key", kStart, R"({"a":1})") ==
        "t=1767258000,v1=62c43babcff3c489ad9ee9a3f9318713f561dad025daa62aef3cb45ee2913b64");
}

TEST_CASE("a webhook that fails is tried again, and one that refuses is not") {
  LoopbackReceiver receiver;
  NotifierSetup setup;
  io::Config::Notify config;
  config.url = receiver.url("/hook");
  REQUIRE_FALSE(setup.notifier.configure(config));
  receiver.answer({.status = 503});
  receiver.answer({.status = 200});
  receiver.answer({.status = 404});
  setup.send({ended(store::RunStatus::dead), ended(store::RunStatus::failed)});
  const auto requests = receiver.requests();
  REQUIRE(requests.size() == 3);
  const auto event = [&](std::size_t n) { return requests[n].header("X-Rruled-Event-Id").value(); };
  CHECK(event(0) == event(1));
  CHECK(event(0) != event(2));
  CHECK(setup.counts == std::map<std::string, int>{{"sent", 1}, {"failed", 1}});
  CHECK(setup.said.str().find("notify.url: given up: HTTP 404") != std::string::npos);
}

TEST_CASE("a schedule's runs ping its dead-man's switch, failures at /fail, others not at all") {
  LoopbackReceiver receiver;
  NotifierSetup setup;
  io::Config::Notify config;
  config.ping_url = receiver.url("/ping/{schedule_id}?a=b");
  REQUIRE_FALSE(setup.notifier.configure(config));
  auto manual = ended(store::RunStatus::completed);
  manual.run->origin = store::RunOrigin::manual;
  setup.send({manual, ended(store::RunStatus::completed), ended(store::RunStatus::cancelled),
              ended(store::RunStatus::dead)});
  REQUIRE(receiver.requests().size() == 2);
  CHECK(receiver.requests()[0].target == "/ping/01890000-0000-7000-8000-000000000002?a=b");
  CHECK(receiver.requests()[1].target == "/ping/01890000-0000-7000-8000-000000000002/fail?a=b");
}

TEST_CASE("a schedule whose ping is to be tried again keeps no other's waiting") {
  LoopbackReceiver receiver;
  NotifierSetup setup;
  io::Config::Notify config;
  config.ping_url = receiver.url("/ping/{schedule_id}");
  REQUIRE_FALSE(setup.notifier.configure(config));
  receiver.answer({.status = 503});
  auto other = ended(store::RunStatus::completed);
  other.run->schedule_id =
      store::parse_id<store::ScheduleId>("01890000-0000-7000-8000-000000000003");
  setup.send({ended(store::RunStatus::completed), other});
  const auto requests = receiver.requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].target != requests[1].target);  // they went side by side
  CHECK(setup.counts == std::map<std::string, int>{{"sent", 2}});
}

TEST_CASE("what a full queue drops is counted each time and said once") {
  NotifierSetup setup;
  io::Config::Notify config;
  config.url = "http://127.0.0.1:1/";
  REQUIRE_FALSE(setup.notifier.configure(config));
  for (int i = 0; i < 1'003; ++i) setup.notifier.on(ended(store::RunStatus::dead));
  CHECK(setup.counts["dropped"] == 3);
  setup.send({}, 0ms);
  const std::string said = setup.said.str();
  CHECK(std::ranges::count(said, '\n') == 2);
  CHECK(said.find("notify.url: more than 1000 wait: the oldest are dropped") != std::string::npos);
  CHECK(said.find("notify.url: no more are dropped; 3 were") != std::string::npos);
}

TEST_CASE("the heart beats while the loop turns and the store answers, once each interval") {
  LoopbackReceiver receiver;
  NotifierSetup setup;
  io::Config::Notify config;
  config.heartbeat_url = receiver.url("/alive");
  config.heartbeat_every = 60s;
  REQUIRE_FALSE(setup.notifier.configure(config));
  core::Planner::Load load;
  setup.notifier.on_turn(load);  // nothing is loaded yet
  load.horizon_loaded = true;
  load.store_away = true;
  setup.notifier.on_turn(load);
  load.store_away = false;
  setup.notifier.on_turn(load);
  setup.notifier.on_turn(load);
  setup.send({});
  CHECK(receiver.requests().size() == 1);
}

TEST_CASE("a webhook that does not answer keeps nobody from ending") {
  LoopbackReceiver receiver;
  receiver.always_answer({.fault = ScriptedAnswer::Fault::hang});
  NotifierSetup setup;
  io::Config::Notify config;
  config.url = receiver.url("/hook");
  REQUIRE_FALSE(setup.notifier.configure(config));
  setup.send({ended(store::RunStatus::dead), ended(store::RunStatus::dead)}, 50ms);
  CHECK(receiver.requests().size() <= 1);
  CHECK(setup.counts.empty());
}

TEST_CASE("what waits for a webhook is bounded: the oldest goes") {
  NotifierSetup setup;
  std::vector<io::OutboundQueue::Result> results;
  auto client = io::HttpClient::create(setup.io.get_executor(), setup.clock, {.tls = false});
  io::OutboundQueue queue(
      setup.io.get_executor(), setup.clock, std::move(*client), {.length_max = 2},
      [&](io::OutboundQueue::Result result, const std::string&) { results.push_back(result); });
  for (int i = 0; i < 5; ++i) queue.put({});
  CHECK(queue.size() == 2);
  CHECK(results == std::vector(3, io::OutboundQueue::Result::dropped));
}

TEST_CASE("a key that cannot be read is an error that names its setting") {
  NotifierSetup setup;
  io::Config::Notify config;
  config.url = "http://127.0.0.1:1/";
  config.key_file = "/nowhere/key";
  const auto error = setup.notifier.configure(config);
  REQUIRE(error);
  CHECK(error->setting == "notify.key_file");
}

}  // namespace rruled::test
