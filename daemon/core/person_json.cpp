#include "daemon/core/person_json.h"

#include "daemon/core/control_characters.h"
#include "daemon/core/field_reader.h"
#include "daemon/core/time_text.h"

#include <charconv>

namespace rruled::core {
namespace {

namespace json = boost::json;

// So long a time can be; nothing longer is tried as one.
constexpr std::size_t kTimeBytesMax = 40;

std::string shortest(double number) {
  char digits[32];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), number).ptr;
  return {digits, end};
}

store::PersonValue value_of(std::string_view key, const json::value& value) {
  store::PersonValue result;
  result.key = std::string(key);
  result.value = property_text(value);
  auto folded = store::fold_case(result.value);
  if (folded != result.value) result.folded = std::move(folded);
  if (value.is_string() || value.is_number())
    if (const auto number = store::number_in(result.value))
      result.number = store::order_of(*number);
  if (value.is_string()) result.at = property_time(result.value);
  return result;
}

}  // namespace

std::string property_text(const json::value& value) {
  if (const auto* text = value.if_string()) return std::string(*text);
  if (const auto* number = value.if_double()) {
    const auto integer = integer_of(*number);
    return integer ? std::to_string(*integer) : shortest(*number);
  }
  return json_text(value);
}

std::optional<store::Timestamp> property_time(std::string_view text) {
  if (text.size() > kTimeBytesMax) return std::nullopt;
  const auto time = parse_time(text);
  if (!time) return std::nullopt;
  if (const auto* instant = std::get_if<store::Timestamp>(&*time)) return *instant;
  return store::Timestamp(std::get<rrule::local_seconds>(*time).time_since_epoch());
}

std::vector<store::PersonValue> person_values(const json::object& properties) {
  std::vector<store::PersonValue> values;
  for (const auto& [key, value] : properties)
    if (!value.is_null()) values.push_back(value_of(key, value));
  return values;
}

FieldResult<store::PersonPut> person_from_json(const json::object& object,
                                               std::int64_t project_id,
                                               store::PersonId id,
                                               std::string_view parent) {
  const auto refuse = [&](std::string_view attr, std::string code, std::string detail) {
    return FieldError{join_attr(parent, attr), std::move(code), std::move(detail)};
  };
  store::PersonPut put;
  put.person.id = id;
  put.person.project_id = project_id;
  FieldReader fields(object, std::string(parent));
  fields.text("distinct_id", put.person.distinct_id,
              {.length_max = kDistinctIdMax, .required = true});
  if (fields.failed()) return *fields.error();
  if (has_control_character(put.person.distinct_id))
    return refuse("distinct_id", "invalid_input", kControlCharacters);
  const auto* properties = object.if_contains("properties");
  put.keep = properties == nullptr;
  if (put.keep) return put;
  if (!properties->is_object())
    return refuse("properties", "invalid_input", "Expected an object of properties.");
  put.person.properties = json_text(*properties);
  if (put.person.properties.size() > kPersonBytesMax ||
      properties->get_object().size() > kPersonPropertiesMax)
    return refuse("properties", "invalid_input",
                  "A person has at most " + std::to_string(kPersonPropertiesMax) +
                      " properties, of 64 KiB together.");
  put.values = person_values(properties->get_object());
  for (const auto& value : put.values)
    if (value.key.find('\0') != std::string::npos || value.value.find('\0') != std::string::npos)
      return refuse("properties", "invalid_input", "Texts must not hold NUL.");
  return put;
}

json::object to_json(const store::Person& person) {
  return {
      {"id", to_string(person.id)},
      {"distinct_id", person.distinct_id},
      {"properties", stored_json(person.properties, json::object())},
      {"created_at", iso_microseconds(person.created_at)},
      {"updated_at", iso_microseconds(person.updated_at)},
  };
}

}  // namespace rruled::core
