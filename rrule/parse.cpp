#include "rrule/parse.h"

#include "rrule/rule_check.h"
#include "rrule/rule_text.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

namespace rruled::rrule {
namespace {

using detail::equals_word;
using detail::Part;
using detail::quoted;

// One rule's text on its way to RuleParts. Views point into the text, so a view's place is its
// offset.
class RuleReader {
 public:
  explicit RuleReader(std::string_view text) : text_(text) {}

  Result<Rule> read() {
    for (std::size_t start = 0; start <= text_.size();) {
      const std::size_t end = std::min(text_.find(';', start), text_.size());
      if (auto error = read_part(text_.substr(start, end - start))) return *std::move(error);
      start = end + 1;
    }
    if (!seen(Part::freq)) {
      return ParseError{ErrorCode::missing_part, 0, "a rule needs FREQ, as in FREQ=DAILY"};
    }
    if (seen(Part::skip) && !seen(Part::rscale)) {
      return error_at(ErrorCode::forbidden, part_text(Part::skip), "SKIP needs RSCALE=GREGORIAN");
    }
    if (auto violation = detail::check(parts_)) {
      return error_at(violation->code, part_text(violation->part), std::move(violation->detail));
    }
    return Rule::make(std::move(parts_));
  }

 private:
  using MaybeError = std::optional<ParseError>;

  ParseError error_at(ErrorCode code, std::string_view where, std::string detail) const {
    return {code, static_cast<std::size_t>(where.data() - text_.data()), std::move(detail)};
  }

  [[nodiscard]] std::string_view part_text(Part part) const {
    return places_[static_cast<std::size_t>(part)];
  }
  [[nodiscard]] bool seen(Part part) const { return part_text(part).data() != nullptr; }

  MaybeError read_part(std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
      return error_at(ErrorCode::syntax, text,
                      "a part is NAME=VALUE, found " + (text.empty() ? "nothing" : quoted(text)));
    }
    const std::string_view name = text.substr(0, equals);
    const std::string_view value = text.substr(equals + 1);
    for (std::size_t i = 0; i < detail::kParts; ++i) {
      if (!equals_word(name, detail::kPartNames[i])) continue;
      if (places_[i].data() != nullptr) {
        return error_at(ErrorCode::repeated_part, text,
                        std::string(detail::kPartNames[i]) + " is given twice");
      }
      places_[i] = text;
      return read_value(static_cast<Part>(i), value);
    }
    return error_at(ErrorCode::unknown_part, text, "RFC 5545 has no rule part " + quoted(name));
  }

  MaybeError read_value(Part part, std::string_view value) {
    switch (part) {
      case Part::freq:
        return read_frequency(value);
      case Part::until:
        return read_until(value);
      case Part::count: {
        std::uint32_t count = 0;
        auto error = read_positive(part, value, count);
        parts_.count = count;
        return error;
      }
      case Part::interval:
        return read_positive(part, value, parts_.interval);
      case Part::by_second:
        return read_list(part, value, 2, parts_.by_second);
      case Part::by_minute:
        return read_list(part, value, 2, parts_.by_minute);
      case Part::by_hour:
        return read_list(part, value, 2, parts_.by_hour);
      case Part::by_day:
        return read_by_day(value);
      case Part::by_monthday:
        return read_list(part, value, 2, parts_.by_monthday);
      case Part::by_yearday:
        return read_list(part, value, 3, parts_.by_yearday);
      case Part::by_weekno:
        return read_list(part, value, 2, parts_.by_weekno);
      case Part::by_month:
        return read_list(part, value, 2, parts_.by_month);
      case Part::by_setpos:
        return read_list(part, value, 3, parts_.by_setpos);
      case Part::wkst:
        return read_wkst(value);
      case Part::rscale:
        if (equals_word(value, "GREGORIAN")) return std::nullopt;
        return error_at(ErrorCode::unsupported, value,
                        "only RSCALE=GREGORIAN is supported, found " + quoted(value));
      case Part::skip:
        return read_skip(value);
    }
    return std::nullopt;
  }

  MaybeError read_frequency(std::string_view value) {
    for (int i = 0; i < 7; ++i) {
      parts_.frequency = static_cast<Frequency>(i);
      if (equals_word(value, to_string(parts_.frequency))) return std::nullopt;
    }
    return error_at(ErrorCode::bad_value, value,
                    "FREQ is SECONDLY, MINUTELY, HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY, found " +
                        quoted(value));
  }

  MaybeError read_until(std::string_view value) {
    parts_.until = detail::parse_time(value);
    if (parts_.until) return std::nullopt;
    return error_at(ErrorCode::bad_value, value,
                    "UNTIL is a day or time as 20261231, 20261231T090000 or 20261231T090000Z,"
                    " found " +
                        quoted(value));
  }

  MaybeError read_positive(Part part, std::string_view value, std::uint32_t& to) {
    const auto number = detail::parse_number(value, std::numeric_limits<int>::max(), false);
    if (number && *number > 0) {
      to = static_cast<std::uint32_t>(*number);
      return std::nullopt;
    }
    return error_at(ErrorCode::bad_value, value,
                    detail::describe_range(part) + ", found " + quoted(value));
  }

  // Calls read_item(item) for each item between commas until one fails.
  template <class ReadItem>
  static MaybeError each_item(std::string_view value, ReadItem read_item) {
    for (std::size_t start = 0; start <= value.size();) {
      const std::size_t end = std::min(value.find(',', start), value.size());
      if (auto error = read_item(value.substr(start, end - start))) return error;
      start = end + 1;
    }
    return std::nullopt;
  }

  MaybeError read_list(Part part, std::string_view value, int digits_max, std::vector<int>& to) {
    const detail::Range range = detail::range_of(part);
    return each_item(value, [&](std::string_view item) -> MaybeError {
      const auto number = detail::parse_number(item, digits_max, range.sign);
      if (number && range.holds(*number)) {
        to.push_back(*number);
        return std::nullopt;
      }
      return error_at(ErrorCode::bad_value, item,
                      detail::describe_range(part) + ", found " + quoted(item));
    });
  }

  MaybeError read_by_day(std::string_view value) {
    return each_item(value, [&](std::string_view item) -> MaybeError {
      if (const auto day = parse_by_day(item)) {
        parts_.by_day.push_back(*day);
        return std::nullopt;
      }
      return error_at(ErrorCode::bad_value, item,
                      "BYDAY takes MO to SU, with a number from 1 to 53 or -1 to -53 before it if"
                      " wanted, found " +
                          quoted(item));
    });
  }

  static std::optional<ByDay> parse_by_day(std::string_view item) {
    if (item.size() < 2) return std::nullopt;
    const auto weekday = detail::parse_weekday(item.substr(item.size() - 2));
    if (!weekday) return std::nullopt;
    item.remove_suffix(2);
    if (item.empty()) return ByDay{0, *weekday};
    const auto ordinal = detail::parse_number(item, 2, true);
    if (!ordinal || !detail::range_of(Part::by_day).holds(*ordinal)) return std::nullopt;
    return ByDay{*ordinal, *weekday};
  }

  MaybeError read_wkst(std::string_view value) {
    const auto weekday = detail::parse_weekday(value);
    if (!weekday) {
      return error_at(ErrorCode::bad_value, value, "WKST is MO to SU, found " + quoted(value));
    }
    parts_.wkst = *weekday;
    return std::nullopt;
  }

  MaybeError read_skip(std::string_view value) {
    for (const Skip skip : {Skip::omit, Skip::backward, Skip::forward}) {
      parts_.skip = skip;
      if (equals_word(value, to_string(skip))) return std::nullopt;
    }
    return error_at(ErrorCode::bad_value, value,
                    "SKIP is OMIT, BACKWARD or FORWARD, found " + quoted(value));
  }

  std::string_view text_;
  RuleParts parts_;
  std::array<std::string_view, detail::kParts> places_{};
};

}  // namespace

Result<Rule> parse_rule(std::string_view text) {
  if (text.empty()) return ParseError{ErrorCode::empty, 0, "a rule is expected, as FREQ=DAILY"};
  if (text.size() > kTextMax) {
    return ParseError{ErrorCode::too_long, kTextMax, "a rule has at most 65536 bytes"};
  }
  return RuleReader(text).read();
}

}  // namespace rruled::rrule
