#include "daemon/api/content.h"

#include "daemon/api/form.h"

#include <catch2/catch.hpp>
#include <zlib.h>

namespace rruled::api {
namespace {

std::string unzipped(const std::string& bytes) {
  z_stream stream{};
  REQUIRE(::inflateInit2(&stream, MAX_WBITS + 16) == Z_OK);
  std::string out(1 << 20, '\0');
  std::string in = bytes;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(::inflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  ::inflateEnd(&stream);
  return out;
}

Request with(Headers headers, std::string body = "x") {
  Request request;
  request.headers = std::move(headers);
  request.body = std::move(body);
  return request;
}

}  // namespace

TEST_CASE("what the client accepts") {
  const auto [accept, taken] = GENERATE(table<std::string, bool>({
      {"application/json", true},
      {"APPLICATION/JSON", true},
      {"application/json; charset=utf-8", true},
      {"text/html, */*;q=0.1", true},
      {"text/html,application/*", true},
      {"", true},
      {"text/html", false},
      {"application/json;q=0", false},
      {"*/*;q=0.0", false},
      {"*/*, application/json;q=0", false},
      {"application/json, */*;q=0", true},
      {"application", false},
      {",;,", false},
  }));
  INFO(accept);
  CHECK(accepts(&accept, "application/json") == taken);
  CHECK(accepts(nullptr, "application/json"));
}

TEST_CASE("gzip only where it is asked for") {
  const auto [encoding, taken] = GENERATE(table<std::string, bool>({
      {"gzip", true},
      {"deflate, GZIP;q=0.5", true},
      {"*", true},
      {"gzip;q=0", false},
      {"gzip;q=0, *", false},
      {"*;q=0", false},
      {"identity", false},
      {"", false},
      {"x-gzip", false},
  }));
  INFO(encoding);
  CHECK(accepts_gzip(&encoding) == taken);
  CHECK(!accepts_gzip(nullptr));
}

TEST_CASE("a compressed body is the same body") {
  const std::string asked = "gzip";
  const std::string text(100'000, 'x');
  Response response{.body = text};
  compress(response, &asked, 1'024);
  CHECK(response.body.size() < 1'000);
  REQUIRE(find_header(response.headers, "content-encoding") != nullptr);
  CHECK(unzipped(response.body) == text);
  CHECK(unzipped(gzip("")).empty());

  Response small{.body = std::string(1'023, 'x')};
  compress(small, &asked, 1'024);
  CHECK(small.headers.empty());
  Response not_asked{.body = text};
  compress(not_asked, nullptr, 1'024);
  CHECK(not_asked.body == text);
  CHECK(find_header(not_asked.headers, "Vary") != nullptr);
}

TEST_CASE("the form of a body") {
  CHECK(body_kind(with({{"content-type", "application/json"}})) == BodyKind::json);
  CHECK(body_kind(with({{"Content-Type", "application/json; charset=\"UTF-8\""}})) ==
        BodyKind::json);
  CHECK(body_kind(with({{"Content-Type", "application/x-www-form-urlencoded"}})) == BodyKind::form);
  CHECK(body_kind(with({{"Content-Type", "application/json; charset=latin1"}})) == BodyKind::other);
  CHECK(body_kind(with({{"Content-Type", "text/plain"}})) == BodyKind::other);
  CHECK(body_kind(with({{"Content-Type", "text/plain"}}, "")) == BodyKind::none);
  CHECK(body_kind(with({})) == BodyKind::other);
  CHECK(body_kind(with({}, "")) == BodyKind::none);
  CHECK(body_kind(with({{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}})) ==
        BodyKind::other);
}

}  // namespace rruled::api
