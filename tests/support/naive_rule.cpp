#include "support/naive_rule.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace rruled::rrule {
namespace {

using date::days;
using date::local_days;
using date::year_month_day;
using std::chrono::hours;
using std::chrono::minutes;

bool has(const std::vector<int>& list, int value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// A list that counts from both ends of 1 to `length`.
bool has_either(const std::vector<int>& list, int value, int length) {
  return has(list, value) || has(list, value - length - 1);
}

int year_of(local_days day) { return static_cast<int>(year_month_day{day}.year()); }
int month_of(local_days day) {
  return static_cast<int>(static_cast<unsigned>(year_month_day{day}.month()));
}
int monthday_of(local_days day) {
  return static_cast<int>(static_cast<unsigned>(year_month_day{day}.day()));
}
int weekday_of(local_days day) { return static_cast<int>(date::weekday{day}.iso_encoding()) - 1; }
local_days first_of(int year, int month) { return local_days{date::year{year} / month / 1}; }
int month_length(local_days day) {
  return static_cast<int>(static_cast<unsigned>(
      (year_month_day{day}.year() / year_month_day{day}.month() / date::last).day()));
}
int count_of(days span) { return static_cast<int>(span.count()); }

local_days week_start(local_days day, const Rule& rule) {
  while (weekday_of(day) != static_cast<int>(rule.wkst())) day -= days{1};
  return day;
}

// The week of a year: the one with most of its days there.
struct Week {
  int year;
  int number;
  int weeks;
};
Week week_of(local_days day, const Rule& rule) {
  const auto first_week = [&](int year) { return week_start(first_of(year, 1) + days{3}, rule); };
  int year = year_of(day) + 1;
  while (day < first_week(year)) --year;
  return {year, count_of(day - first_week(year)) / 7 + 1,
          count_of(first_week(year + 1) - first_week(year)) / 7};
}

// Everything that depends on wall-clock time alone.
class NaiveRule {
 public:
  NaiveRule(const Rule& rule, local_seconds start)
      : rule_(rule), start_(start), start_day_(date::floor<days>(start)) {}

  // The period that a time lies in, as a number.
  [[nodiscard]] long period(local_seconds time) const {
    const auto day = date::floor<days>(time);
    switch (rule_.frequency()) {
      case Frequency::yearly:
        return rule_.by_weekno().empty() ? year_of(day) : week_of(day, rule_).year;
      case Frequency::monthly:
        return year_of(day) * 12L + month_of(day);
      case Frequency::weekly:
        return date::floor<date::weeks>(week_start(day, rule_)).time_since_epoch().count();
      case Frequency::daily:
        return day.time_since_epoch().count();
      case Frequency::hourly:
        return date::floor<hours>(time).time_since_epoch().count();
      case Frequency::minutely:
        return date::floor<minutes>(time).time_since_epoch().count();
      case Frequency::secondly:
        return time.time_since_epoch().count();
    }
    return 0;
  }

  [[nodiscard]] bool in_phase(long period_number) const {
    return (period_number - period(start_)) % static_cast<long>(rule_.interval()) == 0;
  }

  [[nodiscard]] bool hour_passes(int hour) const {
    return passes(rule_.by_hour(), hour, Frequency::hourly, hour_of_start());
  }
  [[nodiscard]] bool minute_passes(int minute) const {
    return passes(rule_.by_minute(), minute, Frequency::minutely, second_of_start() / 60 % 60);
  }
  [[nodiscard]] bool second_passes(int second) const {
    return passes(rule_.by_second(), second, Frequency::secondly, second_of_start() % 60);
  }

  // What a month of the rule names, SKIP applied: days of the month, or next to it.
  [[nodiscard]] std::set<local_days> days_of_month(local_days month) const {
    std::set<local_days> found;
    const int length = month_length(month);
    for (int i = 0; i < length; ++i) {
      if (fits(month + days{i})) found.insert(month + days{i});
    }
    const bool names_day = !rule_.by_monthday().empty() || !rule_.by_yearday().empty() ||
                           !rule_.by_day().empty() || !rule_.by_weekno().empty();
    const bool yearly = rule_.frequency() == Frequency::yearly;
    const bool month_fits = rule_.by_month().empty()
                                ? !yearly || names_day || month_of(month) == month_of(start_day_)
                                : has(rule_.by_month(), month_of(month));
    if (!month_fits || !rule_.by_weekno().empty()) return found;
    // The day that does not exist would lie just before `next`, and just after the day before that.
    const auto add = [&](local_days next) {
      const local_days to = rule_.skip() == Skip::forward ? next : next - days{1};
      if (weekday_fits(to)) found.insert(to);
    };
    if (rule_.by_yearday().empty()) {
      std::vector<int> wanted = rule_.by_monthday();
      if (!names_day) wanted = {monthday_of(start_day_)};
      for (const int n : wanted) {
        if (n > length) add(month + days{length});
        if (n < -length) add(month);
      }
    } else if (rule_.by_monthday().empty() && rule_.by_month().empty()) {
      const bool common =
          count_of(first_of(year_of(month) + 1, 1) - first_of(year_of(month), 1)) == 365;
      if (common && month_of(month) == 12 && has(rule_.by_yearday(), 366)) add(month + days{31});
      if (common && month_of(month) == 1 && has(rule_.by_yearday(), -366)) add(month);
    }
    return found;
  }

  // BYMONTH, BYWEEKNO, BYYEARDAY, BYMONTHDAY and BYDAY, and what the start adds to them.
  [[nodiscard]] bool fits(local_days day) const {
    const Frequency freq = rule_.frequency();
    const bool no_day_part =
        rule_.by_day().empty() && rule_.by_monthday().empty() && rule_.by_yearday().empty();
    if (!rule_.by_month().empty() && !has(rule_.by_month(), month_of(day))) return false;
    if (freq == Frequency::yearly && rule_.by_month().empty() && no_day_part &&
        rule_.by_weekno().empty() && month_of(day) != month_of(start_day_)) {
      return false;
    }
    if (!rule_.by_weekno().empty()) {
      const Week week = week_of(day, rule_);
      if (!has_either(rule_.by_weekno(), week.number, week.weeks)) return false;
      if (no_day_part && weekday_of(day) != weekday_of(start_day_)) return false;
    }
    if (!rule_.by_yearday().empty()) {
      const auto new_year = first_of(year_of(day), 1);
      const int length = count_of(first_of(year_of(day) + 1, 1) - new_year);
      if (!has_either(rule_.by_yearday(), count_of(day - new_year) + 1, length)) return false;
    }
    if (!rule_.by_monthday().empty() &&
        !has_either(rule_.by_monthday(), monthday_of(day), month_length(day))) {
      return false;
    }
    if ((freq == Frequency::monthly || freq == Frequency::yearly) && no_day_part &&
        rule_.by_weekno().empty() && monthday_of(day) != monthday_of(start_day_)) {
      return false;
    }
    if (freq == Frequency::weekly && rule_.by_day().empty() &&
        weekday_of(day) != weekday_of(start_day_)) {
      return false;
    }
    return weekday_fits(day);
  }

 private:
  [[nodiscard]] int second_of_start() const {
    return static_cast<int>((start_ - start_day_).count());
  }
  [[nodiscard]] int hour_of_start() const { return second_of_start() / 3600; }

  // A listed value; without a list any value that FREQ steps through, else the start's.
  [[nodiscard]] bool passes(const std::vector<int>& list,
                            int value,
                            Frequency own,
                            int of_start) const {
    if (!list.empty()) return has(list, value);
    return rule_.frequency() <= own || value == of_start;
  }

  [[nodiscard]] bool weekday_fits(local_days day) const {
    if (rule_.by_day().empty()) return true;
    const bool in_month = rule_.frequency() == Frequency::monthly || !rule_.by_month().empty();
    const auto begin = first_of(year_of(day), in_month ? month_of(day) : 1);
    const auto end = in_month ? begin + days{month_length(day)} : first_of(year_of(day) + 1, 1);
    const int from_start = count_of(day - begin) / 7 + 1;
    const int from_end = -(count_of(end - days{1} - day) / 7 + 1);
    return std::any_of(rule_.by_day().begin(), rule_.by_day().end(), [&](const ByDay& by) {
      return static_cast<int>(by.weekday) == weekday_of(day) &&
             (by.ordinal == 0 || by.ordinal == from_start || by.ordinal == from_end);
    });
  }

  const Rule& rule_;
  local_seconds start_;
  local_days start_day_;
};

// Readings of a wall time, found by trying every offset in use around it.
struct Readings {
  std::vector<sys_seconds> instants;
  sys_seconds if_gap;  // with the offset before the gap
};
Readings read(local_seconds local, const TimeZone& zone) {
  const sys_seconds near{local.time_since_epoch()};
  std::set<seconds> offsets;
  for (int h = -30; h <= 30; ++h) offsets.insert(zone.offset_at(near + hours{h}));
  Readings readings;
  for (auto offset = offsets.rbegin(); offset != offsets.rend(); ++offset) {
    if (zone.offset_at(near - *offset) == *offset) readings.instants.push_back(near - *offset);
  }
  readings.if_gap = near - zone.offset_at(near - *offsets.rbegin());
  return readings;
}

bool hour_or_less(const Rule& rule) {
  const std::map<Frequency, long> units{
      {Frequency::secondly, 1}, {Frequency::minutely, 60}, {Frequency::hourly, 3600}};
  const auto unit = units.find(rule.frequency());
  return unit != units.end() && unit->second * static_cast<long>(rule.interval()) <= 3600;
}

// All instants that the wall time stands for.
std::vector<sys_seconds> apply(local_seconds local,
                               const Rule& rule,
                               const TimeZone& zone,
                               DstPolicy policy,
                               sys_seconds starts_at) {
  const Readings readings = read(local, zone);
  const bool before_start = local < zone.to_local(starts_at);
  if (readings.instants.empty()) {
    if (policy.gap == GapPolicy::skip || before_start) return {};
    return {readings.if_gap};
  }
  const bool both = policy.fold == FoldPolicy::both ||
                    (policy.fold == FoldPolicy::automatic && hour_or_less(rule));
  if (both) return readings.instants;
  if (local == zone.to_local(starts_at)) return {starts_at};
  return {policy.fold == FoldPolicy::second ? readings.instants.back() : readings.instants.front()};
}

// `local` is what the rule says of `instant`.
bool within_until(sys_seconds instant,
                  local_seconds local,
                  const Rule& rule,
                  const TimeZone& zone) {
  if (!rule.until()) return true;
  if (const auto* end = std::get_if<sys_seconds>(&*rule.until())) return instant <= *end;
  const auto* day = std::get_if<local_days>(&*rule.until());
  const local_seconds last =
      day != nullptr ? *day + seconds{86'399} : std::get<local_seconds>(*rule.until());
  const Readings readings = read(last, zone);
  if (readings.instants.empty()) return local <= last && instant <= readings.if_gap;
  return instant <= (day != nullptr ? readings.instants.back() : readings.instants.front());
}

// The times of a period that BYSETPOS keeps, of all its candidates.
std::vector<local_seconds> choose(const std::vector<local_seconds>& candidates, const Rule& rule) {
  if (rule.by_setpos().empty()) return candidates;
  std::vector<local_seconds> chosen;
  const int total = static_cast<int>(candidates.size());
  for (int i = 0; i < total; ++i) {
    if (has_either(rule.by_setpos(), i + 1, total))
      chosen.push_back(candidates[static_cast<std::size_t>(i)]);
  }
  return chosen;
}

}  // namespace

NaiveAnswer naive_occurrences(const Rule& rule,
                              sys_seconds starts_at,
                              const TimeZone& zone,
                              DstPolicy policy,
                              sys_seconds until,
                              std::size_t ticks_max) {
  const local_seconds start = zone.to_local(starts_at);
  const NaiveRule naive(rule, start);
  // RFC 7529: a week number names no day that could be missing.
  const bool skips = rule.skip() != Skip::omit && rule.by_weekno().empty();
  // From a day that is certainly before the period of the start.
  const int before = !rule.by_setpos().empty() ? 380 : skips ? 70 : 3;
  local_days day = date::floor<days>(start) - days{before};
  std::map<long, std::vector<local_seconds>> periods;
  const auto add_day = [&](local_days on, long day_period) {
    std::size_t ticks = 1;
    for (int h = 0; h < 24; ++h) {
      if (!naive.hour_passes(h)) continue;
      for (int m = 0; m < 60; ++m) {
        if (!naive.minute_passes(m)) continue;
        for (int s = 0; s < 60; ++s, ++ticks) {
          if (!naive.second_passes(s)) continue;
          const local_seconds time = on + hours{h} + minutes{m} + seconds{s};
          const long number = rule.frequency() < Frequency::daily ? naive.period(time) : day_period;
          if (naive.in_phase(number)) periods[number].push_back(time);
        }
      }
    }
    return ticks;
  };

  const local_days last = date::floor<days>(zone.to_local(until)) + days{380};
  std::set<std::pair<long, local_days>> done;
  std::size_t ticks = 0;
  for (; day < last && ticks < ticks_max; day += days{1}, ++ticks) {
    if (!skips) {
      if (naive.fits(day)) ticks += add_day(day, naive.period(day));
    } else if (monthday_of(day) == 1 && naive.in_phase(naive.period(day))) {
      for (const auto moved : naive.days_of_month(day)) {
        if (done.insert({naive.period(day), moved}).second)
          ticks += add_day(moved, naive.period(day));
      }
    }
  }
  // The last periods may be incomplete.
  const bool long_periods = !rule.by_setpos().empty() && rule.frequency() > Frequency::daily;
  const local_days known = day - days{long_periods || skips ? 375 : 3};

  std::set<sys_seconds> instants;
  for (auto& [number, candidates] : periods) {
    std::sort(candidates.begin(), candidates.end());
    for (const auto local : choose(candidates, rule)) {
      for (const auto instant : apply(local, rule, zone, policy, starts_at)) {
        if (instant >= starts_at && within_until(instant, local, rule, zone))
          instants.insert(instant);
      }
    }
  }
  NaiveAnswer answer;
  answer.known_until = std::min(until, sys_seconds{seconds{known.time_since_epoch()}} - hours{36});
  for (const auto instant : instants) {
    if (rule.count() && answer.instants.size() == *rule.count()) break;
    if (instant < answer.known_until) answer.instants.push_back(instant);
  }
  return answer;
}

}  // namespace rruled::rrule
