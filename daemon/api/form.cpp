#include "daemon/api/form.h"

#include "store/utf8.h"

#include <algorithm>

namespace rruled::api {
namespace {

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const auto high = hex_digit(text[i + 1]);
    const auto low = hex_digit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    out += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  if (store::first_bad_byte(out)) return std::nullopt;
  return out;
}

std::optional<FormFields> parse_form(std::string_view text) {
  FormFields fields;
  while (!text.empty()) {
    const auto end = text.find('&');
    const auto pair = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    auto key = percent_decoded(pair.substr(0, equals), true);
    auto value = equals == std::string_view::npos ? std::string()
                                                  : percent_decoded(pair.substr(equals + 1), true);
    if (!key || !value) return std::nullopt;
    fields.emplace_back(std::move(*key), std::move(*value));
  }
  return fields;
}

boost::system::result<boost::json::object, core::JsonError> form_object(std::string_view text,
                                                                        const FormShape& shape) {
  // What a client sends that names no type, or curl -d: as a form it would be one strange key, and
  // what it says would be passed over.
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && (text[first] == '{' || text[first] == '['))
    return core::JsonError{.detail = "this is JSON: send Content-Type: application/json"};
  const auto fields = parse_form(text);
  if (!fields) return core::JsonError{.detail = "not a form: key=value&key=value, %-encoded UTF-8"};
  boost::json::object object;
  for (const auto& [key, value] : *fields) {
    if (object.contains(key)) return core::JsonError{.detail = "\"" + key + "\" is given twice"};
    const auto is_of = [&name = key](const auto& keys) {
      return std::find(keys.begin(), keys.end(), name) != keys.end();
    };
    if (value.empty() && is_of(shape.nullables)) {
      object[key] = nullptr;
      continue;
    }
    auto parsed = is_of(shape.texts) ? core::JsonError{} : core::parse_json(value);
    object[key] = parsed ? std::move(*parsed) : boost::json::value(value);
  }
  return object;
}

}  // namespace rruled::api
