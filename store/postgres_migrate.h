#pragma once

#include "store/postgres_connection.h"

#include <cstddef>

namespace rruled::store {

// How many steps the schema has taken; 0 when it does not exist or is empty. StoreError schema when
// the tables in it are not ours, newer than the known steps, or made by other ones.
[[nodiscard]] std::size_t schema_version(Tx& tx, const PgConnection& connection);

// Makes the schema if it is missing and takes the steps that are. May run in several processes at
// once: one does it, the others wait.
void migrate(PgConnection& connection);

// StoreError schema when a unique index is missing, invalid or has other columns: without one,
// occurrences would fire twice, or inserts fail.
void check_unique_indexes(Tx& tx, const PgConnection& connection);

}  // namespace rruled::store
