#include "daemon/io/config.h"

#include "config_fixture.h"
#include "daemon/io/config_settings.h"

#include <set>

using namespace rruled::io;
using namespace std::chrono_literals;
using rruled::test::ConfigSetup;

TEST_CASE("without any configuration there is a store of one's own and a log executor") {
  ConfigSetup setup;
  Config config = setup.good();
  CHECK(config.store.sqlite_file == "/home/somebody/.local/state/rruled/rruled.db");
  CHECK(config.store.url == "sqlite:///home/somebody/.local/state/rruled/rruled.db");
  REQUIRE(config.executors.size() == 1);
  CHECK(config.executors[0].name == "default");
  CHECK(config.executors[0].type == ExecutorType::log);
  CHECK(config.sources.empty());

  setup.environment.variables["XDG_STATE_HOME"] = "/state";
  CHECK(setup.good().store.sqlite_file == "/state/rruled/rruled.db");
  setup.environment.root = true;
  CHECK(setup.good().store.sqlite_file == "/var/lib/rruled/rruled.db");
  setup.environment.variables["STATE_DIRECTORY"] = "/var/lib/private/rruled";
  CHECK(setup.good().store.sqlite_file == "/var/lib/private/rruled/rruled.db");

  setup.environment.variables.clear();
  setup.environment.root = false;
  CHECK_THAT(setup.bad(), Catch::Contains("store.url"));
}

TEST_CASE("every key can be set in a file") {
  ConfigSetup setup;
  const auto file = setup.write("rruled.toml", R"(
[store]
url = "sqlite:///srv/rruled/r.db"
listen_url = "postgresql://db/jobs"
schema = "jobs"
pooler = false
claim_ttl = "45s"
apply = "/etc/rruled/schedules.d"
[retention]
runs = "2160h"
logs = "P7D"
audit = "3600h"
[executors.default]
type = "http"
base_url = "https://hogs.example/prefix"
token_file = "/run/token"
ca_file = "/etc/ca.pem"
timeout = "10s"
max_in_flight = 5
projects = [1, 2]
track_for = "2h"
track_poll_min = "1s"
track_poll_max = "30s"
[executors.hook]
type = "http"
url = "https://hooks.example/{flow_id}?run={run_id}"
breaker_failures = 0
breaker_open_min = "2s"
breaker_open_max = "10m"
[executors.job]
type = "command"
argv = ["/usr/bin/job", "--all"]
retry_on_failure = true
[api]
listen = "[::1]:9000"
auth = "none"
tls_certificate = "/etc/api.pem"
tls_key = "/etc/api.key"
[log]
level = "debug"
format = "json"
journal_socket = "/run/journal"
[health]
listen = "unix:/run/rruled/health.sock"
[metrics]
per_schedule = 0
[tracing]
otlp_url = "http://otel:4318/v1/traces"
[limits]
min_interval = "1h"
max_audience = 7000
[notify]
url = "https://chat.example/hook?run={{ run.id }}"
key_file = "/run/key"
events = ["run_dead", "run_late"]
ping_url = "https://hc.example/{schedule_id}"
heartbeat_url = "https://hc.example/daemon"
heartbeat_every = "30s"
[tzdata]
directory = "/srv/zoneinfo"
[run]
max_in_flight = 7
stop_timeout = "PT10S"
)");
  const Config config = setup.good(file);
  CHECK(config.store.sqlite_file == "/srv/rruled/r.db");
  CHECK(config.store.apply == "/etc/rruled/schedules.d");
  CHECK(config.retention.runs == std::chrono::hours(24 * 90));
  CHECK(config.retention.logs == std::chrono::hours(24 * 7));
  CHECK(config.retention.audit == std::chrono::hours(3600));
  REQUIRE(config.executors.size() == 3);
  const auto& http = config.executors[0];
  CHECK(http.type == ExecutorType::http);
  CHECK(http.base_url == "https://hogs.example/prefix");
  CHECK(http.token_file == "/run/token");
  CHECK(http.ca_file == "/etc/ca.pem");
  CHECK(http.timeout == 10s);
  CHECK(http.max_in_flight == 5);
  CHECK(http.projects == std::vector<std::int64_t>{1, 2});
  CHECK(http.track_for == 2h);
  CHECK(http.track_poll_min == 1s);
  CHECK(http.track_poll_max == 30s);
  CHECK(http.tracks());
  CHECK(http.breaker_failures == 5);
  CHECK(config.executors[1].url == "https://hooks.example/{flow_id}?run={run_id}");
  CHECK_FALSE(config.executors[1].tracks());
  CHECK(config.executors[1].breaker_failures == 0);
  CHECK(config.executors[1].breaker_open_min == 2s);
  CHECK(config.executors[1].breaker_open_max == 10min);
  CHECK(config.executors[2].argv == std::vector<std::string>{"/usr/bin/job", "--all"});
  CHECK(config.executors[2].retry_on_failure);
  CHECK(config.api.listen == "[::1]:9000");
  CHECK(config.api.auth == ApiAuth::none);
  CHECK(config.api.tls_certificate == "/etc/api.pem");
  CHECK(config.api.tls_key == "/etc/api.key");
  CHECK(config.log.level == LogVerbosity::debug);
  CHECK(config.log.format == LogFormat::json);
  CHECK(config.log.journal_socket == "/run/journal");
  CHECK(config.health.listen == "unix:/run/rruled/health.sock");
  CHECK(config.metrics.per_schedule == 0);
  CHECK(config.tracing.otlp_url == "http://otel:4318/v1/traces");
  CHECK(config.limits.min_interval == 1h);
  CHECK(config.limits.max_audience == 7'000);
  CHECK(config.notify.url == "https://chat.example/hook?run={{ run.id }}");
  CHECK(config.notify.key_file == "/run/key");
  CHECK(config.notify.events == std::vector<std::string>{"run_dead", "run_late"});
  CHECK(config.notify.ping_url == "https://hc.example/{schedule_id}");
  CHECK(config.notify.heartbeat_url == "https://hc.example/daemon");
  CHECK(config.notify.heartbeat_every == 30s);
  CHECK(config.tzdata.directory == "/srv/zoneinfo");
  CHECK(config.run.max_in_flight == 7);
  CHECK(config.run.stop_timeout == 10s);
  CHECK(config.sources == std::vector<std::string>{file.string()});
  CHECK(config.origins.at("log.level") == file.string() + ":40");

  // Each key of the table stands in the file above.
  std::set<std::string> keys;
  for (const auto& [key, where] : config.origins) keys.insert(key.substr(key.rfind('.') + 1));
  for (const auto& setting : settings()) CHECK(keys.contains(std::string(setting.key)));
  CHECK(settings().size() == 46);
}

TEST_CASE("every key has a variable") {
  ConfigSetup setup;
  auto& variables = setup.environment.variables;
  setup.write("url", "sqlite:///from/file.db\n");
  variables["RRULED_STORE_URL_FILE"] = setup.path("url").string();
  variables["RRULED_STORE_APPLY"] = "/apply";
  variables["RRULED_API_LISTEN"] = "127.0.0.1:0";
  variables["RRULED_API_AUTH"] = "none";
  variables["RRULED_LOG_FORMAT"] = "json";
  variables["RRULED_LIMITS_MIN_INTERVAL"] = "90s";
  variables["RRULED_TZDATA_DIRECTORY"] = "/zones";
  variables["RRULED_RUN_MAX_IN_FLIGHT"] = "3";
  variables["RRULED_RUN_STOP_TIMEOUT"] = "1m";
  variables["RRULED_EXECUTORS_WEB_HOOK_TYPE"] = "http";
  variables["RRULED_EXECUTORS_WEB_HOOK_BASE_URL"] = "http://a.example";
  variables["RRULED_EXECUTORS_WEB_HOOK_TOKEN_FILE"] = "/token";
  variables["RRULED_EXECUTORS_WEB_HOOK_PROJECTS"] = "[4, 5]";
  variables["RRULED_EXECUTORS_JOB_TYPE"] = "command";
  variables["RRULED_EXECUTORS_JOB_ARGV"] = R"(["/bin/job", "a b"])";
  variables["RRULED_EXECUTORS_JOB_RETRY_ON_FAILURE"] = "true";
  // What a command executor tells its commands is no setting.
  variables["RRULED_RUN_ID"] = "x";
  variables["RRULED_SCHEDULED_FOR"] = "x";
  const Config config = setup.good();
  CHECK(config.store.sqlite_file == "/from/file.db");
  CHECK(config.store.apply == "/apply");
  CHECK(config.api.listen == "127.0.0.1:0");
  CHECK(config.limits.min_interval == 90s);
  CHECK(config.tzdata.directory == "/zones");
  CHECK(config.run.max_in_flight == 3);
  CHECK(config.run.stop_timeout == 1min);
  REQUIRE(config.executors.size() == 2);
  CHECK(config.executors[0].name == "job");
  CHECK(config.executors[0].argv == std::vector<std::string>{"/bin/job", "a b"});
  CHECK(config.executors[0].retry_on_failure);
  CHECK(config.executors[1].name == "web_hook");
  CHECK(config.executors[1].base_url == "http://a.example");
  CHECK(config.executors[1].token_file == "/token");
  CHECK(config.executors[1].projects == std::vector<std::int64_t>{4, 5});
}

TEST_CASE("a variable reaches the executor of the file that it names") {
  ConfigSetup setup;
  const auto file =
      setup.write("rruled.toml", "[executors.web-hook]\ntype = \"http\"\nurl = \"http://a/\"\n");
  setup.environment.variables["RRULED_EXECUTORS_WEB_HOOK_URL"] = "http://b/";
  const Config config = setup.good(file);
  REQUIRE(config.executors.size() == 1);
  CHECK(config.executors[0].name == "web-hook");
  CHECK(config.executors[0].url == "http://b/");

  const auto two = setup.write("two.toml",
                               "[executors.web-hook]\ntype = \"log\"\n[executors.web_hook]\n"
                               "type = \"log\"\n");
  CHECK_THAT(setup.bad(two), Catch::StartsWith("RRULED_EXECUTORS_WEB_HOOK_URL: "));
}

TEST_CASE("certificates and keys may be credentials of systemd, too") {
  ConfigSetup setup;
  const auto file = setup.write(
      "rruled.toml",
      "[api]\nlisten = \"127.0.0.1:1\"\ntls_certificate = \"credential:cert\"\n"
      "tls_key = \"credential:key\"\n[executors.a]\ntype = \"http\"\nurl = \"http://a/\"\n"
      "ca_file = \"credential:ca\"\n");
  setup.environment.variables["CREDENTIALS_DIRECTORY"] = "/run/credentials/rruled";
  const Config config = setup.good(file);
  CHECK(config.api.tls_certificate == "/run/credentials/rruled/cert");
  CHECK(config.api.tls_key == "/run/credentials/rruled/key");
  CHECK(config.executors[0].ca_file == "/run/credentials/rruled/ca");
}

TEST_CASE("a later store.url takes the place of an earlier one, whatever its kind") {
  ConfigSetup setup;
  const auto file = setup.write("rruled.toml", "[store]\nurl = \"sqlite:///srv/r.db\"\n");
  setup.environment.variables["RRULED_STORE_URL"] = "postgresql://me:pw@db/jobs";
  const Config config = setup.good(file);
  CHECK(config.store.url == "postgresql://db/jobs");
  CHECK(config.store.sqlite_file.empty());
}

TEST_CASE("log.format = console is what text was called") {
  ConfigSetup setup;
  const auto file = setup.write("rruled.toml", "[log]\nformat = \"console\"\n");
  CHECK(setup.good(file).log.format == LogFormat::text);
}

TEST_CASE("a token may be a credential of systemd") {
  ConfigSetup setup;
  const auto file = setup.write("rruled.toml",
                                "[executors.default]\ntype = \"http\"\nurl = "
                                "\"http://a/\"\ntoken_file = \"credential:api\"\n");
  setup.environment.variables["CREDENTIALS_DIRECTORY"] = "/run/credentials/rruled";
  CHECK(setup.good(file).executors[0].token_file == "/run/credentials/rruled/api");
  const auto climbing = setup.write("climbing.toml",
                                    "[executors.default]\ntype = \"http\"\nurl = "
                                    "\"http://a/\"\ntoken_file = \"credential:../x\"\n");
  CHECK_THAT(setup.bad(climbing), Catch::Contains("must be credential:NAME"));
}

TEST_CASE("without credentials of systemd the daemon is refused, not every command") {
  ConfigSetup setup;
  const auto file = setup.write(
      "rruled.toml",
      "[api]\nlisten = \"127.0.0.1:1\"\ntls_certificate = \"credential:cert\"\n"
      "tls_key = \"credential:key\"\n[executors.a]\ntype = \"http\"\nurl = \"http://a/\"\n"
      "token_file = \"credential:token\"\nca_file = \"credential:ca\"\n"
      "[notify]\nkey_file = \"credential:hook\"\n");
  const auto errors = check_named_files(setup.good(file));
  std::set<std::string> told;
  for (const auto& each : errors) told.insert(to_string(each));
  const std::string place = file.string();
  const std::string none =
      ": names a credential, but systemd gave none: set CREDENTIALS_DIRECTORY to its folder";
  CHECK(told == std::set<std::string>{place + ":3: api.tls_certificate" + none,
                                      place + ":4: api.tls_key" + none,
                                      place + ":8: executors.a.token_file" + none,
                                      place + ":9: executors.a.ca_file" + none,
                                      place + ":11: notify.key_file" + none});
}

TEST_CASE("all mistakes are told at once, a file's with its line, a variable by name") {
  ConfigSetup setup;
  const auto file = setup.write("rruled.toml", "[log]\nlevel = 5\ncolour = \"red\"\n\n[nolog]\n");
  setup.environment.variables["RRULED_LOG_FORMAT"] = "xml";
  setup.environment.variables["RRULED_TYPO"] = "1";
  const auto loaded = load_config(file, setup.environment);
  REQUIRE_FALSE(loaded.has_value());
  std::string all;
  for (const auto& each : loaded.error()) all += to_string(each) + "\n";
  CHECK(loaded.error().size() == 5);
  CHECK_THAT(all, Catch::Contains("rruled.toml:2: log.level: must be a string, not an integer\n"));
  CHECK_THAT(
      all,
      Catch::Contains(
          "rruled.toml:3: log.colour: unknown key; known are level, format, journal_socket\n"));
  CHECK_THAT(all, Catch::Contains("rruled.toml:5: nolog: unknown section"));
  CHECK_THAT(
      all, Catch::Contains("RRULED_LOG_FORMAT: log.format: must be one of text, json, journald\n"));
  CHECK_THAT(all, Catch::Contains("RRULED_TYPO: no setting has this variable"));
}

TEST_CASE("a PostgreSQL store is shown without its password") {
  ConfigSetup setup;
  const auto file = setup.write("rruled.toml", R"(
[store]
url = "postgresql://rruled:pa55@db1,db2:5433/prod?password=pa55&sslmode=require"
listen_url = "postgresql://rruled@db1/prod"
schema = "jobs"
pooler = true
claim_ttl = "1m"
)");
  const Config config = setup.good(file);
  CHECK(config.store.url == "postgresql://db1,db2:5433/prod");
  CHECK(config.store.sqlite_file.empty());
  CHECK(config.store.location.url ==
        "postgresql://rruled:pa55@db1,db2:5433/prod?password=pa55&sslmode=require");
  CHECK(config.store.location.listen_url == "postgresql://rruled@db1/prod");
  CHECK(config.store.location.schema == "jobs");
  CHECK(config.store.location.pooler);
  CHECK(config.store.location.claim_ttl == std::chrono::minutes(1));
}

TEST_CASE("another daemon cut the claims of one whose claim_ttl is longer than an hour") {
  ConfigSetup setup;
  const auto whole = setup.write("hour.toml", "[store]\nclaim_ttl = \"1h\"\n");
  CHECK(setup.good(whole).store.location.claim_ttl == std::chrono::hours(1));
  const auto longer = setup.write("longer.toml", "[store]\nclaim_ttl = \"3600001ms\"\n");
  CHECK_THAT(setup.bad(longer), Catch::Contains("store.claim_ttl: must be between 1s and 1h"));
}

TEST_CASE("a part of a database password was taken for a host and shown") {
  const auto [url, why] = GENERATE(table<std::string, std::string>({
      {"postgresql://me:Ab3/xyzSecret=@127.0.0.1:1/db", "an @ in or after the host"},
      {"postgresql://me:123/xyzSecret@127.0.0.1:1/db", "an @ in or after the host"},
      {"postgres://:top@Secret@host/", "an @ in or after the host"},
      {"postgresql://me:p@Secret/w@host/db", "an @ in or after the host"},
      {"postgresql://me:Secret/db", "a port is not 1 to 65535"},
      {"postgresql://me:Secret@db1:0,db2/db", "a port is not 1 to 65535"},
      {"postgresql://me:Secret@db1,db2:65536/db", "a port is not 1 to 65535"},
      {"postgresql://me:Secret%zz@host/db", "invalid percent-encoded token;"},
      {"postgresql://me:Secret@host/db?passwrd=Secret", "invalid URI query parameter;"},
      {"postgresql://me:Ab/x?ySecret@host/db", "missing key/value separator \"=\" in URI query"},
      {"postgresql://me:Secret@[::1/db", "matching \"]\" in IPv6 host address in URI;"},
  }));
  CAPTURE(url);
  for (const char* variable : {"RRULED_STORE_URL", "RRULED_STORE_LISTEN_URL"}) {
    ConfigSetup setup;
    setup.environment.variables[variable] = url;
    const auto error = setup.bad();
    CHECK_THAT(error, Catch::Contains(why));
    CHECK_THAT(error, Catch::Contains("as %2F %3F %23 %40 %25"));
    CHECK_THAT(error, !Catch::Contains("Secret"));
  }
}

TEST_CASE("a file of a variable that was written on Windows gave a value with a line end") {
  ConfigSetup setup;
  setup.environment.variables["RRULED_STORE_URL_FILE"] =
      setup.write("url", "postgresql://me:pw@db/jobs\r\n").string();
  CHECK(setup.good().store.location.url == "postgresql://me:pw@db/jobs");
  setup.write("url", "\r\n");
  CHECK_THAT(setup.bad(), Catch::Contains("cannot be read or is empty"));
}

TEST_CASE("an executor of no type had a second error, of a type that nobody had chosen") {
  ConfigSetup setup;
  const auto loaded = load_config(
      setup.write("rruled.toml", "[executors.a]\ntype = \"shell\"\nargv = [\"/bin/true\"]\n"),
      setup.environment);
  REQUIRE(loaded.has_error());
  REQUIRE(loaded.error().size() == 1);
  CHECK_THAT(to_string(loaded.error().front()),
             Catch::Contains("executors.a.type: must be one of http, command, log"));
}

TEST_CASE("a database password with %XX, and what libpq reads as it is, are taken") {
  const auto [url, shown] = GENERATE(table<std::string, std::string>({
      {"postgresql://me:Ab3%2Fx%40y@db1:5432,db2/jobs", "postgresql://db1:5432,db2:5432/jobs"},
      {"postgresql://me:a?b#c@db1/jobs?user=x@y", "postgresql://db1/jobs"},
      {"postgresql://%2Frun%2Fpostgresql/jobs", "postgresql:///run/postgresql/jobs"},
      {"postgres:///jobs?host=db3&port=5433", "postgresql://db3:5433/jobs"},
      {"postgresql://", "postgresql:///"},
  }));
  ConfigSetup setup;
  setup.environment.variables["RRULED_STORE_URL"] = url;
  CHECK(setup.good().store.url == shown);
}

TEST_CASE("files that are named are looked at apart, and secrets are not shown") {
  ConfigSetup setup;
  const auto token = setup.write("token", "two\nlines\n");
  const auto file = setup.write("rruled.toml",
                                "[executors.default]\ntype = \"http\"\n"
                                "url = \"http://a/\"\ntoken_file = \"" +
                                    token.string() +
                                    "\"\nca_file = \"/nowhere/ca.pem\"\n"
                                    "[tzdata]\ndirectory = \"/nowhere\"\n"
                                    "[store]\napply = \"/nowhere/apply\"\n");
  const auto errors = check_named_files(setup.good(file));
  std::string all;
  for (const auto& each : errors) all += to_string(each) + "\n";
  CHECK(errors.size() == 4);
  CHECK_THAT(all, Catch::Contains("rruled.toml:4: executors.default.token_file: "));
  CHECK_THAT(all, Catch::Contains("rruled.toml:5: executors.default.ca_file: "));
  CHECK_THAT(all, Catch::Contains("rruled.toml:7: tzdata.directory: "));
  CHECK_THAT(all, Catch::Contains("rruled.toml:9: store.apply: "));
  CHECK_THAT(all, !Catch::Contains("lines"));
}
