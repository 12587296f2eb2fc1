// Short ways to say times and rules in tests of the recurrence engine.
#pragma once

#include "rrule/recurrence.h"
#include "rrule/zone_database.h"

#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace rruled::rrule::testing {

template <class Time>
Time read_time(const std::string& text, const char* format) {
  std::istringstream in(text);
  Time time;
  in >> date::parse(format, time);
  if (!in) throw std::runtime_error("not a time: " + text);
  return time;
}

// "2026-01-31T09:00:00Z", "2026-01-31T09:00:00".
inline sys_seconds utc(const std::string& text) { return read_time<sys_seconds>(text, "%FT%TZ"); }
inline local_seconds wall(const std::string& text) {
  return read_time<local_seconds>(text, "%FT%T");
}
inline std::string print(sys_seconds instant) { return date::format("%FT%TZ", instant); }
inline std::string print(local_seconds local) { return date::format("%FT%T", local); }

inline std::shared_ptr<const TimeZone> zone(const std::string& name) {
  static const ZoneDatabase database(RRULED_SOURCE_DIR "/tests/data/zoneinfo-2025b");
  return database.find(name).value();
}

// `start` is an instant with Z, else wall time.
inline Recurrence recurrence(const std::string& text,
                             const std::string& start,
                             const std::string& zone_name = "UTC",
                             DstPolicy policy = {}) {
  const auto in = zone(zone_name);
  const auto at = start.back() == 'Z' ? utc(start) : start_instant(wall(start), *in);
  return Recurrence::compile(text, at, in, policy, zone).value();
}

inline std::vector<std::string> print(const std::vector<Occurrence>& occurrences) {
  std::vector<std::string> instants;
  for (const auto& occurrence : occurrences) instants.push_back(print(occurrence.instant));
  return instants;
}

// The first `limit` instants.
inline std::vector<std::string> first(const Recurrence& recurrence, std::size_t limit) {
  return print(recurrence.between(recurrence.starts_at(), sys_seconds::max(), limit));
}

using Instants = std::vector<std::string>;

}  // namespace rruled::rrule::testing
