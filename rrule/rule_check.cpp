#include "rrule/rule_check.h"

#include <algorithm>
#include <utility>

namespace rruled::rrule::detail {
namespace {

std::string name_of(Part part) { return kPartNames[static_cast<std::size_t>(part)]; }

using ListOf = const std::vector<int> RuleParts::*;
constexpr std::array<std::pair<Part, ListOf>, 8> kLists{
    {{Part::by_second, &RuleParts::by_second},
     {Part::by_minute, &RuleParts::by_minute},
     {Part::by_hour, &RuleParts::by_hour},
     {Part::by_monthday, &RuleParts::by_monthday},
     {Part::by_yearday, &RuleParts::by_yearday},
     {Part::by_weekno, &RuleParts::by_weekno},
     {Part::by_month, &RuleParts::by_month},
     {Part::by_setpos, &RuleParts::by_setpos}}};

std::optional<Violation> check_numbers(const RuleParts& parts) {
  if (parts.interval < 1 || parts.interval > Rule::kIntervalMax) {
    return Violation{ErrorCode::bad_value, Part::interval, describe_range(Part::interval)};
  }
  if (parts.count && (*parts.count < 1 || *parts.count > Rule::kCountMax)) {
    return Violation{ErrorCode::bad_value, Part::count, describe_range(Part::count)};
  }
  for (const auto& [part, list] : kLists) {
    const Range range = range_of(part);
    for (const int value : parts.*list) {
      if (!range.holds(value)) {
        return Violation{ErrorCode::bad_value, part,
                         describe_range(part) + ", found " + std::to_string(value)};
      }
    }
  }
  for (const ByDay& day : parts.by_day) {
    if (day.ordinal < -53 || day.ordinal > 53) {
      return Violation{ErrorCode::bad_value, Part::by_day,
                       describe_range(Part::by_day) + ", found " + std::to_string(day.ordinal)};
    }
  }
  return std::nullopt;
}

Violation forbid(Part part, const std::string& why) {
  return {ErrorCode::forbidden, part, name_of(part) + " " + why};
}

bool has_ordinal(const RuleParts& parts) {
  return std::any_of(parts.by_day.begin(), parts.by_day.end(),
                     [](const ByDay& day) { return day.ordinal != 0; });
}

// The table "N/A" entries and the MUST NOTs of RFC 5545 3.3.10.
std::optional<Violation> check_combinations(const RuleParts& parts) {
  const Frequency freq = parts.frequency;
  const std::string with = std::string("is not allowed with FREQ=") + to_string(freq);
  if (parts.count && parts.until) return forbid(Part::until, "and COUNT exclude each other");
  if (!parts.by_weekno.empty() && freq != Frequency::yearly) return forbid(Part::by_weekno, with);
  if (!parts.by_yearday.empty() && freq >= Frequency::daily && freq != Frequency::yearly) {
    return forbid(Part::by_yearday, with);
  }
  if (!parts.by_monthday.empty() && freq == Frequency::weekly) {
    return forbid(Part::by_monthday, with);
  }
  if (has_ordinal(parts)) {
    if (freq < Frequency::monthly) {
      return forbid(Part::by_day, "with a number needs FREQ=MONTHLY or FREQ=YEARLY");
    }
    if (!parts.by_weekno.empty()) {
      return forbid(Part::by_day, "with a number is not allowed with BYWEEKNO");
    }
  }
  const bool other = std::any_of(kLists.begin(), kLists.end(), [&](const auto& list) {
    return list.first != Part::by_setpos && !(parts.*list.second).empty();
  });
  if (!parts.by_setpos.empty() && !other && parts.by_day.empty()) {
    return forbid(Part::by_setpos, "needs another BY part to choose from");
  }
  return std::nullopt;
}

}  // namespace

Range range_of(Part part) {
  switch (part) {
    case Part::by_second:
      return {0, 60, false};
    case Part::by_minute:
      return {0, 59, false};
    case Part::by_hour:
      return {0, 23, false};
    case Part::by_day:
    case Part::by_weekno:
      return {1, 53, true};
    case Part::by_monthday:
      return {1, 31, true};
    case Part::by_month:
      return {1, 12, false};
    case Part::by_yearday:
    case Part::by_setpos:
      return {1, 366, true};
    default:
      return {1, static_cast<int>(Rule::kIntervalMax), false};
  }
}

std::string describe_range(Part part) {
  const Range range = range_of(part);
  const std::string span = std::to_string(range.low) + " to " + std::to_string(range.high);
  return name_of(part) + (part == Part::by_day ? " numbers go from " : " takes ") + span +
         (range.sign ? ", or the same below zero" : "");
}

std::optional<Violation> check(const RuleParts& parts) {
  if (auto violation = check_numbers(parts)) return violation;
  return check_combinations(parts);
}

}  // namespace rruled::rrule::detail
