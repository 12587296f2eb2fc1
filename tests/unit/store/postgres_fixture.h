#pragma once

#include "store/postgres_store.h"
#include "tests/support/postgres_cluster.h"

#include <memory>
#include <string>

namespace rruled::test {

// An empty schema in the server of this test process, dropped at the end.
class PostgresSchema {
 public:
  PostgresSchema();
  ~PostgresSchema();
  PostgresSchema(const PostgresSchema&) = delete;
  PostgresSchema& operator=(const PostgresSchema&) = delete;

  // Judges by the caller's `now`, claims for a minute.
  [[nodiscard]] store::PostgresOptions options() const;
  [[nodiscard]] std::unique_ptr<store::PostgresStore> open(
      store::OpenMode mode = store::OpenMode::daemon) const;
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] static std::string url() { return testing::shared_postgres().url(); }
  // Statements with search_path set to the schema; what psql prints.
  std::string sql(const std::string& statements) const;
  // Rows whose parts in other tables are missing, left over, or say something else; empty: none.
  [[nodiscard]] std::string strays() const;

 private:
  std::string name_;
};

// True, with a message, where no server can be started: the test is left out.
[[nodiscard]] bool no_postgres();

}  // namespace rruled::test
