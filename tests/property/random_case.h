// A random rule, start, zone and policy.
#pragma once

#include "rrule/zone_database.h"
#include "support/environment.h"
#include "support/random_rule.h"

#include <array>
#include <string>

namespace rruled::rrule {

using testing::number_from_environment;

// Half-hour and negative DST, a day that never was, offsets changed for good, changes at midnight.
inline constexpr std::array<const char*, 12> kAwkwardZones{
    "UTC",           "America/New_York", "Europe/Dublin",     "Australia/Lord_Howe",
    "Pacific/Apia",  "America/St_Johns", "Africa/Casablanca", "America/Sao_Paulo",
    "Europe/London", "Asia/Tehran",      "Antarctica/Troll",  "Asia/Kathmandu"};

inline std::shared_ptr<const TimeZone> test_zone(const std::string& name) {
  static const ZoneDatabase database(RRULED_SOURCE_DIR "/tests/data/zoneinfo-2025b");
  return database.find(name).value();
}

inline std::string print(sys_seconds instant) { return date::format("%FT%TZ", instant); }

struct RandomCase {
  Rule rule;
  sys_seconds starts_at;
  std::shared_ptr<const TimeZone> zone;
  DstPolicy policy;

  [[nodiscard]] Recurrence compiled() const {
    return Recurrence::compile(RecurrenceSet{{rule}, {}, {}, {}}, starts_at, zone, policy).value();
  }
  [[nodiscard]] std::string text() const {
    return to_string(rule) + " from " + print(starts_at) + " " + zone->name() + " gap " +
           to_string(policy.gap) + " fold " + to_string(policy.fold);
  }
};

// Starts are often near a change of the clock: that is where things go wrong.
inline RandomCase random_case(Random& random) {
  auto zone = test_zone(kAwkwardZones[static_cast<std::size_t>(pick(random, 0, 11))]);
  sys_seconds starts_at{seconds{pick(random, 0, 2'100'000'000)}};
  if (chance(random, 50)) {
    const auto changes = zone->transitions(starts_at, starts_at + std::chrono::hours{24 * 366});
    if (!changes.empty())
      starts_at = changes[0].at + std::chrono::minutes{15} * pick(random, -400, 40);
  }
  if (chance(random, 60)) starts_at = date::floor<std::chrono::minutes>(starts_at);
  const DstPolicy policy{chance(random, 75) ? GapPolicy::shift : GapPolicy::skip,
                         static_cast<FoldPolicy>(pick(random, 0, 3))};
  return {random_rule(random, starts_at), starts_at, std::move(zone), policy};
}

}  // namespace rruled::rrule
