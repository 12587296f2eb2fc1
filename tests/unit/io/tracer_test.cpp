// Spans for a collector.
#include "daemon/io/tracer.h"

#include "daemon/io/trace_context.h"
#include "daemon/io/url_template.h"
#include "tests/support/loopback_receiver.h"
#include "tests/unit/io/io_fixture.h"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/sinks/ostream_sink.h>

#include <memory>
#include <set>
#include <sstream>
#include <utility>

namespace rruled::test {
namespace {

namespace json = boost::json;
using core::Notice;
using std::chrono::milliseconds;

class NoticeCounter final : public io::Observer {
 public:
  void on(const Notice&) override { ++notices; }
  int notices = 0;
};

Notice attempt(int number, bool last, bool good) {
  Notice notice{.kind = last ? Notice::Kind::run_ended : Notice::Kind::run_retrying};
  notice.run = sample_run();
  notice.run->attempts = number;
  notice.run->started_at = kStart + milliseconds(260);
  notice.status = good ? store::RunStatus::completed : store::RunStatus::dead;
  notice.report.emplace();
  notice.report->kind = good ? core::Report::Kind::completed : core::Report::Kind::retry;
  notice.report->status_code = good ? 200 : 503;
  notice.report->error = good ? "" : "it said no";
  notice.report->started_at = kStart + milliseconds(1'000 * number);
  notice.report->finished_at = kStart + milliseconds(1'000 * number + 30);
  return notice;
}

struct Tracing {
  explicit Tracing(std::shared_ptr<spdlog::logger> log = std::make_shared<spdlog::logger>(
                       "t", std::make_shared<spdlog::sinks::null_sink_mt>()))
      : tracer(heard,
               loop.context.get_executor(),
               clock,
               std::move(log),
               "1.2.3",
               [this](std::size_t more_sent, std::size_t more_dropped) {
                 sent += more_sent;
                 dropped += more_dropped;
               }) {}
  void stop() { loop.run(stopped()); }
  boost::asio::awaitable<bool> stopped() {
    co_await tracer.stop(std::chrono::seconds(5));
    co_return true;
  }
  // Runs the loop until so many requests have come.
  void until_requests(std::size_t count) {
    while (receiver.requests().size() < count) loop.context.run_one();
  }

  LoopbackReceiver receiver;
  IoLoop loop;
  FakeClock clock{kStart};
  NoticeCounter heard;
  std::size_t sent = 0;
  std::size_t dropped = 0;
  io::Tracer tracer;
};

json::array spans_of(const ReceivedRequest& request) {
  const auto body = json::parse(request.body);
  const auto& resource = body.at("resourceSpans").as_array().at(0);
  CHECK(json::serialize(resource.at("resource"))
            .find(R"({"key":"service.name","value":{"stringValue":"rruled"}})") !=
        std::string::npos);
  return resource.at("scopeSpans").as_array().at(0).at("spans").as_array();
}

}  // namespace

TEST_CASE("a run is a span from due to done, with one below it for each attempt") {
  Tracing here;
  REQUIRE(here.tracer.set_url(here.receiver.url("/v1/traces")).has_value());
  here.tracer.on(attempt(1, false, false));
  here.tracer.on(attempt(2, true, true));
  here.stop();
  REQUIRE(here.receiver.requests().size() == 1);
  const auto request = here.receiver.requests().at(0);
  CHECK(request.target == "/v1/traces");
  CHECK(request.header("Content-Type") == "application/json");
  const auto spans = spans_of(request);
  REQUIRE(spans.size() == 3);
  std::set<std::string> ids;
  for (const auto& span : spans) {
    CHECK(span.at("traceId") == "0b2f3f5e4a515c1e9a531a2b3c4d5e6f");
    CHECK(span.at("spanId").as_string().size() == 16);
    ids.insert(std::string(span.at("spanId").as_string()));
  }
  CHECK(ids.size() == 3);
  const auto& first = spans.at(0);
  const auto& run = spans.at(2);
  CHECK(first.at("parentSpanId") == run.at("spanId"));
  CHECK(first.at("kind") == 3);
  CHECK(first.at("startTimeUnixNano") == "1767258001000000000");
  CHECK(first.at("endTimeUnixNano") == "1767258001030000000");
  CHECK(first.at("status").at("code") == 2);
  CHECK(first.at("status").at("message") == "it said no");
  CHECK(json::serialize(first.at("attributes"))
            .find(R"({"key":"rruled.status_code","value":{"intValue":"503"}})") !=
        std::string::npos);
  CHECK(spans.at(1).at("status").at("code") == 1);
  CHECK(run.at("name") == "Weekly digest");
  CHECK_FALSE(run.as_object().contains("parentSpanId"));
  CHECK(run.at("startTimeUnixNano") == "1767258000250000000");  // due_at
  CHECK(run.at("endTimeUnixNano") == "1767258002030000000");
  CHECK(here.sent == 3);
  CHECK(here.heard.notices == 2);
  // The receiver of the run was told the same ids.
  auto second = sample_run();
  second.attempts = 2;
  CHECK(io::traceparent(second) == "00-0b2f3f5e4a515c1e9a531a2b3c4d5e6f-" +
                                       std::string(spans.at(1).at("spanId").as_string()) + "-01");
}

TEST_CASE("a run that ends elsewhere has the span of its attempt, and its own without a report") {
  Tracing here;
  REQUIRE(here.tracer.set_url(here.receiver.url("/v1/traces")).has_value());
  auto accepted = attempt(1, false, true);
  accepted.kind = Notice::Kind::run_tracked;
  here.tracer.on(accepted);
  auto ended = attempt(1, true, false);
  ended.report.reset();
  ended.status = store::RunStatus::failed;
  ended.run->error = "the job failed there";
  ended.run->finished_at = kStart + milliseconds(9'000);
  here.tracer.on(ended);
  here.stop();
  const auto spans = spans_of(here.receiver.requests().at(0));
  REQUIRE(spans.size() == 2);
  CHECK(spans.at(0).at("name") == "attempt");
  CHECK(spans.at(1).at("endTimeUnixNano") == "1767258009000000000");
  CHECK(spans.at(1).at("status").at("message") == "the job failed there");
}

TEST_CASE("an attempt of which nothing was sent has no span") {
  Tracing here;
  REQUIRE(here.tracer.set_url(here.receiver.url("/v1/traces")).has_value());
  auto unsent = attempt(1, false, false);
  unsent.report->started_at.reset();
  here.tracer.on(unsent);
  here.stop();
  CHECK(here.receiver.connections() == 0);
}

TEST_CASE("the key in a collector's URL was written to the log") {
  CHECK(io::without_query("https://otlp/v1/traces?key=c4nary") == "https://otlp/v1/traces?..");
  std::ostringstream said;
  const auto log =
      std::make_shared<spdlog::logger>("t", std::make_shared<spdlog::sinks::ostream_sink_mt>(said));
  Tracing here(log);
  here.receiver.always_answer({.status = 400});
  REQUIRE(here.tracer.set_url(here.receiver.url("/v1/traces?key=c4nary")).has_value());
  here.tracer.on(attempt(1, true, true));
  here.stop();
  CHECK(here.receiver.requests().at(0).target == "/v1/traces?key=c4nary");
  CHECK_THAT(said.str(), Catch::Contains(here.receiver.url("/v1/traces?..")));
  CHECK_THAT(said.str(), !Catch::Contains("c4nary"));
}

TEST_CASE("spans go in batches, and a full batch waits for nothing") {
  Tracing here;
  REQUIRE(here.tracer.set_url(here.receiver.url("/")).has_value());
  for (int i = 0; i < 200; ++i) here.tracer.on(attempt(1, true, true));  // 400 spans
  here.until_requests(1);
  CHECK(spans_of(here.receiver.requests().at(0)).size() == 256);
  here.stop();
  CHECK(spans_of(here.receiver.requests().at(1)).size() == 144);
  CHECK(here.sent == 400);
}

TEST_CASE("a collector that is away loses what has no room, and nobody waits") {
  Tracing here;
  here.receiver.always_answer({.status = 503});
  REQUIRE(here.tracer.set_url(here.receiver.url("/")).has_value());
  for (int i = 0; i < 1'500; ++i) here.tracer.on(attempt(1, true, true));  // 3,000 spans
  CHECK(here.dropped == 3'000 - io::Tracer::kWaitingMax);
  here.until_requests(1);
  here.receiver.always_answer({});
  here.stop();  // a second try of the first batch, then the others
  CHECK(here.sent == io::Tracer::kWaitingMax);
  CHECK(here.dropped == 3'000 - io::Tracer::kWaitingMax);
}

TEST_CASE("spans that the collector refuses are dropped, not sent again") {
  Tracing here;
  here.receiver.answer({.status = 400});
  REQUIRE(here.tracer.set_url(here.receiver.url("/")).has_value());
  here.tracer.on(attempt(1, true, true));
  here.stop();
  CHECK(here.receiver.requests().size() == 1);
  CHECK(here.dropped == 2);
}

TEST_CASE("without a URL there are no spans, and one can come later") {
  Tracing here;
  here.tracer.on(attempt(1, true, true));
  CHECK_FALSE(here.tracer.set_url("ftp://nowhere/").has_value());
  REQUIRE(here.tracer.set_url(here.receiver.url("/")).has_value());
  here.tracer.on(attempt(1, true, true));
  here.stop();
  REQUIRE(here.receiver.requests().size() == 1);
  CHECK(spans_of(here.receiver.requests().at(0)).size() == 2);
  CHECK(here.heard.notices == 2);
}

}  // namespace rruled::test
