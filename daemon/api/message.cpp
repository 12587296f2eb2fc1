#include "daemon/api/message.h"

#include <algorithm>

namespace rruled::api {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

bool equal_but_for_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string_view> list_elements(std::string_view value) {
  std::vector<std::string_view> elements;
  while (!value.empty()) {
    const auto comma = value.find(',');
    const auto element = trimmed(value.substr(0, comma));
    if (!element.empty()) elements.push_back(element);
    value.remove_prefix(comma == std::string_view::npos ? value.size() : comma + 1);
  }
  return elements;
}

const std::string* find_header(const Headers& headers, std::string_view name) {
  const auto found = std::find_if(headers.begin(), headers.end(), [&](const Header& each) {
    return equal_but_for_case(each.name, name);
  });
  return found == headers.end() ? nullptr : &found->value;
}

}  // namespace rruled::api
