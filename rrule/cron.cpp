#include "rrule/cron.h"

#include "rrule/recurrence_set.h"
#include "rrule/rule_text.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace rruled::rrule {
namespace {

using detail::is_alpha;
using detail::is_digit;

constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays{"sun", "mon", "tue", "wed",
                                                    "thu", "fri", "sat"};

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kNicknames{
    {{"@hourly", "0 * * * *"},
     {"@daily", "0 0 * * *"},
     {"@midnight", "0 0 * * *"},
     {"@weekly", "0 0 * * 0"},
     {"@monthly", "0 0 1 * *"},
     {"@yearly", "0 0 1 1 *"},
     {"@annually", "0 0 1 1 *"}}};

struct FieldKind {
  std::string_view name;
  int low;
  int high;
  std::span<const std::string_view> names;
};

constexpr std::array<FieldKind, 5> kFields{{{"minute", 0, 59, {}},
                                            {"hour", 0, 23, {}},
                                            {"day of month", 1, 31, {}},
                                            {"month", 1, 12, kMonths},
                                            {"day of week", 0, 7, kWeekdays}}};

// One of the five fields: which values it allows, and whether it begins with *.
struct Field {
  std::bitset<60> values;
  bool star = false;
};

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

class FieldReader {
 public:
  // `offset`: where `text` begins in the expression.
  FieldReader(std::string_view text, std::size_t offset, const FieldKind& kind)
      : text_(text), offset_(offset), kind_(kind) {}

  // list = range *("," range)
  Result<Field> read() {
    Field field{{}, peek() == '*'};
    do {
      if (auto error = range(field)) return *std::move(error);
    } while (take(','));
    if (at_ < text_.size()) return *refuse();
    return field;
  }

 private:
  using MaybeError = std::optional<ParseError>;

  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool take(char c) {
    if (peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }

  [[nodiscard]] MaybeError fail(std::size_t at,
                                const std::string& what,
                                ErrorCode code = ErrorCode::bad_value) const {
    return ParseError{code, offset_ + at, std::string(kind_.name) + ": " + what};
  }

  // A character that cannot stand here.
  [[nodiscard]] MaybeError refuse() const {
    if (peek() == '~')
      return fail(at_, "random times (~) are not supported", ErrorCode::unsupported);
    if (std::string_view("?#LWHlwh").find(peek()) != std::string_view::npos && peek() != '\0') {
      return fail(at_, std::string("'") + peek() + "' is not of cron", ErrorCode::unsupported);
    }
    if (peek() == '/') return fail(at_, "a step needs a range, as in 5-59/15 or */15");
    if (at_ == text_.size()) return fail(at_, "a value is missing");
    return fail(at_, std::string("'") + peek() + "' does not belong here");
  }

  // "*", "5", "mon", "9-17", each range with an optional "/step"
  MaybeError range(Field& field) {
    const std::size_t from = at_;
    int first = kind_.low;
    int last = kind_.high;
    if (!take('*')) {
      if (auto error = value(first)) return error;
      last = first;
      if (peek() == '-') {
        ++at_;
        if (auto error = value(last)) return error;
        if (first > last) return fail(from, "a range goes from the smaller to the larger value");
      } else if (peek() == '/') {
        return refuse();
      }
    }
    int step = 1;
    if (take('/')) {
      const std::size_t at = at_;
      const auto number = digits();
      if (!number) return refuse();
      if (*number == 0) return fail(at, "a step is 1 or more");
      step = *number;
    }
    for (int i = first; i <= last; i += step) field.values.set(static_cast<std::size_t>(i));
    return std::nullopt;
  }

  // At most four digits are told apart: all that is larger is out of every range alike.
  std::optional<int> digits() {
    if (!is_digit(peek())) return std::nullopt;
    int value = 0;
    for (; is_digit(peek()); ++at_) value = std::min(value * 10 + (peek() - '0'), 9'999);
    return value;
  }

  MaybeError value(int& result) {
    const std::size_t from = at_;
    if (const auto number = digits()) {
      if (*number < kind_.low || *number > kind_.high) {
        return fail(from,
                    "takes " + std::to_string(kind_.low) + " to " + std::to_string(kind_.high));
      }
      result = *number;
      return std::nullopt;
    }
    std::size_t end = at_;
    while (end < text_.size() && is_alpha(text_[end])) ++end;
    const std::string word = lower(text_.substr(at_, end - at_));
    const auto name = std::find(kind_.names.begin(), kind_.names.end(), word);
    if (name == kind_.names.end()) {
      if (word.size() > 1)
        return fail(from, "\"" + word + "\" is no name of a " + std::string(kind_.name));
      return refuse();
    }
    result = kind_.low + static_cast<int>(name - kind_.names.begin());
    at_ = end;
    return std::nullopt;
  }

  std::string_view text_;
  std::size_t offset_;
  const FieldKind& kind_;
  std::size_t at_ = 0;
};

using Fields = std::array<Field, 5>;
enum FieldIndex : std::size_t { kMinute, kHour, kMonthDay, kMonth, kWeekday };

Result<Fields> read_fields(std::string_view text) {
  Fields fields;
  std::size_t at = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    while (at < text.size() && is_blank(text[at])) ++at;
    const std::size_t from = at;
    while (at < text.size() && !is_blank(text[at])) ++at;
    if (from == at) {
      return ParseError{
          i == 0 ? ErrorCode::empty : ErrorCode::missing_part, from,
          "five fields are expected, the " + std::string(kFields[i].name) + " is missing"};
    }
    auto field = FieldReader(text.substr(from, at - from), from, kFields[i]).read();
    if (!field) return field.error();
    fields[i] = *field;
  }
  while (at < text.size() && is_blank(text[at])) ++at;
  if (at < text.size()) {
    return ParseError{ErrorCode::syntax, at, "five fields are expected, found more"};
  }
  if (fields[kWeekday].values.test(7)) fields[kWeekday].values.set(0);
  fields[kWeekday].values.reset(7);
  return fields;
}

// The values of a field, or nothing when it allows all.
std::vector<int> limited(const Fields& fields, FieldIndex index) {
  const auto& values = fields[index].values;
  const int high = index == kWeekday ? 6 : kFields[index].high;
  const auto all = static_cast<std::size_t>(high - kFields[index].low + 1);
  std::vector<int> result;
  if (values.count() == all) return result;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values.test(i)) result.push_back(static_cast<int>(i));
  }
  return result;
}

Frequency frequency(const Fields& fields, const RuleParts& days) {
  const bool any_time_of_day = fields[kMinute].star || fields[kHour].star;
  if (any_time_of_day && limited(fields, kMinute).empty()) return Frequency::minutely;
  if (any_time_of_day) return Frequency::hourly;
  if (!days.by_monthday.empty()) {
    return days.by_month.empty() ? Frequency::monthly : Frequency::yearly;
  }
  return days.by_day.empty() ? Frequency::daily : Frequency::weekly;
}

// A time part is named unless the frequency passes through all its values anyway.
Rule rule(const Fields& fields, RuleParts parts) {
  parts.by_month = limited(fields, kMonth);
  parts.frequency = frequency(fields, parts);
  const auto named = [&](FieldIndex index, Frequency passes) {
    std::vector<int> values = limited(fields, index);
    if (values.empty() && parts.frequency > passes) {
      for (int i = kFields[index].low; i <= kFields[index].high; ++i) values.push_back(i);
    }
    return values;
  };
  parts.by_hour = named(kHour, Frequency::hourly);
  parts.by_minute = named(kMinute, Frequency::minutely);
  parts.by_second = {0};
  return Rule::make(std::move(parts)).value();
}

RecurrenceSet recurrence(const Fields& fields) {
  RuleParts on_month_days;
  on_month_days.by_monthday = limited(fields, kMonthDay);
  RuleParts on_weekdays;
  for (const int day : limited(fields, kWeekday)) {
    on_weekdays.by_day.push_back({0, static_cast<Weekday>((day + 6) % 7)});
  }
  RecurrenceSet set;
  const bool both = !fields[kMonthDay].star && !fields[kWeekday].star;
  if (!both) {
    on_month_days.by_day = on_weekdays.by_day;
    set.rules.push_back(rule(fields, on_month_days));
  } else if (on_month_days.by_monthday.empty() || on_weekdays.by_day.empty()) {
    set.rules.push_back(rule(fields, {}));
  } else {
    set.rules.push_back(rule(fields, on_month_days));
    set.rules.push_back(rule(fields, on_weekdays));
  }
  return set;
}

Result<std::string_view> nickname(std::string_view word, std::size_t offset) {
  const std::string name = lower(word);
  const auto known = std::find_if(kNicknames.begin(), kNicknames.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  if (known != kNicknames.end()) return known->second;
  if (name == "@reboot") {
    return ParseError{ErrorCode::unsupported, offset, "@reboot is an event, not a time"};
  }
  return ParseError{ErrorCode::unknown_part, offset,
                    "@hourly, @daily, @weekly, @monthly or @yearly is expected"};
}

}  // namespace

Result<CronSchedule> parse_cron(std::string_view text) {
  constexpr std::size_t kCronMax = 1'000;
  if (text.size() > kCronMax) {
    return ParseError{ErrorCode::too_long, kCronMax, "a cron expression has at most 1000 bytes"};
  }
  const std::size_t from = std::min(text.find_first_not_of(" \t"), text.size());
  const std::size_t end = text.find_last_not_of(" \t") + 1;
  if (from < end && text[from] == '@') {
    const auto fields = nickname(text.substr(from, end - from), from);
    if (!fields) return fields.error();
    text = *fields;
  }
  const auto fields = read_fields(text);
  if (!fields) return fields.error();
  return CronSchedule{to_string(recurrence(*fields))};
}

}  // namespace rruled::rrule
