#include "store/sqlite_connection.h"

#include <sqlite3.h>

namespace rruled::store {

StoreError translate(const SQLite::Exception& error, const std::string& path) {
  using Kind = StoreError::Kind;
  const auto say = [&](Kind kind, const std::string& next) {
    return StoreError(kind, "store " + path + ": " + error.what() + "; " + next);
  };
  switch (error.getErrorCode() & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return say(Kind::unavailable, "another program is writing for long: try again");
    case SQLITE_CANTOPEN:
      return say(Kind::unavailable, "check that the file and its directory are accessible");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return say(Kind::read_only,
                 "make the file, those of its name with -wal and -shm beside it,"
                 " and their directory writable for this user");
    case SQLITE_FULL:
      return say(Kind::full, "free some space; nothing was written");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return say(Kind::corrupt,
                 "the file is left as it is: restore a backup,"
                 " or save what can be read with `sqlite3 FILE .recover`");
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
      return say(Kind::invalid, "nothing was written: correct the row");
    case SQLITE_IOERR:
      return say(Kind::fault, "check the disk and its file system");
    default:
      return say(Kind::fault, "nothing was written: please report this");
  }
}

void throw_bad_column(int column, const char* sql) {
  throw StoreError(StoreError::Kind::corrupt,
                   "column " + std::to_string(column) + " of `" + sql +
                       "` holds what rruled never writes: restore a backup, or correct the row");
}

SQLite::Statement& Connection::statement(const std::string& sql) {
  auto& cached = statements_[&sql];
  if (!cached) cached = std::make_unique<SQLite::Statement>(database_, sql);
  return *cached;
}

}  // namespace rruled::store
