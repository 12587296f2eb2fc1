#include "daemon/api/api_application.h"
#include "store/memory_directory.h"
#include "store/memory_store.h"
#include "tests/unit/api/scripted_wire.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <array>
#include <memory>
#include <optional>
#include <string>

namespace rruled::test {
namespace {

api::Response refusing(api::Call&) { api::refuse("verbose", "It is no word."); }
api::Response throwing(api::Call&) { throw std::runtime_error("secret of the house"); }
api::Response throwing_a_number(api::Call&) { throw 5; }

const std::array<api::Route, 3> kOpenRoutes{
    api::Route{api::Verb::get, "/refuses", api::Scope::open, refusing, {""}},
    api::Route{api::Verb::get, "/throws", api::Scope::open, throwing, {""}},
    api::Route{api::Verb::get, "/number", api::Scope::open, throwing_a_number, {""}},
};

// Absent: it was thrown, and not answered.
std::optional<api::Response> given_to_stranger(const std::string& path) {
  const rrule::ZoneDatabase zones;
  const api::ApiContext context{{zones, std::chrono::seconds(1), {}}, {}, {}, kOpenRoutes, "1"};
  api::BackendPool backends(1, [] {
    api::Backend backend;
    backend.store = std::make_shared<store::MemoryStore>();
    backend.directory = backend.store->directory();
    return backend;
  });
  const MovedClock clock;
  api::ApiApplication application(context, backends, clock, quiet_log(), {});
  api::Request request;
  request.method = "GET";
  request.target = request.path = path;
  request.headers = {{"Host", "api.test"}};
  request.request_id = "test";
  boost::asio::io_context io{1};
  std::optional<api::Response> response;
  boost::asio::co_spawn(io, application.answer(std::move(request)),
                        [&](std::exception_ptr failure, api::Response given) {
                          if (!failure) response = std::move(given);
                        });
  io.run();
  return response;
}

}  // namespace

TEST_CASE("what the handler of an open route threw went past the connection") {
  const auto refused = given_to_stranger("/refuses");
  REQUIRE(refused);
  CHECK(refused->status == 400);
  CHECK_THAT(refused->body, Catch::Contains("It is no word."));
  for (const char* path : {"/throws", "/number"}) {
    const auto failed = given_to_stranger(path);
    REQUIRE(failed);
    CHECK(failed->status == 500);
    CHECK_THAT(failed->body, Catch::Contains("request test") && !Catch::Contains("secret"));
  }
}

}  // namespace rruled::test
