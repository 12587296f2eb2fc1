// The API in the daemon's process, over its own listeners.
#include "tests/e2e/daemon_fixture.h"
#include "tests/support/certificates.h"
#include "tests/support/postgres_cluster.h"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <pqxx/pqxx>
#include <signal.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <thread>

namespace rruled::test {
namespace {

using testing::BackgroundProcess;

// A daemon whose API listens; stopped at the end.
class Serving {
 public:
  explicit Serving(const Installation& here) : daemon(here.daemon(), here.environment) {
    const auto line = daemon.read_until("api: listening on", kPatience);
    REQUIRE(!line.empty());
    const std::string mark = "listening on ";
    address = line.substr(line.find(mark) + mark.size());
    address = address.substr(0, address.find(','));
  }
  int stop() {
    daemon.send_signal(SIGTERM);
    return daemon.wait();
  }
  BackgroundProcess daemon;
  std::string address;
};

std::string curl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"/usr/bin/curl", "--silent", "--show-error"});
  const auto answer = testing::run_process(arguments);
  INFO(answer.err);
  REQUIRE(answer.exit_code == 0);
  return answer.out;
}

std::string token_of(const Installation& here) {
  const auto made = here.rruled({"token", "create", "--project", "1", "--scope", "write"});
  INFO(made.err);
  REQUIRE(made.exit_code == 0);
  return made.out.substr(0, made.out.find('\n'));
}

void write(const std::string& file, const std::string& text) { std::ofstream(file) << text; }

constexpr char kExecutors[] =
    "[executors.default]\ntype = \"log\"\n"
    "[executors.far]\ntype = \"http\"\nurl = \"http://127.0.0.1:9/\"\n";

void walk_with_fetch(const Installation& here) {
  const auto token = token_of(here);
  Serving serving(here);
  const auto result = testing::run_process(
      {"/usr/bin/env", "node", RRULED_SOURCE_DIR "/tests/e2e/fetch_client.mjs"},
      {.environment = {{"BASE_URL", "http://" + serving.address + "/api/projects/1"},
                       {"TOKEN", token}},
       .timeout = std::chrono::seconds(60)});
  INFO(result.out << result.err);
  CHECK(result.exit_code == 0);
  CHECK(serving.stop() == 0);
  // Who did what is in the audit log.
  const auto lines = here.json({"audit"}).as_array();
  std::string done;
  for (const auto& line : lines)
    done += std::string(line.at("action").as_string()) + " " +
            std::string(line.at("kind").as_string()) + "\n";
  CHECK(done ==
        "delete flow\ndelete schedule\nupdate flow\ncancel run\ncreate run\ncreate schedule\n"
        "create schedule\ncreate flow\ncreate token\n");
  CHECK(std::string(lines.at(0).at("actor").as_string()).starts_with("token "));
  CHECK(std::string(lines.back().at("actor").as_string()).starts_with("cli "));
  CHECK(lines.at(2).at("before").at("name") == "fetched");
  CHECK(lines.at(2).at("after").at("name") == "renamed");
  CHECK(lines.back().at("after").as_object().if_contains("token") == nullptr);
}

}  // namespace

TEST_CASE("the daemon serves the API where it is told to listen, and fires what came through it") {
  const Installation here("[api]\nlisten = \"127.0.0.1:0\"\nauth = \"none\"\n");
  Serving serving(here);
  const std::string base = "http://" + serving.address;
  const std::string json = "Content-Type: application/json";
  const auto flow = boost::json::parse(
      curl({"-H", json, "-d", R"({"name":"x","status":"active","trigger":{"type":"schedule"}})",
            base + "/api/projects/1/hog_flows/"}));
  const std::string path =
      base + "/api/projects/1/hog_flows/" + std::string(flow.at("id").as_string()) + "/schedules/";
  const auto schedule = boost::json::parse(
      curl({"-H", json, "-d",
            R"({"rrule":"FREQ=SECONDLY;COUNT=2","starts_at":"2100-01-01T00:00:00Z"})", path}));
  CHECK(schedule.at("next_run_at") == "2100-01-01T00:00:00.000000Z");
  CHECK(curl({"-X", "POST", path + std::string(schedule.at("id").as_string()) + "/run/"})
            .find("\"id\"") != std::string::npos);
  CHECK(!serving.daemon.read_until("  completed", kPatience).empty());
  CHECK(curl({base + "/readyz"}).find("ok") != std::string::npos);
  CHECK(serving.stop() == 0);
}

TEST_CASE("the API on a socket") {
  const Installation folder;
  const std::string path = folder.file("api.sock");
  const Installation here("[api]\nlisten = \"unix:" + path + "\"\nauth = \"none\"\n");
  Serving serving(here);
  CHECK(serving.address == "unix:" + path);
  CHECK(curl({"--unix-socket", path, "http://localhost/api/projects/1/hog_flows/"})
            .find("\"count\":0") != std::string::npos);
  CHECK(serving.stop() == 0);
}

TEST_CASE("the API speaks TLS, and takes a new certificate at SIGHUP") {
  const Installation folder;
  const CertificateAuthority authority;
  const CertificateAuthority other;
  const auto write_identity = [&](const CertificateAuthority& from) {
    const auto identity = from.issue("IP:127.0.0.1");
    write(folder.file("cert.pem"), identity.certificate);
    write(folder.file("key.pem"), identity.key);
  };
  write_identity(authority);
  write(folder.file("ca.pem"), authority.certificate());
  write(folder.file("other.pem"), other.certificate());
  const Installation here("[api]\nlisten = \"127.0.0.1:0\"\nauth = \"none\"\ntls_certificate = \"" +
                          folder.file("cert.pem") + "\"\ntls_key = \"" + folder.file("key.pem") +
                          "\"\n");
  Serving serving(here);
  const std::string url = "https://" + serving.address + "/livez";
  CHECK(curl({"--cacert", folder.file("ca.pem"), url}).find("ok") != std::string::npos);
  write_identity(other);
  serving.daemon.send_signal(SIGHUP);
  REQUIRE(!serving.daemon.read_until("certificate", kPatience).empty());
  CHECK(curl({"--cacert", folder.file("other.pem"), url}).find("ok") != std::string::npos);
  // A bad one leaves the one before.
  write(folder.file("cert.pem"), "nonsense");
  serving.daemon.send_signal(SIGHUP);
  REQUIRE(!serving.daemon.read_until("tls_certificate", kPatience).empty());
  CHECK(curl({"--cacert", folder.file("other.pem"), url}).find("ok") != std::string::npos);
  CHECK(serving.stop() == 0);
}

TEST_CASE("a client with fetch walks through the API") {
  walk_with_fetch(Installation("[api]\nlisten = \"127.0.0.1:0\"\n" + std::string(kExecutors)));
}

TEST_CASE("a client with fetch walks through the API on PostgreSQL") {
  if (const auto missing = testing::PostgresCluster::missing(); !missing.empty()) {
    WARN("left out: " + missing);
    return;
  }
  const testing::PostgresCluster cluster({.fsync = false});
  Installation here("[api]\nlisten = \"127.0.0.1:0\"\n" + std::string(kExecutors));
  here.environment["RRULED_STORE_URL"] = cluster.url();
  walk_with_fetch(here);
}

TEST_CASE("a question that the store does not answer does not keep the daemon from ending") {
  if (const auto missing = testing::PostgresCluster::missing(); !missing.empty()) {
    WARN("left out: " + missing);
    return;
  }
  const testing::PostgresCluster cluster({.fsync = false});
  Installation here("[api]\nlisten = \"127.0.0.1:0\"\nauth = \"none\"\n" + std::string(kExecutors) +
                    "[run]\nstop_timeout = \"1s\"\n");
  here.environment["RRULED_STORE_URL"] = cluster.url();
  Serving serving(here);
  const auto flow = here.json({"flow", "create", "--name", "A", "--trigger", "schedule"});
  pqxx::connection connection(cluster.url());
  pqxx::work lock(connection);
  const auto schema = lock.exec1("SELECT schemaname FROM pg_tables WHERE tablename = 'log_lines'");
  lock.exec0("LOCK TABLE " + schema[0].as<std::string>() + ".log_lines");
  // Each waits five seconds for the lock, two at a time.
  std::vector<std::unique_ptr<BackgroundProcess>> asking;
  const std::string logs = "http://" + serving.address + "/api/projects/1/hog_flows/" +
                           std::string(flow.at("id").as_string()) + "/logs/";
  for (int i = 0; i < 6; ++i)
    asking.push_back(std::make_unique<BackgroundProcess>(
        std::vector<std::string>{"/usr/bin/curl", "--silent", logs}));
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (cluster.sql("SELECT count(*) FROM pg_locks WHERE NOT granted").starts_with("0") &&
         std::chrono::steady_clock::now() < give_up)
    std::this_thread::yield();
  serving.daemon.send_signal(SIGTERM);
  CHECK(!serving.daemon.read_until("something is still asked of the store", kPatience).empty());
  CHECK(serving.daemon.wait() == 0);
}

}  // namespace rruled::test
