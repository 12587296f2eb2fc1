#pragma once

#include <cstdint>
#include <string>

namespace rruled::store {

// What the path of a store leads to.
struct SqliteFile {
  std::string path;     // absolute, without links: two names of one file have one lock
  bool exists = false;  // an empty one does, too
};

// Looks at the path without opening the file, which would drop SQLite's own locks on it. Throws
// StoreError when the file cannot be used, or cannot be written although `writes`.
[[nodiscard]] SqliteFile inspect_sqlite_file(const std::string& path, bool writes);

// The lock of the daemon that works on the file.
[[nodiscard]] std::string lock_path(const SqliteFile& file);

// Makes the file, empty and for its owner alone: SQLite would let everybody read it, and gives what
// it puts beside a file the same mode. One that is there already stays as it is. What stops this
// stops SQLite as well, which says it.
void make_sqlite_file(const std::string& path);

// Whether file locks and shared memory do not work there between machines; `magic` as in statfs(2).
[[nodiscard]] bool is_network_filesystem(long magic);

// True when a write-ahead log with something in it lies beside the file.
[[nodiscard]] bool has_write_ahead_log(const std::string& path);
[[nodiscard]] bool is_missing_or_empty(const std::string& path);

// Which file a path leads to now; zeros: none.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};
[[nodiscard]] FileIdentity identity_of(const std::string& path);

// SQLite's URI of a file that nobody can change while it is read.
[[nodiscard]] std::string immutable_uri(const std::string& path);

}  // namespace rruled::store
