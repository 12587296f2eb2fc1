#pragma once

#include "rrule/rule.h"

#include <date/date.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

// The English of describe(): numbers, names and lists as words. Pure.
namespace rruled::rrule::english {

// The words for `items`, in order.
template <class Items, class F>
[[nodiscard]] std::vector<std::string> each(const Items& items, F&& word) {
  std::vector<std::string> result;
  std::transform(items.begin(), items.end(), std::back_inserter(result), word);
  return result;
}

// "1st", "22nd"; negative numbers count from the end: "last", "2nd to last".
[[nodiscard]] std::string ordinal(int number);

// {"a", "b", "c"} -> "a, b and c".
[[nodiscard]] std::string join(const std::vector<std::string>& items,
                               std::string_view last = "and");

[[nodiscard]] std::string name(Weekday weekday);  // "Monday"
[[nodiscard]] std::string month_name(int month);  // 1: "January"

// {9, 10, 11} of `all` = 24 hours, two digits: "hours 09 to 11". {9}: "hour 09". All 24: "every
// hour". `values` is sorted and not empty.
struct Unit {
  std::string_view noun;
  std::size_t all;
  std::size_t digits = 1;
};
[[nodiscard]] std::string numbers(const std::vector<int>& values, const Unit& unit);

[[nodiscard]] std::string clock(std::chrono::seconds since_midnight);  // "09:00", "09:00:30"
[[nodiscard]] std::string day(date::local_days day);                   // "1 March 2026"
[[nodiscard]] std::string moment(local_seconds time);                  // "1 March 2026 at 09:00"

[[nodiscard]] std::string months(const std::vector<int>& values);      // "January and March"
[[nodiscard]] std::string month_days(const std::vector<int>& values);  // "the 1st and the last day"
[[nodiscard]] std::string year_days(const std::vector<int>& values);  // "the 100th day of the year"
[[nodiscard]] std::string weeks(const std::vector<int>& values);      // "week 20 of the year"
[[nodiscard]] std::string positions(const std::vector<int>& values);  // "the 1st and last"

// Lists of BYDAY. Plain: without ordinals. MO to FR are "weekday", all seven are "day".
[[nodiscard]] bool is_plain(const std::vector<ByDay>& days);
// "Monday or Friday"
[[nodiscard]] std::string weekday_noun(const std::vector<ByDay>& days, std::string_view last);
// "Mondays and Fridays"
[[nodiscard]] std::string weekday_plural(const std::vector<ByDay>& days);
// "every Monday and the last Friday"
[[nodiscard]] std::string ordinal_days(const std::vector<ByDay>& days);

}  // namespace rruled::rrule::english
