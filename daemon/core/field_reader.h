#pragma once

#include "daemon/core/json_text.h"
#include "store/ids.h"
#include "store/words.h"

#include <boost/json/object.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rruled::core {

// Reads the fields of one JSON object into a row. A field that is absent leaves its target alone;
// the first field that cannot be used is kept as the error, and nothing is read after it.
//
//   FieldReader fields(object);
//   fields.text("name", row.name, {.length_max = 400});
//   fields.word("overlap", row.overlap);
//   if (fields.failed()) return *fields.error();
class FieldReader {
 public:
  // `object` must outlive the reader. `parent`: the path of the object itself, for errors.
  explicit FieldReader(const boost::json::object& object, std::string parent = {})
      : object_(object), parent_(std::move(parent)) {}

  struct TextLimits {
    std::size_t length_max = std::numeric_limits<std::size_t>::max();  // code points
    bool blank = false;                                                // "" is allowed
    bool required = false;
  };
  void text(std::string_view key, std::string& target, TextLimits limits);
  void nullable_text(std::string_view key, std::optional<std::string>& target, TextLimits limits);

  template <class Enum>
  void word(std::string_view key, Enum& target) {
    const auto* value = present(key);
    if (!value) return;
    const auto* text = value->if_string();
    const auto parsed = text ? store::parse_word<Enum>(*text) : std::nullopt;
    if (parsed)
      target = *parsed;
    else
      refuse_choice(key, *value, store::all_words<Enum>());
  }
  void choice(std::string_view key, std::string& target, std::span<const std::string_view> words);

  void integer(std::string_view key, std::int64_t& target, std::int64_t min, std::int64_t max);
  template <class Small>
  void integer(std::string_view key, Small& target, std::int64_t min, std::int64_t max) {
    std::int64_t wide = target;
    integer(key, wide, min, max);
    target = static_cast<Small>(wide);
  }

  // "90s", "5m", "PT5M", ..: duration.h.
  void duration(std::string_view key,
                std::chrono::milliseconds& target,
                std::chrono::milliseconds min);
  // null is "none".
  void nullable_duration(std::string_view key,
                         std::optional<std::chrono::milliseconds>& target,
                         std::chrono::milliseconds min);
  // An instant: with Z or an offset.
  void instant(std::string_view key, store::Timestamp& target);

  // Serialized as it is; null only where allowed.
  void any_json(std::string_view key, std::string& target, bool null_allowed);
  void object_json(std::string_view key, std::string& target, bool null_allowed);

  // The value, when it is there and nothing was refused before. Null counts as there.
  [[nodiscard]] const boost::json::value* find(std::string_view key) const;
  // The same, but null is refused.
  [[nodiscard]] const boost::json::value* present(std::string_view key);

  void refuse(std::string_view key, std::string code, std::string detail, std::string hint = {});
  void refuse(FieldError error);
  void require(std::string_view key);

  [[nodiscard]] bool failed() const { return error_.has_value(); }
  [[nodiscard]] const std::optional<FieldError>& error() const { return error_; }

  // Keys of `object` that are in none of `known`, as paths below `parent`.
  [[nodiscard]] static std::vector<std::string> unknown_keys(
      const boost::json::object& object,
      std::span<const std::string_view> known,
      std::string_view parent = {});

 private:
  void refuse_choice(std::string_view key,
                     const boost::json::value& value,
                     const std::string& words);
  // Empty when the text can be stored.
  [[nodiscard]] std::optional<std::string> checked_text(std::string_view key,
                                                        const boost::json::value& value,
                                                        const TextLimits& limits);

  const boost::json::object& object_;
  std::string parent_;
  std::optional<FieldError> error_;
};

}  // namespace rruled::core
