#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// A store as plain tables: what a copy takes over, column by column. Every store has these tables
// and columns; what a store has besides is its own.
namespace rruled::store {

enum class CopyKind {
  integer,  // std::int64_t: numbers, times and durations (milliseconds)
  flag,     // std::int64_t, 0 or 1
  text,     // std::string, UTF-8
  id,       // std::string, the 16 bytes of a UUID
  bytes     // std::string
};

struct CopyColumn {
  std::string name;
  CopyKind kind = CopyKind::integer;
};

struct CopyTable {
  std::string name;
  std::vector<CopyColumn> columns;
  std::string order;  // columns of ORDER BY, served by an index
};

// A row that others refer to comes before them.
[[nodiscard]] const std::vector<CopyTable>& copied_tables();

// monostate: null.
using CopyCell = std::variant<std::monostate, std::int64_t, std::string>;
using CopyRow = std::vector<CopyCell>;

// "id, project_id, .."
[[nodiscard]] std::string column_list(const CopyTable& table);

// Begins the mark of a target that a copy is on its way to; the source's name follows. It is where
// a daemon looks at its start: `moved_to` of a file, `incomplete_copy` of PostgreSQL.
inline constexpr std::string_view kIncompleteCopy = "incomplete copy of ";

[[nodiscard]] inline bool is_incomplete_copy(std::string_view mark) {
  return mark.starts_with(kIncompleteCopy);
}
// Thrown instead of working on `store`, which has that mark. StoreError fault.
[[noreturn]] void refuse_incomplete_copy(const std::string& store, const std::string& mark);

// What a store keeps beside its tables.
struct CopyMarks {
  std::int64_t revision = 0;
  std::int64_t runs_revision = 0;
  std::int64_t epoch = 0;
  std::int64_t high_water = 0;  // milliseconds since 1970
  std::string zones_version;
};

}  // namespace rruled::store
