#include "daemon/io/config_change.h"

#include "daemon/io/config_settings.h"

#include <catch2/catch.hpp>

#include <set>

namespace rruled::test {

using io::Config;

TEST_CASE("each key either changes while the daemon runs, or is told when it differs") {
  const std::set<std::string_view> restart(io::restart_keys().begin(), io::restart_keys().end());
  const std::set<std::string> live{
      "retention.runs",    "retention.logs",   "retention.audit",      "api.tls_certificate",
      "api.tls_key",       "log.level",        "limits.min_interval",  "limits.max_audience",
      "run.max_in_flight", "run.stop_timeout", "metrics.per_schedule", "tracing.otlp_url"};
  for (const auto& each : io::settings()) {
    if (each.section == io::kExecutorSection) continue;  // all of them live
    const std::string key = std::string(each.section) + "." + std::string(each.key);
    CAPTURE(key);
    CHECK(live.contains(key) != restart.contains(key));
  }
}

TEST_CASE("the keys that need a restart are named when they differ") {
  Config before;
  CHECK(io::keys_for_restart(before, before).empty());
  Config after;
  after.log.level = io::LogVerbosity::trace;
  after.retention.runs = std::chrono::hours(1);
  CHECK(io::keys_for_restart(before, after).empty());
  after.store.location.url = "sqlite:///elsewhere";
  after.store.apply = "/etc/more";
  after.api.listen = "127.0.0.1:1";
  after.health.listen = "127.0.0.1:2";
  after.log.format = io::LogFormat::json;
  after.tzdata.directory = "/srv/zones";
  after.api.tls_certificate = "/etc/cert.pem";
  CHECK(io::keys_for_restart(before, after) ==
        std::vector<std::string>{"store.url", "store.apply", "api.listen", "log.format",
                                 "health.listen", "tzdata.directory", "api.tls_certificate"});
  before.api.tls_certificate = "/etc/other.pem";
  CHECK(io::keys_for_restart(before, after).back() == "tzdata.directory");
}

}  // namespace rruled::test
