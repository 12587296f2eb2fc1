#include "rrule/describe.h"

#include "rrule/english.h"

#include <utility>
#include <vector>

namespace rruled::rrule {
namespace {

using english::each;
using english::is_plain;
using english::join;
using english::month_days;
using english::months;
using english::ordinal;
using english::ordinal_days;
using english::weekday_noun;
using english::weekday_plural;
using english::weeks;
using english::year_days;
using Numbers = std::vector<int>;

constexpr std::size_t kClockTimesMax = 6;  // more are told as hours, minutes and seconds
constexpr std::size_t kDatesMax = 5;

constexpr english::Unit kHourUnit{"hour", 24, 2};
constexpr english::Unit kMinuteUnit{"minute", 60};
constexpr english::Unit kSecondUnit{"second", 60};

// One rule. The head says the period and the days in it; parts that only limit follow as "only on".
class RuleSentence {
 public:
  RuleSentence(const Rule& rule, local_seconds start)
      : rule_(rule),
        today_(date::floor<date::days>(start)),
        since_midnight_(start - date::local_seconds{today_}),
        time_(since_midnight_),
        left_{.months = !rule.by_month().empty(),
              .weeks = !rule.by_weekno().empty(),
              .year_days = !rule.by_yearday().empty(),
              .month_days = !rule.by_monthday().empty(),
              .days = !rule.by_day().empty(),
              .positions = !rule.by_setpos().empty()} {}

  // `zone` may be empty: then it is not mentioned.
  std::string text(std::string_view zone) {
    std::string text = head();
    const auto [times, is_clock] = times_of_day();
    text += times;
    if (!zone.empty()) text += is_clock ? " " + std::string(zone) : " (" + std::string(zone) + ")";
    for (const std::string& limit : limits()) text += ", only " + limit;
    if (left_.positions) {
      text += ", but of these only " + english::positions(rule_.by_setpos()) + " of each " + unit();
    }
    return text + phase() + week_start() + skip() + end();
  }

 private:
  // Parts that no phrase has told yet.
  struct Left {
    bool months, weeks, year_days, month_days, days, positions;
  };

  [[nodiscard]] bool sub_daily() const { return rule_.frequency() < Frequency::daily; }

  [[nodiscard]] std::string unit() const {
    switch (rule_.frequency()) {
      case Frequency::secondly:
        return "second";
      case Frequency::minutely:
        return "minute";
      case Frequency::hourly:
        return "hour";
      case Frequency::daily:
        return "day";
      case Frequency::weekly:
        return "week";
      case Frequency::monthly:
        return "month";
      case Frequency::yearly:
        break;
    }
    return "year";
  }

  // "every month", "every 2nd month", "every 15 minutes"
  [[nodiscard]] std::string every() const {
    if (rule_.interval() == 1) return "every " + unit();
    if (sub_daily()) return "every " + std::to_string(rule_.interval()) + " " + unit() + "s";
    return "every " + ordinal(static_cast<int>(rule_.interval())) + " " + unit();
  }

  std::string head() {
    switch (rule_.frequency()) {
      case Frequency::daily:
        return daily();
      case Frequency::weekly:
        return weekly();
      case Frequency::monthly:
        return monthly();
      case Frequency::yearly:
        return yearly();
      default:
        return every();
    }
  }

  std::string daily() {
    const bool one_condition = left_.days && !left_.month_days && !left_.year_days;
    if (rule_.interval() > 1 || !one_condition) return every();
    left_.days = false;
    return "every " + weekday_noun(rule_.by_day(), "and");
  }

  std::string weekly() {
    const std::vector<ByDay> days =
        std::exchange(left_.days, false) ? rule_.by_day() : own_weekday();
    const std::string names = weekday_noun(days, "and");
    if (rule_.interval() == 1) return "every " + names;
    return every() + " on " + (days.size() < 5 ? names : weekday_plural(days));
  }

  std::string monthly() {
    if (positions_of_days()) return chosen_days();
    if (std::exchange(left_.month_days, false)) {
      return "on " + month_days(rule_.by_monthday()) + " of " + every();
    }
    if (std::exchange(left_.days, false))
      return "on " + ordinal_days(rule_.by_day()) + " of " + every();
    return "on " + month_days({own_month_day()}) + " of " + every();
  }

  std::string yearly() {
    if (!left_.months && positions_of_days()) return chosen_days();
    if (std::exchange(left_.year_days, false)) {
      return every() + " on " + year_days(rule_.by_yearday());
    }
    if (left_.weeks && !left_.month_days) {
      left_.weeks = false;
      const bool given = std::exchange(left_.days, false);
      const auto days = given ? rule_.by_day() : own_weekday();
      return every() + " on " + weekday_noun(days, "and") + " of " + weeks(rule_.by_weekno());
    }
    if (std::exchange(left_.month_days, false)) {
      return every() + " on " + days_of_months(rule_.by_monthday(), "every month");
    }
    if (std::exchange(left_.days, false)) {
      const bool in_months = std::exchange(left_.months, false);
      return every() + " on " + ordinal_days(rule_.by_day()) + " of " +
             (in_months ? months(rule_.by_month()) : "the year");
    }
    return every() + " on " + days_of_months({own_month_day()}, english::month_name(own_month()));
  }

  // "25 December", "the 1st and the last day of March and June"
  std::string days_of_months(const Numbers& days, const std::string& otherwise) {
    const bool given = std::exchange(left_.months, false);
    const std::string in = given ? months(rule_.by_month()) : otherwise;
    const bool one_month = given ? rule_.by_month().size() == 1 : in != "every month";
    if (days.size() == 1 && days[0] > 0 && one_month) return std::to_string(days[0]) + " " + in;
    return month_days(days) + " of " + in;
  }

  // BYSETPOS that picks among plain weekdays, one time of day each: "the last weekday".
  [[nodiscard]] bool positions_of_days() const {
    return left_.positions && left_.days && is_plain(rule_.by_day()) && !left_.month_days &&
           !left_.year_days && !left_.weeks && rule_.by_hour().size() < 2 &&
           rule_.by_minute().size() < 2 && rule_.by_second().size() < 2;
  }

  std::string chosen_days() {
    left_.positions = left_.days = false;
    return "on " + english::positions(rule_.by_setpos()) + " " +
           weekday_noun(rule_.by_day(), "or") + " of " + every();
  }

  [[nodiscard]] std::vector<ByDay> own_weekday() const {
    const unsigned iso = date::weekday{today_}.iso_encoding();
    return {{0, static_cast<Weekday>(iso - 1)}};
  }
  [[nodiscard]] int own_month_day() const {
    return static_cast<int>(unsigned{date::year_month_day{today_}.day()});
  }
  [[nodiscard]] int own_month() const {
    return static_cast<int>(unsigned{date::year_month_day{today_}.month()});
  }

  // A BY list of times, or what the start says.
  template <class Part>
  static Numbers or_own(const Numbers& given, Part own) {
    return given.empty() ? Numbers{static_cast<int>(own.count())} : given;
  }
  [[nodiscard]] Numbers hours() const { return or_own(rule_.by_hour(), time_.hours()); }
  [[nodiscard]] Numbers minutes() const { return or_own(rule_.by_minute(), time_.minutes()); }
  [[nodiscard]] Numbers seconds_of_minute() const {
    return or_own(rule_.by_second(), time_.seconds());
  }

  // The times that the period expands to, and whether they read like a clock.
  [[nodiscard]] std::pair<std::string, bool> times_of_day() const {
    const Numbers s = seconds_of_minute();
    const std::string of_second = s == Numbers{0} ? "" : english::numbers(s, kSecondUnit);
    if (rule_.frequency() == Frequency::secondly) return {"", false};
    if (rule_.frequency() == Frequency::minutely) {
      return {of_second.empty() ? "" : " at " + of_second, false};
    }
    const Numbers m = minutes();
    const std::string of_minute =
        (of_second.empty() ? "" : of_second + " of ") + english::numbers(m, kMinuteUnit);
    if (rule_.frequency() == Frequency::hourly) return {" at " + of_minute, false};
    const Numbers h = hours();
    if (h.size() * m.size() * s.size() > kClockTimesMax) {
      return {" at " + of_minute + " of " + english::numbers(h, kHourUnit), false};
    }
    std::vector<std::string> times;
    for (const int hour : h) {
      for (const int minute : m) {
        for (const int second : s) {
          times.push_back(english::clock(seconds{(hour * 60 + minute) * 60 + second}));
        }
      }
    }
    return {" at " + join(times), true};
  }

  // What is left narrows the periods down.
  [[nodiscard]] std::vector<std::string> limits() const {
    std::vector<std::string> result;
    const auto add = [&](bool left, const auto& phrase) {
      if (left) result.push_back(phrase());
    };
    const Frequency frequency = rule_.frequency();
    add(frequency == Frequency::secondly && !rule_.by_second().empty(),
        [&] { return "at " + english::numbers(rule_.by_second(), kSecondUnit); });
    add(frequency <= Frequency::minutely && !rule_.by_minute().empty(),
        [&] { return "in " + english::numbers(rule_.by_minute(), kMinuteUnit); });
    add(frequency <= Frequency::hourly && !rule_.by_hour().empty(),
        [&] { return "in " + english::numbers(rule_.by_hour(), kHourUnit); });
    add(left_.days, [&] {
      if (is_plain(rule_.by_day())) return "on " + weekday_plural(rule_.by_day());
      const bool of_month = frequency == Frequency::monthly || !rule_.by_month().empty();
      return "on " + ordinal_days(rule_.by_day()) + (of_month ? " of the month" : " of the year");
    });
    add(left_.month_days,
        [&] { return "on " + month_days(rule_.by_monthday()) + " of the month"; });
    add(left_.year_days, [&] { return "on " + year_days(rule_.by_yearday()); });
    add(left_.weeks, [&] { return "in " + weeks(rule_.by_weekno()); });
    add(left_.months, [&] { return "in " + months(rule_.by_month()); });
    return result;
  }

  // Which hours "every 7 hours" are depends on the start alone.
  [[nodiscard]] std::string phase() const {
    if (!sub_daily() || rule_.interval() == 1) return "";
    return ", counted from " + english::moment(local_seconds{today_} + since_midnight_);
  }

  [[nodiscard]] std::string week_start() const {
    const bool counts_weeks =
        !rule_.by_weekno().empty() || (rule_.frequency() == Frequency::weekly &&
                                       (rule_.interval() > 1 || !rule_.by_setpos().empty()));
    if (!counts_weeks || rule_.wkst() == Weekday::monday) return "";
    return ", weeks beginning on " + english::name(rule_.wkst());
  }

  [[nodiscard]] std::string skip() const {
    switch (rule_.skip()) {
      case Skip::omit:
        return "";
      case Skip::backward:
        return ", or the last day before it where it does not exist";
      case Skip::forward:
        break;
    }
    return ", or the first day after it where it does not exist";
  }

  [[nodiscard]] std::string end() const {
    if (rule_.count() == 1U) return ", only once";
    if (rule_.count()) return ", " + std::to_string(*rule_.count()) + " times";
    if (!rule_.until()) return "";
    if (const auto* day = std::get_if<date::local_days>(&*rule_.until())) {
      return ", until the end of " + english::day(*day);
    }
    if (const auto* local = std::get_if<local_seconds>(&*rule_.until())) {
      return ", until " + english::moment(*local);
    }
    const auto instant = std::get<sys_seconds>(*rule_.until());
    return ", until " + english::moment(local_seconds{instant.time_since_epoch()}) + " UTC";
  }

  const Rule& rule_;
  const date::local_days today_;
  const seconds since_midnight_;
  const date::hh_mm_ss<seconds> time_;
  Left left_;
};

std::string moment(const DateValue& value, local_seconds start, bool whole_day) {
  if (const auto* day = std::get_if<date::local_days>(&value)) {
    if (whole_day) return "all day on " + english::day(*day);
    return "on " + english::moment(*day + (start - date::floor<date::days>(start)));
  }
  if (const auto* local = std::get_if<local_seconds>(&value))
    return "on " + english::moment(*local);
  if (const auto* zoned = std::get_if<ZonedTime>(&value)) {
    return "on " + english::moment(zoned->local) + " " + zoned->zone;
  }
  const auto instant = std::get<sys_seconds>(value);
  return "on " + english::moment(local_seconds{instant.time_since_epoch()}) + " UTC";
}

std::vector<std::string> moments(const std::vector<DateValue>& dates,
                                 local_seconds start,
                                 bool whole_day) {
  std::vector<std::string> result;
  for (const DateValue& date : dates) {
    if (result.size() == kDatesMax && dates.size() > kDatesMax + 1) {
      result.push_back("at " + std::to_string(dates.size() - kDatesMax) + " more times");
      break;
    }
    result.push_back(moment(date, start, whole_day));
  }
  return result;
}

}  // namespace

std::string describe(const RecurrenceSet& set, local_seconds dtstart, std::string_view zone) {
  std::string text;
  for (const Rule& rule : set.rules) {
    if (!text.empty()) text += "; and ";
    text += RuleSentence(rule, dtstart).text(&rule == set.rules.data() ? zone : "");
  }
  if (!set.dates.empty()) {
    text += (text.empty() ? "" : "; and ") + join(moments(set.dates, dtstart, false));
    if (set.rules.empty()) text += " (" + std::string(zone) + ")";
  }
  for (const Rule& rule : set.exclude_rules) {
    text += "; except " + RuleSentence(rule, dtstart).text("");
  }
  if (!set.exclude_dates.empty()) {
    text += "; except " + join(moments(set.exclude_dates, dtstart, true));
  }
  return text;
}

}  // namespace rruled::rrule
