#include "rrule/rule_text.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace rruled::rrule::detail {
namespace {

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

// Digits alone: the caller has checked.
int digits(std::string_view text) {
  int value = 0;
  for (const char c : text) value = value * 10 + (c - '0');
  return value;
}

std::string print_day(date::year_month_day day) {
  return padded(static_cast<int>(day.year()), 4) +
         padded(static_cast<int>(static_cast<unsigned>(day.month())), 2) +
         padded(static_cast<int>(static_cast<unsigned>(day.day())), 2);
}

}  // namespace

std::string padded(int value, std::size_t width) {
  std::string text = std::to_string(value);
  if (text.size() < width) text.insert(0, width - text.size(), '0');
  return text;
}

std::optional<Until> parse_time(std::string_view text) {
  if (text.size() != 8 && text.size() != 15 && text.size() != 16) return std::nullopt;
  const std::string_view day_digits = text.substr(0, 8);
  if (!std::all_of(day_digits.begin(), day_digits.end(), is_digit)) return std::nullopt;
  const date::year_month_day day{date::year{digits(text.substr(0, 4))},
                                 date::month{static_cast<unsigned>(digits(text.substr(4, 2)))},
                                 date::day{static_cast<unsigned>(digits(text.substr(6, 2)))}};
  if (!day.ok()) return std::nullopt;
  const date::local_days local_day{day};
  if (text.size() == 8) return local_day;

  const std::string_view time_digits = text.substr(9, 6);
  if (upper(text[8]) != 'T' || !std::all_of(time_digits.begin(), time_digits.end(), is_digit)) {
    return std::nullopt;
  }
  const int hour = digits(text.substr(9, 2));
  const int minute = digits(text.substr(11, 2));
  const int second = digits(text.substr(13, 2));
  if (hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const local_seconds local = local_day + std::chrono::hours{hour} + std::chrono::minutes{minute} +
                              seconds{std::min(second, 59)};
  if (text.size() == 15) return local;
  if (upper(text[15]) != 'Z') return std::nullopt;
  return sys_seconds{local.time_since_epoch()};
}

std::string print_time(date::local_days day) { return print_day(date::year_month_day{day}); }

std::string print_time(local_seconds local) {
  const auto day = date::floor<date::days>(local);
  const int second = static_cast<int>((local - day).count());
  return print_time(day) + "T" + padded(second / 3600, 2) + padded(second / 60 % 60, 2) +
         padded(second % 60, 2);
}

std::string print_time(sys_seconds instant) {
  return print_time(local_seconds{instant.time_since_epoch()}) + "Z";
}

std::optional<int> parse_number(std::string_view text, int digits_max, bool sign) {
  bool negative = false;
  if (sign && !text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty() || text.size() > static_cast<std::size_t>(digits_max)) return std::nullopt;
  if (!std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return negative ? -value : value;
}

bool equals_word(std::string_view text, std::string_view upper_word) {
  return std::equal(text.begin(), text.end(), upper_word.begin(), upper_word.end(),
                    [](char a, char b) { return upper(a) == b; });
}

std::optional<Weekday> parse_weekday(std::string_view text) {
  for (int day = 0; day < 7; ++day) {
    const auto weekday = static_cast<Weekday>(day);
    if (equals_word(text, to_string(weekday))) return weekday;
  }
  return std::nullopt;
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 40;
  std::string shown{text.substr(0, kShown)};
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return "\"" + shown + (text.size() > kShown ? "...\"" : "\"");
}

}  // namespace rruled::rrule::detail
