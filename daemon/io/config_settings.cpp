#include "daemon/io/config_settings.h"

#include "daemon/core/duration.h"
#include "daemon/core/event.h"
#include "daemon/io/url_template.h"
#include "store/postgres_url.h"
#include "store/run_desk.h"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace rruled::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kInFlightMax = 100'000;
constexpr milliseconds kRetentionMin = std::chrono::hours(1);
constexpr milliseconds kDurationMax = std::chrono::hours(24 * 3'650);

const std::string& text_of(const SettingValue& value) { return std::get<std::string>(value); }

template <class Enum>
std::string set_word(Enum& target, const SettingValue& value) {
  const auto word = store::parse_word<Enum>(text_of(value));
  if (!word) return "must be one of " + store::all_words<Enum>();
  target = *word;
  return {};
}

std::string set_path(std::filesystem::path& target, const SettingValue& value) {
  const std::filesystem::path path(text_of(value));
  if (!path.is_absolute()) return "must be an absolute path";
  target = path.lexically_normal();
  return {};
}

// Of a secret or what goes with one: systemd may hold it (config.cpp finds where).
std::string set_credential(std::filesystem::path& target, const SettingValue& value) {
  if (!text_of(value).starts_with(kCredentialScheme)) return set_path(target, value);
  target = text_of(value);
  return {};
}

std::string set_events(std::vector<std::string>& target, const SettingValue& value) {
  const auto& events = std::get<std::vector<std::string>>(value);
  if (events.empty()) return "must hold some event; leave it out for all events";
  for (const auto& event : events)
    if (!store::parse_word<core::Event>(event))
      return "must hold some of " + store::all_words<core::Event>();
  target = events;
  return {};
}

// "console" is what "text" was called first.
std::string set_log_format(LogFormat& target, const SettingValue& value) {
  if (text_of(value) != "console") return set_word(target, value);
  target = LogFormat::text;
  return {};
}

template <class Duration>
std::string set_duration(Duration& target,
                         const SettingValue& value,
                         milliseconds min,
                         milliseconds max = kDurationMax) {
  const auto parsed = core::parse_duration(text_of(value));
  if (!parsed) return parsed.error().detail;
  const auto exact = std::chrono::duration_cast<Duration>(*parsed);
  if (exact != *parsed) return "must be whole seconds";
  if (*parsed < min || *parsed > max)
    return "must be between " + core::duration_text(min) + " and " + core::duration_text(max);
  target = exact;
  return {};
}

std::string set_size(std::size_t& target,
                     const SettingValue& value,
                     std::int64_t max = kInFlightMax,
                     std::int64_t min = 1) {
  const auto number = std::get<std::int64_t>(value);
  if (number < min || number > max)
    return "must be between " + std::to_string(min) + " and " + std::to_string(max);
  target = static_cast<std::size_t>(number);
  return {};
}

std::string set_count(std::size_t& target, const SettingValue& value, std::int64_t max) {
  const auto number = std::get<std::int64_t>(value);
  if (number < 0 || number > max) return "must be between 0 and " + std::to_string(max);
  target = static_cast<std::size_t>(number);
  return {};
}

bool is_postgres(const std::string& url) {
  return url.starts_with("postgresql://") || url.starts_with("postgres://");
}

std::string set_store_url(Config& config, const SettingValue& value) {
  constexpr std::string_view scheme = "sqlite://";
  const std::string& url = text_of(value);
  config.store.location.url = url;
  if (is_postgres(url)) {
    if (auto wrong = store::postgres_url_mistake(url); !wrong.empty()) return wrong;
    config.store.url = store::parse_postgres_url(url, false).shown;
    config.store.sqlite_file.clear();  // of an earlier source
    return {};
  }
  if (!url.starts_with(scheme)) return "must begin with sqlite:// or postgresql://";
  const std::filesystem::path file(url.substr(scheme.size()));
  if (!file.is_absolute() || !file.has_filename())
    return "must name a file by its absolute path: sqlite:///var/lib/rruled/rruled.db";
  if (url.find_first_of("?#") != std::string::npos) return "takes no parameters after the path";
  config.store.url = url;
  config.store.sqlite_file = file.lexically_normal();
  return {};
}

std::string set_listen_url(Config& config, const SettingValue& value) {
  if (!is_postgres(text_of(value))) return "must begin with postgresql://";
  if (auto wrong = store::postgres_url_mistake(text_of(value)); !wrong.empty()) return wrong;
  config.store.location.listen_url = text_of(value);
  return {};
}

// A name that needs no quotes in SQL.
std::string set_schema(Config& config, const SettingValue& value) {
  const std::string& name = text_of(value);
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  const bool good = !name.empty() && name.size() <= 63 && plain(name.front()) &&
                    std::all_of(name.begin(), name.end(),
                                [&](char c) { return plain(c) || (c >= '0' && c <= '9'); });
  if (!good) return "must be lower-case letters, digits and _, beginning with a letter";
  config.store.location.schema = name;
  return {};
}

std::string set_listen(std::string& target, const SettingValue& value) {
  constexpr std::string_view form =
      "must be ADDRESS:PORT, as in 127.0.0.1:8480 or [::1]:8480, or unix:/absolute/path";
  constexpr std::size_t kSocketPathMax = 107;  // sun_path
  const std::string& text = text_of(value);
  if (text.starts_with("unix:")) {
    const std::string path = text.substr(5);
    if (!path.starts_with('/') || path.size() > kSocketPathMax)
      return "must name a socket by an absolute path of at most 107 bytes";
    target = text;
    return {};
  }
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return std::string(form);
  std::string host = text.substr(0, colon);
  const std::string_view port = std::string_view(text).substr(colon + 1);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  if (error || address.is_v6() != bracketed) return std::string(form);
  unsigned number = 0;
  const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (port.empty() || failed != std::errc() || end != port.data() + port.size() || number > 65'535)
    return "has a port that is not 0 to 65535";
  target = text;
  return {};
}

std::string set_url(std::string& target, const SettingValue& value, bool placeholders) {
  const std::string& text = text_of(value);
  if (!placeholders && text.find_first_of("{}?#") != std::string::npos)
    return "must be a plain prefix, without ?, # or {placeholders}";
  const auto parsed = UrlTemplate::parse(text, "url");
  if (!parsed) return parsed.error().detail;
  target = text;
  return {};
}

std::string set_argv(std::vector<std::string>& target, const SettingValue& value) {
  const auto& argv = std::get<std::vector<std::string>>(value);
  if (argv.empty() || argv.front().empty()) return "must name a program: [\"/usr/bin/true\"]";
  target = argv;
  return {};
}

std::string set_projects(std::vector<std::int64_t>& target, const SettingValue& value) {
  const auto& projects = std::get<std::vector<std::int64_t>>(value);
  if (projects.empty()) return "must hold some project; leave it out for every project";
  if (std::any_of(projects.begin(), projects.end(), [](auto id) { return id < 1; }))
    return "must hold project ids of 1 or more";
  target = projects;
  return {};
}

using V = const SettingValue&;
using C = Config&;
using E = ExecutorConfig*;

constexpr std::array kSettings{
    Setting{"store", "url", SettingType::text, "sqlite:///absolute/path, postgresql://..",
            "$STATE_DIRECTORY/rruled.db, else ~/.local/state/rruled/rruled.db",
            "Where flows, schedules and runs are kept.", true,
            [](C c, E, V v) { return set_store_url(c, v); }},
    Setting{"store", "listen_url", SettingType::text, "postgresql://..", "store.url",
            "PostgreSQL behind a pooler: a direct connection, for being told of changes.", true,
            [](C c, E, V v) { return set_listen_url(c, v); }},
    Setting{"store", "schema", SettingType::text, "name", "rruled",
            "PostgreSQL: the schema that holds the tables.", false,
            [](C c, E, V v) { return set_schema(c, v); }},
    Setting{"store", "pooler", SettingType::boolean, "true, false", "false",
            "PostgreSQL: url leads to a pooler in transaction mode (PgBouncer).", false,
            [](C c, E, V v) {
              c.store.location.pooler = std::get<bool>(v);
              return std::string();
            }},
    Setting{"store", "claim_ttl", SettingType::text, "duration, 1s to 1h", "45s",
            "PostgreSQL: how long a daemon that is not heard of keeps its runs.", false,
            [](C c, E, V v) {
              // Others cut what is longer to their own (RunDesk::correct_waits).
              auto& ttl = c.store.location.claim_ttl;
              return set_duration(ttl, v, seconds(1), store::kClaimAheadMax);
            }},
    Setting{"store", "apply", SettingType::text, "absolute path of a file or folder", "",
            "JSON files whose flows and schedules are written when the daemon starts; others stay.",
            false, [](C c, E, V v) { return set_path(c.store.apply, v); }},
    Setting{"retention", "runs", SettingType::text, "duration", "30d",
            "How long ended runs, their attempts, and gaps are kept.", false,
            [](C c, E, V v) { return set_duration(c.retention.runs, v, kRetentionMin); }},
    Setting{"retention", "logs", SettingType::text, "duration", "14d",
            "How long log lines are kept.", false,
            [](C c, E, V v) { return set_duration(c.retention.logs, v, kRetentionMin); }},
    Setting{"retention", "audit", SettingType::text, "duration", "400d",
            "How long lines of the audit log are kept.", false,
            [](C c, E, V v) { return set_duration(c.retention.audit, v, kRetentionMin); }},
    Setting{kExecutorSection, "type", SettingType::text, "http, command, log", "",
            "How runs are delivered; must be set. Without any executor, default is of type log.",
            false, [](C, E e, V v) { return set_word(e->type, v); }},
    Setting{kExecutorSection, "base_url", SettingType::text, "http(s) URL", "",
            "http: another hog_flows API that runs are posted to.", false,
            [](C, E e, V v) { return set_url(e->base_url, v, false); }},
    Setting{kExecutorSection, "url", SettingType::text,
            "http(s) URL with {project_id}, {flow_id}, {schedule_id}, {run_id}", "",
            "http: where runs are posted to; instead of base_url.", false,
            [](C, E e, V v) { return set_url(e->url, v, true); }},
    Setting{kExecutorSection, "token_file", SettingType::text,
            "absolute path, or credential:NAME of systemd", "",
            "http: file that holds the bearer token.", false,
            [](C, E e, V v) { return set_credential(e->token_file, v); }},
    Setting{kExecutorSection, "ca_file", SettingType::text, "absolute path, credential:NAME",
            "the system's", "http: certificates (PEM) that the other side's may be signed by.",
            false, [](C, E e, V v) { return set_credential(e->ca_file, v); }},
    Setting{kExecutorSection, "argv", SettingType::texts, "[\"program\", \"argument\"]", "",
            "command: what is run, without a shell.", false,
            [](C, E e, V v) { return set_argv(e->argv, v); }},
    Setting{kExecutorSection, "timeout", SettingType::text, "duration", "30s (http), 1h (command)",
            "How long an attempt may take, unless the schedule says otherwise.", false,
            [](C, E e, V v) {
              milliseconds timeout{0};
              auto wrong = set_duration(timeout, v, milliseconds(1));
              if (wrong.empty()) e->timeout = timeout;
              return wrong;
            }},
    Setting{kExecutorSection, "retry_on_failure", SettingType::boolean, "true, false", "false",
            "command: a non-zero exit is tried again.", false,
            [](C, E e, V v) {
              e->retry_on_failure = std::get<bool>(v);
              return std::string();
            }},
    Setting{kExecutorSection, "max_in_flight", SettingType::integer, "1 to 100000", "32",
            "Deliveries of this executor at one time.", false,
            [](C, E e, V v) { return set_size(e->max_in_flight, v); }},
    Setting{kExecutorSection, "projects", SettingType::integers, "[1, 2]", "every project",
            "Projects whose schedules may use it.", false,
            [](C, E e, V v) { return set_projects(e->projects, v); }},
    Setting{
        kExecutorSection, "track_for", SettingType::text, "duration", "24h",
        "base_url: how long a batch job there is followed to its end; 0s: it ends with the 2xx.",
        false, [](C, E e, V v) { return set_duration(e->track_for, v, milliseconds(0)); }},
    Setting{kExecutorSection, "track_poll_min", SettingType::text, "duration", "2s",
            "base_url: when a batch job is asked about first; then after twice as long each.",
            false,
            [](C, E e, V v) { return set_duration(e->track_poll_min, v, milliseconds(100)); }},
    Setting{kExecutorSection, "track_poll_max", SettingType::text, "duration", "1m",
            "base_url: the longest time between two questions.", false,
            [](C, E e, V v) { return set_duration(e->track_poll_max, v, milliseconds(100)); }},
    Setting{kExecutorSection, "breaker_failures", SettingType::integer, "0 to 1000", "5",
            "http: attempts in a row that nobody answered, after which nothing is sent; 0: never.",
            false, [](C, E e, V v) { return set_count(e->breaker_failures, v, 1'000); }},
    Setting{kExecutorSection, "breaker_open_min", SettingType::text, "duration", "5s",
            "http: for how long nothing is sent then; doubled after each probe that fails.", false,
            [](C, E e, V v) { return set_duration(e->breaker_open_min, v, milliseconds(100)); }},
    Setting{kExecutorSection, "breaker_open_max", SettingType::text, "duration", "1m",
            "http: the longest time between two probes.", false,
            [](C, E e, V v) { return set_duration(e->breaker_open_max, v, milliseconds(100)); }},
    Setting{"api", "listen", SettingType::text, "ADDRESS:PORT, unix:PATH", "",
            "Where the HTTP API listens, as in 127.0.0.1:8480; without it there is none.", false,
            [](C c, E, V v) { return set_listen(c.api.listen, v); }},
    Setting{"api", "auth", SettingType::text, "token, none", "token",
            "Whether the API wants a token; none only on a loopback address or a socket.", false,
            [](C c, E, V v) { return set_word(c.api.auth, v); }},
    Setting{"api", "tls_certificate", SettingType::text, "absolute path, credential:NAME", "",
            "PEM certificate with its chain: the API speaks TLS. Read again at SIGHUP.", false,
            [](C c, E, V v) { return set_credential(c.api.tls_certificate, v); }},
    Setting{"api", "tls_key", SettingType::text, "absolute path, credential:NAME", "",
            "PEM key of that certificate.", false,
            [](C c, E, V v) { return set_credential(c.api.tls_key, v); }},
    Setting{"log", "level", SettingType::text, "trace, debug, info, warn, error", "info",
            "The least that is logged.", false,
            [](C c, E, V v) { return set_word(c.log.level, v); }},
    Setting{"log", "format", SettingType::text, "text, json, journald", "text",
            "Log lines for people or for programs on standard output, or fields for the journal.",
            false, [](C c, E, V v) { return set_log_format(c.log.format, v); }},
    Setting{"log", "journal_socket", SettingType::text, "absolute path",
            "/run/systemd/journal/socket", "journald: where the journal takes entries.", false,
            [](C c, E, V v) { return set_path(c.log.journal_socket, v); }},
    Setting{"health", "listen", SettingType::text, "ADDRESS:PORT, unix:PATH", "",
            "Where /livez, /readyz and /metrics alone are answered,"
            " without token or TLS; then the API answers no /metrics.",
            false, [](C c, E, V v) { return set_listen(c.health.listen, v); }},
    Setting{"metrics", "per_schedule", SettingType::integer, "0 to 10000", "0",
            "So many schedules have series of their own in /metrics.", false,
            [](C c, E, V v) { return set_size(c.metrics.per_schedule, v, 10'000, 0); }},
    Setting{"tracing", "otlp_url", SettingType::text, "http(s) URL", "",
            "Where spans are posted to as OTLP JSON, as in http://127.0.0.1:4318/v1/traces.", false,
            [](C c, E, V v) { return set_url(c.tracing.otlp_url, v, false); }},
    Setting{"limits", "min_interval", SettingType::text, "duration, whole seconds", "1s",
            "The smallest distance between two occurrences of a schedule.", false,
            [](C c, E, V v) { return set_duration(c.limits.min_interval, v, seconds(1)); }},
    Setting{"limits", "max_audience", SettingType::integer, "1 to 10000000", "500000",
            "Persons that one batch job reaches at most; of more, the first.", false,
            [](C c, E, V v) { return set_size(c.limits.max_audience, v, 10'000'000); }},
    Setting{"notify", "url", SettingType::text, "http(s) URL with {{ templates }}", "",
            "Webhook: where events are posted to as JSON.", true,
            [](C c, E, V v) { return set_url(c.notify.url, v, true); }},
    Setting{"notify", "key_file", SettingType::text, "absolute path, or credential:NAME of systemd",
            "", "File that holds the key of the webhook's signature (HMAC-SHA256).", false,
            [](C c, E, V v) { return set_credential(c.notify.key_file, v); }},
    Setting{"notify", "events", SettingType::texts, "[\"run_dead\", \"run_late\"]", "all",
            "Which events.", false, [](C c, E, V v) { return set_events(c.notify.events, v); }},
    Setting{"notify", "ping_url", SettingType::text,
            "http(s) URL with {schedule_id}, {{ templates }}", "",
            "Dead-man's switch: posted to after each run of a schedule; /fail when it failed.",
            true, [](C c, E, V v) { return set_url(c.notify.ping_url, v, true); }},
    Setting{"notify", "heartbeat_url", SettingType::text, "http(s) URL", "",
            "Dead-man's switch of the daemon: posted to while it turns and its store answers.",
            true, [](C c, E, V v) { return set_url(c.notify.heartbeat_url, v, true); }},
    Setting{"notify", "heartbeat_every", SettingType::text, "duration", "60s",
            "Between two of these.", false,
            [](C c, E, V v) { return set_duration(c.notify.heartbeat_every, v, seconds(1)); }},
    Setting{"tzdata", "directory", SettingType::text, "absolute path",
            "$TZDIR, else /usr/share/zoneinfo", "Where time zones are read from.", false,
            [](C c, E, V v) { return set_path(c.tzdata.directory, v); }},
    Setting{"run", "max_in_flight", SettingType::integer, "1 to 100000", "256",
            "Deliveries at one time, of all executors together.", false,
            [](C c, E, V v) { return set_size(c.run.max_in_flight, v); }},
    Setting{"run", "stop_timeout", SettingType::text, "duration", "25s",
            "How long the daemon waits for deliveries when it is told to stop.", false,
            [](C c, E, V v) { return set_duration(c.run.stop_timeout, v, milliseconds(0)); }},
};

}  // namespace

std::span<const Setting> settings() { return kSettings; }

const Setting* find_setting(std::string_view section, std::string_view key) {
  const auto* found = std::find_if(kSettings.begin(), kSettings.end(), [&](const Setting& setting) {
    return setting.section == section && setting.key == key;
  });
  return found == kSettings.end() ? nullptr : found;
}

bool is_executor_name(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= 63 && plain(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return plain(c) || c == '_' || c == '-'; });
}

std::string_view type_word(SettingType type) {
  switch (type) {
    case SettingType::text:
      return "string";
    case SettingType::integer:
      return "integer";
    case SettingType::boolean:
      return "boolean";
    case SettingType::texts:
      return "list of strings";
    case SettingType::integers:
      break;
  }
  return "list of integers";
}

}  // namespace rruled::io
