#include "support/random_rule.h"

#include <utility>

namespace rruled::rrule {
namespace {

std::vector<int> list(Random& random, int longest, int low, int high, bool negative) {
  std::vector<int> values;
  for (int i = pick(random, 1, longest); i > 0; --i) {
    const int value = pick(random, low, high);
    values.push_back(negative && chance(random, 35) ? -value : value);
  }
  return values;
}

std::vector<ByDay> weekdays(Random& random, Frequency freq, bool ordinals) {
  std::vector<ByDay> chosen;
  for (int i = pick(random, 1, 4); i > 0; --i) {
    ByDay day{0, static_cast<Weekday>(pick(random, 0, 6))};
    if (ordinals && chance(random, 50)) {
      const int highest = freq == Frequency::yearly && chance(random, 30) ? 53 : 5;
      day.ordinal = pick(random, 1, highest) * (chance(random, 40) ? -1 : 1);
    }
    chosen.push_back(day);
  }
  return chosen;
}

std::uint32_t interval(Random& random, Frequency freq, int large_percent) {
  if (chance(random, 45)) return 1;
  if (chance(random, large_percent)) {
    const int highest = freq == Frequency::secondly   ? 200'000
                        : freq == Frequency::minutely ? 5'000
                        : freq == Frequency::hourly   ? 400
                                                      : 60;
    return static_cast<std::uint32_t>(pick(random, 2, highest));
  }
  return static_cast<std::uint32_t>(pick(random, 2, 7));
}

void add_time_parts(Random& random, RuleParts& parts) {
  if (chance(random, 30)) parts.by_hour = list(random, 4, 0, 23, false);
  if (chance(random, 30)) parts.by_minute = list(random, 4, 0, 59, false);
  if (chance(random, 20)) parts.by_second = list(random, 3, 0, 60, false);
}

void add_day_parts(Random& random, RuleParts& parts) {
  const Frequency freq = parts.frequency;
  if (chance(random, 30)) parts.by_month = list(random, 4, 1, 12, false);
  if (freq == Frequency::yearly && chance(random, 20)) {
    parts.by_weekno = list(random, 3, 1, 53, true);
  }
  if ((freq == Frequency::yearly || freq < Frequency::daily) && chance(random, 15)) {
    parts.by_yearday = list(random, 5, 1, 366, true);
    if (chance(random, 20)) parts.by_yearday.push_back(chance(random, 50) ? 366 : -366);
  }
  if (freq != Frequency::weekly && chance(random, 25)) {
    parts.by_monthday = list(random, 4, 1, 31, true);
  }
  if (chance(random, 40)) {
    parts.by_day = weekdays(random, freq, freq >= Frequency::monthly && parts.by_weekno.empty());
  }
}

bool has_by_part(const RuleParts& parts) {
  return !(parts.by_second.empty() && parts.by_minute.empty() && parts.by_hour.empty() &&
           parts.by_day.empty() && parts.by_monthday.empty() && parts.by_yearday.empty() &&
           parts.by_weekno.empty() && parts.by_month.empty());
}

}  // namespace

int pick(Random& random, int low, int high) {
  return std::uniform_int_distribution<int>(low, high)(random);
}

bool chance(Random& random, int percent) { return pick(random, 1, 100) <= percent; }

Rule random_rule(Random& random, sys_seconds near, const RandomRuleOptions& options) {
  RuleParts parts;
  parts.frequency = static_cast<Frequency>(pick(random, 0, 6));
  parts.interval = interval(random, parts.frequency, options.large_interval);
  add_day_parts(random, parts);
  add_time_parts(random, parts);
  if (has_by_part(parts) && chance(random, 20)) parts.by_setpos = list(random, 3, 1, 6, true);
  if (chance(random, 25)) parts.wkst = static_cast<Weekday>(pick(random, 0, 6));
  if (options.count && chance(random, 20)) {
    parts.count = static_cast<std::uint32_t>(pick(random, 1, chance(random, 30) ? 400 : 12));
  } else if (options.count && chance(random, 15)) {
    const auto end = near + seconds{pick(random, 0, 300'000'000)};
    parts.until = end;
    if (chance(random, 25)) parts.until = local_seconds{end.time_since_epoch()};
    if (chance(random, 25)) {
      parts.until = date::floor<date::days>(local_seconds{end.time_since_epoch()});
    }
  }
  if (options.skip && parts.frequency >= Frequency::monthly && chance(random, 25)) {
    parts.skip = chance(random, 50) ? Skip::forward : Skip::backward;
  }
  return Rule::make(std::move(parts)).value();
}

}  // namespace rruled::rrule
