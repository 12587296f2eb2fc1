// Which files the configuration is read from.
#include "config_fixture.h"
#include "tests/support/certificates.h"

#include <unistd.h>

using namespace rruled::io;
using rruled::test::ConfigSetup;

TEST_CASE("drop-ins come after the file, the environment after both") {
  ConfigSetup setup;
  const auto file = setup.write("rruled.toml", "[log]\nlevel = \"debug\"\nformat = \"json\"\n");
  setup.write("rruled.d/20-b.toml", "[log]\nlevel = \"warn\"\n");
  setup.write("rruled.d/10-a.toml", "[log]\nlevel = \"error\"\n[api]\nlisten = \"127.0.0.1:1\"\n");
  setup.write("rruled.d/.hidden.toml", "nonsense");
  setup.write("rruled.d/readme.txt", "nonsense");
  Config config = setup.good(file);
  CHECK(config.log.level == LogVerbosity::warn);
  CHECK(config.log.format == LogFormat::json);
  CHECK(config.api.listen == "127.0.0.1:1");
  CHECK(config.sources.size() == 3);

  setup.environment.variables["RRULED_LOG_LEVEL"] = "trace";
  CHECK(setup.good(file).log.level == LogVerbosity::trace);
  setup.environment.variables["RRULED_LOG_LEVEL"] = "";
  CHECK(setup.good(file).log.level == LogVerbosity::warn);
}

TEST_CASE("the file is the given one, else the variable's, else the system's") {
  ConfigSetup setup;
  setup.environment.system_file = setup.write("system.toml", "[log]\nlevel = \"error\"\n");
  CHECK(setup.good().log.level == LogVerbosity::error);
  setup.environment.variables["RRULED_CONFIG"] =
      setup.write("variable.toml", "[log]\nlevel = \"warn\"\n").string();
  CHECK(setup.good().log.level == LogVerbosity::warn);
  CHECK(setup.good(setup.write("given.toml", "[log]\nlevel = \"debug\"\n")).log.level ==
        LogVerbosity::debug);
}

TEST_CASE("a folder that may not be entered does not count as empty") {
  ConfigSetup setup;
  setup.environment.system_file = setup.write("closed/system.toml", "[log]\nlevel = \"error\"\n");
  setup.write("open/some.toml", "");
  setup.write("open/some.d/more.toml", "[log]\nlevel = \"error\"\n");
  for (const auto& each : {std::filesystem::path(setup.folder.path()), setup.path("open")})
    std::filesystem::permissions(each, std::filesystem::perms(0711));
  for (const char* each : {"closed", "open/some.d"})
    std::filesystem::permissions(setup.path(each), std::filesystem::perms::none);
  const auto root = ::geteuid() == 0;  // who may enter everything
  constexpr uid_t kNobody = 65'534;
  if (root) REQUIRE(::seteuid(kNobody) == 0);
  const auto closed = load_config({}, setup.environment);
  const auto drop_ins = load_config(setup.path("open/some.toml"), setup.environment);
  if (root) REQUIRE(::seteuid(0) == 0);
  for (const char* each : {"closed", "open/some.d"})
    std::filesystem::permissions(setup.path(each), std::filesystem::perms::owner_all);
  REQUIRE_FALSE(closed.has_value());
  CHECK_THAT(to_string(closed.error().front()),
             Catch::Contains("closed/system.toml: cannot be read: Permission denied (run it as a"));
  REQUIRE_FALSE(drop_ins.has_value());
  CHECK_THAT(to_string(drop_ins.error().front()),
             Catch::Contains("open/some.d: cannot be read: Permission denied (run it as a"));
}

TEST_CASE("files that are no certificate and key were found after the store was made") {
  ConfigSetup setup;
  rruled::test::CertificateAuthority authority;
  const auto one = authority.issue("DNS:one");
  const auto two = authority.issue("DNS:two");
  const auto wrong_with = [&](const std::string& certificate, const std::string& key) {
    setup.write("api.pem", certificate);
    setup.write("api.key", key);
    setup.write("ca.pem", certificate);
    const auto file =
        setup.write("rruled.toml",
                    "[api]\ntls_certificate = \"" + setup.path("api.pem").string() +
                        "\"\ntls_key = \"" + setup.path("api.key").string() +
                        "\"\n[executors.x]\ntype = \"http\"\nurl = \"https://h/\"\nca_file = \"" +
                        setup.path("ca.pem").string() + "\"\n");
    std::string all;
    for (const auto& each : check_named_files(setup.good(file))) all += to_string(each) + "\n";
    return all;
  };
  CHECK(wrong_with(one.certificate, one.key).empty());
  const auto other = wrong_with(one.certificate, two.key);
  CHECK_THAT(other, Catch::Contains("rruled.toml:2: api.tls_certificate: cannot use the key"));
  CHECK_THAT(other, !Catch::Contains("ca_file"));
  const auto none = wrong_with("no certificate", "no key");
  CHECK_THAT(none, Catch::Contains("api.tls_certificate: cannot read the certificate"));
  CHECK_THAT(none, Catch::Contains("executors.x.ca_file: cannot read certificates from"));
}

TEST_CASE("a folder without time zones was taken for one that has them") {
  ConfigSetup setup;
  std::filesystem::create_directories(setup.path("zones/deeper/Europe"));
  const auto file = setup.write("rruled.toml",
                                "[tzdata]\ndirectory = \"" + setup.path("zones").string() + "\"\n");
  const auto refused = [&] {
    std::string all;
    for (const auto& each : check_named_files(setup.good(file))) all += to_string(each) + "\n";
    return all;
  };
  const std::string why = file.string() + ":2: tzdata.directory: no time zone can be read from " +
                          setup.path("zones").string() +
                          "; name one that has them, as /usr/share/zoneinfo, or leave it out\n";
  CHECK(refused() == why);
  const std::filesystem::path prague = RRULED_SOURCE_DIR "/tests/data/zoneinfo-2025b/Europe/Prague";
  for (const auto* none : {"zones/deeper/Europe/Prague", "zones/localtime"}) {
    std::filesystem::copy_file(prague, setup.path(none));
    CHECK(refused() == why);
  }
  setup.write("zones/Europe/Prague", "not a zone");
  CHECK(refused() == why);
  const auto* one = GENERATE("zones/Mars", "zones/Asia/Mars", "zones/UTC",
                             "zones/America/Argentina/Buenos_Aires", "zones/Ours/Zone");
  std::filesystem::create_directories(setup.path(one).parent_path());
  std::filesystem::copy_file(prague, setup.path(one));
  CHECK(refused().empty());
}

TEST_CASE("sockets that are inherited take the place of an address that two listeners have") {
  ConfigSetup setup;
  const auto file = setup.write("rruled.toml",
                                "[api]\nlisten = \"127.0.0.1:8480\"\n"
                                "[health]\nlisten = \"127.0.0.1:8480\"\n");
  setup.environment.variables["LISTEN_FDS"] = "1";
  CHECK(setup.good(file).health.listen == "127.0.0.1:8480");
}

TEST_CASE("health and the API may both have any free port") {
  ConfigSetup setup;
  const auto file = setup.write("rruled.toml",
                                "[api]\nlisten = \"127.0.0.1:0\"\n"
                                "[health]\nlisten = \"127.0.0.1:0\"\n");
  CHECK(setup.good(file).health.listen == "127.0.0.1:0");
}
