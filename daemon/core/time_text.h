#pragma once

#include "rrule/result.h"
#include "rrule/time_zone.h"
#include "store/ids.h"

#include <boost/json/fwd.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <variant>

// Times as people and programs write them: ISO 8601 / RFC 3339. Pure, thread-safe.
namespace rruled::core {

// An instant, or a wall-clock time that only a zone makes one.
using WrittenTime = std::variant<store::Timestamp, rrule::local_seconds>;

// "2026-01-31T09:00:00.250Z", "2026-01-31 09:00+01:00", "2026-01-31T09:00" (wall clock),
// "2026-01-31" (its midnight, wall clock). Seconds, fractions (any number of digits; milliseconds
// are kept) and the colon of the offset may be left out. Years 0001 to 9999; no second 60.
[[nodiscard]] rrule::Result<WrittenTime> parse_time(std::string_view text);

// The instant that `time` is; wall-clock times are read as a start is (rrule::start_instant).
[[nodiscard]] store::Timestamp instant_of(const WrittenTime& time, const rrule::TimeZone& zone);

// "2026-01-31T09:00:00.250000Z": the form of the API.
[[nodiscard]] std::string iso_microseconds(store::Timestamp time);
// The same as a value of JSON; null when there is no time.
[[nodiscard]] boost::json::value time_or_null(const std::optional<store::Timestamp>& time);
// "2026-01-31T09:00:00".
[[nodiscard]] std::string iso_local(rrule::local_seconds local);
// "2026-01-31".
[[nodiscard]] std::string iso_day(rrule::local_seconds local);
// "+01:00", "-03:30", "+00:19:32" where the zone has seconds.
[[nodiscard]] std::string iso_offset(std::chrono::seconds offset);

}  // namespace rruled::core
