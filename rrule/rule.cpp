#include "rrule/rule.h"

#include "rrule/rule_check.h"
#include "rrule/rule_text.h"

#include <algorithm>
#include <array>
#include <utility>

namespace rruled::rrule {
namespace {

template <class T>
void sort_unique(std::vector<T>& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

template <class List, class Print>
void append_list(std::string& text, const char* name, const List& list, Print print) {
  if (list.empty()) return;
  text += name;
  char separator = '=';
  for (const auto& item : list) {
    text += separator;
    text += print(item);
    separator = ',';
  }
}

std::string print_number(int value) { return std::to_string(value); }

std::string print_by_day(const ByDay& day) {
  return (day.ordinal == 0 ? "" : std::to_string(day.ordinal)) + to_string(day.weekday);
}

}  // namespace

Result<Rule> Rule::make(RuleParts parts) {
  if (auto violation = detail::check(parts)) {
    return ParseError{violation->code, 0, std::move(violation->detail)};
  }
  // RFC 5545 3.3.5: without leap seconds, second 60 is read as second 59.
  std::replace(parts.by_second.begin(), parts.by_second.end(), 60, 59);
  for (auto list : {&RuleParts::by_second, &RuleParts::by_minute, &RuleParts::by_hour,
                    &RuleParts::by_monthday, &RuleParts::by_yearday, &RuleParts::by_weekno,
                    &RuleParts::by_month, &RuleParts::by_setpos}) {
    sort_unique(parts.*list);
  }
  sort_unique(parts.by_day);
  return Rule(std::move(parts));
}

std::string to_string(const Rule& rule) {
  std::string text;
  if (rule.skip() != Skip::omit) text += "RSCALE=GREGORIAN;";
  text += "FREQ=";
  text += to_string(rule.frequency());
  if (rule.interval() != 1) text += ";INTERVAL=" + std::to_string(rule.interval());
  if (rule.count()) text += ";COUNT=" + std::to_string(*rule.count());
  if (rule.until()) text += ";UNTIL=" + to_string(*rule.until());
  append_list(text, ";BYMONTH", rule.by_month(), print_number);
  append_list(text, ";BYWEEKNO", rule.by_weekno(), print_number);
  append_list(text, ";BYYEARDAY", rule.by_yearday(), print_number);
  append_list(text, ";BYMONTHDAY", rule.by_monthday(), print_number);
  append_list(text, ";BYDAY", rule.by_day(), print_by_day);
  append_list(text, ";BYHOUR", rule.by_hour(), print_number);
  append_list(text, ";BYMINUTE", rule.by_minute(), print_number);
  append_list(text, ";BYSECOND", rule.by_second(), print_number);
  append_list(text, ";BYSETPOS", rule.by_setpos(), print_number);
  if (rule.wkst() != Weekday::monday) text += std::string(";WKST=") + to_string(rule.wkst());
  if (rule.skip() != Skip::omit) text += std::string(";SKIP=") + to_string(rule.skip());
  return text;
}

const char* to_string(Frequency frequency) {
  constexpr std::array<const char*, 7> kNames{"SECONDLY", "MINUTELY", "HOURLY", "DAILY",
                                              "WEEKLY",   "MONTHLY",  "YEARLY"};
  return kNames[static_cast<std::size_t>(frequency)];
}

const char* to_string(Weekday weekday) {
  constexpr std::array<const char*, 7> kNames{"MO", "TU", "WE", "TH", "FR", "SA", "SU"};
  return kNames[static_cast<std::size_t>(weekday)];
}

const char* to_string(Skip skip) {
  constexpr std::array<const char*, 3> kNames{"OMIT", "BACKWARD", "FORWARD"};
  return kNames[static_cast<std::size_t>(skip)];
}

std::string to_string(const Until& until) {
  return std::visit([](auto value) { return detail::print_time(value); }, until);
}

}  // namespace rruled::rrule
