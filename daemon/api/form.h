#pragma once

#include "daemon/core/json_text.h"

#include <boost/json/object.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// application/x-www-form-urlencoded: query strings and the bodies that curl -d makes. Pure.
namespace rruled::api {

// nullopt: a broken %-sequence, bytes that are not UTF-8, or NUL.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space);

// "a=1&b=x%20y+z": pairs in order, decoded.
using FormFields = std::vector<std::pair<std::string, std::string>>;

// nullopt: a broken %-sequence, bytes that are not UTF-8, or NUL.
[[nodiscard]] std::optional<FormFields> parse_form(std::string_view text);

// The fields of a body that a form writes in a way of its own.
struct FormShape {
  std::span<const std::string_view> texts{};      // always strings, whatever they look like
  std::span<const std::string_view> nullables{};  // null when they are empty
};

// A form as the object that a JSON body would be: a value of any other key is read as JSON where it
// is JSON. A key given twice is an error, and so is a text that is JSON itself.
[[nodiscard]] boost::system::result<boost::json::object, core::JsonError> form_object(
    std::string_view text, const FormShape& shape);

}  // namespace rruled::api
