#include "rrule/english.h"

#include "rrule/rule_text.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace rruled::rrule::english {
namespace {

using detail::padded;

// 1, 15, -2, -1: what is counted from the end comes last, as in the calendar.
std::vector<int> calendar_order(std::vector<int> values) {
  std::stable_partition(values.begin(), values.end(), [](int n) { return n >= 0; });
  return values;
}

}  // namespace

std::string ordinal(int number) {
  if (number == -1) return "last";
  if (number < 0) return ordinal(-number) + " to last";
  const bool teen = number % 100 >= 11 && number % 100 <= 13;
  constexpr std::array<const char*, 4> kEndings{"th", "st", "nd", "rd"};
  const auto last = static_cast<std::size_t>(number % 10);
  return std::to_string(number) + (teen || last > 3 ? kEndings[0] : kEndings[last]);
}

std::string join(const std::vector<std::string>& items, std::string_view last) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) text += i + 1 == items.size() ? " " + std::string(last) + " " : ", ";
    text += items[i];
  }
  return text;
}

std::string name(Weekday weekday) {
  constexpr std::array<const char*, 7> kNames{"Monday", "Tuesday",  "Wednesday", "Thursday",
                                              "Friday", "Saturday", "Sunday"};
  return kNames[static_cast<std::size_t>(weekday)];
}

std::string month_name(int month) {
  constexpr std::array<const char*, 12> kNames{"January",   "February", "March",    "April",
                                               "May",       "June",     "July",     "August",
                                               "September", "October",  "November", "December"};
  return kNames[static_cast<std::size_t>(month - 1)];
}

std::string numbers(const std::vector<int>& values, const Unit& unit) {
  const std::string noun(unit.noun);
  if (values.size() == unit.all) return "every " + noun;
  const auto text = [&](int value) { return padded(value, unit.digits); };
  if (values.size() == 1) return noun + " " + text(values[0]);
  const int width = values.back() - values.front();
  if (values.size() > 2 && static_cast<std::size_t>(width) + 1 == values.size()) {
    return noun + "s " + text(values.front()) + " to " + text(values.back());
  }
  std::vector<std::string> items;
  std::transform(values.begin(), values.end(), std::back_inserter(items), text);
  return noun + "s " + join(items);
}

std::string clock(std::chrono::seconds since_midnight) {
  const date::hh_mm_ss time{since_midnight};
  const auto two = [](auto part) { return padded(static_cast<int>(part.count()), 2); };
  const std::string text = two(time.hours()) + ":" + two(time.minutes());
  return time.seconds().count() == 0 ? text : text + ":" + two(time.seconds());
}

std::string day(date::local_days day) {
  const date::year_month_day ymd{day};
  return std::to_string(unsigned{ymd.day()}) + " " +
         month_name(static_cast<int>(unsigned{ymd.month()})) + " " +
         std::to_string(int{ymd.year()});
}

std::string moment(local_seconds time) {
  const auto midnight = date::floor<date::days>(time);
  return day(midnight) + " at " + clock(time - midnight);
}

std::string months(const std::vector<int>& values) { return join(each(values, month_name)); }

std::string month_days(const std::vector<int>& values) {
  return join(each(calendar_order(values),
                   [](int n) { return "the " + ordinal(n) + (n < 0 ? " day" : ""); }));
}

std::string year_days(const std::vector<int>& values) {
  return join(each(calendar_order(values), [](int n) { return "the " + ordinal(n); })) +
         " day of the year";
}

std::string weeks(const std::vector<int>& values) {
  return join(each(calendar_order(values),
                   [](int n) {
                     return n < 0 ? "the " + ordinal(n) + " week" : "week " + std::to_string(n);
                   })) +
         " of the year";
}

std::string positions(const std::vector<int>& values) {
  return "the " + join(each(calendar_order(values), ordinal));
}

bool is_plain(const std::vector<ByDay>& days) {
  return std::all_of(days.begin(), days.end(), [](const ByDay& d) { return d.ordinal == 0; });
}

std::string weekday_noun(const std::vector<ByDay>& days, std::string_view last) {
  if (days.size() == 7) return "day";
  const bool weekend = std::any_of(days.begin(), days.end(),
                                   [](const ByDay& d) { return d.weekday >= Weekday::saturday; });
  if (days.size() == 5 && !weekend) return "weekday";
  return join(each(days, [](const ByDay& d) { return name(d.weekday); }), last);
}

std::string weekday_plural(const std::vector<ByDay>& days) {
  const std::string noun = weekday_noun(days, "and");
  if (noun == "day") return "all days";
  if (noun == "weekday") return "weekdays";
  return join(each(days, [](const ByDay& d) { return name(d.weekday) + "s"; }));
}

std::string ordinal_days(const std::vector<ByDay>& days) {
  if (is_plain(days)) return "every " + weekday_noun(days, "and");
  std::vector<ByDay> ordered = days;
  std::stable_partition(ordered.begin(), ordered.end(), [](auto& d) { return d.ordinal >= 0; });
  return join(each(ordered, [](const ByDay& d) {
    return (d.ordinal == 0 ? "every " : "the " + ordinal(d.ordinal) + " ") + name(d.weekday);
  }));
}

}  // namespace rruled::rrule::english
