#include "store/directory.h"

#include "store/memory_directory.h"
#include "store/postgres_directory.h"
#include "store/sqlite_directory.h"

namespace rruled::store {

std::unique_ptr<Directory> directory_of(Store& store) {
  if (auto* file = dynamic_cast<SqliteStore*>(&store))
    return std::make_unique<SqliteDirectory>(*file);
  if (auto* memory = dynamic_cast<MemoryStore*>(&store))
    return std::make_unique<MemoryDirectory>(*memory);
  if (auto* server = dynamic_cast<PostgresStore*>(&store))
    return std::make_unique<PostgresDirectory>(*server);
  return nullptr;
}

}  // namespace rruled::store
