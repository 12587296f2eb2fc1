#pragma once

#include <span>
#include <string>
#include <string_view>

namespace SQLite {
class Database;
}

// The schema as numbered steps. A step that was released never changes: its checksum is stored with
// it.
namespace rruled::store {

struct Migration {
  int version = 1;  // 1, 2, 3, .. without holes
  std::string_view name;
  std::string_view sql;
};

// migrations/sqlite/NNN_name.sql, embedded.
[[nodiscard]] std::span<const Migration> sqlite_migrations();

[[nodiscard]] std::string checksum(std::string_view sql);

// For messages: "3 (api)".
[[nodiscard]] std::string step_title(int version, std::string_view name);

// Version of the last step applied; 0 for a database without tables. StoreError schema when the
// tables are not ours, newer than `known`, or made by other steps.
[[nodiscard]] int schema_version(SQLite::Database& database, std::span<const Migration> known);

// Applies what is missing: of a database without tables all steps in one transaction, of an older
// one each step in one. May run in several processes at once.
void migrate(SQLite::Database& database, std::span<const Migration> known);

}  // namespace rruled::store
