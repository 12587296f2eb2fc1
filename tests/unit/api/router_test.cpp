#include "daemon/api/router.h"

#include <catch2/catch.hpp>

#include <type_traits>

namespace rruled::api {
namespace {

Response nothing(Call&) { return {}; }

// A route must say its scope.
static_assert(!std::is_constructible_v<Route, Verb, const char*, Handler, RouteText>);
static_assert(!std::is_default_constructible_v<Route>);
static_assert(std::is_constructible_v<Route, Verb, const char*, Scope, Handler, RouteText>);

constexpr Route kRoutes[] = {
    {Verb::get, "/p/{project_id}/flows/", Scope::read, nothing, {}},
    {Verb::post, "/p/{project_id}/flows/", Scope::write, nothing, {}},
    {Verb::get, "/p/{project_id}/flows/{id}/", Scope::read, nothing, {}},
    {Verb::del, "/p/{project_id}/flows/{id}/", Scope::write, nothing, {}},
    {Verb::post, "/p/{project_id}/flows/bulk_delete/", Scope::write, nothing, {}},
    {Verb::get, "/livez", Scope::open, nothing, {}},
};

}  // namespace

TEST_CASE("a path is found with and without its last slash, with its arguments") {
  const Router router(kRoutes);
  for (const char* path : {"/p/7/flows/abc/", "/p/7/flows/abc"}) {
    const auto found = router.match("DELETE", path);
    REQUIRE(found.route == &kRoutes[3]);
    CHECK(found.arguments == PathArguments{{"project_id", "7"}, {"id", "abc"}});
  }
  CHECK(router.match("GET", "/livez").route == &kRoutes[5]);
  CHECK(router.match("GET", "/livez/").route == &kRoutes[5]);
  CHECK(router.match("HEAD", "/p/7/flows").route == &kRoutes[0]);
}

TEST_CASE("a word of ours is not an argument") {
  const Router router(kRoutes);
  CHECK(router.match("POST", "/p/7/flows/bulk_delete").route == &kRoutes[4]);
  const auto get = router.match("GET", "/p/7/flows/bulk_delete");
  CHECK(get.route == nullptr);
  CHECK(get.allow == "POST, OPTIONS");
}

TEST_CASE("another method is told from another path") {
  const Router router(kRoutes);
  const auto patch = router.match("PATCH", "/p/7/flows/");
  CHECK(patch.route == nullptr);
  CHECK(patch.allow == "GET, HEAD, POST, OPTIONS");
  CHECK(router.match("get", "/livez").route == nullptr);
  for (const char* path : {"/", "", "//", "/p", "/p/7/flows/a/b", "/p/7//flows/", "/p//flows/",
                           "//p/7/flows/", "/p/7/flows//", "/p/7/flows/a%2Fb", "/p/7/fl%6Fws/",
                           "/P/7/flows", "/p/7/flows/..\\x", "/livez/x"}) {
    INFO(path);
    const auto found = router.match("GET", path);
    CHECK(found.route == nullptr);
    CHECK(found.allow.empty());
  }
}

TEST_CASE("an argument may be encoded, and is then what it says") {
  const Router router(kRoutes);
  const auto found = router.match("GET", "/p/7/flows/%C3%BA%20x+y/");
  REQUIRE(found.route);
  CHECK(found.arguments == PathArguments{{"project_id", "7"}, {"id", "\xC3\xBA x+y"}});
  for (const char* id : {"a%", "a%2", "%zz", "%00", "%C3", "%5C"}) {
    INFO(id);
    CHECK(router.match("GET", "/p/7/flows/" + std::string(id)).allow.empty());
  }
}

TEST_CASE("two routes that match the same paths are a mistake of ours") {
  static constexpr Route kTwice[] = {
      {Verb::get, "/p/{a}/", Scope::read, nothing, {}},
      {Verb::get, "/p/{b}", Scope::read, nothing, {}},
  };
  CHECK_THROWS_AS(Router(kTwice), std::logic_error);
}

}  // namespace rruled::api
