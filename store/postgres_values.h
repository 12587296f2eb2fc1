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

// Values on their way to PostgreSQL, in its binary format, and back, in its text format: ids are
// uuid, texts and enumerations text, all numbers, times and durations (milliseconds) bigint.
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

[[noreturn]] void throw_bad_value(std::string_view text);

// The value as the server's binary format has it: ids their 16 bytes, numbers and times 8, the most
// significant first.
void append_big_endian(std::string& out, std::int64_t number);
template <class T>
void append_binary(std::string& out, const T& value) {
  if constexpr (kIsPgId<T>) {
    out.append(reinterpret_cast<const char*>(value.value.data), sizeof value.value.data);
  } else if constexpr (std::is_same_v<T, std::string>) {
    out += value;
  } else if constexpr (std::is_enum_v<T>) {
    out += word(value);
  } else if constexpr (std::is_same_v<T, bool>) {
    out += value ? '\1' : '\0';
  } else if constexpr (std::is_same_v<T, milliseconds>) {
    append_big_endian(out, value.count());
  } else if constexpr (std::is_integral_v<T>) {
    append_big_endian(out, static_cast<std::int64_t>(value));
  } else {
    append_big_endian(out,
                      std::chrono::duration_cast<milliseconds>(value.time_since_epoch()).count());
  }
}

// The server's numbers of these types; they never change.
[[nodiscard]] constexpr std::uint32_t pg_oid(std::string_view type) {
  if (type == "uuid") return 2950;
  if (type == "text") return 25;
  if (type == "boolean") return 16;
  if (type == "bytea") return 17;
  return 20;  // bigint
}

// An array as one parameter. The server reads it in half of the time that it takes for a text.
class PgArray {
 public:
  // Of "uuid", "text", "bigint", "boolean" or "bytea".
  explicit PgArray(std::string_view type);

  template <class T>
  void add(const T& value) {
    if constexpr (kIsPgOptional<T>) {
      if (value) return add(*value);
      add_null();
    } else {
      const auto start = begin_element();
      append_binary(bytes_, value);
      end_element(start);
    }
  }
  [[nodiscard]] std::string finish() &&;

 private:
  void add_null();
  std::size_t begin_element();  // where it starts
  void end_element(std::size_t start);

  std::string bytes_;
  std::uint32_t count_ = 0;
  bool has_null_ = false;
};

// Which columns of a row are meant, by name.
using PgWanted = bool (*)(std::string_view column);
[[nodiscard]] inline bool every_column(std::string_view) { return true; }

// The parameters of one statement, in order, in the binary format: a statement says `::bigint` (or
// has a bigint column) where a number goes, whatever its type is here.
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
      append_binary(values_.emplace_back().emplace(), value);
    }
    return *this;
  }
  // An array with what `project` makes of each.
  template <class Range, class Project>
  Params& add_each(const Range& range, Project project) {
    using Element = std::remove_cvref_t<decltype(project(*std::begin(range)))>;
    PgArray array(pg_type<Element>());
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
  // One array for each column of the rows that `wanted` names.
  template <class Row>
  Params& add_rows(const std::vector<const Row*>& rows, PgWanted wanted = every_column);

  // Absent: NULL.
  [[nodiscard]] const std::vector<std::optional<std::string>>& values() const { return values_; }

 private:
  std::vector<std::optional<std::string>> values_;
};

template <class Row>
Params& Params::add_rows(const std::vector<const Row*>& rows, PgWanted wanted) {
  std::vector<std::optional<PgArray>> columns;
  const Row shape{};
  visit_columns(shape, [&]<class Member>(std::string_view name, const Member&) {
    columns.emplace_back();
    if (wanted(name)) columns.back().emplace(pg_type<Member>());
  });
  for (const auto* row : rows) {
    auto column = columns.begin();
    visit_columns(*row, [&](std::string_view, const auto& member) {
      if (*column) (*column)->add(member);
      ++column;
    });
  }
  for (auto& column : columns)
    if (column) add(std::move(*column));
  return *this;
}

// Reads the columns of one row of a result in order.
class PgReader {
 public:
  PgReader(const pqxx::result& result, pqxx::result::size_type row) : field_(result[row].begin()) {}

  template <class T>
  [[nodiscard]] T read() {
    if constexpr (kIsPgOptional<T>) {
      if (field_.is_null()) {
        ++field_;
        return std::nullopt;
      }
      return read<typename T::value_type>();
    } else {
      const std::string_view text(field_.c_str(), field_.size());
      ++field_;
      if constexpr (kIsPgId<T>) {
        const auto id = parse_uuid(text);
        if (!id) throw_bad_value(text);
        return T{*id};
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

  // Moves on in place: to make a field anew costs more than to read it.
  pqxx::row::const_iterator field_;
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
