#pragma once

#include "store/postgres_connection.h"
#include "store/store.h"

#include <cstdint>
#include <optional>

// What a ChangeSet says of calendars, backfills and projects. Each needs an open transaction that
// holds the lock of `meta`, and must be rolled back when a conflict is given.
namespace rruled::store {

// Before the schedules are written; sees to it that the calendars that they name are there.
[[nodiscard]] std::optional<Conflict> put_calendars(Tx& tx, const ChangeSet& changes);
// After them.
[[nodiscard]] std::optional<Conflict> write_objects(Tx& tx,
                                                    const ChangeSet& changes,
                                                    std::int64_t revision);

}  // namespace rruled::store
