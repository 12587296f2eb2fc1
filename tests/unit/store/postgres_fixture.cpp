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

bool no_postgres() {
  const auto why = testing::PostgresCluster::missing();
  if (why.empty()) return false;
  WARN("left out: " + why);
  return true;
}

}  // namespace rruled::test
