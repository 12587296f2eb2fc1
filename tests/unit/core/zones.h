#pragma once

#include "rrule/zone_database.h"

namespace rruled::test {

// Those of this system, read once for all tests.
inline const rrule::ZoneDatabase& zones() {
  static const rrule::ZoneDatabase kZones;
  return kZones;
}

}  // namespace rruled::test
