// Answers that break off, heads that are not quite HTTP, and requests that never leave.
#include "tests/support/loopback_receiver.h"
#include "tests/unit/io/http_executor_fixture.h"

#include <catch2/catch.hpp>
#include <sys/resource.h>

#include <string>

namespace rruled::test {

using namespace std::chrono_literals;
using core::Report;

TEST_CASE("an answer whose status is known counts, whatever becomes of its body") {
  const auto [status, kind, unreachable] = GENERATE(table<std::string, Report::Kind, bool>({
      {"200 OK", Report::Kind::completed, false},
      {"422 No", Report::Kind::failed, false},
      {"429 Wait", Report::Kind::retry, false},
      {"503 Away", Report::Kind::retry, true},
  }));
  const std::string head = "HTTP/1.1 " + status + "\r\nRetry-After: 17\r\n";
  const auto answer = GENERATE_COPY(values<ScriptedAnswer>({
      {.raw = head + "Content-Length: 9\r\n\r\n"},  // and no more
      {.raw = head + "Content-Length: 9\r\n\r\nhalf"},
      {.raw = head + "Content-Length: 9\r\n\r\nhalf", .close = true},
      {.raw = head + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n"},
  }));
  CAPTURE(*answer.raw);
  LoopbackReceiver receiver;
  receiver.always_answer(answer);
  HttpExecutorSetup setup({.url = receiver.url("/"), .timeout = 500ms});
  const Report report = setup.deliver(sample_run());
  CHECK(report.kind == kind);
  CHECK(report.status_code == std::stoi(status));
  CHECK(report.unreachable == unreachable);
  CHECK(report.error.empty() == (kind == Report::Kind::completed));
  if (kind == Report::Kind::retry) CHECK(report.retry_after == 17s);
}

TEST_CASE("an answer with an unusual head is not sent for again when its status is known") {
  const auto [head, code] = GENERATE(table<std::string, int>({
      {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200},
      {"HTTP/1.1 200 OK\nContent-Length: 0\n\n", 200},
      {"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", 202},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201\r\n\r\n", 201},
      {"HTTP/1.1 100\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 0},
      {"HTTP/1.1 99 Low\r\n\r\n", 0},
      {"HTTP/1.1 2000\r\n\r\n", 0},
      {"HTTP/1.1 700 Much\nX: y\n\n", 0},
      {"HTTP/1.x 200 OK\n\n", 0},
  }));
  CAPTURE(head);
  LoopbackReceiver receiver;
  receiver.always_answer({.raw = head});
  HttpExecutorSetup setup({.url = receiver.url("/")});
  for (int connections = 1; connections <= 2; ++connections) {
    const Report report = setup.deliver(sample_run());
    CHECK(report.kind == (code != 0 ? Report::Kind::completed : Report::Kind::retry));
    CHECK(report.status_code.value_or(0) == code);
    CHECK_FALSE(report.unreachable);
    CHECK(receiver.connections() == connections);  // none is kept
  }
}

TEST_CASE("an accepted batch job is sent again when the answer that names it breaks off") {
  LoopbackReceiver receiver;
  receiver.always_answer(
      {.raw = "HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{\"id\":", .close = true});
  HttpExecutorSetup setup({.base_url = receiver.url("/"), .track_after = 3s});
  const Report report = setup.deliver(sample_run());
  CHECK(report.kind == Report::Kind::retry);
  CHECK_FALSE(report.unreachable);
  CHECK_THAT(report.error, Catch::Contains("in the middle of its answer"));
  auto invocation = sample_run();
  invocation.kind = store::RunKind::invocation;
  CHECK(setup.deliver(invocation).kind == Report::Kind::completed);
}

TEST_CASE("the answer that names a batch job was taken for whole when it had no length") {
  LoopbackReceiver receiver;
  receiver.always_answer({.raw = "HTTP/1.1 201 Created\r\n\r\n{\"id\":\"7f\"", .close = true});
  HttpExecutorSetup setup({.base_url = receiver.url("/"), .track_after = 3s});
  const Report report = setup.deliver(sample_run());
  CHECK(report.kind == Report::Kind::retry);
  CHECK_THAT(report.error, Catch::Contains("not whole"));
}

TEST_CASE("a shortage of descriptors here is not taken for a host that is away") {
  LoopbackReceiver receiver;
  HttpExecutorSetup setup({.url = receiver.url("/")});
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none{3, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  const Report report = setup.deliver(sample_run());
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(report.kind == Report::Kind::unsent);  // it used no attempt up
  CHECK_FALSE(report.unreachable);
  CHECK_FALSE(report.started_at);
  CHECK_THAT(report.error, Catch::Contains("raise LimitNOFILE, or lower max_in_flight"));
  CHECK(setup.deliver(sample_run()).kind == Report::Kind::completed);
}

}  // namespace rruled::test
