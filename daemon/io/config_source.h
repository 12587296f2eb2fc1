#pragma once

#include "daemon/io/config.h"
#include "daemon/io/config_settings.h"

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace rruled::io {

// One key with its value, as one source gives it.
struct Assignment {
  const Setting* setting = nullptr;
  std::string executor;  // of [executors.NAME]; else empty
  SettingValue value;
  std::string where;
};

struct SourceResult {
  // [executors.NAME]: the name, and where it begins.
  std::vector<std::pair<std::string, std::string>> executors;
  std::vector<Assignment> assignments;
  std::vector<ConfigError> errors;
};

// A configuration file is at most this long.
inline constexpr std::uintmax_t kConfigBytesMax = 1'048'576;

[[nodiscard]] SourceResult read_toml(const std::filesystem::path& file);

// "cannot be read: ..", and what to do about it.
[[nodiscard]] std::string unreadable(const std::error_code& error);

// `executors`: the names that the files have, which a variable may mean.
[[nodiscard]] SourceResult read_environment(const Environment& environment,
                                            const std::vector<std::string>& executors);

// "store.url", "executors.web.url".
[[nodiscard]] std::string full_key(const Setting& setting, std::string_view executor);

}  // namespace rruled::io
