// The HTTP client and certificates.
#include "tests/unit/io/http_client_fixture.h"

#include <catch2/catch.hpp>

#include <string>

using namespace rruled::io;
using namespace std::chrono_literals;
using rruled::test::CertificateAuthority;
using rruled::test::ClientSetup;
using rruled::test::failure;
using rruled::test::FakeClock;
using rruled::test::IoLoop;
using rruled::test::kStart;
using rruled::test::LoopbackReceiver;
using rruled::test::ScriptedAnswer;
using rruled::test::status;
using rruled::test::TempDir;
using rruled::test::write_file;
using Fault = ScriptedAnswer::Fault;
using Stage = HttpFailure::Stage;

namespace {

// A TLS receiver whose certificate is for `name`, and a client that trusts `trusted`.
struct TlsSetup {
  TlsSetup(const std::string& name, bool trusted)
      : receiver(authority.issue(name)),
        setup({.ca_file =
                   write_file(dir, "ca.pem", (trusted ? authority : stranger).certificate())}) {}

  HttpExchange post(const std::string& host, std::chrono::milliseconds limit = 10s) {
    auto request = ClientSetup::request_to(receiver);
    request.tls = true;
    request.host = host;
    return setup.post(std::move(request), limit);
  }

  CertificateAuthority authority;
  CertificateAuthority stranger;
  TempDir dir;
  LoopbackReceiver receiver;
  ClientSetup setup;
};

}  // namespace

TEST_CASE("TLS to a trusted peer of the right name works and is kept") {
  TlsSetup by_name("DNS:localhost", true);
  for (int i = 0; i < 5; ++i) REQUIRE(status(by_name.post("localhost")) == 200);
  CHECK(by_name.receiver.connections() == 1);
  TlsSetup by_address("IP:127.0.0.1", true);
  CHECK(status(by_address.post("127.0.0.1")) == 200);
}

TEST_CASE("TLS to anybody else sends nothing") {
  struct Case {
    const char* name;
    const char* host;
    bool trusted;
    const char* reason;
  };
  const auto sample = GENERATE(values<Case>({
      {"DNS:localhost", "localhost", false, "certificate refused"},
      {"DNS:other.example", "localhost", true, "hostname mismatch"},
      {"DNS:localhost", "127.0.0.1", true, "IP address mismatch"},
      {"IP:127.0.0.2", "127.0.0.1", true, "IP address mismatch"},
  }));
  CAPTURE(sample.name, sample.host, sample.trusted);
  TlsSetup tls(sample.name, sample.trusted);
  const auto exchange = tls.post(sample.host);
  CHECK(failure(exchange).stage == Stage::tls);
  CHECK_THAT(failure(exchange).message, Catch::Contains(sample.reason));
  CHECK_FALSE(exchange.first_byte_at);
  CHECK(tls.receiver.requests().empty());
}

TEST_CASE("a handshake that stalls ends at the deadline, or when cancelled") {
  TlsSetup tls("DNS:localhost", true);
  tls.receiver.always_answer({.fault = Fault::hang});
  auto exchange = tls.post("localhost", 50ms);
  CHECK(failure(exchange).stage == Stage::timeout);
  CHECK_THAT(failure(exchange).message, Catch::Contains("TLS handshake"));
  CHECK_FALSE(exchange.first_byte_at);

  tls.receiver.on_connection([&] { tls.setup.loop.cancel(); });
  exchange = tls.post("localhost");
  CHECK(failure(exchange).stage == Stage::cancelled);
  CHECK_FALSE(exchange.first_byte_at);
}

TEST_CASE("plain HTTP to a TLS port, and TLS to a plain one, fail cleanly") {
  TlsSetup tls("IP:127.0.0.1", true);
  auto request = ClientSetup::request_to(tls.receiver);
  CHECK(std::holds_alternative<HttpFailure>(tls.setup.post(request).result));

  LoopbackReceiver plain;
  request = ClientSetup::request_to(plain);
  request.tls = true;
  const auto exchange = tls.setup.post(request);
  CHECK(failure(exchange).stage == Stage::tls);
}

TEST_CASE("a file without certificates is refused at once") {
  const TempDir dir;
  IoLoop loop;
  FakeClock clock{kStart};
  for (const std::string& file : {write_file(dir, "ca.pem", "nothing"), dir.file("missing.pem")}) {
    const auto client = HttpClient::create(loop.context.get_executor(), clock, {.ca_file = file});
    REQUIRE(client.has_error());
    CHECK(client.error().setting == "ca_file");
    CHECK_THAT(client.error().detail, Catch::Contains(file));
  }
}
