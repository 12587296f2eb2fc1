#include "store/postgres_migrate.h"

#include "store/migrate.h"

#include <algorithm>
#include <map>

namespace rruled::store {
namespace {

[[noreturn]] void refuse_schema(const PgConnection& connection, const std::string& why) {
  throw StoreError(StoreError::Kind::schema, "store " + connection.shown() + ": schema \"" +
                                                 connection.options().schema + "\" " + why);
}

constexpr char kLockNotAvailable[] = "55P03";

// Another transaction has a lock that a step needs: nothing of it was taken.
struct LockHeld {
  std::string step;
};

void take_step(Tx& tx, const Migration& step) {
  static const std::string kTable =
      "CREATE TABLE IF NOT EXISTS schema_migrations ("
      " version integer NOT NULL PRIMARY KEY,"
      " name text NOT NULL,"
      " checksum text NOT NULL,"
      " applied_at bigint NOT NULL)";
  static const std::string kTaken =
      "INSERT INTO schema_migrations (version, name, checksum, applied_at)"
      " VALUES ($1::bigint, $2, $3, $4::bigint)";
  tx.exec_text(kTable);
  try {
    tx.exec_text(std::string(step.sql));
  } catch (const pqxx::sql_error& error) {
    if (error.sqlstate() == kLockNotAvailable) throw LockHeld{step_title(step.version, step.name)};
    throw;
  }
  Params params;
  params.add(step.version).add(std::string(step.name)).add(checksum(step.sql)).add(tx.now());
  tx.exec(kTaken, params);
}

// The next steps in one transaction. True: there are more.
bool take_steps(PgConnection& connection) {
  static const std::string kLock = kLockMigrations;
  static const std::string kHasSchema = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1";
  const auto& options = connection.options();
  return connection.migrate([&](Tx& tx) {
    tx.exec(kLock, Params().add(options.schema));
    tx.exec_text(kWaitBriefly);
    // Only where it is missing: IF NOT EXISTS asks for a right that a role need not have.
    if (tx.exec(kHasSchema, Params().add(options.schema)).empty())
      tx.exec_text("CREATE SCHEMA " + quote_name(options.schema));
    // Read under the lock: another process may have taken the step meanwhile.
    const auto done = schema_version(tx, connection);
    // An empty schema gets all steps at once: whoever opens it meanwhile finds it empty, or
    // whole.
    const auto left = options.migrations.subspan(done);
    const auto steps = done == 0 ? left : left.first(std::min(left.size(), std::size_t{1}));
    for (const auto& step : steps) take_step(tx, step);
    return steps.size() < left.size();
  });
}

// Says what may have it, of what has locks in the schema; what has been going on for longest first,
// where this role may see that.
[[noreturn]] void refuse_lock(PgConnection& connection, const LockHeld& held) {
  static const std::string kHolder =
      "SELECT string_agg('process ' || pid || ' of ' || coalesce(usename, '') || ' ('"
      "  || coalesce(nullif(application_name, ''), 'unnamed') || ')', ' or '"
      "  ORDER BY xact_start, pid)"
      " FROM (SELECT a.* FROM pg_catalog.pg_stat_activity a"
      "  WHERE a.pid <> pg_backend_pid() AND a.pid IN"
      "   (SELECT l.pid FROM pg_catalog.pg_locks l"
      "    JOIN pg_catalog.pg_class c ON c.oid = l.relation"
      "    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
      "    WHERE n.nspname = $1 AND l.granted AND l.database ="
      "     (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))"
      "  ORDER BY a.xact_start, a.pid LIMIT 5) AS holders";
  const auto holder = connection.read([&](Tx& tx) {
    const auto found = tx.exec(kHolder, Params().add(connection.options().schema));
    return PgReader(found, 0).read<std::optional<std::string>>().value_or(
        "another transaction, which has ended since");
  });
  throw StoreError(StoreError::Kind::unavailable,
                   "store " + connection.shown() + ": step " + held.step +
                       " was not taken: a lock is held by " + holder +
                       "; end that (pg_terminate_backend),"
                       " or wait for it (a dump of the database?), and migrate again");
}

}  // namespace

std::size_t schema_version(Tx& tx, const PgConnection& connection) {
  static const std::string kTables =
      "SELECT count(*), count(*) FILTER (WHERE tablename = 'schema_migrations')"
      " FROM pg_catalog.pg_tables WHERE schemaname = $1";
  static const std::string kTaken =
      "SELECT version, name, checksum FROM schema_migrations ORDER BY version";
  const auto known = connection.options().migrations;
  const auto tables = tx.exec(kTables, Params().add(connection.options().schema));
  PgReader counts(tables, 0);
  const auto all = counts.read<std::int64_t>();
  if (counts.read<std::int64_t>() == 0) {
    if (all == 0) return 0;
    refuse_schema(connection,
                  "has tables of another program; it was not touched: choose another schema"
                  " (store.schema)");
  }
  std::size_t version = 0;
  for_each_row(tx.exec(kTaken), [&](PgReader& row) {
    const int found = row.read<int>();
    const auto name = row.read<std::string>();
    if (version == known.size())
      refuse_schema(connection, "has step " + step_title(found, name) +
                                    ", newer than this program knows (" + std::to_string(version) +
                                    "): upgrade rruled");
    const auto& step = known[version];
    if (found != step.version || row.read<std::string>() != checksum(step.sql))
      refuse_schema(connection, "was made with another text of step " + step_title(found, name) +
                                    "; it was not touched: use the build of rruled that made it,"
                                    " or restore a backup");
    ++version;
  });
  return version;
}

void migrate(PgConnection& connection, int tries) {
  for (int left = tries;;) {
    try {
      if (!take_steps(connection)) return;
      left = tries;
    } catch (const LockHeld& held) {
      if (--left == 0) refuse_lock(connection, held);
      // Who waited behind it goes first.
      connection.read([](Tx& tx) { tx.exec_text("SELECT pg_sleep(2)"); });
    }
  }
}

void check_unique_indexes(Tx& tx, const PgConnection& connection) {
  static const std::string kIndexes =
      "SELECT c.relname, t.relname || '(' || (SELECT string_agg(a.attname, ', ' ORDER BY k.n)"
      "   FROM unnest(i.indkey) WITH ORDINALITY AS k(attnum, n)"
      "   JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum) || ')'"
      " FROM pg_catalog.pg_index i"
      " JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
      " JOIN pg_catalog.pg_class t ON t.oid = i.indrelid"
      " JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace"
      " WHERE n.nspname = $1 AND i.indisunique AND i.indisvalid AND i.indisready";
  const std::map<std::string, std::string> expected = {
      {"runs_occurrence", "runs(schedule_id, scheduled_for)"},
      {"runs_pkey", "runs(id)"},
      {"schedule_rules_pkey", "schedule_rules(id)"},
      {"schedule_states_pkey", "schedule_states(id)"},
      {"run_bodies_pkey", "run_bodies(run)"},
      {"incomplete_runs_pkey", "incomplete_runs(run)"},
      {"flows_pkey", "flows(id)"},
      {"attempts_pkey", "attempts(run, number)"},
      {"gaps_pkey", "gaps(schedule_id, from_at)"},
      {"tombstones_pkey", "tombstones(schedule_id)"},
      {"daemons_pkey", "daemons(owner)"},
      {"meta_pkey", "meta(one)"},
  };
  std::map<std::string, std::string> found;
  for_each_row(tx.exec(kIndexes, Params().add(connection.options().schema)), [&](PgReader& row) {
    auto name = row.read<std::string>();
    found[std::move(name)] = row.read<std::string>();
  });
  for (const auto& [name, columns] : expected)
    if (const auto index = found.find(name); index == found.end() || index->second != columns)
      refuse_schema(connection, "lacks the unique index " + name + " on " + columns +
                                    " (missing, invalid, or with other columns): remove rows that"
                                    " are there twice and create it again,"
                                    " as in store/migrations/postgres, or restore a backup");
}

}  // namespace rruled::store
