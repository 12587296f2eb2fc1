#include "postgres_fixture.h"

#include <catch2/catch.hpp>
#include <pqxx/pqxx>

#include <chrono>

namespace rruled::test {
namespace {

// psql would take longer than most tests.
pqxx::result execute(const std::string& statements) {
  static pqxx::connection connection(PostgresSchema::url());
  pqxx::nontransaction transaction(connection);
  return transaction.exec(statements);
}

}  // namespace

PostgresSchema::PostgresSchema() {
  static int number = 0;
  name_ = "test_" + std::to_string(++number);
}

PostgresSchema::~PostgresSchema() {
  try {
    execute("SET client_min_messages = warning; DROP SCHEMA IF EXISTS \"" + name_ + "\" CASCADE");
  } catch (const std::exception&) {
    // The server was stopped: the schemas go with it.
  }
}

store::PostgresOptions PostgresSchema::options() const {
  store::PostgresOptions options;
  options.schema = name_;
  options.claim_ttl = std::chrono::minutes(1);
  options.clock = store::PostgresOptions::Clock::caller;
  return options;
}

std::unique_ptr<store::PostgresStore> PostgresSchema::open(store::OpenMode mode) const {
  return store::open_postgres(url(), mode, options());
}

std::string PostgresSchema::sql(const std::string& statements) const {
  const auto result = execute("SET search_path = \"" + name_ + "\";" + statements);
  std::string text;
  for (const auto& row : result) {
    for (const auto& field : row) text += (text.empty() ? "" : " ") + std::string(field.c_str());
  }
  return text;
}

std::string PostgresSchema::strays() const {
  return sql(
      "SELECT 'run ' || coalesce(r.id, o.id) || coalesce(' ' || r.status, '')"
      "  || coalesce(' as ' || o.status, '') FROM runs r FULL JOIN incomplete_runs o"
      "  ON o.run = r.number WHERE r.id IS NULL OR (r.status = 'completed') <> (o.id IS NULL)"
      "  OR o.id IS NOT NULL AND (r.id, r.status, r.schedule_id, r.parent_id, r.executor,"
      "   r.project_id, r.due_at, r.available_at, r.owner) IS DISTINCT FROM (o.id, o.status,"
      "   o.schedule_id, o.parent_id, o.executor, o.project_id, o.due_at, o.available_at, o.owner)"
      " UNION ALL SELECT 'body ' || coalesce(r.number, b.run) FROM runs r"
      "  FULL JOIN run_bodies b ON b.run = r.number WHERE r.id IS NULL OR b.run IS NULL"
      " UNION ALL SELECT 'attempt of ' || a.run FROM attempts a LEFT JOIN runs r"
      "  ON r.number = a.run WHERE r.id IS NULL"
      " UNION ALL SELECT 'schedule ' || coalesce(r.id, s.id) FROM schedule_rules r"
      "  FULL JOIN schedule_states s ON s.id = r.id WHERE r.flow_id IS DISTINCT FROM s.flow_id");
}

bool no_postgres() {
  const auto why = testing::PostgresCluster::missing();
  if (why.empty()) return false;
  WARN("left out: " + why);
  return true;
}

}  // namespace rruled::test
