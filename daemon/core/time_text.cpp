#include "daemon/core/time_text.h"

#include "daemon/core/run_identity.h"
#include "rrule/recurrence.h"

#include <boost/json/value.hpp>
#include <date/date.h>

#include <cstdint>
#include <cstdlib>
#include <utility>

namespace rruled::core {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::string_view kForm =
    "must be a time such as 2026-01-31T09:00:00Z or 2026-01-31T09:00:00+01:00";

rrule::ParseError refusal(std::string detail) {
  return {rrule::ErrorCode::bad_value, 0, std::move(detail)};
}

// Eats a text from the left. Each step says whether it could.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool digits(int count, int& value) {
    value = 0;
    for (int i = 0; i < count; ++i) {
      const auto digit = next_digit();
      if (!digit) return false;
      value = value * 10 + *digit;
    }
    return true;
  }
  bool any_of(std::string_view characters) {
    if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::optional<int> next_digit() {
    if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') return std::nullopt;
    const int digit = rest_.front() - '0';
    rest_.remove_prefix(1);
    return digit;
  }
  [[nodiscard]] char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  [[nodiscard]] bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

bool scan_clock(Scanner& scan, milliseconds& time) {
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!scan.digits(2, hour) || !scan.any_of(":") || !scan.digits(2, minute)) return false;
  int thousandths = 0;
  if (scan.any_of(":")) {
    if (!scan.digits(2, second)) return false;
    if (scan.any_of(".,")) {
      int place = 100;
      auto digit = scan.next_digit();
      if (!digit) return false;
      for (; digit; digit = scan.next_digit(), place /= 10) thousandths += *digit * place;
    }
  }
  if (hour > 23 || minute > 59 || second > 59) return false;
  time = hours(hour) + minutes(minute) + seconds(second) + milliseconds(thousandths);
  return true;
}

bool scan_offset(Scanner& scan, minutes& offset) {
  if (scan.any_of("Zz")) return true;
  const int sign = scan.peek() == '-' ? -1 : 1;
  int hour = 0;
  int minute = 0;
  if (!scan.any_of("+-") || !scan.digits(2, hour)) return false;
  if (!scan.done()) {
    scan.any_of(":");
    if (!scan.digits(2, minute)) return false;
  }
  if (hour > 23 || minute > 59) return false;
  offset = sign * (hours(hour) + minutes(minute));
  return true;
}

}  // namespace

rrule::Result<WrittenTime> parse_time(std::string_view text) {
  Scanner scan(text);
  int year = 0;
  int month = 0;
  int day = 0;
  if (!scan.digits(4, year) || !scan.any_of("-") || !scan.digits(2, month) || !scan.any_of("-") ||
      !scan.digits(2, day))
    return refusal(std::string(kForm));
  const date::year_month_day ymd = date::year(year) / month / day;
  if (!ymd.ok() || year < 1)
    return refusal("names a day that does not exist: " + std::string(text));
  milliseconds clock{0};
  const auto midnight = date::local_days(ymd);
  if (scan.done()) return WrittenTime(rrule::local_seconds(midnight));
  if (!scan.any_of("Tt ") || !scan_clock(scan, clock)) return refusal(std::string(kForm));
  if (scan.done()) return WrittenTime(std::chrono::floor<seconds>(midnight + clock));
  minutes offset{0};
  if (!scan_offset(scan, offset) || !scan.done()) return refusal(std::string(kForm));
  return WrittenTime(store::Timestamp(midnight.time_since_epoch() + clock - offset));
}

store::Timestamp instant_of(const WrittenTime& time, const rrule::TimeZone& zone) {
  if (const auto* instant = std::get_if<store::Timestamp>(&time)) return *instant;
  return rrule::start_instant(std::get<rrule::local_seconds>(time), zone);
}

std::string iso_microseconds(store::Timestamp time) {
  std::string text = rfc3339(time);
  text.insert(text.size() - 1, "000");
  return text;
}

boost::json::value time_or_null(const std::optional<store::Timestamp>& time) {
  return time ? boost::json::value(iso_microseconds(*time)) : boost::json::value(nullptr);
}

std::string iso_local(rrule::local_seconds local) {
  std::string text = rfc3339(store::Instant(local.time_since_epoch()));
  text.pop_back();
  return text;
}

std::string iso_day(rrule::local_seconds local) {
  constexpr std::size_t kLength = std::string_view("2026-01-31").size();
  return iso_local(local).substr(0, kLength);
}

std::string iso_offset(seconds offset) {
  const std::int64_t total = std::abs(offset.count());
  const auto pair = [](std::int64_t value) {
    return std::string{static_cast<char>('0' + value / 10), static_cast<char>('0' + value % 10)};
  };
  std::string text =
      (offset < seconds::zero() ? "-" : "+") + pair(total / 3600) + ':' + pair(total / 60 % 60);
  if (total % 60 != 0) text += ':' + pair(total % 60);
  return text;
}

}  // namespace rruled::core
