#pragma once

#include "store/postgres_connection.h"

#include <cstddef>

namespace rruled::store {

// How many steps the schema has taken; 0 when it does not exist or is empty. StoreError schema when
// the tables in it are not ours, newer than the known steps, or made by other ones.
[[nodiscard]] std::size_t schema_version(Tx& tx, const PgConnection& connection);

// Makes the schema if it is missing and takes the steps that are. May run in several processes at
// once: one does it, the others wait. A step that a lock of another transaction keeps waiting for
// two seconds is given up, lets who waits behind it go, and is tried again two seconds later;
// StoreError unavailable, naming who holds a lock, when `tries` of them in a row came to nothing.
void migrate(PgConnection& connection, int tries = 30);

// StoreError schema when a unique index is missing, invalid or has other columns: without one,
// occurrences would fire twice, or inserts fail.
void check_unique_indexes(Tx& tx, const PgConnection& connection);

}  // namespace rruled::store
