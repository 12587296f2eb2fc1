#include "rrule/tz_rule.h"

#include "rrule/rule_text.h"

#include <date/date.h>

#include <string>

namespace rruled::rrule {
namespace {

using detail::is_alpha;
using detail::is_digit;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// Recursive descent over one rule. The first mistake is kept; what follows it is not read.
class TzRuleReader {
 public:
  explicit TzRuleReader(std::string_view text) : text_(text) {}

  Result<TzRule> read() {
    TzRule rule;
    name();
    rule.standard = -time(24, "an offset");
    if (ok() && !at_end()) rule.daylight = daylight(rule.standard);
    if (ok() && !at_end()) fail("nothing may follow the rule");
    if (!ok()) return *error_;
    return rule;
  }

 private:
  [[nodiscard]] bool ok() const { return !error_; }
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[at_]; }

  bool take(char c) {
    if (peek() != c || at_end()) return false;
    ++at_;
    return true;
  }

  void fail(const std::string& what) {
    if (ok()) error_ = ParseError{ErrorCode::bad_value, at_, "TZ rule: " + what};
  }

  void expect(char c) {
    if (ok() && !take(c)) fail(std::string("'") + c + "' expected");
  }

  // "EST", "<-03>"
  void name() {
    const bool quoted = take('<');
    const std::size_t from = at_;
    while (is_alpha(peek()) || (quoted && (is_digit(peek()) || peek() == '+' || peek() == '-'))) {
      ++at_;
    }
    if (at_ - from < 3) fail("a zone name of three or more letters expected");
    if (quoted) expect('>');
  }

  int number(int least, int most, const char* what) {
    if (!ok()) return least;
    const std::size_t from = at_;
    int value = 0;
    while (is_digit(peek()) && at_ - from < 3) value = value * 10 + (text_[at_++] - '0');
    if (at_ == from || is_digit(peek()) || value < least || value > most) {
      at_ = from;
      fail(std::string(what) + " from " + std::to_string(least) + " to " + std::to_string(most) +
           " expected");
    }
    return value;
  }

  // [+-]hh[:mm[:ss]]
  seconds time(int hours_max, const char* what) {
    const bool negative = peek() == '-';
    if (peek() == '-' || peek() == '+') ++at_;
    seconds value = hours{number(0, hours_max, what)};
    if (take(':')) value += minutes{number(0, 59, "minutes")};
    if (peek() == ':' && take(':')) value += seconds{number(0, 59, "seconds")};
    return negative ? -value : value;
  }

  TzRule::Date date() {
    using Form = TzRule::Date::Form;
    TzRule::Date date;
    if (take('M')) {
      date.month = number(1, 12, "a month");
      expect('.');
      date.week = number(1, 5, "a week");
      expect('.');
      date.day = number(0, 6, "a weekday");
    } else if (take('J')) {
      date.form = Form::day_of_365;
      date.day = number(1, 365, "a day");
    } else {
      date.form = Form::day_from_zero;
      date.day = number(0, 365, "a day");
    }
    date.time = take('/') ? time(167, "a time") : seconds{hours{2}};
    return date;
  }

  TzRule::Daylight daylight(seconds standard) {
    TzRule::Daylight result;
    name();
    result.offset = peek() == ',' ? standard + hours{1} : -time(24, "an offset");
    expect(',');
    result.starts = date();
    expect(',');
    result.ends = date();
    return result;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<ParseError> error_;
};

}  // namespace

seconds TzRule::Date::in(int year) const {
  using namespace date;
  const date::year y{year};
  switch (form) {
    case Form::day_of_365: {
      const bool after_february = day >= 60;
      const days skipped{y.is_leap() && after_february ? 1 : 0};
      return (sys_days{y / January / 1} + days{day - 1} + skipped).time_since_epoch() + time;
    }
    case Form::day_from_zero:
      return (sys_days{y / January / 1} + days{day}).time_since_epoch() + time;
    case Form::weekday:
      break;
  }
  const date::weekday wanted{static_cast<unsigned>(day)};
  const auto in_month = y / date::month{static_cast<unsigned>(month)};
  const sys_days found = week == 5 ? sys_days{in_month / wanted[last]}
                                   : sys_days{in_month / wanted[static_cast<unsigned>(week)]};
  return found.time_since_epoch() + time;
}

Result<TzRule> parse_tz_rule(std::string_view text) { return TzRuleReader{text}.read(); }

}  // namespace rruled::rrule
