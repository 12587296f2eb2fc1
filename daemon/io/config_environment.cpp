#include "daemon/core/json_text.h"
#include "daemon/io/config_source.h"

#include <boost/json/value.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>

namespace rruled::io {
namespace {

namespace json = boost::json;

constexpr std::string_view kVariablePrefix = "RRULED_";
constexpr std::string_view kExecutors = "RRULED_EXECUTORS_";

// Variables that are ours but no settings: the first names the file, the others are what a command
// executor tells the program it runs, which may be rruled itself.
constexpr std::array<std::string_view, 12> kNotSettings{
    "RRULED_CONFIG",          "RRULED_RUN_ID",     "RRULED_KIND",        "RRULED_ORIGIN",
    "RRULED_ATTEMPT",         "RRULED_PROJECT_ID", "RRULED_FLOW_ID",     "RRULED_FLOW_NAME",
    "RRULED_IDEMPOTENCY_KEY", "RRULED_DUE_AT",     "RRULED_SCHEDULE_ID", "RRULED_SCHEDULED_FOR"};

template <class T, class Read>
std::optional<SettingValue> list_of(std::string_view text, Read read) {
  const auto parsed = core::parse_json(text);
  const auto* array = parsed ? parsed->if_array() : nullptr;
  if (!array) return std::nullopt;
  std::vector<T> list;
  for (const auto& each : *array) {
    const auto* item = read(each);
    if (!item) return std::nullopt;
    list.emplace_back(*item);
  }
  return list;
}

std::optional<SettingValue> value_of(const std::string& text, SettingType type) {
  switch (type) {
    case SettingType::text:
      return text;
    case SettingType::integer: {
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
      return number;
    }
    case SettingType::boolean:
      if (text != "true" && text != "false") return std::nullopt;
      return text == "true";
    case SettingType::texts:
      return list_of<std::string>(text, [](const json::value& each) { return each.if_string(); });
    case SettingType::integers:
      break;
  }
  return list_of<std::int64_t>(text, [](const json::value& each) { return each.if_int64(); });
}

std::string_view form_of(SettingType type) {
  switch (type) {
    case SettingType::integer:
      return "must be an integer";
    case SettingType::boolean:
      return "must be true or false";
    case SettingType::texts:
      return R"(must be a list such as ["program", "argument"])";
    default:
      return "must be a list such as [1, 2]";
  }
}

// The only line of `file`, or nothing.
std::optional<std::string> first_line(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  if (line.ends_with('\r')) line.pop_back();
  if (line.empty()) return std::nullopt;
  return line;
}

struct Target {
  const Setting* setting = nullptr;
  std::string executor;
  bool from_file = false;
};

class EnvironmentWalk {
 public:
  EnvironmentWalk(const std::vector<std::string>& executors, SourceResult& result)
      : executors_(executors), result_(result) {}

  void variable(const std::string& name, const std::string& text) {
    const auto target = name.starts_with(kExecutors) ? executor_target(name) : target_of(name);
    if (!target) return;
    std::string given = text;
    if (target->from_file) {
      auto line = first_line(text);
      if (!line) {
        refuse(name, *target, "names a file that cannot be read or is empty");
        return;
      }
      given = std::move(*line);
    }
    if (auto value = value_of(given, target->setting->type))
      result_.assignments.push_back({target->setting, target->executor, std::move(*value), name});
    else
      refuse(name, *target, std::string(form_of(target->setting->type)));
  }

 private:
  std::optional<Target> target_of(const std::string& name) {
    for (const auto& each : settings()) {
      if (each.section == kExecutorSection) continue;
      const std::string known = environment_name(each);
      if (name == known) return Target{&each, {}, false};
      if (each.also_from_file && name == known + "_FILE") return Target{&each, {}, true};
    }
    unknown(name);
    return std::nullopt;
  }

  // RRULED_EXECUTORS_<NAME>_<KEY>; the longest key that fits, as BASE_URL ends in URL.
  std::optional<Target> executor_target(const std::string& name) {
    const std::string_view rest = std::string_view(name).substr(kExecutors.size());
    const Setting* setting = nullptr;
    for (const auto& each : settings()) {
      if (each.section != kExecutorSection) continue;
      const std::string suffix = "_" + environment_part(each.key);
      if (rest.size() > suffix.size() && rest.ends_with(suffix) &&
          (!setting || each.key.size() > setting->key.size()))
        setting = &each;
    }
    if (!setting) {
      unknown(name);
      return std::nullopt;
    }
    const std::string part(rest.substr(0, rest.size() - setting->key.size() - 1));
    auto executor = executor_of(name, part);
    if (!executor) return std::nullopt;
    return Target{setting, std::move(*executor), false};
  }

  // The executor of the files that `part` means, or a new one.
  std::optional<std::string> executor_of(const std::string& variable, const std::string& part) {
    std::vector<std::string> meant;
    for (const auto& each : executors_)
      if (environment_part(each) == part) meant.push_back(each);
    if (meant.size() == 1) return meant.front();
    if (meant.size() > 1) {
      result_.errors.push_back(
          {variable, "executors", "could mean " + meant[0] + " or " + meant[1] + ": rename one"});
      return std::nullopt;
    }
    std::string fresh = part;
    for (char& c : fresh)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (is_executor_name(fresh)) {
      result_.executors.emplace_back(fresh, variable);
      return fresh;
    }
    unknown(variable);
    return std::nullopt;
  }

  void unknown(const std::string& name) {
    result_.errors.push_back({name,
                              {},
                              "no setting has this variable; `rruled check-config --explain` lists"
                              " them all"});
  }
  void refuse(const std::string& name, const Target& target, std::string detail) {
    result_.errors.push_back({name, full_key(*target.setting, target.executor), std::move(detail)});
  }

  const std::vector<std::string>& executors_;
  SourceResult& result_;
};

}  // namespace

Environment Environment::of_process() {
  Environment environment;
  environment.root = geteuid() == 0;
  for (char** each = ::environ; each && *each; ++each) {
    const std::string_view text(*each);
    const auto equals = text.find('=');
    if (equals != std::string_view::npos)
      environment.variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

const std::string* Environment::find(const std::string& name) const {
  const auto found = variables.find(name);
  return found == variables.end() || found->second.empty() ? nullptr : &found->second;
}

SourceResult read_environment(const Environment& environment,
                              const std::vector<std::string>& executors) {
  SourceResult result;
  EnvironmentWalk walk(executors, result);
  for (const auto& [name, text] : environment.variables) {
    const bool ours = name.starts_with(kVariablePrefix) && !text.empty();
    if (ours && std::find(kNotSettings.begin(), kNotSettings.end(), name) == kNotSettings.end())
      walk.variable(name, text);
  }
  return result;
}

std::string environment_part(std::string_view name) {
  std::string upper(name);
  for (char& c : upper)
    c = c == '-' || c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return upper;
}

std::string environment_name(const Setting& setting) {
  return "RRULED_" + environment_part(setting.section) + "_" + environment_part(setting.key);
}

}  // namespace rruled::io
