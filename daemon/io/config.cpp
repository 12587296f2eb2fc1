#include "daemon/io/config.h"

#include "daemon/io/config_settings.h"
#include "daemon/io/config_source.h"
#include "daemon/io/secret.h"
#include "daemon/io/tls_files.h"
#include "daemon/io/zone_folder.h"

#include <boost/asio/ssl/context.hpp>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

namespace rruled::io {
namespace {

namespace ssl = boost::asio::ssl;
using Errors = std::vector<ConfigError>;

// NAME.d beside NAME.toml: its *.toml, by name. A folder that is not there has none.
std::vector<std::filesystem::path> drop_ins(const std::filesystem::path& file, Errors& errors) {
  auto folder = file;
  if (folder.extension() == ".toml") folder.replace_extension();
  folder += ".d";
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& each : std::filesystem::directory_iterator(folder, error))
    if (each.path().extension() == ".toml" && each.path().filename().string().front() != '.')
      files.push_back(each.path());
  if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory)
    errors.push_back({folder.string(), {}, unreadable(error)});
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::filesystem::path> files_to_read(const std::optional<std::filesystem::path>& given,
                                                 const Environment& environment,
                                                 Errors& errors) {
  std::filesystem::path file = environment.system_file;
  bool named = true;
  if (given)
    file = *given;
  else if (const auto* variable = environment.find("RRULED_CONFIG"))
    file = *variable;
  else
    named = false;
  std::vector<std::filesystem::path> files;
  std::error_code error;
  // One that may be there, where this user cannot look, does not count as absent.
  const bool there = std::filesystem::exists(file, error);
  if (named || there || error) files.push_back(file);
  if (error) return files;
  for (auto& each : drop_ins(file, errors)) files.push_back(std::move(each));
  return files;
}

std::filesystem::path default_store(const Environment& environment) {
  if (const auto* state = environment.find("STATE_DIRECTORY"))
    return std::filesystem::path(state->substr(0, state->find(':'))) / "rruled.db";
  if (environment.root) return "/var/lib/rruled/rruled.db";
  if (const auto* state = environment.find("XDG_STATE_HOME"))
    return std::filesystem::path(*state) / "rruled" / "rruled.db";
  if (const auto* home = environment.find("HOME"))
    return std::filesystem::path(*home) / ".local/state/rruled/rruled.db";
  return {};
}

class Assembly {
 public:
  void take(SourceResult source) {
    for (auto& error : source.errors) errors_.push_back(std::move(error));
    for (const auto& [name, where] : source.executors) {
      executors_[name].name = name;
      config_.origins.emplace("executors." + name, where);
    }
    for (const auto& each : source.assignments) assign(each);
  }

  [[nodiscard]] std::vector<std::string> executor_names() const {
    std::vector<std::string> names;
    for (const auto& [name, executor] : executors_) names.push_back(name);
    return names;
  }

  [[nodiscard]] boost::system::result<Config, Errors> finish(const Environment& environment) {
    finish_store(environment);
    finish_executors(environment);
    resolve_credential(config_.notify.key_file, "notify.key_file", environment);
    resolve_credential(config_.api.tls_certificate, "api.tls_certificate", environment);
    resolve_credential(config_.api.tls_key, "api.tls_key", environment);
    check_api();
    // Sockets that are inherited take their place.
    if (!environment.find("LISTEN_FDS")) check_listeners();
    if (!errors_.empty()) return std::move(errors_);
    return std::move(config_);
  }

  Config& config() { return config_; }
  Errors& errors() { return errors_; }

 private:
  void assign(const Assignment& each) {
    ExecutorConfig* executor = nullptr;
    if (!each.executor.empty()) executor = &executors_.at(each.executor);
    const std::string key = full_key(*each.setting, each.executor);
    const std::string wrong = each.setting->set(config_, executor, each.value);
    config_.origins[key] = each.where;
    if (!wrong.empty()) errors_.push_back({each.where, key, wrong});
  }

  void finish_store(const Environment& environment) {
    if (config_.origins.contains("store.url")) return;
    const auto file = default_store(environment);
    if (!file.is_absolute()) {
      errors_.push_back(
          {"environment", "store.url",
           "not set, and neither STATE_DIRECTORY nor HOME says where a store may be"});
      return;
    }
    config_.store.sqlite_file = file.lexically_normal();
    config_.store.url = "sqlite://" + config_.store.sqlite_file.string();
    config_.store.location.url = config_.store.url;
  }

  void finish_executors(const Environment& environment) {
    for (auto& [name, executor] : executors_) {
      const std::string key = "executors." + name;
      const std::string mistake = is_wrong(key + ".type") ? "" : executor_mistake(key, executor);
      if (!mistake.empty()) errors_.push_back({config_.origins[key], key, mistake});
      resolve_credential(executor.token_file, key + ".token_file", environment);
      resolve_credential(executor.ca_file, key + ".ca_file", environment);
      config_.executors.push_back(std::move(executor));
    }
    if (!config_.executors.empty()) return;
    config_.executors.emplace_back();
    config_.executors.back().name = "default";
  }

  [[nodiscard]] bool has(const std::string& executor, std::string_view key) const {
    return config_.origins.contains(executor + "." + std::string(key));
  }

  [[nodiscard]] bool is_wrong(const std::string& key) const {
    return std::ranges::any_of(errors_, [&](const ConfigError& each) { return each.key == key; });
  }

  [[nodiscard]] std::string executor_mistake(const std::string& key,
                                             const ExecutorConfig& executor) const {
    if (!has(key, "type")) return "type is missing: http, command or log";
    const std::string type(store::word(executor.type));
    const std::string of_type = " is for another type than " + type;
    for (const auto* only : {"base_url", "url", "token_file", "ca_file"})
      if (executor.type != ExecutorType::http && has(key, only)) return only + of_type;
    for (const auto* only : {"argv", "retry_on_failure"})
      if (executor.type != ExecutorType::command && has(key, only)) return only + of_type;
    for (const auto* only : {"breaker_failures", "breaker_open_min", "breaker_open_max"})
      if (executor.type != ExecutorType::http && has(key, only)) return only + of_type;
    for (const auto* only : {"track_for", "track_poll_min", "track_poll_max"})
      if (!has(key, "base_url") && has(key, only))
        return std::string(only) + " is for base_url alone";
    if (executor.track_poll_min > executor.track_poll_max)
      return "track_poll_min must not be longer than track_poll_max";
    if (executor.breaker_open_min > executor.breaker_open_max)
      return "breaker_open_min must not be longer than breaker_open_max";
    if (executor.type == ExecutorType::http && has(key, "base_url") == has(key, "url"))
      return "type http needs exactly one of base_url and url";
    if (executor.type == ExecutorType::command && !has(key, "argv"))
      return "type command needs argv";
    return {};
  }

  // Outside the unit there is no folder: it stays as it is then, for check_named_files() to refuse.
  void resolve_credential(std::filesystem::path& file,
                          const std::string& key,
                          const Environment& environment) {
    const std::string text = file.string();
    if (!text.starts_with(kCredentialScheme)) return;
    const std::string name = text.substr(kCredentialScheme.size());
    const auto* folder = environment.find("CREDENTIALS_DIRECTORY");
    if (name.empty() || name.find('/') != std::string::npos || name.starts_with('.'))
      errors_.push_back({config_.origins[key], key, "must be credential:NAME"});
    else if (folder)
      file = std::filesystem::path(*folder) / name;
  }

  void check_api() {
    const std::string& listen = config_.api.listen;
    const bool local = listen.empty() || listen.starts_with("127.") ||
                       listen.starts_with("[::1]:") || listen.starts_with("unix:");
    if (config_.api.auth == ApiAuth::none && !local)
      errors_.push_back(
          {config_.origins["api.auth"], "api.auth",
           "none is only for a loopback address or a socket; api.listen is " + listen});
    const auto need = [&](const std::filesystem::path& one, const std::string& key,
                          const std::filesystem::path& other, const std::string& missing) {
      if (!one.empty() && other.empty())
        errors_.push_back({config_.origins[key], key, "needs " + missing + " beside it"});
    };
    need(config_.api.tls_certificate, "api.tls_certificate", config_.api.tls_key, "api.tls_key");
    need(config_.api.tls_key, "api.tls_key", config_.api.tls_certificate, "api.tls_certificate");
  }

  // A port 0 is another one each time.
  void check_listeners() {
    const std::string& listen = config_.health.listen;
    if (listen.empty() || listen != config_.api.listen) return;
    if (!listen.starts_with("unix:") && std::stoi(listen.substr(listen.rfind(':') + 1)) == 0)
      return;
    errors_.push_back({config_.origins["health.listen"], "health.listen",
                       "is api.listen, too: give each an address of its own; without health.listen"
                       " the API answers what it does"});
  }

  Config config_;
  std::map<std::string, ExecutorConfig> executors_;
  Errors errors_;
};

}  // namespace

std::string to_string(const ConfigError& error) {
  std::string text = error.where + ": ";
  if (!error.key.empty()) text += error.key + ": ";
  return text + error.detail;
}

std::string full_key(const Setting& setting, std::string_view executor) {
  std::string key = executor.empty() ? std::string(setting.section) : "executors.";
  key.append(executor).append(".").append(setting.key);
  return key;
}

boost::system::result<Config, Errors> load_config(const std::optional<std::filesystem::path>& file,
                                                  const Environment& environment) {
  Assembly assembly;
  for (const auto& each : files_to_read(file, environment, assembly.errors())) {
    assembly.config().sources.push_back(each.string());
    assembly.take(read_toml(each));
  }
  assembly.take(read_environment(environment, assembly.executor_names()));
  return assembly.finish(environment);
}

std::vector<ConfigError> check_named_files(const Config& config) {
  Errors errors;
  const auto refuse = [&](const std::string& key, std::string detail) {
    const auto origin = config.origins.find(key);
    errors.push_back(
        {origin == config.origins.end() ? "default" : origin->second, key, std::move(detail)});
  };
  // Whether there is a file to look at.
  const auto named = [&](const std::string& key, const std::filesystem::path& file) {
    const bool unresolved = file.string().starts_with(kCredentialScheme);
    if (unresolved)
      refuse(key,
             "names a credential, but systemd gave none: set CREDENTIALS_DIRECTORY to its folder");
    return !file.empty() && !unresolved;
  };
  const auto readable = [&](const std::string& key, const std::filesystem::path& file) {
    if (!named(key, file)) return false;
    const bool is_readable = access(file.c_str(), R_OK) == 0;
    if (!is_readable) refuse(key, "there is no readable file " + file.string());
    return is_readable;
  };
  for (const auto& each : config.executors) {
    const std::string key = "executors." + each.name;
    if (named(key + ".token_file", each.token_file))
      if (const auto token = Secret::read_file(each.token_file, "token_file"); !token)
        refuse(key + ".token_file", token.error().detail);
    if (readable(key + ".ca_file", each.ca_file)) {
      ssl::context context(ssl::context::tls_client);
      if (auto wrong = trust_file(context, each.ca_file); !wrong.empty())
        refuse(key + ".ca_file", std::move(wrong));
    }
  }
  if (named("notify.key_file", config.notify.key_file))
    if (const auto secret = Secret::read_file(config.notify.key_file, "notify.key_file"); !secret)
      refuse("notify.key_file", secret.error().detail);
  const bool certificate = readable("api.tls_certificate", config.api.tls_certificate);
  if (readable("api.tls_key", config.api.tls_key) && certificate) {
    ssl::context context(ssl::context::tls_server);
    if (auto wrong = use_identity(context, config.api.tls_certificate, config.api.tls_key);
        !wrong.empty())
      refuse("api.tls_certificate", std::move(wrong));
  }
  if (!config.tzdata.directory.empty())
    if (auto why = why_no_zones(rrule::ZoneDatabase(config.tzdata.directory)); !why.empty())
      refuse("tzdata.directory", why +
                                     "; name one that has them, as /usr/share/zoneinfo,"
                                     " or leave it out");
  if (!config.store.apply.empty() && access(config.store.apply.c_str(), R_OK) != 0)
    refuse("store.apply", "there is no readable file or folder " + config.store.apply.string());
  return errors;
}

}  // namespace rruled::io
