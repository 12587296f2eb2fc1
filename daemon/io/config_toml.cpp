#include "daemon/io/config_source.h"

#include <toml++/toml.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace rruled::io {
namespace {

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "a boolean";
    default:
      return "a date or time";
  }
}

template <class T>
std::optional<std::vector<T>> list_of(const toml::array& array) {
  std::vector<T> list;
  for (const auto& each : array) {
    const auto value = each.value_exact<T>();
    if (!value) return std::nullopt;
    list.push_back(*value);
  }
  return list;
}

template <class T>
std::optional<SettingValue> widened(std::optional<T> value) {
  return value ? std::optional<SettingValue>(std::move(*value)) : std::nullopt;
}

std::optional<SettingValue> value_of(const toml::node& node, SettingType type) {
  const auto* array = node.as_array();
  switch (type) {
    case SettingType::text:
      return widened(node.value_exact<std::string>());
    case SettingType::integer:
      return widened(node.value_exact<std::int64_t>());
    case SettingType::boolean:
      return widened(node.value_exact<bool>());
    case SettingType::texts:
      return array ? widened(list_of<std::string>(*array)) : std::nullopt;
    case SettingType::integers:
      break;
  }
  return array ? widened(list_of<std::int64_t>(*array)) : std::nullopt;
}

std::string with_article(SettingType type) {
  return (type == SettingType::integer ? "an " : "a ") + std::string(type_word(type));
}

class TomlWalk {
 public:
  TomlWalk(std::string file, SourceResult& result) : file_(std::move(file)), result_(result) {}

  void root(const toml::table& table) {
    for (const auto& [name, node] : table) {
      const std::string_view key = name.str();
      const bool executors = key == "executors";
      const bool known =
          executors || std::any_of(settings().begin(), settings().end(),
                                   [key](const Setting& each) { return each.section == key; });
      if (!known)
        refuse(name, std::string(key), "unknown section; known are " + sections());
      else if (!node.is_table())
        refuse(name, std::string(key),
               "must be a table: [" + std::string(key) + (executors ? ".NAME]" : "]"));
      else if (executors)
        all_executors(*node.as_table());
      else
        section(*node.as_table(), key, {});
    }
  }

 private:
  void all_executors(const toml::table& table) {
    for (const auto& [name, node] : table) {
      const std::string key = "executors." + std::string(name.str());
      if (!is_executor_name(name.str()))
        refuse(name, key, "a name is made of a-z, 0-9, _ and -, at most 63 of them");
      else if (!node.is_table())
        refuse(name, key, "must be a table: [executors.NAME]");
      else
        executor(*node.as_table(), name);
    }
  }

  void executor(const toml::table& table, const toml::key& name) {
    result_.executors.emplace_back(name.str(), where(name));
    section(table, kExecutorSection, std::string(name.str()));
  }

  void section(const toml::table& table, std::string_view section, const std::string& executor) {
    for (const auto& [name, node] : table) {
      const auto* setting = find_setting(section, name.str());
      if (!setting) {
        const std::string prefix =
            executor.empty() ? std::string(section) : "executors." + executor;
        refuse(name, prefix + "." + std::string(name.str()),
               "unknown key; known are " + keys(section));
        continue;
      }
      auto value = value_of(node, setting->type);
      const std::string key = full_key(*setting, executor);
      if (value)
        result_.assignments.push_back({setting, executor, std::move(*value), where(name)});
      else
        refuse(name, key,
               "must be " + with_article(setting->type) + ", not " + std::string(type_name(node)));
    }
  }

  [[nodiscard]] static std::string sections() {
    std::string list = "[executors.NAME]";
    std::string_view last = kExecutorSection;
    for (const auto& each : settings()) {
      if (each.section != last && each.section != kExecutorSection)
        list += ", [" + std::string(each.section) + "]";
      last = each.section;
    }
    return list;
  }
  [[nodiscard]] static std::string keys(std::string_view section) {
    std::string list;
    for (const auto& each : settings())
      if (each.section == section) list.append(list.empty() ? "" : ", ").append(each.key);
    return list;
  }

  [[nodiscard]] std::string where(const toml::key& name) const {
    return file_ + ":" + std::to_string(name.source().begin.line);
  }
  void refuse(const toml::key& name, std::string key, std::string detail) {
    result_.errors.push_back({where(name), std::move(key), std::move(detail)});
  }

  std::string file_;
  SourceResult& result_;
};

std::string sentence(std::string_view description) {
  return "not TOML: " + std::string(description);
}

}  // namespace

std::string unreadable(const std::error_code& error) {
  return "cannot be read: " + error.message() +
         " (run it as a user that may read it, or name another file: --config, RRULED_CONFIG)";
}

SourceResult read_toml(const std::filesystem::path& file) {
  SourceResult result;
  const auto refuse = [&](std::string where, std::string detail) {
    result.errors.push_back({std::move(where), {}, std::move(detail)});
    return result;
  };
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (status.type() == std::filesystem::file_type::none)
    return refuse(file.string(), unreadable(error));
  if (!std::filesystem::exists(status)) return refuse(file.string(), "there is no such file");
  if (std::filesystem::is_directory(status))
    return refuse(file.string(), "is a folder, not a file");
  std::ifstream in(file, std::ios::binary);
  if (!in) return refuse(file.string(), unreadable({errno, std::generic_category()}));
  std::string text(kConfigBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kConfigBytesMax) return refuse(file.string(), "is larger than 1 MiB");
  try {
    TomlWalk(file.string(), result).root(toml::parse(text, file.string()));
  } catch (const toml::parse_error& mistake) {
    return refuse(file.string() + ":" + std::to_string(mistake.source().begin.line),
                  sentence(mistake.description()));
  }
  return result;
}

}  // namespace rruled::io
