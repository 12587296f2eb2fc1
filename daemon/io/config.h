#pragma once

#include "store/open.h"
#include "store/words.h"

#include <boost/system/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

// The configuration, as plain values. What may be set, with types, defaults and meaning, is the
// table in config_settings.h; `rruled check-config --explain` prints it.
namespace rruled::io {

enum class ExecutorType { http, command, log };
enum class ApiAuth { token, none };
enum class LogVerbosity { trace, debug, info, warn, error };
enum class LogFormat { text, json, journald };

// [executors.NAME]: one place that runs go to.
struct ExecutorConfig {
  std::string name;
  ExecutorType type = ExecutorType::log;
  std::string base_url;                              // http: another hog_flows API; or
  std::string url;                                   // http: a URL template. Exactly one of the two
  std::filesystem::path token_file;                  // http: bearer token; empty: none is sent
  std::filesystem::path ca_file;                     // http: PEM; empty: the system's
  std::vector<std::string> argv;                     // command: program and arguments, no shell
  std::optional<std::chrono::milliseconds> timeout;  // of an attempt; absent: the type's
  bool retry_on_failure = false;                     // command: a non-zero exit is tried again
  std::size_t max_in_flight = 32;
  std::vector<std::int64_t> projects;  // may use it; empty: every project
  // base_url: how long the batch jobs that it accepts are followed (0: not at all), and how often
  // they are asked about.
  std::chrono::milliseconds track_for{std::chrono::hours(24)};
  std::chrono::milliseconds track_poll_min{2'000};
  std::chrono::milliseconds track_poll_max{60'000};
  // http: after so many attempts in a row that nobody answered (0: never) nothing is sent for a
  // while.
  std::size_t breaker_failures = 5;
  std::chrono::milliseconds breaker_open_min{5'000};
  std::chrono::milliseconds breaker_open_max{60'000};

  // Whether its batch jobs go on elsewhere.
  [[nodiscard]] bool tracks() const {
    return !base_url.empty() && track_for > std::chrono::milliseconds(0);
  }
};

struct Config {
  struct Store {
    std::string url;  // for people: "sqlite:///abs/path", "postgresql://host/database"; no password
    std::filesystem::path sqlite_file;  // the path in it, absolute; empty for PostgreSQL
    store::StoreLocation location;      // what to open; its url may hold a password
    std::filesystem::path apply;        // files that are written to the store at start; empty: none
  };
  struct Api {
    std::string listen;  // ADDRESS:PORT or unix:PATH; empty: no API
    ApiAuth auth = ApiAuth::token;
    std::filesystem::path tls_certificate;  // PEM, with its chain; both or none
    std::filesystem::path tls_key;          // PEM
  };
  struct Log {
    LogVerbosity level = LogVerbosity::info;
    LogFormat format = LogFormat::text;
    std::filesystem::path journal_socket = "/run/systemd/journal/socket";  // journald
  };
  struct Health {
    std::string listen;  // ADDRESS:PORT or unix:PATH; empty: only beside the API
  };
  struct Metrics {
    std::size_t per_schedule = 0;  // schedules that have series of their own
  };
  struct Tracing {
    std::string otlp_url;  // where spans are posted to; empty: nowhere
  };
  struct Limits {
    std::chrono::seconds min_interval{1};  // between two occurrences of a schedule
    std::size_t max_audience = 500'000;    // persons of one batch job
  };
  struct Tzdata {
    std::filesystem::path directory;  // empty: $TZDIR, or the system's
  };
  struct Retention {  // how long what has ended is kept
    std::chrono::milliseconds runs{std::chrono::days(30)};
    std::chrono::milliseconds logs{std::chrono::days(14)};
    std::chrono::milliseconds audit{std::chrono::days(400)};
  };
  struct Run {
    std::size_t max_in_flight = 256;                 // deliveries at one time, of all executors
    std::chrono::milliseconds stop_timeout{25'000};  // how long a drain may take
  };

  struct Notify {
    std::string url;                  // webhook; empty: none
    std::filesystem::path key_file;   // of its signature; empty: not signed
    std::vector<std::string> events;  // words of core::Event; empty: all
    std::string ping_url;             // UrlTemplate; after each run of a schedule
    std::string heartbeat_url;        // while the daemon is well
    std::chrono::milliseconds heartbeat_every{60'000};

    friend bool operator==(const Notify&, const Notify&) = default;
  };

  Store store;
  Notify notify;
  Retention retention;
  std::vector<ExecutorConfig> executors;  // by name; has a `default` when none was configured
  Api api;
  Log log;
  Health health;
  Metrics metrics;
  Tracing tracing;
  Limits limits;
  Tzdata tzdata;
  Run run;
  std::vector<std::string> sources;            // the files read, in order; for people
  std::map<std::string, std::string> origins;  // key -> where it was set
};

// One thing that is wrong. `where` is "file:line", or the environment variable.
struct ConfigError {
  std::string where;
  std::string key;     // "executors.default.base_url"; empty when the file cannot be read at all
  std::string detail;  // what is wrong and what would be right; never a secret
};
[[nodiscard]] std::string to_string(const ConfigError& error);

// The process's surroundings, as far as the configuration depends on them.
struct Environment {
  std::map<std::string, std::string> variables;
  bool root = false;  // effective user id 0
  std::filesystem::path system_file = "/etc/rruled/rruled.toml";

  [[nodiscard]] static Environment of_process();
  // Null when absent or empty.
  [[nodiscard]] const std::string* find(const std::string& name) const;
};

// Reads `file`, else the one that $RRULED_CONFIG names, else environment.system_file if there is
// one; then the drop-ins beside it (NAME.d/*.toml for NAME.toml, by name), then RRULED_ variables;
// what comes later wins. One that may not be looked at is a mistake, and not as if it were absent.
// Opens nothing but these and the secrets that they name. Every mistake found.
[[nodiscard]] boost::system::result<Config, std::vector<ConfigError>> load_config(
    const std::optional<std::filesystem::path>& file, const Environment& environment);

// What the configuration names and the daemon will need: tokens, certificates, zoneinfo, files to
// apply. Apart from load_config, so that who may not read a token, or has no credentials of
// systemd, can still use the command line.
[[nodiscard]] std::vector<ConfigError> check_named_files(const Config& config);

}  // namespace rruled::io

template <>
inline constexpr std::array<std::string_view, 3> rruled::store::kWords<rruled::io::ExecutorType>{
    "http", "command", "log"};
template <>
inline constexpr std::array<std::string_view, 2> rruled::store::kWords<rruled::io::ApiAuth>{"token",
                                                                                            "none"};
template <>
inline constexpr std::array<std::string_view, 5> rruled::store::kWords<rruled::io::LogVerbosity>{
    "trace", "debug", "info", "warn", "error"};
template <>
inline constexpr std::array<std::string_view, 3> rruled::store::kWords<rruled::io::LogFormat>{
    "text", "json", "journald"};
