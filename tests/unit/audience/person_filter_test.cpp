#include "store/person_filter.h"

#include "store/errors.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

namespace rruled::test {

using namespace store;

TEST_CASE("numbers order as whole numbers do") {
  const std::vector<double> ascending{std::numeric_limits<double>::lowest(),
                                      -1e300,
                                      -2,
                                      -1.5,
                                      -std::numeric_limits<double>::denorm_min(),
                                      0.0,
                                      std::numeric_limits<double>::denorm_min(),
                                      1e-300,
                                      1,
                                      std::nextafter(1, 2),
                                      9'007'199'254'740'993.0,
                                      1e300};
  for (std::size_t i = 1; i < ascending.size(); ++i)
    CHECK(order_of(ascending[i - 1]) < order_of(ascending[i]));
  CHECK(order_of(-0.0) == order_of(0.0));
}

TEST_CASE("a number is the whole text") {
  CHECK(number_in("12") == 12.0);
  CHECK(number_in("-0.5e3") == -500.0);
  for (const auto* none : {"", " 1", "1 ", "+1", "0x10", "inf", "nan", "1e999", "1,5", "a"}) {
    INFO(none);
    CHECK_FALSE(number_in(none));
  }
}

TEST_CASE("case is folded in every script") {
  CHECK(fold_case("Plzeň ÄÖ ΑΒΓ ПРИВЕТ 𐐀 ß") == "plzeň äö αβγ привет 𐐨 ß");
  CHECK(fold_case("") == "");
  CHECK(fold_case("a_1%\\") == "a_1%\\");
}

TEST_CASE("a pattern that RE2 does not take is told") {
  CHECK(regex_problem("^a.*b$").empty());
  CHECK_FALSE(regex_problem("(").empty());
  CHECK_FALSE(regex_problem("(?=a)").empty());
  CHECK_FALSE(regex_problem("(a{1000}){1000}").empty());
  CHECK_THROWS_AS(PersonRegex("("), StoreError);
  CHECK(PersonRegex("b+").finds("abba"));
}

}  // namespace rruled::test
