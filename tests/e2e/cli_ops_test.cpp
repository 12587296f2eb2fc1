// What an operator asks beside a daemon: healthcheck, backup, doctor.
#include "tests/e2e/ops_fixture.h"
#include "tests/support/certificates.h"
#include "tests/support/loopback_receiver.h"
#include "tests/support/postgres_cluster.h"

#include <SQLiteCpp/Database.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>

namespace rruled::test {
namespace {

using Catch::Contains;
using testing::ProcessResult;

void check_says(const ProcessResult& result, int code, const std::string& text) {
  INFO(result.out << result.err);
  CHECK(result.exit_code == code);
  CHECK_THAT(result.out + result.err, Contains(text));
}

// The findings that are not ok, by their check, as "detail; next".
std::map<std::string, std::string> complaints(const Installation& here, int code) {
  const auto result = here.rruled({"doctor", "--format", "json"});
  INFO(result.out << result.err);
  REQUIRE(result.exit_code == code);
  std::map<std::string, std::string> all;
  const auto findings = boost::json::parse(result.out);
  for (const auto& each : findings.as_array()) {
    const bool ok = each.at("ok").as_bool();
    const std::string next(each.at("next").as_string());
    CHECK(ok == next.empty());  // what is wrong says what to do
    if (!ok)
      all[std::string(each.at("check").as_string())] =
          std::string(each.at("detail").as_string()) + "; " + next;
  }
  return all;
}

void sql(const Installation& here, const std::string& text) {
  SQLite::Database database(here.store(), SQLite::OPEN_READWRITE);
  database.exec(text);
}

}  // namespace

TEST_CASE("healthcheck asks the daemon over TCP, a socket and TLS") {
  const Installation folder;
  const CertificateAuthority authority;
  const auto identity = authority.issue("DNS:elsewhere");
  write_file(folder.file("cert.pem"), identity.certificate);
  write_file(folder.file("key.pem"), identity.key);
  const std::string tls = "tls_certificate = \"" + folder.file("cert.pem") + "\"\ntls_key = \"" +
                          folder.file("key.pem") + "\"\n";
  {
    const Installation here("[api]\nlisten = \"127.0.0.1:0\"\n");
    Serving serving(here);
    check_says(here.rruled({"healthcheck", "--at", serving.address}), 0, "ready\n");
    check_says(here.rruled({"healthcheck", "--live", "--at", serving.address}), 0, "alive\n");
    check_says(here.rruled({"healthcheck"}), 1, "names no port");
    // A file that was spoiled since does not make the daemon ill.
    write_file(here.config(), "nonsense");
    check_says(here.rruled({"healthcheck", "--at", serving.address}), 0, "ready\n");
    check_says(here.rruled({"healthcheck"}), 78, "rruled.toml:1");
    CHECK(serving.stop() == 0);
    check_says(here.rruled({"healthcheck", "--at", serving.address}), 1, "is the daemon running?");
  }
  const std::string unix_path = "unix:" + folder.file("api.sock");
  for (const auto& more : {std::string(), tls}) {
    const Installation here("[api]\nlisten = \"" + unix_path + "\"\n" + more);
    Serving serving(here);
    check_says(here.rruled({"healthcheck"}), 0, "ready\n");
    CHECK(serving.stop() == 0);
  }
}

TEST_CASE("healthcheck says why a daemon is not ready, and never waits for ever") {
  const Installation here;
  check_says(here.rruled({"healthcheck"}), 1, "set health.listen or api.listen");
  check_says(here.rruled({"healthcheck", "--timeout", "soon"}), 2, "--timeout");
  LoopbackReceiver receiver;
  const std::string at = "127.0.0.1:" + std::to_string(receiver.port());
  receiver.answer({.status = 503, .body = R"({"status":"not ready","reason":"stopping"})"});
  check_says(here.rruled({"healthcheck", "--at", at}), 1, "not ready: stopping\n");
  CHECK(receiver.requests().at(0).target == "/readyz");
  receiver.answer({.raw = "SSH-2.0-other\r\n", .close = true});
  check_says(here.rruled({"healthcheck", "--at", at}), 1, "does not speak HTTP");
  receiver.answer({.fault = ScriptedAnswer::Fault::hang});
  check_says(here.rruled({"healthcheck", "--at", at, "--timeout", "100ms"}), 1,
             "no answer within 100 ms");
}

TEST_CASE("a backup is the store as it is while the daemon fires, and can be started on") {
  Installation here;
  here.add_schedule("FREQ=SECONDLY");
  testing::BackgroundProcess daemon(here.daemon(), here.environment);
  REQUIRE(!daemon.read_until("  completed", kPatience).empty());
  const std::string file = here.file("backup.db");
  check_says(here.rruled({"backup", file}), 0, "bytes, checked");
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK_FALSE(std::filesystem::exists(file + ".partial"));
  const auto size = status.st_size;
  check_says(here.rruled({"backup", file}), 1, "is there already: choose another name");
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK(status.st_size == size);
  daemon.send_signal(SIGTERM);
  CHECK(daemon.wait() == 0);

  Installation restored;
  std::filesystem::copy_file(file, restored.store());
  testing::BackgroundProcess again(restored.daemon(), restored.environment);
  CHECK(!again.read_until("  completed", kPatience).empty());
  again.send_signal(SIGTERM);
  CHECK(again.wait() == 0);
  std::set<std::string> ids;
  for (const auto& run : here.runs()) ids.insert(std::string(run.at("id").as_string()));
  CHECK(ids.contains(std::string(restored.runs().at(0).at("id").as_string())));
}

TEST_CASE("a backup that cannot be made leaves nothing, and PostgreSQL is told its own way") {
  Installation here;
  check_says(here.rruled({"backup", here.file("b.db")}), 1, "rruled migrate");
  CHECK_FALSE(std::filesystem::exists(here.file("b.db.partial")));
  here.add_schedule("FREQ=YEARLY");
  check_says(here.rruled({"backup", here.file("no/b.db")}), 1, "cannot be made");
  write_file(here.file("b.db.partial"), "");
  check_says(here.rruled({"backup", here.file("b.db")}), 1, "remove " + here.file("b.db.partial"));
  here.environment["RRULED_STORE_URL"] = "postgresql://me:geheim@db.invalid/jobs";
  const auto told = here.rruled({"backup", here.file("b.db")});
  check_says(told, 1, "pg_dump --format=custom --schema=rruled");
  CHECK_THAT(told.err, !Contains("geheim"));
}

TEST_CASE("a store that is damaged gives no backup, and no half of one") {
  const Installation here;
  here.add_schedule("FREQ=YEARLY");
  REQUIRE(here.rruled({"schedule", "list"}).exit_code == 0);
  sql(here, "PRAGMA wal_checkpoint(TRUNCATE)");
  const auto size = std::filesystem::file_size(here.store());
  std::fstream file(here.store(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(8 * 4'096);  // the schema stays
  file << std::string(size - 8 * 4'096, '\xff');
  file.close();
  const auto result = here.rruled({"backup", here.file("b.db")});
  INFO(result.out << result.err);
  CHECK(result.exit_code == 1);
  CHECK_FALSE(std::filesystem::exists(here.file("b.db")));
  CHECK_FALSE(std::filesystem::exists(here.file("b.db.partial")));
}

TEST_CASE("doctor finds nothing wrong with what is well") {
  LoopbackReceiver receiver;
  Installation here("[executors.default]\ntype = \"http\"\nurl = \"" + receiver.url("/") +
                    "\"\n[executors.job]\ntype = \"command\"\nargv = [\"sh\", \"-c\", \"true\"]\n");
  here.add_schedule("FREQ=YEARLY");
  CHECK(complaints(here, 0).empty());
  const auto text = here.rruled({"doctor"});
  check_says(text, 0, "[+] store: sqlite://" + here.store() + ", schema ");
  CHECK_THAT(text.out, Contains("[+] executors.job: sh can be run"));
}

TEST_CASE("doctor names what is wrong, and what to do about it") {
  Installation here(
      "[executors.default]\ntype = \"http\"\nurl = \"http://127.0.0.1:9/\"\n"
      "token_file = \"/nowhere/token\"\n"
      "[executors.job]\ntype = \"command\"\nargv = [\"/nowhere/job\"]\n");
  const std::string zones = here.file("zones");
  std::filesystem::create_directories(zones);
  std::filesystem::copy_file(RRULED_SOURCE_DIR "/tests/data/zoneinfo-2025b/Europe/London",
                             zones + "/London");
  write_file(zones + "/tzdata.zi", "# version 2019a\n");
  here.environment["TZDIR"] = zones;
  const auto id = here.add_schedule("FREQ=DAILY", "2020-01-01T00:00:00Z");
  REQUIRE(here.rruled({"token", "create", "--project", "1", "--scope", "read", "--name", "old",
                       "--expires-in", "10d"})
              .exit_code == 0);
  REQUIRE(here.rruled({"token", "create", "--project", "1", "--scope", "read", "--name", "new",
                       "--expires-in", "30d"})
              .exit_code == 0);
  sql(here, "UPDATE schedules SET next_run_at = 1000, next_due_at = 1000");
  sql(here, "UPDATE schedules SET settled_to = 4102444800000");
  sql(here, "UPDATE instance SET high_water = 4102444800000");
  auto found = complaints(here, 1);
  CHECK_THAT(found["configuration"], Contains("/nowhere/token"));
  CHECK_THAT(found["tzdata"], Contains("2019a") && Contains("update the package tzdata"));
  CHECK_THAT(found["executors.default"], Contains("127.0.0.1:9: Connection refused"));
  CHECK_THAT(found["executors.job"], Contains("/nowhere/job"));
  CHECK_THAT(found["clock"], Contains("2100-01-01") && Contains("timedatectl"));
  CHECK_THAT(found["overdue"], Contains("1 schedule late, the first since 1970-01-01"));
  CHECK_THAT(found["settled_to"], Contains(id));
  CHECK_THAT(found["tokens"], Contains("old expires at"));
  CHECK_THAT(found["daemon"], Contains("none runs") && Contains("start the daemon"));
  CHECK(found.size() == 9);
  REQUIRE(here.rruled({"schedule", "run-now", id}).exit_code == 0);
  sql(here, "UPDATE runs SET due_at = 1000, executor = 'gone'");
  CHECK_THAT(complaints(here, 1)["waiting"],
             Contains("1 run late and not begun since 1970-01-01") &&
                 Contains(": 1 for gone (not in this configuration)"));
  sql(here, "UPDATE schedules SET status = 'error', status_reason = 'no such zone'");
  CHECK_THAT(complaints(here, 1)["schedules"],
             Contains("1 schedule set aside; " + id + ": no such zone"));
}

TEST_CASE("doctor says when the store cannot be reached, and looks at the rest") {
  Installation here;
  auto found = complaints(here, 1);
  CHECK_THAT(found["store"], Contains(here.store()) && Contains("run doctor again"));
  CHECK(found.size() == 1);
  here.environment["RRULED_STORE_URL"] = "postgresql://me:geheim@127.0.0.1:9/jobs";
  found = complaints(here, 1);
  CHECK_THAT(found["store"], Contains("127.0.0.1") && !Contains("geheim"));
}

TEST_CASE("doctor leaves it open whether another daemon has the executor, where one may") {
  if (const auto why = testing::PostgresCluster::missing(); !why.empty()) {
    WARN("skipped: " << why);
    return;
  }
  auto& cluster = testing::shared_postgres();
  cluster.sql("CREATE DATABASE other_daemon");
  Installation here("[executors.old]\ntype = \"log\"\n");
  here.environment["RRULED_STORE_URL"] = cluster.url("postgres", "other_daemon");
  const auto id = here.add_schedule("FREQ=DAILY", "now", R"(,"executor":"old")");
  write_file(here.config(), "");
  check_says(here.rruled({"doctor"}), 0,
             "[!] executors: 1 active schedule names executors.old, which is not in this"
             " configuration: ");
  check_says(here.rruled({"schedule", "run-now", id}), 0,
             "executors.old is not in this configuration: a daemon that has it sends the run");
}

TEST_CASE("doctor gives the statements that set sequences right, and warns of a short claim_ttl") {
  if (const auto why = testing::PostgresCluster::missing(); !why.empty()) {
    WARN("skipped: " << why);
    return;
  }
  auto& cluster = testing::shared_postgres();
  Installation here;
  here.environment["RRULED_STORE_URL"] = cluster.url();
  here.environment["RRULED_STORE_SCHEMA"] = "behind";
  here.environment["RRULED_STORE_CLAIM_TTL"] = "14s";
  here.add_schedule("FREQ=DAILY");  // a line of the audit log
  const std::string warning = "[!] claim_ttl: 14s: whoever waits for a lock may wait for 5 s";
  check_says(here.rruled({"doctor"}), 0, warning);
  cluster.sql("SELECT setval('behind.audit_number_seq', 1, false)");
  const auto found = here.rruled({"doctor"});
  check_says(found, 1, "[-] numbers: new rows would get numbers that others have");
  const auto at = found.out.find("SELECT setval('behind.audit_number_seq', ");
  REQUIRE(at != std::string::npos);
  cluster.sql(found.out.substr(at, found.out.find(';', at) - at));
  here.environment["RRULED_STORE_CLAIM_TTL"] = "15s";
  const auto mended = here.rruled({"doctor"});
  check_says(mended, 0, "");
  CHECK_THAT(mended.out, !Contains("numbers") && !Contains("claim_ttl"));
}

}  // namespace rruled::test
