#pragma once

#include <boost/json/value.hpp>
#include <boost/system/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// JSON that comes from people and other programs, and JSON that goes to them. Pure, thread-safe.
namespace rruled::core {

// Arrays and objects inside each other, at most, in a body.
inline constexpr std::size_t kJsonDepthMax = 32;
// Of texts that are stored, and of files: what was taken from a body is wrapped in a few levels of
// ours (a trigger in `actions`, variables in the body of a run, all of it in what `export` prints),
// and must be read back.
inline constexpr std::size_t kStoredDepthMax = 2 * kJsonDepthMax;

// Why a text is not JSON that we take. `offset` counts bytes from 0; line and column from 1.
struct JsonError {
  std::size_t offset = 0;
  std::size_t line = 1;
  std::size_t column = 1;
  std::string detail;
};

// value() of an error throws std::invalid_argument; has_value() first.
[[noreturn]] void throw_exception_from_error(const JsonError& error,
                                             const boost::source_location& where);

// Integers that 64 bits do not hold: an error, as a double would be another number; or a double all
// the same, in an answer that is read for other members.
enum class LongIntegers { refused, rounded };

// One JSON value (RFC 8259) and nothing after it. Refuses what parsers read differently: a key
// given twice in one object, bytes that are not UTF-8, nesting beyond `depth_max`, numbers that no
// double has (1e400) and, by `integers`, those that it would round.
[[nodiscard]] boost::system::result<boost::json::value, JsonError> parse_json(
    std::string_view text,
    LongIntegers integers = LongIntegers::refused,
    std::size_t depth_max = kJsonDepthMax);

// Keys in the order they have, numbers in their shortest form that reads back equal; one line.
[[nodiscard]] std::string json_text(const boost::json::value& value);
// The same, indented by two spaces a level; ends without a line break.
[[nodiscard]] std::string json_pretty(const boost::json::value& value);

// `text` as a JSON string, at the end of `out`.
void append_quoted(std::string& out, std::string_view text);

// `text` as a value when it is JSON, else `otherwise`: for texts that were checked when stored.
[[nodiscard]] boost::json::value stored_json(std::string_view text, boost::json::value otherwise);

// The integer that `number` is. Absent: it is none, or not below 2^53 in magnitude, from where on
// several integers are the same double.
[[nodiscard]] std::optional<std::int64_t> integer_of(double number);

// Whether 18 and 18.0 differ, or are the same number.
enum class Numbers { as_written, by_value };

// With the members of objects in order of their names and, by value, each integer_of() in its
// number's place: equal, as a value and as a text, for what is the same.
[[nodiscard]] boost::json::value canonical_json(const boost::json::value& value,
                                                Numbers numbers = Numbers::by_value);

// Equal as JSON, whatever the order of keys.
[[nodiscard]] bool same_json(std::string_view a, std::string_view b, Numbers numbers);

// A field that cannot be used. `attr` is its path, parts joined by "__" ("retry__max_attempts",
// "actions__1__config"); empty: the whole. `code` as in the API: invalid_input, required, blank,
// null, max_length. `detail` is a sentence; `hint` says more to people and is not part of the API's
// texts.
struct FieldError {
  std::string attr;
  std::string code;
  std::string detail;
  std::string hint = {};
  std::optional<std::size_t> offset = {};  // into the field's text, where that helps
};
[[noreturn]] void throw_exception_from_error(const FieldError& error,
                                             const boost::source_location& where);
template <class T>
using FieldResult = boost::system::result<T, FieldError>;

// An error of code invalid_input.
[[nodiscard]] FieldError invalid(std::string attr, std::string detail, std::string hint = {});

// `attr` below `parent`.
[[nodiscard]] std::string join_attr(std::string_view parent, std::string_view attr);
// The item at `index` of the list `parent`.
[[nodiscard]] std::string join_attr(std::string_view parent, std::size_t index);

}  // namespace rruled::core
