#pragma once

#include "daemon/core/excluded_days.h"
#include "rrule/zone_database.h"
#include "store/directory.h"

namespace rruled::io {

// Finds calendars in the store, reading each once. A calendar that cannot be read is not there.
// Both given outlive it; used on their thread.
[[nodiscard]] core::CalendarFinder calendar_finder(store::Directory& directory,
                                                   const rrule::ZoneDatabase& zones);

}  // namespace rruled::io
