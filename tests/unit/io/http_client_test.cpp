#include "daemon/io/connect_outcome.h"
#include "tests/unit/io/http_client_fixture.h"

#include <catch2/catch.hpp>

#include <string>

using namespace rruled::io;
using namespace std::chrono_literals;
using rruled::test::ClientSetup;
using rruled::test::failure;
using rruled::test::kStart;
using rruled::test::LoopbackReceiver;
using rruled::test::open_descriptors;
using rruled::test::ScriptedAnswer;
using rruled::test::status;
using Fault = ScriptedAnswer::Fault;
using Stage = HttpFailure::Stage;

TEST_CASE("a request and its response cross the wire as they are") {
  LoopbackReceiver receiver;
  ClientSetup setup;
  receiver.answer({.status = 202, .headers = {{"Retry-After", "9"}}, .body = "accepted"});
  auto request = ClientSetup::request_to(receiver);
  request.method = "PUT";
  request.body = std::string("bytes\0\r\n\xff", 9);
  const auto exchange = setup.post(request);
  REQUIRE(status(exchange) == 202);
  const auto& response = std::get<HttpResponse>(exchange.result);
  CHECK(response.body == "accepted");
  CHECK(response.retry_after == "9");
  CHECK(response.reason == "Accepted");
  CHECK(exchange.first_byte_at == kStart);

  const auto received = receiver.requests().at(0);
  CHECK(received.method == "PUT");
  CHECK(received.target == "/hook");
  CHECK(received.body == request.body);
  CHECK(received.header("host") == "127.0.0.1:" + std::to_string(receiver.port()));
  CHECK(received.header("idempotency-key") == "rr1-x");
}

TEST_CASE("connections are kept and used again") {
  LoopbackReceiver receiver;
  ClientSetup setup;
  for (int i = 0; i < 20; ++i) REQUIRE(status(setup.post(receiver)) == 200);
  CHECK(receiver.requests().size() == 20);
  CHECK(receiver.connections() == 1);

  receiver.answer({.close = true});
  REQUIRE(status(setup.post(receiver)) == 200);
  REQUIRE(status(setup.post(receiver)) == 200);
  CHECK(receiver.connections() == 2);
}

TEST_CASE("a connection that was idle too long is not used again") {
  LoopbackReceiver receiver;
  ClientSetup setup;
  REQUIRE(status(setup.post(receiver)) == 200);
  setup.clock.ahead = 89s;
  REQUIRE(status(setup.post(receiver)) == 200);
  CHECK(receiver.connections() == 1);
  setup.clock.ahead = 89s + 90s;
  REQUIRE(status(setup.post(receiver)) == 200);
  CHECK(receiver.connections() == 2);
}

TEST_CASE("no more connections are kept than allowed") {
  LoopbackReceiver receiver;
  LoopbackReceiver other;
  ClientSetup setup({.tls = false, .idle_per_host_max = 1, .idle_max = 1});
  REQUIRE(status(setup.post(receiver)) == 200);
  REQUIRE(status(setup.post(other)) == 200);  // no room for this one
  REQUIRE(status(setup.post(receiver)) == 200);
  REQUIRE(status(setup.post(other)) == 200);
  CHECK(receiver.connections() == 1);
  CHECK(other.connections() == 2);
}

TEST_CASE("a kept connection that the other side closed is replaced") {
  LoopbackReceiver receiver;
  ClientSetup setup;
  for (int i = 1; i <= 5; ++i) {
    REQUIRE(status(setup.post(receiver)) == 200);
    CHECK(receiver.connections() == i);
    receiver.close_connections();
  }
  CHECK(receiver.requests().size() == 5);
}

TEST_CASE("a kept connection that closes under the request is tried anew once") {
  LoopbackReceiver receiver;
  ClientSetup setup;
  REQUIRE(status(setup.post(receiver)) == 200);
  receiver.answer({.fault = Fault::drop_unanswered});
  const auto exchange = setup.post(receiver);
  REQUIRE(status(exchange) == 200);
  CHECK(exchange.first_byte_at == kStart + 1ms);  // of the first go
  CHECK(receiver.connections() == 2);
  REQUIRE(receiver.requests().size() == 3);
  CHECK(receiver.requests()[1].headers == receiver.requests()[2].headers);

  receiver.answer({.fault = Fault::drop_unanswered});
  receiver.answer({.fault = Fault::drop_unanswered});
  CHECK(failure(setup.post(receiver)).stage == Stage::receive);
  CHECK(receiver.requests().size() == 5);
}

TEST_CASE("a kept connection that closes in the middle of a response is not tried anew") {
  LoopbackReceiver receiver;
  ClientSetup setup;
  REQUIRE(status(setup.post(receiver)) == 200);
  const bool by_reset = GENERATE(false, true);
  receiver.answer(
      {.raw = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nha", .close = true, .reset = by_reset});
  CHECK(failure(setup.post(receiver)).stage == Stage::receive);
  CHECK(receiver.requests().size() == 2);
}

TEST_CASE("each way a peer can fail is told apart") {
  struct Case {
    const char* name;
    ScriptedAnswer answer;
    Stage stage;
    const char* message;
  };
  const std::string header = "HTTP/1.1 200 OK\r\n";
  const auto sample = GENERATE_COPY(values<Case>({
      {"reset", {.fault = Fault::drop_unread}, Stage::receive, "127.0.0.1:"},
      {"closed",
       {.fault = Fault::drop_unanswered},
       Stage::receive,
       "closed the connection unanswered"},
      {"half",
       {.raw = header + "Content-Length: 9\r\n\r\nhalf", .close = true},
       Stage::receive,
       "closed the connection in the middle of its answer"},
      {"half header", {.raw = "HTTP/1.1 200", .close = true}, Stage::receive, "in the middle"},
      {"garbage", {.raw = "SSH-2.0-OpenSSH_9.2\r\n"}, Stage::garbage, "did not answer in HTTP/1"},
      {"huge header",
       {.raw = header + "X: " + std::string(20'000, 'x')},
       Stage::too_large,
       "over 16 KiB"},
      {"silent", {.fault = Fault::hang}, Stage::timeout, "timed out waiting for the answer"},
      {"slow",
       {.raw = header + "Content-Length: 9\r\n\r\nslow"},
       Stage::timeout,
       "timed out waiting for the answer"},
  }));
  CAPTURE(sample.name);
  LoopbackReceiver receiver;
  ClientSetup setup;
  receiver.always_answer(sample.answer);
  const bool times_out = sample.stage == Stage::timeout;
  const auto exchange = setup.post(receiver, times_out ? 300ms : 10'000ms);
  const auto failed = failure(exchange);
  CHECK(exchange.first_byte_at == kStart);
  CHECK_THAT(failed.message, Catch::Contains(sample.message));
  CHECK(failed.stage == sample.stage);

  // The next request finds a good connection.
  receiver.always_answer({});
  CHECK(status(setup.post(receiver)) == 200);
}

TEST_CASE("a body over the limit is cut and the connection is not kept") {
  LoopbackReceiver receiver;
  ClientSetup setup({.tls = false, .body_bytes_max = 1'000});
  receiver.answer({.body = std::string(100'000, 'x')});
  const auto exchange = setup.post(receiver);
  REQUIRE(status(exchange) == 200);
  CHECK(std::get<HttpResponse>(exchange.result).body == std::string(1'000, 'x'));
  CHECK(std::get<HttpResponse>(exchange.result).body_cut);
  REQUIRE(status(setup.post(receiver)) == 200);
  CHECK(receiver.connections() == 2);
}

TEST_CASE(
    "nothing is sent to where nobody listens, to a name that is none, or after the deadline") {
  ClientSetup setup;
  HttpRequest request;
  {
    const LoopbackReceiver gone;
    request = ClientSetup::request_to(gone);
  }
  auto exchange = setup.post(request);
  CHECK(failure(exchange).stage == Stage::connect);
  CHECK_THAT(failure(exchange).message, Catch::Contains("Connection refused"));
  CHECK_FALSE(exchange.first_byte_at);

  request.host = "no-such-host.invalid";
  exchange = setup.post(request);
  CHECK(failure(exchange).stage == Stage::resolve);
  CHECK_THAT(failure(exchange).message, Catch::Contains("cannot find host no-such-host.invalid"));
  CHECK_FALSE(exchange.first_byte_at);

  LoopbackReceiver receiver;
  REQUIRE(status(setup.post(receiver)) == 200);  // a connection is there
  exchange = setup.post(receiver, -1ms);
  CHECK(failure(exchange).stage == Stage::timeout);
  CHECK_FALSE(exchange.first_byte_at);
  CHECK(receiver.requests().size() == 1);
}

TEST_CASE("a host name is looked up, and every address of it tried") {
  LoopbackReceiver receiver;  // on 127.0.0.1 alone; localhost may also be ::1
  ClientSetup setup;
  auto request = ClientSetup::request_to(receiver);
  request.host = "localhost";
  for (int i = 0; i < 3; ++i) REQUIRE(status(setup.post(request)) == 200);
  CHECK(receiver.requests().at(0).header("Host") == "localhost:" + std::to_string(receiver.port()));
  CHECK(receiver.connections() == 1);
}

TEST_CASE("an address that this machine has no way to hid why the others failed") {
  using namespace boost::system::errc;
  const auto no_way =
      GENERATE(network_unreachable, address_not_available, address_family_not_supported);
  const auto told = [](std::vector<ConnectOutcome> each) {
    ConnectOutcome outcome;
    for (const auto& next : each) outcome.add(next.error, next.timed_out);
    return outcome;
  };
  const ConnectOutcome none{make_error_code(no_way)};
  const ConnectOutcome refused{make_error_code(connection_refused)};
  const ConnectOutcome reset{make_error_code(connection_reset)};
  const ConnectOutcome late{make_error_code(operation_canceled), true};
  CHECK(told({refused, none}).error == connection_refused);
  CHECK(told({none, refused}).error == connection_refused);
  CHECK(told({refused, reset}).error == connection_reset);
  CHECK(told({none, none}).error == no_way);
  CHECK(told({late, none}).timed_out);
  CHECK_FALSE(told({late, refused, none}).timed_out);
}

TEST_CASE("an address that drops packets cost half the time limit") {
  CHECK(connect_share(30s, 2) == 3s);
  CHECK(connect_share(27s, 1) == 27s);
  CHECK(connect_share(4s, 2) == 2s);
  CHECK(connect_share(4s, 4) == 1s);
}

TEST_CASE("cancelled before the first byte: nothing was sent") {
  LoopbackReceiver receiver;
  ClientSetup setup;
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  const auto exchange = setup.loop.run(setup.loop.cancel_at_first_wait(
      setup.client->send(ClientSetup::request_to(receiver), deadline)));
  CHECK(failure(exchange).stage == Stage::cancelled);
  CHECK_FALSE(exchange.first_byte_at);
  CHECK(receiver.requests().empty());
}

TEST_CASE("cancelled after the first byte: something was sent") {
  LoopbackReceiver receiver;
  ClientSetup setup;
  receiver.answer({.held = true});
  receiver.on_request([&] { setup.loop.cancel(); });
  const auto exchange = setup.post(receiver);
  CHECK(failure(exchange).stage == Stage::cancelled);
  CHECK(exchange.first_byte_at == kStart);
  receiver.release();

  // And the client goes on working.
  receiver.on_request({});
  CHECK(status(setup.post(receiver)) == 200);
}

TEST_CASE("no descriptor is left behind, however an exchange ends") {
  LoopbackReceiver receiver;
  ClientSetup setup;
  const auto one_of_each = [&] {
    // Not scripted one by one: a request that times out unread would leave its answer over.
    receiver.always_answer({.fault = Fault::drop_unanswered});
    setup.post(receiver);
    receiver.always_answer({.raw = "garbage"});
    setup.post(receiver);
    receiver.always_answer({.fault = Fault::hang});
    setup.post(receiver, 2ms);
    setup.client->close_idle();
  };
  one_of_each();
  receiver.close_connections();
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 30; ++i) one_of_each();
  receiver.close_connections();
  // The receiver's side of the last ones ends on its own thread, maybe later.
  CHECK(open_descriptors() < before + 10);
}
