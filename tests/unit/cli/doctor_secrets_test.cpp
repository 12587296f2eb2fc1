// What doctor says of files that hold secrets.
#include "tests/unit/cli/command_line.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

namespace rruled::test {

using Catch::Contains;

namespace fs = std::filesystem;

namespace {

constexpr auto kOwnerAndGroup =
    fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read;

void write(const std::string& file, const std::string& text, fs::perms mode) {
  std::ofstream(file) << text;
  fs::permissions(file, mode);
  fs::permissions(fs::path(file).parent_path(), fs::perms::others_exec, fs::perm_options::add);
}

}  // namespace

TEST_CASE("doctor warns of secrets that every user may read") {
  CommandLine line;
  const auto token = line.file("token");
  const auto config = line.file("rruled.toml");
  const auto all = kOwnerAndGroup | fs::perms::others_read;
  write(token, "geheim", all);
  write(config,
        "[store]\nlisten_url = \"postgresql://u:geheim@localhost/rruled\"\n"
        "[executors.crm]\ntype = \"http\"\nurl = \"http://127.0.0.1:1/\"\ntoken_file = \"" +
            token + "\"\n",
        all);
  const auto open = line.rruled({"doctor", "--config", config}).out;
  CHECK_THAT(open, Contains("[!] configuration: " + config +
                            " holds a password (store.listen_url), and every user may read it\n"
                            "    chmod o-rwx " +
                            config + "\n"));
  CHECK_THAT(open, Contains("[!] configuration: " + token +
                            " holds the secret of executors.crm.token_file"));
  CHECK_THAT(open, !Contains("geheim"));
  SECTION("their modes are right") {
    fs::permissions(token, kOwnerAndGroup);
    fs::permissions(config, kOwnerAndGroup);
  }
  SECTION("nobody else gets into their folder") {
    fs::permissions(fs::path(token).parent_path(), fs::perms::others_exec,
                    fs::perm_options::remove);
  }
  CHECK_THAT(line.rruled({"doctor", "--config", config}).out, !Contains("[!]"));
}

TEST_CASE("doctor does not warn of a file without a secret, nor fail for a warning") {
  CommandLine line;
  const auto config = line.file("rruled.toml");
  write(config,
        "[store]\nlisten_url = \"postgresql://u@localhost/rruled\"\n"
        "[executors.default]\ntype = \"log\"\n",
        kOwnerAndGroup | fs::perms::others_read);
  REQUIRE(line.rruled({"flow", "create", "--name", "A", "--trigger", "schedule"}).exit_code == 0);
  CHECK_THAT(line.rruled({"doctor", "--config", config}).out, !Contains("[!]"));
  std::ofstream(config, std::ios::app) << "[notify]\nkey_file = \"" << line.file("key") << "\"\n";
  write(line.file("key"), "geheim", kOwnerAndGroup | fs::perms::others_read);
  const auto warned = line.rruled({"doctor", "--config", config, "--format", "json"});
  CHECK_THAT(warned.out, Contains("chmod o-rwx " + line.file("key")));
  INFO(warned.out);
  const auto text = line.rruled({"doctor", "--config", config}).out;
  CHECK((warned.exit_code == 0) == (text.find("[-]") == std::string::npos));
}

}  // namespace rruled::test
