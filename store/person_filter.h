#pragma once

#include "store/ids.h"
#include "store/words.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Which persons a filter means. One reading for every store: what a property is when it is compared
// (its text, folded text, number, time) is worked out once, when the person is written, and kept
// beside it, so that nothing that compares needs JSON, dates or folding. Pure, thread-safe.
namespace rruled::store {

// What the regular expressions of a filter may cost for one person: of each that is tried, the
// bytes of the text times the instructions of the pattern. RE2 cannot be broken off; at its slowest
// an instruction takes some 15 ns a byte, so that a person takes some four seconds at the longest.
// A text of 64 KiB may meet 4,096 instructions: a hundred plain patterns.
inline constexpr std::uint64_t kPersonWorkMax = std::uint64_t{1} << 28U;

enum class PersonOperator {
  exact,  // the text is one of `values`, byte by byte
  is_not,
  icontains,  // the folded text contains one of `values`
  not_icontains,
  regex,  // RE2, anywhere in the text
  not_regex,
  gt,  // as numbers where both are numbers, else as texts, byte by byte
  gte,
  lt,
  lte,
  is_set,  // there, and not null
  is_not_set,
  is_date_before,  // the time is before `from`
  is_date_after,   // the time is after `from`
  is_date_exact    // the time is in [from, to)
};
template <>
inline constexpr std::array<std::string_view, 15> kWords<PersonOperator>{"exact",
                                                                         "is_not",
                                                                         "icontains",
                                                                         "not_icontains",
                                                                         "regex",
                                                                         "not_regex",
                                                                         "gt",
                                                                         "gte",
                                                                         "lt",
                                                                         "lte",
                                                                         "is_set",
                                                                         "is_not_set",
                                                                         "is_date_before",
                                                                         "is_date_after",
                                                                         "is_date_exact"};

// One property of a person, as filters compare it. null is no property.
struct PersonValue {
  std::string key;
  std::string value;  // a text as it is; a number in its shortest form; true, false; else JSON
  std::optional<std::string> folded;   // fold_case(value), where that differs
  std::optional<std::int64_t> number;  // order_of() the number that the text is
  std::optional<Timestamp> at;         // the time that the text is

  friend bool operator==(const PersonValue&, const PersonValue&) = default;
};

// A property that is not there fits the operators that deny (is_not, not_icontains, not_regex,
// is_not_set), and no other.
struct PersonCondition {
  std::string key;
  PersonOperator op = PersonOperator::exact;
  std::vector<std::string> values;     // texts; folded for (not_)icontains; one where one is meant
  std::optional<std::int64_t> number;  // of gt, gte, lt, lte, where the text is a number
  Timestamp from;                      // of dates
  Timestamp to;                        // exclusive, of is_date_exact
};

// A condition, or parts that must all fit (none: everybody), or of which one must (none: nobody).
struct PersonFilter {
  enum class Kind { all_of, any_of, condition };
  Kind kind = Kind::all_of;
  std::vector<PersonFilter> parts;
  PersonCondition condition;
};

// A number that orders as the double does: whole numbers compare alike in every database, and a
// copy keeps them. Not of NaN.
[[nodiscard]] std::int64_t order_of(double number);
// The whole text as a decimal number: "12", "-0.5", "1e3". nullopt: it is none, or not finite.
[[nodiscard]] std::optional<double> number_in(std::string_view text);
// Unicode's simple lower case of each character, whatever the locale.
[[nodiscard]] std::string fold_case(std::string_view text);
// Why RE2 does not take the pattern; empty: it does.
[[nodiscard]] std::string regex_problem(const std::string& pattern);

// Compiled once, used for many texts. Throws StoreError invalid for a pattern that has a problem.
class PersonRegex {
 public:
  explicit PersonRegex(const std::string& pattern);
  ~PersonRegex();
  PersonRegex(PersonRegex&&) noexcept;
  PersonRegex& operator=(PersonRegex&&) noexcept;
  [[nodiscard]] bool finds(std::string_view text) const;
  // What finds() costs at the most, in the units of kPersonWorkMax.
  [[nodiscard]] std::uint64_t cost_of(std::string_view text) const;

 private:
  class Compiled;
  std::unique_ptr<Compiled> compiled_;
};

// The filter in plain C++: what SQL is compared with, and what decides where there is none, or
// where it can only narrow.
class PersonMatcher {
 public:
  explicit PersonMatcher(const PersonFilter& filter);
  ~PersonMatcher();
  PersonMatcher(PersonMatcher&&) noexcept;
  PersonMatcher& operator=(PersonMatcher&&) noexcept;
  // `values`: every property of one person that the filter names, in any order. Throws StoreError
  // invalid when the regular expressions cost more than kPersonWorkMax.
  [[nodiscard]] bool matches(std::span<const PersonValue> values) const;

 private:
  class Node;
  std::unique_ptr<Node> root_;
};

// ---- SQL ----------------------------------------------------------------------------------------

// How one database writes what a condition needs, but for regular expressions: none has RE2's. Each
// value becomes a parameter.
class PersonSql {
 public:
  virtual ~PersonSql() = default;
  // Their places in the text: "?", "$3".
  virtual std::string text(const std::string& value) = 0;
  virtual std::string integer(std::int64_t value) = 0;
  virtual std::string one_of(const std::string& column, const std::vector<std::string>& values) = 0;
  [[nodiscard]] virtual std::string contains(const std::string& hay,
                                             const std::string& needle) const = 0;
  // Orders byte by byte.
  [[nodiscard]] virtual std::string bytewise(const std::string& column) const = 0;
};

struct PersonWhere {
  std::string condition;  // of persons p
  bool narrowed = false;  // it finds persons that do not match, too: a PersonMatcher decides
};
[[nodiscard]] PersonWhere compile(const PersonFilter& filter, PersonSql& sql);
// The keys that a filter names, each once, in order.
[[nodiscard]] std::vector<std::string> keys_of(const PersonFilter& filter);

}  // namespace rruled::store
