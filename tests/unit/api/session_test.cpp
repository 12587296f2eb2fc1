#include "daemon/api/session.h"

#include "tests/unit/api/scripted_wire.h"

#include <catch2/catch.hpp>

#include <random>
#include <regex>

namespace rruled::test {
namespace {

using api::ServerLimits;
using namespace std::chrono_literals;

constexpr const char* kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr const char* kPost = "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
constexpr const char* kChunked =
    "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    "3;note=\"x\"\r\nfoo\r\n4\r\nbarr\r\n0\r\nX-Late: 1\r\n\r\n";
constexpr const char* kNoChunk =
    "POST /d HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";

// "200 <GET /a >" a line, of all responses.
std::string answers(const std::string& written) {
  std::string all;
  std::string rest = written;
  while (rest.starts_with("HTTP/1.1 ")) {
    const auto head_end = rest.find("\r\n\r\n") + 4;
    const std::string head = rest.substr(0, head_end);
    std::smatch length;
    std::size_t size = 0;
    if (std::regex_search(head, length, std::regex("Content-Length: ([0-9]+)")))
      size = std::stoul(length[1]);
    all += head.substr(9, 3) + " " + rest.substr(head_end, size) + "\n";
    rest.erase(0, head_end + size);
  }
  CHECK(rest.empty());
  return all;
}

std::string answers_to(std::deque<std::string> pieces, ServerLimits limits = {}) {
  WireScript script{.pieces = std::move(pieces)};
  EchoApplication application;
  converse(script, application, limits);
  CHECK(script.closed);
  return answers(script.written);
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("requests on one connection are answered in their order, however they are split") {
  const std::string all = std::string(kGet) + kPost + kChunked + kNoChunk + kGet;
  const std::string expected =
      "200 <GET /a >\n200 <POST /b hello>\n200 <POST /c foobarr>\n200 <POST /d >\n200 <GET /a >\n";
  CHECK(answers_to({all}) == expected);
  std::deque<std::string> bytes;
  for (const char c : all) bytes.emplace_back(1, c);
  CHECK(answers_to(bytes) == expected);
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    std::deque<std::string> pieces;
    for (std::size_t at = 0; at < all.size();) {
      const auto size = std::uniform_int_distribution<std::size_t>(1, 40)(random);
      pieces.push_back(all.substr(at, size));
      at += size;
    }
    CHECK(answers_to(pieces) == expected);
  }
}

TEST_CASE("what every response says") {
  WireScript script{.pieces = {"GET /a HTTP/1.1\r\nHost: x\r\nX-Request-Id: abc-1.Z_\r\n\r\n"}};
  EchoApplication application;
  converse(script, application, {});
  CHECK(script.written ==
        "HTTP/1.1 200 OK\r\nDate: Mon, 05 Jan 2026 09:00:00 GMT\r\nX-Request-Id: abc-1.Z_\r\n"
        "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
        "Referrer-Policy: no-referrer\r\nContent-Type: application/json\r\nContent-Length: 9\r\n"
        "\r\n<GET /a >");
  CHECK(application.requests.at(0).request_id == "abc-1.Z_");
}

TEST_CASE("a request id that could forge something is replaced") {
  CHECK(!api::fit_request_id(nullptr));
  for (const std::string bad : {"", "a b", "a\tb", "ü", "a;b", "<x>"})
    CHECK(!api::fit_request_id(&bad));
  const std::string longest(128, 'a');
  CHECK(api::fit_request_id(&longest) == longest);
  const std::string longer(129, 'a');
  CHECK(!api::fit_request_id(&longer));

  WireScript script{.pieces = {"GET /a HTTP/1.1\r\nHost: x\r\nX-Request-Id: a b\r\n\r\n", kGet}};
  EchoApplication application;
  converse(script, application, {});
  REQUIRE(application.requests.size() == 2);
  const std::string first = application.requests[0].request_id;
  CHECK(first.size() == 36);
  CHECK(first != application.requests[1].request_id);
  CHECK(count(script.written, "X-Request-Id: " + first) == 1);
}

TEST_CASE("HEAD has the head alone") {
  WireScript script{.pieces = {"HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n", kGet}};
  EchoApplication application;
  converse(script, application, {});
  CHECK(count(script.written, "Content-Length: 10\r\n\r\nHTTP/1.1 200") == 1);
}

TEST_CASE("an answer for which there is no room is 503") {
  const auto all = answers_to({kGet, kGet}, {.all_answers_bytes_max = 8});
  CHECK(count(all, "503 ") == 2);
  CHECK(count(all, "Too many large answers at one time") == 2);
  // Room is there again when an answer has been written, or has not been taken.
  CHECK(count(answers_to({kGet, kGet, kGet}, {.all_answers_bytes_max = 12}), "200 ") == 3);
  CHECK(answers_to({"HEAD /large HTTP/1.1\r\nHost: x\r\n\r\n"}, {.all_answers_bytes_max = 0})
            .starts_with("200"));
}

TEST_CASE("when a connection ends") {
  const std::string two = std::string(kGet) + kGet;
  CHECK(answers_to({"GET /a HTTP/1.1\r\nHost: x\r\nConnection: x, Close\r\n\r\n", kGet}) ==
        "200 <GET /a >\n");
  CHECK(answers_to({"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", kGet}) ==
        "200 <GET /a >\n");
  CHECK(answers_to({two + two}, {.requests_per_connection_max = 3}) ==
        "200 <GET /a >\n200 <GET /a >\n200 <GET /a >\n");
  WireScript script{.pieces = {two}, .stalled = true};
  EchoApplication application;
  converse(script, application, {});
  CHECK(application.requests.size() == 1);  // who does not take an answer gets no other
  CHECK(script.closed);
}

TEST_CASE("limits of a request") {
  const ServerLimits limits{.head_bytes_max = 100, .body_bytes_max = 10};
  const std::string line(200, 'a');
  const auto refused = [&](const std::string& text) {
    const auto all = answers_to({text, kGet}, limits);
    CHECK(count(all, "\n") == 1);  // the connection is not used further
    return all.substr(0, 3);
  };
  CHECK(refused("GET /a HTTP/1.1\r\nHost: x\r\nX: " + line + "\r\n\r\n") == "431");
  CHECK(refused("GET /" + line) == "431");
  CHECK(refused("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n") == "413");
  CHECK(refused("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n") == "413");
  const std::string chunked = "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  CHECK(refused(chunked + "6\r\nfoobar\r\n5\r\n") == "413");
  CHECK(refused(chunked + "fffffffffffffff\r\n") == "413");
  CHECK(refused(chunked + "fffffffffffffffff\r\n") == "400");
  CHECK(refused(chunked + "-1\r\n") == "400");
  CHECK(refused(chunked + "3\r\nfoobar\r\n") == "400");
  CHECK(refused(chunked + "1;" + std::string(5'000, 'a')) == "400");
  CHECK(refused(chunked + "0\r\nX: " + std::string(5'000, 'a')) == "400");
  CHECK(refused("POST /c HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == "400");
  CHECK(refused("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: "
                "chunked\r\n\r\n0\r\n\r\n") == "400");
}

TEST_CASE("a client that is refused while it still sends gets to read why") {
  WireScript script{.pieces = {"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
                               std::string(50'000, 'a'), std::string(50'000, 'a')}};
  EchoApplication application;
  converse(script, application, {});
  CHECK(script.written.starts_with("HTTP/1.1 413 "));
  CHECK(script.ended);
  CHECK(script.pieces.empty());  // closed with unread bytes, a connection is reset
}

TEST_CASE("every read and write has its deadline") {
  const ServerLimits limits{.head_timeout = 10s,
                            .body_timeout = 20s,
                            .write_timeout = 30s,
                            .idle_timeout = 40s,
                            .linger_timeout = 5s};
  EchoApplication application;
  WireScript script{.pieces = {"POST /b HTTP/1.1\r\nHost: x\r\n", "Content-Length: 5\r\n\r\n", "he",
                               "llo", "GET", " /a HTTP/1.1\r\nHost: x\r\n\r\n"}};
  converse(script, application, limits);
  //                begin, head, head, body, body, write, idle, head, write, idle
  const std::vector<std::chrono::milliseconds> expected{10s, 10s, 10s, 20s, 20s,
                                                        30s, 40s, 10s, 30s, 40s};
  REQUIRE(script.allowed.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(script.allowed[i] <= expected[i]);
    CHECK(script.allowed[i] > expected[i] - 4s);
  }
}

TEST_CASE("a client that falls silent") {
  const auto silent_after = [](std::deque<std::string> pieces) {
    WireScript script{.pieces = std::move(pieces), .silent_at_end = true};
    EchoApplication application;
    converse(script, application, {});
    CHECK(script.closed);
    return answers(script.written).substr(0, 3);
  };
  CHECK(silent_after({}).empty());
  CHECK(silent_after({"GET /a HTTP/1.1\r\n"}) == "408");
  CHECK(silent_after({"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe"}) == "408");
}

TEST_CASE("an empty line before a request made it none") {
  const std::string line = "\r\n";
  const std::string got = "200 <GET /a >\n";
  CHECK(answers_to({line + kGet}) == got);
  CHECK(answers_to({"\r", "\n", kGet, line, kGet}) == got + got);
  // As old clients end a body.
  CHECK(answers_to({kPost + line + kGet + line}) == "200 <POST /b hello>\n" + got);
  for (const auto& other : {line + line, std::string("\n"), std::string("\r"), " " + line}) {
    CAPTURE(other);
    CHECK(answers_to({other + kGet}).starts_with("400 "));
  }
  // It begins no request: who sends no more is not answered, and has no more time.
  const auto silent_after = [](std::deque<std::string> pieces) {
    WireScript script{.pieces = std::move(pieces), .silent_at_end = true};
    EchoApplication application;
    converse(script, application, {.head_timeout = 10s, .idle_timeout = 40s});
    CHECK(script.allowed.back() <= 10s);
    return answers(script.written);
  };
  CHECK(silent_after({line}).empty());
  CHECK(silent_after({line, "GET"}).starts_with("408 "));
  CHECK(silent_after({kGet, line, "GET"}).find("408 ") != std::string::npos);
}

TEST_CASE("a body that is awaited") {
  const std::string head =
      "POST /b HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
  SECTION("is asked for") {
    WireScript script{.pieces = {head, "hello"}};
    EchoApplication application;
    converse(script, application, {});
    CHECK(script.written.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"));
    CHECK(application.heads == std::vector<std::string>{"POST /b"});
  }
  SECTION("is not asked for when it is there") {
    WireScript script{.pieces = {head + "hello"}};
    EchoApplication application;
    converse(script, application, {});
    CHECK(script.written.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(application.heads.empty());
  }
  SECTION("is not read when the head alone is refused") {
    WireScript script{.pieces = {head, "hello"}};
    EchoApplication application;
    application.refusal = api::Response{.status = 401};
    converse(script, application, {});
    CHECK(script.written.starts_with("HTTP/1.1 401 Unauthorized\r\n"));
    CHECK(application.requests.empty());
  }
  SECTION("waits its turn when others have taken the room") {
    WireScript script{.pieces = {head, "hello"}};
    EchoApplication application;
    converse(script, application, {.all_bodies_bytes_max = 4});
    CHECK(script.written.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    CHECK(count(script.written, "Retry-After: 5\r\n") == 1);
  }
}

TEST_CASE("what goes wrong inside stays inside") {
  WireScript script{.pieces = {"GET /throws HTTP/1.1\r\nHost: x\r\n\r\n", kGet}};
  EchoApplication application;
  converse(script, application, {});
  const auto all = answers(script.written);
  CHECK(all.starts_with(R"(500 {"type":"server_error","code":"error")"));
  CHECK(count(all, "secret") == 0);
  CHECK(count(all, "200 <GET /a >") == 1);
}

}  // namespace rruled::test
