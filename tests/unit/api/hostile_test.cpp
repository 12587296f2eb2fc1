// Clients that mean harm, and good ones that are served meanwhile.
#include "tests/unit/api/running_server.h"

#include <catch2/catch.hpp>
#include <sys/resource.h>

#include <algorithm>
#include <memory>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using namespace std::string_literals;

// Answers "/big" with more than the buffers of a socket hold.
class BigApplication final : public EchoApplication {
 public:
  boost::asio::awaitable<api::Response> answer(api::Request request) override {
    const bool big = request.path == "/big";
    api::Response response = co_await EchoApplication::answer(std::move(request));
    if (big) response.body = std::string(6'000'000, 'a');
    co_return response;
  }
};

// A good client's whole visit, from the connection on.
std::chrono::milliseconds visit(const RunningServer& server) {
  const auto begun = steady_clock::now();
  Client client(server.endpoint());
  CHECK(is_ok(client.ask(get("/good"))));
  CHECK(is_ok(client.ask("POST /good HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")));
  return std::chrono::ceil<std::chrono::milliseconds>(steady_clock::now() - begun);
}

std::chrono::milliseconds slowest(const std::vector<std::chrono::milliseconds>& times) {
  return *std::max_element(times.begin(), times.end());
}

}  // namespace

TEST_CASE("sockets that ask nothing give way to those that do") {
  EchoApplication application;
  RunningServer server(application, {.connections_max = 50});
  std::vector<std::unique_ptr<Client>> idle;
  for (int i = 0; i < 200; ++i) {
    idle.push_back(std::make_unique<Client>(server.endpoint()));
    if (i % 3 == 1) idle.back()->send("GET /slow");             // slowloris
    if (i % 3 == 2) CHECK(is_ok(idle.back()->ask(get("/a"))));  // keeps its connection
  }
  std::vector<std::chrono::milliseconds> times;
  for (int i = 0; i < 100; ++i) times.push_back(visit(server));
  CHECK(slowest(times) < 250ms);
  CHECK(server.connections() <= 50);
  CHECK(idle.front()->rest().empty());
}

TEST_CASE("clients that were refused and do not leave give way") {
  EchoApplication application;
  RunningServer server(application, {.connections_max = 5});
  std::vector<std::unique_ptr<Client>> rude;
  for (int i = 0; i < 20; ++i) {
    rude.push_back(std::make_unique<Client>(server.endpoint()));
    rude.back()->send("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'a'));
    CHECK(rude.back()->response().starts_with("HTTP/1.1 431 "));
  }
  CHECK(visit(server) < 250ms);
  CHECK(server.connections() <= 5);
}

// Each asks for more than its socket holds, and reads nothing.
TEST_CASE("clients that do not take their answers give way") {
  BigApplication application;
  RunningServer server(application, {.connections_max = 5});
  std::vector<std::unique_ptr<Client>> deaf;
  for (int i = 0; i < 8; ++i) {
    deaf.push_back(std::make_unique<Client>(server.endpoint()));
    deaf.back()->send(get("/big"));
  }
  (void)visit(server);
  CHECK(server.connections() <= 5);
}

TEST_CASE("answers that nobody took were held without an end, up to the write timeout") {
  BigApplication application;
  RunningServer server(application, {.all_answers_bytes_max = 20'000'000});
  std::vector<std::unique_ptr<Client>> deaf;
  for (std::size_t i = 1; i <= 8; ++i) {
    deaf.push_back(std::make_unique<Client>(server.endpoint()));
    deaf.back()->send(get("/big"));
    while (server.on_io([&] { return application.requests.size(); }) < i) std::this_thread::yield();
  }
  Client good(server.endpoint());
  const auto all = good.ask(get("/big"));
  CHECK(is_ok(all));
  CHECK(all.size() > 6'000'000);
  CHECK(server.connections() <= 4);  // itself, and three that are owed 18 MB
  // Who came first has had most time.
  CHECK(deaf.front()->rest().size() < 6'000'000);
}

TEST_CASE("over the cap, when all are busy, the answer is 503") {
  HeldApplication application;
  RunningServer server(application, {.connections_max = 3, .waiting_max = 2});
  std::vector<std::unique_ptr<Client>> busy;
  for (int i = 0; i < 2; ++i) {
    busy.push_back(std::make_unique<Client>(server.endpoint()));
    busy.back()->send(get("/slow"));
  }
  application.wait_until_held(2);
  // A third is answered, but the application has enough to do.
  Client third(server.endpoint());
  CHECK(third.ask(get("/a")).starts_with("HTTP/1.1 503 "));
  CHECK(third.ask(get("/a")).find("Retry-After: 5\r\n") != std::string::npos);
  // It waits now, so it gives way.
  Client fourth(server.endpoint());
  CHECK(fourth.ask(get("/a")).starts_with("HTTP/1.1 503 "));
  CHECK(third.rest().empty());
  // Nobody waits: the answer comes at once and the connection ends.
  CHECK(fourth.ask("POST /b HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                   "Content-Length: 100\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  Client fifth(server.endpoint());
  const auto said = fifth.rest();
  CHECK(said.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  CHECK(said.ends_with("\"attr\":null}"));
  application.release(server.io());
}

TEST_CASE("a client that sends slowly is told to leave, whatever it still sends") {
  EchoApplication application;
  RunningServer server(application, {.head_timeout = 300ms, .body_timeout = 300ms});
  const auto drip = [&](const std::string& begin) {
    Client client(server.endpoint());
    client.send(begin);
    const auto begun = steady_clock::now();
    // A byte whenever the server would have time to see it, as the wait is a read with a limit.
    const timeval step{0, 20'000};
    ::setsockopt(client.socket().native_handle(), SOL_SOCKET, SO_RCVTIMEO, &step, sizeof step);
    std::string got;
    while (got.empty() && steady_clock::now() - begun < 10s) {
      client.send("a");
      got = client.response();
    }
    CHECK(steady_clock::now() - begun >= 250ms);
    return got;
  };
  CHECK(drip("GET /").starts_with("HTTP/1.1 408 "));
  CHECK(drip("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
            .starts_with("HTTP/1.1 408 "));
  CHECK(visit(server) < 250ms);
}

TEST_CASE("a client that reads nothing is cut off") {
  EchoApplication application;
  RunningServer server(application, {.head_timeout = 500ms, .write_timeout = 200ms});
  Client client(server.endpoint());
  // With its window shut a client may not even see the end of the connection: it gives up itself.
  const timeval patience{1, 0};
  ::setsockopt(client.socket().native_handle(), SOL_SOCKET, SO_SNDTIMEO, &patience,
               sizeof patience);
  client.socket().set_option(boost::asio::socket_base::receive_buffer_size(4096));
  std::string many;
  for (int i = 0; i < 100; ++i) many += get("/" + std::string(7'000, 'x'));
  while (client.send(many)) continue;
  const auto begun = steady_clock::now();
  while (server.connections() > 0 && steady_clock::now() - begun < 10s) std::this_thread::yield();
  CHECK(server.connections() == 0);
  CHECK(visit(server) < 250ms);
}

TEST_CASE("too much of everything, beside good clients") {
  EchoApplication application;
  RunningServer server(application);
  const std::string post = "POST / HTTP/1.1\r\nHost: x\r\n";
  std::vector<std::chrono::milliseconds> times;
  const auto says = [&](const std::string& bytes) {
    Client client(server.endpoint());
    client.send(bytes);
    const auto all = client.rest();
    times.push_back(visit(server));
    return all.substr(0, 12);
  };
  CHECK(says("GET / HTTP/1.1\r\nX: " + std::string(1 << 20, 'a')) == "HTTP/1.1 431");
  CHECK(says("GET /" + std::string(1 << 20, 'a')) == "HTTP/1.1 431");
  CHECK(says(post + "Content-Length: 1073741824\r\n\r\n" + std::string(1 << 20, 'a')) ==
        "HTTP/1.1 413");
  CHECK(says(post + "Transfer-Encoding: chunked\r\n\r\n200000\r\n" + std::string(1 << 20, 'a')) ==
        "HTTP/1.1 413");
  CHECK(says(std::string(10'000, '\0')) == "HTTP/1.1 431");
  CHECK(says("\x16\x03\x01\r\n\r\n") == "HTTP/1.1 400");  // TLS on a plain port
  CHECK(says("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == "HTTP/1.1 505");
  CHECK(says("GET /a HTTP/1.1\r\nHost: x\r\nX: \0\r\n\r\n"s + get("/b")) == "HTTP/1.1 400");
  CHECK(slowest(times) < 250ms);
  const auto requests = server.on_io([&] { return application.requests; });
  CHECK(std::none_of(requests.begin(), requests.end(),
                     [](const auto& request) { return request.path == "/b"; }));
}

// All that one process may open, over the cap many times: ./dev test --deep
TEST_CASE("10,000 idle sockets", "[.deep]") {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  // One descriptor each here, and the server's 1,000; a Client would take four.
  const std::size_t count = std::min<std::size_t>(10'000, files.rlim_cur - 2'200);
  EchoApplication application;
  RunningServer server(application);
  boost::asio::io_context io;
  std::vector<Client::Protocol::socket> idle;
  std::vector<std::chrono::milliseconds> times;
  while (idle.size() < count) {
    idle.emplace_back(io).connect(server.endpoint());
    if (idle.size() % 50 == 0) times.push_back(visit(server));
  }
  CHECK(slowest(times) < 250ms);
  CHECK(server.connections() <= 1'000);
}

}  // namespace rruled::test
