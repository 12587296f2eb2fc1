#include "daemon/cli/arguments.h"

namespace rruled::cli {

const rrule::TimeZone& zone_of(Session& session, const std::string& name) {
  const auto zone = session.zones().find(name);
  if (!zone) throw Failure(kRefused, "timezone: " + zone.error().detail);
  return **zone;
}

store::Timestamp time_argument(const std::string& option,
                               const std::string& text,
                               const rrule::TimeZone& zone,
                               store::Timestamp now) {
  using std::chrono::seconds;
  if (text == "now") return std::chrono::floor<seconds>(now) + seconds(1);
  const auto time = core::parse_time(text);
  if (!time)
    throw Failure(kUsage, option + ": " + time.error().detail +
                              ", or wall-clock time of --timezone, or now; not \"" + text + "\"");
  return core::instant_of(*time, zone);
}

std::optional<store::Timestamp> utc_argument(const std::string& option,
                                             const std::string& text,
                                             store::Timestamp now) {
  if (text.empty()) return std::nullopt;
  return time_argument(option, text, *rrule::TimeZone::utc(), now);
}

}  // namespace rruled::cli
