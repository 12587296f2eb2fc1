#include "daemon/cli/commands.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include <filesystem>
#include <sstream>

namespace rruled::test {

TEST_CASE("the store's own folder is for its owner alone") {
  namespace fs = std::filesystem;
  const TempDir home(fast_directory());
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  io::Environment environment;
  environment.variables["XDG_STATE_HOME"] = home.file("some/state");
  environment.system_file = home.file("absent.toml");
  cli::Session session({in, out, err}, environment);
  const auto before = ::umask(022);
  const char* const argv[] = {"rruled", "flow", "create", "--trigger", "schedule"};
  const int code = cli::execute(5, argv, session);
  ::umask(before);
  INFO(err.str());
  REQUIRE(code == 0);
  CHECK(fs::status(home.file("some/state/rruled")).permissions() == fs::perms::owner_all);
  CHECK(fs::status(home.file("some/state/rruled/rruled.db")).permissions() ==
        (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("a fresh installation is told how its store comes to be") {
  const TempDir home(fast_directory());
  io::Environment environment;
  environment.variables["XDG_STATE_HOME"] = home.file("some/state");
  environment.system_file = home.file("absent.toml");
  for (const auto* command : {"status", "doctor"}) {
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    cli::Session session({in, out, err}, environment);
    const char* const argv[] = {"rruled", command};
    CHECK(cli::execute(2, argv, session) == 1);
    CHECK_THAT(
        out.str() + err.str(),
        Catch::Contains("there is no store yet (" + home.file("some/state/rruled/rruled.db") +
                        "): `rruled flow create` or `rruled run` makes it"));
  }
  CHECK_FALSE(std::filesystem::exists(home.file("some")));
}

}  // namespace rruled::test
