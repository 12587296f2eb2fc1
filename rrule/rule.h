// A recurrence rule of RFC 5545 3.3.10 (and RFC 7529 SKIP for the Gregorian calendar) as a value.
// Valid by construction: only Rule::make, and parse_rule above it, create one. Immutable and
// thread-safe.
//
//   RuleParts parts{.frequency = Frequency::monthly, .by_day = {{-1, Weekday::friday}}};
//   Result<Rule> rule = Rule::make(std::move(parts));
//   to_string(*rule);                                  // "FREQ=MONTHLY;BYDAY=-1FR"
#pragma once

#include "rrule/result.h"
#include "rrule/time_zone.h"

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace rruled::rrule {

enum class Frequency : std::uint8_t { secondly, minutely, hourly, daily, weekly, monthly, yearly };

enum class Weekday : std::uint8_t {
  monday,
  tuesday,
  wednesday,
  thursday,
  friday,
  saturday,
  sunday
};

// One item of BYDAY: 0 for every such day, else the nth (negative: from the end) of the month or
// year.
struct ByDay {
  int ordinal = 0;
  Weekday weekday = Weekday::monday;
  friend auto operator<=>(const ByDay&, const ByDay&) = default;
};

// UNTIL, inclusive: a whole local day, a wall-clock time in the schedule's zone, or an instant.
using Until = std::variant<date::local_days, local_seconds, sys_seconds>;

// RFC 7529 SKIP: what becomes of a day that a month or year does not have.
enum class Skip : std::uint8_t {
  omit,      // nothing (RFC 5545)
  backward,  // the day before it that exists
  forward    // the day after it that exists
};

// The parts of a rule before they are checked. Lists may come unsorted and with repeats.
struct RuleParts {
  Frequency frequency = Frequency::daily;
  std::uint32_t interval = 1;               // 1 to kIntervalMax
  std::optional<std::uint32_t> count = {};  // 1 to kCountMax; not together with until
  std::optional<Until> until = {};
  std::vector<int> by_second = {};    // 0 to 60; 60 reads as 59
  std::vector<int> by_minute = {};    // 0 to 59
  std::vector<int> by_hour = {};      // 0 to 23
  std::vector<ByDay> by_day = {};     // ordinals -53 to 53, only with MONTHLY and YEARLY
  std::vector<int> by_monthday = {};  // -31 to 31 without 0
  std::vector<int> by_yearday = {};   // -366 to 366 without 0
  std::vector<int> by_weekno = {};    // -53 to 53 without 0
  std::vector<int> by_month = {};     // 1 to 12
  std::vector<int> by_setpos = {};    // -366 to 366 without 0, only with another BY part
  Weekday wkst = Weekday::monday;
  Skip skip = Skip::omit;
  friend bool operator==(const RuleParts&, const RuleParts&) = default;
};

class Rule {
 public:
  static constexpr std::uint32_t kIntervalMax = 2'147'483'647;
  static constexpr std::uint32_t kCountMax = 2'147'483'647;

  // Checks ranges and the combinations that RFC 5545 forbids; sorts lists and drops repeats.
  // The error's detail names the part; its offset is 0 (parse_rule knows the place).
  [[nodiscard]] static Result<Rule> make(RuleParts parts);

  [[nodiscard]] Frequency frequency() const { return parts_.frequency; }
  [[nodiscard]] std::uint32_t interval() const { return parts_.interval; }
  [[nodiscard]] std::optional<std::uint32_t> count() const { return parts_.count; }
  [[nodiscard]] const std::optional<Until>& until() const { return parts_.until; }
  // The lists are sorted ascending and free of repeats; empty when the part is absent.
  [[nodiscard]] const std::vector<int>& by_second() const { return parts_.by_second; }
  [[nodiscard]] const std::vector<int>& by_minute() const { return parts_.by_minute; }
  [[nodiscard]] const std::vector<int>& by_hour() const { return parts_.by_hour; }
  [[nodiscard]] const std::vector<ByDay>& by_day() const { return parts_.by_day; }
  [[nodiscard]] const std::vector<int>& by_monthday() const { return parts_.by_monthday; }
  [[nodiscard]] const std::vector<int>& by_yearday() const { return parts_.by_yearday; }
  [[nodiscard]] const std::vector<int>& by_weekno() const { return parts_.by_weekno; }
  [[nodiscard]] const std::vector<int>& by_month() const { return parts_.by_month; }
  [[nodiscard]] const std::vector<int>& by_setpos() const { return parts_.by_setpos; }
  [[nodiscard]] Weekday wkst() const { return parts_.wkst; }
  [[nodiscard]] Skip skip() const { return parts_.skip; }
  [[nodiscard]] const RuleParts& parts() const { return parts_; }

  friend bool operator==(const Rule&, const Rule&) = default;

 private:
  explicit Rule(RuleParts parts) : parts_(std::move(parts)) {}
  RuleParts parts_;
};

// Canonical text without the "RRULE:" prefix: upper case, parts in a fixed order, defaults left
// out. parse_rule(to_string(r)) == r.
[[nodiscard]] std::string to_string(const Rule& rule);

// "DAILY" and so on; "MO" and so on: the words of RFC 5545.
[[nodiscard]] const char* to_string(Frequency frequency);
[[nodiscard]] const char* to_string(Weekday weekday);
[[nodiscard]] const char* to_string(Skip skip);

// Basic formats of RFC 5545: 20260131, 20260131T090000, 20260131T090000Z. Years 0 to 9999.
[[nodiscard]] std::string to_string(const Until& until);

}  // namespace rruled::rrule
