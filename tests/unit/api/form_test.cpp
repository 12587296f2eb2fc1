#include "daemon/api/form.h"

#include <catch2/catch.hpp>

#include <array>

namespace rruled::api {

using core::json_text;

TEST_CASE("forms are decoded") {
  CHECK(parse_form("") == FormFields{});
  CHECK(parse_form("a=1&b=x+y%20z&&c") == FormFields{{"a", "1"}, {"b", "x y z"}, {"c", ""}});
  CHECK(parse_form("%C3%BC=%e2%82%ac&a=b=c") == FormFields{{"ü", "€"}, {"a", "b=c"}});
  for (const char* bad : {"a=%", "a=%4", "a=%zz", "a=%ff", "a=%00", "%c3=a", "a=\xff"}) {
    INFO(bad);
    CHECK(!parse_form(bad));
  }
}

TEST_CASE("a form is the object that JSON would be") {
  constexpr std::array<std::string_view, 2> kTexts{"name", "status"};
  const auto object = form_object(
      "name=123&status=null&jitter=5m&max_running=2&variables=%7B%22a%22%3A1%7D&note=%5Bx",
      {.texts = kTexts});
  REQUIRE(object.has_value());
  CHECK(json_text(*object) ==
        R"({"name":"123","status":"null","jitter":"5m","max_running":2,"variables":{"a":1},)"
        R"("note":"[x"})");
  CHECK(form_object("a=1&a=2", {.texts = kTexts}).has_error());
  CHECK(form_object("a=%ff", {.texts = kTexts}).has_error());
}

TEST_CASE("JSON that is called a form was a form without fields that are known") {
  for (const auto* text :
       {R"({"variables":{"amount":5}})", R"( {"a":1})", "\n[1]", R"({"a":"b=c&d"})"}) {
    INFO(text);
    const auto object = form_object(text, {});
    REQUIRE(object.has_error());
    CHECK(object.error().detail == "this is JSON: send Content-Type: application/json");
  }
  CHECK(form_object("note={", {}).has_value());
}

}  // namespace rruled::api
