#include "daemon/core/property_filter.h"

#include "daemon/core/person_json.h"
#include "daemon/core/time_text.h"

#include <date/date.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace rruled::core {
namespace {

namespace json = boost::json;
using store::PersonFilter;
using store::PersonOperator;
using Op = PersonOperator;
using store::Timestamp;

constexpr std::array<std::string_view, 4> kConditionKeys{"key", "type", "operator", "value"};
constexpr std::array<std::string_view, 2> kGroupKeys{"type", "values"};

std::optional<FieldError> refuse_unknown(const json::object& object,
                                         std::span<const std::string_view> known,
                                         std::string_view path) {
  for (const auto& [key, value] : object)
    if (std::ranges::find(known, std::string_view(key)) == known.end())
      return invalid(join_attr(path, key), "Not known here: the filter would mean other persons.");
  return std::nullopt;
}

// Reads a whole filter; the first error is kept and thrown as a value at the end.
class FilterReader {
 public:
  explicit FilterReader(Timestamp now) : now_(now) {}

  // Parts that all must fit.
  PersonFilter list(const json::array& values, const std::string& path, std::size_t depth);
  PersonFilter part(const json::value& value, const std::string& path, std::size_t depth);
  // Its other members are for the caller to judge.
  PersonFilter group(const json::object& object, const std::string& path, std::size_t depth);
  void fail(FieldError error) {
    if (!error_) error_ = std::move(error);
  }
  [[nodiscard]] FieldResult<PersonFilter> result(PersonFilter filter) {
    if (error_) return *error_;
    return filter;
  }

 private:
  PersonFilter condition(const json::object& object, const std::string& path);
  void check_type(const json::object& object, const std::string& path);
  std::optional<Op> operator_of(const json::object& object, const std::string& path);
  void read_value(const json::value* value,
                  store::PersonCondition& condition,
                  const std::string& path);
  void read_date(store::PersonCondition& condition, const std::string& path);
  void add_text(const json::value& value,
                store::PersonCondition& condition,
                const std::string& path);

  Timestamp now_;
  std::size_t conditions_ = 0;
  std::size_t values_ = 0;
  std::optional<FieldError> error_;
};

PersonFilter FilterReader::list(const json::array& values,
                                const std::string& path,
                                std::size_t depth) {
  PersonFilter filter;
  std::size_t index = 0;
  for (const auto& each : values) {
    if (error_) return filter;
    filter.parts.push_back(part(each, join_attr(path, index++), depth));
  }
  return filter;
}

PersonFilter FilterReader::part(const json::value& value,
                                const std::string& path,
                                std::size_t depth) {
  const auto* object = value.if_object();
  if (object == nullptr) {
    fail(invalid(path, "A filter must be an object."));
    return {};
  }
  if (!object->contains("values")) return condition(*object, path);
  if (auto unknown = refuse_unknown(*object, kGroupKeys, path)) {
    fail(std::move(*unknown));
    return {};
  }
  return group(*object, path, depth);
}

PersonFilter FilterReader::group(const json::object& object,
                                 const std::string& path,
                                 std::size_t depth) {
  const auto* type = object.if_contains("type");
  const auto* values = object.at("values").if_array();
  const std::string below = join_attr(path, "values");
  if (depth >= kFilterDepthMax) {
    fail(invalid(path, "Groups are nested deeper than " + std::to_string(kFilterDepthMax) + "."));
  } else if (type == nullptr || (*type != "AND" && *type != "OR")) {
    fail(invalid(join_attr(path, "type"), "A group of filters is AND or OR."));
  } else if (values == nullptr) {
    fail(invalid(below, "Must be an array."));
  } else if (values->empty()) {
    fail(invalid(below, "A group must not be empty."));
  } else {
    PersonFilter filter = list(*values, below, depth + 1);
    filter.kind = *type == "AND" ? PersonFilter::Kind::all_of : PersonFilter::Kind::any_of;
    return filter;
  }
  return {};
}

void FilterReader::check_type(const json::object& object, const std::string& path) {
  const auto* type = object.if_contains("type");
  if (type == nullptr || *type == "person") return;
  fail(invalid(join_attr(path, "type"),
               json_text(*type) + " is not known: only \"person\" properties can be filtered."));
}

std::optional<Op> FilterReader::operator_of(const json::object& object, const std::string& path) {
  const auto* value = object.if_contains("operator");
  if (value == nullptr || value->is_null()) return Op::exact;
  const auto* text = value->if_string();
  const auto op = text ? store::parse_word<Op>(*text) : std::nullopt;
  if (!op)
    fail(invalid(join_attr(path, "operator"), json_text(*value) + " is not a known operator."));
  return op;
}

PersonFilter FilterReader::condition(const json::object& object, const std::string& path) {
  PersonFilter filter;
  filter.kind = PersonFilter::Kind::condition;
  if (++conditions_ > kFilterConditionsMax)
    fail(invalid(path, "More than " + std::to_string(kFilterConditionsMax) + " conditions."));
  const auto* key = object.if_contains("key");
  const auto* name = key == nullptr ? nullptr : key->if_string();
  const std::string key_path = join_attr(path, "key");
  if (name == nullptr || name->empty()) {
    fail(invalid(key_path, "A filter needs a key."));
  } else if (name->size() > kFilterTextBytesMax || name->find('\0') != json::string::npos) {
    fail(invalid(key_path, "Not the key of a property: too long, or with NUL."));
  } else {
    filter.condition.key = std::string(*name);
  }
  check_type(object, path);
  const auto op = operator_of(object, path);
  if (auto unknown = refuse_unknown(object, kConditionKeys, path)) fail(std::move(*unknown));
  if (error_) return filter;
  filter.condition.op = *op;
  if (*op != Op::is_set && *op != Op::is_not_set)
    read_value(object.if_contains("value"), filter.condition, join_attr(path, "value"));
  return filter;
}

bool takes_list(Op op) {
  return op == Op::exact || op == Op::is_not || op == Op::icontains || op == Op::not_icontains;
}

bool takes_date(Op op) {
  return op == Op::is_date_before || op == Op::is_date_after || op == Op::is_date_exact;
}

void FilterReader::add_text(const json::value& value,
                            store::PersonCondition& condition,
                            const std::string& path) {
  if (value.is_null() || value.is_object() || value.is_array()) {
    fail(invalid(path, "A value must be a text, a number, true or false."));
    return;
  }
  std::string text = property_text(value);
  if (++values_ > kFilterValuesMax)
    fail(invalid(path, "More than " + std::to_string(kFilterValuesMax) + " values."));
  else if (text.size() > kFilterTextBytesMax || text.find('\0') != std::string::npos)
    fail(invalid(path, "No property has such a value: too long, or with NUL."));
  condition.values.push_back(std::move(text));
}

void FilterReader::read_value(const json::value* value,
                              store::PersonCondition& condition,
                              const std::string& path) {
  const auto* several = value == nullptr ? nullptr : value->if_array();
  if (value == nullptr || value->is_null()) {
    fail(invalid(path, "A value is required."));
  } else if (several != nullptr && !takes_list(condition.op)) {
    fail(invalid(path, "This operator takes one value."));
  } else if (several != nullptr && several->empty()) {
    fail(invalid(path, "A list of values must not be empty."));
  } else if (several != nullptr) {
    std::size_t index = 0;
    for (const auto& each : *several) {
      add_text(each, condition, join_attr(path, index++));
      if (error_) return;
    }
  } else {
    add_text(*value, condition, path);
  }
  if (error_) return;
  if (condition.op == Op::icontains || condition.op == Op::not_icontains)
    for (auto& text : condition.values) text = store::fold_case(text);
  if (condition.op == Op::regex || condition.op == Op::not_regex) {
    const auto& pattern = condition.values.front();
    const auto problem = pattern.size() > kFilterRegexBytesMax
                             ? "longer than " + std::to_string(kFilterRegexBytesMax) + " bytes"
                             : store::regex_problem(pattern);
    if (!problem.empty()) fail(invalid(path, "Not a regular expression of RE2: " + problem + "."));
  }
  if (condition.op == Op::gt || condition.op == Op::gte || condition.op == Op::lt ||
      condition.op == Op::lte)
    if (const auto number = store::number_in(condition.values.front()))
      condition.number = store::order_of(*number);
  if (takes_date(condition.op)) read_date(condition, path);
}

// is_date_exact of a date without a time, or a relative one, means that whole day in UTC.
void FilterReader::read_date(store::PersonCondition& condition, const std::string& path) {
  constexpr std::size_t kBareDate = 10;  // "2026-01-31"
  const auto& text = condition.values.front();
  const auto relative = relative_time(text, now_);
  const auto written = relative ? relative : property_time(text);
  if (!written) {
    fail(invalid(path, "A date is like 2026-01-31, 2026-01-31T09:00:00Z, or -7d."));
    return;
  }
  condition.from = *written;
  condition.to = condition.from + std::chrono::milliseconds(1);
  if (condition.op != Op::is_date_exact || (!relative && text.size() > kBareDate)) return;
  condition.from = std::chrono::floor<date::days>(*written);
  condition.to = condition.from + date::days(1);
}

// {"type": .., "values": ..} in place of {"properties": ..}.
bool is_group(const json::object& filters) { return filters.contains("values"); }

bool has_properties(const json::object& filters) {
  const auto* properties = filters.if_contains("properties");
  return properties != nullptr && !properties->is_null();
}

// What else a flow's filters may hold, as long as it chooses nobody.
std::optional<FieldError> check_rest(const json::object& filters, std::string_view parent) {
  constexpr std::array<std::string_view, 2> kLists{"events", "actions"};
  constexpr std::array<std::string_view, 3> kIgnored{"properties", "bytecode", "source"};
  for (const auto& [key, value] : filters) {
    const std::string_view name = key;
    if (std::ranges::find(kIgnored, name) != kIgnored.end()) continue;
    if (is_group(filters) && std::ranges::find(kGroupKeys, name) != kGroupKeys.end()) continue;
    const bool list = std::ranges::find(kLists, name) != kLists.end();
    if (list && (value.is_null() || (value.is_array() && value.get_array().empty()))) continue;
    if (name == "filter_test_accounts" && (value.is_null() || value == false)) continue;
    return invalid(join_attr(parent, name),
                   "Not known here: an audience is chosen by properties of persons alone.");
  }
  return std::nullopt;
}

}  // namespace

FieldResult<PersonFilter> properties_from_json(const json::value& properties,
                                               std::string_view path,
                                               Timestamp now) {
  FilterReader reader(now);
  if (const auto* list = properties.if_array())
    return reader.result(reader.list(*list, std::string(path), 0));
  const auto* object = properties.if_object();
  if (object == nullptr || !object->contains("values"))
    return invalid(std::string(path), "Properties must be an array.");
  return reader.result(reader.part(properties, std::string(path), 0));
}

FieldResult<PersonFilter> filter_from_json(const json::value& filters,
                                           std::string_view parent,
                                           Timestamp now) {
  const auto* object = filters.if_object();
  if (object == nullptr) return invalid(std::string(parent), "Filters must be a dictionary.");
  if (auto error = check_rest(*object, parent)) return *error;
  const bool listed = has_properties(*object);
  if (is_group(*object)) {
    if (listed)
      return invalid(join_attr(parent, "values"), "Filters have properties or a group, not both.");
    FilterReader reader(now);
    return reader.result(reader.group(*object, std::string(parent), 0));
  }
  if (!listed) return PersonFilter{};
  return properties_from_json(object->at("properties"), join_attr(parent, "properties"), now);
}

FieldResult<PersonFilter> audience_from_json(const json::value& filters,
                                             std::string_view parent,
                                             Timestamp now) {
  const auto* object = filters.if_object();
  if (object != nullptr && !is_group(*object) && !has_properties(*object))
    return invalid(join_attr(parent, "properties"), "Properties must be an array.");
  return filter_from_json(filters, parent, now);
}

FieldResult<PersonFilter> trigger_audience(std::string_view trigger_config, Timestamp now) {
  const auto config = stored_json(trigger_config, json::object());
  const auto* object = config.if_object();
  const auto* filters = object == nullptr ? nullptr : object->if_contains("filters");
  if (filters == nullptr)
    return invalid("trigger__filters", "Filters are required for batch triggers.");
  return filter_from_json(*filters, "trigger__filters", now);
}

std::optional<Timestamp> relative_time(std::string_view text, Timestamp now) {
  constexpr int kNumberMax = 9'999;
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.size() < 2) return std::nullopt;
  int number = 0;
  const auto* unit = text.data() + text.size() - 1;
  const auto read = std::from_chars(text.data(), unit, number);
  if (read.ec != std::errc() || read.ptr != unit || number < 0 || number > kNumberMax)
    return std::nullopt;
  const auto day = date::floor<date::days>(now);
  const auto months_back = [&](int months) -> Timestamp {
    date::year_month_day then = date::year_month_day(day) - date::months(months);
    if (!then.ok()) then = then.year() / then.month() / date::last;
    return date::sys_days(then) + (now - day);
  };
  switch (*unit) {
    case 'h':
      return now - std::chrono::hours(number);
    case 'd':
      return now - date::days(number);
    case 'w':
      return now - date::weeks(number);
    case 'm':
      return months_back(number);
    case 'y':
      return months_back(12 * number);
    default:
      return std::nullopt;
  }
}

}  // namespace rruled::core
