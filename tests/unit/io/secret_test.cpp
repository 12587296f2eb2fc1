#include "daemon/io/secret.h"

#include "tests/unit/io/io_fixture.h"

#include <catch2/catch.hpp>

#include <ostream>
#include <type_traits>
#include <utility>

using rruled::io::Secret;
using rruled::test::TempDir;
using rruled::test::write_file;

static_assert(!std::is_copy_constructible_v<Secret>);
static_assert(!std::is_copy_assignable_v<Secret>);
static_assert(!std::is_convertible_v<Secret, std::string_view>);

namespace {
template <class T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};
}  // namespace
static_assert(!Printable<Secret>);
static_assert(Printable<int>);

TEST_CASE("a secret is the one line of its file") {
  const TempDir dir;
  for (const char* end : {"", "\n", "\r\n"}) {
    const auto secret =
        Secret::read_file(write_file(dir, "token", std::string("s3cret") + end), "token_file");
    REQUIRE(secret.has_value());
    CHECK(secret->reveal() == "s3cret");
  }
  const auto longest =
      Secret::read_file(write_file(dir, "token", std::string(4096, 'x') + "\r\n"), "t");
  REQUIRE(longest.has_value());
  CHECK(longest->reveal().size() == 4096);
}

TEST_CASE("a file that holds no usable secret says what to do, not what it holds") {
  const TempDir dir;
  struct Case {
    std::string content, expected;
  };
  const auto sample = GENERATE(values<Case>({
      {"", "is empty"},
      {"\n", "is empty"},
      {"hidden1\nhidden2\n", "one line of printable ASCII"},
      {"hidden hidden", "one line of printable ASCII"},
      {"hidden\r\n\r\n", "one line of printable ASCII"},
      {"hidd\xC3\xA9n", "one line of printable ASCII"},
      {std::string("hidden\0", 7), "one line of printable ASCII"},
      {std::string(4097, 'h'), "more than 4096 bytes"},
      {std::string(100'000, 'h'), "more than 4096 bytes"},
  }));
  const auto secret = Secret::read_file(write_file(dir, "token", sample.content), "token_file");
  REQUIRE(secret.has_error());
  CHECK(secret.error().setting == "token_file");
  CHECK_THAT(secret.error().detail, Catch::Contains(sample.expected));
  CHECK_THAT(secret.error().detail, Catch::Contains(dir.file("token")));
  CHECK_THAT(secret.error().detail, !Catch::Contains("hidden"));
}

TEST_CASE("a secret that cannot be read names its file") {
  const TempDir dir;
  const auto missing = Secret::read_file(dir.file("nothing"), "token_file");
  REQUIRE(missing.has_error());
  CHECK_THAT(missing.error().detail, Catch::Contains("create it with the secret as its only line"));
  CHECK(Secret::read_file(dir.file(""), "token_file").has_error());  // a directory
}

TEST_CASE("a moved secret is in one place") {
  Secret first("one");
  Secret second(std::move(first));
  CHECK(second.reveal() == "one");
  second = Secret("two");
  CHECK(second.reveal() == "two");
}
