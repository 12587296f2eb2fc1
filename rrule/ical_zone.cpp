#include "rrule/ical_zone.h"

#include "rrule/rule.h"

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace rruled::rrule::ical {
namespace {

using date::days;
using date::year_month_day;

constexpr int kLastYear = 2200;

// A change of offset as a VTIMEZONE tells it: at this wall-clock time of the offset before.
struct Onset {
  local_seconds wall;
  seconds before;
  seconds after;
  bool daylight = false;

  [[nodiscard]] year_month_day ymd() const { return year_month_day{date::floor<days>(wall)}; }
  [[nodiscard]] int day() const { return static_cast<int>(unsigned{ymd().day()}); }
  [[nodiscard]] auto kind() const { return std::tuple(daylight, before, after); }
};

// All changes from the one in force at `from` on. TZif's DST flag is not kept: an hour that is
// given back within a year is daylight time.
std::vector<Onset> onsets(const TimeZone& zone, sys_seconds from) {
  const auto segment = zone.segment_at(from);
  std::vector<Onset> result;
  sys_seconds since = segment.begin - seconds{1};
  if (segment.begin < sys_seconds{}) {
    // Nothing before 1970 is known; earlier times take the first offset.
    const date::local_days start{date::year{from < sys_seconds{} ? 1601 : 1970} / 1 / 1};
    result.push_back({start, segment.offset, segment.offset});
    since = std::max(from, sys_seconds{});
  }
  const auto changes =
      zone.transitions(since, date::sys_days{date::year{kLastYear} / 12 / 31} + days{1});
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const auto& [at, before, after] = changes[i];
    const bool given_back = i + 1 < changes.size() && changes[i + 1].at - at < days{366} &&
                            changes[i + 1].after < after;
    result.push_back({local_seconds{at.time_since_epoch() + before}, before, after,
                      after > before && given_back});
  }
  return result;
}

// The onsets from `first` on fall on one weekday of seven days in a row of one month, each year.
struct Yearly {
  std::size_t first;
  std::string rule;
};

std::string yearly_rule(const Onset& onset, int first_day) {
  const unsigned month{onset.ymd().month()};
  const unsigned iso = date::weekday{date::floor<days>(onset.wall)}.iso_encoding();
  RuleParts parts;
  parts.frequency = Frequency::yearly;
  parts.by_month = {static_cast<int>(month)};
  parts.by_day = {{0, static_cast<Weekday>(iso - 1)}};
  const unsigned length{(onset.ymd().year() / onset.ymd().month() / date::last).day()};
  if (month != 2 && first_day + 6 == static_cast<int>(length)) {
    parts.by_day[0].ordinal = -1;
  } else if (first_day % 7 == 1) {
    parts.by_day[0].ordinal = first_day / 7 + 1;
  } else {
    for (int day = first_day; day < first_day + 7; ++day) parts.by_monthday.push_back(day);
  }
  return to_string(Rule::make(std::move(parts)).value());
}

std::optional<Yearly> yearly_tail(const std::vector<Onset>& onsets) {
  const Onset& last = onsets.back();
  if (int{last.ymd().year()} != kLastYear) return std::nullopt;
  const auto weekday = [](const Onset& o) { return date::weekday{date::floor<days>(o.wall)}; };
  const auto time = [](const Onset& o) { return o.wall - date::floor<days>(o.wall); };
  std::size_t first = onsets.size() - 1;
  int low = last.day();
  int high = low;
  while (first > 0) {
    const Onset& earlier = onsets[first - 1];
    const bool same = onsets[first].ymd().year() - earlier.ymd().year() == date::years{1} &&
                      earlier.ymd().month() == last.ymd().month() &&
                      weekday(earlier) == weekday(last) && time(earlier) == time(last);
    if (!same || std::max(high, earlier.day()) - std::min(low, earlier.day()) > 6) break;
    low = std::min(low, earlier.day());
    high = std::max(high, earlier.day());
    --first;
  }
  // Fewer years may not show the first and the last of the seven days.
  if (onsets.size() - first < 28) return std::nullopt;
  return Yearly{first, yearly_rule(last, low)};
}

// One STANDARD or DAYLIGHT: the first onset is its DTSTART.
icalcomponent* observance(const Onset& onset) {
  icalcomponent* result =
      onset.daylight ? icalcomponent_new_xdaylight() : icalcomponent_new_xstandard();
  icalcomponent_add_property(result, verbatim("DTSTART", to_string(Until{onset.wall})));
  icalcomponent_add_property(result,
                             icalproperty_new_tzoffsetfrom(static_cast<int>(onset.before.count())));
  icalcomponent_add_property(result,
                             icalproperty_new_tzoffsetto(static_cast<int>(onset.after.count())));
  return result;
}

void add_observances(icalcomponent* zone, const std::vector<Onset>& onsets) {
  const auto tail = yearly_tail(onsets);
  const std::size_t single = tail ? tail->first : onsets.size();
  if (single > 0) {
    icalcomponent* dated = observance(onsets[0]);
    std::string dates;
    for (std::size_t i = 1; i < single; ++i) {
      dates += (dates.empty() ? "" : ",") + to_string(Until{onsets[i].wall});
    }
    if (!dates.empty()) icalcomponent_add_property(dated, verbatim("RDATE", dates));
    icalcomponent_add_component(zone, dated);
  }
  if (tail) {
    icalcomponent* ruled = observance(onsets[tail->first]);
    icalcomponent_add_property(ruled, verbatim("RRULE", tail->rule));
    icalcomponent_add_component(zone, ruled);
  }
}

}  // namespace

ComponentPtr vtimezone(const TimeZone& zone, sys_seconds from) {
  ComponentPtr result(icalcomponent_new_vtimezone());
  icalcomponent_add_property(result.get(), icalproperty_new_tzid(zone.name().c_str()));
  std::vector<Onset> left = onsets(zone, from);
  while (!left.empty()) {
    const auto kind = left.front().kind();
    const auto others = std::stable_partition(left.begin(), left.end(),
                                              [&](const Onset& o) { return o.kind() == kind; });
    add_observances(result.get(), {left.begin(), others});
    left.erase(left.begin(), others);
  }
  return result;
}

}  // namespace rruled::rrule::ical
