#pragma once

#include "store/sqlite_connection.h"
#include "store/sqlite_store.h"

#include <algorithm>
#include <cctype>
#include <string>

namespace rruled::test {

// Puts `value`, in SQL, into one row of a file as another program may: past the store's checks.
template <class Id>
void put_sql(store::SqliteStore& file,
             const std::string& table,
             const std::string& column,
             const Id& id,
             const std::string& value) {
  std::string hex = to_string(id);
  std::erase(hex, '-');
  for (char& digit : hex) digit = static_cast<char>(std::toupper(digit));
  file.connection().database().exec("UPDATE " + table + " SET " + column + " = " + value +
                                    " WHERE hex(id) = '" + hex + "'");
}

// Text that is not UTF-8: the store refuses to write this row.
template <class Id>
void spoil(store::SqliteStore& file,
           const std::string& table,
           const std::string& column,
           const Id& id) {
  put_sql(file, table, column, id, "CAST(x'ff' AS TEXT)");
}

}  // namespace rruled::test
