#pragma once

#include "store/postgres_store.h"

#include <string>

// What not every server that speaks PostgreSQL's protocol understands. All other SQL of the store
// is common to PostgreSQL 13, CockroachDB and YugabyteDB, but for the migrations 002 and up.
namespace rruled::store {

// Where a server that is not PostgreSQL differs:
//   CockroachDB   no jit and enable_* settings: leave kPlanning out. No LISTEN and pg_notify
//                 (options.notify = false: the poll is enough). Advisory locks lock nothing:
//                 migrate from one place. SKIP LOCKED since 22.2, under READ COMMITTED since 23.2.
//                 reltuples is not kept. Triggers (002, 004, 005, 008) since 24.3.
//   YugabyteDB    LISTEN and NOTIFY since 2025.2.3. READ COMMITTED must be switched on. Advisory
//                 locks in recent versions alone.
enum class TransactionKind {
  write,        // sees what is committed at each statement
  snapshot,     // reads one state; begins on a server alone that can be written
  any_snapshot  // the same on a standby, too
};

// Begins a transaction with everything that holds for it, in one message. Nothing outlives it, so
// that a pooler may give each transaction another connection. Its last result is one row with one
// column: the server's clock in ms since 1970.
[[nodiscard]] std::string begin_sql(const PostgresOptions& options, TransactionKind kind);
// The same for one step of the migrations: no limit of time but for waiting behind another one.
[[nodiscard]] std::string begin_migration_sql(const PostgresOptions& options);

// With $1, the schema: held until the end of the transaction, waited for. One row.
inline constexpr char kLockMigrations[] =
    "SELECT pg_advisory_xact_lock(hashtextextended('rruled:' || $1::text, 0)) IS NULL";

// From here on in a migration: how long its steps wait for a table. Everybody else waits behind
// them, and a claim must not lapse meanwhile.
inline constexpr char kWaitBriefly[] = "SET LOCAL lock_timeout = 2000";  // ms

// With $1, the schema.
inline constexpr char kNotify[] = "SELECT pg_notify('rruled_changes', $1::text) IS NULL";

// `"name"`
[[nodiscard]] std::string quote_name(const std::string& name);

}  // namespace rruled::store
