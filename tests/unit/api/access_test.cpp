#include "daemon/api/access.h"

#include <catch2/catch.hpp>

namespace rruled::api {
namespace {

Request with_headers(Headers headers) {
  Request request;
  request.headers = std::move(headers);
  return request;
}

int status(const std::optional<Response>& refusal) { return refusal ? refusal->status : 0; }

}  // namespace

TEST_CASE("bearer credentials") {
  CHECK(bearer_token(with_headers({{"authorization", "bearer  rru_x "}})) == "rru_x");
  CHECK(!bearer_token(with_headers({})));
  CHECK(
      !bearer_token(with_headers({{"Authorization", "Bearer a"}, {"authorization", "Bearer b"}})));
  CHECK(!bearer_token(with_headers({{"Authorization", "Basic cnJ1"}})));
  CHECK(!bearer_token(with_headers({{"Authorization", "Bearer"}})));
  CHECK(!bearer_token(with_headers({{"Authorization", "Bearer "}})));
}

TEST_CASE("scope and project of a grant") {
  const Grant reader{"r", 7, Scope::read};
  const Grant writer{"w", 7, Scope::write};
  const Grant root{"root", std::nullopt, Scope::write};
  CHECK(status(refuse_grant(reader, Scope::read, 7)) == 0);
  CHECK(status(refuse_grant(writer, Scope::read, 7)) == 0);
  CHECK(status(refuse_grant(writer, Scope::write, 7)) == 0);
  CHECK(status(refuse_grant(root, Scope::write, 8)) == 0);
  CHECK(status(refuse_grant(reader, Scope::read, 8)) == 403);
  CHECK(status(refuse_grant(Grant{}, Scope::read, 7)) == 403);
  const auto refusal = refuse_grant(reader, Scope::write, 7);
  REQUIRE(refusal);
  CHECK(refusal->body ==
        R"({"type":"authentication_error","code":"permission_denied",)"
        R"("detail":"API key missing required scope 'hog_flow:write'","attr":null})");
}

TEST_CASE("without tokens only this machine is served") {
  for (const char* host :
       {"localhost", "LOCALHOST:8480", "127.0.0.1:8480", "127.9.9.9", "[::1]", "[::1]:8480"}) {
    INFO(host);
    CHECK(status(refuse_foreign(with_headers({{"Host", host}}))) == 0);
  }
  for (const char* host : {"example.com", "evil.localhost.example.com", "10.0.0.1:8480",
                           "[fe80::1]", "localhost.evil", "127.0.0.1.evil.com", "", "[::1"}) {
    INFO(host);
    CHECK(status(refuse_foreign(with_headers({{"Host", host}}))) == 403);
  }
  CHECK(status(refuse_foreign(with_headers({}))) == 403);
  const auto from = [](const char* origin) {
    return status(refuse_foreign(with_headers({{"Host", "localhost"}, {"Origin", origin}})));
  };
  CHECK(from("http://localhost:3000") == 0);
  CHECK(from("https://127.0.0.1") == 0);
  CHECK(from("https://example.com") == 403);
  CHECK(from("null") == 403);
  CHECK(from("http://127.0.0.1@example.com") == 403);
}

}  // namespace rruled::api
