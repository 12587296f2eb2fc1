#pragma once

#include "daemon/io/http_client.h"
#include "tests/support/loopback_receiver.h"
#include "tests/unit/io/io_fixture.h"

#include <catch2/catch.hpp>

#include <memory>
#include <utility>
#include <variant>

namespace rruled::test {

using io::HttpClient;
using io::HttpExchange;
using io::HttpFailure;
using io::HttpRequest;
using io::HttpResponse;

// A client and the loop it lives on.
struct ClientSetup {
  explicit ClientSetup(HttpClient::Options options = {.tls = false})
      : client(*HttpClient::create(loop.context.get_executor(), clock, std::move(options))) {}

  HttpExchange post(HttpRequest request,
                    std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    return loop.run(client->send(std::move(request), std::chrono::steady_clock::now() + limit));
  }
  HttpExchange post(const LoopbackReceiver& receiver,
                    std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    return post(request_to(receiver), limit);
  }
  static HttpRequest request_to(const LoopbackReceiver& receiver) {
    HttpRequest request;
    request.host = "127.0.0.1";
    request.port = receiver.port();
    request.target = "/hook";
    request.add_header("Idempotency-Key", "rr1-x");
    request.body = "{}";
    return request;
  }

  IoLoop loop;
  FakeClock clock{kStart};
  std::unique_ptr<HttpClient> client;
};

[[nodiscard]] inline int status(const HttpExchange& exchange) {
  const auto* response = std::get_if<HttpResponse>(&exchange.result);
  INFO((response ? "" : std::get<HttpFailure>(exchange.result).message));
  REQUIRE(response != nullptr);
  return response->status;
}

[[nodiscard]] inline HttpFailure failure(const HttpExchange& exchange) {
  const auto* failed = std::get_if<HttpFailure>(&exchange.result);
  REQUIRE(failed != nullptr);
  return *failed;
}

}  // namespace rruled::test
