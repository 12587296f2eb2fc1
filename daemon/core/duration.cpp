#include "daemon/core/duration.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace rruled::core {
namespace {

using rrule::ErrorCode;
using rrule::ParseError;
using std::chrono::milliseconds;

constexpr std::size_t kLengthMax = 64;

struct Unit {
  std::string_view name;
  std::int64_t ms;
};

constexpr std::int64_t kSecondMs = 1'000;
constexpr std::int64_t kMinuteMs = 60 * kSecondMs;
constexpr std::int64_t kHourMs = 60 * kMinuteMs;
constexpr std::int64_t kDayMs = 24 * kHourMs;

constexpr std::array kUnits{Unit{"d", kDayMs}, Unit{"h", kHourMs}, Unit{"m", kMinuteMs},
                            Unit{"s", kSecondMs}, Unit{"ms", 1}};
constexpr std::array kIsoDateUnits{Unit{"W", 7 * kDayMs}, Unit{"D", kDayMs}};
constexpr std::array kIsoTimeUnits{Unit{"H", kHourMs}, Unit{"M", kMinuteMs}, Unit{"S", kSecondMs}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads parts, a number and its unit each, from `text` on and adds them up.
class DurationReader {
 public:
  explicit DurationReader(std::string_view text) : text_(text) {}

  [[nodiscard]] std::int64_t total() const { return total_; }
  [[nodiscard]] const std::optional<ParseError>& error() const { return error_; }

  bool skip(char c) {
    if (at_end() || text_[offset_] != c) return false;
    ++offset_;
    return true;
  }

  // Parts in the order of `units`, each at most once, up to a T or the end.
  void read_parts(std::span<const Unit> units, bool iso) {
    while (!error_ && !at_end() && text_[offset_] != 'T') read_part(units, iso);
  }

  void read_iso_parts() {
    const std::size_t date = offset_;
    read_parts(kIsoDateUnits, true);
    const std::size_t time = skip('T') ? offset_ : date;
    read_parts(kIsoTimeUnits, true);
    if (offset_ == time) {
      fail(ErrorCode::syntax, time, "Expected a number and its unit after P or T, as in \"PT90S\"");
    }
  }

  void expect_end() {
    if (!at_end()) fail(ErrorCode::syntax, offset_, "Expected a number or the end");
  }

  void fail(ErrorCode code, std::size_t offset, std::string detail) {
    if (!error_) error_ = ParseError{code, offset, std::move(detail)};
  }

 private:
  [[nodiscard]] bool at_end() const { return offset_ == text_.size(); }

  void read_part(std::span<const Unit>& units, bool iso) {
    const std::size_t start = offset_;
    const std::string_view number = take(is_digit);
    if (number.empty()) {
      return fail(ErrorCode::syntax, start, "Expected a number, as in \"90s\" or \"PT90S\"");
    }
    std::optional<std::string_view> fraction;
    if (iso && (skip('.') || skip(','))) fraction = take(is_digit);
    const std::string_view name =
        take([](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }, iso ? 1 : kLengthMax);
    const std::int64_t unit = take_unit(units, name, start, iso);
    if (error_) return;
    add(number, unit, start);
    if (fraction) add_fraction(*fraction, unit, start);
  }

  template <class Predicate>
  std::string_view take(Predicate wanted, std::size_t most = kLengthMax) {
    const std::size_t start = offset_;
    while (!at_end() && offset_ - start < most && wanted(text_[offset_])) ++offset_;
    return text_.substr(start, offset_ - start);
  }

  // Milliseconds of the unit; what is left of `units` are those that may follow.
  std::int64_t take_unit(std::span<const Unit>& units,
                         std::string_view name,
                         std::size_t start,
                         bool iso) {
    for (std::size_t i = 0; i < units.size(); ++i) {
      if (units[i].name != name) continue;
      const std::int64_t ms = units[i].ms;
      units = units.subspan(i + 1);
      return ms;
    }
    const bool date = iso && text_.substr(0, start).find('T') == std::string_view::npos;
    if (date && (name == "Y" || name == "M")) {
      fail(ErrorCode::unsupported, start, "Years and months have no fixed length");
    } else if (name.empty()) {
      fail(ErrorCode::syntax, start, "A number needs a unit: d, h, m, s or ms");
    } else {
      fail(ErrorCode::syntax, start,
           "\"" + std::string(name) + "\" is no unit that may come here: " +
               (iso ? "W and D, then T and H, M, S" : "d, h, m, s, ms, in this order"));
    }
    return 0;
  }

  void add(std::string_view number, std::int64_t unit, std::size_t start) {
    std::int64_t count = 0;
    const auto read = std::from_chars(number.data(), number.data() + number.size(), count);
    std::int64_t ms = 0;
    if (read.ec != std::errc() || __builtin_mul_overflow(count, unit, &ms) ||
        __builtin_add_overflow(total_, ms, &total_)) {
      fail(ErrorCode::bad_value, start, "More milliseconds than 2^63 - 1");
    }
  }

  void add_fraction(std::string_view digits, std::int64_t unit, std::size_t start) {
    if (unit != kSecondMs || digits.empty() || digits.size() > 3) {
      return fail(ErrorCode::syntax, start, "Only seconds may have decimals, up to three");
    }
    std::int64_t scale = kSecondMs;
    for (std::size_t i = 0; i < digits.size(); ++i) scale /= 10;
    add(digits, scale, start);
  }

  std::string_view text_;
  std::size_t offset_ = 0;
  std::int64_t total_ = 0;
  std::optional<ParseError> error_;
};

}  // namespace

rrule::Result<milliseconds> parse_duration(std::string_view text) {
  if (text.empty()) return ParseError{ErrorCode::empty, 0, "A duration is empty"};
  if (text.size() > kLengthMax) {
    return ParseError{ErrorCode::too_long, kLengthMax, "A duration has at most 64 characters"};
  }
  DurationReader reader(text);
  if (reader.skip('P')) {
    reader.read_iso_parts();
  } else {
    reader.read_parts(kUnits, false);
  }
  reader.expect_end();
  if (reader.error()) return *reader.error();
  return milliseconds(reader.total());
}

std::string duration_text(milliseconds duration) {
  if (duration == milliseconds::zero()) return "0s";
  const Unit* unit = kUnits.begin();
  while (duration.count() % unit->ms != 0) ++unit;
  return std::to_string(duration.count() / unit->ms) + std::string(unit->name);
}

}  // namespace rruled::core
