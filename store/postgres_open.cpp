#include "store/copy_tables.h"
#include "store/postgres_migrate.h"
#include "store/postgres_numbers.h"
#include "store/postgres_store.h"

namespace rruled::store {
namespace {

void check_options(const PostgresOptions& options) {
  if (options.schema.empty() || options.schema.size() > 63 ||
      options.schema.find('\0') != std::string::npos)
    throw StoreError(StoreError::Kind::fault,
                     "store.schema: the name of a schema has 1 to 63 bytes");
  if (options.claim_ttl < milliseconds(1))
    throw StoreError(StoreError::Kind::fault, "store.claim_ttl: must be more than zero");
}

[[noreturn]] void refuse_older(const PgConnection& connection,
                               std::size_t version,
                               const std::string& next) {
  const auto& options = connection.options();
  const std::string steps =
      std::to_string(version) + " of " + std::to_string(options.migrations.size()) + " steps";
  throw StoreError(StoreError::Kind::schema,
                   "store " + connection.shown() + ": schema \"" + options.schema + "\"" +
                       (version == 0 ? " is missing or empty" : " is older (" + steps + ")") +
                       ": run `rruled migrate`" + next);
}

void migrate_as_allowed(PgConnection& connection, std::size_t version) {
  try {
    migrate(connection);
  } catch (const StoreError& error) {
    if (error.kind() != StoreError::Kind::read_only) throw;
    static const std::string kRole = "SELECT current_user::text";
    const auto role =
        connection.read([](Tx& tx) { return PgReader(tx.exec(kRole), 0).read<std::string>(); });
    refuse_older(connection, version, " as the role that owns it, which \"" + role + "\" is not");
  }
}

void check_complete(Tx& tx, const PgConnection& connection) {
  static const std::string kMark = "SELECT incomplete_copy FROM meta WHERE one = 1";
  if (connection.options().even_if_incomplete) return;
  const auto mark = PgReader(tx.exec(kMark), 0).read<std::string>();
  if (!mark.empty())
    refuse_incomplete_copy(connection.shown() + " (schema \"" + connection.options().schema + "\")",
                           mark);
}

void prepare_schema(PgConnection& connection, OpenMode mode) {
  const auto steps = connection.options().migrations.size();
  const auto version = connection.read([&](Tx& tx) { return schema_version(tx, connection); });
  if (version < steps) {
    if (mode != OpenMode::daemon && (mode != OpenMode::command || version > 0))
      refuse_older(connection, version, ", or start the daemon");
    migrate_as_allowed(connection, version);
  }
  connection.read([&](Tx& tx) {
    check_unique_indexes(tx, connection);
    if (mode != OpenMode::read_only) check_complete(tx, connection);
    if (mode == OpenMode::daemon) check_numbers(tx, connection);
  });
}

}  // namespace

PostgresStore::PostgresStore(std::unique_ptr<PgConnection> connection)
    : connection_(std::move(connection)) {}

PostgresStore::~PostgresStore() = default;

std::unique_ptr<PostgresStore> open_postgres(const std::string& url,
                                             OpenMode mode,
                                             const PostgresOptions& options) {
  check_options(options);
  auto address = parse_postgres_url(url, mode == OpenMode::read_only);
  auto connection = std::make_unique<PgConnection>(std::move(address), mode, options);
  prepare_schema(*connection, mode);
  return std::make_unique<PostgresStore>(std::move(connection));
}

}  // namespace rruled::store
