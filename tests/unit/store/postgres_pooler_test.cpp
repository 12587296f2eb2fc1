// PgBouncer gives each transaction another connection: nothing may outlive one.
#include "conformance.h"
#include "postgres_fixture.h"
#include "sample.h"
#include "store/open.h"

#include <catch2/catch.hpp>
#include <pqxx/pqxx>
#include <unistd.h>

#include <fstream>
#include <optional>

namespace rruled::test {
namespace {

using namespace testing;

constexpr char kProgram[] = "/usr/sbin/pgbouncer";

// In front of the test process's server, with two connections to it.
class Pooler {
 public:
  explicit Pooler(const PostgresCluster& cluster) : port_(free_port()) {
    const auto file = cluster.directory() + "/pgbouncer.ini";
    std::ofstream(file) << "[databases]\npostgres = host=127.0.0.1 port=" << cluster.port()
                        << " user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = "
                        << port_
                        << "\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n"
                           "default_pool_size = 2\nmax_client_conn = 50\nlog_connections = 0\n"
                           "log_disconnections = 0\nlog_pooler_errors = 0\nlog_stats = 0\n";
    process_.emplace(
        as_postgres({"/bin/sh", "-c", std::string("exec ") + kProgram + " " + file + " 2>&1"}));
    if (process_->read_until("process up", std::chrono::seconds(20)).empty())
      throw std::runtime_error("pgbouncer did not start");
  }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::string url() const {
    return "postgresql://postgres@" + address() + "/postgres";
  }

 private:
  int port_;
  std::optional<BackgroundProcess> process_;
};

bool no_pooler() {
  if (no_postgres()) return true;
  if (::access(kProgram, X_OK) == 0) return false;
  WARN("left out: PgBouncer is not installed: ./dev deps");
  return true;
}

}  // namespace

TEST_CASE("PostgresStore keeps the contract behind PgBouncer", "[postgres][pooler]") {
  if (no_pooler()) return;
  static const Pooler pooler(shared_postgres());
  // Said, and found out by itself.
  const bool said = GENERATE(true, false);
  auto checks = said ? settle_checks() : claim_checks();
  for (auto part : {finish_checks(), many_daemons_checks()})
    if (said) checks.insert(checks.end(), part.begin(), part.end());
  for (const auto& check : checks) {
    DYNAMIC_SECTION((said ? "said: " : "found out: ") + check.name) {
      const PostgresSchema schema;
      auto options = schema.options();
      options.pooler = said;
      // Two at once, so that the connections change hands.
      const auto other = open_postgres(pooler.url(), OpenMode::daemon, options);
      check.run(*open_postgres(pooler.url(), OpenMode::daemon, options));
      CHECK_FALSE(other->zones_version() == "none");
    }
  }
}

TEST_CASE("nothing of one schema is left for the next behind PgBouncer", "[postgres][pooler]") {
  if (no_pooler()) return;
  static const Pooler pooler(shared_postgres());
  const PostgresSchema one;
  const PostgresSchema other;
  const auto open = [&](const PostgresSchema& schema, bool said) {
    auto options = schema.options();
    options.pooler = said;
    return open_postgres(pooler.url(), OpenMode::daemon, options);
  };
  const bool said = GENERATE(true, false);
  const auto first = open(one, said);
  const auto second = open(other, said);
  for (int n = 1; n <= 20; ++n) {
    REQUIRE_FALSE(first->write(put(a_flow(n)), at(0)));
    CHECK(first->flows({}).size() == static_cast<std::size_t>(n));
    CHECK(second->flows({}).empty());
  }
  REQUIRE_FALSE(second->write(put(a_flow(1)), at(0)));
  CHECK(second->flows({}).size() == 1);
  // Nor for another program.
  pqxx::connection stranger(pooler.url());
  for (int n = 0; n < 5; ++n) {
    pqxx::work work(stranger);
    CHECK(work.exec("SHOW search_path")[0][0].c_str() == std::string("\"$user\", public"));
  }
}

TEST_CASE("a pooler whose server became a standby is left for the one of the new primary",
          "[postgres][pooler]") {
  if (no_pooler()) return;
  PostgresCluster primary({.fsync = false, .settings = ""});
  const auto standby = primary.make_standby();
  // One on each node, which keeps its clients whatever becomes of the server.
  const Pooler first(primary);
  const Pooler second(*standby);
  PostgresOptions options;
  options.pooler = true;
  const auto url =
      "postgresql://postgres@" + first.address() + "," + second.address() + "/postgres";
  const auto store = open_postgres(url, OpenMode::daemon, options);
  REQUIRE_FALSE(store->write(put(a_flow(1)), at(0)));
  const auto reader = open_postgres(url, OpenMode::command, options);
  // The second pooler, too, gets to know its server: as a standby.
  const auto replayed =
      "SELECT pg_last_wal_replay_lsn() >= '" + primary.sql("SELECT pg_current_wal_lsn()") + "'";
  for (int asked = 0; standby->sql(replayed) != "t"; ++asked) REQUIRE(asked < 500);
  CHECK(open_postgres(second.url(), OpenMode::read_only, options)->flows({}).size() == 1);
  // Switched over.
  primary.stop(PostgresCluster::Stop::fast);
  standby->promote();
  std::ofstream(primary.directory() + "/data/standby.signal").flush();
  primary.start();
  REQUIRE(primary.sql("SELECT pg_is_in_recovery()") == "t");

  REQUIRE_FALSE(store->write(put(a_flow(2)), at(1)));
  CHECK(standby->sql("SELECT count(*) FROM rruled.flows") == "2");
  // Who only reads finds it, too: one that was connected, and one that is opened now.
  CHECK(reader->flows({}).size() == 2);
  CHECK(open_postgres(url, OpenMode::command, options)->flows({}).size() == 2);
}

}  // namespace rruled::test
