// Any bytes as a JSON text: no crash, bounded depth, and what is taken reads back as the same.
#include "daemon/core/json_text.h"

#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

namespace json = boost::json;

constexpr int kDepthMax = 32;

void require(bool condition) {
  if (!condition) std::abort();
}

int depth_of(const json::value& value) {
  int deepest = 0;
  if (value.is_array())
    for (const auto& each : value.get_array()) deepest = std::max(deepest, depth_of(each));
  if (value.is_object())
    for (const auto& each : value.get_object()) deepest = std::max(deepest, depth_of(each.value()));
  return deepest + (value.is_structured() ? 1 : 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = rruled::core::parse_json(text);
  if (!value) return 0;
  require(depth_of(*value) <= kDepthMax);
  const auto again = rruled::core::parse_json(rruled::core::json_text(*value));
  require(again.has_value());
  require(*again == *value);
  return 0;
}
