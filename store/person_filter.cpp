#include "store/person_filter.h"

#include "store/errors.h"

#include <re2/re2.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <system_error>

namespace rruled::store {
namespace {

using Op = PersonOperator;

// A pattern costs at most so much; RE2 refuses those that need more.
constexpr std::int64_t kRegexBytesMax = 1 << 20U;

re2::RE2::Options regex_options() {
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_max_mem(kRegexBytesMax);
  return options;
}

struct Test {
  Op op;      // one that affirms
  bool deny;  // the opposite is meant
};

Test test_of(Op op) {
  switch (op) {
    case Op::is_not:
      return {Op::exact, true};
    case Op::not_icontains:
      return {Op::icontains, true};
    case Op::not_regex:
      return {Op::regex, true};
    case Op::is_not_set:
      return {Op::is_set, true};
    default:
      return {op, false};
  }
}

template <class Value>
bool compares(Op op, const Value& a, const Value& b) {
  switch (op) {
    case Op::gt:
      return a > b;
    case Op::gte:
      return a >= b;
    case Op::lt:
      return a < b;
    default:
      return a <= b;
  }
}

const char* sign_of(Op op) {
  switch (op) {
    case Op::gt:
      return " > ";
    case Op::gte:
      return " >= ";
    case Op::lt:
      return " < ";
    default:
      return " <= ";
  }
}

// What a condition says of a property that is there; `op` affirms.
bool holds(Op op,
           const PersonCondition& condition,
           const PersonRegex* regex,
           const PersonValue& v) {
  switch (op) {
    case Op::exact:
      return std::ranges::find(condition.values, v.value) != condition.values.end();
    case Op::icontains:
      return std::ranges::any_of(condition.values, [&](const std::string& needle) {
        return v.folded.value_or(v.value).find(needle) != std::string::npos;
      });
    case Op::regex:
      return regex->finds(v.value);
    case Op::gt:
    case Op::gte:
    case Op::lt:
    case Op::lte:
      if (condition.number && v.number) return compares(op, *v.number, *condition.number);
      return compares(op, v.value, condition.values.front());
    case Op::is_date_before:
      return v.at && *v.at < condition.from;
    case Op::is_date_after:
      return v.at && *v.at > condition.from;
    case Op::is_date_exact:
      return v.at && *v.at >= condition.from && *v.at < condition.to;
    default:
      return true;
  }
}

std::int64_t milliseconds_of(Timestamp time) { return time.time_since_epoch().count(); }

void collect_keys(const PersonFilter& filter, std::set<std::string>& keys) {
  if (filter.kind == PersonFilter::Kind::condition) keys.insert(filter.condition.key);
  for (const auto& part : filter.parts) collect_keys(part, keys);
}

class Compiler {
 public:
  explicit Compiler(PersonSql& sql) : sql_(sql) {}

  std::string filter(const PersonFilter& filter) {
    if (filter.kind == PersonFilter::Kind::condition) return condition(filter.condition);
    const bool all = filter.kind == PersonFilter::Kind::all_of;
    if (filter.parts.empty()) return all ? "1 = 1" : "1 = 0";
    std::string joined;
    for (const auto& part : filter.parts)
      joined += (joined.empty() ? "(" : all ? " AND " : " OR ") + this->filter(part);
    return joined + ")";
  }
  [[nodiscard]] bool narrowed() const { return narrowed_; }

 private:
  std::string condition(const PersonCondition& condition) {
    const auto [op, deny] = test_of(condition.op);
    std::string exists =
        "EXISTS (SELECT 1 FROM person_values v WHERE v.person_id = p.id AND v.key = " +
        sql_.text(condition.key);
    if (op == Op::regex) {
      narrowed_ = true;
      // Not known here: whoever has the property may match, and denied, anybody.
      if (deny) return "(1 = 1 OR " + exists + "))";
    } else if (op != Op::is_set) {
      exists += " AND " + test(op, condition);
    }
    return (deny ? "NOT " : "") + exists + ")";
  }

  std::string test(Op op, const PersonCondition& condition) {
    switch (op) {
      case Op::exact:
        return sql_.one_of("v.value", condition.values);
      case Op::icontains:
        return any_contained(condition.values);
      case Op::is_date_before:
        return "v.at < " + sql_.integer(milliseconds_of(condition.from));
      case Op::is_date_after:
        return "v.at > " + sql_.integer(milliseconds_of(condition.from));
      case Op::is_date_exact: {
        const std::string from = sql_.integer(milliseconds_of(condition.from));
        return "v.at >= " + from + " AND v.at < " + sql_.integer(milliseconds_of(condition.to));
      }
      default:
        return ordered(op, condition);
    }
  }
  // Halves of halves: a database may refuse an expression of many levels, and one OR after the
  // other is a level each.
  std::string any_contained(std::span<const std::string> needles) {
    if (needles.size() == 1)
      return sql_.contains("coalesce(v.folded, v.value)", sql_.text(needles.front()));
    const auto half = needles.size() / 2;
    std::string any = "(" + any_contained(needles.first(half));
    return any + " OR " + any_contained(needles.subspan(half)) + ")";
  }
  std::string ordered(Op op, const PersonCondition& condition) {
    if (!condition.number)
      return sql_.bytewise("v.value") + sign_of(op) + sql_.text(condition.values.front());
    const std::string number = sql_.integer(*condition.number);
    return "CASE WHEN v.number IS NOT NULL THEN v.number" + std::string(sign_of(op)) + number +
           " ELSE " + sql_.bytewise("v.value") + sign_of(op) + sql_.text(condition.values.front()) +
           " END";
  }

  PersonSql& sql_;
  bool narrowed_ = false;
};

}  // namespace

// ---- Values -------------------------------------------------------------------------------------

std::int64_t order_of(double number) {
  const auto bits = std::bit_cast<std::int64_t>(number == 0 ? 0.0 : number);
  return bits >= 0 ? bits : bits ^ std::numeric_limits<std::int64_t>::max();
}

std::optional<double> number_in(std::string_view text) {
  double number = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (text.empty() || read.ec != std::errc() || read.ptr != end || !std::isfinite(number))
    return std::nullopt;
  return number;
}

// ---- Regular expressions ------------------------------------------------------------------------

std::string regex_problem(const std::string& pattern) {
  const re2::RE2 regex(pattern, regex_options());
  return regex.ok() ? std::string() : regex.error();
}

class PersonRegex::Compiled {
 public:
  explicit Compiled(const std::string& pattern) : regex(pattern, regex_options()) {}
  re2::RE2 regex;
};

PersonRegex::PersonRegex(const std::string& pattern)
    : compiled_(std::make_unique<Compiled>(pattern)) {
  if (!compiled_->regex.ok())
    throw StoreError(StoreError::Kind::invalid,
                     "not a regular expression: " + compiled_->regex.error() + "; correct it");
}
PersonRegex::~PersonRegex() = default;
PersonRegex::PersonRegex(PersonRegex&&) noexcept = default;
PersonRegex& PersonRegex::operator=(PersonRegex&&) noexcept = default;

std::uint64_t PersonRegex::cost_of(std::string_view text) const {
  return (text.size() + 1) * static_cast<std::uint64_t>(compiled_->regex.ProgramSize());
}

bool PersonRegex::finds(std::string_view text) const {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), compiled_->regex);
}

// ---- Matching -----------------------------------------------------------------------------------

class PersonMatcher::Node {
 public:
  explicit Node(const PersonFilter& filter) : kind_(filter.kind), condition_(filter.condition) {
    for (const auto& part : filter.parts) parts_.emplace_back(part);
    if (kind_ == PersonFilter::Kind::condition && test_of(condition_.op).op == Op::regex)
      regex_.emplace(condition_.values.front());
  }

  // `work` is what may still be spent.
  [[nodiscard]] bool matches(std::span<const PersonValue> values, std::uint64_t& work) const {
    const auto fits = [&](const Node& part) { return part.matches(values, work); };
    if (kind_ == PersonFilter::Kind::all_of) return std::ranges::all_of(parts_, fits);
    if (kind_ == PersonFilter::Kind::any_of) return std::ranges::any_of(parts_, fits);
    const auto [op, deny] = test_of(condition_.op);
    const auto found = std::ranges::find(values, condition_.key, &PersonValue::key);
    if (found == values.end()) return deny;
    if (regex_) spend(work, regex_->cost_of(found->value));
    return holds(op, condition_, regex_ ? &*regex_ : nullptr, *found) != deny;
  }

 private:
  static void spend(std::uint64_t& work, std::uint64_t cost) {
    if (cost > work)
      throw StoreError(StoreError::Kind::invalid,
                       "a person's text is too long for so many or so large regular expressions;"
                       " use fewer and simpler ones, or compare shorter texts");
    work -= cost;
  }

  PersonFilter::Kind kind_;
  PersonCondition condition_;
  std::vector<Node> parts_;
  std::optional<PersonRegex> regex_;
};

PersonMatcher::PersonMatcher(const PersonFilter& filter) : root_(std::make_unique<Node>(filter)) {}
PersonMatcher::~PersonMatcher() = default;
PersonMatcher::PersonMatcher(PersonMatcher&&) noexcept = default;
PersonMatcher& PersonMatcher::operator=(PersonMatcher&&) noexcept = default;

bool PersonMatcher::matches(std::span<const PersonValue> values) const {
  std::uint64_t work = kPersonWorkMax;
  return root_->matches(values, work);
}

// ---- SQL ----------------------------------------------------------------------------------------

PersonWhere compile(const PersonFilter& filter, PersonSql& sql) {
  Compiler compiler(sql);
  PersonWhere where;
  where.condition = compiler.filter(filter);
  where.narrowed = compiler.narrowed();
  return where;
}

std::vector<std::string> keys_of(const PersonFilter& filter) {
  std::set<std::string> keys;
  collect_keys(filter, keys);
  return {keys.begin(), keys.end()};
}

}  // namespace rruled::store
