#pragma once

#include "store/sqlite_connection.h"
#include "store/store.h"

#include <cstdint>
#include <optional>

// What a ChangeSet says of calendars, backfills and projects. Each needs an open transaction, which
// must be rolled back when a conflict is given.
namespace rruled::store {

// Before the schedules are written.
[[nodiscard]] std::optional<Conflict> put_calendars(Connection& connection,
                                                    const ChangeSet& changes);
// A schedule names a calendar that is there, or none.
[[nodiscard]] bool has_calendar_of(Connection& connection, const Schedule& schedule);
// After them.
[[nodiscard]] std::optional<Conflict> write_objects(Connection& connection,
                                                    const ChangeSet& changes,
                                                    std::int64_t revision);

}  // namespace rruled::store
