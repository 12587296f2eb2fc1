// Text to rules. Pure and thread-safe; time and memory are bounded by the length of the text.
//
//   auto set = parse_recurrence("RRULE:FREQ=DAILY\nEXDATE:20261225T090000");
//   if (!set) report(set.error().offset, set.error().detail);
#pragma once

#include "rrule/recurrence_set.h"
#include "rrule/result.h"
#include "rrule/rule.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace rruled::rrule {

// Bytes that parse_recurrence and parse_rule read at most; longer text is ErrorCode::too_long.
inline constexpr std::size_t kTextMax = 64 * 1024;

// RRULE and EXRULE lines that a recurrence has at most: each costs a search.
inline constexpr std::size_t kRulesMax = 100;

// The value of an RRULE property (RFC 5545 3.3.10), without its name: "FREQ=DAILY;COUNT=3".
// Names are case-insensitive and parts come in any order. ParseError::offset points at the part.
[[nodiscard]] Result<Rule> parse_rule(std::string_view text);

// Where a text says the rules of its set, in their order: bytes from its start.
struct RuleOffsets {
  std::vector<std::size_t> rules;
  std::vector<std::size_t> exclude_rules;
};

// One rule, with or without "RRULE:", or content lines RRULE, RDATE, EXDATE, EXRULE, each any
// number of times, separated by CRLF or LF, folded as in RFC 5545 3.1 or not. Blanks (space, tab)
// around a line are skipped; at the beginning of any but the first line they are a fold. A rule
// without "RRULE:" stands first and alone among dates. DTSTART is refused: the schedule's starts_at
// holds it. At least one RRULE or RDATE is needed. RDATE's periods count as their starts.
// `offsets`, where given, becomes that of the rules.
[[nodiscard]] Result<RecurrenceSet> parse_recurrence(std::string_view text,
                                                     RuleOffsets* offsets = nullptr);

}  // namespace rruled::rrule
