#include "daemon/io/http_executor.h"

#include "tests/support/loopback_receiver.h"
#include "tests/unit/io/http_executor_fixture.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <string>
#include <utility>
#include <vector>

using namespace rruled::io;
using namespace std::chrono_literals;
using rruled::core::Report;
using rruled::test::FakeClock;
using rruled::test::IoLoop;
using rruled::test::kStart;
using rruled::test::LoopbackReceiver;
using rruled::test::sample_run;
using rruled::test::ScriptedAnswer;
using Fault = ScriptedAnswer::Fault;
using Kind = Report::Kind;

namespace {

using Setup = rruled::test::HttpExecutorSetup;

using Headers = std::vector<std::pair<std::string, std::string>>;

std::string text(const Headers& headers) {
  std::string lines;
  for (const auto& [name, value] : headers) lines.append(name).append(": ").append(value) += '\n';
  return lines;
}

// What every request to `receiver` begins with, but for the body's length.
Headers expected_headers(const LoopbackReceiver& receiver, std::size_t body_size, int attempt) {
  // The second half of the run's id, and the number of the attempt.
  const char* const spans[] = {"9a531a2b3c4d5e70", "9a531a2b3c4d5e71"};
  return {{"Host", "127.0.0.1:" + std::to_string(receiver.port())},
          {"Content-Length", std::to_string(body_size)},
          {"Content-Type", "application/json"},
          {"Accept", "application/json"},
          {"User-Agent", "rruled/" RRULED_VERSION},
          {"Idempotency-Key", "rr1-0b2f3f5e-4a51-5c1e-9a53-1a2b3c4d5e6f"},
          {"X-Rruled-Run", "0b2f3f5e-4a51-5c1e-9a53-1a2b3c4d5e6f"},
          {"X-Rruled-Schedule", "01890000-0000-7000-8000-000000000002"},
          {"X-Rruled-Scheduled-For", "2026-01-01T09:00:00Z"},
          {"X-Rruled-Attempt", std::to_string(attempt)},
          {"X-Rruled-Origin", "schedule"},
          {"traceparent",
           "00-0b2f3f5e4a515c1e9a531a2b3c4d5e6f-" + std::string(spans[attempt - 1]) + "-01"}};
}

}  // namespace

TEST_CASE("a run to another hog_flows API carries its variables, byte for byte") {
  LoopbackReceiver receiver;
  Setup setup({.base_url = receiver.url("/prefix/"), .token = Secret("t0ken")});
  auto run = sample_run();
  const Report report = setup.deliver(run);
  CHECK(report.kind == Kind::completed);
  CHECK(report.error.empty());
  CHECK(report.status_code == 200);
  CHECK(report.started_at == kStart);
  CHECK(report.finished_at > report.started_at);

  const auto received = receiver.requests().at(0);
  const std::string body = R"({"variables":{"a": 1,  "ü":"ü"}})";
  CHECK(received.method == "POST");
  CHECK(received.target ==
        "/prefix/api/projects/7/hog_flows/01890000-0000-7000-8000-000000000001/batch_jobs/");
  CHECK(received.body == body);
  Headers headers = expected_headers(receiver, body.size(), 1);
  headers.emplace_back("Authorization", "Bearer t0ken");
  CHECK(text(received.headers) == text(headers));
  CHECK(setup.executor->destination(run) == "POST " + receiver.url(received.target));
  CHECK(setup.executor->payload(run) == body);

  run.kind = rruled::store::RunKind::invocation;
  setup.deliver(run);
  CHECK_THAT(receiver.requests().at(1).target, Catch::EndsWith("/invocations/"));
}

TEST_CASE("a run to a URL template carries its frozen body, the same at every attempt") {
  LoopbackReceiver receiver;
  Setup setup({.url = receiver.url("/hook/{project_id}?run={run_id}")});
  auto run = sample_run();
  for (run.attempts = 1; run.attempts <= 2; ++run.attempts) {
    REQUIRE(setup.deliver(run).kind == Kind::completed);
    const auto received = receiver.requests().back();
    CHECK(received.target == "/hook/7?run=0b2f3f5e-4a51-5c1e-9a53-1a2b3c4d5e6f");
    CHECK(received.body == run.body);
    CHECK(text(received.headers) ==
          text(expected_headers(receiver, run.body.size(), run.attempts)));
    // For people: a query may hold a key.
    CHECK(setup.executor->destination(run) == "POST " + receiver.url("/hook/7?.."));
  }
  CHECK(receiver.requests().size() == 2);
}

TEST_CASE("a run without schedule and scheduled time has no headers for them") {
  LoopbackReceiver receiver;
  Setup setup({.url = receiver.url("/")});
  auto run = sample_run();
  run.origin = rruled::store::RunOrigin::manual;
  run.schedule_id.reset();
  run.scheduled_for.reset();
  setup.deliver(run);
  const auto received = receiver.requests().at(0);
  CHECK_FALSE(received.header("X-Rruled-Schedule"));
  CHECK_FALSE(received.header("X-Rruled-Scheduled-For"));
  CHECK_FALSE(received.header("Authorization"));
  CHECK(received.header("X-Rruled-Origin") == "manual");
}

TEST_CASE("every answer of a receiver becomes the right report") {
  struct Case {
    const char* name;
    ScriptedAnswer answer;
    Kind kind;
    std::optional<int> status;
    std::optional<int> retry_after;
    const char* error;  // contained; "" for none
  };
  const std::string header = "HTTP/1.1 200 OK\r\n";
  const auto sample = GENERATE_COPY(values<Case>({
      {"created", {.status = 201}, Kind::completed, 201, {}, ""},
      {"no content", {.raw = "HTTP/1.1 204 No Content\r\n\r\n"}, Kind::completed, 204, {}, ""},
      {"chunked",
       {.raw = header + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"},
       Kind::completed,
       200,
       {},
       ""},
      {"long body", {.body = std::string(2'000'000, 'x')}, Kind::completed, 200, {}, ""},
      {"redirect",
       {.status = 308, .headers = {{"Location", "http://127.0.0.1:1/"}}, .body = ""},
       Kind::failed,
       308,
       {},
       "HTTP 308 Permanent Redirect (redirects are not followed: set the final URL)"},
      {"not modified",
       {.raw = "HTTP/1.1 304 Not Modified\r\n\r\n"},
       Kind::failed,
       304,
       {},
       "HTTP 304 Not Modified"},
      {"bad request",
       {.status = 400, .body = " \n{\"detail\":\r\n \"no\\u0000\"}\n"},
       Kind::failed,
       400,
       {},
       "HTTP 400 Bad Request: {\"detail\":   \"no\\u0000\"}"},
      {"unauthorized", {.status = 401, .body = ""}, Kind::failed, 401, {}, "is the token right?"},
      {"unprocessable", {.status = 422}, Kind::failed, 422, {}, "HTTP 422"},
      {"timeout", {.status = 408}, Kind::retry, 408, {}, "HTTP 408"},
      {"conflict", {.status = 409}, Kind::retry, 409, {}, "HTTP 409"},
      {"early", {.status = 425}, Kind::retry, 425, {}, "HTTP 425"},
      {"too many",
       {.status = 429, .headers = {{"Retry-After", "17"}}},
       Kind::retry,
       429,
       17,
       "429"},
      {"until a date",
       {.status = 503, .headers = {{"Retry-After", "Thu, 01 Jan 2026 09:01:00 GMT"}}},
       Kind::retry,
       503,
       60,
       "HTTP 503 Service Unavailable"},
      {"until whenever",
       {.status = 503, .headers = {{"Retry-After", "later"}}},
       Kind::retry,
       503,
       {},
       "503"},
      {"broken", {.status = 500, .body = "\xff\xfe"}, Kind::retry, 500, {}, "\xEF\xBF\xBD"},
      {"unknown status", {.status = 598, .body = "?"}, Kind::retry, 598, {}, "HTTP 598: ?"},
      {"reset", {.fault = Fault::drop_unread}, Kind::retry, {}, {}, "127.0.0.1"},
      {"closed", {.fault = Fault::drop_unanswered}, Kind::retry, {}, {}, "unanswered"},
      {"half",
       {.raw = header + "Content-Length: 9\r\n\r\nhalf", .close = true},
       Kind::completed,
       200,
       {},
       ""},
      {"half a head", {.raw = "HTTP/1.1 20", .close = true}, Kind::retry, {}, {}, "in the middle"},
      {"garbage", {.raw = "?", .close = true}, Kind::retry, {}, {}, "did not answer in HTTP/1"},
      {"huge header",
       {.raw = header + "X: " + std::string(20'000, 'x')},
       Kind::completed,
       200,
       {},
       ""},
  }));
  CAPTURE(sample.name);
  LoopbackReceiver receiver;
  Setup setup({.url = receiver.url("/")});
  receiver.answer(sample.answer);
  const Report report = setup.deliver(sample_run());
  CHECK(report.kind == sample.kind);
  CHECK(report.status_code == sample.status);
  CHECK(report.retry_after.has_value() == sample.retry_after.has_value());
  if (report.retry_after && sample.retry_after)
    CHECK(report.retry_after->count() == *sample.retry_after);
  CHECK(report.error.empty() == std::string(sample.error).empty());
  CHECK_THAT(report.error, Catch::Contains(sample.error));
  CHECK((report.error.find("redirects") != std::string::npos) == (sample.status == 308));
  CHECK(report.error.find_first_of("\r\n") == std::string::npos);
  CHECK(report.started_at == kStart);
  CHECK(report.finished_at > report.started_at);
}

TEST_CASE("an error shows a short piece of the answer, and never the token") {
  LoopbackReceiver receiver;
  Setup setup({.url = receiver.url("/"), .token = Secret("c4nary")});
  receiver.answer({.status = 400, .body = "c4nary: Bearer c4nary " + std::string(10'000, 'x')});
  const Report report = setup.deliver(sample_run());
  CHECK_THAT(report.error, Catch::Contains("[token]: Bearer [token] xxx"));
  CHECK_THAT(report.error, !Catch::Contains("c4nary"));
  CHECK(report.error.size() <= std::string("HTTP 400 Bad Request: ").size() + 200);
  CHECK_THAT(setup.executor->destination(sample_run()), !Catch::Contains("c4nary"));
  CHECK_THAT(setup.executor->payload(sample_run()), !Catch::Contains("c4nary"));
}

TEST_CASE("an attempt ends at its time limit: the run's, or else the executor's") {
  LoopbackReceiver receiver;
  receiver.always_answer({.fault = Fault::hang});
  Setup setup({.url = receiver.url("/"), .timeout = 40ms});
  auto run = sample_run();
  Report report = setup.deliver(run);
  CHECK(report.kind == Kind::retry);
  CHECK_THAT(report.error, Catch::Contains("(limit 40 ms)"));
  CHECK(report.started_at == kStart);
  run.timeout = 30ms;
  report = setup.deliver(run);
  CHECK_THAT(report.error, Catch::Contains("(limit 30 ms)"));
}

TEST_CASE("where nobody listens an attempt is made again later") {
  std::string url;
  {
    const LoopbackReceiver gone;
    url = gone.url("/");
  }
  Setup setup({.url = url});
  const Report report = setup.deliver(sample_run());
  CHECK(report.kind == Kind::retry);
  CHECK_THAT(report.error, Catch::Contains("Connection refused"));
  CHECK(report.unreachable);
  CHECK_FALSE(report.started_at);
  CHECK(report.finished_at);
}

TEST_CASE("a cancelled delivery is unsent before its first byte, to be retried after it") {
  LoopbackReceiver receiver;
  Setup setup({.url = receiver.url("/")});
  Report report =
      setup.loop.run(setup.loop.cancel_at_first_wait(setup.executor->deliver(sample_run())));
  CHECK(report.kind == Kind::unsent);
  CHECK_FALSE(report.started_at);

  receiver.answer({.held = true});
  receiver.on_request([&] { setup.loop.cancel(); });
  report = setup.deliver(sample_run());
  CHECK(report.kind == Kind::retry);
  CHECK(report.started_at == kStart + 1ms);
  CHECK_THAT(report.error, Catch::EndsWith(": the request may have arrived"));
  receiver.release();
}

TEST_CASE("a batch job that the other API accepts goes on there; what names none has ended") {
  const auto [body, kind, remote_id] = GENERATE(table<std::string, Kind, std::string>({
      {R"({"id":"0190f6a2-1","status":"queued"})", Kind::completed, "0190f6a2-1"},
      {R"({"id":"a","status":"completed"})", Kind::completed, ""},
      {R"({"id":"a","status":"failed","error":"no room"})", Kind::failed, ""},
      {R"({"id":"a","status":"cancelled"})", Kind::failed, ""},
      {"{}", Kind::completed, ""},
      {"accepted", Kind::completed, ""},
  }));
  CAPTURE(body);
  LoopbackReceiver receiver;
  receiver.always_answer({.body = body});
  Setup setup({.base_url = receiver.url("/"), .track_after = 3s});
  REQUIRE(setup.executor->remote_jobs() != nullptr);
  const Report report = setup.deliver(sample_run());
  CHECK(report.kind == kind);
  CHECK(report.remote_id == remote_id);
  CHECK(report.error.empty() == (kind == Kind::completed));
  if (!remote_id.empty()) CHECK(report.ask_after == 3s);
  // An invocation ends with its 2xx; so does all of an executor that does not track.
  auto invocation = sample_run();
  invocation.kind = rruled::store::RunKind::invocation;
  CHECK(setup.deliver(invocation).kind == Kind::completed);
  CHECK(setup.deliver(invocation).remote_id.empty());
  Setup untracked({.base_url = receiver.url("/")});
  CHECK(untracked.executor->remote_jobs() == nullptr);
  CHECK(untracked.deliver(sample_run()).kind == Kind::completed);
  CHECK(untracked.deliver(sample_run()).remote_id.empty());
}

TEST_CASE("a report says whether anybody answered who knows of the run") {
  const auto [answer, unreachable] = GENERATE(table<ScriptedAnswer, bool>({
      {{.status = 200}, false},
      {{.status = 400}, false},
      {{.status = 429}, false},
      {{.status = 500}, false},
      {{.status = 502}, true},
      {{.status = 503}, true},
      {{.status = 504}, true},
      {{.raw = "no HTTP at all\r\n\r\n"}, false},
      {{.fault = Fault::drop_unread}, true},
      {{.fault = Fault::drop_unanswered}, true},
      {{.fault = Fault::hang}, true},
  }));
  CAPTURE(answer.status);
  LoopbackReceiver receiver;
  receiver.always_answer(answer);
  Setup setup({.url = receiver.url("/"), .timeout = 200ms});
  CHECK(setup.deliver(sample_run()).unreachable == unreachable);
}

TEST_CASE("settings that cannot work are refused") {
  IoLoop loop;
  FakeClock clock{kStart};
  const auto refusal = [&](HttpExecutorOptions options) {
    const auto made = HttpExecutor::create(loop.context.get_executor(), clock, std::move(options));
    REQUIRE(made.has_error());
    return made.error().setting + ": " + made.error().detail;
  };
  CHECK_THAT(refusal({}), Catch::StartsWith("base_url: exactly one"));
  CHECK_THAT(refusal({.base_url = "http://h", .url = "http://h"}), Catch::Contains("exactly one"));
  CHECK_THAT(refusal({.base_url = "http://h/?x"}), Catch::StartsWith("base_url: "));
  CHECK_THAT(refusal({.base_url = "http://h/{run_id}"}), Catch::StartsWith("base_url: "));
  CHECK_THAT(refusal({.base_url = "h"}), Catch::StartsWith("base_url: "));
  CHECK_THAT(refusal({.url = "http://h/{team}"}), Catch::StartsWith("url: "));
  CHECK_THAT(refusal({.url = "http://h/", .ca_file = "/missing.pem"}),
             Catch::StartsWith("ca_file: "));
}
