#include "store/migrate.h"

#include "store/errors.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace rruled::store {
namespace {

constexpr char kCreateTable[] =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    " version INTEGER PRIMARY KEY,"
    " name TEXT NOT NULL,"
    " checksum TEXT NOT NULL,"
    " applied_at INTEGER NOT NULL) STRICT";

[[noreturn]] void refuse_schema(const SQLite::Database& database, const std::string& why) {
  throw StoreError(StoreError::Kind::schema, "store " + database.getFilename() + " " + why);
}

void apply(SQLite::Database& database, const Migration& step) {
  database.exec(std::string(step.sql));
  SQLite::Statement insert(database,
                           "INSERT INTO schema_migrations (version, name, checksum, applied_at)"
                           " VALUES (?, ?, ?, unixepoch() * 1000)");
  insert.bind(1, step.version);
  insert.bind(2, std::string(step.name));
  insert.bind(3, checksum(step.sql));
  insert.exec();
  SQLite::Statement broken(database, "PRAGMA foreign_key_check");
  if (broken.executeStep())
    refuse_schema(database,
                  "cannot take step " + step_title(step.version, step.name) +
                      ": rows refer to rows that do not exist; nothing was changed: restore a"
                      " backup, or report this");
}

}  // namespace

// FNV-1a, 64 bits: finds a changed file, resists nobody.
std::string checksum(std::string_view sql) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : sql) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), hash, 16).ptr;
  return {digits.data(), end};
}

std::string step_title(int version, std::string_view name) {
  return std::to_string(version) + " (" + std::string(name) + ")";
}

int schema_version(SQLite::Database& database, std::span<const Migration> known) {
  {
    // One look: another process may make the tables at this very moment.
    SQLite::Statement tables(database,
                             "SELECT count(*), count(*) FILTER (WHERE name = 'schema_migrations')"
                             " FROM sqlite_schema");
    tables.executeStep();
    if (tables.getColumn(0).getInt() == 0) return 0;
    if (tables.getColumn(1).getInt() == 0)
      refuse_schema(database,
                    "is a database of another program; it was not touched: choose another file");
  }
  int version = 0;
  SQLite::Statement applied(
      database, "SELECT version, name, checksum FROM schema_migrations ORDER BY version");
  while (applied.executeStep()) {
    const int found = applied.getColumn(0).getInt();
    const std::string name = applied.getColumn(1).getString();
    if (static_cast<std::size_t>(version) == known.size())
      refuse_schema(database, "has schema " + step_title(found, name) +
                                  ", newer than this program knows (" + std::to_string(version) +
                                  "): upgrade rruled");
    const auto& step = known[static_cast<std::size_t>(version)];
    if (found != step.version || applied.getColumn(2).getString() != checksum(step.sql))
      refuse_schema(database, "was made with another text of schema step " +
                                  step_title(found, name) +
                                  "; it was not touched: use the build of rruled that made it,"
                                  " or restore a backup");
    ++version;
  }
  return version;
}

void migrate(SQLite::Database& database, std::span<const Migration> known) {
  // Has no effect inside a transaction, and a step may rebuild a table that others refer to.
  database.exec("PRAGMA foreign_keys = OFF");
  for (bool more = true; more;) {
    SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
    // Read again under the lock: another process may have taken the step meanwhile.
    const auto done = static_cast<std::size_t>(schema_version(database, known));
    // A new file gets all of them at once: whoever opens it meanwhile finds it empty, or whole.
    const auto left = known.subspan(done);
    const auto steps = done == 0 ? left : left.first(std::min(left.size(), std::size_t{1}));
    more = !steps.empty();
    if (more) database.exec(kCreateTable);
    for (const auto& step : steps) apply(database, step);
    transaction.commit();
  }
  database.exec("PRAGMA foreign_keys = ON");
}

}  // namespace rruled::store
