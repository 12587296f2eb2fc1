#include "daemon/api/http_server.h"

#include "tests/support/certificates.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/api/running_server.h"

#include <catch2/catch.hpp>
#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using api::parse_listen_address;
using api::ServerLimits;

std::shared_ptr<api::TlsIdentity> identity_of(const TempDir& dir, const Identity& identity) {
  std::ofstream(dir.file("cert.pem")) << identity.certificate;
  std::ofstream(dir.file("key.pem")) << identity.key;
  return std::make_shared<api::TlsIdentity>(dir.file("cert.pem"), dir.file("key.pem"));
}

// openssl s_client would do; curl is what people use.
testing::ProcessResult curl(const TempDir& dir, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(),
                   {"/usr/bin/curl", "--silent", "--show-error", "--cacert", dir.file("ca.pem")});
  return testing::run_process(arguments);
}

// What a TLS client sends first.
std::string client_hello() {
  boost::asio::ssl::context context(boost::asio::ssl::context::tls_client);
  const std::unique_ptr<SSL, decltype(&::SSL_free)> ssl(::SSL_new(context.native_handle()),
                                                        &::SSL_free);
  BIO* const out = ::BIO_new(::BIO_s_mem());
  ::SSL_set_bio(ssl.get(), ::BIO_new(::BIO_s_mem()), out);
  ::SSL_set_connect_state(ssl.get());
  ::SSL_do_handshake(ssl.get());
  std::string bytes(::BIO_ctrl_pending(out), '\0');
  ::BIO_read(out, bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

// Counts the ClientHellos that a server takes, and how many of them at most without a turn of its
// event loop between.
class HelloCount {
 public:
  HelloCount(const std::shared_ptr<api::TlsIdentity>& identity, int until) : until_(until) {
    const auto count = [](SSL*, int*, void* self) {
      ++static_cast<HelloCount*>(self)->hellos_;
      return SSL_CLIENT_HELLO_SUCCESS;
    };
    ::SSL_CTX_set_client_hello_cb(identity->context()->native_handle(), count, this);
  }
  // The server does nothing until release().
  void hold(boost::asio::io_context& io) {
    boost::asio::post(io, [this, &io] {
      held_.get_future().wait();
      turn(io);
    });
  }
  void release() { held_.set_value(); }
  int most_in_a_row() {
    done_.get_future().wait();
    return most_;
  }

 private:
  void turn(boost::asio::io_context& io) {
    most_ = std::max(most_, hellos_ - seen_);
    seen_ = hellos_;
    if (seen_ < until_)
      boost::asio::post(io, [this, &io] { turn(io); });
    else
      done_.set_value();
  }

  const int until_;
  int hellos_ = 0;
  int seen_ = 0;
  int most_ = 0;
  std::promise<void> held_;
  std::promise<void> done_;
};

}  // namespace

TEST_CASE("addresses to listen on") {
  for (const char* text :
       {"127.0.0.1:8480", "0.0.0.0:1", "[::1]:8480", "[::]:0", "unix:/run/rruled/api.sock"}) {
    INFO(text);
    const auto address = parse_listen_address(text);
    REQUIRE(address);
    CHECK(to_string(*address) == text);
  }
  for (const char* text :
       {"", "8480", ":8480", "localhost:8480", "::1:8480", "127.0.0.1:", "127.0.0.1:65536",
        "127.0.0.1:1x", "127.0.0.1:-1", "[127.0.0.1]:80", "unix:", "unix:api.sock", "[::1]"}) {
    INFO(text);
    CHECK(!parse_listen_address(text));
  }
  CHECK(!parse_listen_address("unix:/" + std::string(107, 'a')));
  CHECK(is_local(*parse_listen_address("127.0.0.5:1")));
  CHECK(is_local(*parse_listen_address("[::1]:1")));
  CHECK(is_local(*parse_listen_address("unix:/a")));
  CHECK(!is_local(*parse_listen_address("0.0.0.0:1")));
  CHECK(!is_local(*parse_listen_address("10.0.0.1:1")));
}

TEST_CASE("requests over TCP, one after the other and several at once") {
  EchoApplication application;
  RunningServer server(application);
  Client client(server.endpoint());
  Client other(server.endpoint());
  for (int i = 0; i < 3; ++i) {
    CHECK(is_ok(client.ask(get("/a"))));
    CHECK(is_ok(other.ask(get("/b"))));
  }
  client.send(get("/1") + get("/2"));
  CHECK(client.response().ends_with("<GET /1 >"));
  CHECK(client.response().ends_with("<GET /2 >"));
  CHECK(server.connections() == 2);
}

TEST_CASE("a port or a socket file that is taken says what to do") {
  EchoApplication application;
  RunningServer server(application);
  CHECK_THROWS_WITH(RunningServer(application, {}, to_string(server.address())),
                    Catch::Contains("cannot listen on 127.0.0.1:") &&
                        Catch::Contains("Address already in use; another program listens there"));
  const TempDir dir;
  const std::string path = "unix:" + dir.file("api.sock");
  {
    RunningServer first(application, {}, path);
    Client client(first.endpoint());
    CHECK(is_ok(client.ask(get("/a"))));
    CHECK_THROWS_WITH(RunningServer(application, {}, path),
                      Catch::Contains("another program listens there"));
    Client again(first.endpoint());  // it was left alone
    CHECK(is_ok(again.ask(get("/a"))));
  }
  CHECK(!std::filesystem::exists(dir.file("api.sock")));
  {  // left by a process that was killed
    boost::asio::io_context io;
    boost::asio::local::stream_protocol::acceptor stale(
        io, boost::asio::local::stream_protocol::endpoint(dir.file("api.sock")));
  }
  REQUIRE(std::filesystem::exists(dir.file("api.sock")));
  RunningServer second(application, {}, path);
  Client client(second.endpoint());
  CHECK(is_ok(client.ask(get("/a"))));
  std::ofstream(dir.file("precious")) << "x";
  CHECK_THROWS(RunningServer(application, {}, "unix:" + dir.file("precious")));
  CHECK(std::filesystem::exists(dir.file("precious")));
}

TEST_CASE("stopping lets a request end, and nothing else") {
  HeldApplication application;
  RunningServer server(application);
  Client idle(server.endpoint());
  CHECK(is_ok(idle.ask(get("/a"))));
  Client half(server.endpoint());
  half.send("GET /a HTTP/1.1\r\n");
  Client slow(server.endpoint());
  slow.send(get("/slow") + get("/never"));
  application.wait_until_held(1);
  auto stopped = server.begin_stop(20s);
  CHECK(idle.rest().empty());
  CHECK(half.rest().empty());
  CHECK(stopped.wait_for(0s) == std::future_status::timeout);
  application.release(server.io());
  const auto all = slow.rest();
  CHECK(is_ok(all));
  CHECK(all.find("Connection: close\r\n") != std::string::npos);
  CHECK(all.ends_with("<GET /slow >"));
  stopped.get();
  CHECK_THROWS(Client(server.endpoint()));
}

TEST_CASE("stopping breaks off what does not end in time") {
  EchoApplication application;
  RunningServer server(application, {.write_timeout = 60s});
  // A reader that never reads: the answer fills the socket's buffers.
  Client stuck(server.endpoint());
  const boost::asio::socket_base::receive_buffer_size small(4096);
  stuck.socket().set_option(small);
  std::string many;
  for (int i = 0; i < 200; ++i) many += get("/" + std::string(7'000, 'x'));
  const timeval soon{0, 200'000};
  ::setsockopt(stuck.socket().native_handle(), SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
  for (int i = 0; i < 100 && stuck.send(many); ++i) continue;
  const auto begun = std::chrono::steady_clock::now();
  server.stop(100ms);
  CHECK(std::chrono::steady_clock::now() - begun < 10s);
  CHECK(server.connections() == 0);
}

TEST_CASE("many TLS handshakes at one moment left no turn to anything else") {
  const TempDir dir;
  const auto identity = identity_of(dir, CertificateAuthority().issue("DNS:localhost"));
  constexpr int kClients = 40;
  HelloCount count(identity, kClients);
  EchoApplication application;
  RunningServer server(application, {}, "127.0.0.1:0", identity);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(std::make_unique<Client>(server.endpoint()));
  while (server.connections() < kClients) std::this_thread::yield();
  count.hold(server.io());
  for (const auto& each : clients) each->send(client_hello());
  count.release();
  CHECK(count.most_in_a_row() <= 2);
}

TEST_CASE("TLS connections that give way leave the line for their handshake") {
  const TempDir dir;
  const auto identity = identity_of(dir, CertificateAuthority().issue("DNS:localhost"));
  HelloCount count(identity, 1);
  EchoApplication application;
  RunningServer server(application, {.connections_max = 3}, "127.0.0.1:0", identity);
  count.hold(server.io());
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(std::make_unique<Client>(server.endpoint()));
    clients.back()->send(client_hello());
  }
  count.release();
  (void)clients.front()->rest();  // it ends
  CHECK(count.most_in_a_row() <= 2);
  CHECK(server.connections() <= 3);
}

TEST_CASE("TLS, and a certificate that is replaced") {
  const CertificateAuthority authority;
  const TempDir dir;
  std::ofstream(dir.file("ca.pem")) << authority.certificate();
  const auto identity = identity_of(dir, authority.issue("IP:127.0.0.1"));
  EchoApplication application;
  RunningServer server(application, {}, "127.0.0.1:0", identity);
  const std::string url = "https://" + to_string(server.address());
  auto result = curl(dir, {url + "/a", url + "/b", "--data", "@" RRULED_SOURCE_DIR "/README.md"});
  INFO(result.err);
  CHECK(result.exit_code == 0);
  CHECK(result.out.find("<POST /a ") != std::string::npos);
  CHECK(result.out.find("<POST /b ") != std::string::npos);
  CHECK(server.on_io([&] { return application.requests.at(0).secure; }));

  // Not the server's any more: reloading takes the new one for new connections.
  std::ofstream(dir.file("cert.pem")) << authority.issue("DNS:else.example").certificate;
  CHECK_THROWS_WITH(server.on_io([&] {
    identity->reload(dir.file("cert.pem"), dir.file("key.pem"));
    return true;
  }),
                    Catch::Contains("cannot use the key"));
  CHECK(curl(dir, {url + "/a"}).exit_code == 0);
  (void)identity_of(dir, authority.issue("DNS:else.example"));
  CHECK(server.on_io([&] {
    identity->reload(dir.file("cert.pem"), dir.file("key.pem"));
    return true;
  }));
  CHECK(curl(dir, {url + "/a"}).exit_code == 60);  // another name
  CHECK_THROWS_WITH(api::TlsIdentity(dir.file("nothing.pem"), dir.file("key.pem")),
                    Catch::Contains("cannot read the certificate"));

  // Plain HTTP there, and silence: neither keeps the others out.
  Client plain(server.endpoint());
  plain.send(get("/a"));
  CHECK(!is_ok(plain.rest()));
}

namespace {

// Throws what is no std::exception.
class ThrowingApplication final : public EchoApplication {
 public:
  boost::asio::awaitable<api::Response> answer(api::Request request) override {
    if (request.path != "/number") co_return co_await EchoApplication::answer(std::move(request));
    thrown_.set_value();
    throw 5;
  }
  void wait_until_thrown() { thrown_.get_future().wait(); }

 private:
  std::promise<void> thrown_;
};

}  // namespace

TEST_CASE("a connection whose answer threw what is no exception was never given up") {
  ThrowingApplication application;
  RunningServer server(application);
  Client client(server.endpoint());
  client.send(get("/number"));
  application.wait_until_thrown();
  CHECK(server.connections() == 0);
  CHECK(client.rest().empty());
  CHECK(server.begin_stop(20s).wait_for(10s) == std::future_status::ready);
}

}  // namespace rruled::test
