// Content lines to a RecurrenceSet, and back.
#include "rrule/parse.h"
#include "rrule/rule_text.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace rruled::rrule {
namespace {

using detail::equals_word;
using detail::quoted;

// RFC 5545 3.1: a line break followed by a space or tab is no break. Remembers where the text came
// from.
class Unfolded {
 public:
  explicit Unfolded(std::string_view folded) {
    text_.reserve(folded.size());
    for (std::size_t i = 0; i < folded.size();) {
      if (const std::size_t fold = fold_length(folded.substr(i)); fold > 0) {
        i += fold;
        cuts_.push_back({text_.size(), i});
      } else {
        text_ += folded[i++];
      }
    }
  }

  [[nodiscard]] std::string_view text() const { return text_; }

  [[nodiscard]] std::size_t folded_offset(std::size_t offset) const {
    const auto after =
        std::upper_bound(cuts_.begin(), cuts_.end(), offset,
                         [](std::size_t value, const Cut& cut) { return value < cut.unfolded; });
    if (after == cuts_.begin()) return offset;
    return std::prev(after)->folded + (offset - std::prev(after)->unfolded);
  }

 private:
  struct Cut {
    std::size_t unfolded;
    std::size_t folded;
  };

  static std::size_t fold_length(std::string_view rest) {
    const std::size_t newline = rest.substr(0, 2) == "\r\n" ? 2 : rest.substr(0, 1) == "\n" ? 1 : 0;
    if (newline == 0 || rest.size() == newline) return 0;
    return rest[newline] == ' ' || rest[newline] == '\t' ? newline + 1 : 0;
  }

  std::string text_;
  std::vector<Cut> cuts_;
};

// NAME *(";" PARAM "=" VALUE) ":" VALUE
struct ContentLine {
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string_view>> parameters;
  std::string_view value;
};

// How the values of a date property are written.
struct DateStyle {
  std::string zone;
  enum class Type { any, day, time, period } type = Type::any;
};

class SetReader {
 public:
  explicit SetReader(std::string_view text) : text_(text) {}

  Result<RecurrenceSet> read() {
    std::size_t lines = 0;
    for (std::size_t start = 0; start <= text_.size();) {
      const std::size_t end = std::min(text_.find('\n', start), text_.size());
      std::string_view line = text_.substr(start, end - start);
      start = end + 1;
      if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      line = without_blanks(line);
      if (line.empty()) continue;
      ++lines;
      const bool bare = is_bare_rule(line);
      // A rule without its name stands first and is the only rule: "FREQ=DAILY\nEXDATE:...".
      if ((bare && lines > 1) || (has_bare_rule_ && names_rule(line))) {
        return error_at(ErrorCode::syntax, line,
                        "where there is more than one rule, each begins with RRULE:");
      }
      has_bare_rule_ = has_bare_rule_ || bare;
      if (auto error = bare ? read_rule(line, set_.rules) : read_line(line)) {
        return *std::move(error);
      }
    }
    if (lines == 0) return ParseError{ErrorCode::empty, 0, "a rule is expected, as FREQ=DAILY"};
    if (set_.rules.empty() && set_.dates.empty()) {
      return ParseError{ErrorCode::missing_part, 0, "nothing recurs: an RRULE or RDATE is needed"};
    }
    for (auto* dates : {&set_.dates, &set_.exclude_dates}) {
      std::sort(dates->begin(), dates->end());
      dates->erase(std::unique(dates->begin(), dates->end()), dates->end());
    }
    return std::move(set_);
  }

  [[nodiscard]] RuleOffsets& offsets() { return offsets_; }

 private:
  using MaybeError = std::optional<ParseError>;

  ParseError error_at(ErrorCode code, std::string_view where, std::string detail) const {
    return {code, offset_of(where), std::move(detail)};
  }
  [[nodiscard]] std::size_t offset_of(std::string_view where) const {
    return static_cast<std::size_t>(where.data() - text_.data());
  }

  // What people paste has blanks around it; they mean nothing there.
  static std::string_view without_blanks(std::string_view line) {
    constexpr std::string_view kBlanks = " \t";
    const std::size_t first = line.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return {};
    return line.substr(first, line.find_last_not_of(kBlanks) + 1 - first);
  }

  // FREQ=... where a property would have RRULE:... or RDATE;...
  static bool is_bare_rule(std::string_view line) {
    const std::size_t end = line.find_first_of(":;=");
    return end == std::string_view::npos || line[end] == '=';
  }

  static bool names_rule(std::string_view line) {
    return equals_word(line.substr(0, line.find_first_of(":;")), "RRULE");
  }

  MaybeError read_line(std::string_view text) {
    ContentLine line;
    if (auto error = split_line(text, line)) return error;
    if (equals_word(line.name, "RRULE")) return read_rule_line(line, set_.rules);
    if (equals_word(line.name, "EXRULE")) return read_rule_line(line, set_.exclude_rules);
    if (equals_word(line.name, "RDATE")) return read_dates(line, true, set_.dates);
    if (equals_word(line.name, "EXDATE")) return read_dates(line, false, set_.exclude_dates);
    if (equals_word(line.name, "DTSTART")) {
      return error_at(ErrorCode::unsupported, text,
                      "DTSTART does not belong here: starts_at and timezone hold the start");
    }
    return error_at(ErrorCode::unknown_part, text,
                    "lines are RRULE, RDATE, EXRULE or EXDATE, found " + quoted(line.name));
  }

  MaybeError split_line(std::string_view text, ContentLine& line) const {
    std::size_t at = std::min(text.find_first_of(":;"), text.size());
    line.name = text.substr(0, at);
    while (at < text.size() && text[at] == ';') {
      const std::size_t equals = text.find_first_of("=:;", at + 1);
      if (equals == std::string_view::npos || text[equals] != '=') {
        return error_at(ErrorCode::syntax, text.substr(at), "a parameter is NAME=VALUE");
      }
      const bool in_quotes = text.substr(equals + 1, 1) == "\"";
      const std::size_t begin = equals + (in_quotes ? 2 : 1);
      const std::size_t end = in_quotes ? text.find('"', begin)
                                        : std::min(text.find_first_of(":;", begin), text.size());
      if (end == std::string_view::npos) {
        return error_at(ErrorCode::syntax, text.substr(equals), "a quote is not closed");
      }
      line.parameters.emplace_back(text.substr(at + 1, equals - at - 1),
                                   text.substr(begin, end - begin));
      at = end + (in_quotes ? 1 : 0);
    }
    if (at >= text.size() || text[at] != ':') {
      return error_at(ErrorCode::syntax, text.substr(std::min(at, text.size())),
                      "a line is NAME:VALUE, the colon is missing");
    }
    line.value = text.substr(at + 1);
    return std::nullopt;
  }

  static bool is_extension(std::string_view name) { return equals_word(name.substr(0, 2), "X-"); }

  MaybeError read_rule_line(const ContentLine& line, std::vector<Rule>& to) {
    for (const auto& [name, value] : line.parameters) {
      if (is_extension(name) || (equals_word(name, "VALUE") && equals_word(value, "RECUR"))) {
        continue;
      }
      return error_at(ErrorCode::unknown_part, name, "rules take no parameter " + quoted(name));
    }
    return read_rule(line.value, to);
  }

  MaybeError read_rule(std::string_view value, std::vector<Rule>& to) {
    auto rule = parse_rule(value);
    if (rule && set_.rules.size() + set_.exclude_rules.size() == kRulesMax) {
      return error_at(ErrorCode::too_long, value, "a recurrence has at most 100 rules");
    }
    if (rule) {
      to.push_back(*std::move(rule));
      (&to == &set_.rules ? offsets_.rules : offsets_.exclude_rules).push_back(offset_of(value));
      return std::nullopt;
    }
    ParseError error = rule.error();
    error.offset += offset_of(value);
    return error;
  }

  MaybeError read_dates(const ContentLine& line, bool periods, std::vector<DateValue>& to) const {
    DateStyle style;
    for (const auto& [name, value] : line.parameters) {
      if (is_extension(name)) continue;
      if (equals_word(name, "TZID")) {
        style.zone = value;
        continue;
      }
      using Type = DateStyle::Type;
      style.type = !equals_word(name, "VALUE")               ? Type::any
                   : equals_word(value, "DATE")              ? Type::day
                   : equals_word(value, "DATE-TIME")         ? Type::time
                   : equals_word(value, "PERIOD") && periods ? Type::period
                                                             : Type::any;
      if (style.type == Type::any) {
        return error_at(ErrorCode::unknown_part, name,
                        "dates take VALUE=DATE, VALUE=DATE-TIME" +
                            std::string(periods ? ", VALUE=PERIOD" : "") + " and TZID, found " +
                            quoted(name) + "=" + quoted(value));
      }
    }
    for (std::size_t start = 0; start <= line.value.size();) {
      const std::size_t end = std::min(line.value.find(',', start), line.value.size());
      if (auto error = read_date(line.value.substr(start, end - start), style, periods, to)) {
        return error;
      }
      start = end + 1;
    }
    return std::nullopt;
  }

  MaybeError read_date(std::string_view item,
                       const DateStyle& style,
                       bool periods,
                       std::vector<DateValue>& to) const {
    using Type = DateStyle::Type;
    const std::size_t slash = item.find('/');
    const bool is_period = slash != std::string_view::npos;
    const auto time = detail::parse_time(item.substr(0, slash));
    const bool is_day = time && std::holds_alternative<date::local_days>(*time);
    const bool period_fits = is_period
                                 ? periods && !is_day && is_period_end(item.substr(slash + 1)) &&
                                       (style.type == Type::any || style.type == Type::period)
                                 : style.type != Type::period;
    const bool type_fits = is_day ? style.type != Type::time : style.type != Type::day;
    if (!time || !period_fits || !type_fits) {
      return error_at(
          ErrorCode::bad_value, item,
          "a date is written 20261231, 20261231T090000 or 20261231T090000Z" +
              std::string(periods ? ", a period with /end or /duration behind it" : "") +
              ", as VALUE says; found " + quoted(item));
    }
    if (is_day) {
      to.emplace_back(std::get<date::local_days>(*time));
    } else if (const auto* instant = std::get_if<sys_seconds>(&*time)) {
      to.emplace_back(*instant);
    } else if (style.zone.empty()) {
      to.emplace_back(std::get<local_seconds>(*time));
    } else {
      to.emplace_back(ZonedTime{style.zone, std::get<local_seconds>(*time)});
    }
    return std::nullopt;
  }

  // Only the start of a period counts; its end must still be a time or look like a duration.
  static bool is_period_end(std::string_view text) {
    if (const auto time = detail::parse_time(text)) {
      return !std::holds_alternative<date::local_days>(*time);
    }
    return text.size() >= 3 && (text[0] == 'P' || text.substr(0, 2) == "+P") &&
           text.find_first_not_of("+PTWDHMS0123456789") == std::string_view::npos;
  }

  std::string_view text_;
  RecurrenceSet set_;
  RuleOffsets offsets_;
  bool has_bare_rule_ = false;
};

// "RDATE" or "EXDATE" lines: times together, days together, each zone's times together.
void append_dates(std::vector<std::string>& lines,
                  const std::string& name,
                  const std::vector<DateValue>& dates) {
  std::string last_head;
  for (const DateValue& date : dates) {
    std::string head = name + ":";
    std::string text;
    if (const auto* zoned = std::get_if<ZonedTime>(&date)) {
      const bool quote = zoned->zone.find_first_of(":;,") != std::string::npos;
      head = name + ";TZID=" + (quote ? '"' + zoned->zone + '"' : zoned->zone) + ":";
      text = detail::print_time(zoned->local);
    } else if (const auto* day = std::get_if<date::local_days>(&date)) {
      head = name + ";VALUE=DATE:";
      text = detail::print_time(*day);
    } else if (const auto* local = std::get_if<local_seconds>(&date)) {
      text = detail::print_time(*local);
    } else {
      text = detail::print_time(std::get<sys_seconds>(date));
    }
    if (head == last_head) {
      lines.back() += "," + text;
    } else {
      lines.push_back(head + text);
    }
    last_head = std::move(head);
  }
}

}  // namespace

Result<RecurrenceSet> parse_recurrence(std::string_view text, RuleOffsets* offsets) {
  if (text.size() > kTextMax) {
    return ParseError{ErrorCode::too_long, kTextMax, "a recurrence has at most 65536 bytes"};
  }
  const bool folded =
      text.find("\n ") != std::string_view::npos || text.find("\n\t") != std::string_view::npos;
  if (!folded) {
    SetReader reader(text);
    auto set = reader.read();
    if (offsets != nullptr) *offsets = std::move(reader.offsets());
    return set;
  }
  const Unfolded unfolded(text);
  SetReader reader(unfolded.text());
  auto set = reader.read();
  if (offsets != nullptr) {
    *offsets = std::move(reader.offsets());
    for (auto* of : {&offsets->rules, &offsets->exclude_rules})
      for (std::size_t& offset : *of) offset = unfolded.folded_offset(offset);
  }
  if (set) return set;
  ParseError error = set.error();
  error.offset = unfolded.folded_offset(error.offset);
  return error;
}

std::string to_string(const RecurrenceSet& set) {
  if (set.rules.size() == 1 && set.exclude_rules.empty() && set.dates.empty() &&
      set.exclude_dates.empty()) {
    return to_string(set.rules[0]);
  }
  std::vector<std::string> lines;
  for (const Rule& rule : set.rules) lines.push_back("RRULE:" + to_string(rule));
  append_dates(lines, "RDATE", set.dates);
  for (const Rule& rule : set.exclude_rules) lines.push_back("EXRULE:" + to_string(rule));
  append_dates(lines, "EXDATE", set.exclude_dates);
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

}  // namespace rruled::rrule
