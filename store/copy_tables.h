#pragma once

#include <cstdint>
#include <string>
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

// What a store keeps beside its tables.
struct CopyMarks {
  std::int64_t revision = 0;
  std::int64_t runs_revision = 0;
  std::int64_t epoch = 0;
  std::int64_t high_water = 0;  // milliseconds since 1970
  std::string zones_version;
};

}  // namespace rruled::store
