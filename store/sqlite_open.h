#pragma once

#include "store/file_lock.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_store.h"

#include <memory>
#include <optional>
#include <string>

namespace rruled::store {

// The lock is given up after the connection is closed.
struct SqliteFileConnection {
  std::optional<FileLock> lock;  // of OpenMode::daemon
  std::unique_ptr<Connection> connection;
};

// What open_sqlite() does, for those who need more than a Store.
[[nodiscard]] SqliteFileConnection connect_sqlite(const std::string& path,
                                                  OpenMode mode,
                                                  const SqliteOptions& options);

}  // namespace rruled::store
