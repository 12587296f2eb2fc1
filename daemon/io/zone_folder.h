#pragma once

#include "rrule/zone_database.h"

#include <string>

namespace rruled::io {

// Why no time zone can be read from the folder of `zones`; empty: some can.
[[nodiscard]] std::string why_no_zones(const rrule::ZoneDatabase& zones);

}  // namespace rruled::io
