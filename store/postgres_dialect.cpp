#include "store/postgres_dialect.h"

namespace rruled::store {
namespace {

// Every write finds its rows by an index, whatever the planner believes of a table that has just
// been filled: a sequential scan of the ledger, or a join that begins with one, is never right.
constexpr char kPlanning[] =
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off;"
    "SET LOCAL enable_mergejoin = off; SET LOCAL jit = off;";

std::string set_local(const std::string& name, std::int64_t value) {
  return "SET LOCAL " + name + " = " + std::to_string(value) + ";";
}

std::string search_path(const PostgresOptions& options) {
  return "SET LOCAL search_path = " + quote_name(options.schema) + ";";
}

constexpr char kClock[] = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

}  // namespace

std::string quote_name(const std::string& name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string begin_sql(const PostgresOptions& options, TransactionKind kind) {
  const bool writes = kind == TransactionKind::write;
  const std::string modes =
      writes ? "READ COMMITTED READ WRITE;"
      : kind == TransactionKind::snapshot
          ? "REPEATABLE READ READ WRITE; SET TRANSACTION READ ONLY;"  // a standby refuses the first
          : "REPEATABLE READ READ ONLY;";
  return "BEGIN ISOLATION LEVEL " + modes + search_path(options) +
         set_local("statement_timeout", options.statement_timeout.count()) +
         set_local("lock_timeout", options.lock_timeout.count()) +
         set_local("idle_in_transaction_session_timeout", options.idle_timeout.count()) +
         (writes ? kPlanning : "") + kClock;
}

std::string begin_migration_sql(const PostgresOptions& options) {
  constexpr std::int64_t kWaitMs = 120'000;
  return "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;" + search_path(options) +
         set_local("statement_timeout", 0) + set_local("lock_timeout", kWaitMs) +
         set_local("idle_in_transaction_session_timeout", kWaitMs) + kClock;
}

}  // namespace rruled::store
