#pragma once

#include "store/columns.h"
#include "store/errors.h"

#include <pqxx/result>
#include <pqxx/row>

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

// Values as PostgreSQL's text format writes them: ids are uuid, texts and enumerations text, all
// numbers, times and durations (milliseconds) bigint.
namespace rruled::store {

template <class T>
inline constexpr bool kIsPgId = false;
template <class Tag>
inline constexpr bool kIsPgId<Id<Tag>> = true;
template <class T>
inline constexpr bool kIsPgOptional = false;
template <class T>
inline constexpr bool kIsPgOptional<std::optional<T>> = true;

// "uuid", "text", "bigint" or "boolean"
template <class T>
[[nodiscard]] constexpr std::string_view pg_type() {
  if constexpr (kIsPgOptional<T>) {
    return pg_type<typename T::value_type>();
  } else if constexpr (kIsPgId<T>) {
    return "uuid";
  } else if constexpr (std::is_same_v<T, std::string> || std::is_enum_v<T>) {
    return "text";
  } else if constexpr (std::is_same_v<T, bool>) {
    return "boolean";
  } else {
    return "bigint";
  }
}

void append_uuid(std::string& out, const boost::uuids::uuid& id);
[[nodiscard]] boost::uuids::uuid read_uuid(std::string_view text);
// Between quotes, as an element of an array.
void append_quoted(std::string& out, std::string_view text);
[[noreturn]] void throw_bad_value(std::string_view text);

template <std::integral T>
void append_number(std::string& out, T number) {
  char digits[24];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), number).ptr;
  out.append(digits, end);
}

template <class T>
void append_value(std::string& out, const T& value) {
  if constexpr (kIsPgId<T>) {
    append_uuid(out, value.value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    out += value;
  } else if constexpr (std::is_enum_v<T>) {
    out += word(value);
  } else if constexpr (std::is_same_v<T, bool>) {
    out += value ? 't' : 'f';
  } else if constexpr (std::is_same_v<T, milliseconds>) {
    append_number(out, value.count());
  } else if constexpr (std::is_integral_v<T>) {
    append_number(out, value);
  } else {
    append_number(out, std::chrono::duration_cast<milliseconds>(value.time_since_epoch()).count());
  }
}

// An array as one parameter: "{1,NULL,2}".
class PgArray {
 public:
  template <class T>
  void add(const T& value) {
    if constexpr (kIsPgOptional<T>) {
      if (value) return add(*value);
      separate();
      text_ += "NULL";
    } else {
      separate();
      if constexpr (std::is_same_v<T, std::string>) {
        append_quoted(text_, value);
      } else {
        append_value(text_, value);
      }
    }
  }
  [[nodiscard]] std::string finish() && {
    text_ += '}';
    return std::move(text_);
  }

 private:
  void separate() {
    if (text_.size() > 1) text_ += ',';
  }
  std::string text_ = "{";
};

// The parameters of one statement, in order.
//
//   Params params;
//   params.add(id).add_each(batch, [](const Finish& finish) { return finish.fence; });
class Params {
 public:
  template <class T>
  Params& add(const T& value) {
    if constexpr (kIsPgOptional<T>) {
      if (value) return add(*value);
      values_.emplace_back();
    } else {
      append_value(values_.emplace_back(std::in_place, std::string()).value(), value);
    }
    return *this;
  }
  // An array with what `project` makes of each.
  template <class Range, class Project>
  Params& add_each(const Range& range, Project project) {
    PgArray array;
    for (const auto& each : range) array.add(project(each));
    return add(std::move(array));
  }
  template <class Value>
  Params& add_all(const std::vector<Value>& values) {
    return add_each(values, [](const Value& value) -> const Value& { return value; });
  }
  Params& add(PgArray array) {
    values_.emplace_back(std::move(array).finish());
    return *this;
  }
  // One array for each column of the rows.
  template <class Row>
  Params& add_rows(const std::vector<const Row*>& rows);

  // Valid as long as nothing is added. Null pointers are NULL.
  [[nodiscard]] std::vector<const char*> pointers() const {
    std::vector<const char*> all;
    all.reserve(values_.size());
    for (const auto& value : values_) all.push_back(value ? value->c_str() : nullptr);
    return all;
  }

 private:
  std::vector<std::optional<std::string>> values_;
};

template <class Row>
Params& Params::add_rows(const std::vector<const Row*>& rows) {
  std::vector<PgArray> columns;
  const Row shape{};
  visit_columns(shape, [&](std::string_view, const auto&) { columns.emplace_back(); });
  for (const auto* row : rows) {
    auto column = columns.begin();
    visit_columns(*row, [&](std::string_view, const auto& member) { (column++)->add(member); });
  }
  for (auto& column : columns) add(std::move(column));
  return *this;
}

// Reads the columns of one row of a result in order.
class PgReader {
 public:
  PgReader(const pqxx::result& result, pqxx::result::size_type row) : row_(result[row]) {}

  template <class T>
  [[nodiscard]] T read() {
    const auto field = row_[column_];
    if constexpr (kIsPgOptional<T>) {
      if (field.is_null()) {
        ++column_;
        return std::nullopt;
      }
      return read<typename T::value_type>();
    } else {
      ++column_;
      const std::string_view text(field.c_str(), field.size());
      if constexpr (kIsPgId<T>) {
        return T{read_uuid(text)};
      } else if constexpr (std::is_same_v<T, std::string>) {
        return std::string(text);
      } else if constexpr (std::is_same_v<T, bool>) {
        return text == "t";
      } else if constexpr (std::is_enum_v<T>) {
        const auto value = parse_word<T>(text);
        if (!value) throw_bad_value(text);
        return *value;
      } else if constexpr (std::is_same_v<T, milliseconds>) {
        return milliseconds(number<std::int64_t>(text));
      } else if constexpr (std::is_integral_v<T>) {
        return number<T>(text);
      } else {
        return T(
            std::chrono::floor<typename T::duration>(milliseconds(number<std::int64_t>(text))));
      }
    }
  }
  template <class Row>
  [[nodiscard]] Row read_row() {
    Row row;
    visit_columns(row, [&](std::string_view, auto& member) {
      member = read<std::remove_cvref_t<decltype(member)>>();
    });
    return row;
  }

 private:
  template <class T>
  static T number(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) throw_bad_value(text);
    return value;
  }

  pqxx::row row_;
  pqxx::row::size_type column_ = 0;
};

// Calls `each` with a reader of each row.
template <class Each>
void for_each_row(const pqxx::result& result, Each each) {
  for (pqxx::result::size_type i = 0; i < result.size(); ++i) {
    PgReader reader(result, i);
    each(reader);
  }
}

template <class Value>
[[nodiscard]] std::vector<Value> read_values(const pqxx::result& result) {
  std::vector<Value> values;
  for_each_row(result, [&](PgReader& row) { values.push_back(row.read<Value>()); });
  return values;
}

template <class Row>
[[nodiscard]] std::vector<Row> read_table(const pqxx::result& result) {
  std::vector<Row> rows;
  for_each_row(result, [&](PgReader& row) { rows.push_back(row.read_row<Row>()); });
  return rows;
}

}  // namespace rruled::store
