#include "daemon/api/request_head.h"

#include <catch2/catch.hpp>

#include <string>

namespace rruled::api {
namespace {

using std::string;
using namespace std::string_literals;

struct Verdict {
  int status = 0;  // 0: taken
  HeadFacts facts;
};

Verdict verdict(const string& head) {
  Verdict result;
  REQUIRE(head_size(head) == head.size());
  const auto refusal = refuse_head(head, result.facts);
  if (!refusal) return result;
  CHECK(!refusal->detail.empty());
  result.status = refusal->status;
  return result;
}

}  // namespace

TEST_CASE("a head is whole when its empty line is there") {
  CHECK(!head_size(""));
  CHECK(!head_size("GET / HTTP/1.1\r\nHost: a\r\n"));
  CHECK(!head_size("GET / HTTP/1.1\r\nHost: a\r\n\r"));
  CHECK(!head_size("GET / HTTP/1.1\n\n"));
  CHECK(head_size("GET / HTTP/1.1\r\n\r\nrest") == 18);
}

TEST_CASE("heads that are taken") {
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 0);
  CHECK(verdict("GET /a?b=c%20d HTTP/1.0\r\n\r\n").status == 0);
  CHECK(verdict("OPTIONS * HTTP/1.1\r\nHost: [::1]:8480\r\n\r\n").status == 0);
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xbc\tb\r\nEmpty:\r\n\r\n").status == 0);
  const auto sized = verdict("POST / HTTP/1.1\r\nhOST:a\r\ncontent-LENGTH:  17\t\r\n\r\n");
  CHECK(sized.status == 0);
  CHECK(sized.facts.content_length == 17);
  CHECK(!sized.facts.chunked);
  const auto chunked = verdict(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nExpect: 100-Continue\r\n\r\n");
  CHECK(chunked.status == 0);
  CHECK(chunked.facts.chunked);
  CHECK(chunked.facts.expects_continue);
  CHECK(!verdict("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").facts.expects_continue);
}

TEST_CASE("heads that could be read in two ways are refused") {
  const auto [what, line, fields, status] = GENERATE(table<string, string, string, int>({
      {"CL and TE", "POST / HTTP/1.1", "Content-Length: 5\r\nTransfer-Encoding: chunked", 400},
      {"TE and CL", "POST / HTTP/1.1", "Transfer-Encoding: chunked\r\nContent-Length: 5", 400},
      {"TE in HTTP/1.0", "POST / HTTP/1.0", "Transfer-Encoding: chunked", 400},
      {"two CL", "POST / HTTP/1.1", "Content-Length: 5\r\nContent-Length: 6", 400},
      {"two equal CL", "POST / HTTP/1.1", "Content-Length: 5\r\nContent-Length: 5", 400},
      {"a list of CL", "POST / HTTP/1.1", "Content-Length: 5, 5", 400},
      {"CL with a sign", "POST / HTTP/1.1", "Content-Length: +5", 400},
      {"negative CL", "POST / HTTP/1.1", "Content-Length: -5", 400},
      {"hexadecimal CL", "POST / HTTP/1.1", "Content-Length: 0x5", 400},
      {"empty CL", "POST / HTTP/1.1", "Content-Length:", 400},
      {"CL too large", "POST / HTTP/1.1", "Content-Length: 99999999999999999999", 400},
      {"two codings", "POST / HTTP/1.1", "Transfer-Encoding: gzip, chunked", 400},
      {"chunked twice", "POST / HTTP/1.1", "Transfer-Encoding: chunked, chunked", 400},
      {"two TE", "POST / HTTP/1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x", 400},
      {"identity", "POST / HTTP/1.1", "Transfer-Encoding: identity", 400},
      {"TE with a tab inside", "POST / HTTP/1.1", "Transfer-Encoding: chun\tked", 400},
      {"TE in quotes", "POST / HTTP/1.1", "Transfer-Encoding: \"chunked\"", 400},
      {"blank before the colon", "POST / HTTP/1.1", "Content-Length : 5", 400},
      {"folded line", "GET / HTTP/1.1", "X: a\r\n b", 400},
      {"folded by a tab", "GET / HTTP/1.1", "X: a\r\n\tb", 400},
      {"line without a colon", "GET / HTTP/1.1", "Nonsense", 400},
      {"empty name", "GET / HTTP/1.1", ": x", 400},
      {"name with a bracket", "GET / HTTP/1.1", "X(y): x", 400},
      {"bare LF", "GET / HTTP/1.1", "X: a\nY: b", 400},
      {"bare CR", "GET / HTTP/1.1", "X: a\rY: b", 400},
      {"CR at the end of a value", "GET / HTTP/1.1", "X: a\r\r\nY: b", 400},
      {"NUL", "GET / HTTP/1.1", "X: a\0b"s, 400},
      {"escape", "GET / HTTP/1.1", "X: a\x1b[31m", 400},
      {"DEL", "GET / HTTP/1.1", "X: a\x7f", 400},
      {"absolute target", "GET http://a/ HTTP/1.1", "X: y", 400},
      {"authority target", "CONNECT a:443 HTTP/1.1", "X: y", 400},
      {"* of GET", "GET * HTTP/1.1", "X: y", 400},
      {"fragment", "GET /a#b HTTP/1.1", "X: y", 400},
      {"blank in the target", "GET /a b HTTP/1.1", "X: y", 400},
      {"two blanks", "GET  / HTTP/1.1", "X: y", 400},
      {"tab in the target", "GET /a\tb HTTP/1.1", "X: y", 400},
      {"bytes in the target", "GET /\xc3\xbc HTTP/1.1", "X: y", 400},
      {"no version", "GET /", "X: y", 400},
      {"no method", " / HTTP/1.1", "X: y", 400},
      {"HTTP/2", "GET / HTTP/2.0", "X: y", 505},
      {"HTTP/1.2", "GET / HTTP/1.2", "X: y", 505},
      {"HTTP/0.9", "GET / HTTP/0.9", "X: y", 505},
      {"lower case", "GET / http/1.1", "X: y", 400},
      {"long version", "GET / HTTP/1.10", "X: y", 400},
      {"another expectation", "GET / HTTP/1.1", "Expect: 200-ok", 417},
  }));
  INFO(what);
  CHECK(verdict(line + "\r\nHost: a\r\n" + fields + "\r\n\r\n").status == status);
}

TEST_CASE("the host") {
  CHECK(verdict("GET / HTTP/1.1\r\nX: y\r\n\r\n").status == 400);
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n").status == 400);
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n").status == 400);
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n").status == 400);
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n").status == 400);
  CHECK(verdict("GET / HTTP/1.1\r\n Host: a\r\n\r\n").status == 400);
}

}  // namespace rruled::api
