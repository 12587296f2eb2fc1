#include "daemon/io/http_reply.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using rruled::io::HttpReply;
using Progress = HttpReply::Progress;

namespace {

constexpr std::size_t kBodyMax = 100;

Progress feed(HttpReply& reply, std::string_view bytes, std::size_t piece) {
  auto progress = Progress::needs_more;
  for (; !bytes.empty() && progress == Progress::needs_more;
       bytes.remove_prefix(std::min(piece, bytes.size())))
    progress = reply.put(bytes.substr(0, piece));
  return progress;
}

}  // namespace

TEST_CASE("a reply is read the same in whatever pieces it comes") {
  struct Case {
    std::string bytes;
    int status;
    std::string body;
    bool keep_alive;
  };
  const auto sample = GENERATE(values<Case>({
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, "{}", true},
      {"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 200, "", true},
      {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", true},
      {"HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", 503, "x", false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x", false},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\n"
       "X-Trailer: y\r\n\r\n",
       200, "abcde", true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "", true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 200, "a", true},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"
       "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok",
       201, "ok", true},
  }));
  CAPTURE(sample.bytes);
  std::size_t splits = 0;
  for (std::size_t piece = 1; piece <= sample.bytes.size(); ++piece, ++splits) {
    HttpReply reply(kBodyMax);
    CHECK_FALSE(reply.begun());
    REQUIRE(feed(reply, sample.bytes, piece) == Progress::done);
    CHECK(reply.begun());
    CHECK(reply.keep_alive() == sample.keep_alive);
    const auto response = reply.take();
    CHECK(response.status == sample.status);
    CHECK(response.body == sample.body);
    CHECK_FALSE(response.body_cut);
  }
  CHECK(splits == sample.bytes.size());
}

TEST_CASE("a reply without a length ends with the connection") {
  HttpReply reply(kBodyMax);
  REQUIRE(feed(reply, "HTTP/1.1 200 OK\r\nRetry-After: 7\r\n\r\nabc", 5) == Progress::needs_more);
  REQUIRE(reply.put_end() == Progress::done);
  CHECK_FALSE(reply.keep_alive());
  const auto response = reply.take();
  CHECK(response.body == "abc");
  CHECK(response.retry_after == "7");
  CHECK(response.reason == "OK");
}

TEST_CASE("a connection that ends in the middle of a reply is no reply") {
  const std::string whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde";
  std::size_t ends = 0;
  for (std::size_t size = 0; size < whole.size(); ++size, ++ends) {
    HttpReply reply(kBodyMax);
    REQUIRE(feed(reply, whole.substr(0, size), 7) == Progress::needs_more);
    CHECK(reply.put_end() == Progress::garbage);
    CHECK_FALSE(reply.mistake().empty());
  }
  CHECK(ends == whole.size());
}

TEST_CASE("what is not HTTP is refused") {
  const std::string bytes = GENERATE(
      as<std::string>{}, "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/2.0 200 OK\r\n\r\n",
      "HTTP/1.1 99 Low\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "\x16\x03\x01\x02");
  CAPTURE(bytes);
  HttpReply reply(kBodyMax);
  CHECK(feed(reply, bytes, 3) == Progress::garbage);
}

TEST_CASE("a reply without chunks that goes on with anything but its end is refused") {
  HttpReply reply(kBodyMax);
  CHECK(reply.put("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n") ==
        Progress::needs_more);
  CHECK(reply.put("b") == Progress::needs_more);
  CHECK(reply.put("a\r\n\r\n") == Progress::garbage);
}

TEST_CASE("interim replies without end are refused") {
  HttpReply reply(kBodyMax);
  auto progress = Progress::needs_more;
  int fed = 0;
  for (; progress == Progress::needs_more && fed < 1'000; ++fed)
    progress = reply.put("HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(progress == Progress::garbage);
  CHECK(fed == 17);
}

TEST_CASE("a header over the limit is refused, however it comes") {
  const std::string bytes = GENERATE(
      as<std::string>{}, "HTTP/1.1 200 OK\r\nX: " + std::string(16'384, 'x'),
      "HTTP/1.1 200 " + std::string(20'000, 'x'), "HTTP/1.1 200 OK\r\n" + [] {
        std::string fields;
        for (int i = 0; i < 3'000; ++i) fields += "A: b\r\n";
        return fields;
      }());
  HttpReply whole(kBodyMax);
  CHECK(feed(whole, bytes, bytes.size()) == Progress::too_large);
  HttpReply pieces(kBodyMax);
  CHECK(feed(pieces, bytes, 100) == Progress::too_large);
}

TEST_CASE("a body over the limit is cut and its status still counts") {
  const std::string length = "HTTP/1.1 200 OK\r\nContent-Length: ";
  const std::string bytes = GENERATE_COPY(
      as<std::string>{}, length + "101\r\n\r\n" + std::string(101, 'x'),
      length + "18446744073709551615\r\n\r\n" + std::string(200, 'x'),
      "HTTP/1.1 200 OK\r\n\r\n" + std::string(200, 'x'),
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n" + std::string(0xfff, 'x'));
  for (const std::size_t piece : {std::size_t{1}, std::size_t{64}, bytes.size()}) {
    HttpReply reply(kBodyMax);
    REQUIRE(feed(reply, bytes, piece) == Progress::done);
    CHECK_FALSE(reply.keep_alive());
    const auto response = reply.take();
    CHECK(response.status == 200);
    CHECK(response.body_cut);
    CHECK(response.body == std::string(kBodyMax, 'x'));
  }
}

TEST_CASE("bytes after a reply end the connection") {
  for (const std::size_t extra : {1, 200'000}) {
    HttpReply reply(kBodyMax);
    REQUIRE(reply.put("HTTP/1.1 204 No Content\r\n\r\n" + std::string(extra, 'x')) ==
            Progress::done);
    CHECK_FALSE(reply.keep_alive());
  }
}
