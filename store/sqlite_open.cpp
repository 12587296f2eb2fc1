#include "store/sqlite_open.h"

#include "store/copy_tables.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_file.h"
#include "store/sqlite_store.h"

#include <sqlite3.h>

namespace rruled::store {
namespace {

// Whether the last connection to close takes the log into the file and removes it.
void keep_log_at_close(SQLite::Database& database, bool keep) {
  sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep ? 1 : 0, nullptr);
}

SQLite::Database connect(const std::string& name, int flags, const SqliteOptions& options) {
  SQLite::Database database(name, flags | SQLITE_OPEN_NOMUTEX,
                            static_cast<int>(options.busy_timeout.count()));
  sqlite3_extended_result_codes(database.getHandle(), 1);
  sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  // Until all is found right: it may be the log of another file.
  keep_log_at_close(database, true);
  database.exec(
      "PRAGMA trusted_schema = OFF;"
      "PRAGMA cell_size_check = ON;"
      "PRAGMA temp_store = MEMORY;"
      "PRAGMA cache_size = -32768");
  return database;
}

// A write-ahead log needs a file of shared memory. Where that cannot be made, and no log is there,
// nobody of this machine can be writing: the file is read as one that does not change.
SQLite::Database connect_read_only(const std::string& path, const SqliteOptions& options) {
  try {
    auto database = connect(path, SQLITE_OPEN_READONLY, options);
    database.execAndGet("SELECT count(*) FROM sqlite_schema");
    return database;
  } catch (const SQLite::Exception& error) {
    const int code = error.getErrorCode() & 0xff;
    if (code != SQLITE_CANTOPEN && code != SQLITE_READONLY) throw;
  }
  if (has_write_ahead_log(path))
    throw StoreError(StoreError::Kind::read_only,
                     "store " + path +
                         ": its last changes are in its write-ahead log,"
                         " which cannot be read in a directory that cannot be written; copy FILE"
                         " and FILE-wal elsewhere");
  return connect(immutable_uri(path), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, options);
}

SQLite::Database open_database(const std::string& path,
                               OpenMode mode,
                               const SqliteOptions& options) {
  return mode == OpenMode::read_only
             ? connect_read_only(path, options)
             : connect(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, options);
}

// A file that has none yet, as one that another program copied, must be open nowhere else for that.
std::string take_write_ahead_log(SQLite::Database& database) {
  try {
    return database.execAndGet("PRAGMA journal_mode = WAL").getString();
  } catch (const SQLite::Exception& error) {
    if ((error.getErrorCode() & 0xff) != SQLITE_BUSY) throw;
    throw StoreError(StoreError::Kind::unavailable,
                     "store " + database.getFilename() +
                         " is open elsewhere, if only to be read,"
                         " and cannot get its write-ahead log meanwhile: end what has it open,"
                         " and try again");
  }
}

void prepare_for_writing(SQLite::Database& database) {
  const std::string mode = take_write_ahead_log(database);
  if (mode != "wal")
    throw StoreError(StoreError::Kind::fault,
                     "store " + database.getFilename() +
                         ": its file system cannot hold a write-ahead log (journal mode is " +
                         mode + "); put the store on a local disk");
  database.exec(
      "PRAGMA synchronous = FULL;"
      "PRAGMA foreign_keys = ON;"
      // 32 MB: pages that change again and again are copied into the file once.
      "PRAGMA wal_autocheckpoint = 8192;"
      "PRAGMA journal_size_limit = 67108864");
}

void check_table(SQLite::Database& database, const std::string& pragma) {
  SQLite::Statement check(database, pragma);
  while (check.executeStep()) {
    const std::string found = check.getColumn(0).getString();
    if (found != "ok")
      throw StoreError(StoreError::Kind::corrupt,
                       "store " + database.getFilename() + " is damaged (" + found +
                           "); the file is left as it is: restore a backup,"
                           " or save what can be read with `sqlite3 FILE .recover`");
  }
}

void check_health(SQLite::Database& database, const SqliteOptions& options) {
  const auto bytes =
      database.execAndGet("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
          .getInt64();
  if (bytes <= options.check_whole_max_bytes) {
    check_table(database, "PRAGMA quick_check(1)");
    return;
  }
  for (const char* table : {"flows", "schedules", "instance", "meta", "tokens"})
    check_table(database, "PRAGMA quick_check('" + std::string(table) + "')");
}

// Brings the schema to the present, or says why that is not done here.
void check_schema(SQLite::Database& database, OpenMode mode, const SqliteOptions& options) {
  const auto version = static_cast<std::size_t>(schema_version(database, options.migrations));
  if (version == options.migrations.size() || (version > 0 && options.even_if_older)) return;
  const bool migrates = version == 0 ? mode != OpenMode::read_only
                                     : mode == OpenMode::daemon && options.brings_forward;
  if (migrates) {
    migrate(database, options.migrations);
    return;
  }
  const std::string& file = database.getFilename();
  const std::string found = version == 0
                                ? " is empty"
                                : " has an older schema (" + std::to_string(version) + " of " +
                                      std::to_string(options.migrations.size()) + ")";
  const std::string way_out = options.brings_forward
                                  ? "run `rruled migrate`, or start the daemon"
                                  : "run `RRULED_STORE_URL=sqlite://" + file +
                                        " rruled migrate` first, or do that with a copy of the"
                                        " file; nothing was changed";
  throw StoreError(StoreError::Kind::schema, "store " + file + found + ": " + way_out);
}

// After check_schema().
void check_moved(SQLite::Database& database, const SqliteOptions& options) {
  // The second step of the schema has the mark.
  if (options.migrations.size() < 2) return;
  const std::string mark =
      database.execAndGet("SELECT coalesce(moved_to, '') FROM instance").getString();
  if (is_incomplete_copy(mark)) {
    if (!options.even_if_incomplete) refuse_incomplete_copy(database.getFilename(), mark);
  } else if (!mark.empty() && !options.even_if_moved) {
    throw StoreError(StoreError::Kind::fault,
                     "store " + database.getFilename() + " was moved to " + mark +
                         ": set store.url to that one. Or, while nothing runs there,"
                         " take this one into use again with `rruled store reopen sqlite://" +
                         database.getFilename() + "`");
  }
}

// What a process that was killed left there, or the log of a file that was here before: a command
// that has it open alone would take it into the file.
bool is_log_left(const SqliteFile& file, OpenMode mode) {
  if (mode != OpenMode::command || !has_write_ahead_log(file.path)) return false;
  const auto daemon = FileLock::holder(lock_path(file));
  return daemon && !daemon->held;
}

// A new one would be empty, and SQLite removes the log of a file that is.
void refuse_log_alone(const SqliteFile& file) {
  if (!has_write_ahead_log(file.path) || !is_missing_or_empty(file.path)) return;
  throw StoreError(StoreError::Kind::corrupt,
                   "store " + file.path + " is missing or empty, but its log " + file.path +
                       "-wal is there: put the file back,"
                       " or a backup without that log. For a new and empty store remove " +
                       file.path + "-wal and " + file.path + "-shm");
}

StoreError with_advice(const StoreError& error, const SqliteFile& file) {
  if (error.kind() != StoreError::Kind::corrupt || !file.exists || !has_write_ahead_log(file.path))
    return error;
  return {error.kind(), std::string(error.what()) +
                            ". If a backup was just put here: its log is that of the file which was"
                            " here before; remove " +
                            file.path + "-wal and " + file.path + "-shm, and start again"};
}

}  // namespace

SqliteStore::SqliteStore(std::unique_ptr<Connection> connection, std::optional<FileLock> lock)
    : lock_(std::move(lock)),
      connection_(std::move(connection)),
      log_(identity_of(connection_->database().getFilename() + "-wal")) {}

// Where the log alone was removed, closing takes what was in it into the file, unless somebody has
// that open, with a log of his own.
SqliteStore::~SqliteStore() {
  const auto where = place();
  const auto& file = connection_->database().getFilename();
  if (where == Place::file_gone ||
      (where == Place::log_gone && identity_of(file + "-wal") != FileIdentity{}))
    keep_log_at_close(connection_->database(), true);
}

SqliteStore::Place SqliteStore::place() {
  auto& database = connection_->database();
  int moved = 0;
  if (sqlite3_file_control(database.getHandle(), "main", SQLITE_FCNTL_HAS_MOVED, &moved) ==
          SQLITE_OK &&
      moved != 0)
    return Place::file_gone;
  return identity_of(database.getFilename() + "-wal") == log_ ? Place::as_opened : Place::log_gone;
}

void SqliteStore::check_place() {
  const auto where = place();
  if (where == Place::as_opened) return;
  const std::string file = connection_->database().getFilename();
  throw StoreError(
      StoreError::Kind::corrupt,
      "store " + file +
          (where == Place::file_gone
               ? ": the file was removed or replaced while this daemon ran,"
                 " which ends now and writes nothing to what is there. If it was moved away,"
                 " put it back, and start again; if a backup was put here, remove " +
                     file + "-wal and " + file + "-shm first"
               : ": its log " + file +
                     "-wal was removed or replaced while this daemon ran,"
                     " which ends now. Keep other programs off the files beside the store; start"
                     " again, and look whether the last changes are there"));
}

SqliteFileConnection connect_sqlite(const std::string& path,
                                    OpenMode mode,
                                    const SqliteOptions& options) {
  const bool writes = mode != OpenMode::read_only;
  const auto file = inspect_sqlite_file(path, writes);
  std::optional<FileLock> lock;
  if (mode == OpenMode::daemon) lock.emplace(lock_path(file), "store " + path);
  try {
    refuse_log_alone(file);
    if (writes && !file.exists) make_sqlite_file(file.path);
    auto database = open_database(file.path, mode, options);
    if (mode == OpenMode::daemon || is_log_left(file, mode)) check_health(database, options);
    // Before anything is changed: it may be the database of another program.
    (void)schema_version(database, options.migrations);
    if (writes) prepare_for_writing(database);
    check_schema(database, mode, options);
    if (writes) check_moved(database, options);
    keep_log_at_close(database, false);
    return {std::move(lock), std::make_unique<Connection>(std::move(database))};
  } catch (const SQLite::Exception& error) {
    throw with_advice(translate(error, path), file);
  } catch (const StoreError& error) {
    throw with_advice(error, file);
  }
}

std::unique_ptr<SqliteStore> open_sqlite(const std::string& path,
                                         OpenMode mode,
                                         const SqliteOptions& options) {
  auto opened = connect_sqlite(path, mode, options);
  return std::make_unique<SqliteStore>(std::move(opened.connection), std::move(opened.lock));
}

}  // namespace rruled::store
