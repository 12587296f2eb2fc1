#pragma once

#include "daemon/io/config.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// Every key of the configuration, once: reading it, the names in the environment and the tables for
// people all come from here.
namespace rruled::io {

enum class SettingType { text, integer, boolean, texts, integers };

using SettingValue = std::
    variant<std::string, std::int64_t, bool, std::vector<std::string>, std::vector<std::int64_t>>;

struct Setting {
  std::string_view section;  // "store"; "executors.NAME" stands for each executor
  std::string_view key;
  SettingType type = SettingType::text;
  std::string_view form;        // what a value looks like, with its unit
  std::string_view fallback;    // the default, as a person would write it; "" when there is none
  std::string_view meaning;     // one sentence
  bool also_from_file = false;  // RRULED_.._FILE names a file that holds the value
  // Empty when taken; otherwise what is wrong, without the value if that may hold a secret.
  std::string (*set)(Config& config, ExecutorConfig* executor, const SettingValue& value);
};

[[nodiscard]] std::span<const Setting> settings();
[[nodiscard]] const Setting* find_setting(std::string_view section, std::string_view key);

inline constexpr std::string_view kExecutorSection = "executors.NAME";
// "credential:NAME" stands for the file NAME in $CREDENTIALS_DIRECTORY.
inline constexpr std::string_view kCredentialScheme = "credential:";
// [a-z0-9_-], 1 to 63 characters, the first not a sign.
[[nodiscard]] bool is_executor_name(std::string_view name);

// "store.url" -> "RRULED_STORE_URL"; of an executor with NAME for its name.
[[nodiscard]] std::string environment_name(const Setting& setting);
// "web-hook" -> "WEB_HOOK"
[[nodiscard]] std::string environment_part(std::string_view name);

[[nodiscard]] std::string_view type_word(SettingType type);

}  // namespace rruled::io
