#include "daemon/core/field_reader.h"

#include "daemon/core/duration.h"
#include "daemon/core/time_text.h"

#include <algorithm>
#include <utility>

namespace rruled::core {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

// Far beyond any use, and far from where sums of times overflow.
constexpr milliseconds kDurationMax = std::chrono::hours(24 * 3'650);

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

}  // namespace

const json::value* FieldReader::find(std::string_view key) const {
  return failed() ? nullptr : object_.if_contains(key);
}

const json::value* FieldReader::present(std::string_view key) {
  const auto* value = find(key);
  if (!value || !value->is_null()) return value;
  refuse(key, "null", "This field may not be null.");
  return nullptr;
}

void FieldReader::refuse(std::string_view key,
                         std::string code,
                         std::string detail,
                         std::string hint) {
  refuse(FieldError{std::string(key), std::move(code), std::move(detail), std::move(hint)});
}

void FieldReader::refuse(FieldError error) {
  if (failed()) return;
  error.attr = join_attr(parent_, error.attr);
  error_ = std::move(error);
}

void FieldReader::require(std::string_view key) {
  if (!failed() && !object_.contains(key)) refuse(key, "required", "This field is required.");
}

std::optional<std::string> FieldReader::checked_text(std::string_view key,
                                                     const json::value& value,
                                                     const TextLimits& limits) {
  const auto* text = value.if_string();
  if (!text) {
    refuse(key, "invalid_input", "Not a valid string.");
  } else if (text->find('\0') != json::string::npos) {
    refuse(key, "invalid_input", "Null characters are not allowed.");
  } else if (!limits.blank &&
             text->find_first_not_of(std::string_view(" \t\r\n")) == json::string::npos) {
    refuse(key, "blank", "This field may not be blank.");
  } else if (code_points(*text) > limits.length_max) {
    refuse(
        key, "max_length",
        "Ensure this field has no more than " + std::to_string(limits.length_max) + " characters.");
  } else {
    return std::string(*text);
  }
  return std::nullopt;
}

void FieldReader::text(std::string_view key, std::string& target, TextLimits limits) {
  if (limits.required) require(key);
  const auto* value = present(key);
  if (!value) return;
  if (auto text = checked_text(key, *value, limits)) target = std::move(*text);
}

void FieldReader::nullable_text(std::string_view key,
                                std::optional<std::string>& target,
                                TextLimits limits) {
  const auto* value = find(key);
  if (!value) return;
  if (value->is_null())
    target.reset();
  else if (auto text = checked_text(key, *value, limits))
    target = std::move(*text);
}

void FieldReader::refuse_choice(std::string_view key,
                                const json::value& value,
                                const std::string& words) {
  refuse(key, "invalid_input", json_text(value) + " is not a valid choice.",
         "Valid: " + words + ".");
}

void FieldReader::choice(std::string_view key,
                         std::string& target,
                         std::span<const std::string_view> words) {
  const auto* value = present(key);
  if (!value) return;
  const auto* text = value->if_string();
  if (text && std::find(words.begin(), words.end(), std::string_view(*text)) != words.end()) {
    target = std::string(*text);
    return;
  }
  std::string list;
  for (const auto& each : words) list.append(list.empty() ? "" : ", ").append(each);
  refuse_choice(key, *value, list);
}

void FieldReader::integer(std::string_view key,
                          std::int64_t& target,
                          std::int64_t min,
                          std::int64_t max) {
  const auto* value = present(key);
  if (!value) return;
  if (!value->is_int64()) {
    refuse(key, "invalid_input", "A valid integer is required.");
  } else if (const auto number = value->get_int64(); number < min || number > max) {
    refuse(key, "invalid_input",
           "Must be between " + std::to_string(min) + " and " + std::to_string(max) + ".");
  } else {
    target = number;
  }
}

void FieldReader::duration(std::string_view key, milliseconds& target, milliseconds min) {
  const auto* value = present(key);
  if (!value) return;
  const auto* text = value->if_string();
  if (!text) {
    refuse(key, "invalid_input", R"(A duration is a text such as "90s", "5m" or "PT1H30M".)");
    return;
  }
  const auto parsed = parse_duration(*text);
  if (!parsed)
    refuse(key, "invalid_input", parsed.error().detail + ".");
  else if (*parsed < min || *parsed > kDurationMax)
    refuse(key, "invalid_input",
           "Must be between " + duration_text(min) + " and " + duration_text(kDurationMax) + ".");
  else
    target = *parsed;
}

void FieldReader::nullable_duration(std::string_view key,
                                    std::optional<milliseconds>& target,
                                    milliseconds min) {
  const auto* value = find(key);
  if (!value) return;
  if (value->is_null()) {
    target.reset();
    return;
  }
  milliseconds given{0};
  duration(key, given, min);
  if (!failed()) target = given;
}

void FieldReader::instant(std::string_view key, store::Timestamp& target) {
  const auto* value = present(key);
  if (!value) return;
  const auto* text = value->if_string();
  if (!text) {
    refuse(key, "invalid_input", "A time is a text such as \"2026-01-31T09:00:00Z\".");
    return;
  }
  const auto time = parse_time(*text);
  if (!time) {
    refuse(key, "invalid_input", "Not a time: " + time.error().detail + ".");
  } else if (const auto* given = std::get_if<store::Timestamp>(&*time)) {
    target = *given;
  } else {
    refuse(key, "invalid_input", "A time needs Z or an offset, as in 2026-01-31T09:00:00+01:00.",
           key == "starts_at" ? "Wall-clock time goes into starts_at_local." : "");
  }
}

void FieldReader::any_json(std::string_view key, std::string& target, bool null_allowed) {
  const auto* value = null_allowed ? find(key) : present(key);
  if (value) target = json_text(*value);
}

void FieldReader::object_json(std::string_view key, std::string& target, bool null_allowed) {
  const auto* value = null_allowed ? find(key) : present(key);
  if (!value) return;
  if (value->is_object() || value->is_null())
    target = json_text(*value);
  else
    refuse(key, "invalid_input", "Must be an object.");
}

std::vector<std::string> FieldReader::unknown_keys(const json::object& object,
                                                   std::span<const std::string_view> known,
                                                   std::string_view parent) {
  std::vector<std::string> unknown;
  for (const auto& member : object)
    if (std::find(known.begin(), known.end(), std::string_view(member.key())) == known.end())
      unknown.push_back(join_attr(parent, member.key()));
  return unknown;
}

}  // namespace rruled::core
