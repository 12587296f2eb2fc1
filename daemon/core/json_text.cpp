#include "daemon/core/json_text.h"

#include "store/utf8.h"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_stack.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <stdexcept>
#include <unordered_set>
#include <utility>
#include <vector>

namespace rruled::core {
namespace {

namespace json = boost::json;

// Whose text it is: that of others, or what was checked when it was stored.
enum class Source { foreign, stored };

// Builds the value as boost::json::parser does, but reads each number as it is written. Stops at
// what would become another number and, in foreign text, at a key that its object already has.
template <Source source>
class Builder {
 public:
  explicit Builder(LongIntegers integers) : integers_(integers) {}

  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  bool on_document_begin(json::error_code&) {
    stack_.reset();
    return true;
  }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) {
    if constexpr (kChecksKeys) members_.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t n, json::error_code&) {
    if constexpr (kChecksKeys) members_.pop_back();
    stack_.push_object(n);
    return true;
  }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t n, json::error_code&) {
    stack_.push_array(n);
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    if constexpr (kChecksKeys) key_.append(part.data(), part.size());
    stack_.push_chars(part);
    return true;
  }
  bool on_key(json::string_view part, std::size_t, json::error_code& error) {
    stack_.push_key(part);
    if constexpr (!kChecksKeys) return true;
    key_.append(part.data(), part.size());
    const auto [key, is_new] = members_.back().keys.insert(std::exchange(key_, {}));
    members_.back().last = &*key;
    if (is_new) return true;
    error = json::error::exception;
    problem_ = "a key that this object already has";
    return false;
  }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    stack_.push_chars(part);
    return true;
  }
  bool on_string(json::string_view part, std::size_t, json::error_code&) {
    stack_.push_string(part);
    return true;
  }
  bool on_number_part(json::string_view part, json::error_code&) {
    number_.append(part.data(), part.size());
    return true;
  }
  bool on_int64(std::int64_t value, json::string_view, json::error_code&) {
    number_.clear();
    stack_.push_int64(value);
    return true;
  }
  bool on_uint64(std::uint64_t value, json::string_view, json::error_code&) {
    number_.clear();
    stack_.push_uint64(value);
    return true;
  }
  // `value` may be off by a unit in the last place: the digits are read again.
  bool on_double(double value, json::string_view part, json::error_code& error) {
    number_.append(part.data(), part.size());
    (void)std::from_chars(number_.data(), number_.data() + number_.size(), value);
    const bool is_integer = number_.find_first_of(".eE") == std::string::npos;
    number_.clear();
    if (!std::isfinite(value) || (is_integer && integers_ == LongIntegers::refused)) {
      error = json::error::exponent_overflow;
      problem_ = "a number too large" + place() + ": write it as a string";
      return false;
    }
    stack_.push_double(value);
    return true;
  }
  bool on_bool(bool value, json::error_code&) {
    stack_.push_bool(value);
    return true;
  }
  bool on_null(json::error_code&) {
    stack_.push_null();
    return true;
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

  [[nodiscard]] json::value release() { return stack_.release(); }
  // Empty where it was not this that stopped.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  static constexpr bool kChecksKeys = source == Source::foreign;

  // Those of an object that is not closed yet.
  struct Members {
    std::unordered_set<std::string> keys;
    const std::string* last = nullptr;  // in `keys`, whose elements stay where they are
  };

  // ' in "amount"'; nothing where there is no key, or none that an error should repeat.
  [[nodiscard]] std::string place() const {
    constexpr std::size_t kNamedBytesMax = 64;
    const auto* key = members_.empty() ? nullptr : members_.back().last;
    if (key == nullptr || key->size() > kNamedBytesMax) return {};
    return " in " + json::serialize(json::string_view(*key));
  }

  LongIntegers integers_;
  // For short texts, without an allocation.
  alignas(json::value) std::array<unsigned char, 1'024> room_;
  json::value_stack stack_{{}, room_.data(), room_.size()};
  std::vector<Members> members_;
  std::string key_;
  std::string number_;
  std::string problem_;
};

std::string describe(const json::error_code& error, std::size_t depth_max) {
  if (error == json::error::incomplete) return "the text ends in the middle of a value";
  if (error == json::error::too_deep)
    return "nested deeper than " + std::to_string(depth_max) + " levels";
  if (error == json::error::extra_data) return "something follows the value";
  if (error == json::error::illegal_leading_surrogate ||
      error == json::error::illegal_trailing_surrogate)
    return "half of a surrogate pair";
  if (error == json::error::exponent_overflow) return "a number too large: write it as a string";
  return error.message();
}

JsonError error_at(std::string_view text, std::size_t offset, std::string detail) {
  const std::string_view before = text.substr(0, offset);
  const auto last_break = before.rfind('\n');
  JsonError error;
  error.offset = offset;
  error.line = 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  error.column =
      1 + (last_break == std::string_view::npos ? before.size() : before.size() - last_break - 1);
  error.detail = std::move(detail);
  return error;
}

class Writer {
 public:
  explicit Writer(bool pretty) : pretty_(pretty) {}

  void write(const json::value& value, std::size_t level) {
    if (const auto* object = value.if_object()) {
      write_object(*object, level);
    } else if (const auto* array = value.if_array()) {
      write_array(*array, level);
    } else if (const auto* number = value.if_double()) {
      write_double(*number);
    } else if (const auto* text = value.if_string()) {
      append_quoted(out_, *text);
    } else {
      out_ += json::serialize(value);
    }
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void write_object(const json::object& object, std::size_t level) {
    out_ += '{';
    bool first = true;
    for (const auto& [key, each] : object) {
      separate(first, level + 1);
      append_quoted(out_, key);
      out_ += pretty_ ? ": " : ":";
      write(each, level + 1);
    }
    close(first, level, '}');
  }
  void write_array(const json::array& array, std::size_t level) {
    out_ += '[';
    bool first = true;
    for (const auto& each : array) {
      separate(first, level + 1);
      write(each, level + 1);
    }
    close(first, level, ']');
  }
  void write_double(double number) {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
    out_ += text;
    // Stays a fraction when read again.
    if (text.find_first_of(".e") == std::string_view::npos) out_ += ".0";
  }
  void separate(bool& first, std::size_t level) {
    if (!first) out_ += ',';
    first = false;
    break_line(level);
  }
  void close(bool empty, std::size_t level, char bracket) {
    if (!empty) break_line(level);
    out_ += bracket;
  }
  void break_line(std::size_t level) {
    if (!pretty_) return;
    out_ += '\n';
    out_.append(2 * level, ' ');
  }

  bool pretty_;
  std::string out_;
};

std::string written(const json::value& value, bool pretty) {
  Writer writer(pretty);
  writer.write(value, 0);
  return writer.take();
}

}  // namespace

void throw_exception_from_error(const JsonError& error, const boost::source_location&) {
  throw std::invalid_argument(error.detail);
}

void throw_exception_from_error(const FieldError& error, const boost::source_location&) {
  throw std::invalid_argument(error.attr + ": " + error.detail);
}

boost::system::result<json::value, JsonError> parse_json(std::string_view text,
                                                         LongIntegers integers,
                                                         std::size_t depth_max) {
  if (text.empty()) return error_at(text, 0, "there is no value");
  if (const auto bad = store::first_bad_byte(text)) return error_at(text, *bad, "not UTF-8");
  json::parse_options options;
  options.max_depth = depth_max;
  json::basic_parser<Builder<Source::foreign>> parser(options, integers);
  json::error_code error;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), error);
  if (error) {
    const auto& problem = parser.handler().problem();
    return error_at(text, used, problem.empty() ? describe(error, depth_max) : problem);
  }
  if (used < text.size()) return error_at(text, used, describe(json::error::extra_data, depth_max));
  return parser.handler().release();
}

void append_quoted(std::string& out, std::string_view text) {
  const auto is_plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
  if (std::ranges::all_of(text, is_plain))
    out.append(1, '"').append(text).append(1, '"');
  else
    out += json::serialize(json::string_view(text));
}

std::string json_text(const json::value& value) { return written(value, false); }
std::string json_pretty(const json::value& value) { return written(value, true); }

json::value stored_json(std::string_view text, json::value otherwise) {
  json::parse_options options;
  options.max_depth = kStoredDepthMax;
  json::basic_parser<Builder<Source::stored>> parser(options, LongIntegers::rounded);
  json::error_code error;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), error);
  return error || used < text.size() ? std::move(otherwise) : parser.handler().release();
}

std::optional<std::int64_t> integer_of(double number) {
  constexpr double kExact = 9'007'199'254'740'992.0;
  if (std::trunc(number) != number || std::abs(number) >= kExact) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

json::value canonical_json(const json::value& value, Numbers numbers) {
  if (const auto* list = value.if_array()) {
    json::array all;
    all.reserve(list->size());
    for (const auto& each : *list) all.push_back(canonical_json(each, numbers));
    return all;
  }
  if (const auto* number = value.if_double(); number && numbers == Numbers::by_value)
    if (const auto integer = integer_of(*number)) return *integer;
  if (!value.is_object()) return value;
  std::map<std::string_view, const json::value*> members;
  for (const auto& each : value.get_object()) members.emplace(each.key(), &each.value());
  json::object object;
  for (const auto& [key, member] : members) object.emplace(key, canonical_json(*member, numbers));
  return object;
}

bool same_json(std::string_view a, std::string_view b, Numbers numbers) {
  const auto text = [&](std::string_view json) {
    return json_text(canonical_json(stored_json(json, nullptr), numbers));
  };
  return a == b || text(a) == text(b);
}

FieldError invalid(std::string attr, std::string detail, std::string hint) {
  return {std::move(attr), "invalid_input", std::move(detail), std::move(hint)};
}

std::string join_attr(std::string_view parent, std::string_view attr) {
  std::string path(parent);
  if (!path.empty() && !attr.empty()) path += "__";
  path += attr;
  return path;
}

std::string join_attr(std::string_view parent, std::size_t index) {
  return join_attr(parent, std::to_string(index));
}

}  // namespace rruled::core
