#include "daemon/io/config_change.h"

#include <array>

namespace rruled::io {
namespace {

struct RestartKey {
  std::string_view key;
  bool (*differs)(const Config& a, const Config& b);
};

constexpr std::array kKeys{
    RestartKey{"store.url",
               [](auto& a, auto& b) { return a.store.location.url != b.store.location.url; }},
    RestartKey{"store.listen_url",
               [](auto& a, auto& b) {
                 return a.store.location.listen_url != b.store.location.listen_url;
               }},
    RestartKey{"store.schema",
               [](auto& a, auto& b) { return a.store.location.schema != b.store.location.schema; }},
    RestartKey{"store.pooler",
               [](auto& a, auto& b) { return a.store.location.pooler != b.store.location.pooler; }},
    RestartKey{
        "store.claim_ttl",
        [](auto& a, auto& b) { return a.store.location.claim_ttl != b.store.location.claim_ttl; }},
    RestartKey{"store.apply", [](auto& a, auto& b) { return a.store.apply != b.store.apply; }},
    RestartKey{"api.listen", [](auto& a, auto& b) { return a.api.listen != b.api.listen; }},
    RestartKey{"api.auth", [](auto& a, auto& b) { return a.api.auth != b.api.auth; }},
    RestartKey{"log.format", [](auto& a, auto& b) { return a.log.format != b.log.format; }},
    RestartKey{"log.journal_socket",
               [](auto& a, auto& b) { return a.log.journal_socket != b.log.journal_socket; }},
    RestartKey{"health.listen",
               [](auto& a, auto& b) { return a.health.listen != b.health.listen; }},
    RestartKey{"notify.url", [](auto& a, auto& b) { return a.notify.url != b.notify.url; }},
    RestartKey{"notify.key_file",
               [](auto& a, auto& b) { return a.notify.key_file != b.notify.key_file; }},
    RestartKey{"notify.events",
               [](auto& a, auto& b) { return a.notify.events != b.notify.events; }},
    RestartKey{"notify.ping_url",
               [](auto& a, auto& b) { return a.notify.ping_url != b.notify.ping_url; }},
    RestartKey{"notify.heartbeat_url",
               [](auto& a, auto& b) { return a.notify.heartbeat_url != b.notify.heartbeat_url; }},
    RestartKey{
        "notify.heartbeat_every",
        [](auto& a, auto& b) { return a.notify.heartbeat_every != b.notify.heartbeat_every; }},
    RestartKey{"tzdata.directory",
               [](auto& a, auto& b) { return a.tzdata.directory != b.tzdata.directory; }},
};

constexpr auto kNames = [] {
  std::array<std::string_view, kKeys.size()> names;
  for (std::size_t i = 0; i < kKeys.size(); ++i) names[i] = kKeys[i].key;
  return names;
}();

}  // namespace

std::span<const std::string_view> restart_keys() { return kNames; }

std::vector<std::string> keys_for_restart(const Config& before, const Config& after) {
  std::vector<std::string> keys;
  for (const auto& each : kKeys)
    if (each.differs(before, after)) keys.emplace_back(each.key);
  // TLS is begun, or left off, with the listener; another certificate is taken at once.
  if (before.api.tls_certificate.empty() != after.api.tls_certificate.empty())
    keys.emplace_back("api.tls_certificate");
  return keys;
}

}  // namespace rruled::io
